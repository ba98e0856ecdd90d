"""Commands on one server itself."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from iquila.command.cluster import TYPES, save_certificate
from iquila.command.definition import Argument, Caller, Command, Grid, Items, Shown, Text, number
from iquila.command.output import moment, thousands, traffic

Answer = tuple[dict[str, Any], Shown]


def _info(caller: Caller, _given: dict[str, Any]) -> Answer:
    a = caller.call("GetServerInfo", {})
    rows = (
        ("Product Name", a["ServerProductName_str"]),
        ("Version", a["ServerVersionString_str"]),
        ("Build", a["ServerBuildInfoString_str"]),
        ("Host Name", a["ServerHostName_str"]),
        ("Server Type", TYPES[a["ServerType_u32"]]),
        ("Type of Operating System", a["OsSystemName_str"]),
        ("Product Name of Operating System", a["OsProductName_str"]),
        ("Operating System Vendor", a["OsVendorName_str"]),
        ("Operating System Version", a["OsVersion_str"]),
        ("Type of OS Kernel", a["KernelName_str"]),
        ("Version of OS Kernel", a["KernelVersion_str"]),
    )
    return a, Items((rows,))


def _status(caller: Caller, _given: dict[str, Any]) -> Answer:
    a = caller.call("GetServerStatus", {})
    controller = a["ServerType_u32"] == 1
    names = [("Number of Active Sockets", "NumTcpConnections")]
    if controller:
        names += [
            ("Number of Active Sockets (This Server)", "NumTcpConnectionsLocal"),
            ("Number of Active Sockets (Other Member Servers)", "NumTcpConnectionsRemote"),
        ]
    names.append(("Number of Virtual Hubs", "NumHubTotal"))
    if controller:
        names += [
            ("Number of Static Virtual Hubs", "NumHubStatic"),
            ("Number of Dynamic Virtual Hubs", "NumHubDynamic"),
        ]
    names.append(("Number of Sessions", "NumSessionsTotal"))
    if controller:
        names += [
            ("Number of Sessions (This Server)", "NumSessionsLocal"),
            ("Number of Sessions (Other Member Servers)", "NumSessionsRemote"),
        ]
    names += [
        ("Number of MAC Address Tables", "NumMacTables"),
        ("Number of IP Address Tables", "NumIpTables"),
        ("Number of Users", "NumUsers"),
        ("Number of Groups", "NumGroups"),
        ("Using Client Connection Licenses (This Server)", "AssignedClientLicenses"),
        ("Using Bridge Connection Licenses (This Server)", "AssignedBridgeLicenses"),
    ]
    if controller:
        names += [
            ("Using Client Connection Licenses (Entire Cluster)", "AssignedClientLicensesTotal"),
            ("Using Bridge Connection Licenses (Entire Cluster)", "AssignedBridgeLicensesTotal"),
        ]
    rows = (
        ("Server Type", TYPES[a["ServerType_u32"]]),
        *((label, thousands(a[f"{name}_u32"])) for label, name in names),
        *traffic(a),
        ("Server Started at", moment(a["StartTime_dt"])),
        ("Current Time", moment(a["CurrentTime_dt"], weekday=False)),
        ("64 bit High-Precision Logical System Clock", str(a["CurrentTick_u64"])),
    )
    return a, Items((rows,))


def _password(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {"PlainTextPassword_str": given["password"]}
    return caller.call("SetServerPassword", parameters), None


def _certificate(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetServerCert", {})
    save_certificate(answer["Cert_bin"], given["cert"])
    return answer, None


def _config(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetConfig", {})
    content = base64.b64decode(answer["FileData_bin"]).decode()
    return answer, Text(content if content.endswith("\n") else content + "\n")


def _listeners(caller: Caller, _given: dict[str, Any]) -> Answer:
    answer = caller.call("EnumListener", {})
    rows = tuple((f"TCP {item['Ports_u32']}", _state(item)) for item in answer["ListenerList"])
    return answer, Grid(("Port Number", "Status"), rows)


def _state(item: dict[str, Any]) -> str:
    if not item["Enables_bool"]:
        return "Stopped"
    return "Error" if item["Errors_bool"] else "Listening"


def _listener(method: str, enabled: bool) -> Callable[[Caller, dict[str, Any]], Answer]:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        return caller.call(method, {"Port_u32": given["port"], "Enable_bool": enabled}), None

    return run


_PORT = Argument("PORT", "TCP port", positional=True, convert=number)

COMMANDS = (
    Command("ServerInfoGet", "Show what the server is", _info),
    Command("ServerStatusGet", "Show the counters of the server, or of its cluster", _status),
    Command(
        "ServerPasswordSet",
        "Change the administration password",
        _password,
        (Argument("PASSWORD", "New password", positional=True, secret=True),),
    ),
    Command(
        "ServerCertGet",
        "Save the server's certificate",
        _certificate,
        (Argument("CERT", "File to write", positional=True),),
    ),
    Command("ListenerList", "List the TCP listeners", _listeners),
    Command(
        "ListenerCreate",
        "Listen on one more TCP port",
        _listener("CreateListener", True),
        (_PORT,),
    ),
    Command(
        "ListenerDelete",
        "Listen on a TCP port no more",
        _listener("DeleteListener", False),
        (_PORT,),
    ),
    Command("ListenerEnable", "Open a listener", _listener("EnableListener", True), (_PORT,)),
    Command("ListenerDisable", "Close a listener", _listener("EnableListener", False), (_PORT,)),
    Command("ConfigGet", "Print the whole configuration as JSON", _config),
)
