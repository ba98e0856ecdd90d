"""Operations on the administrator options and the extended options of a Virtual Switch."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from iquila.admin.checks import checked
from iquila.admin.fields import items, text, u32, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who
from iquila.admin.rules import within
from iquila.admin.switches import Hub, known
from iquila.database.administratoroptions import ADMINISTRATOR
from iquila.database.belongings import SwitchOptions
from iquila.database.extendedoptions import EXTENDED
from iquila.database.options import Option
from iquila.database.records import ServerMode, Switch
from iquila.database.store import delete, put
from iquila.errors import InvalidParameter, NotSupported

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}


@frozen
class OptionItem:
    """An option; the description is told, never taken."""

    name: str = text("Name")
    value: int = u32("Value")
    # The misspelt name is that of the protocol.
    description: str = utf("Descrption")


@frozen
class OptionItems:
    """Options of a switch. Those that a change does not name stay as they are."""

    hub_name: str = text("HubName")
    options: tuple[OptionItem, ...] = items("AdminOptionList", OptionItem)


def _record(server: ManagedServer, switch: Switch) -> SwitchOptions:
    return server.system.get(SwitchOptions, switch.key) or SwitchOptions(switch.name)


def _own(values: Mapping[str, int]) -> tuple[OptionItem, ...]:
    """Return the administrator options of a switch: by name, as the system's server has them."""
    return tuple(sorted(_listed(ADMINISTRATOR, values), key=lambda item: item.name))


def _listed(options: Mapping[str, Option], values: Mapping[str, int]) -> tuple[OptionItem, ...]:
    return tuple(
        OptionItem(o.name, values.get(o.name, o.default), o.description) for o in options.values()
    )


def _changed(
    options: Mapping[str, Option], values: Mapping[str, int], request: OptionItems
) -> dict[str, int]:
    """
    Return the values that differ from their defaults, after a change.

    :raises InvalidParameter: a name is not known or given twice, or a value is out of range.
    """
    wanted = {o.name: values.get(o.name, o.default) for o in options.values()}
    named: set[str] = set()
    for item in request.options:
        option = options.get(item.name.lower())
        if option is None:
            raise InvalidParameter(f"There is no option '{item.name[:64]}': list them all.")
        if option.name in named:
            raise InvalidParameter(f"The option {option.name} is given twice.")
        checked(option.name, within, item.value, option.values)
        named.add(option.name)
        wanted[option.name] = item.value
    return {o.name: wanted[o.name] for o in options.values() if wanted[o.name] != o.default}


async def _store(server: ManagedServer, switch: Switch, record: SwitchOptions) -> None:
    """Write the options of a switch; without any that differs there is no record."""
    differs = record.administrator or record.extended
    await server.system.transact(
        [put(record) if differs else delete(SwitchOptions, switch.key)],
        [
            server.system.unchanged(SwitchOptions, switch.key),
            server.system.unchanged(Switch, switch.key),
        ],
    )


@TABLE.operation("GetHubAdminOptions", Hub, OptionItems, Who.SWITCH, NOT_ON_MEMBER)
async def get_hub_admin_options(server: ManagedServer, caller: Caller, request: Hub) -> OptionItems:
    """Return what a switch's administrator and users may do, by option."""
    switch = known(server, request.hub_name)
    return OptionItems(switch.name, _own(_record(server, switch).administrator))


@TABLE.operation("GetDefaultHubAdminOptions", Hub, OptionItems, Who.SWITCH)
async def get_default_hub_admin_options(
    server: ManagedServer, caller: Caller, request: Hub
) -> OptionItems:
    """Return the administrator options that there are, with their defaults."""
    return OptionItems(request.hub_name, _listed(ADMINISTRATOR, {}))


@TABLE.operation(
    "SetHubAdminOptions",
    OptionItems,
    OptionItems,
    Who.SWITCH,
    NOT_ON_MEMBER,
    allowed_by="allow_hub_admin_change_option",
)
async def set_hub_admin_options(
    server: ManagedServer, caller: Caller, request: OptionItems
) -> OptionItems:
    """Change what a switch's administrator and users may do."""
    switch = known(server, request.hub_name)
    record = _record(server, switch)
    values = _changed(ADMINISTRATOR, record.administrator, request)
    await _store(server, switch, evolve(record, administrator=values))
    return OptionItems(switch.name, _own(values))


@TABLE.operation("GetHubExtOptions", Hub, OptionItems, Who.SWITCH)
async def get_hub_ext_options(server: ManagedServer, caller: Caller, request: Hub) -> OptionItems:
    """Return the extended options of a switch."""
    switch = known(server, request.hub_name)
    return OptionItems(switch.name, _listed(EXTENDED, _record(server, switch).extended))


@TABLE.operation(
    "SetHubExtOptions",
    OptionItems,
    OptionItems,
    Who.SWITCH,
    NOT_ON_MEMBER,
    denied_by="deny_hub_admin_change_ext_option",
)
async def set_hub_ext_options(
    server: ManagedServer, caller: Caller, request: OptionItems
) -> OptionItems:
    """Change extended options of a switch."""
    switch = known(server, request.hub_name)
    record = _record(server, switch)
    values = _changed(EXTENDED, record.extended, request)
    await _store(server, switch, evolve(record, extended=values))
    return OptionItems(switch.name, _listed(EXTENDED, values))
