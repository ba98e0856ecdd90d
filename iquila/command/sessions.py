"""Commands on sessions and learned addresses."""

from __future__ import annotations

import base64
from typing import Any

from iquila.command.calls import KEYED, NAMED, operation
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Items,
    Row,
    Run,
    Shown,
    about,
    number,
)
from iquila.command.output import moment, thousands
from iquila.command.sessionrows import client_rows, session_rows
from iquila.wire.names import format_mac

# Sessions that no client opened, by their flag, and what is said of where they are.
_INSIDE = (
    ("LinkMode_bool", "Cascade Connection"),
    ("SecureNATMode_bool", "SecureNAT Session"),
    ("BridgeMode_bool", "Local Bridge Session"),
    ("Layer3Mode_bool", "Layer 3 Switch Session"),
)


def _standalone(caller: Caller) -> bool:
    return bool(caller.call("GetServerInfo", {})["ServerType_u32"] == 0)


def _vlan(number: int) -> str:
    return str(number) if number else "-"


def _place(session: dict[str, Any], standalone: bool) -> str:
    for flag, label in _INSIDE:
        if session.get(flag):
            return label
    return "Local Session" if standalone else f"On '{session['RemoteHostname_str']}'"


def _list(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("EnumSession", {"HubName_str": given["switch"]})
    standalone = _standalone(caller)
    blocks = tuple(_session(s, standalone) for s in answer["SessionList"])
    return answer, Items(blocks, many=True)


def _session(s: dict[str, Any], standalone: bool) -> tuple[Row, ...]:
    inside = any(s.get(flag) for flag, _ in _INSIDE)
    connections = "None" if inside else f"{s['CurrentNumTcp_u32']} / {s['MaxNumTcp_u32']}"
    return (
        ("Session Name", s["Name_str"]),
        ("VLAN ID", _vlan(s["VLanId_u32"])),
        ("Location", _place(s, standalone)),
        ("User Name", s["Username_str"]),
        ("Source Host Name", s["Hostname_str"]),
        ("TCP Connections", connections),
        ("Transfer Bytes", thousands(s["PacketSize_u64"])),
        ("Transfer Packets", thousands(s["PacketNum_u64"])),
    )


def _get(a: dict[str, Any]) -> Shown:
    rows = (
        ("Client IP Address", a["Client_Ip_Address_ip"]),
        ("Client Host Name", a["SessionStatus_ClientHostName_str"]),
        ("User Name (Authentication)", a["Username_str"]),
        ("User Name (Database)", a["RealUsername_str"]),
        ("VLAN ID", _vlan(a["VLanId_u32"])),
        *session_rows(a),
        *client_rows(a),
    )
    return Items((rows,))


def _macs(entry: dict[str, Any]) -> tuple[Row, ...]:
    return (
        ("VLAN ID", _vlan(entry["VlanId_u32"])),
        ("MAC Address", format_mac(base64.b64decode(entry["MacAddress_bin"]))),
    )


def _ips(entry: dict[str, Any]) -> tuple[Row, ...]:
    dhcp = " (DHCP)" if entry.get("DhcpAllocated_bool") else ""
    return (("IP Address", f"{entry['IpAddress_ip']}{dhcp}"),)


def _table(method: str, name: str, what: Any) -> Run:
    """Return what lists a table of learned addresses; `what` are the rows of its own."""

    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        answer = caller.call(method, {"HubName_str": given["switch"]})
        standalone = _standalone(caller)
        wanted = given["session"].lower()
        blocks = tuple(
            (
                ("ID", str(e["Key_u32"])),
                ("Session Name", e["SessionName_str"]),
                *what(e),
                ("Created at", moment(e["CreatedTime_dt"], weekday=False)),
                ("Updated at", moment(e["UpdatedTime_dt"], weekday=False)),
                ("Location", _place(e, standalone)),
            )
            for e in answer[name]
            if not wanted or e["SessionName_str"].lower() == wanted
        )
        return answer, Items(blocks, many=True)

    return run


_NAME = Argument("NAME", "Name of the session", positional=True, names="session")
_OF = Argument("SESSION", "Of this session only", positional=True, required=False, names="session")


def _id(of: str) -> Argument:
    return Argument("ID", f"ID in the {of}", positional=True, convert=number)


def _command(name: str, help: str, run: Run, *arguments: Argument, example: str = "") -> Command:
    return Command(name, help, run, arguments, on_switch=True, examples=(example,))


COMMANDS = about(
    "Sessions and learned addresses",
    _command("SessionList", "List the sessions", _list),
    _command(
        "SessionGet",
        "Show a session",
        operation("GetSessionStatus", NAMED, _get),
        _NAME,
        example="SID-ALICE-1",
    ),
    _command(
        "SessionDisconnect",
        "End a session",
        operation("DeleteSession", NAMED),
        _NAME,
        example="SID-ALICE-1",
    ),
    _command(
        "MacTable", "List the learned MAC addresses", _table("EnumMacTable", "MacTable", _macs), _OF
    ),
    _command(
        "MacDelete",
        "Forget a learned MAC address",
        operation("DeleteMacTable", KEYED),
        _id("MacTable"),
        example="197848100",
    ),
    _command(
        "IpTable", "List the learned IP addresses", _table("EnumIpTable", "IpTable", _ips), _OF
    ),
    _command(
        "IpDelete",
        "Forget a learned IP address",
        operation("DeleteIpTable", KEYED),
        _id("IpTable"),
        example="197848100",
    ),
)
