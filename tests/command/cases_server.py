"""Cases of commands on servers and clusters."""

from __future__ import annotations

import base64

from .case import case, record
from .records import CERTIFICATE, KEY

SERVER = (
    case("About", shows="iquila 2"),
    case("ServerInfoGet", "GetServerInfo", shows="Product Name|iquila;;Server Type|Cluster Con"),
    case(
        "ServerStatusGet",
        "GetServerStatus",
        shows="Number of Sessions (Other Member Servers)|1,234;;"
        "Number of Static Virtual Hubs|1,234;;Outgoing Unicast Packets|2 packets;;"
        "64 bit High-Precision Logical System Clock|29288",
    ),
    case("ServerLimitsGet", "GetServerLimits", shows="Max Number of Sessions|4096"),
    case("ServerLimitsSet 77", ("SetServerLimits", {"MaxSessions_u32": 77})),
    case("ServerPasswordSet new", ("SetServerPassword", {"PlainTextPassword_str": "new"})),
    case("Caps", "GetCaps", shows="b_support_qos|Yes;;Maximum|1000"),
    case("ConfigGet", "GetConfig", shows='{"a": 1}'),
    case("ConfigGet {out}", "GetConfig", writes=b'{"a": 1}'),
    case("ConfigSet {text}", ("SetConfig", {"FileData_bin": base64.b64encode(b"text\n").decode()})),
    case("Flush", "Flush"),
    case("Reboot", ("RebootServer", {"IntValue_u32": 0})),
    case("Reboot /RESETCONFIG:yes", ("RebootServer", {"IntValue_u32": 1})),
    case("Crash yes", "Crash"),
    case("ServerCertGet {out}", "GetServerCert", writes=b"-----BEGIN CERTIFICATE-----"),
    case("ServerKeyGet {out}", "GetServerCert", writes=b"-----BEGIN PRIVATE KEY-----"),
    case(
        "ServerCertSet /LOADCERT:{cert} /LOADKEY:{key}",
        ("SetServerCert", {"Cert_bin": CERTIFICATE, "Key_bin": KEY}),
    ),
    case("ServerCertRegenerate vpn", ("RegenerateServerCert", {"StrValue_str": "vpn"})),
    case(
        "ServerCipherGet",
        "GetServerCipher",
        "GetServerCipherList",
        shows=" AES256-SHA;; AES128-SHA",
    ),
    case("ServerCipherSet AES256-SHA", ("SetServerCipher", {"String_str": "AES256-SHA"})),
    case(
        "ListenerList",
        "EnumListener",
        shows="Port Number|Status;;TCP 443|Error;;TCP 992|Stopped;;TCP 5555|Listening",
    ),
    case("ListenerCreate 443", ("CreateListener", {"Port_u32": 443, "Enable_bool": True})),
    case("ListenerDelete 443", ("DeleteListener", {"Port_u32": 443})),
    case("ListenerEnable 443", ("EnableListener", {"Port_u32": 443, "Enable_bool": True})),
    case("ListenerDisable 443", ("EnableListener", {"Port_u32": 443, "Enable_bool": False})),
    case(
        "VpnOverIcmpDnsGet",
        "GetSpecialListener",
        shows="VPN over ICMP Server Enabled|Yes;;VPN over DNS Server Enabled|No",
    ),
    case(
        "VpnOverIcmpDnsEnable /ICMP:yes /DNS:no",
        (
            "SetSpecialListener",
            {"VpnOverIcmpListener_bool": True, "VpnOverDnsListener_bool": False},
        ),
    ),
    case(
        "ConnectionList",
        "EnumConnection",
        shows="Connection Name|Connection Source|Connection Start|Type;;"
        "CID-2|m1: 45902|2026-11-22 (Sun) 14:46:00|Clustering RPC",
    ),
    case(
        "ConnectionGet CID-2",
        ("GetConnectionInfo", {"Name_str": "CID-2"}),
        shows="Connection Type|Management RPC;;Client Port Number (TCP)|45902;;Client Version|4.38",
    ),
    case("ConnectionDisconnect CID-2", ("DisconnectConnection", {"Name_str": "CID-2"})),
    case(
        "KeepGet",
        "GetKeep",
        shows="Host Name|keep.example;;Packet Send Interval (Sec)|50;;Protocol|UDP/IP;;"
        "Current Status|Enable",
    ),
    record("KeepEnable", "Keep", UseKeepConnect_bool=True, KeepConnectPort_u32=80),
    record("KeepDisable", "Keep", UseKeepConnect_bool=False, KeepConnectHost_str="keep.example"),
    record(
        "KeepSet /HOST:k:81 /PROTOCOL:tcp /INTERVAL:9",
        "Keep",
        UseKeepConnect_bool=True,
        KeepConnectHost_str="k",
        KeepConnectPort_u32=81,
        KeepConnectProtocol_u32=0,
        KeepConnectInterval_u32=9,
    ),
    case(
        "SyslogGet",
        "GetSysLog",
        shows="Set the Use of syslog Send Function|Send Server, Virtual Hub Security, and Packet "
        "Logs by Syslog;;syslog Server Port Number|514",
    ),
    case(
        "SyslogEnable 2 /HOST:log",
        ("SetSysLog", {"SaveType_u32": 2, "Hostname_str": "log", "Port_u32": 514}),
    ),
    record("SyslogDisable", "SysLog", SaveType_u32=0),
)

