"""Operations on one server itself: its password, its limits, its restart, its keep-alive."""

from __future__ import annotations

from attrs import evolve, frozen

from iquila.admin.facts import Test
from iquila.admin.fields import data, flag, secret, text, u32
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Nothing, Table
from iquila.database.keep import MAX_INTERVAL, MIN_INTERVAL
from iquila.database.records import MAX_SESSIONS, KeepAlive
from iquila.errors import InvalidParameter, NotSupported
from iquila.wire.passwords import administration_hash

TABLE = Table()
MAX_HOST_NAME = 255
HASH_BYTES = 20
TCP, UDP = 0, 1


@frozen
class Password:
    """A new administration password, as text or as its hash (reference §3.5)."""

    password: str = secret("PlainTextPassword")
    hashed: bytes = data("HashedPassword")


@TABLE.operation("SetServerPassword", Password, Password)
async def set_server_password(server: ManagedServer, caller: Caller, request: Password) -> Password:
    """Change the administration password; members need the new one from then on."""
    hashed = administration_hash(request.password) if request.password else request.hashed
    if hashed in (b"", bytes(HASH_BYTES), administration_hash("")):
        raise InvalidParameter("The administration password must not be empty: give one.")
    if len(hashed) != HASH_BYTES:
        raise InvalidParameter(f"The hash of a password has {HASH_BYTES} bytes.")
    await server.reconfigure(evolve(server.settings, password_hash=hashed))
    # Not an echo: answers are kept in more places than questions.
    return Password()


@frozen
class ServerLimits:
    """What one server may carry."""

    max_sessions: int = u32("MaxSessions")


@TABLE.operation("GetServerLimits", Nothing, ServerLimits)
async def get_server_limits(
    server: ManagedServer, caller: Caller, request: Nothing
) -> ServerLimits:
    """Tell how many sessions this server carries at most."""
    return ServerLimits(server.settings.max_sessions)


@TABLE.operation("SetServerLimits", ServerLimits, ServerLimits)
async def set_server_limits(
    server: ManagedServer, caller: Caller, request: ServerLimits
) -> ServerLimits:
    """Carry at most so many sessions on this server; those there are stay."""
    if not 1 <= request.max_sessions <= MAX_SESSIONS:
        raise InvalidParameter(f"A server carries 1 to {MAX_SESSIONS} sessions.")
    await server.change_limits(request.max_sessions)
    return request


@TABLE.operation("RebootServer", Test, Test, effect=Effect.CHANGE)
async def reboot_server(server: ManagedServer, caller: Caller, request: Test) -> Test:
    """Let the server begin anew after this answer: its sessions end, its listeners stay open."""
    if request.number:
        raise NotSupported(
            "The configuration cannot be reset while the server runs: stop it, and start it with "
            "an empty data directory."
        )
    server.restart_soon()
    return Test()


@frozen
class Keep:
    """Whether and where something is sent, so that the line to the Internet stays up."""

    enabled: bool = flag("UseKeepConnect")
    host: str = text("KeepConnectHost")
    port: int = u32("KeepConnectPort")
    protocol: int = u32("KeepConnectProtocol")
    interval: int = u32("KeepConnectInterval")


@TABLE.operation("GetKeep", Nothing, Keep)
async def get_keep(server: ManagedServer, caller: Caller, request: Nothing) -> Keep:
    """Tell the keep-alive to the Internet: host, port, protocol (0 TCP, 1 UDP), seconds."""
    return _told(server.keep_alive)


def _told(keep: KeepAlive) -> Keep:
    return Keep(keep.enabled, keep.host, keep.port, TCP if keep.tcp else UDP, keep.interval)


@TABLE.operation("SetKeep", Keep, Keep)
async def set_keep(server: ManagedServer, caller: Caller, request: Keep) -> Keep:
    """Send something to a host on the Internet now and then, or no more."""
    old = server.keep_alive
    if not request.enabled and not request.host:
        # Programs of the protocol turn it off without saying what it was.
        await server.change_keep_alive(evolve(old, enabled=False))
    else:
        await server.change_keep_alive(_checked(request))
    return _told(server.keep_alive)


def _checked(request: Keep) -> KeepAlive:
    host = request.host.strip()
    if not 1 <= len(host) <= MAX_HOST_NAME or not host.isascii() or not host.isprintable():
        raise InvalidParameter("Give the name or the address of the host to send to.")
    if not 1 <= request.port <= 65535:
        raise InvalidParameter("A port is a number from 1 to 65535.")
    if request.protocol not in (TCP, UDP):
        raise InvalidParameter("The protocol is 0 (TCP) or 1 (UDP).")
    if not MIN_INTERVAL <= request.interval <= MAX_INTERVAL:
        raise InvalidParameter(f"The interval is {MIN_INTERVAL} to {MAX_INTERVAL} seconds.")
    return KeepAlive(request.enabled, host, request.port, request.protocol == TCP, request.interval)
