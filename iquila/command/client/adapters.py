"""Commands on the virtual adapters of a client."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import Fields, operation
from iquila.command.definition import Argument, Command, Items, Row, Shown, about
from iquila.wire.names import format_mac, parse_mac

_NAMED: Fields = {"DeviceName_str": "name"}
_NAME = Argument("NAME", "Name of the virtual adapter", positional=True, names="adapter")
_NEW_NAME = Argument("NAME", "Name, up to 11 letters, digits, '-' and '_'", positional=True)


def _mac(text: str) -> str:
    return format_mac(parse_mac(text))


def _rows(a: dict[str, Any]) -> tuple[Row, ...]:
    return (
        ("Virtual Network Adapter Name", a["DeviceName_str"]),
        ("Status", "Enabled" if a["Enabled_bool"] else "Disabled"),
        ("MAC Address", a["MacAddress_str"].replace("-", "")),
        ("Version", a["Version_str"]),
    )


def _list(answer: dict[str, Any]) -> Shown:
    return Items(tuple(_rows(a) for a in answer["VLanList"]), many=True)


def _adapter(a: dict[str, Any]) -> Shown:
    more = (
        ("Network Device", a["InterfaceName_str"]),
        ("Used by VPN Connection Setting", a["UsedBy_str"] or "(None)"),
    )
    return Items(((*_rows(a), *more),))


def _simple(name: str, help: str, method: str) -> Command:
    return Command(name, help, operation(method, _NAMED), (_NAME,), examples=("vpn",))


COMMANDS = about(
    "Virtual adapters",
    Command(
        "NicList", "List the virtual adapters", operation("EnumVLan", show=_list), examples=("",)
    ),
    Command(
        "NicCreate",
        "Make a virtual adapter: the network device vpn_NAME",
        operation("CreateVLan", _NAMED),
        (_NEW_NAME,),
        examples=("vpn",),
    ),
    _simple("NicDelete", "Delete a virtual adapter", "DeleteVLan"),
    _simple("NicEnable", "Enable a virtual adapter: its network device is made", "EnableVLan"),
    _simple("NicDisable", "Disable a virtual adapter: its network device goes", "DisableVLan"),
    Command(
        "NicGetSetting",
        "Show a virtual adapter",
        operation("GetVLan", _NAMED, _adapter),
        (_NAME,),
        examples=("vpn",),
    ),
    Command(
        "NicSetSetting",
        "Give a virtual adapter another MAC address",
        operation("SetVLan", {**_NAMED, "MacAddress_str": "mac"}),
        (_NAME, Argument("MAC", "MAC address, 5E-00-00-00-00-01", convert=_mac)),
        examples=("vpn /MAC:5E-00-00-00-00-01",),
    ),
)
