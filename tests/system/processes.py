"""
Blocking helpers around processes: run one to its end, keep one running, end it by its id.

Nothing here ends a process by its name, so that it can never hit somebody else's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from attrs import define

T = TypeVar("T")


class CommandFailed(Exception):
    """A command ended with another status than 0, or not in time; the text says which and why."""


class NeverHappened(Exception):
    """What a test waited for did not happen in time."""


def run(arguments: Sequence[str], *, timeout: float = 30.0) -> str:
    """
    Run a command to its end and return its standard output.

    :param timeout: seconds until it is killed.
    :raises CommandFailed: its status is not 0, or the time is over.
    """
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{' '.join(arguments)}: no end within {timeout:g} s") from error
    if done.returncode != 0:
        raise CommandFailed(
            f"{' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def eventually(
    check: Callable[[], T | None], what: str, *, timeout: float = 30.0, interval: float = 0.1
) -> T:
    """
    Return the first true answer of `check`, asked again every `interval` seconds.

    A :exc:`CommandFailed` of `check` counts as "not yet".

    :raises NeverHappened: there was none within `timeout` seconds; names `what`.
    """
    end = time.monotonic() + timeout
    last = ""
    while True:
        try:
            answer = check()
        except CommandFailed as error:
            answer, last = None, f"; last answer: {error}"
        if answer:
            return answer
        if time.monotonic() > end:
            raise NeverHappened(f"{what}: not within {timeout:g} s{last}")
        time.sleep(interval)


def children(pid: int) -> list[int]:
    """Return the ids of the direct children of a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything, even spaces and parentheses.
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return sorted(found)


def family(pid: int) -> list[int]:
    """Return a process and all its descendants, parents before their children."""
    return [pid, *(each for child in children(pid) for each in family(child))]


def niceness(pid: int) -> int:
    """Return the priority of a process, -20 (first) to 19, as of its first thread."""
    return os.getpriority(os.PRIO_PROCESS, pid)


def with_niceness(arguments: Sequence[str], nice: int | None) -> list[str]:
    """Return the command that runs `arguments` with a priority; None is that of this process."""
    if nice is None or nice == niceness(0):
        return list(arguments)
    # nice(1) adds to the priority that it is started with.
    return ["nice", "-n", str(nice - niceness(0)), *arguments]


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


@define
class Process:
    """A running command, its output in a file."""

    name: str
    log: Path
    popen: subprocess.Popen[bytes]

    @classmethod
    def start(cls, name: str, arguments: Sequence[str], log: Path) -> Process:
        """Start a command in a session of its own, so that no signal to ours reaches it."""
        with log.open("ab") as output:
            popen = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, log, popen)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.popen.poll() is None

    def tail(self, lines: int = 30) -> str:
        """Return the last lines of its output, for messages of failed tests."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def family(self) -> list[int]:
        """Return the ids of its processes, the first one first; empty when it has ended."""
        return family(self.popen.pid) if self.running else []

    def terminate(self, *, timeout: float = 10.0) -> int:
        """
        Ask it to end, and return its exit status.

        The youngest descendant is asked: the others of a family only watch over it.

        :raises NeverHappened: it did not end in time; it is killed then.
        """
        if self.running:
            send(self.family()[-1], signal.SIGTERM)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NeverHappened(f"{self.name}: no end within {timeout:g} s") from None

    def kill(self) -> None:
        """End it and its descendants at once, watchers first so that they restart nothing."""
        for pid in self.family():
            send(pid, signal.SIGKILL)
        self.popen.wait(10)
