"""Cases of commands on SecureNAT, cascades, bridges, routers and other protocols."""

from __future__ import annotations

from typing import Any

from .case import Case, case, record
from .records import CERTIFICATE, KEY, MAC

NAT = (
    case("SecureNatEnable", ("EnableSecureNAT", {"HubName_str": "lab"})),
    case("SecureNatDisable", ("DisableSecureNAT", {"HubName_str": "lab"})),
    case(
        "SecureNatStatusGet",
        "GetSecureNATStatus",
        shows="NAT TCP/IP Sessions|2 Sessions;;Allocated DHCP Clients|1 Client",
    ),
    case(
        "SecureNatHostGet",
        ("GetSecureNATOption", {"RpcHubName_str": "lab"}),
        shows="MAC Address|5E-7F-D5-52-83-F6;;Subnet Mask|255.255.255.0",
    ),
    record(
        "SecureNatHostSet /IP:10.0.0.1",
        "SecureNATOption",
        Ip_ip="10.0.0.1",
        MacAddress_bin=MAC,
        RpcHubName_str="lab",
    ),
    case("NatGet", "GetSecureNATOption", shows="MTU Value|1500"),
    record("NatEnable", "SecureNATOption", UseNat_bool=True, Mtu_u32=1500),
    record("NatDisable", "SecureNATOption", UseNat_bool=False),
    record(
        "NatSet /MTU:1400 /LOG:no",
        "SecureNATOption",
        Mtu_u32=1400,
        SaveLog_bool=False,
        NatTcpTimeout_u32=1800,
    ),
    case("NatTable", "EnumNAT", shows="Source Host|pc;;TCP Session Status|Connection Established"),
    case("DhcpGet", "GetSecureNATOption", shows="DNS Server Address 2|None"),
    record("DhcpEnable", "SecureNATOption", UseDhcp_bool=True),
    record("DhcpDisable", "SecureNATOption", UseDhcp_bool=False),
    record(
        "DhcpSet /GW:none /PUSHROUTE:10.0.0.0/255.0.0.0/192.168.30.1",
        "SecureNATOption",
        DhcpGatewayAddress_ip="0.0.0.0",
        DhcpExpireTimeSpan_u32=7200,
        DhcpPushRoutes_str="10.0.0.0/255.0.0.0/192.168.30.1",
        ApplyDhcpPushRoutes_bool=True,
    ),
    case("DhcpTable", "EnumDHCP", shows="Allocated IP|192.168.30.10;;Host Name of Client|pc"),
)


def _link(line: str, **changes: Any) -> Case:
    name = {"HubName_Ex_str": "lab", "AccountName_utf": "branch"}
    return case(line, ("GetLink", name), ("SetLink", {**name, **changes}))


_CASCADE = {"HubName_str": "lab", "AccountName_utf": "branch"}
CASCADES = (
    case(
        "CascadeList",
        "EnumLink",
        shows="Status|Online (Established);;Status|Offline (Stopped);;Virtual Hub|office",
    ),
    case(
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
    case(
        "CascadeGet branch",
        "GetLink",
        shows="Proxy Server Type|Connection via HTTP Proxy;;"
        "Authentication Type|Client Certificate Authentication;;"
        'Client Certificate for Authentication Use|CN=ca.example, SERIAL="A0B";;'
        "DHCPForce|Enforce DHCP Allocated IP Addresses (IPv4)|No",
    ),
    case("CascadeDelete branch", ("DeleteLink", _CASCADE)),
    case(
        "CascadeRename branch /NEW:b",
        ("RenameLink", {"OldAccountName_utf": "branch", "NewAccountName_utf": "b"}),
    ),
    case("CascadeOnline branch", ("SetLinkOnline", _CASCADE)),
    case("CascadeOffline branch", ("SetLinkOffline", _CASCADE)),
    case(
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
    case("CascadeCertGet branch /SAVECERT:{out}", "GetLink", writes=b"-----BEGIN CERTIFICATE"),
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
    case("CascadeHttpHeaderGet branch", "GetLink", shows="X-Old: 1"),
    _link(
        "CascadeHttpHeaderAdd branch /NAME:X-A /DATA:b",
        CustomHttpHeader_str="X-Old: 1\r\nX-A: b\r\n",
    ),
    _link("CascadeHttpHeaderDelete branch /NAME:x-old", CustomHttpHeader_str=""),
    _link("CascadeServerCertEnable branch", CheckServerCert_bool=True),
    _link("CascadeServerCertDisable branch", CheckServerCert_bool=False),
    _link("CascadeServerCertSet branch /LOADCERT:{cert}", ServerCert_bin=CERTIFICATE),
    _link("CascadeServerCertDelete branch", ServerCert_bin=""),
    case("CascadeServerCertGet branch /SAVECERT:{out}", "GetLink", writes=b"-----BEGIN CERT"),
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
    case("BridgeDeviceList", "EnumEthernet", shows="eth1"),
    case("BridgeList", "EnumLocalBridge", shows="1|lab|eth1|Error"),
    case(
        "BridgeCreate lab /DEVICE:eth1",
        (
            "AddLocalBridge",
            {"HubNameLB_str": "lab", "DeviceName_str": "eth1", "TapMode_bool": False},
        ),
    ),
    case("BridgeDelete lab /DEVICE:eth1", ("DeleteLocalBridge", {"DeviceName_str": "eth1"})),
    case("RouterList", "EnumL3Switch", shows="core|Start (Error)|2|1"),
    case("RouterAdd core", ("AddL3Switch", {"Name_str": "core"})),
    case("RouterDelete core", ("DelL3Switch", {"Name_str": "core"})),
    case("RouterStart core", ("StartL3Switch", {"Name_str": "core"})),
    case("RouterStop core", ("StopL3Switch", {"Name_str": "core"})),
    case("RouterIfList core", "EnumL3If", shows="10.1.0.1|255.255.0.0|lab"),
    case(
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
    case("RouterIfDel core /HUB:lab", ("DelL3If", {"HubName_str": "lab"})),
    case("RouterTableList core", "EnumL3Table", shows="10.2.0.0|255.255.0.0|10.1.0.2|5"),
    case(f"RouterTableAdd {_ROUTE_LINE}", ("AddL3Table", _ROUTE)),
    case(f"RouterTableDel {_ROUTE_LINE}", ("DelL3Table", _ROUTE)),
    case("IPsecGet", "GetIPsecServices", shows="L2TP over IPsec Server Function Enabled|Yes"),
    case(_IPSEC, ("SetIPsecServices", {"L2TP_IPsec_bool": True, "IPsec_Secret_str": "vpn"})),
    case("EtherIpClientList", "EnumEtherIpId", shows="router7|lab|branch"),
    case(_CLIENT, ("AddEtherIpId", {"Id_str": "r7", "UserName_str": "u", "Password_str": "pw"})),
    case("EtherIpClientDelete r7", ("DeleteEtherIpId", {"Id_str": "r7"})),
    case("OpenVpnMakeConfig {out}", "MakeOpenVpnConfigFile", writes=b"PK"),
    case("DynamicDnsGetStatus", "GetDDnsClientStatus", shows="Global IPv6 Address|no way"),
    case("DynamicDnsSetHostname o7", ("ChangeDDnsClientHostname", {"StrValue_str": "o7"})),
    case("VpnAzureGetStatus", "GetAzureStatus", shows="VPN Azure Function is Enabled|Yes"),
    case("VpnAzureSetEnable no", ("SetAzureStatus", {"IsEnabled_bool": False})),
)
