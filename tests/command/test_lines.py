"""Scripts, options in vpncmd's spelling, questions, the history, and completion."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from twisted.trial.unittest import SynchronousTestCase

from iquila.command import asking
from iquila.command.arguments import UsageError, assign, find_command
from iquila.command.commandline import read_options
from iquila.command.completion import FRESH, CommandCompleter, Names
from iquila.command.connection import ConnectionProblem
from iquila.command.definition import Argument
from iquila.command.history import KEPT, LineHistory, has_secret
from iquila.command.main import COMMANDS, login_name
from iquila.command.script import LINE_LIMIT, split
from iquila.errors import ObjectNotFound

from .answers import ANSWERS
from .fake import Server, run


class ScriptTests(SynchronousTestCase):
    """Commands from a file."""

    def test_lines(self) -> None:
        """Comments, empty lines and quotes; exit ends it."""
        fake = Server(**ANSWERS)
        lines = (
            "# one\n\n  // two\nHub lab\nUserCreate al /NOTE:\"a b\" /REALNAME:'c # d'\n"
            "exit\nHubDelete lab\n"
        )
        self.assertEqual(run(fake, "--in -", lines)[0], 0)
        self.assertEqual([m for m, _ in fake.calls], ["GetHubStatus", "CreateUser"])
        parameters = fake.calls[1][1]
        self.assertEqual(parameters["HubName_str"], "lab")
        self.assertEqual((parameters["Note_utf"], parameters["Realname_utf"]), ("a b", "c # d"))

    def test_switch_is_let_go(self) -> None:
        """Hub without a name; then a command on a switch is a usage error."""
        status, _, err = run(Server(**ANSWERS), "--in -", "Hub lab\nHub\nUserList\n")
        self.assertEqual(status, 2)
        self.assertIn("line 3: iquila: UserList works on a Virtual Switch", err)

    def test_first_failure(self) -> None:
        """Status and line of the first one, also when the others go on."""
        lines = 'HubDelete lab\nUserCreate "\nHubList\n'
        answers = {**ANSWERS, "DeleteHub": ObjectNotFound("There is none.")}
        fake = Server(**answers)
        status, out, err = run(fake, "--in -", lines)
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(err, "standard input, line 1: Error 29: There is none.\n")
        status, out, err = run(Server(**answers), "--in - --keep-going", lines)
        self.assertEqual(status, 1)
        self.assertIn("standard input, line 2: iquila: The line cannot be split", err)
        self.assertIn("Virtual Hub Name", out)

    def test_one_connection(self) -> None:
        """The whole script is one connection."""
        made: list[int] = []

        class Counting(Server):
            def connect(self, options: Any, password: str) -> Server:
                made.append(1)
                return super().connect(options, password)

        run(Counting(**ANSWERS), "--in -", "HubList\n" * 5)
        self.assertEqual(len(made), 1)

    def test_bad_files(self) -> None:
        """Missing, too long a line, no text: status 2 and one sentence."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "long").write_text("x" * (LINE_LIMIT + 1))
        (folder / "bytes").write_bytes(b"\xff\xfe\x00HubList\n")
        for name in ("none", "long", "bytes", ""):
            status, _, err = run(Server(**ANSWERS), f"--in {folder / name}")
            self.assertEqual(status, 2, name)
            self.assertEqual(err.count("\n"), 1, err)
        self.assertEqual(run(Server(), "--in - HubList")[0], 2)

    def test_unreachable(self) -> None:
        """Status 3, apart from a refusal."""
        status, _, err = run(Server(EnumHub=ConnectionProblem("Nobody there.")), "HubList")
        self.assertEqual((status, err), (3, "Error: Nobody there.\n"))

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=5))
    def test_any_text(self, words: list[str]) -> None:
        """A line is split or refused, whatever it holds; nothing else is raised."""
        for line in words:
            try:
                split(line)
            except UsageError:
                continue


class OutputFileTests(SynchronousTestCase):
    """``--out``."""

    def _written(self, line: str) -> tuple[str, str]:
        path = Path(self.mktemp())
        out = run(Server(**ANSWERS), f"--out {path} {line}")[1]
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        return out, path.read_text()

    def test_the_same(self) -> None:
        """What is shown is in the file."""
        shown, written = self._written("HubList")
        self.assertEqual(shown, written)

    def test_no_secrets(self) -> None:
        """Secrets are shown to who asked, but not written to the file."""
        for line, secret in (
            ("--switch lab RadiusServerGet", "shared"),
            ("IPsecGet", "psk"),
            ("--json --switch lab UserGet alice", "aGFzaA=="),
            ("--switch lab SessionGet s", "33E8F6BC"),
        ):
            shown, written = self._written(line)
            self.assertIn(secret, shown, line)
            self.assertNotIn(secret, written, line)
            self.assertIn("(hidden)", written)

    def test_errors_too(self) -> None:
        """A refusal is in the file as well."""
        path = Path(self.mktemp())
        run(Server(EnumHub=ObjectNotFound("None.")), f"--out {path} HubList")
        self.assertEqual(path.read_text(), "Error 29: None.\n")


