"""
The same administration of a real server three ways: on a terminal, in a pipe, from a script.

Only loopback is used.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .processes import Process, eventually
from .terminal import Terminal
from .test_programs import CHECKOUT, TWISTD, free_port

SCRIPT = """\
# A switch with one user.
HubCreate lab /PASSWORD:"hub password"
// vpncmd's comments are taken too
Hub lab
UserCreate alice /REALNAME:"Alice Adams" /NOTE:
UserPasswordSet alice /PASSWORD:"a secret"
SetMaxSession 10
UserList
OptionsGet
"""


class CommandTestCase(SynchronousTestCase):
    """A standalone server, and what starts the command."""

    timeout = 120

    def setUp(self) -> None:
        """Start the server with a password that it made."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.port = free_port()
        self.start_server()
        self.password = (self.folder / "data" / "admin-password").read_text().strip()
        self.environment = {
            **{k: v for k, v in os.environ.items() if k != "IQUILA_PASSWORD"},
            "PYTHONPATH": str(CHECKOUT),
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "TERM": "xterm",
            # Nobody answers here where the cursor is.
            "PROMPT_TOOLKIT_NO_CPR": "1",
        }

    def start_server(self) -> None:
        """Start the server and return when it listens."""
        process = Process.start(
            "server",
            [
                *(TWISTD, "-n", "--pidfile=", f"--rundir={self.folder}", "iquila-server"),
                *(f"--data={self.folder / 'data'}", "--address=127.0.0.1"),
                f"--listen={self.port}",
            ],
            self.folder / "log",
        )
        self.server = process
        self.addCleanup(process.kill)
        started = process.log.read_text().count("is a standalone server")
        eventually(
            lambda: process.log.read_text().count("is a standalone server") > started or None,
            "the server to start",
            timeout=20.0,
        )

    def arguments(self, *words: str) -> list[str]:
        """Return the command line of the command for this server."""
        return [sys.executable, "-m", "iquila.command", f"127.0.0.1:{self.port}", *words]

    def pipe(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command without a terminal, the password from the environment."""
        return subprocess.run(
            self.arguments(*words),
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**self.environment, "IQUILA_PASSWORD": self.password},
        )

    def done(self, *words: str) -> str:
        """Run the command in a pipe; return its output."""
        result = self.pipe(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def check(self, users: str, options: str) -> None:
        """Check what the administration has come to, by what two lists show."""
        self.assertIn("Alice Adams", users)
        self.assertIn("Password Authentication", users)
        self.assertRegex(options, r"Max Number of Sessions *[|│] *10")


class TerminalTests(CommandTestCase):
    """On a terminal."""

    def open(self, *words: str) -> Terminal:
        """Start the command on a terminal, and log in."""
        terminal = Terminal(self.arguments(*words), self.environment)
        self.addCleanup(terminal.close)
        terminal.expect("Administration password: ")
        terminal.type(f"{self.password}\r")
        return terminal

    def test_administration(self) -> None:
        """Prompts, unseen secrets, a switch that is selected, errors that end nothing."""
        terminal = self.open()
        terminal.expect("First contact")
        prompt = f"iquila 127.0.0.1:{self.port}"
        terminal.expect(f"{prompt}> ")
        terminal.type("hubcreate\r")
        terminal.expect("Name of the Virtual Switch: ")
        terminal.type("lab\r")
        terminal.expect("Password of the Virtual Switch: ")
        terminal.type("hub password\r")
        terminal.expect("Password of the Virtual Switch again: ")
        terminal.type("a slip\r")
        terminal.expect("not the same")
        for question in ("Password of the Virtual Switch: ", "again: "):
            terminal.expect(question)
            terminal.type("hub password\r")
        terminal.expect(f"{prompt}> ")
        terminal.type("UserList\r")
        terminal.expect("select one with Hub NAME")
        terminal.expect(f"{prompt}> ")
        terminal.type("Hub none\r")
        terminal.expect("Error 8: ")
        terminal.type("Hub lab\r")
        terminal.expect(f"{prompt}/lab> ")
        terminal.type('UserCreate alice /REALNAME:"Alice Adams"\r')
        terminal.expect(f"{prompt}/lab> ")
        terminal.type("UserPasswordSet alice\r")
        for question in ("Password of the user: ", "again: "):
            terminal.expect(question)
            terminal.type("a secret\r")
        terminal.expect(f"{prompt}/lab> ")
        terminal.type("SetMaxSession\r")
        terminal.expect("Sessions at most: ")
        terminal.type("ten\r")
        terminal.expect("Sessions at most: ")
        terminal.type("10\r")
        terminal.expect(f"{prompt}/lab> ")
        terminal.type("UserList\r")
        users = terminal.expect("Transfer Packets")
        terminal.type("OptionsGet\r")
        self.check(users, terminal.expect("Virtual Hub Type"))
        # Ctrl-C leaves a line, Ctrl-D leaves the prompt.
        terminal.expect(f"{prompt}/lab> ")
        terminal.type("HubDelete lab\x03")
        terminal.expect(f"{prompt}/lab> ")
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn("a secret", terminal.shown)
        self.assertNotIn(self.password, terminal.shown)
        self.assertIn("lab", self.done("HubList"))

    def test_completion(self) -> None:
        """TAB completes commands, their arguments, and names of the server."""
        self.done("HubCreate", "laboratory", "--password", "")
        self.done("--switch", "laboratory", "UserCreate", "alexandra")
        terminal = self.open()
        terminal.expect("> ")
        terminal.type("Hub lab\t\r")
        terminal.expect("/laboratory> ")
        terminal.type("UserG\t al\t\r")
        terminal.expect("UserGet alexandra")
        terminal.expect("Number of Logins")
        terminal.expect("/laboratory> ")
        terminal.type("UserSet alexandra /NO\tchanged\r")
        terminal.expect("UserSet alexandra /NOTE:changed")
        terminal.expect("/laboratory> ")
        terminal.type("exit\r")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn("changed", self.done("--switch", "laboratory", "UserGet", "alexandra"))

    def test_history(self) -> None:
        """Lines come back in the next run; those with a secret never touch the file."""
        first = self.open()
        first.expect("> ")
        first.type("ServerInfoGet\r")
        first.expect("Version of OS Kernel")
        first.expect("> ")
        first.type("HubCreate lab /PASSWORD:geheim\r")
        first.expect("> ")
        first.expect("> ")
        first.type("quit\r")
        self.assertEqual(first.wait(), 0)
        file = self.folder / "state" / "iquila" / "history"
        self.assertEqual(file.read_text().splitlines(), ["ServerInfoGet", "quit"])
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        second = self.open()
        second.expect("> ")
        second.type("\x1b[A\x1b[A\r")  # the line before the last
        second.expect("Version of OS Kernel")
        second.expect("> ")
        second.type("\x04")
        self.assertEqual(second.wait(), 0)

    def test_one_command(self) -> None:
        """A command that lacks something asks for it; a wrong password is refused."""
        terminal = self.open("HubCreate", "lab", "/PASSWORD:")
        self.assertEqual(terminal.wait(), 0)
        terminal = Terminal(self.arguments("UserList"), self.environment)
        self.addCleanup(terminal.close)
        terminal.expect("Virtual Switch: ")
        terminal.type("lab\r")
        terminal.expect("Administration password: ")
        terminal.type("wrong\r")
        terminal.expect("Error ")
        self.assertEqual(terminal.wait(), 1)

    def test_server_that_starts_again(self) -> None:
        """The connection that it closed is opened anew."""
        terminal = self.open()
        terminal.expect("> ")
        self.server.terminate()
        terminal.type("HubList\r")
        terminal.expect("cannot be reached")
        self.start_server()
        terminal.type("ServerInfoGet\r")
        terminal.expect("Version of OS Kernel")
        self.server.terminate()
        self.start_server()
        terminal.type("HubList\r")
        terminal.expect("Value")
        terminal.expect("> ")
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)


class PipeTests(CommandTestCase):
    """Without a terminal: nothing is asked, and the exit status tells."""

    def test_administration(self) -> None:
        """The same, one command at a time."""
        self.done("HubCreate", "lab", "/PASSWORD:hub password")
        self.done("--switch", "lab", "UserCreate", "alice", "/REALNAME:Alice Adams")
        self.done("--switch", "lab", "UserPasswordSet", "alice", "--password", "a secret")
        self.done("--switch", "lab", "SetMaxSession", "10")
        self.check(
            self.done("--switch", "lab", "UserList"), self.done("OptionsGet", "--switch", "lab")
        )

    def test_nothing_is_asked(self) -> None:
        """What is missing is named, with status 2, at once."""
        for words, missing in (
            ((), "command"),
            (("HubCreate",), "NAME"),
            (("HubCreate", "lab"), "PASSWORD"),
            (("UserList",), "--switch"),
        ):
            result = self.pipe(*words, typed="lab\n")
            self.assertEqual((result.returncode, result.stdout), (2, ""), words)
            self.assertIn(missing, result.stderr)

    def test_status(self) -> None:
        """1: refused, with its number; 3: nobody is there; warnings are no output."""
        refused = self.pipe("HubDelete", "none")
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("Error 8: ", refused.stderr)
        self.server.terminate()
        nobody = self.pipe("HubList")
        self.assertEqual((nobody.returncode, nobody.stdout), (3, ""))
        self.assertIn("cannot be reached", nobody.stderr)


class ScriptTests(CommandTestCase):
    """From a file, with the spellings of vpncmd too."""

    def test_administration(self) -> None:
        """The same from a file, over one connection; the output is in a file as well."""
        script, out = self.folder / "script", self.folder / "out"
        script.write_text(SCRIPT)
        result = self.pipe("/SERVER", f"/IN:{script}", f"/OUT:{out}", f"/PASSWORD:{self.password}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("can be read by every user", result.stderr)
        users, _, options = result.stdout.partition("Enumeration")
        self.check(users, options)
        self.assertEqual(out.read_text(), result.stdout)
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)

    def test_first_failure(self) -> None:
        """It ends there, with the line and the status; or goes on, with the first status."""
        lines = "HubCreate lab /PASSWORD:\nHub lab\nUserDelete nobody\nNoSuch\nHubDelete lab\n"
        stopped = self.pipe("--in", "-", typed=lines)
        self.assertEqual(stopped.returncode, 1)
        self.assertIn("standard input, line 3: Error 29: ", stopped.stderr)
        self.assertNotIn("line 4", stopped.stderr)
        self.assertIn("lab", self.done("HubList"))
        on = self.pipe("--in", "-", "--keep-going", typed=lines)
        self.assertEqual(on.returncode, 1)
        self.assertIn("line 1: Error 57: ", on.stderr)
        self.assertIn("line 4: iquila: There is no command 'NoSuch'", on.stderr)
        self.assertNotIn("lab", self.done("--csv", "HubList"))
