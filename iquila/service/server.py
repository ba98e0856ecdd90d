"""
A server as a Twisted service: its core, the role of the moment, and the change of roles.

Embedders parent :class:`Server`; the plugins make it from command line options.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from attrs import evolve, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

import iquila
from iquila.admin.jsonrpc import JSONRPC
from iquila.admin.packrpc import PackRPC
from iquila.admin.table import PARTS
from iquila.database.actor import Actor, acting
from iquila.database.directory import DataDirectory
from iquila.database.records import (
    KeepAlive,
    Placement,
    ServerMode,
    ServerSettings,
    Switch,
    SwitchKind,
)
from iquila.database.store import delete, put
from iquila.errors import InvalidParameter, IquilaError
from iquila.journal.observer import ServerLogObserver
from iquila.service.controller import Controller
from iquila.service.core import Core
from iquila.service.keepalive import KeepAliveSender
from iquila.service.limits import DEFAULTS, Limits
from iquila.service.managed import Managed
from iquila.service.member import Member
from iquila.service.packetlog import PacketLog
from iquila.service.role import Between, Role, Standalone
from iquila.session.certificate import Identity

CLOSE_SECONDS = 2.5
"""Time for all connections to close when a server stops."""
GOODBYE_SECONDS = 1.0
"""How long a stopping server still answers clients that want to continue their sessions: told
that these are over they look for another server at once, instead of after a time-out."""
ANSWER_SECONDS = 0.5
"""Time for the answer to whoever asks for a restart, before it begins."""


@frozen
class Setup:
    """
    What a start asks for; None leaves what the database says.

    :ivar password: the administration password of the first start; None makes a random one.
    :ivar settings: changes to the server's settings, by the names of `ServerSettings`.
    """

    ports: tuple[int, ...] | None = None
    password: str | None = None
    settings: tuple[tuple[str, Any], ...] = ()
    limits: Limits = DEFAULTS


class Server(Service):
    """
    One iquila server.

    :param reactor: passed in, never imported.
    :param directory: its data; made and locked when the service starts, if it is not yet.
    :param interface: local address of the listeners, the empty string for all.
    :param selectors: `IMemberSelector` plug-ins for a controller.
    """

    _log: ClassVar[Logger] = Logger()
    core: Core

    def __init__(
        self,
        reactor: Any,
        directory: DataDirectory,
        setup: Setup | None = None,
        interface: str = "",
        host_name: str = "",
        selectors: Sequence[Any] = (),
    ) -> None:
        self.reactor = reactor
        self.directory = directory
        self.setup = setup or Setup()
        self.interface = interface
        self.host_name = host_name
        self.role: Role | None = None
        self._selectors = selectors
        self._started: Deferred[None] = succeed(None)
        self._changing = DeferredLock()
        self._extensions: list[Any] = []
        self._keep_alive = KeepAliveSender(reactor)
        self._restarting: Any = None

    def startService(self) -> None:
        """Begin; :meth:`when_started` tells when it is done."""
        super().startService()
        self._started = Deferred.fromCoroutine(self._start())

    def when_started(self) -> Deferred[None]:
        """
        Return a Deferred of the end of starting.

        It fails with the :class:`iquila.errors.IquilaError` that prevented it.
        """
        done: Deferred[None] = Deferred()

        def pass_on(result: Any) -> Any:
            done.callback(result) if not done.called else None
            # A failure goes to whoever asked; it is logged by nobody else.
            return None

        self._started.addBoth(pass_on)
        return done

    def report_failure(self, failure: Failure) -> None:
        """Log why the server did not start: the sentence alone where it is one of ours."""
        if failure.check(IquilaError):
            self._log.critical("{why}", why=failure.getErrorMessage())
        else:
            self._log.failure("The server did not start", failure)

    async def _start(self) -> None:
        self.directory.prepare()
        self.directory.lock()
        core = self.core = Core(
            self.reactor, self.directory, self.interface, self.host_name, self.setup.limits
        )
        core.role = Between()
        self._start_logs(core)
        await core.first_start(self.setup.password)
        settings = evolve(core.settings, **dict(self.setup.settings))
        with acting(Actor("command line", operation="start")):
            await self._store(settings)
            await core.set_ports(self.setup.ports)
        core.open_listeners()
        self._offer_administration()
        await self._enter(core.settings.mode)
        self._keep_alive.apply(self.keep_alive)

    def _start_logs(self, core: Core) -> None:
        assert core.journal.writer is not None
        core.journal.writer.start()
        self._observer = ServerLogObserver(core.journal)
        self._observer.start()
        core.journal.server("server-started", host=core.host_name, version=iquila.__version__)

    async def _stop_logs(self, core: Core) -> None:
        core.journal.server("server-stopped", host=core.host_name)
        self._observer.stop()
        assert core.journal.writer is not None
        await core.journal.writer.stop()

    def _offer_administration(self) -> None:
        """Put the administration of this server on its listeners and its cluster connection."""
        managed = Managed(self)
        self.core.site.put(b"api", JSONRPC(managed, self.reactor))
        self.core.administrate = PackRPC(managed, self.reactor).admit

        async def operate(operation: str, request: bytes) -> bytes:
            return await PARTS.run(managed, operation, request)

        self.core.operate = operate

    async def _enter(self, mode: ServerMode) -> None:
        core = self.core
        role: Role
        if mode is ServerMode.CONTROLLER:
            role = Controller(core, self._selectors)
        elif mode is ServerMode.MEMBER:
            role = Member(core, core.open_replica())
        else:
            role = Standalone(core, core.system)
        self.role = core.role = role
        core.journal.follow(role.system)
        # What a role does by itself later is not the doing of who changed the mode.
        with acting(None):
            await role.start()
        self._packet_log = PacketLog(role.instances, role.system, core.journal)
        self._packet_log.start()
        self._log.info(
            "{host} is a {mode} server on port(s) {ports}",
            host=core.host_name,
            mode=mode.name.lower(),
            ports=", ".join(map(str, core.ports())) or "none",
        )

    async def _leave(self) -> None:
        role, self.role = self.role, None
        self.core.role = Between()
        if role is not None:
            self._packet_log.stop()
            await role.stop()
            self.core.journal.follow(None)

    async def _store(self, settings: ServerSettings) -> None:
        """Make settings durable; a change of mode keeps a backup and converts the switches."""
        core = self.core
        before = core.settings
        if settings == before:
            return
        if settings.mode is not before.mode:
            label = f"before-{settings.mode.name.lower()}"
            target = await core.backup(label)
            self._log.info("The databases were copied to {path}", path=str(target))
            await self._convert_switches(settings.mode)
        await core.local.transact([put(settings)])

    async def _convert_switches(self, mode: ServerMode) -> None:
        """Give the switches of the own database types that the new mode has."""
        if mode is ServerMode.MEMBER:
            return
        system = self.core.system
        wanted = SwitchKind.STANDALONE if mode is ServerMode.STANDALONE else SwitchKind.DYNAMIC
        changes = [
            put(evolve(switch, kind=wanted))
            for switch in system.all(Switch)
            if (switch.kind is SwitchKind.STANDALONE) != (wanted is SwitchKind.STANDALONE)
        ]
        changes += [delete(Placement, placement.key) for placement in system.all(Placement)]
        if changes:
            await system.transact(changes)

    async def reconfigure(self, settings: ServerSettings) -> None:
        """
        Become what other settings say: sessions end, the role restarts, a backup is kept.

        :raises InvalidParameter: the server is not running.
        """
        if self.role is None:
            raise InvalidParameter("The server is starting or stopping: try again.")
        async with self._changing_alone():
            if evolve(settings, password_hash=b"") == evolve(self.core.settings, password_hash=b""):
                # A password alone ends no session.
                await self._store(settings)
                return
            await self._leave()
            try:
                await self._store(settings)
            finally:
                await self._enter(self.core.settings.mode)

    # -- changes while sessions go on

    async def change_identity(self, identity: Identity) -> None:
        """
        Show another certificate from now on; the cluster is told.

        :raises VENError: it cannot be used or written; nothing is changed.
        """
        async with self._changing_alone():
            await self.core.change_identity(identity)
            if not self.core.settings.controller_host:
                # No controller can know this server by the one before.
                self.core.forget_previous_identity()
        await self.described_anew()

    async def change_ciphers(self, ciphers: str) -> None:
        """
        Take other cipher suites of TLS 1.2 from now on; the empty string is the policy.

        :raises InvalidParameter: no client could connect with them.
        """
        async with self._changing_alone():
            await self.core.change_ciphers(ciphers)

    async def change_limits(self, max_sessions: int) -> None:
        """Carry at most so many sessions; those there are stay."""
        async with self._changing_alone():
            await self.core.change_settings(max_sessions=max_sessions)
        await self.described_anew()

    async def described_anew(self) -> None:
        """Tell the cluster what has changed of this server."""
        if self.role is not None:
            await self.role.described_anew()

    @asynccontextmanager
    async def _changing_alone(self) -> AsyncIterator[None]:
        await self._changing.acquire()
        try:
            yield
        finally:
            self._changing.release()

    @property
    def keep_alive(self) -> KeepAlive:
        """The settings of the keep-alive to the Internet."""
        return self.core.local.get(KeepAlive, "keep") or KeepAlive()

    async def change_keep_alive(self, settings: KeepAlive) -> None:
        """Send to a host on the Internet now and then, or no more."""
        await self.core.local.transact([put(settings)])
        self._keep_alive.apply(settings)

    def restart_soon(self) -> None:
        """
        Let the role begin anew in a moment: sessions end, listeners stay open.

        :raises InvalidParameter: the server is starting or stopping.
        """
        if self.role is None:
            raise InvalidParameter("The server is starting or stopping: try again.")
        if self._restarting is None or not self._restarting.active():
            self._restarting = self.reactor.callLater(ANSWER_SECONDS, self._restart_now)

    def _restart_now(self) -> None:
        done = Deferred.fromCoroutine(self._restart())
        done.addErrback(lambda failure: self._log.failure("The restart failed", failure))

    async def _restart(self) -> None:
        async with self._changing_alone():
            if self.running and self.role is not None:
                await self._leave()
                await self._enter(self.core.settings.mode)

    def stopService(self) -> Deferred[None]:
        """Close everything cleanly, within five seconds."""
        super().stopService()
        self._keep_alive.stop()
        if self._restarting is not None and self._restarting.active():
            self._restarting.cancel()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        try:
            await self._started
        except Exception:
            self._log.debug("Stopping a server that did not start")
        core = getattr(self, "core", None)
        if core is None:
            self.directory.unlock()
            return
        foreign = any(not session.facts.iquila for session in core.sessions)
        await self._leave()
        if foreign:
            await deferLater(self.reactor, GOODBYE_SECONDS)
        await core.close_listeners(CLOSE_SECONDS)
        await self._stop_logs(core)
        await core.close()
