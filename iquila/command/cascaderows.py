"""What cascades are shown with."""

from __future__ import annotations

from typing import Any

from iquila.command.definition import Items, Row, Several, Shown, Text
from iquila.command.files import describe_certificate
from iquila.command.output import moment
from iquila.command.policies import KINDS, NOT_FOR_CASCADES, policy_table
from iquila.command.sessionrows import session_rows
from iquila.errors import error_for

PROXIES = (
    "Direct TCP/IP Connection",
    "Connection via HTTP Proxy",
    "Connection via SOCKS4 Proxy",
    "Connection via SOCKS5 Proxy",
)
METHODS = (
    "Anonymous Authentication",
    "Standard Password Authentication",
    "RADIUS or NT Domain Authentication",
    "Client Certificate Authentication",
)
STATES = (
    "Connecting",
    "Negotiating",
    "Authenticating User",
    "Connection Completed (Session Established)",
    "Retrying",
    "Idle",
)
_POLICIES = tuple(kind for kind in KINDS if kind.name not in NOT_FOR_CASCADES)


def _enabled(value: Any) -> str:
    return "Enable" if value else "Disable"


def shown_list(answer: dict[str, Any]) -> Shown:
    """Return the list of cascades."""
    blocks = tuple(
        (
            ("Setting Name", link["AccountName_utf"]),
            ("Status", _status(link)),
            ("Established at", moment(link["ConnectedTime_dt"])),
            ("Destination VPN Server", link["Hostname_str"]),
            ("Virtual Hub", link["TargetHubName_str"]),
        )
        for link in answer["LinkList"]
    )
    return Items(blocks, many=True)


def _status(link: dict[str, Any]) -> str:
    if not link["Online_bool"]:
        return "Offline (Stopped)"
    if link["Connected_bool"]:
        return "Online (Established)"
    code = link["LastError_u32"]
    return f"Error {code}: {error_for(code)}" if code else "Connecting"


def _proxy(a: dict[str, Any]) -> list[Row]:
    kind = a.get("ProxyType_u32", 0)
    rows = [("Proxy Server Type", PROXIES[kind])]
    if kind:
        rows += [
            ("Proxy Server Host Name", a["ProxyName_str"]),
            ("Proxy Server Port Number", str(a["ProxyPort_u32"])),
            ("Proxy Server User Name", a.get("ProxyUsername_str", "")),
        ]
    return rows


def _proof(a: dict[str, Any]) -> list[Row]:
    rows = [
        ("Authentication Type", METHODS[a["AuthType_u32"]]),
        ("User Name", a["Username_str"]),
    ]
    if a["AuthType_u32"] == 3 and a.get("ClientX_bin"):
        description = describe_certificate(a["ClientX_bin"])
        rows.append(("Client Certificate for Authentication Use", description))
    return rows


def shown_cascade(a: dict[str, Any]) -> Shown:
    """Return one cascade with the policies of its own side."""
    rows = [
        ("VPN Connection Setting Name", a["AccountName_utf"]),
        ("Destination VPN Server Host Name", a["Hostname_str"]),
        ("Destination VPN Server Port Number", str(a["Port_u32"])),
        ("Destination VPN Server Virtual Hub Name", a["HubName_str"]),
        *_proxy(a),
        ("Verify Server Certificate", _enabled(a["CheckServerCert_bool"])),
    ]
    if a.get("ServerCert_bin"):
        description = describe_certificate(a["ServerCert_bin"])
        rows.append(("Registered Server Individual Certificate", description))
    span = a["ConnectionDisconnectSpan_u32"]
    rows += [
        ("Device Name Used for Connection", a.get("DeviceName_str", "")),
        *_proof(a),
        ("Number of TCP Connections to Use in VPN Communication", str(a["MaxConnection_u32"])),
        (
            "Interval between Establishing Each TCP Connection",
            str(a["AdditionalConnectionInterval_u32"]),
        ),
        ("Connection Life of Each TCP Connection", str(span) if span else "Infinite"),
        ("Use Half Duplex Mode", _enabled(a["HalfConnection_bool"])),
        ("Encryption by SSL", _enabled(a["UseEncrypt_bool"])),
        ("Data Compression", _enabled(a["UseCompress_bool"])),
        ("Connect by Bridge / Router Mode", _enabled(a.get("RequireBridgeRoutingMode_bool", True))),
        ("Connect by Monitoring Mode", _enabled(a.get("RequireMonitorMode_bool"))),
        ("No Adjustment for Routing Table", _enabled(a.get("NoRoutingTracking_bool", True))),
        ("Do not Use QoS Control Function", _enabled(a.get("DisableQoS_bool"))),
    ]
    heading = Text("\n[Cascade Session Security Policy Setting Value]\n")
    return Several((Items((tuple(rows),)), heading, policy_table(a, _POLICIES)))


def shown_status(a: dict[str, Any]) -> Shown:
    """Return how a cascade's connection is."""
    state = a["SessionStatus_u32"]
    rows = [
        ("VPN Connection Setting Name", a["AccountName_utf"]),
        ("Session Status", STATES[state] if state < len(STATES) else str(state)),
    ]
    if not a["Connected_bool"]:
        count = a.get("NumConnectionsEstablished_u32", a.get("NumConnectionsEatablished_u32", 0))
        first = moment(a["FirstConnectionEstablisiedTime_dt"], never="-")
        rows += [
            ("Connection Started at", moment(a["StartTime_dt"])),
            ("First Session has been Established since", first),
            ("Number of Established Sessions", f"{count} Times"),
        ]
        return Items((tuple(rows),))
    vlan = a.get("VLanId_u32", 0)
    rows += [
        ("VLAN ID", str(vlan) if vlan else "-"),
        ("Server Name", a["ServerName_str"]),
        ("Port Number", f"TCP Port {a['ServerPort_u32']}"),
        *session_rows(a),
    ]
    return Items((tuple(rows),))
