"""Commands on one server itself."""

from __future__ import annotations

import base64
import sys
from typing import Any

import iquila
from iquila.command.calls import operation
from iquila.command.cluster import TYPES
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Items,
    Shown,
    Text,
    about,
    number,
    yes,
)
from iquila.command.files import read_file, write_file
from iquila.command.output import moment, thousands, traffic


def _about(_caller: Caller, _given: dict[str, Any]) -> Answer:
    python = ".".join(map(str, sys.version_info[:3]))
    answer = {"Version_str": iquila.__version__, "PythonVersion_str": python}
    return answer, Text(f"iquila {iquila.__version__} on Python {python}\n")


def _limits(a: dict[str, Any]) -> Shown:
    return Items(((("Max Number of Sessions", str(a["MaxSessions_u32"])),),))


def _info(a: dict[str, Any]) -> Shown:
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
    return Items((rows,))


# The rows of counters; the modes that have them (0 standalone, 1 controller, 2 member).
_ALWAYS, _CONTROLLER, _CLUSTER = (0, 1, 2), (1,), (1, 2)
_COUNTERS = (
    ("Number of Active Sockets", "NumTcpConnections", _ALWAYS),
    ("Number of Active Sockets (This Server)", "NumTcpConnectionsLocal", _CONTROLLER),
    ("Number of Active Sockets (Other Member Servers)", "NumTcpConnectionsRemote", _CONTROLLER),
    ("Number of Virtual Hubs", "NumHubTotal", _ALWAYS),
    ("Number of Static Virtual Hubs", "NumHubStatic", _CLUSTER),
    ("Number of Dynamic Virtual Hubs", "NumHubDynamic", _CLUSTER),
    ("Number of Sessions", "NumSessionsTotal", _ALWAYS),
    ("Number of Sessions (This Server)", "NumSessionsLocal", _CONTROLLER),
    ("Number of Sessions (Other Member Servers)", "NumSessionsRemote", _CONTROLLER),
    ("Number of MAC Address Tables", "NumMacTables", _ALWAYS),
    ("Number of IP Address Tables", "NumIpTables", _ALWAYS),
    ("Number of Users", "NumUsers", _ALWAYS),
    ("Number of Groups", "NumGroups", _ALWAYS),
    ("Using Client Connection Licenses (This Server)", "AssignedClientLicenses", _ALWAYS),
    ("Using Bridge Connection Licenses (This Server)", "AssignedBridgeLicenses", _ALWAYS),
    (
        "Using Client Connection Licenses (Entire Cluster)",
        "AssignedClientLicensesTotal",
        _CONTROLLER,
    ),
    (
        "Using Bridge Connection Licenses (Entire Cluster)",
        "AssignedBridgeLicensesTotal",
        _CONTROLLER,
    ),
)


def _status(a: dict[str, Any]) -> Shown:
    mode = a["ServerType_u32"]
    rows = (
        ("Server Type", TYPES[mode]),
        *((label, thousands(a[f"{n}_u32"])) for label, n, modes in _COUNTERS if mode in modes),
        *traffic(a),
        ("Server Started at", moment(a["StartTime_dt"])),
        ("Current Time", moment(a["CurrentTime_dt"], weekday=False)),
        ("64 bit High-Precision Logical System Clock", str(a["CurrentTick_u64"])),
    )
    return Items((rows,))


def _capabilities(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (cap["CapsDescrption_utf"] or cap["CapsName_str"], _capability(cap))
        for cap in sorted(answer["CapsList"], key=lambda cap: cap["CapsName_str"])
    )
    return Items((rows,))


def _capability(cap: dict[str, Any]) -> str:
    value = cap["CapsValue_u32"]
    if cap["CapsName_str"].startswith("b_"):
        return "Yes" if value else "No"
    return str(value)


def _config(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetConfig", {})
    content = base64.b64decode(answer["FileData_bin"])
    if given["path"]:
        write_file(given["path"], content, private=True)
        return answer, None
    text = content.decode("utf-8", "replace")
    return answer, Text(text if text.endswith("\n") else text + "\n")


def _replace_config(caller: Caller, given: dict[str, Any]) -> Answer:
    content = base64.b64encode(read_file(given["path"])).decode()
    return caller.call("SetConfig", {"FileData_bin": content}), None


def _reboot(caller: Caller, given: dict[str, Any]) -> Answer:
    return caller.call("RebootServer", {"IntValue_u32": int(given["resetconfig"])}), None


def _sure(text: str) -> bool:
    if not yes(text):
        raise ValueError("say yes to end the server's process at once")
    return True


COMMANDS = about(
    "The server",
    Command("About", "Show the version of this command", _about, examples=("",)),
    Command(
        "ServerInfoGet",
        "Show what the server is",
        operation("GetServerInfo", show=_info),
        examples=("",),
    ),
    Command(
        "ServerStatusGet",
        "Show the counters of the server, or of its cluster",
        operation("GetServerStatus", show=_status),
        examples=("",),
    ),
    Command(
        "ServerLimitsGet",
        "Show how many sessions this server carries at most",
        operation("GetServerLimits", show=_limits),
        examples=("",),
    ),
    Command(
        "ServerLimitsSet",
        "Limit the sessions that this server carries",
        operation("SetServerLimits", {"MaxSessions_u32": "max_sessions"}),
        (Argument("MAX_SESSIONS", "Sessions at most", positional=True, convert=number),),
        examples=("4096",),
    ),
    Command(
        "ServerPasswordSet",
        "Change the administration password",
        operation("SetServerPassword", {"PlainTextPassword_str": "password"}),
        (Argument("PASSWORD", "New password", positional=True, secret=True, new=True),),
        examples=("",),
    ),
    Command(
        "Caps",
        "List what the server can do",
        operation("GetCaps", show=_capabilities),
        examples=("",),
    ),
    Command(
        "ConfigGet",
        "Print the whole configuration, or save it",
        _config,
        (Argument("PATH", "File to write", positional=True, required=False),),
        examples=("", "backup.json"),
    ),
    Command(
        "ConfigSet",
        "Replace the whole configuration",
        _replace_config,
        (Argument("PATH", "File that ConfigGet wrote", positional=True),),
        examples=("backup.json",),
    ),
    Command("Flush", "Write the configuration to the disk now", operation("Flush"), examples=("",)),
    Command(
        "Reboot",
        "Start the server's services again",
        _reboot,
        (
            Argument(
                "RESETCONFIG",
                "Forget the whole configuration, yes or no",
                required=False,
                convert=yes,
            ),
        ),
        examples=("",),
    ),
    Command(
        "Crash",
        "End the server's process at once, to test what follows",
        operation("Crash"),
        (Argument("YES", "yes, to be sure", positional=True, convert=_sure),),
        examples=("yes",),
    ),
)
