"""Records of a server, in the shape that SoftEther's and ours have; short and made up."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from iquila.command.policies import DEFAULTS

WHEN = "2026-11-22T14:46:00.000Z"
NEVER = "1970-01-01T09:00:00.000Z"


def _certificate() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 0x0A0B)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    der = key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return certificate.public_bytes(Encoding.DER), der


CERTIFICATE_DER, KEY_DER = _certificate()
CERTIFICATE, KEY = (base64.b64encode(der).decode() for der in (CERTIFICATE_DER, KEY_DER))
MAC = base64.b64encode(bytes.fromhex("5E7FD55283F6")).decode()

TRAFFIC = {
    f"{way}.{kind}{what}_u64": number
    for way in ("Send", "Recv")
    for kind in ("Unicast", "Broadcast")
    for what, number in (("Count", 2), ("Bytes", 1220))
}
EX_TRAFFIC = {f"Ex.{name}": value for name, value in TRAFFIC.items()}

USER: dict[str, Any] = {
    "HubName_str": "",
    "Name_str": "alice",
    "GroupName_str": "staff",
    "Realname_utf": "Alice Adams",
    "Note_utf": "Room 7",
    "CreatedTime_dt": WHEN,
    "UpdatedTime_dt": WHEN,
    "ExpireTime_dt": NEVER,
    "AuthType_u32": 1,
    "HashedKey_bin": "aGFzaA==",
    "NumLogin_u32": 3,
    **TRAFFIC,
}
GROUP: dict[str, Any] = {
    "HubName_str": "",
    "Name_str": "staff",
    "Realname_utf": "The staff",
    "Note_utf": "Everybody",
    **TRAFFIC,
    "UsePolicy_bool": True,
    **DEFAULTS,
    "policy:MaxUpload_u32": 1000000,
}
HUB: dict[str, Any] = {
    "HubName_str": "lab",
    "Online_bool": True,
    "MaxSession_u32": 0,
    "NoEnum_bool": True,
    "HubType_u32": 1,
}
SESSION: dict[str, Any] = {
    "Name_str": "SID-ALICE-1",
    "VLanId_u32": 0,
    "RemoteHostname_str": "m1",
    "Username_str": "alice",
    "Hostname_str": "10.0.0.9",
    "CurrentNumTcp_u32": 1,
    "MaxNumTcp_u32": 8,
    "PacketSize_u64": 12345,
    "PacketNum_u64": 67,
}
CONNECTION: dict[str, Any] = {
    "ServerProductName_str": "a server",
    "ServerProductVer_u32": 501,
    "ServerProductBuild_u32": 9674,
    "StartTime_dt": WHEN,
    "FirstConnectionEstablisiedTime_dt": WHEN,
    "CurrentConnectionEstablishTime_dt": WHEN,
    "HalfConnection_bool": False,
    "QoS_bool": True,
    "NumTcpConnections_u32": 3,
    "MaxTcpConnections_u32": 8,
    "UseEncrypt_bool": True,
    "CipherName_str": "TLS_AES_256_GCM_SHA384",
    "UseCompress_bool": False,
    "UnderlayProtocol_str": "Standard TCP/IP (IPv4)",
    "SessionName_str": "SID-ALICE-1",
    "ConnectionName_str": "CID-9",
    "SessionKey_bin": "M+j2vAh/NEGhHECNXk+kIl0tgig=",
    "IsBridgeMode_bool": True,
    "IsMonitorMode_bool": False,
    "TotalSendSize_u64": 810,
    "TotalRecvSize_u64": 674,
    **TRAFFIC,
}
SESSION_STATUS: dict[str, Any] = {
    "Client_Ip_Address_ip": "10.0.0.9",
    "SessionStatus_ClientHostName_str": "pc",
    "Username_str": "alice",
    "RealUsername_str": "alice",
    "VLanId_u32": 12,
    **CONNECTION,
    "ClientProductName_str": "a client",
    "ClientProductVer_u32": 501,
    "ClientProductBuild_u32": 9674,
    "ClientOsName_str": "Linux",
    "ClientOsVer_str": "12",
    "ClientOsProductId_str": "--",
    "ClientHostname_str": "pc",
}
SERVER_INFO: dict[str, Any] = {
    "ServerProductName_str": "iquila",
    "ServerVersionString_str": "2",
    "ServerBuildInfoString_str": "b",
    "ServerHostName_str": "ctl",
    "ServerType_u32": 1,
    "OsSystemName_str": "Linux",
    "OsProductName_str": "Debian GNU/Linux",
    "OsVendorName_str": "v",
    "OsVersion_str": "12",
    "KernelName_str": "k",
    "KernelVersion_str": "6",
}
LINK: dict[str, Any] = {
    "HubName_Ex_str": "lab",
    "AccountName_utf": "branch",
    "Hostname_str": "vpn.example",
    "Port_u32": 443,
    "HubName_str": "office",
    "ProxyType_u32": 1,
    "ProxyName_str": "proxy.example",
    "ProxyPort_u32": 8080,
    "ProxyUsername_str": "pu",
    "CheckServerCert_bool": True,
    "ServerCert_bin": CERTIFICATE,
    "AuthType_u32": 3,
    "Username_str": "u",
    "ClientX_bin": CERTIFICATE,
    "MaxConnection_u32": 8,
    "AdditionalConnectionInterval_u32": 1,
    "ConnectionDisconnectSpan_u32": 0,
    "HalfConnection_bool": False,
    "UseEncrypt_bool": True,
    "UseCompress_bool": False,
    "CustomHttpHeader_str": "X-Old: 1\r\n",
    **DEFAULTS,
}
NAT: dict[str, Any] = {
    "RpcHubName_str": "lab",
    "MacAddress_bin": MAC,
    "Ip_ip": "192.168.30.1",
    "Mask_ip": "255.255.255.0",
    "UseNat_bool": True,
    "Mtu_u32": 1500,
    "NatTcpTimeout_u32": 1800,
    "NatUdpTimeout_u32": 60,
    "UseDhcp_bool": True,
    "DhcpLeaseIPStart_ip": "192.168.30.10",
    "DhcpLeaseIPEnd_ip": "192.168.30.200",
    "DhcpSubnetMask_ip": "255.255.255.0",
    "DhcpExpireTimeSpan_u32": 7200,
    "DhcpGatewayAddress_ip": "192.168.30.1",
    "DhcpDnsServerAddress_ip": "192.168.30.1",
    "DhcpDnsServerAddress2_ip": "0.0.0.0",
    "DhcpDomainName_str": "",
    "SaveLog_bool": True,
    "DhcpPushRoutes_str": "",
}
_ZERO6 = base64.b64encode(bytes(6)).decode()
_ZERO16 = base64.b64encode(bytes(16)).decode()
RULE: dict[str, Any] = {
    "Id_u32": 1,
    "UniqueId_u32": 4142735517,
    "Note_utf": "web",
    "Active_bool": True,
    "Priority_u32": 10,
    "Discard_bool": True,
    "IsIPv6_bool": False,
    "SrcIpAddress_ip": "10.0.0.0",
    "SrcSubnetMask_ip": "255.0.0.0",
    "DestIpAddress_ip": "0.0.0.0",
    "DestSubnetMask_ip": "0.0.0.0",
    "SrcIpAddress6_bin": _ZERO16,
    "SrcSubnetMask6_bin": _ZERO16,
    "DestIpAddress6_bin": _ZERO16,
    "DestSubnetMask6_bin": _ZERO16,
    "Protocol_u32": 6,
    "SrcPortStart_u32": 0,
    "SrcPortEnd_u32": 0,
    "DestPortStart_u32": 80,
    "DestPortEnd_u32": 90,
    "SrcUsername_str": "alice",
    "DestUsername_str": "",
    "CheckSrcMac_bool": True,
    "SrcMacAddress_bin": MAC,
    "SrcMacMask_bin": base64.b64encode(b"\xff" * 6).decode(),
    "CheckDstMac_bool": False,
    "DstMacAddress_bin": _ZERO6,
    "DstMacMask_bin": _ZERO6,
    "CheckTcpState_bool": True,
    "Established_bool": True,
    "Delay_u32": 0,
    "Jitter_u32": 0,
    "Loss_u32": 0,
    "RedirectUrl_str": "",
}
RULE6 = {
    **RULE,
    "Id_u32": 2,
    "IsIPv6_bool": True,
    "SrcIpAddress6_bin": base64.b64encode(bytes.fromhex("20010db8" + "0" * 24)).decode(),
    "SrcSubnetMask6_bin": base64.b64encode(bytes.fromhex("ffffffff" + "0" * 24)).decode(),
    "Protocol_u32": 58,
    "DestPortStart_u32": 0,
    "SrcUsername_str": "",
    "CheckSrcMac_bool": False,
    "CheckTcpState_bool": False,
    "Loss_u32": 50,
}
SOURCE = {
    "Id_u32": 1,
    "Priority_u32": 5,
    "Deny_bool": True,
    "Masked_bool": True,
    "IpAddress_ip": "2001:db8::",
    "SubnetMask_ip": "ffff:ffff::",
}
MEMBER = {
    "Id_u32": 7,
    "Controller_bool": True,
    "ConnectedTime_dt": WHEN,
    "Hostname_str": "ctl",
    "Point_u32": 100000,
    "NumSessions_u32": 0,
    "NumTcpConnections_u32": 3,
    "NumHubs_u32": 1,
    "AssignedClientLicense_u32": 0,
    "AssignedBridgeLicense_u32": 0,
}
OPTIONS = {
    "AdminOptionList": [
        {"Name_str": "max_users", "Value_u32": 0, "Descrption_utf": "Users at most"},
        {"Name_str": "NoIpTable", "Value_u32": 0, "Descrption_utf": "Asks nobody"},
    ]
}
LOG = b"2026-11-22,14:46:00,something happened\r\n"
TOKEN = {
    "Name_str": "robot",
    "Scope_str": "switch:office",
    "CreatedTime_dt": WHEN,
    "ExpireTime_dt": "2030-12-31T00:00:00.000Z",
}
LASTING_TOKEN = {**TOKEN, "Name_str": "backup", "Scope_str": "auditor", "ExpireTime_dt": ""}
CAPABILITIES = [
    {"CapsName_str": "i_max_hubs", "CapsValue_u32": 1000, "CapsDescrption_utf": "Maximum"},
    {"CapsName_str": "b_support_qos", "CapsValue_u32": 1, "CapsDescrption_utf": ""},
]
