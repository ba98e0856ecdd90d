"""Every command: what it asks of the server, and what it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.trial.unittest import SynchronousTestCase

from iquila.command import (
    accesslist,
    bridges,
    cascades,
    certificates,
    cluster,
    groups,
    listeners,
    logs,
    options,
    policies,
    proofs,
    protocols,
    routers,
    securenat,
    server,
    sessions,
    switches,
    tokens,
    trust,
    users,
)
from iquila.command.arguments import UsageError, find_command
from iquila.command.definition import Command
from iquila.command.helptext import details, examples, page
from iquila.command.main import COMMANDS
from iquila.command.policies import DEFAULTS, KINDS
from iquila.command.script import split
from iquila.wire.policy import WIRE_NAMES

from .answers import ANSWERS
from .case import Case
from .cases import CASES
from .fake import Server, run
from .records import CERTIFICATE_DER, KEY_DER, USER

# Those whose commands have their cases here.
MODULES: tuple[Any, ...] = (
    server,
    certificates,
    listeners,
    tokens,
    cluster,
    switches,
    options,
    users,
    proofs,
    groups,
    policies,
    sessions,
    accesslist,
    trust,
    logs,
    securenat,
    cascades,
    bridges,
    routers,
    protocols,
)
# They need another answer, or a place that a line has not: each has a test of its own below.
ELSEWHERE = {"Hub", "UserCertGet"}


def matches(expected: Any, actual: Any) -> bool:
    """Return whether everything that is expected is there; dictionaries may have more."""
    if isinstance(expected, dict):
        return all(name in actual and matches(v, actual[name]) for name, v in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(map(matches, expected, actual))
    return bool(expected == actual)


class CaseTests(SynchronousTestCase):
    """The table of cases."""

    def setUp(self) -> None:
        """Files that commands read."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        certificate = x509.load_der_x509_certificate(CERTIFICATE_DER)
        self.files = {name: folder / name for name in ("cert", "der", "key", "text", "out")}
        self.files["cert"].write_bytes(certificate.public_bytes(Encoding.PEM))
        self.files["der"].write_bytes(CERTIFICATE_DER)
        self.files["key"].write_bytes(KEY_DER)
        self.files["text"].write_bytes(b"text\n")

    def test_every_command_has_a_case(self) -> None:
        """None of our modules has a command that no case runs."""
        there = {case.line.split()[0] for case in CASES} | ELSEWHERE
        lacking = [c.name for m in MODULES for c in m.COMMANDS if c.name not in there]
        self.assertEqual(lacking, [])

    def test_cases(self) -> None:
        """Operations, parameters, rows and files."""
        for case in CASES:
            with self.subTest(case.line):
                self._check(case)

    def _perform(self, case: Case, option: str = "") -> tuple[Server, str]:
        line = case.line.format(**self.files)
        command = find_command(COMMANDS, line.split()[0])
        switch = "--switch lab " if command.on_switch else ""
        fake = Server(**ANSWERS)
        status, out, err = run(fake, f"{option}{switch}{line}")
        self.assertEqual((status, err), (0, ""), line)
        return fake, out

    def _check(self, case: Case) -> None:
        self.files["out"].unlink(missing_ok=True)
        fake, out = self._perform(case)
        self.assertEqual([m for m, _ in fake.calls], [m for m, _ in case.calls], case.line)
        for (method, actual), (_, expected) in zip(fake.calls, case.calls, strict=True):
            self.assertTrue(matches(expected, actual), f"{case.line}: {method} {actual}")
        for name in case.absent:
            self.assertNotIn(name, fake.calls[-1][1])
        squeezed = re.sub(r" *\| *", "|", out)
        for line in case.shows:
            self.assertIn(line, squeezed, case.line)
        if not case.shows:
            self.assertEqual(out, "", case.line)
        if case.writes is not None:
            self.assertIn(case.writes, self.files["out"].read_bytes())

    def test_json_and_csv(self) -> None:
        """JSON is the answer as it came; CSV has the same cells."""
        for case in CASES:
            with self.subTest(case.line):
                fake, out = self._perform(case, "--json ")
                answer = json.loads(out)
                if len(case.calls) == 1 and not case.line.startswith("LogFileGet"):
                    self.assertEqual(answer, ANSWERS.get(fake.calls[0][0], {}))
                _, out = self._perform(case, "--csv ")
                self.assertEqual(bool(out), bool(case.shows), case.line)


