"""
The command line from its first word to the exit status.

0: done; 1: refused by the server; 2: usage; 3: the server cannot be reached.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import iquila
from iquila.command import (
    accesslist,
    audit,
    bridges,
    cascades,
    certificates,
    cluster,
    configuration,
    groups,
    listeners,
    logs,
    options,
    policies,
    proofs,
    protocols,
    routers,
    securenat,
    server,
    sessions,
    switches,
    tokens,
    trust,
    users,
)
from iquila.command.arguments import UsageError
from iquila.command.client import CLIENT_COMMANDS
from iquila.command.client.socket import SocketConnection, socket_path
from iquila.command.commandline import Options, read_options
from iquila.command.connection import (
    Connection,
    ConnectionProblem,
    KnownServers,
    known_servers_path,
)
from iquila.command.definition import Caller, Command
from iquila.command.helptext import overview
from iquila.command.interactive import interact
from iquila.command.runner import DONE, INTERRUPTED, Runner, failure, impatient, open_output
from iquila.command.script import run_script
from iquila.errors import IquilaError

COMMANDS: tuple[Command, ...] = (
    *server.COMMANDS,
    *certificates.COMMANDS,
    *listeners.COMMANDS,
    *tokens.COMMANDS,
    *cluster.COMMANDS,
    *switches.COMMANDS,
    *options.COMMANDS,
    *users.COMMANDS,
    *proofs.COMMANDS,
    *groups.COMMANDS,
    *policies.COMMANDS,
    *sessions.COMMANDS,
    *accesslist.COMMANDS,
    *trust.COMMANDS,
    *logs.COMMANDS,
    *audit.COMMANDS,
    *securenat.COMMANDS,
    *cascades.COMMANDS,
    *bridges.COMMANDS,
    *routers.COMMANDS,
    *protocols.COMMANDS,
    *configuration.COMMANDS,
)
AUDITOR = "auditor"
IMPATIENT = 2.0
"""Seconds that TAB may wait for names of the server."""

Connect = Callable[[Options, str], Caller]


def main(words: Sequence[str], connect: Connect | None = None) -> int:
    """Run a command line; return the exit status."""
    try:
        return _run(words, connect or _connect)
    except (UsageError, IquilaError) as error:
        status, sentence = failure(error)
        print(sentence, file=sys.stderr)
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _run(words: Sequence[str], connect: Connect) -> int:
    chosen = read_options(words, (*COMMANDS, *CLIENT_COMMANDS))
    commands = CLIENT_COMMANDS if chosen.client else COMMANDS
    if chosen.wants == "version":
        print(f"iquila {iquila.__version__}")
        return DONE
    if chosen.wants == "help":
        print(overview(commands))
        return DONE
    if chosen.script and chosen.words:
        raise UsageError("give a command or --in FILE, not both.")
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not chosen.words and not chosen.script and not on_terminal:
        raise UsageError("give a command: iquila --help lists them.")
    secret = _Secret(chosen)
    runner = Runner(commands, chosen, lambda: connect(chosen, secret()))
    if chosen.out:
        with open_output(chosen.out) as runner.out:
            return _commands(runner, connect, secret)
    return _commands(runner, connect, secret)


class _Secret:
    """The administration password, asked for once."""

    def __init__(self, chosen: Options) -> None:
        self._options = chosen
        self._known: str | None = None

    def __call__(self) -> str:
        if self._options.client:
            return ""  # whoever may open its socket may do everything
        if self._known is None:
            self._known = password(self._options)
        return self._known


def _commands(runner: Runner, connect: Connect, secret: Callable[[], str]) -> int:
    chosen = runner.options
    if chosen.words:
        return runner.attempt(chosen.words)
    runner.selecting = True
    if chosen.script:
        if chosen.script == "-":
            # The password cannot come from there as well.
            secret()
        return run_script(runner, chosen.script, chosen.keep_going)
    return interact(runner, lambda: connect(impatient(chosen, IMPATIENT), secret()))


def password(chosen: Options) -> str:
    """
    Return the administration password: from the file, the environment, or a prompt.

    :raises UsageError: there is none.
    """
    if chosen.password_file:
        try:
            lines = Path(chosen.password_file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The file {chosen.password_file} cannot be read: {error}") from error
        return lines[0] if lines else ""
    if chosen.password is not None:
        return chosen.password
    known = os.environ.get("IQUILA_PASSWORD")
    if known is not None:
        return known
    if not sys.stdin.isatty():
        raise UsageError("give the password with --password-file or in IQUILA_PASSWORD.")
    return getpass.getpass("Administration password: ")


def _connect(chosen: Options, secret: str) -> Caller:
    if chosen.client:
        return SocketConnection(socket_path(chosen.socket), timeout=chosen.timeout)
    known = None if chosen.insecure else KnownServers(known_servers_path())
    return Connection(
        chosen.host, chosen.port, secret, known, login_name(chosen), timeout=chosen.timeout
    )


def login_name(chosen: Options) -> str:
    """Return in whose name the password is given; empty for the server's administrator."""
    if chosen.as_auditor:
        return AUDITOR
    return chosen.switch if chosen.as_switch_administrator else ""


__all__ = ["CLIENT_COMMANDS", "COMMANDS", "ConnectionProblem", "main"]
