"""A server as administration sees it (:class:`iquila.admin.managed.ManagedServer`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import iquila
from iquila.admin.managed import ConnectionRow, ListenerRow, ServerRow
from iquila.cluster.placement import Place
from iquila.cluster.roster import MemberDescription
from iquila.database.records import KeepAlive, ListenerRecord, LoginCount, ServerSettings
from iquila.database.store import Database
from iquila.errors import NoMemberAvailable, ServerCannotAccept
from iquila.journal.files import LogFile
from iquila.journal.journal import Journal
from iquila.journal.names import LogPath
from iquila.link.controller import shown_key
from iquila.link.status import LinkStatus
from iquila.service.controller import Controller
from iquila.service.load import measure
from iquila.service.member import Member
from iquila.service.role import Role
from iquila.session.certificate import Identity
from iquila.session.server import ServerSession
from iquila.switch.switch import VirtualSwitch

ANSWER_SECONDS = 0.2
"""Time for an answer to be sent before its connection is cut."""

if TYPE_CHECKING:
    from iquila.service.server import Server


class Managed:
    """One server, whatever its role is at the moment."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def _role(self) -> Role:
        role = self._server.role
        if role is None:
            raise ServerCannotAccept("The server is starting or stopping: try again.")
        return role

    @property
    def settings(self) -> ServerSettings:
        """What this server alone is."""
        return self._server.core.settings

    @property
    def system(self) -> Database:
        """The system database of the role."""
        return self._role.system

    @property
    def local(self) -> Database:
        """The database of what this server alone is."""
        return self._server.core.local

    @property
    def journal(self) -> Journal:
        """Where its events are told."""
        return self._server.core.journal

    async def log_files(self, switch: str = "") -> list[LogFile]:
        """Return the log files here, or those of one switch."""
        core = self._server.core
        assert core.journal.writer is not None
        return await core.journal.writer.run(core.logs.listed, switch)

    async def read_log(self, path: LogPath, offset: int, size: int) -> bytes:
        """Return a part of a log file here; nothing at its end."""
        core = self._server.core
        assert core.journal.writer is not None
        return await core.journal.writer.run(core.logs.read, path, offset, size)

    @property
    def host_name(self) -> str:
        """The name of the machine."""
        return self._server.core.host_name

    @property
    def started(self) -> int:
        """When the server started, ms since 1970."""
        return self._server.core.started

    @property
    def identity(self) -> Identity:
        """What the ports show."""
        return self._server.core.identity

    def now(self) -> float:
        """Return monotonic seconds."""
        return self._server.core.now()

    async def reconfigure(self, settings: ServerSettings) -> None:
        """Become what other settings say."""
        await self._server.reconfigure(settings)

    async def change_identity(self, identity: Identity) -> None:
        """Show another certificate."""
        await self._server.change_identity(identity)

    async def change_ciphers(self, ciphers: str) -> None:
        """Take other cipher suites of TLS 1.2."""
        await self._server.change_ciphers(ciphers)

    async def change_limits(self, max_sessions: int) -> None:
        """Carry at most so many sessions."""
        await self._server.change_limits(max_sessions)

    @property
    def keep_alive(self) -> KeepAlive:
        """The settings of the keep-alive to the Internet."""
        return self._server.keep_alive

    async def change_keep_alive(self, settings: KeepAlive) -> None:
        """Send to a host on the Internet now and then, or no more."""
        await self._server.change_keep_alive(settings)

    def restart_soon(self) -> None:
        """Let the role begin anew in a moment."""
        self._server.restart_soon()

    def connections(self) -> list[ConnectionRow]:
        """Return the TCP connections that carry no session."""
        return [
            ConnectionRow(each.name, *each.remote, each.since, each.purpose, each.peer_program)
            for each in self._server.core.factory.connections()
        ]

    def disconnect(self, name: str) -> bool:
        """Cut a TCP connection, in a turn of its own: it may be the one that asks."""
        for each in self._server.core.factory.connections():
            if each.name.lower() == name.lower():
                self._server.reactor.callLater(ANSWER_SECONDS, each.abortConnection)
                return True
        return False

    def logins(self, switch: str, user: str = "") -> LoginCount:
        """Return how often a user, or anybody, logged in."""
        return self._server.core.statistics.logins(switch, user)

    def servers(self) -> list[ServerRow]:
        """Return the servers of the cluster, this one first."""
        role, core = self._role, self._server.core
        if isinstance(role, Controller):
            now = core.now()
            return [
                ServerRow(
                    member.description,
                    role.roster.candidate(member, now).points,
                    member.report,
                    member.description.id == role.server_id(),
                )
                for member in role.roster.members()
            ]
        settings = core.settings
        description = MemberDescription(
            id=settings.server_id,
            key=shown_key(settings.server_id),
            host_name=core.host_name,
            address="127.0.0.1",
            ports=core.ports(),
            weight=settings.weight,
            certificate=core.identity.der,
            connected_at=core.started,
            version=iquila.__version__,
        )
        return [ServerRow(description, 0, measure(core, role.instances), True)]

    def place(self, switch: str) -> Place | None:
        """Return where a dynamic switch runs."""
        role = self._role
        return role.placements.where(switch) if isinstance(role, Controller) else None

    def link_status(self) -> LinkStatus | None:
        """Return the state of a member's cluster connection."""
        role = self._role
        return role.link.status if isinstance(role, Member) else None

    def switch(self, name: str) -> VirtualSwitch | None:
        """Return the instance of a switch here."""
        instance = self._role.instances.get(name)
        return None if instance is None else instance.switch

    def sessions(self, switch: str) -> list[ServerSession]:
        """Return the sessions of a switch here."""
        return self._server.core.sessions.of_switch(switch)

    def session(self, switch: str, name: str) -> ServerSession | None:
        """Return one session here."""
        return self._server.core.sessions.named(switch, name)

    async def operate_at(self, member: str, operation: str, request: bytes) -> bytes:
        """Run a part of an operation at a member."""
        role = self._role
        link = role.links.get(member) if isinstance(role, Controller) else None
        if link is None:
            raise NoMemberAvailable("The member is not connected.")
        return await link.operate(operation, request)

    def listeners(self) -> list[ListenerRow]:
        """Return the listeners, by port."""
        core = self._server.core
        rows = []
        for record in core.local.all(ListenerRecord):
            listener = core.listeners.get(record.port)
            error = listener.error if listener is not None else ""
            rows.append(ListenerRow(record.port, record.enabled, error))
        return rows

    async def add_listener(self, port: int, enabled: bool = True) -> None:
        """Listen on one more port."""
        await self._server.core.add_listener(port, enabled)
        await self._server.described_anew()

    async def remove_listener(self, port: int) -> None:
        """Listen on a port no more."""
        await self._server.core.remove_listener(port)
        await self._server.described_anew()

    async def enable_listener(self, port: int, enabled: bool) -> None:
        """Open or close a listener."""
        await self._server.core.enable_listener(port, enabled)
        await self._server.described_anew()
