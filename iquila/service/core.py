"""
What every role of a server stands on: databases, certificate, sessions, listeners.

:class:`Core` has no opinion on who may come in; the role of the moment has (:mod:`.role`).
"""

from __future__ import annotations

import os
import secrets
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from attrs import evolve
from twisted.internet.interfaces import IProtocol
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from iquila.admin.rules import MAX_LISTENERS
from iquila.database.directory import DataDirectory
from iquila.database.records import ListenerRecord, ServerMode, ServerSettings
from iquila.database.sqlite import SQLiteEngine
from iquila.database.store import Change, Database, put
from iquila.errors import (
    ConfigurationError,
    InternalError,
    InvalidParameter,
    ListenerExists,
    ListenerNotFound,
    TooManyItems,
)
from iquila.journal.files import LogFiles
from iquila.journal.journal import Journal
from iquila.journal.writer import Writer
from iquila.service.limits import DEFAULTS, Limits
from iquila.service.recording import RecordingGate, session_observed
from iquila.service.statistics import Statistics
from iquila.session.certificate import Identity
from iquila.session.contexts import ServerContexts, usable_contexts
from iquila.session.identityfiles import IdentityFiles
from iquila.session.listener import Listener, SortingFactory
from iquila.session.pacer import Pacer
from iquila.session.table import SessionTable
from iquila.session.web import VENSite
from iquila.wire.passwords import administration_hash

DEFAULT_PORTS = (5555,)


