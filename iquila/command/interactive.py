"""The prompt for commands on a terminal, with completion by TAB and a history."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.shortcuts import CompleteStyle

from iquila.command.arguments import UsageError
from iquila.command.completion import CommandCompleter, Names
from iquila.command.definition import Caller
from iquila.command.history import LineHistory, history_path
from iquila.command.runner import DONE, Runner, failure
from iquila.command.script import split
from iquila.errors import IquilaError

_LEAVE = ("exit", "quit")


def interact(runner: Runner, connect_for_names: Callable[[], Caller]) -> int:
    """
    Take commands until ``exit``, ``quit`` or Ctrl-D; return the exit status.

    :param connect_for_names: makes the connection that TAB asks for names.
    :raises IquilaError: the server cannot be asked, or does not let us in.
    """
    runner.call("GetServerInfo", {})
    name = f"{runner.options.host}:{runner.options.port}"
    session: PromptSession[str] = PromptSession(
        history=LineHistory(history_path(), runner.commands),
        completer=CommandCompleter(
            runner.commands, Names(connect_for_names), lambda: runner.switch
        ),
        complete_while_typing=False,
        complete_in_thread=True,
        complete_style=CompleteStyle.READLINE_LIKE,
    )
    print(f"Connected with {name}. help lists the commands, exit ends.")
    while True:
        switch = f"/{runner.switch}" if runner.switch else ""
        try:
            line = session.prompt(f"iquila {name}{switch}> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return DONE
        if _answer(runner, line):
            return DONE


def _answer(runner: Runner, line: str) -> bool:
    """Run a line; return whether it was the last one. What goes wrong is told, and ends nothing."""
    try:
        words = split(line)
        if not words:
            return False
        if words[0].lower() in _LEAVE:
            return True
        runner.attempt(words)
    except KeyboardInterrupt:
        print()
    except (UsageError, IquilaError) as error:
        print(failure(error)[1])
    return False
