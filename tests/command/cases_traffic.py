"""Cases of commands on sessions, rules, trust and logs."""

from __future__ import annotations

import base64
from typing import Any

from .case import Case, case, record
from .records import CERTIFICATE, MAC, RULE, RULE6, SOURCE

_HEX = base64.b64encode(bytes.fromhex("0A0B")).decode()
_MASK = base64.b64encode(b"\xff" * 6).decode()
SESSIONS = (
    case(
        "SessionList",
        ("EnumSession", {"HubName_str": "lab"}),
        "GetServerInfo",
        shows="Session Name|SID-ALICE-1;;Location|On 'm1';;TCP Connections|1 / 8;;"
        "Location|Cascade Connection;;TCP Connections|None",
    ),
    case(
        "SessionGet SID-ALICE-1",
        ("GetSessionStatus", {"Name_str": "SID-ALICE-1"}),
        shows="VLAN ID|12;;Server Version|5.01;;Client Build (Reported)|Build 9674;;"
        "Session Key (160 bit)|33E8F6BC087F3441A11C408D5E4FA4225D2D8228",
    ),
    case("SessionDisconnect SID-1", ("DeleteSession", {"Name_str": "SID-1"})),
    case("MacTable", "EnumMacTable", "GetServerInfo", shows="MAC Address|5E-7F-D5-52-83-F6"),
    case("MacDelete 19", ("DeleteMacTable", {"HubName_str": "lab", "Key_u32": 19})),
    case("IpTable sid-alice-1", "EnumIpTable", "GetServerInfo", shows="IP Address|10.88.1.1"),
    case("IpDelete 20", ("DeleteIpTable", {"Key_u32": 20})),
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
    return case(line, ("AddAccess", {"HubName_str": "lab", "AccessListSingle": [rule]}))


TRUST = (
    case(
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
    case("AccessDelete 1", ("DeleteAccess", {"HubName_str": "lab", "Id_u32": 1})),
    case("AccessEnable 2", "EnumAccess", ("SetAccessList", {"AccessList": [RULE, {**RULE6}]})),
    case(
        "AccessDisable 1",
        "EnumAccess",
        ("SetAccessList", {"AccessList": [{**RULE, "Active_bool": False}, RULE6]}),
    ),
    case("CAList", "EnumCa", shows="Issued to|ca.example;;Expiration|2026-11-22 (Sun)"),
    case("CAAdd {cert}", ("AddCa", {"HubName_str": "lab", "Cert_bin": CERTIFICATE})),
    case("CAAdd {der}", ("AddCa", {"Cert_bin": CERTIFICATE})),
    case("CADelete 3", ("DeleteCa", {"Key_u32": 3})),
    case(
        "CAGet 3 /SAVECERT:{out}",
        ("GetCa", {"Key_u32": 3}),
        writes=b"-----BEGIN CERTIFICATE-----",
    ),
    case("CrlList", "EnumCrl", shows='ID|5;;Certificate Summary|Subject="CN=c1"'),
    case(
        "CrlAdd /SERIAL:0a0b /CN:c1",
        ("AddCrl", {"Serial_bin": _HEX, "CommonName_utf": "c1", "DigestMD5_bin": ""}),
    ),
    case("CrlDel 5", ("DelCrl", {"Key_u32": 5})),
    case(
        "CrlGet 5",
        ("GetCrl", {"Key_u32": 5}),
        shows="Common Name (CN)|c1;;Serial Number (Hexadecimal)|0A 0B",
    ),
    case("AcList", "GetAcList", shows="ID|Priority|Action|Contents;;1|5|Deny|2001:db8::/32"),
    case(
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
    record("AcAdd6 deny /PRIORITY:9 /IP:2001:db8::/32", "AcList", HubName_str="lab"),
    case("AcDel 1", "GetAcList", ("SetAcList", {"ACList": []})),
)

LOGS = (
    case("LogFileList", "EnumLogFile", shows="File Size|40 Bytes;;File Size|7.84 KBytes"),
    case(
        "LogFileGet server_log/vpn.log",
        "EnumLogFile",
        ("ReadLogFile", {"ServerName_str": "m1", "Offset_u32": 0}),
        shows="2026-11-22,14:46:00,something happened",
    ),
    case(
        "LogFileGet server_log/vpn.log /SERVER:m1 /SAVEPATH:{out}",
        "EnumLogFile",
        ("ReadLogFile", {"FilePath_str": "server_log/vpn.log"}),
        writes=b"something happened\r\n",
    ),
    case(
        "LogGet",
        "GetHubLog",
        shows="Save Security Log|Disable;;Log File Switch Cycle|Switch in Every Hour;;"
        "DHCP Log|Header Only;;ARP Log|All Packet Contents",
    ),
    record("LogEnable security", "HubLog", SaveSecurityLog_bool=True),
    record("LogDisable packet", "HubLog", SavePacketLog_bool=False, HubName_str="lab"),
    record("LogSwitchSet packet /SWITCH:month", "HubLog", PacketLogSwitchType_u32=5),
    record(
        "LogPacketSaveType /TYPE:udp /SAVE:header",
        "HubLog",
        PacketLogConfig_u32=[1, 0, 1, 1, 0, 0, 2, 0, 0],
    ),
)
