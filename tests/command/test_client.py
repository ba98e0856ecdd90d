"""``iquila --client``: what is typed, what is asked of the client, what is shown; files."""

from __future__ import annotations

import base64
import contextlib
import io
import os
import shlex
from typing import Any
from unittest import mock

from attrs import evolve
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.client.forms import form_of
from iquila.admin.client.table import CLIENT_OPERATIONS
from iquila.admin.jsonform import to_json
from iquila.command.client import CLIENT_COMMANDS, vpnfile
from iquila.command.commandline import Options
from iquila.command.main import COMMANDS, main
from iquila.database.client import FOR_EVER, AccountRecord, ClientAuth
from iquila.errors import AccountInactive
from iquila.session.certificate import make_identity
from iquila.wire.passwords import user_hash

RECORD = AccountRecord(
    "Office",
    "vpn.example",
    443,
    "office",
    "alice",
    "vpn",
    ClientAuth.PASSWORD,
    password_hash=user_hash("secret", "alice"),
)
EXPORTED = b"""\xef\xbb\xbf# VPN Client VPN Connection Setting File\r
declare root\r
{\r
\tbool CheckServerCert false\r
\tuint64 CreateDateTime 0\r
\tbool RetryOnServerCert false\r
\tbool StartupAccount true\r
\r
\tdeclare ClientAuth\r
\t{\r
\t\tuint AuthType 2\r
\t\tbyte EncryptedPassword BvoIjh8NGzS/PGw=\r
\t\tstring Username u$201\r
\t}\r
\tdeclare ClientOption\r
\t{\r
\t\tstring AccountName my$20$24v\xc3\xa9pn$20#1\r
\t\tuint AdditionalConnectionInterval 1\r
\t\tuint ConnectionDisconnectSpan 0\r
\t\tstring CustomHttpHeader $\r
\t\tstring DeviceName VPN2\r
\t\tstring Hostname 10.77.0.1\r
\t\tstring HubName sw1\r
\t\tuint MaxConnection 2\r
\t\tuint NumRetry 4294967295\r
\t\tuint Port 443\r
\t\tuint ProxyType 0\r
\t\tuint RetryInterval 15\r
\t\tbool UseCompress false\r
\t\tbool UseEncrypt true\r
\t}\r
}\r
"""
"""What a real client wrote."""


class Client:
    """Answers calls, and keeps them."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"GetAccount": to_json(form_of(RECORD)), **answers}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.options = Options()

    def connect(self, options: Options, password: str) -> Client:
        """Stand in for the connection."""
        self.options = options
        return self

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Answer a call."""
        self.calls.append((method, parameters))
        answer = self.answers.get(method, {})
        if isinstance(answer, Exception):
            raise answer
        result: dict[str, Any] = answer
        return result


