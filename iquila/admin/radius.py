"""Operations on the RADIUS server of a Virtual Switch."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from iquila.admin import rules
from iquila.admin.checks import checked
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
        checked("RadiusServerName", rules.radius_hosts, request.host),
        request.port or DEFAULT_PORT,
        checked("RadiusSecret", rules.radius_secret, request.secret),
        request.retry_interval or DEFAULT_RETRY,
        timeout,
        before.accounting_port if kept else request.accounting_port,
    )
    checked("RadiusPort", rules.within, record.port, rules.PORTS)
    checked(
        "RadiusRetryInterval (milliseconds)",
        rules.within,
        record.retry_interval,
        rules.RADIUS_RETRIES,
    )
    checked("RadiusTimeout (seconds)", rules.within, record.timeout, rules.RADIUS_TIMEOUTS)
    if record.accounting_port:
        checked("AcctPort", rules.within, record.accounting_port, rules.PORTS)
    return record


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
