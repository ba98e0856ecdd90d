"""Operations on the RADIUS server of a Virtual Switch."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from iquila.admin.fields import WIRE, Wire, secret, text, u32
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Table, Who
from iquila.admin.switches import Hub, known
from iquila.database.belongings import RadiusServer
from iquila.database.records import ServerMode
from iquila.database.store import delete, put
from iquila.errors import Conflict, InvalidParameter, NotSupported

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}
DEFAULT_PORT, DEFAULT_RETRY, DEFAULT_TIMEOUT = 1812, 500, 15
RETRIES = range(100, 10_001)
"""Milliseconds."""
TIMEOUTS = range(1, 121)
"""Seconds."""
PORTS = range(1, 65_536)
MAX_HOSTS = 8
MAX_LENGTH = 255
KEEP = 0xFFFF_FFFF
"""Stands for a field of ours that a caller does not know."""


def _own(name: str) -> Any:
    return field(default=KEEP, metadata={WIRE: Wire(name, "u32")})


@frozen
class HubRadius:
    """
    Whom a switch asks about its RADIUS users; without a name, nobody.

    The last two are ours: seconds for a whole login, and the port for accounting (0 for none).
    A request without them changes neither.
    """

    hub_name: str = text("HubName")
    host: str = text("RadiusServerName")
    port: int = u32("RadiusPort")
    secret: str = secret("RadiusSecret")
    retry_interval: int = u32("RadiusRetryInterval")
    timeout: int = _own("RadiusTimeout")
    accounting_port: int = _own("AcctPort")


def _described(switch: str, record: RadiusServer | None) -> HubRadius:
    if record is None:
        return HubRadius(switch, "", DEFAULT_PORT, "", DEFAULT_RETRY, DEFAULT_TIMEOUT, 0)
    return HubRadius(
        switch,
        record.host,
        record.port,
        record.secret,
        record.retry_interval,
        record.timeout,
        record.accounting_port,
    )


def _record(switch: str, request: HubRadius, old: RadiusServer | None) -> RadiusServer:
    """Return what a request defines; 0 stands for the usual value, as SoftEther has it."""
    before = _described(switch, old)
    timeout = before.timeout if request.timeout == KEEP else request.timeout or DEFAULT_TIMEOUT
    kept = request.accounting_port == KEEP
    record = RadiusServer(
        switch,
        _hosts(request.host),
        request.port or DEFAULT_PORT,
        request.secret,
        request.retry_interval or DEFAULT_RETRY,
        timeout,
        before.accounting_port if kept else request.accounting_port,
    )
    _within("RadiusPort", record.port, PORTS)
    _within("RadiusRetryInterval (milliseconds)", record.retry_interval, RETRIES)
    _within("RadiusTimeout (seconds)", record.timeout, TIMEOUTS)
    if record.accounting_port:
        _within("AcctPort", record.accounting_port, PORTS)
    if not record.secret or len(record.secret.encode()) > MAX_LENGTH:
        raise InvalidParameter(
            f"RadiusSecret is the secret that this server shares with the RADIUS server: 1 to "
            f"{MAX_LENGTH} bytes."
        )
    return record


def _hosts(text: str) -> str:
    hosts = [host.strip() for host in text.split(";") if host.strip()]
    good = all(len(host) <= MAX_LENGTH and host.isprintable() and " " not in host for host in hosts)
    if not good or not 1 <= len(hosts) <= MAX_HOSTS:
        raise InvalidParameter(
            "RadiusServerName is the name or address of a RADIUS server, or up to "
            f"{MAX_HOSTS} of them with semicolons between."
        )
    return ";".join(hosts)


def _within(name: str, number: int, numbers: range) -> None:
    if number not in numbers:
        raise InvalidParameter(f"{name} is a number from {numbers[0]} to {numbers[-1]}.")


@TABLE.operation("GetHubRadius", Hub, HubRadius, Who.SWITCH, NOT_ON_MEMBER, effect=Effect.SECRET)
async def get_hub_radius(server: ManagedServer, caller: Caller, request: Hub) -> HubRadius:
    """Return the RADIUS server of a Virtual Switch, with the shared secret."""
    switch = known(server, request.hub_name)
    return _described(switch.name, server.system.get(RadiusServer, switch.name))


@TABLE.operation("SetHubRadius", HubRadius, HubRadius, Who.SWITCH, NOT_ON_MEMBER)
async def set_hub_radius(server: ManagedServer, caller: Caller, request: HubRadius) -> HubRadius:
    """Have a Virtual Switch ask a RADIUS server, or with an empty name none."""
    switch = known(server, request.hub_name)
    old = server.system.get(RadiusServer, switch.name)
    if request.host.strip():
        record = _record(switch.name, request, old)
        changes = [put(record)]
    else:
        record = None
        changes = [delete(RadiusServer, switch.key)] if old is not None else []
    same = [
        server.system.unchanged(type(switch), switch.key),
        server.system.unchanged(RadiusServer, switch.key),
    ]
    try:
        if changes:
            await server.system.transact(changes, same)
    except Conflict:
        raise InvalidParameter("Somebody else changed this: try again.") from None
    return _described(switch.name, record)
