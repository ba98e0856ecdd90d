"""What administration needs of a server; the service room implements it."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from iquila.cluster.placement import Place
from iquila.cluster.roster import LoadReport, MemberDescription
from iquila.database.records import KeepAlive, LoginCount, ServerMode, ServerSettings
from iquila.database.store import Database
from iquila.interfaces import Purpose
from iquila.journal.files import LogFile
from iquila.journal.names import LogPath
from iquila.link.status import LinkStatus
from iquila.session.certificate import Identity
from iquila.session.server import ServerSession
from iquila.switch.switch import VirtualSwitch


@frozen
class ServerRow:
    """A server of the cluster as its controller sees it; elsewhere there is this one only."""

    description: MemberDescription
    points: int
    report: LoadReport
    own: bool
    """Whether it is the server that is asked."""


@frozen
class ListenerRow:
    """A listener; `error` says why it is not open although it should be."""

    port: int
    enabled: bool
    error: str


@frozen
class ConnectionRow:
    """An accepted TCP connection that carries no session. Times are ms since 1970."""

    name: str
    address: str
    port: int
    since: int
    purpose: Purpose
    program: str
    """What the peer says that it is; empty where it does not."""


class HasMode(Protocol):
    """Settings, as far as every operation looks at them."""

    @property
    def mode(self) -> ServerMode:
        """Which operations are refused depends on it."""


class Administered(Protocol):
    """Whatever is administered by a table of operations: a server, or a VEN client."""

    @property
    def settings(self) -> HasMode:
        """What it is."""

    @property
    def system(self) -> Database:
        """Its database."""


class ManagedServer(Protocol):
    """A server under administration."""

    @property
    def settings(self) -> ServerSettings:
        """What this server alone is."""

    @property
    def system(self) -> Database:
        """The system database of its role."""

    @property
    def local(self) -> Database:
        """The database of what this server alone is."""

    async def log_files(self, switch: str = "") -> list[LogFile]:
        """Return its log files, or those of one switch."""

    async def read_log(self, path: LogPath, offset: int, size: int) -> bytes:
        """Return a part of one of its log files; nothing at the end."""

    @property
    def host_name(self) -> str:
        """The name of its machine."""

    @property
    def started(self) -> int:
        """When it started, ms since 1970."""

    @property
    def identity(self) -> Identity:
        """What its ports show, with the private key."""

    def now(self) -> float:
        """Return monotonic seconds."""

    async def reconfigure(self, settings: ServerSettings) -> None:
        """Become what other settings say; a change of mode restarts the role."""

    async def change_identity(self, identity: Identity) -> None:
        """Show another certificate; sessions go on."""

    async def change_ciphers(self, ciphers: str) -> None:
        """Take other cipher suites of TLS 1.2; the empty string is the policy."""

    async def change_limits(self, max_sessions: int) -> None:
        """Carry at most so many sessions."""

    @property
    def keep_alive(self) -> KeepAlive:
        """The settings of the keep-alive to the Internet."""

    async def change_keep_alive(self, settings: KeepAlive) -> None:
        """Send to a host on the Internet now and then, or no more."""

    def restart_soon(self) -> None:
        """Let the role begin anew once this answer is sent; sessions end."""

    def connections(self) -> list[ConnectionRow]:
        """Return the TCP connections that carry no session, the oldest first."""

    def disconnect(self, name: str) -> bool:
        """Cut a TCP connection by its name; return whether there is one."""

    def logins(self, switch: str, user: str = "") -> LoginCount:
        """Return how often a user, or anybody, logged in at a switch."""

    def servers(self) -> list[ServerRow]:
        """Return the servers of the cluster, this one first."""

    def place(self, switch: str) -> Place | None:
        """Return where a dynamic switch runs."""

    def link_status(self) -> LinkStatus | None:
        """Return the state of a member's cluster connection."""

    def switch(self, name: str) -> VirtualSwitch | None:
        """Return the instance of a switch on this server."""

    def sessions(self, switch: str) -> list[ServerSession]:
        """Return the sessions of a switch on this server."""

    def session(self, switch: str, name: str) -> ServerSession | None:
        """Return one session on this server."""

    async def operate_at(self, member: str, operation: str, request: bytes) -> bytes:
        """Run a part of an operation at a member."""

    def listeners(self) -> list[ListenerRow]:
        """Return the listeners, by port."""

    async def add_listener(self, port: int, enabled: bool = True) -> None:
        """Listen on one more port."""

    async def remove_listener(self, port: int) -> None:
        """Listen on a port no more."""

    async def enable_listener(self, port: int, enabled: bool) -> None:
        """Open or close a listener without forgetting it."""


def is_mode(server: ManagedServer, *modes: ServerMode) -> bool:
    """Return whether a server is in one of some modes."""
    return server.settings.mode in modes
