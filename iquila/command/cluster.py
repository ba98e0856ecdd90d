"""Commands on the cluster, with the labels of reference §10.1."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import operation
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Grid,
    Items,
    Shown,
    about,
    number,
    yes,
)
from iquila.command.files import save_certificate
from iquila.command.output import moment
from iquila.command.values import address, destination, port_list
from iquila.errors import error_for

TYPES = ("Standalone Server", "Cluster Controller", "Cluster Member Server")


def _setting(answer: dict[str, Any]) -> Shown:
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
    return Items((tuple(rows),))


def _set(caller: Caller, **parameters: Any) -> Answer:
    return caller.call("SetFarmSetting", parameters), None


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


def _list(answer: dict[str, Any]) -> Shown:
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
    return Grid(columns, rows)


def _info(answer: dict[str, Any]) -> Shown:
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
    return Items((tuple(rows),))


def _cert(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetFarmInfo", {"Id_u32": given["id"]})
    save_certificate(answer["ServerCert_bin"], given["savecert"])
    return answer, None


def _status(answer: dict[str, Any]) -> Shown:
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
    return Items((tuple(rows),))


_WEIGHT = Argument(
    "WEIGHT", "Performance standard ratio", required=False, default="100", convert=number
)
_ID = Argument("ID", "ID of the server in ClusterMemberList", positional=True, convert=number)

COMMANDS = about(
    "The cluster",
    Command(
        "ClusterSettingGet",
        "Show what this server is in a cluster",
        operation("GetFarmSetting", show=_setting),
        examples=("",),
    ),
    Command(
        "ClusterSettingStandalone",
        "Make this server standalone",
        operation("SetFarmSetting", ServerType_u32=0, Weight_u32=100),
        examples=("",),
    ),
    Command(
        "ClusterSettingController",
        "Make this server a cluster controller",
        _controller,
        (
            _WEIGHT,
            Argument("ONLY", "Controller functions only", required=False, convert=yes),
        ),
        examples=("/WEIGHT:100 /ONLY:yes",),
    ),
    Command(
        "ClusterSettingMember",
        "Make this server a cluster member",
        _member,
        (
            Argument("CONTROLLER", "Controller, HOST:PORT", positional=True, convert=destination),
            Argument("IP", "Public IP address", required=False, convert=address),
            Argument("PORTS", "Public ports, P,P...", required=False, convert=port_list),
            Argument("PASSWORD", "Administration password of the controller", secret=True),
            _WEIGHT,
        ),
        examples=("controller.example:5555 /PORTS:5555",),
    ),
    Command(
        "ClusterMemberList",
        "List the servers of the cluster",
        operation("EnumFarmMember", show=_list),
        examples=("",),
    ),
    Command(
        "ClusterMemberInfoGet",
        "Show one server of the cluster",
        operation("GetFarmInfo", {"Id_u32": "id"}, _info),
        (_ID,),
        examples=("7",),
    ),
    Command(
        "ClusterMemberCertGet",
        "Save the certificate of a server of the cluster",
        _cert,
        (_ID, Argument("SAVECERT", "File to write; DER if it ends with .der")),
        examples=("7 /SAVECERT:member.pem",),
    ),
    Command(
        "ClusterMemberForget",
        "Let a member that is away come back with another certificate",
        operation("ForgetFarmMember", {"Hostname_str": "host_name", "Id_u32": "id"}),
        (
            Argument("HOST_NAME", "Host name of the member", positional=True),
            Argument(
                "ID",
                "ID of the one that is meant, where several have this host name",
                required=False,
                default="0",
                convert=number,
            ),
        ),
        examples=("member1", "member1 /ID:1873876410"),
    ),
    Command(
        "ClusterConnectionStatusGet",
        "Show a member's connection to its controller",
        operation("GetFarmConnectionStatus", show=_status),
        examples=("",),
    ),
)