def run(client: Client, line: str) -> tuple[int, str, str]:
    """Run a command line; return status, output and error output."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, {"TZ": "UTC"}),
        mock.patch("sys.stdin", io.StringIO()),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = main(shlex.split(line), client.connect)
    return status, out.getvalue(), err.getvalue()


class TypingTests(SynchronousTestCase):
    """Options, and the two sets of commands."""

    def test_ways_to_say_client(self) -> None:
        """Ours, and vpncmd's; no password is asked for."""
        for line in (
            "--client AccountDelete Office",
            "/CLIENT AccountDelete Office",
            "localhost /CLIENT /CMD AccountDelete Office",
            "--client --socket=/run/x AccountDel /NAME:Office",
        ):
            client = Client()
            self.assertEqual(run(client, line), (0, "", ""), line)
            self.assertEqual(client.calls, [("DeleteAccount", {"AccountName_utf": "Office"})])
        self.assertEqual(client.options.socket, "/run/x")

    def test_usage(self) -> None:
        """A host, a switch and commands of servers have no place here, nor ours there."""
        for line, word in (
            ("--client vpn.example:443 AccountList", "own machine"),
            ("--client --switch x AccountList", "no Virtual Switches"),
            ("--client HubList", "There is no command"),
            ("AccountList", "There is no command"),
            ("--client AccountCreate x", "needs SERVER"),
            ("--client AccountDetailSet x /MAXTCP:33", "1 to 32"),
            ("--client NicSetSetting x /MAC:1", "not a MAC address"),
        ):
            status, _out, err = run(Client(), line)
            self.assertEqual((status, word in err), (2, True), (line, err))

    def test_nobody_there(self) -> None:
        """A client that does not run is told so, with what to do."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(["--client", f"--socket={self.mktemp()}", "VersionGet"])
        self.assertEqual(status, 3)
        self.assertIn("start 'twistd iquila-client --directory DIR'", err.getvalue())

    def test_help(self) -> None:
        """Each set has its own list; examples can be typed."""
        _status, out, _err = run(Client(), "--client --help")
        self.assertIn("AccountConnect", out)
        self.assertNotIn("HubCreate", out)
        _status, out, _err = run(Client(), "--help")
        self.assertNotIn("AccountConnect", out)
        _status, out, _err = run(Client(), "--client AccountRetrySet --help")
        self.assertIn("iquila --client AccountRetrySet office /NUM:999 /INTERVAL:15", out)

    def test_names(self) -> None:
        """Every command is unique, has an example, and asks for operations that there are."""
        names = [c.name.lower() for c in CLIENT_COMMANDS]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(c.examples and c.client and c.subject for c in CLIENT_COMMANDS))
        self.assertFalse(any(c.client for c in COMMANDS))
        for line in ("AccountList", "NicList", "VersionGet", "AccountGet Office"):
            client = Client(
                EnumAccount={"AccountList": []}, EnumVLan={"VLanList": []}, GetClientVersion={}
            )
            with contextlib.suppress(KeyError):
                run(client, f"--client {line}")
            self.assertIsNotNone(CLIENT_OPERATIONS.get(client.calls[0][0]), line)


class ChangeTests(SynchronousTestCase):
    """Commands that read a setting, change it and write it back."""

    def changed(self, line: str) -> dict[str, Any]:
        """Return what a command changed of the setting."""
        client = Client()
        status, _out, err = run(client, f"--client {line}")
        self.assertEqual((status, err), (0, ""), line)
        method, written = client.calls[-1]
        self.assertEqual(method, "SetAccount")
        before = client.answers["GetAccount"]
        return {k: v for k, v in written.items() if before.get(k) != v}

    def test_changes(self) -> None:
        """Exactly what was asked for."""
        for line, expected in (
            (
                "AccountSet Office /SERVER:b.example /HUB:h",
                {"Hostname_str": "b.example", "Port_u32": 5555, "HubName_str": "h"},
            ),
            ("AccountNicSet Office /NICNAME:vpn2", {"DeviceName_str": "vpn2"}),
            ("AccountAnonymousSet Office", {"AuthType_u32": 0}),
            (
                "AccountPasswordSet Office /PASSWORD:pw /TYPE:radius",
                {"AuthType_u32": 2, "PlainPassword_str": "pw"},
            ),
            (
                "AccountPasswordSet Office /PASSWORD:pw",
                {"HashedPassword_bin": base64.b64encode(user_hash("pw", "alice")).decode()},
            ),
            ("AccountServerCertDisable Office", {"CheckServerCert_bool": False}),
            ("AccountRetryOnServerCertEnable Office", {"RetryOnServerCert_bool": True}),
            (
                "AccountRetrySet Office /NUM:3 /INTERVAL:60",
                {"NumRetry_u32": 3, "RetryInterval_u32": 60},
            ),
            ("AccountRetrySet Office /NUM:999 /INTERVAL:15", {}),
            (
                "AccountDetailSet Office /MAXTCP:8 /BRIDGE:yes",
                {"MaxConnection_u32": 8, "RequireBridgeRoutingMode_bool": True},
            ),
            ("AccountEncryptDisable Office", {"UseEncrypt_bool": False}),
        ):
            self.assertEqual(self.changed(line), expected, line)
        self.assertEqual(RECORD.retries, FOR_EVER)

    def test_user(self) -> None:
        """The hash of the password belongs to the old name, and the person is told."""
        client = Client()
        status, out, _err = run(client, "--client AccountUsernameSet Office /USERNAME:bob")
        self.assertEqual(status, 0)
        self.assertEqual(client.calls[-1][1]["Username_str"], "bob")
        self.assertIn("AccountPasswordSet", out)

    def test_certificates(self) -> None:
        """PEM files go in, and come out again."""
        path, saved = self.mktemp(), self.mktemp()
        der = make_identity("server").der
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        with open(path, "wb") as file:
            file.write(pem)
        changed = self.changed(f"AccountServerCertSet Office /LOADCERT:{path}")
        self.assertEqual(changed, {"ServerCert_bin": base64.b64encode(der).decode()})
        client = Client(GetAccount={**to_json(form_of(RECORD)), **changed})
        line = f"--client AccountServerCertGet Office /SAVECERT:{saved}"
        self.assertEqual(run(client, line)[0], 0)
        with open(saved, "rb") as file:
            self.assertEqual(file.read(), pem)
        status, _out, err = run(Client(), line)
        self.assertEqual((status, "no pinned certificate" in err), (2, True))

    def test_refusals(self) -> None:
        """What the client refuses, and what has no meaning here."""
        client = Client(GetAccountStatus=AccountInactive("Not connected."))
        status, out, err = run(client, "--client AccountStatusGet Office")
        self.assertEqual((status, out, err), (1, "", "Error 37: Not connected.\n"))
        for line in ("AccountStatusShow Office", "AccountProxyHttp Office /SERVER:x:1"):
            status, _out, err = run(Client(), f"--client {line}")
            self.assertEqual((status, err[:8]), (1, "Error 33"), line)


class FileTests(SynchronousTestCase):
    """Files of connection settings."""

    def test_of_a_real_client(self) -> None:
        """Names with spaces, a password that is hidden."""
        setting = vpnfile.read(EXPORTED)
        for name, value in (
            ("AccountName_utf", "my $v\u00e9pn #1"),
            ("Username_str", "u 1"),
            ("PlainPassword_str", "hello world"),
            ("NumRetry_u32", FOR_EVER),
            ("Port_u32", 443),
            ("StartupAccount_bool", True),
            ("CheckServerCert_bool", False),
        ):
            self.assertEqual(setting[name], value, name)

    @given(
        name=st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1),
        password=st.text(min_size=1),
        port=st.integers(1, 65535),
        bridge=st.booleans(),
    )
    def test_round_trip(self, name: str, password: str, port: int, bridge: bool) -> None:
        """What is written is read again."""
        record = evolve(
            RECORD,
            name=name,
            auth=ClientAuth.PLAIN_PASSWORD,
            password_hash=b"",
            password=password,
            port=port,
            bridge=bridge,
        )
        setting = to_json(form_of(record))
        found = vpnfile.read(vpnfile.write(setting))
        for field, value in found.items():
            self.assertEqual(value, setting[field], field)

    @given(st.binary(max_size=300))
    def test_anything(self, content: bytes) -> None:
        """It is refused, not stumbled over."""
        with contextlib.suppress(vpnfile.BadFile):
            vpnfile.read(content)
        at = len(content) % len(EXPORTED)
        with contextlib.suppress(vpnfile.BadFile):
            vpnfile.read(EXPORTED[:at] + content + EXPORTED[at:])

    def test_bad_files(self) -> None:
        """Each with what is wrong."""
        for content, word in (
            (b"", "declare root"),
            (b"declare root\n{\nstring x \xff\n}\n", "UTF-8"),
            (b"declare root\n{\n", "not complete"),
            (b"declare root\n{\n}\n", "ClientAuth"),
            (b"declare root\n{\nuint x y\n}\n", "line 3"),
            (b"declare root\n{\nfloat x 1\n}\n", "line 3"),
            (b"declare x\n{\n" * 100, "line"),
            (b"x" * (vpnfile.LIMIT + 1), "more than"),
        ):
            error = self.assertRaises(vpnfile.BadFile, vpnfile.read, content)
            self.assertIn(word.lower(), str(error).lower())

    def test_commands(self) -> None:
        """Written for the owner only; read under another name."""
        path = self.mktemp()
        self.assertEqual(run(Client(), f"--client AccountExport Office /SAVEPATH:{path}")[0], 0)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        client = Client(CreateAccount={"AccountName_utf": "copy"})
        status, out, _err = run(client, f"--client AccountImport {path} /NAME:copy")
        self.assertEqual((status, "'copy' was made" in out), (0, True))
        method, made = client.calls[0]
        self.assertEqual((method, made["AccountName_utf"]), ("CreateAccount", "copy"))
        self.assertEqual(made["HashedPassword_bin"], to_json(form_of(RECORD))["HashedPassword_bin"])
        self.assertEqual(run(Client(), f"--client AccountImport {path}x")[0], 2)
