"""What stands before the command: our options, and vpncmd's so that old scripts run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from iquila.command.arguments import DEFAULT_PORT, UsageError, host_and_port, slash_word
from iquila.command.definition import Command

DEFAULT_HOST = "localhost"
TIMEOUT = 30.0
EXPOSED = (
    "iquila: warning: a password on the command line can be read by every user of this machine: "
    "use --password-file."
)


@frozen
class Options:
    """What stands before the command."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    switch: str = ""
    as_switch_administrator: bool = False
    as_auditor: bool = False
    password_file: str = ""
    password: str | None = field(default=None, repr=False)
    """From vpncmd's ``/PASSWORD:``; None where there is none."""
    format: str = "table"
    insecure: bool = False
    script: str = ""
    """File of commands, ``-`` for standard input."""
    out: str = ""
    keep_going: bool = False
    timeout: float = TIMEOUT
    """Seconds to wait for an answer."""
    client: bool = False
    """Whether a VEN client of this machine is meant, not a server."""
    socket: str = ""
    """Its control socket; empty for the usual one."""
    words: list[str] = field(factory=list)
    """The command and its arguments."""
    wants: str = ""
    """``help`` or ``version``, where that is all that was asked for."""


# Options with a value, and vpncmd's spelling of the same: key -> field.
_VALUES = {
    "switch": "switch",
    "password-file": "password_file",
    "in": "script",
    "out": "out",
    "socket": "socket",
}
_FLAGS = {
    "insecure": "insecure",
    "as-switch-administrator": "as_switch_administrator",
    "as-auditor": "as_auditor",
    "keep-going": "keep_going",
    "client": "client",
}
_SLASH_VALUES = {"ADMINHUB": "switch", "IN": "script", "OUT": "out"}


def read_options(words: Sequence[str], commands: Sequence[Command]) -> Options:
    """
    Split what was typed: options, a host, then the command with its arguments.

    :raises UsageError: an option is not known, or its value is missing.
    """
    reader = _Reader(list(words), commands)
    wants = reader.read()
    if reader.values.get("client"):
        _check_client(reader.values)
    if wants:
        return Options(wants=wants, client=reader.values.get("client", False))
    if reader.values.get("as_auditor") and reader.values.get("as_switch_administrator"):
        raise UsageError("--as-auditor and --as-switch-administrator exclude each other.")
    if reader.values.get("password") is not None:
        print(EXPOSED, file=sys.stderr)
    return Options(**reader.values, words=reader.rest)


def _check_client(values: dict[str, Any]) -> None:
    if values.get("host", DEFAULT_HOST) != DEFAULT_HOST:
        raise UsageError("A client is administered on its own machine: leave the host out.")
    if values.get("switch"):
        raise UsageError("A client has no Virtual Switches: leave --switch out.")


class _Reader:
    def __init__(self, rest: list[str], commands: Sequence[Command]) -> None:
        self.rest = rest
        self.values: dict[str, Any] = {}
        self._names = [command.name.lower() for command in commands]
        self._server = False
        """Whether ``/SERVER`` was there: then the next word is a host."""

    def read(self) -> str:
        """Take everything before the command off; return what was asked for instead of one."""
        while self.rest:
            word = self.rest[0]
            if word.startswith("-"):
                wants = self._option(self.rest.pop(0))
            elif word.startswith("/"):
                wants = self._slash(self.rest.pop(0))
            elif "host" not in self.values and (self._server or self._is_host()):
                self.values["host"], self.values["port"] = host_and_port(self.rest.pop(0))
                self._server = False
                continue
            else:
                return ""
            if wants == "command":
                return ""
            if wants:
                return wants
        return ""

    def _option(self, word: str) -> str:
        option, separator, value = word.partition("=")
        name = option[2:]
        if option in ("--help", "-h"):
            return "help"
        if option == "--version":
            return "version"
        if option in ("--json", "--csv"):
            self._format(name)
        elif option.startswith("--") and name in _FLAGS and not separator:
            self.values[_FLAGS[name]] = True
        elif option.startswith("--") and name in _VALUES:
            if not separator and not self.rest:
                raise UsageError(f"{option} needs a value.")
            self.values[_VALUES[name]] = value if separator else self.rest.pop(0)
        else:
            raise UsageError(f"There is no option {option}: see iquila --help.")
        return ""

    def _format(self, name: str) -> None:
        if self.values.get("format", name) != name:
            raise UsageError("--json and --csv exclude each other.")
        self.values["format"] = name

    def _slash(self, word: str) -> str:
        """Take one of vpncmd's options."""
        if word in ("/?", "/HELP", "/help"):
            return "help"
        key, value = slash_word(word) or (word, None)
        key = key.upper()
        if key == "SERVER" and value is None:
            self._server = "host" not in self.values
        elif key == "CSV" and value is None:
            self._format("csv")
        elif key == "CLIENT" and value is None:
            self.values["client"] = True
        elif key == "CMD" and value is None:
            return "command"
        elif key == "PASSWORD" and value is not None:
            self.values["password"] = value
        elif key == "HUB" and value is not None:
            self.values["switch"] = value
            self.values["as_switch_administrator"] = True
        elif key in _SLASH_VALUES and value is not None:
            self.values[_SLASH_VALUES[key]] = value
        else:
            raise UsageError(f"There is no option {word}: see iquila --help.")
        return ""

    def _is_host(self) -> bool:
        """Return whether the first word is a host: no command itself, and one may follow."""
        first = self.rest[0].lower()
        others = [w.lower() for w in self.rest[1:] if not w.startswith("-")]
        if first in self._names or first == "help":
            return False
        if not any(name.startswith(first) for name in self._names):
            # Alone it may as well be a misspelt command; a host is told by a dot or a colon.
            return bool(self.rest[1:]) or first == DEFAULT_HOST or "." in first or ":" in first
        return any(name == word for word in others for name in self._names)