class OwnCaseTests(SynchronousTestCase):
    """Commands that a line of the table cannot show."""

    def test_certificate_of_a_user(self) -> None:
        """It is saved; a user without one is a usage error."""
        path = Path(self.mktemp())
        line = f"--switch lab UserCertGet alice /SAVECERT:{path}"
        status, _, err = run(Server(GetUser=USER), line)
        self.assertEqual(status, 2)
        self.assertIn("UserCertSet", err)
        certificate = ANSWERS["GetServerCert"]["Cert_bin"]
        user = {**USER, "AuthType_u32": 2, "UserX_bin": certificate}
        self.assertEqual(run(Server(GetUser=user), line)[0], 0)
        self.assertEqual(
            x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER),
            CERTIFICATE_DER,
        )

    def test_users_by_their_proof(self) -> None:
        """UserGet shows what the kind of authentication has."""
        for kind, fields, row in (
            (2, {"UserX_bin": ANSWERS["GetServerCert"]["Cert_bin"]}, 'CN=ca.example, SERIAL="A0B"'),
            (3, {"CommonName_utf": "cn"}, "Limit of Certificate CN Value"),
            (3, {"Serial_bin": "Cgs="}, "0A 0B"),
            (4, {"RadiusUsername_utf": "there"}, "Authentication User Name|there"),
            (5, {"NtUsername_utf": "there"}, "Authentication User Name|there"),
        ):
            user = {**USER, "AuthType_u32": kind, **fields}
            out = run(Server(GetUser=user), "--switch lab UserGet alice")[1]
            self.assertIn(row, re.sub(r" *\| *", "|", out))

    def test_a_new_user_has_a_password_that_nobody_knows(self) -> None:
        """It is not empty, and another one each time."""
        passwords = set()
        for _ in range(2):
            fake = Server()
            run(fake, "--switch lab UserCreate bob")
            passwords.add(fake.calls[0][1]["Auth_Password_str"])
        self.assertEqual(len(passwords), 2)
        self.assertGreater(min(map(len, passwords)), 20)

    def test_unknown_arguments_are_named(self) -> None:
        """Also one that stands last and alone."""
        for line in (
            "UserList --yes",
            "UserList --yes no",
            "UserList --yes=no",
            "UserList /YES:no",
        ):
            status, _, err = run(Server(), f"--switch lab {line}")
            self.assertEqual(status, 2)
            self.assertIn("UserList has no argument 'yes'", err.replace("'YES'", "'yes'"), line)

    def test_a_token_is_not_in_the_output_file(self) -> None:
        """It is shown, and hidden in the file, in both forms."""
        for option in ("", "--json "):
            path = Path(self.mktemp())
            line = f"{option}--out {path} TokenCreate robot /SCOPE:server"
            out = run(Server(**ANSWERS), line)[1]
            self.assertIn("iquila_secret", out)
            self.assertIn("robot", path.read_text())
            self.assertNotIn("iquila_secret", path.read_text())

    def test_bad_values(self) -> None:
        """Status 2, the argument's name, and no change."""
        for line in (
            "UserPolicySet alice /NAME:Nonsense /VALUE:1",
            "UserPolicySet alice /NAME:TimeOut /VALUE:1",
            "UserPolicySet alice /NAME:MaxUpload /VALUE:yes",
            "UserPolicySet alice /NAME:NoBridge /VALUE:7",
            "UserExpiresSet alice /EXPIRES:tomorrow",
            "TokenCreate robot /SCOPE:everything",
            "TokenCreate robot /SCOPE:switch:",
            "TokenCreate robot /SCOPE:server /EXPIRES:tomorrow",
            "UserSignedSet alice /SERIAL:xyz",
            "UserCertSet alice /LOADCERT:/nowhere/cert",
            "UserCertSet alice /LOADCERT:/proc/self/status",
            "AccessAdd maybe /PRIORITY:1",
            "AccessAdd pass /PRIORITY:0",
            "AccessAdd pass /PRIORITY:1 /SRCIP:10.0.0.0/33",
            "AccessAdd pass /PRIORITY:1 /SRCIP:2001:db8::/32",
            "AccessAdd pass /PRIORITY:1 /DESTPORT:90-80",
            "AccessAdd pass /PRIORITY:1 /PROTOCOL:256",
            "AccessAddEx pass /PRIORITY:1 /LOSS:101",
            "AcAdd deny /PRIORITY:1 /IP:",
            "LogSwitchSet packet /SWITCH:never",
            "RadiusServerSet r /SECRET:s /RETRY_INTERVAL:1",
            "KeepSet /HOST:k /PROTOCOL:udp /INTERVAL:1",
            "DhcpSet /PUSHROUTE:10.0.0.0/8",
            "CascadePolicySet c /NAME:MaxConnection /VALUE:1",
            "CascadeDetailSet c /MAXTCP:33",
            "CascadeHttpHeaderDelete branch /NAME:X-None",
            "CrlAdd",
            "Crash no",
            "UserCreate /GRUOP:staff",
        ):
            fake = Server(**ANSWERS)
            status, out, err = run(fake, f"--switch lab {line}")
            self.assertEqual((status, out), (2, ""), line)
            self.assertEqual(err.count("\n"), 1, err)
            self.assertFalse([m for m, _ in fake.calls if not m.startswith("Get")], line)

    def test_what_is_not_there(self) -> None:
        """A rule, an option or a log file that does not exist is error 29, and nothing changes."""
        for line in ("AccessEnable 9", "AcDel 9", "ExtOptionSet No /VALUE:1", "LogFileGet none"):
            fake = Server(**ANSWERS)
            status, _, err = run(fake, f"--switch lab {line}")
            self.assertEqual((status, err[:9]), (1, "Error 29:"), line)
            self.assertEqual(len(fake.calls), 1)

    def test_answers_of_another_version(self) -> None:
        """A field that is missing is named, without a traceback."""
        status, out, err = run(Server(GetHub={}), "--switch lab OptionsGet")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("has no 'MaxSession_u32'", err)

    def test_private_files(self) -> None:
        """Keys and configurations can be read by their owner only, even over an older file."""
        for line in ("ServerKeyGet", "ConfigGet"):
            path = Path(self.mktemp())
            path.touch(0o644)
            run(Server(**ANSWERS), f"{line} {path}")
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_long_log_file(self) -> None:
        """It is read piece by piece, as far as it was listed, from a server that tells more."""
        pieces: list[int] = []

        class Slow(Server):
            def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
                if method == "ReadLogFile":
                    pieces.append(parameters["Offset_u32"])
                    return {"Buffer_bin": "YWJjZGVmZ2hpag=="}
                return super().call(method, parameters)

        status, out, _ = run(Slow(**ANSWERS), "LogFileGet server_log/vpn.log")
        self.assertEqual((status, pieces), (0, [0, 10, 20, 30]))
        self.assertEqual(out, "abcdefghij" * 4)


