"""The rows on a session that SessionGet and CascadeStatusGet share."""

from __future__ import annotations

import base64
from typing import Any

from iquila.command.definition import Row
from iquila.command.output import moment, thousands, traffic, version

# What some servers tell of both ends; the labels as they are, with their spaces.
_ENDS = (
    ("Client IP Address  (Reported)", "ClientIpAddress_ip"),
    ("Client Port (Reported)", "ClientPort_u32"),
    ("Server Host Name (Reported)", "ServerHostname_str"),
    ("Server IP Address (Reported)", "ServerIpAddress_ip"),
    ("Server Port (Reported)", "ServerPort2_u32"),
)


def _yes(value: Any) -> str:
    return "Yes" if value else "No"


def session_rows(a: dict[str, Any]) -> tuple[Row, ...]:
    """Return what is known of a session's server, connections and traffic."""
    encryption = f"Enabled (Algorithm: {a['CipherName_str']})" if a["UseEncrypt_bool"] else "No"
    rows = [
        ("Server Product Name", a["ServerProductName_str"]),
        ("Server Version", version(a.get("ServerProductVer_u32", 0))),
        ("Server Build", f"Build {a.get('ServerProductBuild_u32', 0)}"),
        ("Connection Started at", moment(a["StartTime_dt"])),
        (
            "First Session has been Established since",
            moment(a["FirstConnectionEstablisiedTime_dt"]),
        ),
        (
            "Current Session has been Established since",
            moment(a["CurrentConnectionEstablishTime_dt"]),
        ),
        *_number_of_sessions(a),
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
        ("UDP Acceleration is Supported", _yes(a.get("IsUdpAccelerationEnabled_bool"))),
        ("UDP Acceleration is Active", _yes(a.get("IsUsingUdpAcceleration_bool"))),
        ("Session Name", a["SessionName_str"]),
        ("Connection Name", a["ConnectionName_str"]),
        *_key(a),
        ("Bridge / Router Mode", _yes(a["IsBridgeMode_bool"])),
        ("Monitoring Mode", _yes(a["IsMonitorMode_bool"])),
        ("Outgoing Data Size", f"{thousands(a['TotalSendSize_u64'])} bytes"),
        ("Incoming Data Size", f"{thousands(a['TotalRecvSize_u64'])} bytes"),
    ]
    if "Send.UnicastCount_u64" in a:
        rows += traffic(a)
    return tuple(rows)


def _number_of_sessions(a: dict[str, Any]) -> tuple[Row, ...]:
    # A cascade has it, the session of a client has not. The description spells it otherwise.
    if "AccountName_utf" not in a:
        return ()
    count = a.get("NumConnectionsEstablished_u32", a.get("NumConnectionsEatablished_u32", 0))
    return (("Number of Established Sessions", f"{count} Times"),)


def _key(a: dict[str, Any]) -> tuple[Row, ...]:
    key = base64.b64decode(a.get("SessionKey_bin", ""))
    return (("Session Key (160 bit)", key.hex().upper()),) if any(key) else ()


def client_rows(a: dict[str, Any]) -> tuple[Row, ...]:
    """Return what a client said about itself."""
    return (
        ("Client Product Name (Reported)", a["ClientProductName_str"]),
        ("Client Version (Reported)", version(a["ClientProductVer_u32"])),
        ("Client Build (Reported)", f"Build {a['ClientProductBuild_u32']}"),
        ("Client OS Name (Reported)", a["ClientOsName_str"]),
        ("Client OS Version (Reported)", a["ClientOsVer_str"]),
        ("Client OS Product ID (Reported)", a["ClientOsProductId_str"]),
        ("Client Host Name (Reported)", a["ClientHostname_str"]),
        *((label, str(a[name])) for label, name in _ENDS if name in a),
    )
