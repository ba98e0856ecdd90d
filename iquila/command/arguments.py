"""
Reading the arguments of a command: vpncmd's ``/KEY:value`` beside the usual ``--key value``.

Our own and not click's: names in any case and shortened, ``/KEY:value``, and a first word that may
be a host would all have to be read before click saw the words, and nothing would be left for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from iquila.command.definition import Argument, Command

_SLASH = re.compile(r"/([A-Za-z][A-Za-z0-9_]*)(?:(:)(.*))?\Z", re.DOTALL)
DEFAULT_PORT = 5555
ATTEMPTS = 3
Ask = Callable[[Argument], str]
"""Ask a person for an argument."""


class UsageError(Exception):
    """What was typed cannot be understood; the sentence says what to do."""


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


def slash_word(word: str) -> tuple[str, str | None] | None:
    """Return key and value of ``/KEY:value`` (None for ``/KEY``), None for another word."""
    match = _SLASH.match(word)
    if match is None:
        return None
    value = match[3]
    if value is not None and len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    return match[1], value


def assign(command: Command, words: Sequence[str]) -> dict[str, str]:
    """
    Return the words by the keys of the arguments that they are for.

    :raises UsageError: one is unknown, given twice, or too many.
    """
    given: dict[str, str] = {}
    positional = [a for a in command.arguments if a.positional]
    rest = list(words)
    while rest:
        word = rest.pop(0)
        slash = slash_word(word)
        if slash is not None and (slash[1] is not None or find(command, slash[0]) is not None):
            key, said = slash
            _give(given, command, key, _alone(command, key) if said is None else said)
        elif word.startswith("--") and len(word) > 2:
            key, separator, value = word[2:].partition("=")
            if not separator and _alone(command, key):
                value = "yes"
            elif not separator:
                if not rest:
                    raise UsageError(f"--{key} needs a value.")
                value = rest.pop(0)
            _give(given, command, key, value)
        elif left := [a for a in positional if a.key not in given]:
            _give(given, command, left[0].key, word)
        else:
            raise UsageError(f"{command.name} takes no argument '{word}'.")
    return given


def _alone(command: Command, key: str) -> str:
    """Return what an argument means that stands without a value: nothing, but for a flag."""
    return "yes" if _known(command, key).flag else ""


def _known(command: Command, key: str) -> Argument:
    argument = find(command, key)
    if argument is None:
        raise UsageError(f"{command.name} has no argument '{key}': see {command.name} --help.")
    return argument


def find(command: Command, key: str) -> Argument | None:
    """Return the argument of a key in any case, with ``-`` for ``_`` too."""
    wanted = key.lower().replace("-", "_")
    return next((a for a in command.arguments if a.key.lower() == wanted), None)


def _give(given: dict[str, str], command: Command, key: str, value: str) -> None:
    argument = _known(command, key)
    if argument.key in given:
        raise UsageError(f"'{argument.key}' is given twice.")
    given[argument.key] = value


def read_arguments(
    command: Command, words: Sequence[str], ask: Ask | None = None
) -> dict[str, Any]:
    """
    Return the arguments of a command by their keys in lower case.

    :param ask: asks for what is missing; None where there is nobody to ask.
    :raises UsageError: one is missing, unknown, given twice, or has no valid value.
    """
    given = assign(command, words)
    return {a.into or a.key.lower(): _value(command, a, given, ask) for a in command.arguments}


def _value(command: Command, argument: Argument, given: dict[str, str], ask: Ask | None) -> Any:
    if argument.key in given:
        return _convert(argument, given[argument.key])
    if argument.required:
        if ask is None:
            raise UsageError(
                f"{command.name} needs {argument.key}: give it as "
                f"--{argument.key.lower().replace('_', '-')} VALUE."
            )
        return _asked(argument, ask)
    return None if argument.default is None else _convert(argument, argument.default)


def _asked(argument: Argument, ask: Ask) -> Any:
    """Return what a person answers; a wrong answer may be put right, but not for ever."""
    for attempt in range(ATTEMPTS):
        try:
            return _convert(argument, ask(argument))
        except UsageError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("ATTEMPTS is 0")


def _convert(argument: Argument, text: str) -> Any:
    try:
        return argument.convert(text)
    except ValueError as error:
        raise UsageError(f"{argument.key}: {error}.") from error