class Core:
    """
    The parts of one server.

    :param directory: prepared and locked.
    :param interface: the local address of the listeners, the empty string for all.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        directory: DataDirectory,
        interface: str,
        host_name: str = "",
        limits: Limits = DEFAULTS,
    ) -> None:
        self.reactor = reactor
        self.limits = limits
        self.directory = directory
        self.interface = interface
        self.host_name = host_name or socket.gethostname()
        self.started = int(time.time() * 1000)
        self._files = IdentityFiles(directory.certificate, directory.key)
        self.identity = self._files.load_or_make(self.host_name)
        self.previous: Identity | None = self._files.previous()
        """The identity before, while there may be a controller that knows no other."""
        self.local = self._open(directory.server_database)
        self.contexts = self._make_contexts()
        self.system = self._open(directory.system_database)
        self.sessions = SessionTable(reactor)
        self.statistics = Statistics(reactor)
        self.listeners: dict[int, Listener] = {}
        self.role: Any = None
        """The gate of the moment; see :mod:`.role`."""
        self.operate: Callable[[str, bytes], Awaitable[bytes]] | None = None
        """Runs an administrative operation for the controller (:mod:`.server` sets it)."""
        self.administrate: Callable[..., Awaitable[IProtocol]] | None = None
        """Lets tools that speak the administration RPC in; set by the same."""
        self.pacer = Pacer(reactor)
        files = LogFiles(directory.logs, limits.log_file, limits.log_days, limits.log_total)
        self.journal = Journal(Writer(reactor, files), reactor, self.host_name)
        """Where everything worth knowing is told."""
        self.logs = files
        self.sessions.observers.append(partial(session_observed, self.journal))
        gate = RecordingGate(lambda: self.role, self.journal)
        self.site = VENSite(lambda: gate, reactor, self.pacer)
        self.factory = SortingFactory(self.site)

    def _open(self, path: Path) -> Database:
        def backup() -> None:
            # The engine is not open as a database yet: copy the files as they are.
            target = self.directory.new_backup("before-upgrade")
            for part in (path, path.with_name(path.name + "-wal")):
                if part.exists():
                    (target / part.name).write_bytes(part.read_bytes())

        engine = SQLiteEngine(path, backup, self.limits.audit_entries)
        return Database.open(engine, self.reactor)

    def open_replica(self) -> Database:
        """Open a member's copy of its controller's system database."""
        return self._open(self.directory.replica_database)

    def now(self) -> float:
        """Return monotonic seconds."""
        return float(self.reactor.seconds())

    @property
    def settings(self) -> ServerSettings:
        """What this server alone is."""
        settings = self.local.get(ServerSettings, "settings")
        assert settings is not None
        return settings

    async def first_start(self, password: str | None) -> None:
        """Make the settings of a new server; do nothing for an old one."""
        if self.local.get(ServerSettings, "settings") is not None:
            return
        if password is None:
            password = secrets.token_urlsafe(18)
            self._write_password(password)
        settings = ServerSettings(
            server_id=uuid.uuid4().hex,
            mode=ServerMode.STANDALONE,
            password_hash=administration_hash(password),
        )
        await self.local.transact([put(settings)])

    def _write_password(self, password: str) -> None:
        path = self.directory.admin_password
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
        self._log.info("A random administration password was written to {path}", path=str(path))

    async def change_settings(self, **changes: Any) -> ServerSettings:
        """Change this server's settings; return the new ones."""
        settings = evolve(self.settings, **changes)
        if settings != self.settings:
            await self.local.transact([put(settings)])
        return settings

    # -- TLS

    def _make_contexts(self) -> ServerContexts:
        stored = self.local.get(ServerSettings, "settings")
        ciphers = "" if stored is None else stored.ciphers
        try:
            return usable_contexts(self.identity, ciphers)
        except InvalidParameter as error:
            if not ciphers:
                raise ConfigurationError(str(error)) from None
            # Somebody put another certificate here: it is better to be reached by a policy
            # that was not chosen than not to be reached.
            self._log.error("The chosen cipher suites are left out: {error}", error=error)
            return self._usable(self.identity)

    def _usable(self, identity: Identity) -> ServerContexts:
        try:
            return usable_contexts(identity)
        except InvalidParameter as error:
            raise ConfigurationError(str(error)) from None

    async def change_identity(self, identity: Identity) -> None:
        """
        Show another certificate to whoever connects from now on.

        :raises InvalidParameter: no client could connect with it.
        :raises InternalError: it cannot be written; nothing is changed.
        """
        contexts = usable_contexts(identity, self.settings.ciphers)
        threads = self.reactor.getThreadPool()
        try:
            await deferToThreadPool(
                self.reactor, threads, self._files.replace, self.identity, identity
            )
        except OSError as error:
            raise InternalError(
                f"The certificate cannot be written ({error.strerror}): check the data directory."
            ) from error
        self.previous = self._files.previous()
        self.identity = identity
        self.contexts.replace(contexts)
        await self.change_settings(fingerprint=identity.fingerprint)

    def forget_previous_identity(self) -> None:
        """Nobody knows this server by its previous certificate any more."""
        if self.previous is not None:
            self.previous = None
            self._files.forget_previous()

    async def change_ciphers(self, ciphers: str) -> None:
        """
        Take other cipher suites of TLS 1.2 from whoever connects from now on.

        :param ciphers: a list of OpenSSL; empty for the policy.
        :raises InvalidParameter: no client could connect with them.
        """
        contexts = usable_contexts(self.identity, ciphers)
        await self.change_settings(ciphers=ciphers)
        self.contexts.replace(contexts)

    async def backup(self, label: str) -> Path:
        """Copy the databases to a new backup; return its directory."""
        target = self.directory.new_backup(label)
        await self.local.backup(target / self.directory.server_database.name)
        await self.system.backup(target / self.directory.system_database.name)
        return target

    # -- listeners

    async def set_ports(self, ports: tuple[int, ...] | None) -> None:
        """Make these the listeners; without any, keep those there are, 5555 at first."""
        known = self.local.all(ListenerRecord)
        if ports is None and known:
            return
        wanted = ports or DEFAULT_PORTS
        changes = [put(ListenerRecord(port)) for port in wanted]
        changes += [
            Change(record.kind_name, record.key, None)
            for record in known
            if record.port not in wanted
        ]
        await self.local.transact(changes)

    def open_listeners(self) -> None:
        """Open the ports; one that cannot be opened is logged and listed with its error."""
        for record in self.local.all(ListenerRecord):
            listener = self._listener(record.port)
            if record.enabled:
                try:
                    listener.start()
                except ConfigurationError as error:
                    self._log.error("{error}", error=error)

    def _listener(self, port: int) -> Listener:
        listener = Listener(
            self.reactor, self.factory, self.contexts, self.pacer, port, self.interface
        )
        self.listeners[port] = listener
        return listener

    async def add_listener(self, port: int, enabled: bool = True) -> None:
        """
        Listen on one more port.

        :raises ListenerExists: it is a listener already.
        :raises ConfigurationError: it cannot be opened; nothing is changed.
        :raises TooManyItems: there are as many as there may be.
        """
        if port in self.listeners:
            raise ListenerExists
        if len(self.listeners) >= MAX_LISTENERS:
            raise TooManyItems(f"A server has at most {MAX_LISTENERS} listeners: delete one first.")
        listener = self._listener(port)
        try:
            if enabled:
                listener.start()
        except ConfigurationError:
            del self.listeners[port]
            raise
        await self.local.transact([put(ListenerRecord(port, enabled))])

    async def remove_listener(self, port: int) -> None:
        """
        Listen on a port no more.

        :raises ListenerNotFound: it is no listener.
        """
        listener = self.listeners.pop(port, None)
        if listener is None:
            raise ListenerNotFound
        await listener.stop()
        record = ListenerRecord(port)
        await self.local.transact([Change(record.kind_name, record.key, None)])

    async def enable_listener(self, port: int, enabled: bool) -> None:
        """
        Open or close a listener without forgetting it.

        :raises ListenerNotFound: it is no listener.
        """
        listener = self.listeners.get(port)
        if listener is None:
            raise ListenerNotFound
        if enabled:
            listener.start()
        else:
            await listener.stop()
        await self.local.transact([put(ListenerRecord(port, enabled))])

    def ports(self) -> tuple[int, ...]:
        """Return the ports that are open."""
        return tuple(p for p, listener in sorted(self.listeners.items()) if listener.open)

    async def close_listeners(self, seconds: float) -> None:
        """Close every port, and every connection within some seconds."""
        for listener in self.listeners.values():
            await listener.stop()
        for listener in self.listeners.values():
            await listener.close(seconds)

    async def close(self) -> None:
        """Let go of the databases and of the directory."""
        await self.local.close()
        await self.system.close()
        self.directory.unlock()
