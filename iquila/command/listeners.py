"""Commands on what the server listens on, what it sends by itself, and who is connected."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import NAME, change, operation, setting
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
    one_of,
    yes,
)
from iquila.command.output import moment, version
from iquila.command.values import destination_or

CONNECTIONS = (
    "VPN Client",
    "Initializing",
    "Login",
    "Additional",
    "Clustering RPC",
    "Management RPC",
    "Hub Enumeration",
    "Password Change",
    "SSTP",
    "OpenVPN",
)
SYSLOG = (
    "Disable Syslog Send Function",
    "Send Server Logs by Syslog",
    "Send Server and Virtual Hub Security Logs by Syslog",
    "Send Server, Virtual Hub Security, and Packet Logs by Syslog",
)


def _listeners(answer: dict[str, Any]) -> Shown:
    rows = tuple((f"TCP {item['Ports_u32']}", _state(item)) for item in answer["ListenerList"])
    return Grid(("Port Number", "Status"), rows)


def _state(item: dict[str, Any]) -> str:
    if not item["Enables_bool"]:
        return "Stopped"
    return "Error" if item["Errors_bool"] else "Listening"


def _special(answer: dict[str, Any]) -> Shown:
    rows = (
        ("VPN over ICMP Server Enabled", _yes(answer["VpnOverIcmpListener_bool"])),
        ("VPN over DNS Server Enabled", _yes(answer["VpnOverDnsListener_bool"])),
    )
    return Items((rows,))


def _yes(value: bool) -> str:
    return "Yes" if value else "No"


def _keep(answer: dict[str, Any]) -> Shown:
    rows = (
        ("Host Name", answer["KeepConnectHost_str"]),
        ("Port Number", str(answer["KeepConnectPort_u32"])),
        ("Packet Send Interval (Sec)", str(answer["KeepConnectInterval_u32"])),
        ("Protocol", "UDP/IP" if answer["KeepConnectProtocol_u32"] else "TCP/IP"),
        ("Current Status", "Enable" if answer["UseKeepConnect_bool"] else "Disable"),
    )
    return Items((rows,))


def _set_keep(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    host, port = given["host"]
    return {
        "KeepConnectHost_str": host,
        "KeepConnectPort_u32": port,
        "KeepConnectProtocol_u32": int(given["protocol"] == "udp"),
        "KeepConnectInterval_u32": given["interval"],
    }


def _interval(text: str) -> int:
    seconds = number(text)
    if not 5 <= seconds <= 600:
        raise ValueError("the interval is 5 to 600 seconds")
    return seconds


def _syslog(answer: dict[str, Any]) -> Shown:
    kind = answer["SaveType_u32"]
    rows = [("Set the Use of syslog Send Function", SYSLOG[kind])]
    if kind:
        rows += [
            ("syslog Server Host Name", answer["Hostname_str"]),
            ("syslog Server Port Number", str(answer["Port_u32"])),
        ]
    return Items((tuple(rows),))


def _set_syslog(caller: Caller, given: dict[str, Any]) -> Answer:
    host, port = given["host"]
    parameters = {"SaveType_u32": given["what"], "Hostname_str": host, "Port_u32": port}
    return caller.call("SetSysLog", parameters), None


def _connections(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (
            item["Name_str"],
            f"{item['Hostname_str']}: {item['Port_u32']}",
            moment(item["ConnectedTime_dt"]),
            _kind(item["Type_u32"]),
        )
        for item in answer["ConnectionList"]
    )
    return Grid(("Connection Name", "Connection Source", "Connection Start", "Type"), rows)


def _kind(kind: int) -> str:
    return CONNECTIONS[kind] if kind < len(CONNECTIONS) else str(kind)


def _connection(a: dict[str, Any]) -> Shown:
    rows = [
        ("Connection Name", a["Name_str"]),
        ("Connection Type", _kind(a["Type_u32"])),
        ("Source Host Name", a["Hostname_str"]),
        ("Client Port Number (TCP)", str(a["Port_u32"])),
        ("Connection Start", moment(a["ConnectedTime_dt"])),
        ("Server Product Name", a["ServerStr_str"]),
        # So it is spelt; scripts look for it.
        ("Sever Version", version(a["ServerVer_u32"])),
        ("Server Build Number", str(a["ServerBuild_u32"])),
    ]
    if a["ClientStr_str"]:
        rows += [
            ("Client Product Name", a["ClientStr_str"]),
            ("Client Version", version(a["ClientVer_u32"])),
            ("Client Build", str(a["ClientBuild_u32"])),
        ]
    return Items((tuple(rows),))


_PORT = Argument("PORT", "TCP port", positional=True, convert=number)
_CONNECTION = Argument("NAME", "Name in the ConnectionList", positional=True)
_THE_PORT = {"Port_u32": "port"}


def _flag(key: str, help: str) -> Argument:
    return Argument(key, help, convert=yes)


COMMANDS = (
    *about(
        "Listeners and connections",
        Command(
            "ListenerList",
            "List the TCP listeners",
            operation("EnumListener", show=_listeners),
            examples=("",),
        ),
        Command(
            "ListenerCreate",
            "Listen on one more TCP port",
            operation("CreateListener", _THE_PORT, Enable_bool=True),
            (_PORT,),
            examples=("443",),
        ),
        Command(
            "ListenerDelete",
            "Listen on a TCP port no more",
            operation("DeleteListener", _THE_PORT),
            (_PORT,),
            examples=("443",),
        ),
        Command(
            "ListenerEnable",
            "Open a listener",
            operation("EnableListener", _THE_PORT, Enable_bool=True),
            (_PORT,),
            examples=("443",),
        ),
        Command(
            "ListenerDisable",
            "Close a listener",
            operation("EnableListener", _THE_PORT, Enable_bool=False),
            (_PORT,),
            examples=("443",),
        ),
        Command(
            "VpnOverIcmpDnsGet",
            "Show whether sessions may come by ICMP or DNS",
            operation("GetSpecialListener", show=_special),
            examples=("",),
        ),
        Command(
            "VpnOverIcmpDnsEnable",
            "Let sessions come by ICMP or DNS, or not",
            operation(
                "SetSpecialListener",
                {"VpnOverIcmpListener_bool": "icmp", "VpnOverDnsListener_bool": "dns"},
            ),
            (_flag("ICMP", "By ICMP, yes or no"), _flag("DNS", "By DNS, yes or no")),
            examples=("/ICMP:no /DNS:no",),
        ),
        Command(
            "ConnectionList",
            "List the TCP connections that are no sessions",
            operation("EnumConnection", show=_connections),
            examples=("",),
        ),
        Command(
            "ConnectionGet",
            "Show a TCP connection",
            operation("GetConnectionInfo", NAME, _connection),
            (_CONNECTION,),
            examples=("CID-7",),
        ),
        Command(
            "ConnectionDisconnect",
            "Cut a TCP connection",
            operation("DisconnectConnection", NAME),
            (_CONNECTION,),
            examples=("CID-7",),
        ),
    ),
    *about(
        "Keep-alive and syslog",
        Command(
            "KeepGet",
            "Show what keeps the way to the Internet open",
            operation("GetKeep", show=_keep),
            examples=("",),
        ),
        Command(
            "KeepEnable",
            "Keep the way to the Internet open",
            change("GetKeep", "SetKeep", {}, setting(UseKeepConnect_bool=True)),
            examples=("",),
        ),
        Command(
            "KeepDisable",
            "Keep the way to the Internet open no more",
            change("GetKeep", "SetKeep", {}, setting(UseKeepConnect_bool=False)),
            examples=("",),
        ),
        Command(
            "KeepSet",
            "Choose what keeps the way to the Internet open",
            change("GetKeep", "SetKeep", {}, _set_keep),
            (
                Argument("HOST", "HOST:PORT that packets go to", convert=destination_or(80)),
                Argument("PROTOCOL", "tcp or udp", convert=one_of("tcp", "udp")),
                Argument("INTERVAL", "Seconds between packets, 5 to 600", convert=_interval),
            ),
            examples=("/HOST:keep.example:80 /PROTOCOL:udp /INTERVAL:50",),
        ),
        Command(
            "SyslogGet",
            "Show whether logs go to a syslog server",
            operation("GetSysLog", show=_syslog),
            examples=("",),
        ),
        Command(
            "SyslogEnable",
            "Send logs to a syslog server",
            _set_syslog,
            (
                Argument(
                    "WHAT",
                    "1 (server log), 2 (and security logs), 3 (and packet logs)",
                    positional=True,
                    convert=lambda t: int(one_of("1", "2", "3")(t)),
                ),
                Argument("HOST", "HOST[:PORT] of the syslog server", convert=destination_or(514)),
            ),
            examples=("2 /HOST:log.example:514",),
        ),
        Command(
            "SyslogDisable",
            "Send no logs to a syslog server",
            change("GetSysLog", "SetSysLog", {}, setting(SaveType_u32=0)),
            examples=("",),
        ),
    ),
)
