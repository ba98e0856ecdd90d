"""Commands on the access list of a Virtual Switch (reference §9.4)."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any

from iquila.command.calls import ON_SWITCH, operation
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Items,
    Run,
    Shown,
    about,
    number,
    one_of,
)
from iquila.command.values import mac_and_mask, network4, network6, ports, show_network
from iquila.errors import ObjectNotFound
from iquila.wire.names import format_mac

PROTOCOLS = {1: "ICMPv4", 6: "TCP", 17: "UDP", 58: "ICMPv6"}
_WORDS = {"": 0, "ip": 0, "icmpv4": 1, "icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
NO_ADDRESS6 = base64.b64encode(bytes(16)).decode()
NO_MAC = base64.b64encode(bytes(6)).decode()
# What stands in the IPv4 fields of an IPv6 rule (reference §9.4).
PLACEHOLDER4 = ("223.255.255.253", "255.255.255.255")


def protocol(text: str) -> int:
    """Return the number of an IP protocol; nothing is any."""
    word = text.strip().lower()
    value = _WORDS.get(word, int(word) if word.isascii() and word.isdecimal() else 256)
    if value > 255:
        raise ValueError(f"'{text}' is none of tcp, udp, icmpv4, icmpv6, ip or a number to 255")
    return value


def _addresses(given: dict[str, Any], six: bool) -> dict[str, Any]:
    source, destination = given["srcip"], given["destip"]
    four = (PLACEHOLDER4, PLACEHOLDER4) if six else (source, destination)
    none = (NO_ADDRESS6, NO_ADDRESS6)
    long = (source, destination) if six else (none, none)
    return {
        "IsIPv6_bool": six,
        **dict(zip(("SrcIpAddress_ip", "SrcSubnetMask_ip"), four[0], strict=True)),
        **dict(zip(("DestIpAddress_ip", "DestSubnetMask_ip"), four[1], strict=True)),
        **dict(zip(("SrcIpAddress6_bin", "SrcSubnetMask6_bin"), long[0], strict=True)),
        **dict(zip(("DestIpAddress6_bin", "DestSubnetMask6_bin"), long[1], strict=True)),
    }


def _frames(given: dict[str, Any]) -> dict[str, Any]:
    source, destination = given["srcmac"], given["destmac"]
    state = given["tcpstate"]
    return {
        "CheckSrcMac_bool": source is not None,
        "SrcMacAddress_bin": source[0] if source else NO_MAC,
        "SrcMacMask_bin": source[1] if source else NO_MAC,
        "CheckDstMac_bool": destination is not None,
        "DstMacAddress_bin": destination[0] if destination else NO_MAC,
        "DstMacMask_bin": destination[1] if destination else NO_MAC,
        "CheckTcpState_bool": bool(state),
        "Established_bool": state == "established",
    }


def _add(six: bool) -> Run:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        source, destination = given["srcport"], given["destport"]
        rule = {
            "Note_utf": given["memo"],
            "Active_bool": True,
            "Priority_u32": given["priority"],
            "Discard_bool": given["action"] == "discard",
            **_addresses(given, six),
            "Protocol_u32": given["protocol"],
            "SrcPortStart_u32": source[0],
            "SrcPortEnd_u32": source[1],
            "DestPortStart_u32": destination[0],
            "DestPortEnd_u32": destination[1],
            "SrcUsername_str": given["srcusername"],
            "DestUsername_str": given["destusername"],
            **_frames(given),
            "Delay_u32": given.get("delay", 0),
            "Jitter_u32": given.get("jitter", 0),
            "Loss_u32": given.get("loss", 0),
            "RedirectUrl_str": given.get("redirecturl", ""),
        }
        parameters = {"HubName_str": given["switch"], "AccessListSingle": [rule]}
        return caller.call("AddAccess", parameters), None

    return run


def _switch(active: bool) -> Run:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        hub = {"HubName_str": given["switch"]}
        rules = caller.call("EnumAccess", hub)["AccessList"]
        chosen = [r for r in rules if given["id"] in (r["Id_u32"], r.get("UniqueId_u32"))]
        if not chosen:
            raise ObjectNotFound(f"There is no rule {given['id']}: AccessList shows them.")
        changed = [{**r, "Active_bool": active} if r is chosen[0] else r for r in rules]
        return caller.call("SetAccessList", {**hub, "AccessList": changed}), None

    return run


def _range(start: int, end: int) -> str:
    return str(start) if start == end else f"{start}-{end}"


def _ends(rule: dict[str, Any], six: bool) -> list[str]:
    parts = []
    for short, name in (("Src", "Src"), ("Dst", "Dest")):
        if six:
            where, mask = (
                ipaddress.ip_address(base64.b64decode(rule[f"{name}{what}6_bin"]))
                for what in ("IpAddress", "SubnetMask")
            )
        else:
            where = ipaddress.ip_address(rule[f"{name}IpAddress_ip"])
            mask = ipaddress.ip_address(rule[f"{name}SubnetMask_ip"])
        if int(mask):
            parts.append(f"{short}IPv{6 if six else 4}={show_network(where, mask)}")
    return parts


def contents(rule: dict[str, Any]) -> str:
    """Return what a rule looks for, in one line."""
    six = rule["IsIPv6_bool"]
    parts = _ends(rule, six)
    kind = rule["Protocol_u32"]
    if kind:
        parts.append(f"Protocol={PROTOCOLS.get(kind, f'({kind})')}")
    for short, name in (("Src", "Src"), ("Dst", "Dest")):
        start = rule[f"{name}PortStart_u32"]
        if start:
            parts.append(f"{short}Port={_range(start, rule[f'{name}PortEnd_u32'] or start)}")
    for short, name in (("Src", "Src"), ("Dst", "Dest")):
        if rule[f"{name}Username_str"]:
            parts.append(f"{short}User={rule[f'{name}Username_str']}")
    for short in ("Src", "Dst"):
        if rule[f"Check{short}Mac_bool"]:
            where, mask = (
                format_mac(base64.b64decode(rule[f"{short}Mac{what}_bin"]))
                for what in ("Address", "Mask")
            )
            parts.append(f"{short}Mac={where}/{mask}")
    if rule["CheckTcpState_bool"]:
        parts.append("Established" if rule["Established_bool"] else "Unestablished")
    for name in ("Delay", "Jitter", "Loss"):
        if rule[f"{name}_u32"]:
            parts.append(f"{name}={rule[f'{name}_u32']}")
    if rule.get("RedirectUrl_str"):
        parts.append(f"RedirectUrl={rule['RedirectUrl_str']}")
    return f"(ipv{6 if six else 4}) {', '.join(parts) or '*'}"


def _list(answer: dict[str, Any]) -> Shown:
    blocks = tuple(
        (
            ("ID", str(rule["Id_u32"])),
            ("Action", "Discard" if rule["Discard_bool"] else "Pass"),
            ("Status", "Enable" if rule["Active_bool"] else "Disable"),
            ("Priority", str(rule["Priority_u32"])),
            ("Unique ID", str(rule.get("UniqueId_u32", 0))),
            ("Contents", contents(rule)),
            ("Memo", rule["Note_utf"]),
        )
        for rule in answer["AccessList"]
    )
    return Items(blocks, many=True)


def _priority(text: str) -> int:
    value = number(text)
    if value < 1:
        raise ValueError("the priority is 1 or more; smaller ones come first")
    return value


def _optional(key: str, help: str, convert: Any = str, default: str = "") -> Argument:
    return Argument(key, help, required=False, convert=convert, default=default)


def _state(text: str) -> str:
    return one_of("established", "unestablished")(text) if text.strip() else ""


def _at_most(limit: int) -> Any:
    def read(text: str) -> int:
        value = number(text)
        if value > limit:
            raise ValueError(f"{value} is more than {limit}")
        return value

    return read


def _arguments(six: bool) -> tuple[Argument, ...]:
    network = network6 if six else network4
    user = "User or group"
    return (
        Argument("ACTION", "pass or discard", positional=True, convert=one_of("pass", "discard")),
        _optional("MEMO", "Description"),
        Argument("PRIORITY", "Priority; smaller ones come first", convert=_priority),
        _optional("SRCUSERNAME", f"{user} that sends"),
        _optional("DESTUSERNAME", f"{user} that receives"),
        _optional("SRCMAC", "Source, MAC[/MASK]", mac_and_mask),
        _optional("DESTMAC", "Destination, MAC[/MASK]", mac_and_mask),
        _optional("SRCIP", "Source, ADDRESS[/MASK]", network),
        _optional("DESTIP", "Destination, ADDRESS[/MASK]", network),
        _optional("PROTOCOL", "tcp, udp, icmpv4, icmpv6, ip or a number", protocol),
        _optional("SRCPORT", "Source port, PORT or START-END", ports),
        _optional("DESTPORT", "Destination port, PORT or START-END", ports),
        _optional("TCPSTATE", "established or unestablished", _state),
    )


_EXTENDED = (
    _optional("DELAY", "Delay, milliseconds to 10000", _at_most(10_000), "0"),
    _optional("JITTER", "Jitter of the delay, percent", _at_most(100), "0"),
    _optional("LOSS", "Frames that are lost, percent", _at_most(100), "0"),
    _optional("REDIRECTURL", "Address that web browsers are sent to"),
)
_ID = Argument("ID", "ID in the AccessList", positional=True, convert=number)
_FOUR = "pass /PRIORITY:100 /SRCIP:10.0.0.0/8 /PROTOCOL:tcp /DESTPORT:80-90"
_SIX = "discard /PRIORITY:200 /SRCIP:2001:db8::/32 /PROTOCOL:icmpv6"


def _command(name: str, help: str, run: Run, *arguments: Argument, example: str = "") -> Command:
    return Command(name, help, run, arguments, on_switch=True, examples=(example,))


COMMANDS = about(
    "Access list",
    _command("AccessList", "List the rules", operation("EnumAccess", ON_SWITCH, _list)),
    _command("AccessAdd", "Add a rule for IPv4", _add(False), *_arguments(False), example=_FOUR),
    _command(
        "AccessAddEx",
        "Add a rule for IPv4 that delays, loses or redirects",
        _add(False),
        *_arguments(False),
        *_EXTENDED,
        example=f"{_FOUR} /DELAY:50 /LOSS:1",
    ),
    _command("AccessAdd6", "Add a rule for IPv6", _add(True), *_arguments(True), example=_SIX),
    _command(
        "AccessAddEx6",
        "Add a rule for IPv6 that delays, loses or redirects",
        _add(True),
        *_arguments(True),
        *_EXTENDED,
        example=f"{_SIX} /LOSS:50",
    ),
    _command(
        "AccessDelete",
        "Delete a rule",
        operation("DeleteAccess", {"HubName_str": "switch", "Id_u32": "id"}),
        _ID,
        example="1",
    ),
    _command("AccessEnable", "Let a rule work", _switch(True), _ID, example="1"),
    _command("AccessDisable", "Let a rule rest", _switch(False), _ID, example="1"),
)