TOKENS = (
    case(
        "TokenCreate robot /SCOPE:switch:Office /EXPIRES:2030-12-31",
        (
            "CreateToken",
            {
                "Name_str": "robot",
                "Scope_str": "switch:Office",
                "ExpireTime_dt": "2030-12-31T00:00:00.000Z",
            },
        ),
        shows="Token Name|robot;;Scope|switch:office;;Expiration Date|2030-12-31 (Tue) 00:00:00;;"
        "Token (Secret, shown this once)|iquila_secret",
    ),
    case(
        "TokenCreate robot /SCOPE:SERVER",
        ("CreateToken", {"Name_str": "robot", "Scope_str": "server"}),
        shows="Token Name|robot",
        absent=("ExpireTime_dt",),
    ),
    case(
        "TokenList",
        "EnumToken",
        shows="robot|switch:office|2026-11-22 (Sun) 14:46:00|2030-12-31 (Tue) 00:00:00;;"
        "backup|auditor|2026-11-22 (Sun) 14:46:00|No Expiration",
    ),
    case("TokenDelete robot", ("DeleteToken", {"Name_str": "robot"})),
    case("AuditorPasswordSet new", ("SetAuditorPassword", {"PlainTextPassword_str": "new"})),
    case("AuditorPasswordSet ''", ("SetAuditorPassword", {"PlainTextPassword_str": ""})),
)

CLUSTER = (
    case(
        "ClusterSettingGet",
        "GetFarmSetting",
        shows="Current Configuration|Cluster Member Server;;Public IP Address|(No setting);;"
        "List of Public Ports|443, 5555;;Destination Controller|ctl:5555",
    ),
    case("ClusterSettingStandalone", ("SetFarmSetting", {"ServerType_u32": 0, "Weight_u32": 100})),
    case(
        "ClusterSettingController /ONLY:yes",
        ("SetFarmSetting", {"ServerType_u32": 1, "ControllerOnly_bool": True, "Weight_u32": 100}),
    ),
    case(
        "ClusterSettingMember ctl /PORTS:443,992 /PASSWORD:pw",
        (
            "SetFarmSetting",
            {
                "ServerType_u32": 2,
                "ControllerName_str": "ctl",
                "ControllerPort_u32": 5555,
                "Ports_u32": [443, 992],
                "PublicIp_ip": "0.0.0.0",
                "MemberPasswordPlaintext_str": "pw",
            },
        ),
    ),
    case("ClusterMemberList", "EnumFarmMember", shows="7|Controller|2026-11-22 (Sun) 14:46:00|ctl"),
    case(
        "ClusterMemberInfoGet 7",
        ("GetFarmInfo", {"Id_u32": 7}),
        shows="Virtual Hub #1|lab (Dynamic);;Public Port #2 (TCP/IP)|5555",
    ),
    case(
        "ClusterMemberCertGet 7 /SAVECERT:{out}",
        ("GetFarmInfo", {"Id_u32": 7}),
        writes=b"-----BEGIN CERTIFICATE-----",
    ),
    case(
        "ClusterMemberForget member1",
        ("ForgetFarmMember", {"Hostname_str": "member1", "Id_u32": 0}),
    ),
    case(
        "ClusterMemberForget member1 /ID:7",
        ("ForgetFarmMember", {"Hostname_str": "member1", "Id_u32": 7}),
    ),
    case(
        "ClusterConnectionStatusGet",
        "GetFarmConnectionStatus",
        shows="Connection Status|Online;;Controller TCP/IP Port|5555;;"
        "Current Connection Established at|2026-11-22 (Sun) 14:46:00",
    ),
)
