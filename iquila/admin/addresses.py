"""Operations on the source address list of a Virtual Switch: from where clients may log in."""

from __future__ import annotations

from attrs import frozen

from iquila.admin import rules
from iquila.admin.checks import checked
from iquila.admin.fields import address, flag, items, text, u32
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who
from iquila.admin.rules import MAX_LINES
from iquila.admin.switches import Hub, known
from iquila.database.belongings import UNSET, AddressList, AddressRule
from iquila.database.records import ServerMode, Switch
from iquila.database.store import put
from iquila.errors import NotSupported, TooManyItems

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}


@frozen
class AddressItem:
    """A line of the list; without `Masked` it is for one address only."""

    id: int = u32("Id")
    priority: int = u32("Priority")
    deny: bool = flag("Deny")
    masked: bool = flag("Masked")
    ip: str = address("IpAddress")
    mask: str = address("SubnetMask")


@frozen
class AddressItems:
    """The whole list, in the order in which lines are looked at."""

    hub_name: str = text("HubName")
    lines: tuple[AddressItem, ...] = items("ACList", AddressItem)


@TABLE.operation("GetAcList", Hub, AddressItems, Who.SWITCH, NOT_ON_MEMBER)
async def get_ac_list(server: ManagedServer, caller: Caller, request: Hub) -> AddressItems:
    """Return from which addresses clients may log in, the line that is looked at first first."""
    switch = known(server, request.hub_name)
    record = server.system.get(AddressList, switch.key)
    return _described(switch, record.rules if record is not None else ())


def _described(switch: Switch, rules: tuple[AddressRule, ...]) -> AddressItems:
    return AddressItems(
        switch.name,
        tuple(
            AddressItem(r.id, r.priority, r.deny, bool(r.mask), r.address, r.mask or UNSET)
            for r in rules
        ),
    )


@TABLE.operation(
    "SetAcList",
    AddressItems,
    AddressItems,
    Who.SWITCH,
    NOT_ON_MEMBER,
    denied_by="no_change_access_control_list",
)
async def set_ac_list(server: ManagedServer, caller: Caller, request: AddressItems) -> AddressItems:
    """Replace the list of addresses from which clients may log in; open sessions go on."""
    switch = known(server, request.hub_name)
    if len(request.lines) > MAX_LINES:
        raise TooManyItems(f"A source address list has at most {MAX_LINES} lines.")
    ordered = sorted(request.lines, key=lambda line: line.priority)
    found = tuple(_rule(line, id) for id, line in enumerate(ordered, 1))
    compare = [
        server.system.unchanged(AddressList, switch.key),
        server.system.unchanged(Switch, switch.key),
    ]
    await server.system.transact([put(AddressList(switch.name, found))], compare)
    return _described(switch, found)


def _rule(line: AddressItem, id: int) -> AddressRule:
    if line.masked:
        mask = checked("SubnetMask", rules.mask, line.mask, line.ip)
        return AddressRule(id, line.priority, line.deny, line.ip, mask)
    address = checked("IpAddress", rules.single_address, line.ip)
    return AddressRule(id, line.priority, line.deny, address)
