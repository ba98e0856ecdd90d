"""
One case or more for each command: what is typed, what is asked of the server, what is shown.

A file in braces (``{cert}``) is one that the test makes; ``{out}`` is one that the command may
write.
"""

from __future__ import annotations

import base64
from typing import Any

from attrs import field, frozen

from .answers import CERTIFICATE, KEY, MAC, RULE, RULE6, SOURCE

Call = tuple[str, dict[str, Any]]


@frozen
class Case:
    """
    One command line.

    :ivar calls: operations in their order, with parameters that they must have.
    :ivar shows: lines of the output, spaces at the bars left out.
    :ivar writes: what must be in ``{out}``.
    """

    line: str
    calls: tuple[Call, ...]
    shows: tuple[str, ...] = ()
    writes: bytes | None = None
    absent: tuple[str, ...] = field(default=())
    """Parameters that the last call must not have."""


def _case(line: str, *calls: Call | str, shows: str = "", **more: Any) -> Case:
    full = tuple((call, {}) if isinstance(call, str) else call for call in calls)
    lines = tuple(part.strip() for part in shows.split(";;") if part.strip())
    return Case(line, full, lines, **more)


def _record(line: str, what: str, **changes: Any) -> Case:
    """Return a case of a command that reads a record and writes it with changes."""
    return _case(line, f"Get{what}", (f"Set{what}", changes))


_HEX = base64.b64encode(bytes.fromhex("0A0B")).decode()
_MASK = base64.b64encode(b"\xff" * 6).decode()

SERVER = (
    _case("About", shows="iquila 2"),
    _case("ServerInfoGet", "GetServerInfo", shows="Product Name|iquila;;Server Type|Cluster Con"),
    _case(
        "ServerStatusGet",
        "GetServerStatus",
        shows="Number of Sessions (Other Member Servers)|1,234;;"
        "Number of Static Virtual Hubs|1,234;;Outgoing Unicast Packets|2 packets;;"
        "64 bit High-Precision Logical System Clock|29288",
    ),
    _case("ServerPasswordSet new", ("SetServerPassword", {"PlainTextPassword_str": "new"})),
    _case("Caps", "GetCaps", shows="b_support_qos|Yes;;Maximum|1000"),
    _case("ConfigGet", "GetConfig", shows='{"a": 1}'),
    _case("ConfigGet {out}", "GetConfig", writes=b'{"a": 1}'),
    _case(
        "ConfigSet {text}", ("SetConfig", {"FileData_bin": base64.b64encode(b"text\n").decode()})
    ),
    _case("Flush", "Flush"),
    _case("Reboot", ("RebootServer", {"IntValue_u32": 0})),
    _case("Reboot /RESETCONFIG:yes", ("RebootServer", {"IntValue_u32": 1})),
    _case("Crash yes", "Crash"),
    _case("ServerCertGet {out}", "GetServerCert", writes=b"-----BEGIN CERTIFICATE-----"),
    _case("ServerKeyGet {out}", "GetServerCert", writes=b"-----BEGIN PRIVATE KEY-----"),
    _case(
        "ServerCertSet /LOADCERT:{cert} /LOADKEY:{key}",
        ("SetServerCert", {"Cert_bin": CERTIFICATE, "Key_bin": KEY}),
    ),
    _case("ServerCertRegenerate vpn", ("RegenerateServerCert", {"StrValue_str": "vpn"})),
    _case("ServerCipherGet", "GetServerCipher", shows="AES256-SHA"),
    _case("ServerCipherSet AES256-SHA", ("SetServerCipher", {"String_str": "AES256-SHA"})),
    _case(
        "ListenerList",
        "EnumListener",
        shows="Port Number|Status;;TCP 443|Error;;TCP 992|Stopped;;TCP 5555|Listening",
    ),
    _case("ListenerCreate 443", ("CreateListener", {"Port_u32": 443, "Enable_bool": True})),
    _case("ListenerDelete 443", ("DeleteListener", {"Port_u32": 443})),
    _case("ListenerEnable 443", ("EnableListener", {"Port_u32": 443, "Enable_bool": True})),
    _case("ListenerDisable 443", ("EnableListener", {"Port_u32": 443, "Enable_bool": False})),
    _case(
        "VpnOverIcmpDnsGet",
        "GetSpecialListener",
        shows="VPN over ICMP Server Enabled|Yes;;VPN over DNS Server Enabled|No",
    ),
    _case(
        "VpnOverIcmpDnsEnable /ICMP:yes /DNS:no",
        (
            "SetSpecialListener",
            {"VpnOverIcmpListener_bool": True, "VpnOverDnsListener_bool": False},
        ),
    ),
    _case(
        "ConnectionList",
        "EnumConnection",
        shows="Connection Name|Connection Source|Connection Start|Type;;"
        "CID-2|m1: 45902|2026-11-22 (Sun) 14:46:00|Clustering RPC",
    ),
    _case(
        "ConnectionGet CID-2",
        ("GetConnectionInfo", {"Name_str": "CID-2"}),
        shows="Connection Type|Management RPC;;Client Port Number (TCP)|45902;;Client Version|4.38",
    ),
    _case("ConnectionDisconnect CID-2", ("DisconnectConnection", {"Name_str": "CID-2"})),
    _case(
        "KeepGet",
        "GetKeep",
        shows="Host Name|keep.example;;Packet Send Interval (Sec)|50;;Protocol|UDP/IP;;"
        "Current Status|Enable",
    ),
    _record("KeepEnable", "Keep", UseKeepConnect_bool=True, KeepConnectPort_u32=80),
    _record("KeepDisable", "Keep", UseKeepConnect_bool=False, KeepConnectHost_str="keep.example"),
    _record(
        "KeepSet /HOST:k:81 /PROTOCOL:tcp /INTERVAL:9",
        "Keep",
        UseKeepConnect_bool=True,
        KeepConnectHost_str="k",
        KeepConnectPort_u32=81,
        KeepConnectProtocol_u32=0,
        KeepConnectInterval_u32=9,
    ),
    _case(
        "SyslogGet",
        "GetSysLog",
        shows="Set the Use of syslog Send Function|Send Server, Virtual Hub Security, and Packet "
        "Logs by Syslog;;syslog Server Port Number|514",
    ),
    _case(
        "SyslogEnable 2 /HOST:log",
        ("SetSysLog", {"SaveType_u32": 2, "Hostname_str": "log", "Port_u32": 514}),
    ),
    _record("SyslogDisable", "SysLog", SaveType_u32=0),
)