class VpncmdTests(SynchronousTestCase):
    """The spellings of vpncmd before the command."""

    def test_options(self) -> None:
        """Host, switch, file names, format, and where the command begins."""
        for line in (
            "ctl:443 /SERVER /ADMINHUB:lab /IN:i /OUT:o /CSV /CMD UserList",
            "/SERVER ctl:443 /adminhub:lab /in:i /out:o /csv /cmd UserList",
            "ctl:443 --switch lab --in i --out o --csv UserList",
        ):
            options = read_options(line.split(), COMMANDS)
            self.assertEqual((options.host, options.port), ("ctl", 443), line)
            self.assertEqual((options.switch, options.as_switch_administrator), ("lab", False))
            self.assertEqual((options.script, options.out), ("i", "o"))
            self.assertEqual((options.format, options.words), ("csv", ["UserList"]))

    def test_switch_administrator(self) -> None:
        """/HUB is the administrator of a switch."""
        options = read_options("ctl /SERVER /HUB:lab UserList".split(), COMMANDS)
        self.assertEqual((options.switch, options.as_switch_administrator), ("lab", True))

    def test_auditor(self) -> None:
        """In whose name the password is given; not in two."""
        for line, name in (
            ("ctl HubList", ""),
            ("ctl --switch lab UserList", ""),
            ("ctl --switch lab --as-switch-administrator UserList", "lab"),
            ("ctl --switch lab --as-auditor UserList", "auditor"),
        ):
            self.assertEqual(login_name(read_options(line.split(), COMMANDS)), name)
        line = "ctl --as-auditor --switch lab --as-switch-administrator HubList"
        self.assertRaises(UsageError, read_options, line.split(), COMMANDS)

    def test_password_is_taken_with_a_warning(self) -> None:
        """It works, and standard error says what is wrong with it."""
        fake = Server(**ANSWERS)
        status, _, err = run(fake, "ctl /SERVER /PASSWORD:open /CMD HubList")
        self.assertEqual((status, fake.password), (0, "open"))
        self.assertIn("warning", err)
        self.assertNotIn("open", err)
        self.assertNotIn("open", repr(fake.options))

    def test_refused(self) -> None:
        """The client, tools and what is not known."""
        for line in ("/TOOLS", "ctl /NONSENSE:1 HubList", "/IN", "--in"):
            self.assertRaises(UsageError, read_options, line.split(), COMMANDS)

    def test_unknown_key(self) -> None:
        """A key that a command has not is no name of a user; a path is one."""
        command = find_command(COMMANDS, "UserGet")
        self.assertRaises(UsageError, assign, command, ["/NAMES:x"])
        command = find_command(COMMANDS, "CAAdd")
        self.assertEqual(assign(command, ["/tmp/ca.pem"]), {"PATH": "/tmp/ca.pem"})

    def test_dashes(self) -> None:
        """``--retry-interval`` is RETRY_INTERVAL."""
        command = find_command(COMMANDS, "RadiusServerSet")
        given = assign(command, ["--retry-interval", "900"])
        self.assertEqual(given, {"RETRY_INTERVAL": "900"})


class AskingTests(SynchronousTestCase):
    """Questions on a terminal."""

    def _ask(self, argument: Argument, typed: str, *secrets: str) -> tuple[str, str]:
        err = io.StringIO()
        with (
            mock.patch.object(sys, "stdin", io.StringIO(typed)),
            mock.patch.object(sys, "stderr", err),
            mock.patch("getpass.getpass", side_effect=secrets),
        ):
            return asking.ask(argument), err.getvalue()

    def test_plain(self) -> None:
        """The question is on standard error."""
        asked = Argument("NAME", "Name")
        self.assertEqual(self._ask(asked, "alice\n"), ("alice", "Name: "))
        self.assertRaises(UsageError, self._ask, asked, "")

    def test_secrets(self) -> None:
        """Unseen; a new one twice, and again if they differ, but not for ever."""
        old, new = (Argument("P", "Password", secret=True, new=n) for n in (False, True))
        self.assertEqual(self._ask(old, "", "a"), ("a", ""))
        answer, err = self._ask(new, "", "a", "b", "c", "c")
        self.assertEqual((answer, err), ("c", "These are not the same.\n"))
        self.assertRaises(UsageError, self._ask, new, "", *"abcdef")


