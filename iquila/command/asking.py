"""Asking a person for what is missing: on a terminal only, secrets unseen, new ones twice."""

from __future__ import annotations

import getpass
import sys

from iquila.command.arguments import ATTEMPTS, Ask, UsageError
from iquila.command.definition import Argument


def asker() -> Ask | None:
    """Return how to ask, None where there is nobody to ask."""
    return ask if sys.stdin.isatty() else None


def ask(argument: Argument) -> str:
    """
    Ask for an argument.

    :raises UsageError: there is no answer, or a new secret was typed differently every time.
    """
    try:
        if argument.new:
            return _new(argument.help)
        if argument.secret:
            return getpass.getpass(f"{argument.help}: ")
        return _line(f"{argument.help}: ")
    except EOFError as error:
        raise UsageError(f"{argument.key} is missing.") from error


def _line(prompt: str) -> str:
    # On standard error, so that a prompt is no part of the output.
    print(prompt, end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


def _new(what: str) -> str:
    for _ in range(ATTEMPTS):
        first = getpass.getpass(f"{what}: ")
        if getpass.getpass(f"{what} again: ") == first:
            return first
        print("These are not the same.", file=sys.stderr)
    raise UsageError("The password was typed differently every time.")