CLUSTER = (
    _case(
        "ClusterSettingGet",
        "GetFarmSetting",
        shows="Current Configuration|Cluster Member Server;;Public IP Address|(No setting);;"
        "List of Public Ports|443, 5555;;Destination Controller|ctl:5555",
    ),
    _case("ClusterSettingStandalone", ("SetFarmSetting", {"ServerType_u32": 0, "Weight_u32": 100})),
    _case(
        "ClusterSettingController /ONLY:yes",
        ("SetFarmSetting", {"ServerType_u32": 1, "ControllerOnly_bool": True, "Weight_u32": 100}),
    ),
    _case(
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
    _case(
        "ClusterMemberList", "EnumFarmMember", shows="7|Controller|2026-11-22 (Sun) 14:46:00|ctl"
    ),
    _case(
        "ClusterMemberInfoGet 7",
        ("GetFarmInfo", {"Id_u32": 7}),
        shows="Virtual Hub #1|lab (Dynamic);;Public Port #2 (TCP/IP)|5555",
    ),
    _case(
        "ClusterMemberCertGet 7 /SAVECERT:{out}",
        ("GetFarmInfo", {"Id_u32": 7}),
        writes=b"-----BEGIN CERTIFICATE-----",
    ),
    _case(
        "ClusterConnectionStatusGet",
        "GetFarmConnectionStatus",
        shows="Connection Status|Online;;Controller TCP/IP Port|5555;;"
        "Current Connection Established at|2026-11-22 (Sun) 14:46:00",
    ),
)

SWITCHES = (
    _case(
        "HubList",
        "EnumHub",
        shows="Virtual Hub Name|lab;;Type|Static Hub;;Num Logins|7;;Transfer Bytes|4,880",
    ),
    _case(
        "HubCreate lab /PASSWORD:pw",
        "GetFarmSetting",
        ("CreateHub", {"HubName_str": "lab", "AdminPasswordPlainText_str": "pw"}),
    ),
    _case("HubCreateStatic lab /PASSWORD:", ("CreateHub", {"HubType_u32": 1})),
    _case("HubCreateDynamic lab /PASSWORD:", ("CreateHub", {"HubType_u32": 2})),
    _case("HubDelete lab", ("DeleteHub", {"HubName_str": "lab"})),
    _record("HubSetStatic lab", "Hub", HubType_u32=1, NoEnum_bool=True),
    _record("HubSetDynamic lab", "Hub", HubType_u32=2, NoEnum_bool=True),
    _case(
        "StatusGet",
        ("GetHubStatus", {"HubName_str": "lab"}),
        shows="Type|Dynamic Hub;;SecureNAT|Disabled;;Sessions (Bridge)|8;;"
        "Created at|2026-11-22 14:46:00",
    ),
    _case("Online", ("SetHubOnline", {"HubName_str": "lab", "Online_bool": True})),
    _case("Offline", ("SetHubOnline", {"HubName_str": "lab", "Online_bool": False})),
    _case(
        "OptionsGet",
        "GetHub",
        shows="Enumeration of Virtual Hub for Anonymous User|Deny;;"
        "Max Number of Sessions|Infinite;;Virtual Hub Type|Static Hub",
    ),
    _record("SetMaxSession 9", "Hub", MaxSession_u32=9, NoEnum_bool=True),
    _record("SetEnumAllow", "Hub", NoEnum_bool=False, HubType_u32=1),
    _record("SetEnumDeny", "Hub", NoEnum_bool=True),
    _record("SetHubPassword pw", "Hub", HubName_str="lab"),
    _case("AdminOptionList", "GetHubAdminOptions", shows="Item|max_users;;Description|Asks nobody"),
    _case(
        "AdminOptionSet MAX_USERS /VALUE:9",
        "GetHubAdminOptions",
        (
            "SetHubAdminOptions",
            {
                "AdminOptionList": [
                    {"Name_str": "max_users", "Value_u32": 9, "Descrption_utf": "Users at most"},
                    {
                        "Name_str": "NoArpPolling",
                        "Value_u32": 0,
                        "Descrption_utf": "Asks nobody",
                    },
                ]
            },
        ),
    ),
    _case("ExtOptionList", "GetHubExtOptions", shows="Item|NoArpPolling;;Value|0"),
    _record("ExtOptionSet NoArpPolling /VALUE:1", "HubExtOptions", HubName_str="lab"),
    _case(
        "RadiusServerGet",
        ("GetHubRadius", {"HubName_str": "lab"}),
        shows="Use RADIUS Server|Enable;;RADIUS Server Port Number|1812;;Shared Secret|shared",
    ),
    _case(
        "RadiusServerSet radius.example /SECRET:s",
        (
            "SetHubRadius",
            {
                "HubName_str": "lab",
                "RadiusServerName_str": "radius.example",
                "RadiusPort_u32": 1812,
                "RadiusSecret_str": "s",
                "RadiusRetryInterval_u32": 500,
            },
        ),
    ),
    _case("RadiusServerDelete", ("SetHubRadius", {"RadiusServerName_str": ""})),
)

USERS = (
    _case(
        "UserList",
        ("EnumUser", {"HubName_str": "lab"}),
        shows="User Name|alice;;Auth Method|RADIUS Authentication;;"
        "Expiration Date|No Expiration;;Transfer Packets|8",
    ),
    _case(
        'UserCreate bob /GROUP:staff /REALNAME:"Bob B"',
        (
            "CreateUser",
            {
                "HubName_str": "lab",
                "Name_str": "bob",
                "GroupName_str": "staff",
                "Realname_utf": "Bob B",
                "Note_utf": "",
                "AuthType_u32": 1,
            },
        ),
    ),
    Case(
        "UserSet alice /NOTE:new",
        (
            ("GetUser", {"Name_str": "alice"}),
            (
                "SetUser",
                {
                    "HubName_str": "lab",
                    "Note_utf": "new",
                    "GroupName_str": "staff",
                    "Realname_utf": "Alice Adams",
                    "HashedKey_bin": "aGFzaA==",
                },
            ),
        ),
        absent=("ExpireTime_dt",),
    ),
    _case("UserDelete alice", ("DeleteUser", {"HubName_str": "lab", "Name_str": "alice"})),
    _case(
        "UserGet alice",
        ("GetUser", {"HubName_str": "lab", "Name_str": "alice"}),
        shows="Group Name|staff;;Expiration Date|(None);;Auth Type|Password Authentication;;"
        "Created on|2026-11-22 (Sun) 14:46:00;;Number of Logins|3",
    ),
    _record(
        'UserExpiresSet alice /EXPIRES:"2031/01/02 03:04:05"',
        "User",
        ExpireTime_dt="2031-01-02T03:04:05.000Z",
    ),
    _record("UserExpiresSet alice /EXPIRES:none", "User", ExpireTime_dt=0),
    _record(
        "UserPolicySet alice /NAME:maxupload /VALUE:9000",
        "User",
        **{
            "UsePolicy_bool": True,
            "policy:MaxUpload_u32": 9000,
            "policy:MaxConnection_u32": 32,
            "policy:Access_bool": True,
        },
    ),
    _record("UserPolicyRemove alice", "User", UsePolicy_bool=False),
    _record("UserAnonymousSet alice", "User", AuthType_u32=0),
    _record("UserPasswordSet alice /PASSWORD:pw", "User", AuthType_u32=1, Auth_Password_str="pw"),
    _record("UserCertSet alice /LOADCERT:{cert}", "User", AuthType_u32=2, UserX_bin=CERTIFICATE),
    _record(
        "UserSignedSet alice /CN:cn /SERIAL:a0b",
        "User",
        AuthType_u32=3,
        CommonName_utf="cn",
        Serial_bin=_HEX,
    ),
    _record("UserRadiusSet alice /ALIAS:a", "User", AuthType_u32=4, RadiusUsername_utf="a"),
    _record("UserNTLMSet alice /ALIAS:a", "User", AuthType_u32=5, NtUsername_utf="a"),
    _case("GroupList", "EnumGroup", shows="Group Name|staff;;Num Users|1"),
    _case(
        "GroupCreate staff /REALNAME:Staff",
        ("CreateGroup", {"HubName_str": "lab", "Name_str": "staff", "Realname_utf": "Staff"}),
    ),
    _record("GroupSet staff /NOTE:n", "Group", Note_utf="n", Realname_utf="The staff"),
    _case("GroupDelete staff", ("DeleteGroup", {"Name_str": "staff"})),
    _case(
        "GroupGet staff",
        ("GetGroup", {"Name_str": "staff"}),
        "EnumUser",
        shows="Full Name|The staff;;MaxUpload|Upload Bandwidth|1000000 bps;;"
        "TimeOut|Time-out Period|20 seconds;;MaxMac|Maximum Number of MAC Addresses|-;;alice",
    ),
    _case(
        "GroupJoin staff /USERNAME:alice",
        ("GetUser", {"Name_str": "alice"}),
        ("SetUser", {"Name_str": "alice", "GroupName_str": "staff"}),
    ),
    _record("GroupUnjoin alice", "User", GroupName_str=""),
    _record(
        "GroupPolicySet staff /NAME:TimeOut /VALUE:9",
        "Group",
        **{"policy:TimeOut_u32": 9, "policy:MaxUpload_u32": 1000000, "UsePolicy_bool": True},
    ),
    _record("GroupPolicyRemove staff", "Group", UsePolicy_bool=False),
    _case("PolicyList", shows="VLanId|VLAN ID (IEEE802.1Q)"),
    _case("PolicyList timeout", shows="TimeOut;;5 to 60 seconds;;20 seconds"),
)

SESSIONS = (
    _case(
        "SessionList",
        ("EnumSession", {"HubName_str": "lab"}),
        "GetServerInfo",
        shows="Session Name|SID-ALICE-1;;Location|On 'm1';;TCP Connections|1 / 8;;"
        "Location|Cascade Connection;;TCP Connections|None",
    ),
    _case(
        "SessionGet SID-ALICE-1",
        ("GetSessionStatus", {"Name_str": "SID-ALICE-1"}),
        shows="VLAN ID|12;;Server Version|5.01;;Client Build (Reported)|Build 9674;;"
        "Session Key (160 bit)|33E8F6BC087F3441A11C408D5E4FA4225D2D8228",
    ),
    _case("SessionDisconnect SID-1", ("DeleteSession", {"Name_str": "SID-1"})),
    _case("MacTable", "EnumMacTable", "GetServerInfo", shows="MAC Address|5E-7F-D5-52-83-F6"),
    _case("MacDelete 19", ("DeleteMacTable", {"HubName_str": "lab", "Key_u32": 19})),
    _case("IpTable sid-alice-1", "EnumIpTable", "GetServerInfo", shows="IP Address|10.88.1.1"),
    _case("IpDelete 20", ("DeleteIpTable", {"Key_u32": 20})),
)

_WEB = {
    "Discard_bool": False,
    "Priority_u32": 10,
    "SrcIpAddress_ip": "10.0.0.0",
    "SrcSubnetMask_ip": "255.0.0.0",
    "DestSubnetMask_ip": "0.0.0.0",
    "Protocol_u32": 6,
    "DestPortStart_u32": 80,
    "DestPortEnd_u32": 90,
    "CheckTcpState_bool": True,
    "Established_bool": True,
    "CheckSrcMac_bool": True,
    "SrcMacAddress_bin": MAC,
    "SrcMacMask_bin": _MASK,
    "CheckDstMac_bool": False,
    "IsIPv6_bool": False,
    "Delay_u32": 0,
}
_ADD = "pass /PRIORITY:10 /SRCIP:10.0.0.0/8 /PROTOCOL:tcp /DESTPORT:80-90 /TCPSTATE:established"
_ADD6 = "discard /PRIORITY:20 /SRCIP:2001:db8::/32 /PROTOCOL:icmpv6"
_SIX = {
    "Discard_bool": True,
    "IsIPv6_bool": True,
    "SrcIpAddress6_bin": RULE6["SrcIpAddress6_bin"],
    "SrcSubnetMask6_bin": RULE6["SrcSubnetMask6_bin"],
    "SrcIpAddress_ip": "223.255.255.253",
    "SrcSubnetMask_ip": "255.255.255.255",
    "Protocol_u32": 58,
}


def _rule(line: str, **rule: Any) -> Case:
    return _case(line, ("AddAccess", {"HubName_str": "lab", "AccessListSingle": [rule]}))


TRUST = (
    _case(
        "AccessList",
        "EnumAccess",
        shows="Action|Discard;;Unique ID|4142735517;;"
        "Contents|(ipv4) SrcIPv4=10.0.0.0/8, Protocol=TCP, DstPort=80-90, SrcUser=alice, "
        "SrcMac=5E-7F-D5-52-83-F6/FF-FF-FF-FF-FF-FF, Established;;"
        "Contents|(ipv6) SrcIPv6=2001:db8::/32, Protocol=ICMPv6, Loss=50;;Memo|web",
    ),
    _rule(f"AccessAdd {_ADD} /SRCMAC:5E-7F-D5-52-83-F6", **_WEB),
    _rule(
        f"AccessAddEx {_ADD} /SRCMAC:5E7FD55283F6 /DELAY:50 /JITTER:5 /LOSS:1 /REDIRECTURL:http://a",
        **{**_WEB, "Delay_u32": 50, "Jitter_u32": 5, "Loss_u32": 1, "RedirectUrl_str": "http://a"},
    ),
    _rule(f"AccessAdd6 {_ADD6}", **_SIX, Loss_u32=0),
    _rule(f"AccessAddEx6 {_ADD6} /LOSS:9", **_SIX, Loss_u32=9),
    _case("AccessDelete 1", ("DeleteAccess", {"HubName_str": "lab", "Id_u32": 1})),
    _case("AccessEnable 2", "EnumAccess", ("SetAccessList", {"AccessList": [RULE, {**RULE6}]})),
    _case(
        "AccessDisable 1",
        "EnumAccess",
        ("SetAccessList", {"AccessList": [{**RULE, "Active_bool": False}, RULE6]}),
    ),
    _case("CAList", "EnumCa", shows="Issued to|ca.example;;Expiration|2026-11-22 (Sun)"),
    _case("CAAdd {cert}", ("AddCa", {"HubName_str": "lab", "Cert_bin": CERTIFICATE})),
    _case("CAAdd {der}", ("AddCa", {"Cert_bin": CERTIFICATE})),
    _case("CADelete 3", ("DeleteCa", {"Key_u32": 3})),
    _case(
        "CAGet 3 /SAVECERT:{out}",
        ("GetCa", {"Key_u32": 3}),
        writes=b"-----BEGIN CERTIFICATE-----",
    ),
    _case("CrlList", "EnumCrl", shows='ID|5;;Certificate Summary|Subject="CN=c1"'),
    _case(
        "CrlAdd /SERIAL:0a0b /CN:c1",
        ("AddCrl", {"Serial_bin": _HEX, "CommonName_utf": "c1", "DigestMD5_bin": ""}),
    ),
    _case("CrlDel 5", ("DelCrl", {"Key_u32": 5})),
    _case(
        "CrlGet 5",
        ("GetCrl", {"Key_u32": 5}),
        shows="Common Name (CN)|c1;;Serial Number (Hexadecimal)|0A 0B",
    ),
    _case("AcList", "GetAcList", shows="ID|Priority|Action|Contents;;1|5|Deny|2001:db8::/32"),
    _case(
        "AcAdd allow /PRIORITY:9 /IP:10.0.0.1",
        "GetAcList",
        (
            "SetAcList",
            {
                "ACList": [
                    SOURCE,
                    {
                        "Id_u32": 0,
                        "Priority_u32": 9,
                        "Deny_bool": False,
                        "Masked_bool": False,
                        "IpAddress_ip": "10.0.0.1",
                        "SubnetMask_ip": "255.255.255.255",
                    },
                ]
            },
        ),
    ),
    _record("AcAdd6 deny /PRIORITY:9 /IP:2001:db8::/32", "AcList", HubName_str="lab"),
    _case("AcDel 1", "GetAcList", ("SetAcList", {"ACList": []})),
)

LOGS = (
    _case("LogFileList", "EnumLogFile", shows="File Size|40 Bytes;;File Size|7.84 KBytes"),
    _case(
        "LogFileGet server_log/vpn.log",
        "EnumLogFile",
        ("ReadLogFile", {"ServerName_str": "m1", "Offset_u32": 0}),
        shows="2026-11-22,14:46:00,something happened",
    ),
    _case(
        "LogFileGet server_log/vpn.log /SERVER:m1 /SAVEPATH:{out}",
        "EnumLogFile",
        ("ReadLogFile", {"FilePath_str": "server_log/vpn.log"}),
        writes=b"something happened\r\n",
    ),
    _case(
        "LogGet",
        "GetHubLog",
        shows="Save Security Log|Disable;;Log File Switch Cycle|Switch in Every Hour;;"
        "DHCP Log|Header Only;;ARP Log|All Packet Contents",
    ),
    _record("LogEnable security", "HubLog", SaveSecurityLog_bool=True),
    _record("LogDisable packet", "HubLog", SavePacketLog_bool=False, HubName_str="lab"),
    _record("LogSwitchSet packet /SWITCH:month", "HubLog", PacketLogSwitchType_u32=5),
    _record(
        "LogPacketSaveType /TYPE:udp /SAVE:header",
        "HubLog",
        PacketLogConfig_u32=[1, 0, 1, 1, 0, 0, 2, 0, 0],
    ),
)

NAT = (
    _case("SecureNatEnable", ("EnableSecureNAT", {"HubName_str": "lab"})),
    _case("SecureNatDisable", ("DisableSecureNAT", {"HubName_str": "lab"})),
    _case(
        "SecureNatStatusGet",
        "GetSecureNATStatus",
        shows="NAT TCP/IP Sessions|2 Sessions;;Allocated DHCP Clients|1 Client",
    ),
    _case(
        "SecureNatHostGet",
        ("GetSecureNATOption", {"RpcHubName_str": "lab"}),
        shows="MAC Address|5E-7F-D5-52-83-F6;;Subnet Mask|255.255.255.0",
    ),
    _record(
        "SecureNatHostSet /IP:10.0.0.1",
        "SecureNATOption",
        Ip_ip="10.0.0.1",
        MacAddress_bin=MAC,
        RpcHubName_str="lab",
    ),
    _case("NatGet", "GetSecureNATOption", shows="MTU Value|1500"),
    _record("NatEnable", "SecureNATOption", UseNat_bool=True, Mtu_u32=1500),
    _record("NatDisable", "SecureNATOption", UseNat_bool=False),
    _record(
        "NatSet /MTU:1400 /LOG:no",
        "SecureNATOption",
        Mtu_u32=1400,
        SaveLog_bool=False,
        NatTcpTimeout_u32=1800,
    ),
    _case("NatTable", "EnumNAT", shows="Source Host|pc;;TCP Session Status|Connection Established"),
    _case("DhcpGet", "GetSecureNATOption", shows="DNS Server Address 2|None"),
    _record("DhcpEnable", "SecureNATOption", UseDhcp_bool=True),
    _record("DhcpDisable", "SecureNATOption", UseDhcp_bool=False),
    _record(
        "DhcpSet /GW:none /PUSHROUTE:10.0.0.0/255.0.0.0/192.168.30.1",
        "SecureNATOption",
        DhcpGatewayAddress_ip="0.0.0.0",
        DhcpExpireTimeSpan_u32=7200,
        DhcpPushRoutes_str="10.0.0.0/255.0.0.0/192.168.30.1",
        ApplyDhcpPushRoutes_bool=True,
    ),
    _case("DhcpTable", "EnumDHCP", shows="Allocated IP|192.168.30.10;;Host Name of Client|pc"),
)


def _link(line: str, **changes: Any) -> Case:
    name = {"HubName_Ex_str": "lab", "AccountName_utf": "branch"}
    return _case(line, ("GetLink", name), ("SetLink", {**name, **changes}))


_CASCADE = {"HubName_str": "lab", "AccountName_utf": "branch"}
CASCADES = (
    _case(
        "CascadeList",
        "EnumLink",
        shows="Status|Online (Established);;Status|Offline (Stopped);;Virtual Hub|office",
    ),
    _case(
        "CascadeCreate branch /SERVER:vpn:443 /HUB:office /USERNAME:u",
        (
            "CreateLink",
            {
                "HubName_Ex_str": "lab",
                "AccountName_utf": "branch",
                "Hostname_str": "vpn",
                "Port_u32": 443,
                "HubName_str": "office",
                "Username_str": "u",
                "UseEncrypt_bool": True,
            },
        ),
    ),
    _link("CascadeSet branch /SERVER:v /HUB:h", Hostname_str="v", Port_u32=5555, HubName_str="h"),
    _case(
        "CascadeGet branch",
        "GetLink",
        shows="Proxy Server Type|Connection via HTTP Proxy;;"
        "Authentication Type|Client Certificate Authentication;;"
        'Client Certificate for Authentication Use|CN=ca.example, SERIAL="A0B";;'
        "DHCPForce|Enforce DHCP Allocated IP Addresses (IPv4)|No",
    ),
    _case("CascadeDelete branch", ("DeleteLink", _CASCADE)),
    _case(
        "CascadeRename branch /NEW:b",
        ("RenameLink", {"OldAccountName_utf": "branch", "NewAccountName_utf": "b"}),
    ),
    _case("CascadeOnline branch", ("SetLinkOnline", _CASCADE)),
    _case("CascadeOffline branch", ("SetLinkOffline", _CASCADE)),
    _case(
        "CascadeStatusGet branch",
        ("GetLinkStatus", {"HubName_Ex_str": "lab"}),
        shows="Session Status|Connection Completed (Session Established);;"
        "Port Number|TCP Port 443;;Number of Established Sessions|4 Times",
    ),
    _link("CascadeUsernameSet branch /USERNAME:x", Username_str="x", AuthType_u32=3),
    _link("CascadeAnonymousSet branch", AuthType_u32=0),
    _link("CascadePasswordSet branch /PASSWORD:pw", AuthType_u32=1),
    _link(
        "CascadePasswordSet branch /PASSWORD:pw /TYPE:radius",
        AuthType_u32=2,
        PlainPassword_str="pw",
    ),
    _link(
        "CascadeCertSet branch /LOADCERT:{cert} /LOADKEY:{key}",
        AuthType_u32=3,
        ClientX_bin=CERTIFICATE,
        ClientK_bin=KEY,
    ),
    _case("CascadeCertGet branch /SAVECERT:{out}", "GetLink", writes=b"-----BEGIN CERTIFICATE"),
    _link("CascadeEncryptEnable branch", UseEncrypt_bool=True),
    _link("CascadeEncryptDisable branch", UseEncrypt_bool=False),
    _link("CascadeCompressEnable branch", UseCompress_bool=True),
    _link("CascadeCompressDisable branch", UseCompress_bool=False),
    _link("CascadeProxyNone branch", ProxyType_u32=0),
    _link("CascadeProxyHttp branch /SERVER:p", ProxyType_u32=1, ProxyPort_u32=8080),
    _link("CascadeProxySocks branch /SERVER:p:1080", ProxyType_u32=2, ProxyPort_u32=1080),
    _link(
        "CascadeProxySocks5 branch /SERVER:p:1 /USERNAME:u /PASSWORD:pw",
        ProxyType_u32=3,
        ProxyName_str="p",
        ProxyUsername_str="u",
        ProxyPassword_str="pw",
    ),
    _case("CascadeHttpHeaderGet branch", "GetLink", shows="X-Old: 1"),
    _link(
        "CascadeHttpHeaderAdd branch /NAME:X-A /DATA:b",
        CustomHttpHeader_str="X-Old: 1\r\nX-A: b\r\n",
    ),
    _link("CascadeHttpHeaderDelete branch /NAME:x-old", CustomHttpHeader_str=""),
    _link("CascadeServerCertEnable branch", CheckServerCert_bool=True),
    _link("CascadeServerCertDisable branch", CheckServerCert_bool=False),
    _link("CascadeServerCertSet branch /LOADCERT:{cert}", ServerCert_bin=CERTIFICATE),
    _link("CascadeServerCertDelete branch", ServerCert_bin=""),
    _case("CascadeServerCertGet branch /SAVECERT:{out}", "GetLink", writes=b"-----BEGIN CERT"),
    _link(
        "CascadeDetailSet branch /MAXTCP:4 /NOQOS:yes",
        MaxConnection_u32=4,
        DisableQoS_bool=True,
        AdditionalConnectionInterval_u32=1,
    ),
    _link("CascadePolicySet branch /NAME:MaxUpload /VALUE:9", **{"policy:MaxUpload_u32": 9}),
)

_ROUTE = {
    "Name_str": "core",
    "NetworkAddress_ip": "10.2.0.0",
    "SubnetMask_ip": "255.255.0.0",
    "GatewayAddress_ip": "10.1.0.2",
    "Metric_u32": 5,
}
_ROUTE_LINE = "core /NETWORK:10.2.0.0/255.255.0.0 /GATEWAY:10.1.0.2 /METRIC:5"
_IPSEC = "IPsecEnable /L2TP:yes /L2TPRAW:no /ETHERIP:no /PSK:vpn /DEFAULTHUB:lab"
_CLIENT = "EtherIpClientAdd r7 /HUB:lab /USERNAME:u /PASSWORD:pw"
OTHERS = (
    _case("BridgeDeviceList", "EnumEthernet", shows="eth1"),
    _case("BridgeList", "EnumLocalBridge", shows="1|lab|eth1|Error"),
    _case(
        "BridgeCreate lab /DEVICE:eth1",
        (
            "AddLocalBridge",
            {"HubNameLB_str": "lab", "DeviceName_str": "eth1", "TapMode_bool": False},
        ),
    ),
    _case("BridgeDelete lab /DEVICE:eth1", ("DeleteLocalBridge", {"DeviceName_str": "eth1"})),
    _case("RouterList", "EnumL3Switch", shows="core|Start (Error)|2|1"),
    _case("RouterAdd core", ("AddL3Switch", {"Name_str": "core"})),
    _case("RouterDelete core", ("DelL3Switch", {"Name_str": "core"})),
    _case("RouterStart core", ("StartL3Switch", {"Name_str": "core"})),
    _case("RouterStop core", ("StopL3Switch", {"Name_str": "core"})),
    _case("RouterIfList core", "EnumL3If", shows="10.1.0.1|255.255.0.0|lab"),
    _case(
        "RouterIfAdd core /HUB:lab /IP:10.1.0.1/16",
        (
            "AddL3If",
            {
                "Name_str": "core",
                "HubName_str": "lab",
                "IpAddress_ip": "10.1.0.1",
                "SubnetMask_ip": "255.255.0.0",
            },
        ),
    ),
    _case("RouterIfDel core /HUB:lab", ("DelL3If", {"HubName_str": "lab"})),
    _case("RouterTableList core", "EnumL3Table", shows="10.2.0.0|255.255.0.0|10.1.0.2|5"),
    _case(f"RouterTableAdd {_ROUTE_LINE}", ("AddL3Table", _ROUTE)),
    _case(f"RouterTableDel {_ROUTE_LINE}", ("DelL3Table", _ROUTE)),
    _case("IPsecGet", "GetIPsecServices", shows="L2TP over IPsec Server Function Enabled|Yes"),
    _case(_IPSEC, ("SetIPsecServices", {"L2TP_IPsec_bool": True, "IPsec_Secret_str": "vpn"})),
    _case("EtherIpClientList", "EnumEtherIpId", shows="router7|lab|branch"),
    _case(_CLIENT, ("AddEtherIpId", {"Id_str": "r7", "UserName_str": "u", "Password_str": "pw"})),
    _case("EtherIpClientDelete r7", ("DeleteEtherIpId", {"Id_str": "r7"})),
    _case("OpenVpnMakeConfig {out}", "MakeOpenVpnConfigFile", writes=b"PK"),
    _case("DynamicDnsGetStatus", "GetDDnsClientStatus", shows="Global IPv6 Address|no way"),
    _case("DynamicDnsSetHostname o7", ("ChangeDDnsClientHostname", {"StrValue_str": "o7"})),
    _case("VpnAzureGetStatus", "GetAzureStatus", shows="VPN Azure Function is Enabled|Yes"),
    _case("VpnAzureSetEnable no", ("SetAzureStatus", {"IsEnabled_bool": False})),
)

CASES = (*SERVER, *CLUSTER, *SWITCHES, *USERS, *SESSIONS, *TRUST, *LOGS, *NAT, *CASCADES, *OTHERS)
