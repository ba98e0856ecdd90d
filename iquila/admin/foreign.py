"""
Operations on protocols and services that iquila does not serve: other VPN protocols, dynamic
DNS, the cloud relay, licences.

Asking tells the truth (all is off, all lists are empty); switching something on is refused with
error 33. In a cluster the operations that a real server refuses there are refused here, too
(reference §7.8).
"""

from __future__ import annotations

from attrs import frozen

from iquila.admin.facts import Test
from iquila.admin.fields import data, flag, items, numbers, secret, text, u32
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Nothing, Table
from iquila.database.records import ServerMode
from iquila.errors import NotSupported

TABLE = Table()
STANDALONE_ONLY = {ServerMode.CONTROLLER: NotSupported, ServerMode.MEMBER: NotSupported}

_OTHER_PROTOCOLS = (
    "iquila serves its own protocol and SoftEther's over TLS only: connect with one of their "
    "clients."
)


# -- IPsec, L2TP, EtherIP


@frozen
class IPsecServices:
    """L2TP, L2TP over IPsec and EtherIP."""

    raw_l2tp: bool = flag("L2TP_Raw")
    l2tp_over_ipsec: bool = flag("L2TP_IPsec")
    etherip_over_ipsec: bool = flag("EtherIP_IPsec")
    secret: str = secret("IPsec_Secret")
    default_hub: str = text("L2TP_DefaultHub")


@TABLE.operation("GetIPsecServices", Nothing, IPsecServices, refused=STANDALONE_ONLY)
async def get_ipsec_services(
    server: ManagedServer, caller: Caller, request: Nothing
) -> IPsecServices:
    """Tell that IPsec, L2TP and EtherIP are off."""
    return IPsecServices()


@TABLE.operation("SetIPsecServices", IPsecServices, IPsecServices, refused=STANDALONE_ONLY)
async def set_ipsec_services(
    server: ManagedServer, caller: Caller, request: IPsecServices
) -> IPsecServices:
    """Leave IPsec, L2TP and EtherIP off; they cannot be switched on."""
    if request.raw_l2tp or request.l2tp_over_ipsec or request.etherip_over_ipsec:
        raise NotSupported(_OTHER_PROTOCOLS)
    return IPsecServices()


@frozen
class EtherIPDevice:
    """A device that speaks EtherIP."""

    id: str = text("Id")
    hub_name: str = text("HubName")
    user: str = text("UserName")
    password: str = secret("Password")


@frozen
class EtherIPDevices:
    """Those devices."""

    devices: tuple[EtherIPDevice, ...] = items("Settings", EtherIPDevice)


@TABLE.operation("EnumEtherIpId", Nothing, EtherIPDevices, refused=STANDALONE_ONLY)
async def enum_etherip_id(
    server: ManagedServer, caller: Caller, request: Nothing
) -> EtherIPDevices:
    """List no device: EtherIP is not served."""
    return EtherIPDevices()


for _name, _purpose in (
    ("AddEtherIpId", "Let a device in that speaks EtherIP."),
    ("GetEtherIpId", "Tell the settings of a device that speaks EtherIP."),
    ("DeleteEtherIpId", "Let a device that speaks EtherIP in no more."),
):
    TABLE.unserved(
        _name, _purpose, _OTHER_PROTOCOLS, request=EtherIPDevice, refused=STANDALONE_ONLY
    )


# -- OpenVPN, SSTP, VPN over ICMP and DNS, UDP


@frozen
class OpenVPNAndSSTP:
    """OpenVPN and SSTP."""

    openvpn: bool = flag("EnableOpenVPN")
    openvpn_ports: str = text("OpenVPNPortList")
    sstp: bool = flag("EnableSSTP")


@TABLE.operation("GetOpenVpnSstpConfig", Nothing, OpenVPNAndSSTP)
async def get_openvpn_sstp_config(
    server: ManagedServer, caller: Caller, request: Nothing
) -> OpenVPNAndSSTP:
    """Tell that OpenVPN and SSTP are off."""
    return OpenVPNAndSSTP()


@TABLE.operation("SetOpenVpnSstpConfig", OpenVPNAndSSTP, OpenVPNAndSSTP)
async def set_openvpn_sstp_config(
    server: ManagedServer, caller: Caller, request: OpenVPNAndSSTP
) -> OpenVPNAndSSTP:
    """Leave OpenVPN and SSTP off; they cannot be switched on."""
    if request.openvpn or request.sstp:
        raise NotSupported(_OTHER_PROTOCOLS)
    return OpenVPNAndSSTP()


TABLE.unserved(
    "MakeOpenVpnConfigFile",
    "Make a sample of a configuration for OpenVPN's clients.",
    _OTHER_PROTOCOLS,
)


@frozen
class SpecialListeners:
    """VPN over ICMP and over DNS."""

    icmp: bool = flag("VpnOverIcmpListener")
    dns: bool = flag("VpnOverDnsListener")


