"""A rule of an access list as it travels, and as it is stored (reference §9.4)."""

from __future__ import annotations

import ipaddress
from typing import Any

from attrs import evolve, frozen

from iquila.admin import rules
from iquila.admin.checks import checked
from iquila.admin.fields import address, data, flag, text, u32, utf
from iquila.database.belongings import AccessRule
from iquila.errors import InvalidParameter

MAC = 6
IPV6 = 16
UNIQUE = 1_000_000
"""What a rule's number and this make is its unique id: larger than any place in the list."""
PLACEHOLDER, PLACEHOLDER_MASK = "223.255.255.253", "255.255.255.255"
"""What the IPv4 fields of a rule for IPv6 say."""
_NUMBERS = (
    ("protocol", "Protocol"),
    ("source_port_start", "SrcPortStart"),
    ("source_port_end", "SrcPortEnd"),
    ("destination_port_start", "DestPortStart"),
    ("destination_port_end", "DestPortEnd"),
    ("delay", "Delay"),
    ("jitter", "Jitter"),
    ("loss", "Loss"),
)
_TEXTS = (
    ("note", "Note"),
    ("source_user", "SrcUsername"),
    ("destination_user", "DestUsername"),
    ("redirect_url", "RedirectUrl"),
)
_ADDRESSES = (
    ("source", "SrcIpAddress"),
    ("source_mask", "SrcSubnetMask"),
    ("destination", "DestIpAddress"),
    ("destination_mask", "DestSubnetMask"),
)
_SAME = (
    "active",
    "priority",
    "discard",
    "ipv6",
    "check_tcp_state",
    "established",
    *(name for name, _wire in _NUMBERS),
    *(name for name, _wire in _TEXTS),
)


@frozen
class AccessItem:
    """
    A rule as it travels. For IPv6 the four `…6` fields hold, 16 bytes each.

    `unique_id` is told, never taken: it stays when rules before this one come or go.
    """

    id: int = u32("Id")
    note: str = utf("Note")
    active: bool = flag("Active")
    priority: int = u32("Priority")
    discard: bool = flag("Discard")
    ipv6: bool = flag("IsIPv6")
    source: str = address("SrcIpAddress")
    source_mask: str = address("SrcSubnetMask")
    destination: str = address("DestIpAddress")
    destination_mask: str = address("DestSubnetMask")
    source6: bytes = data("SrcIpAddress6")
    source_mask6: bytes = data("SrcSubnetMask6")
    destination6: bytes = data("DestIpAddress6")
    destination_mask6: bytes = data("DestSubnetMask6")
    protocol: int = u32("Protocol")
    source_port_start: int = u32("SrcPortStart")
    source_port_end: int = u32("SrcPortEnd")
    destination_port_start: int = u32("DestPortStart")
    destination_port_end: int = u32("DestPortEnd")
    source_user: str = text("SrcUsername")
    destination_user: str = text("DestUsername")
    check_source_mac: bool = flag("CheckSrcMac")
    source_mac: bytes = data("SrcMacAddress")
    source_mac_mask: bytes = data("SrcMacMask")
    check_destination_mac: bool = flag("CheckDstMac")
    destination_mac: bytes = data("DstMacAddress")
    destination_mac_mask: bytes = data("DstMacMask")
    check_tcp_state: bool = flag("CheckTcpState")
    established: bool = flag("Established")
    delay: int = u32("Delay")
    jitter: int = u32("Jitter")
    loss: int = u32("Loss")
    redirect_url: str = text("RedirectUrl")
    unique_id: int = u32("UniqueId")


def described(rule: AccessRule, id: int) -> AccessItem:
    """Return a stored rule as it travels, under its number in the list."""
    item = AccessItem(
        id=id,
        unique_id=UNIQUE + rule.number,
        check_source_mac=bool(rule.source_mac),
        source_mac=rule.source_mac or bytes(MAC),
        source_mac_mask=rule.source_mac_mask or bytes(MAC),
        check_destination_mac=bool(rule.destination_mac),
        destination_mac=rule.destination_mac or bytes(MAC),
        destination_mac_mask=rule.destination_mac_mask or bytes(MAC),
        **{name: getattr(rule, name) for name in _SAME},
    )
    addresses: dict[str, Any] = {name: getattr(rule, name) for name, _wire in _ADDRESSES}
    if not rule.ipv6:
        sixes: dict[str, Any] = {name + "6": bytes(IPV6) for name in addresses}
        return evolve(item, **addresses, **sixes)
    packed: dict[str, Any] = {
        name + "6": ipaddress.ip_address(a).packed for name, a in addresses.items()
    }
    return evolve(
        item,
        source=PLACEHOLDER,
        source_mask=PLACEHOLDER_MASK,
        destination=PLACEHOLDER,
        destination_mask=PLACEHOLDER_MASK,
        **packed,
    )


def to_rule(item: AccessItem, switch: str, number: int) -> AccessRule:
    """
    Return the rule in a request.

    As the protocol has it, ports are looked at for TCP and UDP only, TCP's state for TCP only;
    elsewhere they may be given and mean nothing.

    :raises InvalidParameter: a field is not valid; the sentence names it.
    """
    for name, wire in _NUMBERS:
        checked(wire, rules.within, getattr(item, name), rules.ACCESS_NUMBERS[name])
    checked("SrcPortStart", rules.ports, item.source_port_start, item.source_port_end)
    checked("DestPortStart", rules.ports, item.destination_port_start, item.destination_port_end)
    for name, wire in _TEXTS:
        checked(wire, rules.text if name == "note" else rules.line, getattr(item, name))
    return AccessRule(
        switch,
        number,
        **_macs(item),
        **(_addresses6(item) if item.ipv6 else _addresses4(item)),
        **{name: getattr(item, name) for name in _SAME},
    )


def _macs(item: AccessItem) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for side, short in (("source", "Src"), ("destination", "Dst")):
        checked = getattr(item, f"check_{side}_mac")
        for name, wire in ((f"{side}_mac", "MacAddress"), (f"{side}_mac_mask", "MacMask")):
            value = getattr(item, name)
            if len(value) != MAC and (checked or value):
                raise InvalidParameter(f"{short}{wire} has {MAC} bytes.")
            found[name] = value if checked else b""
    return found


def _addresses4(item: AccessItem) -> dict[str, str]:
    found = {}
    for name, wire in _ADDRESSES:
        value = getattr(item, name)
        if ipaddress.ip_address(value).version != 4:
            raise InvalidParameter(f"{wire} is an IPv4 address: for IPv6 use IsIPv6 and {wire}6.")
        found[name] = value
    return found


def _addresses6(item: AccessItem) -> dict[str, Any]:
    found = {}
    for name, wire in _ADDRESSES:
        value = getattr(item, name + "6")
        if len(value) != IPV6:
            raise InvalidParameter(f"{wire}6 is an IPv6 address of {IPV6} bytes.")
        found[name] = str(ipaddress.IPv6Address(value))
    return found
