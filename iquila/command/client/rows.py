"""What connection settings are shown with, with the labels of vpncmd."""

from __future__ import annotations

from typing import Any

from iquila.command.cascaderows import METHODS, PROXIES
from iquila.command.definition import Items, Row, Shown
from iquila.command.files import describe_certificate
from iquila.command.output import moment
from iquila.command.sessionrows import session_rows

STATES = {
    0: "Connection to VPN Server Started",
    3: "Connection Completed (Session Established)",
    4: "Retrying",
}


def _enabled(value: Any) -> str:
    return "Enable" if value else "Disable"


def shown_list(answer: dict[str, Any]) -> Shown:
    """Return the list of connection settings."""
    blocks = tuple(
        (
            ("VPN Connection Setting Name", a["AccountName_utf"]),
            ("Status", _status(a)),
            ("VPN Server Hostname", f"{a['ServerName_str']}:{a['Port_u32']} ({PROXIES[0]})"),
            ("Virtual Hub", a["HubName_str"]),
            ("Virtual Network Adapter Name", a["DeviceName_str"]),
        )
        for a in answer["AccountList"]
    )
    return Items(blocks, many=True)


def _status(a: dict[str, Any]) -> str:
    if a["Connected_bool"]:
        return "Connected"
    return "Connecting" if a["Active_bool"] else "Offline"


def _server_check(a: dict[str, Any]) -> list[Row]:
    rows = [("Verify Server Certificate", _enabled(a["CheckServerCert_bool"]))]
    if not a["CheckServerCert_bool"]:
        return rows
    if a["ServerCert_bin"]:
        description = describe_certificate(a["ServerCert_bin"])
        rows.append(("Registered Server Individual Certificate", description))
    rows.append(("Retry on Untrusted Server Certificate", _enabled(a["RetryOnServerCert_bool"])))
    return rows


def _proof(a: dict[str, Any]) -> list[Row]:
    rows = [("Authentication Type", METHODS[a["AuthType_u32"]]), ("User Name", a["Username_str"])]
    if a["ClientX_bin"]:
        description = describe_certificate(a["ClientX_bin"])
        rows.append(("Client Certificate for Authentication Use", description))
    return rows


def shown_account(a: dict[str, Any]) -> Shown:
    """Return one connection setting."""
    rows = (
        ("VPN Connection Setting Name", a["AccountName_utf"]),
        ("Destination VPN Server Host Name", a["Hostname_str"]),
        ("Destination VPN Server Port Number", str(a["Port_u32"])),
        ("Destination VPN Server Virtual Hub Name", a["HubName_str"]),
        ("Proxy Server Type", PROXIES[0]),
        *_server_check(a),
        ("Device Name Used for Connection", a["DeviceName_str"]),
        *_proof(a),
        ("Number of TCP Connections to Use in VPN Communication", str(a["MaxConnection_u32"])),
        (
            "Interval between Establishing Each TCP Connection",
            str(a["AdditionalConnectionInterval_u32"]),
        ),
        ("Connection Life of Each TCP Connection", "Infinite"),
        ("Use Half Duplex Mode", _enabled(a["HalfConnection_bool"])),
        ("Encryption by SSL", _enabled(a["UseEncrypt_bool"])),
        ("Data Compression", _enabled(a["UseCompress_bool"])),
        ("Connect by Bridge / Router Mode", _enabled(a["RequireBridgeRoutingMode_bool"])),
        ("Connect by Monitoring Mode", _enabled(a["RequireMonitorMode_bool"])),
        ("No Adjustment for Routing Table", _enabled(a["NoRoutingTracking_bool"])),
        ("Do not Use QoS Control Function", _enabled(a["DisableQoS_bool"])),
        ("Disable UDP Acceleration", _enabled(a["NoUdpAcceleration_bool"])),
    )
    return Items((rows,))


def shown_status(a: dict[str, Any]) -> Shown:
    """Return how a connection setting in use fares."""
    rows: list[Row] = [
        ("VPN Connection Setting Name", a["AccountName_utf"]),
        ("Session Status", STATES.get(a["SessionStatus_u32"], "Connecting")),
    ]
    if a["Connected_bool"]:
        rows += [
            ("VLAN ID", str(a["VLanId_u32"] or "-")),
            ("Server Name", a["ServerName_str"]),
            ("Port Number", f"TCP Port {a['ServerPort_u32']}"),
            *session_rows(a),
        ]
    else:
        first = moment(a["FirstConnectionEstablisiedTime_dt"], never="-")
        rows += [
            ("Connection Started at", moment(a["StartTime_dt"])),
            ("First Session has been Established since", first),
            ("Number of Established Sessions", f"{a['NumConnectionsEstablished_u32']} Times"),
        ]
        if a["LastError_utf"]:
            rows.append(("Last Error", a["LastError_utf"]))
    return Items((tuple(rows),))