@TABLE.operation("GetSpecialListener", Nothing, SpecialListeners)
async def get_special_listener(
    server: ManagedServer, caller: Caller, request: Nothing
) -> SpecialListeners:
    """Tell that VPN over ICMP and over DNS are off."""
    return SpecialListeners()


@TABLE.operation("SetSpecialListener", SpecialListeners, SpecialListeners)
async def set_special_listener(
    server: ManagedServer, caller: Caller, request: SpecialListeners
) -> SpecialListeners:
    """Leave VPN over ICMP and over DNS off; they cannot be switched on."""
    if request.icmp or request.dns:
        raise NotSupported(
            "VPN over ICMP and over DNS are not supported: let clients connect to a TCP port."
        )
    return SpecialListeners()


@frozen
class UDPPorts:
    """UDP ports to listen on."""

    ports: tuple[int, ...] = numbers("Ports")


@TABLE.operation("GetPortsUDP", Nothing, UDPPorts)
async def get_ports_udp(server: ManagedServer, caller: Caller, request: Nothing) -> UDPPorts:
    """List no port: nothing here listens for UDP."""
    return UDPPorts()


@TABLE.operation("SetPortsUDP", UDPPorts, UDPPorts)
async def set_ports_udp(server: ManagedServer, caller: Caller, request: UDPPorts) -> UDPPorts:
    """Leave UDP alone; no port can be opened."""
    if request.ports:
        raise NotSupported("UDP is not supported: open TCP ports (CreateListener).")
    return UDPPorts()


@frozen
class ProtocolOption:
    """One option of a protocol."""

    name: str = text("Name")
    type: int = u32("Type")
    value: bytes = data("Value")


@frozen
class ProtocolOptions:
    """The options of a protocol of others."""

    protocol: str = text("Protocol")
    options: tuple[ProtocolOption, ...] = items("Options", ProtocolOption)


for _name, _purpose in (
    ("GetProtoOptions", "Tell the options of a protocol of others."),
    ("SetProtoOptions", "Set options of a protocol of others."),
):
    TABLE.unserved(_name, _purpose, _OTHER_PROTOCOLS, request=ProtocolOptions)


# -- services on the Internet

_NO_DDNS = "Dynamic DNS is not supported: enter the server's address in a DNS zone of yours."


@frozen
class NewHostName:
    """A host name."""

    name: str = text("StrValue")


@frozen
class InternetProxy:
    """A proxy on the way to the Internet."""

    kind: int = u32("ProxyType")
    host: str = text("ProxyHostName")
    port: int = u32("ProxyPort")
    user: str = text("ProxyUsername")
    password: str = secret("ProxyPassword")


TABLE.unserved("GetDDnsClientStatus", "Tell the name that dynamic DNS has.", _NO_DDNS)
TABLE.unserved(
    "ChangeDDnsClientHostname", "Change the name in dynamic DNS.", _NO_DDNS, request=NewHostName
)
TABLE.unserved("GetDDnsInternetSettng", "Tell the proxy on the way to dynamic DNS.", _NO_DDNS)
TABLE.unserved(
    "SetDDnsInternetSettng",
    "Set the proxy on the way to dynamic DNS.",
    _NO_DDNS,
    request=InternetProxy,
)


@frozen
class Azure:
    """The cloud relay."""

    enabled: bool = flag("IsEnabled")
    connected: bool = flag("IsConnected")


@TABLE.operation("GetAzureStatus", Nothing, Azure, refused=STANDALONE_ONLY)
async def get_azure_status(server: ManagedServer, caller: Caller, request: Nothing) -> Azure:
    """Tell that the cloud relay is off."""
    return Azure()


@TABLE.operation("SetAzureStatus", Azure, Azure, refused=STANDALONE_ONLY)
async def set_azure_status(server: ManagedServer, caller: Caller, request: Azure) -> Azure:
    """Leave the cloud relay off; it cannot be switched on."""
    if request.enabled:
        raise NotSupported(
            "The cloud relay is not supported: let clients reach one of the server's TCP ports."
        )
    return Azure()


# -- licences

_FREE = "iquila has no licence keys: nothing is limited by one."


TABLE.unserved("EnumLicenseKey", "List the licence keys.", _FREE)
TABLE.unserved("GetLicenseStatus", "Tell what the licence keys allow.", _FREE)
TABLE.unserved("AddLicenseKey", "Enter a licence key.", _FREE, request=Test)
TABLE.unserved("DelLicenseKey", "Remove a licence key.", _FREE, request=Test)


# -- the machine

TABLE.unserved(
    "EnumEthVLan",
    "List the network adapters and whether they pass tagged frames.",
    "This is for drivers of Windows: Linux passes tagged frames as they are.",
)
TABLE.unserved(
    "SetEnableEthVLan",
    "Have a network adapter pass tagged frames.",
    "This is for drivers of Windows: Linux passes tagged frames as they are.",
    request=Test,
)
TABLE.unserved(
    "Crash",
    "End the server at once.",
    "The server is ended by its service manager, or by a signal to its process.",
)
TABLE.unserved(
    "Debug",
    "Run a function for the makers of the program.",
    "There are no such functions: look at the log.",
    request=Test,
)
