"""
From command line options to a service: what the server plugins share.

All that can be known before the process goes to the background is checked here, so that a
person who typed the command sees it.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from contextlib import closing
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar

from twisted.application.service import MultiService
from twisted.python import usage
from twisted.python.failure import Failure

from iquila.database.directory import DataDirectory
from iquila.database.records import ListenerRecord, decode
from iquila.database.sqlite import SQLiteEngine
from iquila.errors import ConfigurationError, IquilaError
from iquila.service.core import DEFAULT_PORTS
from iquila.service.memory import Collector
from iquila.service.options import RoleOptions, read_password
from iquila.service.server import Server, Setup

Options = TypeVar("Options")


def told(make: Callable[[Options], MultiService]) -> Callable[[Options], MultiService]:
    """Make a `makeService` whose problems are told in one sentence, with exit status 1."""

    @wraps(make)
    def made(options: Options) -> MultiService:
        try:
            return make(options)
        except (usage.UsageError, IquilaError) as error:
            # twistd would print a traceback for any other exception.
            raise SystemExit(f"iquila: {error}") from None

    return made


def assemble(options: RoleOptions, reactor: Any, settings: dict[str, Any]) -> MultiService:
    """
    Return the service for some options.

    :param settings: changes to the server's settings.
    :raises ConfigurationError: the data directory or a port cannot be had.
    """
    password_file = options["admin-password-file"]
    password = None if password_file is None else read_password(password_file)
    directory = DataDirectory(options["data"].expanduser().resolve())
    ports = options["listen"]
    try:
        directory.prepare()
        directory.lock()
        known = _known_ports(directory)
        check_ports(ports or known, options["address"])
    except BaseException:
        directory.unlock()
        raise
    if options["max-sessions"] is not None:
        settings = {**settings, "max_sessions": options["max-sessions"]}
    setup = Setup(ports, password, tuple(settings.items()), options.limits())
    server = Server(reactor, directory, setup, options["address"])
    return Unattended(server, reactor)


def _known_ports(directory: DataDirectory) -> tuple[int, ...]:
    """Return the ports that a server listened on before, reading its databases for faults."""
    ports: list[int] = []
    for path in (directory.system_database, directory.server_database):
        if not path.exists():
            continue
        with closing(SQLiteEngine(path, partial(_keep, directory, path))) as engine:
            for kind, _key, value, _revision in engine.load().rows:
                record = decode(kind, value)
                if isinstance(record, ListenerRecord) and record.enabled:
                    ports.append(record.port)
    return tuple(ports) or DEFAULT_PORTS


def _keep(directory: DataDirectory, path: Path) -> None:
    """Copy a database before its schema is upgraded."""
    target = directory.new_backup("before-upgrade")
    for part in (path, path.with_name(path.name + "-wal")):
        if part.exists():
            shutil.copy2(part, target)


def check_ports(ports: tuple[int, ...], address: str) -> None:
    """
    Try whether ports can be listened on.

    :raises ConfigurationError: one cannot.
    """
    for port in ports:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
                trial.listen(1)
            except OSError as error:
                raise ConfigurationError(
                    f"Port {address or '*'}:{port} cannot be opened ({error.strerror}): choose "
                    "another port with --listen, or stop the program that uses it."
                ) from error


class Unattended(MultiService):
    """A server with nobody to ask: when it cannot start, it says why and the process ends."""

    def __init__(self, server: Server, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self.server = server
        Collector(reactor).setServiceParent(self)
        server.setServiceParent(self)

    def startService(self) -> None:
        """Start, and watch for failure."""
        super().startService()
        self.server.when_started().addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self.server.report_failure(failure)
        self._reactor.callLater(0, self._reactor.stop)
