"""Operations on the TCP ports that a server listens on."""

from __future__ import annotations

from attrs import frozen

from iquila.admin.fields import flag, items, u32
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Nothing, Table
from iquila.errors import ConfigurationError, InvalidParameter

TABLE = Table()


@frozen
class Listener:
    """A TCP port to listen on."""

    port: int = u32("Port")
    enabled: bool = flag("Enable")


@frozen
class ListenerItem:
    """A listener and whether it failed."""

    port: int = u32("Ports")
    enabled: bool = flag("Enables")
    failed: bool = flag("Errors")


@frozen
class ListenerList:
    """All listeners."""

    listeners: tuple[ListenerItem, ...] = items("ListenerList", ListenerItem)


@TABLE.operation("EnumListener", Nothing, ListenerList)
async def enum_listener(server: ManagedServer, caller: Caller, request: Nothing) -> ListenerList:
    """List the TCP ports that the server listens on."""
    return ListenerList(
        tuple(ListenerItem(r.port, r.enabled, bool(r.error)) for r in server.listeners())
    )


@TABLE.operation("CreateListener", Listener, Listener)
async def create_listener(server: ManagedServer, caller: Caller, request: Listener) -> Listener:
    """Listen on one more TCP port."""
    if not 1 <= request.port <= 65535:
        raise InvalidParameter("A port is a number from 1 to 65535.")
    try:
        await server.add_listener(request.port, request.enabled)
    except ConfigurationError as error:
        raise InvalidParameter(str(error)) from error
    return request


@TABLE.operation("DeleteListener", Listener, Listener)
async def delete_listener(server: ManagedServer, caller: Caller, request: Listener) -> Listener:
    """Listen on a TCP port no more; connections that came in by it stay."""
    if _is_last(server, request.port):
        raise InvalidParameter(
            "This is the last listener: create another one first, or nobody can reach the server."
        )
    await server.remove_listener(request.port)
    return request


@TABLE.operation("EnableListener", Listener, Listener)
async def enable_listener(server: ManagedServer, caller: Caller, request: Listener) -> Listener:
    """Open or close a listener."""
    if not request.enabled and _is_last(server, request.port):
        raise InvalidParameter(
            "This is the last open listener: open another one first, or nobody can reach the "
            "server."
        )
    try:
        await server.enable_listener(request.port, request.enabled)
    except ConfigurationError as error:
        raise InvalidParameter(str(error)) from error
    return request


def _is_last(server: ManagedServer, port: int) -> bool:
    """Return whether nobody could reach the server without this port."""
    return [r.port for r in server.listeners() if r.enabled and not r.error] == [port]
