"""
Operations on the TCP connections of this server that carry no session: those that are still
logging in, cluster connections, administrators, browsers.
"""

from __future__ import annotations

from attrs import frozen

import iquila
from iquila.admin.facts import PRODUCT, version_number
from iquila.admin.fields import address, items, text, time, u32
from iquila.admin.managed import ConnectionRow, ManagedServer
from iquila.admin.operation import Caller, Nothing, Table
from iquila.errors import ObjectNotFound

TABLE = Table()
MAX_LISTED = 10_000
"""Connections in one answer; in a flood there may be more."""


@frozen
class ConnectionItem:
    """A connection in the list."""

    name: str = text("Name")
    host: str = text("Hostname")
    address: str = address("Ip")
    port: int = u32("Port")
    since: int = time("ConnectedTime")
    purpose: int = u32("Type")


@frozen
class ConnectionList:
    """The connections, the oldest first."""

    connections: tuple[ConnectionItem, ...] = items("ConnectionList", ConnectionItem)


@TABLE.operation("EnumConnection", Nothing, ConnectionList)
async def enum_connection(
    server: ManagedServer, caller: Caller, request: Nothing
) -> ConnectionList:
    """List the TCP connections of this server that carry no session."""
    return ConnectionList(
        tuple(
            ConnectionItem(
                row.name, _plain(row), _plain(row), row.port, row.since, int(row.purpose)
            )
            for row in server.connections()[:MAX_LISTED]
        )
    )


@frozen
class ConnectionName:
    """A connection by its name, ``CID-…``."""

    name: str = text("Name")


@frozen
class ConnectionInfo:
    """What is known of one connection."""

    name: str = text("Name")
    purpose: int = u32("Type")
    host: str = text("Hostname")
    address: str = address("Ip")
    port: int = u32("Port")
    since: int = time("ConnectedTime")
    server: str = text("ServerStr")
    server_version: int = u32("ServerVer")
    server_build: int = u32("ServerBuild")
    client: str = text("ClientStr")
    client_version: int = u32("ClientVer")
    client_build: int = u32("ClientBuild")


@TABLE.operation("GetConnectionInfo", ConnectionName, ConnectionInfo)
async def get_connection_info(
    server: ManagedServer, caller: Caller, request: ConnectionName
) -> ConnectionInfo:
    """Tell what is known of one TCP connection."""
    wanted = request.name.lower()
    row = next((r for r in server.connections() if r.name.lower() == wanted), None)
    if row is None:
        raise _unknown(request)
    return ConnectionInfo(
        name=row.name,
        purpose=int(row.purpose),
        host=_plain(row),
        address=_plain(row),
        port=row.port,
        since=row.since,
        server=f"{PRODUCT} {iquila.__version__}",
        server_version=version_number(),
        client=row.program,
    )


@TABLE.operation("DisconnectConnection", ConnectionName, ConnectionName)
async def disconnect_connection(
    server: ManagedServer, caller: Caller, request: ConnectionName
) -> ConnectionName:
    """Cut a TCP connection; its peer may come again."""
    if not server.disconnect(request.name):
        raise _unknown(request)
    return request


def _plain(row: ConnectionRow) -> str:
    """Return an address as people write it, also where the socket maps IPv4 into IPv6."""
    return row.address.split("%")[0].removeprefix("::ffff:")


def _unknown(request: ConnectionName) -> ObjectNotFound:
    return ObjectNotFound(
        f"There is no TCP connection '{request.name[:64]}' without a session: list them again."
    )