class HelpTests(SynchronousTestCase):
    """Every command explains itself."""

    def test_examples(self) -> None:
        """Every command has some, and they can be read as its arguments."""
        for command in COMMANDS:
            with self.subTest(command.name):
                self.assertTrue(command.examples, f"{command.name} has no example")
                for line in examples(command):
                    self.assertIn(command.name, line)
                    self._readable(command, line)

    def _readable(self, command: Command, line: str) -> None:
        words = split(line)
        words = words[words.index(command.name) + 1 :]
        # Only secrets may be left out: the prompt asks for them.
        secret = {a.key for a in command.arguments if a.secret}
        positional = [a.key for a in command.arguments if a.positional]
        given = {w[1:].partition(":")[0] for w in words if w.startswith("/")}
        given |= set(positional[: len([w for w in words if not w.startswith("/")])])
        needed = {a.key for a in command.arguments if a.required} - secret
        self.assertLessEqual(needed, given, line)

    def test_help_of_each(self) -> None:
        """Its arguments and examples, in both spellings."""
        for command in COMMANDS:
            for asked in ("--help", "/?"):
                status, out, _ = run(Server(), f"{command.name} {asked}")
                self.assertEqual((status, out), (0, details(command) + "\n"))
        text = run(Server(), "UserCreate --help")[1]
        self.assertIn("usage: iquila ... UserCreate NAME [/GROUP:...]", text)
        self.assertIn("iquila --switch office UserCreate alice", text)

    def test_overview_is_grouped(self) -> None:
        """Headings, and every command under one."""
        out = run(Server(), "--help")[1]
        self.assertLess(out.index("Users and groups:"), out.index("  UserPasswordSet "))
        self.assertNotIn("Other commands", out)

    def test_page(self) -> None:
        """The page of the documentation names every command."""
        text = page(COMMANDS)
        for command in COMMANDS:
            self.assertIn(f"\n### {command.name}\n", text)

    def test_names_are_unique(self) -> None:
        """No name twice, and none is hidden by another."""
        names = [c.name.lower() for c in COMMANDS]
        self.assertEqual(len(names), len(set(names)))

    def test_policies(self) -> None:
        """The table has those of the protocol, in its order, with the defaults of ours."""
        self.assertEqual([k.name for k in KINDS], list(WIRE_NAMES.values()))
        self.assertEqual(DEFAULTS["policy:TimeOut_u32"], 20)
        self.assertIs(DEFAULTS["policy:Access_bool"], True)
        self.assertRaises(UsageError, policies.kind_of, "None")
