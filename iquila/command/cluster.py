"""Commands on the cluster, with the labels of reference §10.1."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path
from typing import Any

from iquila.command.arguments import UsageError, host_and_port
from iquila.command.definition import Argument, Caller, Command, Grid, Items, Shown, number, yes
from iquila.command.output import moment
from iquila.errors import error_for

Answer = tuple[dict[str, Any], Shown]
TYPES = ("Standalone Server", "Cluster Controller", "Cluster Member Server")


def _setting(caller: Caller, _given: dict[str, Any]) -> Answer:
    answer = caller.call("GetFarmSetting", {})
    kind = answer["ServerType_u32"]
    rows = [("Current Configuration", TYPES[kind])]
    if kind == 1:
        rows.append(("Controller Function Only", "Yes" if answer["ControllerOnly_bool"] else "No"))
    if kind:
        rows.append(("Performance Standard in Cluster", str(answer["Weight_u32"])))
    if kind == 2:
        address = answer["PublicIp_ip"]
        rows += [
            ("Public IP Address", "(No setting)" if address == "0.0.0.0" else address),
            ("List of Public Ports", ", ".join(map(str, answer["Ports_u32"]))),
            (
                "Destination Controller",
                f"{answer['ControllerName_str']}:{answer['ControllerPort_u32']}",
            ),
        ]
    return answer, Items((tuple(rows),))


def _set(caller: Caller, **parameters: Any) -> Answer:
    return caller.call("SetFarmSetting", parameters), None


def _standalone(caller: Caller, _given: dict[str, Any]) -> Answer:
    return _set(caller, ServerType_u32=0, Weight_u32=100)


def _controller(caller: Caller, given: dict[str, Any]) -> Answer:
    return _set(
        caller,
        ServerType_u32=1,
        Weight_u32=given["weight"],
        ControllerOnly_bool=given["only"],
    )


def _member(caller: Caller, given: dict[str, Any]) -> Answer:
    host, port = given["controller"]
    return _set(
        caller,
        ServerType_u32=2,
        ControllerName_str=host,
        ControllerPort_u32=port,
        PublicIp_ip=given["ip"],
        Ports_u32=given["ports"],
        MemberPasswordPlaintext_str=given["password"],
        Weight_u32=given["weight"],
    )


def _address(text: str) -> str:
    return "0.0.0.0" if text.strip().lower() in ("", "none") else text.strip()


def _ports(text: str) -> list[int]:
    return [number(part.strip()) for part in text.split(",") if part.strip()]


def _destination(text: str) -> tuple[str, int]:
    try:
        return host_and_port(text)
    except UsageError as error:
        raise ValueError(str(error).rstrip(".")) from error


def _list(caller: Caller, _given: dict[str, Any]) -> Answer:
    answer = caller.call("EnumFarmMember", {})
    columns = (
        "ID",
        "Type",
        "Connection Started at",
        "Host Name",
        "Point",
        "Number of Sessions",
        "Number of TCP Connections",
        "Number of Operating Hubs",
        "Using Client Connection Licenses",
        "Using Bridge Connection Licenses",
    )
    rows = tuple(
        (
            str(m["Id_u32"]),
            "Controller" if m["Controller_bool"] else "Member",
            moment(m["ConnectedTime_dt"]),
            m["Hostname_str"],
            str(m["Point_u32"]),
            str(m["NumSessions_u32"]),
            str(m["NumTcpConnections_u32"]),
            str(m["NumHubs_u32"]),
            str(m["AssignedClientLicense_u32"]),
            str(m["AssignedBridgeLicense_u32"]),
        )
        for m in answer["FarmMemberList"]
    )
    return answer, Grid(columns, rows)


def _info(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetFarmInfo", {"Id_u32": given["id"]})
    ports, hubs = answer["Ports_u32"], answer["HubsList"]
    rows = [
        ("Server Type", TYPES[1 if answer["Controller_bool"] else 2]),
        ("Connection Established at", moment(answer["ConnectedTime_dt"])),
        ("IP Address", answer["Ip_ip"]),
        ("Host Name", answer["Hostname_str"]),
        ("Point", str(answer["Point_u32"])),
        ("Performance Standard Ratio", str(answer["Weight_u32"])),
        ("Number of Public Ports", str(len(ports))),
        *((f"Public Port #{n} (TCP/IP)", str(port)) for n, port in enumerate(ports, 1)),
        ("Number of Running Virtual Hubs", str(len(hubs))),
        *(
            (
                f"Virtual Hub #{n}",
                f"{hub['HubName_str']} ({'Dynamic' if hub['DynamicHub_bool'] else 'Static'})",
            )
            for n, hub in enumerate(hubs, 1)
        ),
        ("Number of Sessions", str(answer["NumSessions_u32"])),
        ("Number of TCP Connections", str(answer["NumTcpConnections_u32"])),
    ]
    return answer, Items((tuple(rows),))


def _cert(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetFarmInfo", {"Id_u32": given["id"]})
    save_certificate(answer["ServerCert_bin"], given["savecert"])
    return answer, None


def save_certificate(encoded: str, path: str) -> None:
    """
    Write a certificate (base64 of DER) as a PEM file.

    :raises UsageError: the file cannot be written.
    """
    pem = ssl.DER_cert_to_PEM_cert(base64.b64decode(encoded))
    try:
        Path(path).write_text(pem, encoding="ascii")
    except OSError as error:
        raise UsageError(f"The file {path} cannot be written ({error.strerror}).") from error


def _status(caller: Caller, _given: dict[str, Any]) -> Answer:
    answer = caller.call("GetFarmConnectionStatus", {})
    online = answer["Online_bool"]
    nowhere = not online and answer["Ip_ip"] == "0.0.0.0"
    rows = [
        ("Controller IP Address", "(Not Connected)" if nowhere else answer["Ip_ip"]),
        ("Controller TCP/IP Port", "(Not Connected)" if nowhere else str(answer["Port_u32"])),
        ("Connection Status", "Online" if online else "Offline"),
    ]
    if not online:
        code = answer["LastError_u32"]
        rows.append(("Last Error", f"{error_for(code)} (Error Code: {code})"))
    rows += [
        ("Connection Started at", moment(answer["StartedTime_dt"])),
        ("First Connection Established at", moment(answer["FirstConnectedTime_dt"])),
    ]
    if online:
        current = moment(answer["CurrentConnectedTime_dt"])
        rows.append(("Current Connection Established at", current))
    rows += [
        ("Number of Connection Attempts", str(answer["NumTry_u32"])),
        ("Number of Successful Connections", str(answer["NumConnected_u32"])),
        ("Number of Failed Connections", str(answer["NumFailed_u32"])),
    ]
    return answer, Items((tuple(rows),))


_WEIGHT = Argument(
    "WEIGHT", "Performance standard ratio", required=False, default="100", convert=number
)
_ID = Argument("ID", "ID of the server in ClusterMemberList", positional=True, convert=number)

COMMANDS = (
    Command("ClusterSettingGet", "Show what this server is in a cluster", _setting),
    Command("ClusterSettingStandalone", "Make this server standalone", _standalone),
    Command(
        "ClusterSettingController",
        "Make this server a cluster controller",
        _controller,
        (
            _WEIGHT,
            Argument("ONLY", "Controller functions only", required=False, convert=yes),
        ),
    ),
    Command(
        "ClusterSettingMember",
        "Make this server a cluster member",
        _member,
        (
            Argument("CONTROLLER", "Controller, HOST:PORT", positional=True, convert=_destination),
            Argument("IP", "Public IP address", required=False, convert=_address),
            Argument("PORTS", "Public ports, P,P...", required=False, convert=_ports),
            Argument("PASSWORD", "Administration password of the controller", secret=True),
            _WEIGHT,
        ),
    ),
    Command("ClusterMemberList", "List the servers of the cluster", _list),
    Command("ClusterMemberInfoGet", "Show one server of the cluster", _info, (_ID,)),
    Command(
        "ClusterMemberCertGet",
        "Save the certificate of a server of the cluster",
        _cert,
        (_ID, Argument("SAVECERT", "File to write")),
    ),
    Command("ClusterConnectionStatusGet", "Show a member's connection to its controller", _status),
)
