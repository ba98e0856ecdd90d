"""The command line from its first word to the exit status: 0, 1 (refused) or 2 (usage)."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import iquila
from iquila.command import cluster, configuration, server, sessions, switches, users
from iquila.command.arguments import (
    Options,
    UsageError,
    find_command,
    read_arguments,
    read_options,
)
from iquila.command.connection import (
    Connection,
    ConnectionProblem,
    KnownServers,
    known_servers_path,
)
from iquila.command.definition import Caller, Command
from iquila.command.output import show
from iquila.errors import IquilaError, VENError

COMMANDS: tuple[Command, ...] = (
    *server.COMMANDS,
    *cluster.COMMANDS,
    *switches.COMMANDS,
    *users.COMMANDS,
    *sessions.COMMANDS,
    *configuration.COMMANDS,
)
USAGE = (
    "usage: iquila [HOST[:PORT]] [--switch NAME] [--password-file FILE] [--json|--csv]\n"
    "              [--insecure] [--as-switch-administrator] COMMAND [ARGUMENTS]"
)
Connect = Callable[[Options, str], Caller]


def main(words: Sequence[str], connect: Connect | None = None) -> int:
    """Run a command line; return the exit status."""
    try:
        return _run(words, connect or _connect)
    except UsageError as error:
        print(f"iquila: {error}", file=sys.stderr)
        return 2
    except VENError as error:
        print(f"Error {error.code}: {error}", file=sys.stderr)
        return 1
    except IquilaError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough; Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(words: Sequence[str], connect: Connect) -> int:
    options = read_options(words, COMMANDS)
    if options.wants == "version":
        print(f"iquila {iquila.__version__}")
        return 0
    if options.wants == "help" or (options.words and options.words[0].lower() == "help"):
        print(_help())
        return 0
    if not options.words:
        raise UsageError("give a command: iquila --help lists them.")
    command = find_command(COMMANDS, options.words[0])
    if any(word in ("--help", "/?") for word in options.words[1:]):
        print(_command_help(command))
        return 0
    words, format = list(options.words[1:]), options.format
    for name in ("json", "csv"):
        # People put these last too.
        if f"--{name}" in words:
            words.remove(f"--{name}")
            format = name
    given = read_arguments(command, words)
    if command.on_switch and not options.switch:
        raise UsageError(f"{command.name} works on a Virtual Switch: give --switch NAME.")
    given["switch"] = options.switch
    answer, shown = command.run(_Later(lambda: connect(options, password(options))), given)
    show(answer, shown, format)
    return command.status(answer)


class _Later:
    """A server that is asked for its password and reached at the first call, if there is one."""

    def __init__(self, connect: Callable[[], Caller]) -> None:
        self._connect = connect
        self._caller: Caller | None = None

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Run an operation and return its result."""
        if self._caller is None:
            self._caller = self._connect()
        return self._caller.call(method, parameters)


def password(options: Options) -> str:
    """
    Return the administration password: from the file, the environment, or a prompt.

    :raises UsageError: there is none.
    """
    if options.password_file:
        try:
            lines = Path(options.password_file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The file {options.password_file} cannot be read: {error}") from error
        return lines[0] if lines else ""
    known = os.environ.get("IQUILA_PASSWORD")
    if known is not None:
        return known
    if not sys.stdin.isatty():
        raise UsageError("give the password with --password-file or in IQUILA_PASSWORD.")
    return getpass.getpass("Administration password: ")


def _connect(options: Options, secret: str) -> Caller:
    known = None if options.insecure else KnownServers(known_servers_path())
    switch = options.switch if options.as_switch_administrator else ""
    return Connection(options.host, options.port, secret, known, switch)


def _help() -> str:
    width = max(len(command.name) for command in COMMANDS)
    rows = "\n".join(f"  {c.name.ljust(width)}  {c.help}" for c in COMMANDS)
    return (
        f"{USAGE}\n\nAdministers an iquila server or cluster.\n\n"
        "The password comes from --password-file, IQUILA_PASSWORD or a prompt. Names of commands "
        "may be\nshortened; arguments are taken as /KEY:value and as --key value.\n\n"
        f"commands:\n{rows}"
    )


def _command_help(command: Command) -> str:
    lines = [f"usage: iquila ... {command.name}", "", command.help + "."]
    for argument in command.arguments:
        name = f"[{argument.key}]" if argument.positional else f"/{argument.key}:..."
        optional = "" if argument.required else " (optional)"
        lines.append(f"  {name:<18} {argument.help}{optional}")
    return "\n".join(lines)


__all__ = ["COMMANDS", "ConnectionProblem", "main"]
