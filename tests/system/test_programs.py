"""The programs as a user meets them: quick start, plugins, and what they say to bad input."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .processes import Process, eventually

CHECKOUT = Path(__file__).resolve().parents[2]
TWISTD = str(Path(sys.executable).with_name("twistd"))


def free_port() -> int:
    """Return a port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PluginTests(SynchronousTestCase):
    """twistd with our plugins."""

    def setUp(self) -> None:
        """A place for data."""
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.port = free_port()

    def arguments(self, plugin: str, *options: str) -> list[str]:
        """Return a command that runs in the foreground, on loopback."""
        base = [TWISTD, "-n", "--pidfile=", f"--rundir={self.folder}", plugin]
        return [*base, *options]

    def server(self, name: str, *options: str, port: int = 0) -> list[str]:
        """Return a command for a standalone server."""
        return self.arguments(
            "iquila-server",
            f"--data={self.folder / name}",
            "--address=127.0.0.1",
            f"--listen={port or self.port}",
            *options,
        )

    def start(self, arguments: list[str]) -> Process:
        """Start a server, and return it when it answers."""
        process = Process.start("server", arguments, self.folder / "log")
        self.addCleanup(process.kill)

        def ready() -> bool:
            return "is a standalone server" in process.log.read_text()

        eventually(ready, f"the server to start\n{process.tail()}", timeout=20.0)
        return process

    def refused(self, arguments: list[str]) -> str:
        """Return the last line of a program that must end with status 1."""
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stdout + done.stderr)
        return (done.stdout + done.stderr).strip().splitlines()[-1]

    def test_first_start_and_stop(self) -> None:
        """A random password is written for its owner only; SIGTERM ends it cleanly."""
        process = self.start(self.server("data"))
        password = self.folder / "data" / "admin-password"
        self.assertEqual(password.stat().st_mode & 0o777, 0o600)
        self.assertIn(str(password), process.log.read_text())
        self.assertNotIn(password.read_text().strip(), process.log.read_text())
        # Twisted ends its process with the signal again, once everything is closed.
        self.assertEqual(process.terminate(timeout=5.0), -signal.SIGTERM)
        self.assertIn("Server Shut Down", process.log.read_text())
        self.assertNotIn("Traceback", process.log.read_text())

    def test_taken_port_and_directory(self) -> None:
        """Both are told in one sentence that says what to do; the running server is not hurt."""
        process = self.start(self.server("data"))
        self.assertIn("choose another port", self.refused(self.server("other")))
        self.assertIn("in use", self.refused(self.server("data", port=free_port())))
        self.assertTrue(process.running)

    def test_unusable_directory(self) -> None:
        """A file in its place."""
        (self.folder / "data").write_text("a file")
        self.assertIn("--data", self.refused(self.server("data")))

    def test_newer_database(self) -> None:
        """A database of a newer version is refused and left as it is."""
        import sqlite3

        process = self.start(self.server("data"))
        process.terminate()
        file = self.folder / "data" / "server.sqlite"
        with sqlite3.connect(file) as connection:
            connection.execute("pragma user_version = 999")
        connection.close()
        before = file.read_bytes()
        self.assertIn("newer", self.refused(self.server("data")))
        self.assertEqual(file.read_bytes(), before)

    def test_options(self) -> None:
        """Missing and wrong ones are named."""
        for arguments, word in (
            (self.arguments("iquila-member"), "--controller"),
            (self.arguments("iquila-server", "--listen=99999"), "65535"),
            (self.arguments("iquila-client"), "--to"),
        ):
            self.assertIn(word, self.refused(arguments))


class QuickstartTests(SynchronousTestCase):
    """bin/quickstart."""

    timeout = 240

    def test_quickstart(self) -> None:
        """It ends well, with a short gap, and nothing of it is left."""
        scratch = Path(self.mktemp()).resolve()
        scratch.mkdir()
        program = [sys.executable, str(CHECKOUT / "bin" / "_quickstart.py")]
        environment = {**os.environ, "TMPDIR": str(scratch)}
        done = subprocess.run(
            program, capture_output=True, text=True, timeout=180, env=environment, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        gap = done.stdout.partition("the gap was ")[2].split()[0]
        self.assertLess(float(gap), 10.0)
        self.assertEqual(list(scratch.iterdir()), [])
