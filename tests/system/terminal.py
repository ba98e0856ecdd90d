"""A program in a pseudo-terminal, to type to it and read what it shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

from .processes import NeverHappened

_FORWARD = re.compile(r"\x1b\[(\d*)C")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")
ROWS, COLUMNS = 50, 200


class Terminal:
    """
    A program on a terminal of its own; call :meth:`close` whatever happens.

    :param timeout: seconds that each expectation may take.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], *, timeout: float = 20.0
    ) -> None:
        self._timeout = timeout
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            arguments,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(environment),
            start_new_session=True,
            # Passwords are asked for on the terminal that controls the process.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.shown = ""
        """Everything that was shown, without colours and movements of the cursor."""
        self._seen = 0

    def type(self, text: str) -> None:
        """Type keys; a carriage return is Enter."""
        os.write(self._master, text.encode())

    def expect(self, text: str) -> str:
        """
        Return what is shown up to and with `text`, from where the last one was found.

        :raises NeverHappened: it does not come in time; names what came.
        """
        end = time.monotonic() + self._timeout
        while (at := self.shown.find(text, self._seen)) < 0:
            if time.monotonic() > end or not self._read(0.2):
                came = self.shown[self._seen :]
                raise NeverHappened(f"{text!r} is not shown within {self._timeout:g} s: {came!r}")
        before, self._seen = self._seen, at + len(text)
        return self.shown[before : self._seen]

    def wait(self) -> int:
        """Return the exit status, once the program has ended."""
        end = time.monotonic() + self._timeout
        while self._process.poll() is None:
            if time.monotonic() > end:
                raise NeverHappened(f"the program does not end: {self.shown[self._seen :]!r}")
            self._read(0.2)
        return self._process.returncode

    def _read(self, seconds: float) -> bool:
        """Take what is shown within some time; return whether there can be more."""
        if not select.select([self._master], [], [], seconds)[0]:
            return self._process.poll() is None
        try:
            content = os.read(self._master, 65536)
        except OSError:
            return False  # the program has closed its end
        text = content.decode("utf-8", "replace")
        # Spaces may be drawn as steps of the cursor.
        text = _FORWARD.sub(lambda match: " " * int(match[1] or 1), text)
        self.shown += _ESCAPES.sub("", text)
        return bool(content)

    def close(self) -> None:
        """End the program."""
        if self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
        os.close(self._master)
