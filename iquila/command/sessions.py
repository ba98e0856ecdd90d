"""Commands on sessions and learned addresses."""

from __future__ import annotations

import base64
from typing import Any

from iquila.command.definition import Argument, Caller, Command, Items, Shown, number
from iquila.command.output import moment, thousands
from iquila.wire.names import format_mac

Answer = tuple[dict[str, Any], Shown]


def _location(caller: Caller) -> Any:
    """Return how to name the place of a session: in a cluster, its server."""
    standalone = caller.call("GetServerInfo", {})["ServerType_u32"] == 0

    def place(host: str) -> str:
        return "Local Session" if standalone else f"On '{host}'"

    return place


def _vlan(number: int) -> str:
    return str(number) if number else "-"


def _list(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("EnumSession", {"HubName_str": given["switch"]})
    place = _location(caller)
    blocks = tuple(
        (
            ("Session Name", s["Name_str"]),
            ("VLAN ID", _vlan(s["VLanId_u32"])),
            ("Location", place(s["RemoteHostname_str"])),
            ("User Name", s["Username_str"]),
            ("Source Host Name", s["Hostname_str"]),
            ("TCP Connections", f"{s['CurrentNumTcp_u32']} / {s['MaxNumTcp_u32']}"),
            ("Transfer Bytes", thousands(s["PacketSize_u64"])),
            ("Transfer Packets", thousands(s["PacketNum_u64"])),
        )
        for s in answer["SessionList"]
    )
    return answer, Items(blocks, many=True)


def _version(number: int) -> str:
    return f"{number // 100}.{number % 100:02d}"


def _get(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {"HubName_str": given["switch"], "Name_str": given["name"]}
    a = caller.call("GetSessionStatus", parameters)
    encryption = f"Enabled (Algorithm: {a['CipherName_str']})" if a["UseEncrypt_bool"] else "No"
    rows = (
        ("Client IP Address", a["Client_Ip_Address_ip"]),
        ("Client Host Name", a["SessionStatus_ClientHostName_str"]),
        ("User Name (Authentication)", a["Username_str"]),
        ("User Name (Database)", a["RealUsername_str"]),
        ("VLAN ID", _vlan(a["VLanId_u32"])),
        ("Server Product Name", a["ServerProductName_str"]),
        ("Connection Started at", moment(a["StartTime_dt"])),
        (
            "First Session has been Established since",
            moment(a["FirstConnectionEstablisiedTime_dt"]),
        ),
        (
            "Current Session has been Established since",
            moment(a["CurrentConnectionEstablishTime_dt"]),
        ),
        (
            "Half Duplex TCP Connection Mode",
            "Yes (Half Duplex Mode)" if a["HalfConnection_bool"] else "No (Full Duplex Mode)",
        ),
        ("VoIP / QoS Function", "Enabled" if a["QoS_bool"] else "Disabled"),
        ("Number of TCP Connections", str(a["NumTcpConnections_u32"])),
        ("Maximum Number of TCP Connections", str(a["MaxTcpConnections_u32"])),
        ("Encryption", encryption),
        ("Use of Compression", "Yes" if a["UseCompress_bool"] else "No (No Compression)"),
        ("Physical Underlay Protocol", a["UnderlayProtocol_str"]),
        ("Session Name", a["SessionName_str"]),
        ("Connection Name", a["ConnectionName_str"]),
        ("Bridge / Router Mode", "Yes" if a["IsBridgeMode_bool"] else "No"),
        ("Monitoring Mode", "Yes" if a["IsMonitorMode_bool"] else "No"),
        ("Outgoing Data Size", f"{thousands(a['TotalSendSize_u64'])} bytes"),
        ("Incoming Data Size", f"{thousands(a['TotalRecvSize_u64'])} bytes"),
        ("Client Product Name (Reported)", a["ClientProductName_str"]),
        ("Client Version (Reported)", _version(a["ClientProductVer_u32"])),
        ("Client Build (Reported)", f"Build {a['ClientProductBuild_u32']}"),
        ("Client OS Name (Reported)", a["ClientOsName_str"]),
        ("Client OS Version (Reported)", a["ClientOsVer_str"]),
        ("Client OS Product ID (Reported)", a["ClientOsProductId_str"]),
        ("Client Host Name (Reported)", a["ClientHostname_str"]),
    )
    return a, Items((rows,))


def _disconnect(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {"HubName_str": given["switch"], "Name_str": given["name"]}
    return caller.call("DeleteSession", parameters), None


def _macs(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("EnumMacTable", {"HubName_str": given["switch"]})
    place = _location(caller)
    wanted = given["session"].lower()
    blocks = tuple(
        (
            ("ID", str(e["Key_u32"])),
            ("Session Name", e["SessionName_str"]),
            ("VLAN ID", _vlan(e["VlanId_u32"])),
            ("MAC Address", format_mac(base64.b64decode(e["MacAddress_bin"]))),
            ("Created at", moment(e["CreatedTime_dt"], weekday=False)),
            ("Updated at", moment(e["UpdatedTime_dt"], weekday=False)),
            ("Location", place(e["RemoteHostname_str"])),
        )
        for e in answer["MacTable"]
        if not wanted or e["SessionName_str"].lower() == wanted
    )
    return answer, Items(blocks, many=True)


def _forget(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {"HubName_str": given["switch"], "Key_u32": given["id"]}
    return caller.call("DeleteMacTable", parameters), None


_NAME = Argument("NAME", "Name of the session", positional=True)

COMMANDS = (
    Command("SessionList", "List the sessions", _list, on_switch=True),
    Command("SessionGet", "Show a session", _get, (_NAME,), on_switch=True),
    Command("SessionDisconnect", "End a session", _disconnect, (_NAME,), on_switch=True),
    Command(
        "MacTable",
        "List the learned MAC addresses",
        _macs,
        (Argument("SESSION", "Of this session only", positional=True, required=False),),
        on_switch=True,
    ),
    Command(
        "MacDelete",
        "Forget a learned MAC address",
        _forget,
        (Argument("ID", "ID in the MacTable", positional=True, convert=number),),
        on_switch=True,
    ),
)
