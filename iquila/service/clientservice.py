"""
The managed VEN client as a service of its own: the directory, the database, the control socket.

What it does is in :mod:`.clientmanager`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import Site

from iquila.admin.client.resource import ControlResource
from iquila.database.directory import DataDirectory
from iquila.database.sqlite import SQLiteEngine
from iquila.database.store import Database
from iquila.errors import ConfigurationError
from iquila.service.clientmanager import Client
from iquila.session.web import BoundedRequest

MAX_PATH = 107
"""Bytes of the path of a UNIX socket, unix(7)."""
IDLE_SECONDS = 60


class _Site(Site):
    """The HTTP service on the control socket."""

    noisy = False

    def log(self, request: Any) -> None:
        """Write no access log."""


def control_site(client: Client, reactor: Any) -> Site:
    """Return what answers on the control socket: the same as ``/api`` of a server."""
    root = Resource()
    root.putChild(b"api", ControlResource(client))
    site = _Site(root, requestFactory=BoundedRequest, timeout=IDLE_SECONDS, reactor=reactor)
    site.displayTracebacks = False
    return site


def check_directory(directory: DataDirectory) -> None:
    """
    Prepare and lock a client's directory, reading its database for faults.

    :raises ConfigurationError: it cannot be used, or another process has it.
    """
    socket_path = os.fsencode(directory.control_socket)
    if len(socket_path) > MAX_PATH:
        raise ConfigurationError(
            f"The path {directory.control_socket} is too long for a socket: choose a directory "
            f"whose path is shorter than {MAX_PATH - len('/control')} bytes."
        )
    directory.prepare()
    directory.lock()
    try:
        _open(directory.client_database).close()
    except BaseException:
        directory.unlock()
        raise


def _open(path: Path) -> SQLiteEngine:
    # SQLite gives its other files the mode of this one.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
    return SQLiteEngine(path, partial(_keep, path))


def _keep(path: Path) -> None:
    """Copy the database before its schema is upgraded."""
    target = path.with_name(f"{path.name}.before-upgrade")
    with open(target, "wb", opener=partial(os.open, mode=0o600)) as copy:
        copy.write(path.read_bytes())


class ManagedClientService(MultiService):
    """
    A managed client with its socket.

    :param directory: checked by :func:`check_directory`.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: Any, directory: DataDirectory) -> None:
        super().__init__()
        self._reactor = reactor
        self._directory = directory
        self._port: Any = None
        self.client: Client | None = None

    def startService(self) -> None:
        """Open the database and the socket; not earlier, as twistd goes to the background."""
        super().startService()
        system = Database.open(SQLiteEngine(self._directory.client_database), self._reactor)
        self.client = Client(self._reactor, system)
        path = self._directory.control_socket
        with suppress(FileNotFoundError):
            path.unlink()  # of a process that was killed: the directory's lock is ours
        site = control_site(self.client, self._reactor)
        self._port = self._reactor.listenUNIX(str(path), site, mode=0o600)
        self.client.setServiceParent(self)
        self._log.info("The client is administered at {path}", path=str(path))

    async def _stop(self) -> None:
        await self._port.stopListening()
        await MultiService.stopService(self)
        self._directory.unlock()

    def stopService(self) -> Deferred[None]:
        """Stop everything."""
        return Deferred.fromCoroutine(self._stop())
