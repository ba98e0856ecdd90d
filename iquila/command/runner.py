"""Running commands one after the other over one connection; failures become an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from attrs import define, evolve, field

from iquila.command.arguments import UsageError, find, find_command, read_arguments
from iquila.command.asking import asker
from iquila.command.commandline import Options
from iquila.command.connection import ConnectionProblem
from iquila.command.definition import Answer, Argument, Caller, Command
from iquila.command.helptext import details, overview
from iquila.command.output import show, without_secrets
from iquila.errors import IquilaError, VENError

DONE, REFUSED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130
_SWITCH = Argument("SWITCH", "Virtual Switch")


@define
class Runner:
    """
    Runs command lines.

    :ivar connect: makes the connection; it is made for the first command that needs it.
    :ivar switch: the Virtual Switch that is selected; empty for none.
    :ivar out: where the output goes as well; None for nowhere.
    :ivar selecting: whether ``Hub`` can select a switch for what follows.
    """

    commands: Sequence[Command]
    options: Options
    connect: Callable[[], Caller]
    switch: str = field(init=False)
    out: TextIO | None = None
    selecting: bool = False
    _caller: Caller | None = field(init=False, default=None)

    @switch.default
    def _first_switch(self) -> str:
        return self.options.switch

    def attempt(self, words: Sequence[str], where: str = "") -> int:
        """
        Run a command line; return its exit status, with the reason on standard error.

        :param where: what is put before the reason.
        """
        try:
            return self.run(words)
        except (UsageError, IquilaError) as error:
            status, sentence = failure(error)
            self._complain(where + sentence)
            return status

    def run(self, words: Sequence[str]) -> int:
        """
        Run a command line; return the exit status that its answer has.

        :raises UsageError: it cannot be understood.
        :raises IquilaError: it was refused, or the server could not be asked.
        """
        first, rest = words[0], list(words[1:])
        if first.lower() == "help" or first in ("--help", "/?"):
            print(details(find_command(self.commands, rest[0])) if rest else self.overview())
            return DONE
        command = find_command(self.commands, first)
        if any(word in ("--help", "/?", "/HELP") for word in rest):
            print(details(command))
            return DONE
        return self._perform(command, rest)

    def overview(self) -> str:
        """Return the list of all commands."""
        return overview(self.commands)

    def _perform(self, command: Command, words: list[str]) -> int:
        words, format, switch = self._trailing(command, words)
        if command.on_switch and not switch:
            switch = self._needed_switch(command)
        if command.selects and not self.selecting:
            raise UsageError(f"{command.name} selects for what follows: give --switch NAME.")
        given = read_arguments(command, words, asker())
        answer = self._answer(command, {**given, "switch": switch})
        if command.selects:
            self.switch = given["name"]
        self._show(answer, format)
        return command.status(answer[0])

    def _answer(self, command: Command, given: dict[str, Any]) -> Answer:
        try:
            return command.run(self, given)
        except KeyError as error:
            raise IquilaError(
                f"The server's answer to {command.name} has no {error}: it may be of another "
                "version."
            ) from error

    def _trailing(self, command: Command, words: list[str]) -> tuple[list[str], str, str]:
        """Take off what people put last although it belongs before the command."""
        words, format, switch = list(words), self.options.format, self.switch
        for name in ("json", "csv"):
            if f"--{name}" in words:
                words.remove(f"--{name}")
                format = name
        if find(command, "SWITCH") is None and "--switch" in words[:-1]:
            at = words.index("--switch")
            switch = words[at + 1]
            del words[at : at + 2]
        return words, format, switch

    def _needed_switch(self, command: Command) -> str:
        if self.selecting:
            raise UsageError(f"{command.name} works on a Virtual Switch: select one with Hub NAME.")
        ask = asker()
        name = ask(_SWITCH) if ask is not None else ""
        if not name:
            raise UsageError(f"{command.name} works on a Virtual Switch: give --switch NAME.")
        return name

    def call(self, method: str, parameters: dict[str, object]) -> dict[str, object]:
        """Run an operation: commands that ask nothing need no connection."""
        if self._caller is None:
            self._caller = self.connect()
        return self._caller.call(method, parameters)

    def _show(self, answer: Answer, format: str) -> None:
        show(*answer, format)
        if self.out is not None:
            show(*without_secrets(*answer), format, self.out)
            self.out.flush()

    def _complain(self, sentence: str) -> None:
        print(sentence, file=sys.stderr)
        if self.out is not None:
            self.out.write(f"{sentence}\n")
            self.out.flush()


def failure(error: Exception) -> tuple[int, str]:
    """Return exit status and sentence for what went wrong."""
    if isinstance(error, UsageError):
        return USAGE, f"iquila: {error}"
    if isinstance(error, VENError):
        return REFUSED, f"Error {error.code}: {error}"
    if isinstance(error, ConnectionProblem):
        return UNREACHABLE, f"Error: {error}"
    return REFUSED, f"Error: {error}"


def open_output(path: str) -> TextIO:
    """
    Open the file that output goes to as well, for its owner only.

    :raises UsageError: it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        return os.fdopen(descriptor, "w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"The file {path} cannot be written ({error.strerror}).") from error


def impatient(options: Options, seconds: float) -> Options:
    """Return options for a connection that nobody should have to wait for."""
    return evolve(options, timeout=seconds)
