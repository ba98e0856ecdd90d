"""Reading a command line: vpncmd's ``/KEY:value`` beside the usual ``--key value``."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from iquila.command.definition import Argument, Command

_SLASH = re.compile(r"/([A-Za-z][A-Za-z0-9]*)(?::(.*))?\Z", re.DOTALL)
DEFAULT_HOST, DEFAULT_PORT = "localhost", 5555


class UsageError(Exception):
    """What was typed cannot be understood; the sentence says what to do."""


@frozen
class Options:
    """What stands before the command."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    switch: str = ""
    as_switch_administrator: bool = False
    password_file: str = ""
    format: str = "table"
    insecure: bool = False
    words: list[str] = field(factory=list)
    """The command and its arguments."""
    wants: str = ""
    """``help`` or ``version``, where that is all that was asked for."""


def read_options(words: Sequence[str], commands: Sequence[Command]) -> Options:
    """
    Split what was typed: options, a host, then the command with its arguments.

    :raises UsageError: an option is not known, or its value is missing.
    """
    values: dict[str, Any] = {}
    rest = list(words)
    while rest:
        if rest[0].startswith("-"):
            wants = _read_option(values, rest)
            if wants:
                return Options(wants=wants)
        elif "host" not in values and _is_host(rest, commands):
            values["host"], values["port"] = host_and_port(rest.pop(0))
        else:
            break
    return Options(**values, words=rest)


def _read_option(values: dict[str, Any], rest: list[str]) -> str:
    """Take one option off; return what was asked for in place of a command, if anything."""
    option, separator, value = rest.pop(0).partition("=")
    name = option[2:].replace("-", "_")
    if option in ("--help", "-h"):
        return "help"
    if option == "--version":
        return "version"
    if option in ("--json", "--csv"):
        if values.get("format", name) != name:
            raise UsageError("--json and --csv exclude each other.")
        values["format"] = name
    elif option in ("--insecure", "--as-switch-administrator"):
        values[name] = True
    elif option in ("--switch", "--password-file"):
        if not separator and not rest:
            raise UsageError(f"{option} needs a value.")
        values[name] = value if separator else rest.pop(0)
    else:
        raise UsageError(f"There is no option {option}: see iquila --help.")
    return ""


def _is_host(rest: Sequence[str], commands: Sequence[Command]) -> bool:
    """Return whether the first word is a host: no command itself, and one may follow."""
    names = [command.name.lower() for command in commands]
    first, others = rest[0].lower(), [w.lower() for w in rest[1:] if not w.startswith("-")]
    if first in names or first == "help":
        return False
    if not any(name.startswith(first) for name in names):
        return bool(rest[1:])
    return any(name == word for word in others for name in names)


def host_and_port(text: str, default: int = DEFAULT_PORT) -> tuple[str, int]:
    """
    Return host and port of ``HOST[:PORT]``.

    :raises UsageError: the port is no port.
    """
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not host or (port and not (port.isdecimal() and 1 <= int(port) <= 65535)):
        raise UsageError(f"'{text}' is not HOST or HOST:PORT (IPv6: [ADDRESS]:PORT).")
    return host, int(port) if port else default


def find_command(commands: Sequence[Command], word: str) -> Command:
    """
    Return the command of a name in any case, or of the beginning of exactly one.

    :raises UsageError: none, or several.
    """
    wanted = word.lower()
    exact = [c for c in commands if c.name.lower() == wanted]
    found = exact or [c for c in commands if c.name.lower().startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(c.name for c in found)
        raise UsageError(f"'{word}' is the beginning of several commands: {names}.")
    raise UsageError(f"There is no command '{word}': iquila --help lists them.")


def read_arguments(command: Command, words: Sequence[str]) -> dict[str, Any]:
    """
    Return the arguments of a command by their keys in lower case.

    :raises UsageError: one is missing, unknown, given twice, or has no valid value.
    """
    given: dict[str, str] = {}
    positional = [a for a in command.arguments if a.positional]
    rest = list(words)
    while rest:
        word = rest.pop(0)
        slash = _SLASH.match(word)
        if slash and _find(command, slash[1]) is not None:
            _give(given, command, slash[1], (slash[2] or "").strip('"'))
        elif word.startswith("--") and len(word) > 2:
            key, separator, value = word[2:].partition("=")
            argument = _find(command, key)
            if argument is not None and argument.flag:
                value = value if separator else "yes"
            elif not separator:
                if not rest:
                    raise UsageError(f"--{key} needs a value.")
                value = rest.pop(0)
            _give(given, command, key, value)
        elif positional:
            _give(given, command, positional.pop(0).key, word)
        else:
            raise UsageError(f"{command.name} takes no argument '{word}'.")
    return {a.key.lower(): _value(command, a, given) for a in command.arguments}


def _find(command: Command, key: str) -> Argument | None:
    return next((a for a in command.arguments if a.key.lower() == key.lower()), None)


def _give(given: dict[str, str], command: Command, key: str, value: str) -> None:
    argument = _find(command, key)
    if argument is None:
        raise UsageError(f"{command.name} has no argument '{key}': see {command.name} --help.")
    if argument.key in given:
        raise UsageError(f"'{argument.key}' is given twice.")
    given[argument.key] = value


def _value(command: Command, argument: Argument, given: dict[str, str]) -> Any:
    if argument.key in given:
        text = given[argument.key]
    elif argument.required:
        text = _ask(command, argument)
    else:
        text = argument.default
    try:
        return argument.convert(text)
    except ValueError as error:
        raise UsageError(f"{argument.key}: {error}.") from error


def _ask(command: Command, argument: Argument) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            f"{command.name} needs {argument.key}: give it as --{argument.key.lower()} VALUE."
        )
    if argument.secret:
        return getpass.getpass(f"{argument.help}: ")
    return input(f"{argument.help}: ")
