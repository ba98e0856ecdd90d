"""The lines of the interactive prompt in the user's state directory, without those with secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from prompt_toolkit.history import History

from iquila.command.arguments import UsageError, assign, find, find_command
from iquila.command.definition import Command
from iquila.command.script import split

KEPT = 1000
"""Lines at most."""


def history_path() -> Path:
    """Return the file: below ``$XDG_STATE_HOME``, or ``~/.local/state``."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "iquila" / "history"


def has_secret(line: str, commands: Sequence[Command]) -> bool:
    """Return whether a line gives a secret; one that cannot be understood may."""
    try:
        words = split(line)
        if not words:
            return False
        command = find_command(commands, words[0])
    except UsageError:
        # A misspelt command may have been given anything.
        return len(line.split()) > 1
    if not any(argument.secret for argument in command.arguments):
        return False
    try:
        given = assign(command, words[1:])
    except UsageError:
        return True
    return any(getattr(find(command, key), "secret", False) for key in given)


class LineHistory(History):
    """
    Lines that were typed, oldest first in the file.

    A file that cannot be read or written costs the history, never the command.
    """

    def __init__(self, path: Path, commands: Sequence[Command]) -> None:
        super().__init__()
        self._path = path
        self._commands = commands

    def append_string(self, string: str) -> None:
        """Remember a line, in memory too, unless it gives a secret."""
        if not has_secret(string, self._commands):
            super().append_string(string)

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines, newest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        if len(lines) > KEPT:
            lines = lines[-KEPT:]
            self._write("w", lines)
        return reversed(lines)

    def store_string(self, string: str) -> None:
        """Add a line to the file."""
        self._write("a", [" ".join(string.splitlines())])

    def _write(self, mode: str, lines: Iterable[str]) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(self._path, mode, encoding="utf-8", opener=_private) as file:
                file.writelines(f"{line}\n" for line in lines)
        except OSError:
            return


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
