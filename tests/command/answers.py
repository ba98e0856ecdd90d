"""What a server answers to each operation that reads."""

from __future__ import annotations

import base64
from typing import Any

from .records import (
    CAPABILITIES,
    CERTIFICATE,
    CONNECTION,
    EX_TRAFFIC,
    GROUP,
    HUB,
    KEY,
    LASTING_TOKEN,
    LINK,
    LOG,
    MAC,
    MEMBER,
    NAT,
    NEVER,
    OPTIONS,
    RULE,
    RULE6,
    SERVER_INFO,
    SESSION,
    SESSION_STATUS,
    SOURCE,
    TOKEN,
    TRAFFIC,
    USER,
    WHEN,
)

_COUNTERS = (
    "NumTcpConnections NumTcpConnectionsLocal NumTcpConnectionsRemote NumHubTotal NumHubStatic "
    "NumHubDynamic NumSessionsTotal NumSessionsLocal NumSessionsRemote NumMacTables NumIpTables "
    "NumUsers NumGroups AssignedClientLicenses AssignedBridgeLicenses AssignedClientLicensesTotal "
    "AssignedBridgeLicensesTotal"
).split()
_HUB_COUNTERS = (
    "NumSessions NumSessionsClient NumSessionsBridge NumAccessLists NumUsers NumGroups "
    "NumMacTables NumIpTables NumLogin"
).split()
ANSWERS: dict[str, Any] = {
    "GetServerInfo": SERVER_INFO,
    "GetServerStatus": {
        "ServerType_u32": 1,
        **{f"{name}_u32": 1234 for name in _COUNTERS},
        **TRAFFIC,
        "StartTime_dt": WHEN,
        "CurrentTime_dt": WHEN,
        "CurrentTick_u64": 29288,
    },
    "GetCaps": {"CapsList": CAPABILITIES},
    "GetConfig": {"FileName_str": "c", "FileData_bin": base64.b64encode(b'{"a": 1}').decode()},
    "GetServerCert": {"Cert_bin": CERTIFICATE, "Key_bin": KEY},
    "GetServerCipher": {"String_str": "AES256-SHA"},
    "GetServerCipherList": {"String_str": "AES256-SHA;AES128-SHA"},
    "EnumListener": {
        "ListenerList": [
            {"Ports_u32": 443, "Enables_bool": True, "Errors_bool": True},
            {"Ports_u32": 992, "Enables_bool": False, "Errors_bool": False},
            {"Ports_u32": 5555, "Enables_bool": True, "Errors_bool": False},
        ]
    },
    "GetSpecialListener": {"VpnOverIcmpListener_bool": True, "VpnOverDnsListener_bool": False},
    "EnumConnection": {
        "ConnectionList": [
            {
                "Name_str": "CID-2",
                "Hostname_str": "m1",
                "Port_u32": 45902,
                "ConnectedTime_dt": WHEN,
                "Type_u32": 4,
            }
        ]
    },
    "GetConnectionInfo": {
        "Name_str": "CID-2",
        "Type_u32": 5,
        "Hostname_str": "m1",
        "Port_u32": 45902,
        "ConnectedTime_dt": WHEN,
        "ServerStr_str": "a server",
        "ServerVer_u32": 501,
        "ServerBuild_u32": 9674,
        "ClientStr_str": "a tool",
        "ClientVer_u32": 438,
        "ClientBuild_u32": 9760,
    },
    "GetServerLimits": {"MaxSessions_u32": 4096},
    "GetKeep": {
        "UseKeepConnect_bool": True,
        "KeepConnectHost_str": "keep.example",
        "KeepConnectPort_u32": 80,
        "KeepConnectProtocol_u32": 1,
        "KeepConnectInterval_u32": 50,
    },
    "GetSysLog": {"SaveType_u32": 3, "Hostname_str": "log.example", "Port_u32": 514},
    "GetFarmSetting": {
        "ServerType_u32": 2,
        "Weight_u32": 100,
        "PublicIp_ip": "0.0.0.0",
        "Ports_u32": [443, 5555],
        "ControllerName_str": "ctl",
        "ControllerPort_u32": 5555,
    },
    "EnumFarmMember": {"FarmMemberList": [MEMBER]},
    "GetFarmInfo": {
        **MEMBER,
        "Ip_ip": "10.0.0.2",
        "Weight_u32": 100,
        "Ports_u32": [443, 5555],
        "HubsList": [{"HubName_str": "lab", "DynamicHub_bool": True}],
        "ServerCert_bin": CERTIFICATE,
    },
    "GetFarmConnectionStatus": {
        "Ip_ip": "10.0.0.1",
        "Port_u32": 5555,
        "Online_bool": True,
        "LastError_u32": 0,
        "StartedTime_dt": WHEN,
        "FirstConnectedTime_dt": WHEN,
        "CurrentConnectedTime_dt": WHEN,
        "NumTry_u32": 3,
        "NumConnected_u32": 1,
        "NumFailed_u32": 2,
    },
    "EnumHub": {
        "HubList": [
            {
                **HUB,
                "NumUsers_u32": 2,
                "NumGroups_u32": 1,
                "NumSessions_u32": 4,
                "NumMacTables_u32": 5,
                "NumIpTables_u32": 6,
                "NumLogin_u32": 7,
                "LastLoginTime_dt": WHEN,
                "LastCommTime_dt": WHEN,
                **EX_TRAFFIC,
            }
        ]
    },
    "GetHub": HUB,
    "GetHubStatus": {
        "HubName_str": "lab",
        "Online_bool": True,
        "HubType_u32": 2,
        "SecureNATEnabled_bool": False,
        **{f"{name}_u32": 8 for name in _HUB_COUNTERS},
        "LastLoginTime_dt": WHEN,
        "LastCommTime_dt": WHEN,
        "CreatedTime_dt": WHEN,
        **TRAFFIC,
    },
    "GetHubAdminOptions": OPTIONS,
    "GetHubExtOptions": OPTIONS,
    "GetHubRadius": {
        "HubName_str": "",
        "RadiusServerName_str": "radius.example",
        "RadiusPort_u32": 1812,
        "RadiusSecret_str": "shared",
        "RadiusRetryInterval_u32": 500,
    },
    "EnumUser": {
        "UserList": [
            {
                "Name_str": "alice",
                "GroupName_str": "Staff",
                "Realname_utf": "Alice Adams",
                "Note_utf": "Room 7",
                "AuthType_u32": 4,
                "NumLogin_u32": 3,
                "LastLoginTime_dt": WHEN,
                "Expires_dt": NEVER,
                **EX_TRAFFIC,
            }
        ]
    },
    "GetUser": USER,
    "EnumGroup": {"GroupList": [{**GROUP, "NumUsers_u32": 1}]},
    "GetGroup": GROUP,
    "EnumSession": {
        "SessionList": [
            SESSION,
            {**SESSION, "Name_str": "SID-LINK-2", "LinkMode_bool": True},
        ]
    },
    "GetSessionStatus": SESSION_STATUS,
    "EnumMacTable": {
        "MacTable": [
            {
                "Key_u32": 19,
                "SessionName_str": "SID-ALICE-1",
                "VlanId_u32": 0,
                "MacAddress_bin": MAC,
                "CreatedTime_dt": WHEN,
                "UpdatedTime_dt": WHEN,
                "RemoteHostname_str": "m1",
            }
        ]
    },
    "EnumIpTable": {
        "IpTable": [
            {
                "Key_u32": 20,
                "SessionName_str": "SID-ALICE-1",
                "IpAddress_ip": "10.88.1.1",
                "DhcpAllocated_bool": True,
                "CreatedTime_dt": WHEN,
                "UpdatedTime_dt": WHEN,
                "RemoteHostname_str": "m1",
            }
        ]
    },
    "EnumAccess": {"AccessList": [RULE, RULE6]},
    "EnumCa": {
        "CAList": [
            {
                "Key_u32": 3,
                "SubjectName_utf": "ca.example",
                "IssuerName_utf": "root.example",
                "Expires_dt": WHEN,
            }
        ]
    },
    "GetCa": {"Key_u32": 3, "Cert_bin": CERTIFICATE},
    "EnumCrl": {"CRLList": [{"Key_u32": 5, "CrlInfo_utf": 'Subject="CN=c1"'}]},
    "GetCrl": {"Key_u32": 5, "CommonName_utf": "c1", "Serial_bin": "Cgs="},
    "GetAcList": {"ACList": [SOURCE]},
    "EnumLogFile": {
        "LogFiles": [
            {
                "FilePath_str": "server_log/vpn.log",
                "FileSize_u32": len(LOG),
                "ServerName_str": "m1",
                "UpdatedTime_dt": WHEN,
            },
            {
                "FilePath_str": "server_log/vpn.log",
                "FileSize_u32": 8030,
                "ServerName_str": "m2",
                "UpdatedTime_dt": WHEN,
            },
        ]
    },
    "ReadLogFile": {"Buffer_bin": base64.b64encode(LOG).decode()},
    "GetHubLog": {
        "HubName_str": "lab",
        "SaveSecurityLog_bool": False,
        "SecurityLogSwitchType_u32": 4,
        "SavePacketLog_bool": True,
        "PacketLogSwitchType_u32": 3,
        "PacketLogConfig_u32": [1, 0, 1, 0, 0, 0, 2, 0, 0],
    },
    "GetSecureNATStatus": {
        "HubName_str": "lab",
        "NumTcpSessions_u32": 2,
        "NumUdpSessions_u32": 1,
        "NumIcmpSessions_u32": 0,
        "NumDnsSessions_u32": 0,
        "NumDhcpClients_u32": 1,
        "IsKernelMode_bool": False,
        "IsRawIpMode_bool": True,
    },
    "GetSecureNATOption": NAT,
    "EnumNAT": {
        "NatTable": [
            {
                "Id_u32": 1,
                "Protocol_u32": 0,
                "SrcIp_ip": "192.168.30.10",
                "SrcHost_str": "pc",
                "SrcPort_u32": 40000,
                "DestIp_ip": "10.0.0.1",
                "DestHost_str": "",
                "DestPort_u32": 443,
                "CreatedTime_dt": WHEN,
                "LastCommTime_dt": WHEN,
                "SendSize_u64": 2000,
                "RecvSize_u64": 1000,
                "TcpStatus_u32": 3,
            }
        ]
    },
    "EnumDHCP": {
        "DhcpTable": [
            {
                "Id_u32": 1,
                "LeasedTime_dt": WHEN,
                "ExpireTime_dt": WHEN,
                "MacAddress_bin": MAC,
                "IpAddress_ip": "192.168.30.10",
                "Hostname_str": "pc",
            }
        ]
    },
    "EnumLink": {
        "LinkList": [
            {
                "AccountName_utf": name,
                "Online_bool": online,
                "Connected_bool": connected,
                "LastError_u32": error,
                "ConnectedTime_dt": WHEN,
                "Hostname_str": "vpn.example",
                "TargetHubName_str": "office",
            }
            for name, online, connected, error in (
                ("branch", True, True, 0),
                ("second", False, False, 0),
                ("third", True, False, 12),
            )
        ]
    },
    "GetLink": LINK,
    "GetLinkStatus": {
        "AccountName_utf": "branch",
        "SessionStatus_u32": 3,
        "Connected_bool": True,
        "VLanId_u32": 0,
        "ServerName_str": "vpn.example",
        "ServerPort_u32": 443,
        "NumConnectionsEstablished_u32": 4,
        **CONNECTION,
    },
    "EnumEthernet": {"EthList": [{"DeviceName_str": "eth1", "NetworkConnectionName_utf": ""}]},
    "EnumLocalBridge": {
        "LocalBridgeList": [
            {
                "DeviceName_str": "eth1",
                "HubNameLB_str": "lab",
                "Online_bool": True,
                "Active_bool": False,
                "TapMode_bool": False,
            }
        ]
    },
    "EnumL3Switch": {
        "L3SWList": [
            {
                "Name_str": "core",
                "NumInterfaces_u32": 2,
                "NumTables_u32": 1,
                "Active_bool": True,
                "Online_bool": False,
            }
        ]
    },
    "EnumL3If": {
        "L3IFList": [
            {"IpAddress_ip": "10.1.0.1", "SubnetMask_ip": "255.255.0.0", "HubName_str": "lab"}
        ]
    },
    "EnumL3Table": {
        "L3Table": [
            {
                "NetworkAddress_ip": "10.2.0.0",
                "SubnetMask_ip": "255.255.0.0",
                "GatewayAddress_ip": "10.1.0.2",
                "Metric_u32": 5,
            }
        ]
    },
    "GetIPsecServices": {
        "L2TP_Raw_bool": False,
        "L2TP_IPsec_bool": True,
        "EtherIP_IPsec_bool": False,
        "IPsec_Secret_str": "psk",
        "L2TP_DefaultHub_str": "lab",
    },
    "EnumEtherIpId": {
        "Settings": [
            {
                "Id_str": "router7",
                "HubName_str": "lab",
                "UserName_str": "branch",
                "Password_str": "pw",
            }
        ]
    },
    "MakeOpenVpnConfigFile": {"Buffer_bin": base64.b64encode(b"PK").decode()},
    "GetDDnsClientStatus": {
        "CurrentFqdn_str": "office7.example",
        "CurrentHostName_str": "",
        "DnsSuffix_str": ".example",
        "CurrentIPv4_str": "192.0.2.1",
        "ErrStr_IPv4_utf": "",
        "CurrentIPv6_str": "",
        "ErrStr_IPv6_utf": "no way",
    },
    "CreateToken": {**TOKEN, "Token_str": "iquila_secret"},
    "EnumToken": {"TokenList": [TOKEN, LASTING_TOKEN]},
    "GetAzureStatus": {"IsEnabled_bool": True, "IsConnected_bool": False},
}