class HistoryTests(SynchronousTestCase):
    """What is remembered."""

    def test_secrets(self) -> None:
        """Named, positional, shortened, misspelt: none is remembered; others are."""
        for line in (
            "UserPasswordSet alice /PASSWORD:geheim",
            "userpass alice --password geheim",
            "ServerPasswordSet geheim",
            "ServerPasswordSet geheim surplus",
            "HubCreate lab /PASSWORD:",
            "UserPasswordst alice geheim",
            'RadiusServerSet r /SECRET:"geheim',
        ):
            self.assertTrue(has_secret(line, COMMANDS), line)
        for line in ("HubList", "UserPasswordSet alice", "UserGet alice", "", "exit"):
            self.assertFalse(has_secret(line, COMMANDS), line)

    def test_file(self) -> None:
        """Kept for the next run, newest first, at most so many, for the owner only."""
        path = Path(self.mktemp()) / "deep" / "history"
        history = LineHistory(path, COMMANDS)
        for line in ("HubList", "ServerPasswordSet geheim", "SessionList"):
            history.append_string(line)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        again = LineHistory(path, COMMANDS)
        self.assertEqual(list(again.load_history_strings()), ["SessionList", "HubList"])
        path.write_text("HubList\n" * (KEPT + 7))
        self.assertEqual(len(list(again.load_history_strings())), KEPT)
        self.assertEqual(len(path.read_text().splitlines()), KEPT)

    def test_unusable(self) -> None:
        """A file that cannot be used costs the history only."""
        history = LineHistory(Path("/proc/none/history"), COMMANDS)
        history.append_string("HubList")
        self.assertEqual(list(history.load_history_strings()), [])


class CompletionTests(SynchronousTestCase):
    """TAB."""

    def setUp(self) -> None:
        """A completer with a server that counts."""
        self.server = Server(**ANSWERS)
        self.now = 0.0
        self.switch = "lab"
        names = Names(lambda: self.server, lambda: self.now)
        self.completer = CommandCompleter(COMMANDS, names, lambda: self.switch)

    def offered(self, line: str) -> list[str]:
        """Return what the line may become at its end."""
        document = Document(line)
        return [
            line[: len(line) + c.start_position] + c.text
            for c in self.completer.get_completions(document, CompleteEvent())
        ]

    def test_commands(self) -> None:
        """In any case; also after help."""
        self.assertEqual(self.offered("userpol"), ["UserPolicySet", "UserPolicyRemove"])
        self.assertIn("exit", self.offered(""))
        self.assertEqual(self.offered("help hubl"), ["help HubList"])
        self.assertEqual(self.offered("nonsense "), [])

    def test_arguments(self) -> None:
        """Those that are not there yet."""
        self.assertEqual(self.offered("UserSet alice /R"), ["UserSet alice /REALNAME:"])
        line = "UserSet alice /GROUP:staff "
        self.assertEqual(self.offered(line), [f"{line}/REALNAME:", f"{line}/NOTE:"])

    def test_names(self) -> None:
        """Of switches, users, groups and sessions."""
        for line, whole in (
            ("Hub l", "Hub lab"),
            ("UserGet a", "UserGet alice"),
            ("UserSet alice /GROUP:s", "UserSet alice /GROUP:staff"),
            ("SessionGet sid-a", "SessionGet SID-ALICE-1"),
            ("CascadeGet b", "CascadeGet branch"),
        ):
            self.assertEqual(self.offered(line), [whole])

    def test_no_switch(self) -> None:
        """Without one the server is not asked."""
        self.switch = ""
        self.assertEqual(self.offered("UserGet a"), [])
        self.assertEqual(self.server.calls, [])

    def test_asked_now_and_then(self) -> None:
        """Names stay fresh for a while, a failure too."""
        self.offered("UserGet a")
        self.offered("UserGet al")
        self.assertEqual(len(self.server.calls), 1)
        self.now += FRESH
        self.server.answers["EnumUser"] = ConnectionProblem()
        self.assertEqual(self.offered("UserGet a"), [])
        self.assertEqual(self.offered("UserGet a"), [])
        self.assertEqual(len(self.server.calls), 2)


class TrailingTests(SynchronousTestCase):
    """Options that people put last."""

    def test_after_the_command(self) -> None:
        """--json and --switch."""
        fake = Server(**ANSWERS)
        out = run(fake, "UserList --switch lab --json")[1]
        self.assertEqual(json.loads(out), ANSWERS["EnumUser"])
        self.assertEqual(fake.calls[0][1], {"HubName_str": "lab"})
