"""Commands on a Virtual Switch's virtual host: its NAT and its DHCP server (reference §9.7)."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any

from iquila.command.calls import ON_SWITCH, Changes, change, from_arguments, operation, setting
from iquila.command.definition import (
    Argument,
    Command,
    Items,
    Run,
    Shown,
    about,
    number,
    yes,
)
from iquila.command.output import moment, thousands
from iquila.command.values import address, mac
from iquila.wire.names import format_mac

_HUB = {"RpcHubName_str": "switch"}
_PROTOCOLS = ("TCP/IP", "UDP/IP", "DNS", "ICMP")
_TCP_STATES = ("Connecting", "Send RST", "Connected", "Connection Established", "Closing")


def _yes(value: bool) -> str:
    return "Yes" if value else "No"


def _none(text: str) -> str:
    return "None" if text in ("", "0.0.0.0") else text


def _status(a: dict[str, Any]) -> Shown:
    rows = [("Virtual Hub Name", a["HubName_str"])]
    for label, name in (("TCP/IP", "Tcp"), ("UDP/IP", "Udp"), ("ICMP", "Icmp"), ("DNS", "Dns")):
        rows.append((f"NAT {label} Sessions", _count(a[f"Num{name}Sessions_u32"], "Session")))
    rows += [
        ("Allocated DHCP Clients", _count(a["NumDhcpClients_u32"], "Client")),
        ("Kernel-mode NAT is Active", _yes(a["IsKernelMode_bool"])),
        ("Raw IP mode NAT is Active", _yes(a["IsRawIpMode_bool"])),
    ]
    return Items((tuple(rows),))


def _count(value: int, unit: str) -> str:
    return f"{value} {unit}{'s' if value > 1 else ''}"


def _host(a: dict[str, Any]) -> Shown:
    rows = (
        ("MAC Address", format_mac(base64.b64decode(a["MacAddress_bin"]))),
        ("IP Address", a["Ip_ip"]),
        ("Subnet Mask", a["Mask_ip"]),
    )
    return Items((rows,))


def _nat(a: dict[str, Any]) -> Shown:
    rows = (
        ("Use Virtual NAT Function", _yes(a["UseNat_bool"])),
        ("MTU Value", str(a["Mtu_u32"])),
        ("TCP Session Timeout (Seconds)", str(a["NatTcpTimeout_u32"])),
        ("UDP Session Timeout (Seconds)", str(a["NatUdpTimeout_u32"])),
        ("Save NAT and DHCP Operation Log", _yes(a["SaveLog_bool"])),
    )
    return Items((rows,))


def _dhcp(a: dict[str, Any]) -> Shown:
    rows = (
        ("Use Virtual DHCP Function", _yes(a["UseDhcp_bool"])),
        ("Start Distribution Address Band", a["DhcpLeaseIPStart_ip"]),
        ("End Distribution Address Band", a["DhcpLeaseIPEnd_ip"]),
        ("Subnet Mask", a["DhcpSubnetMask_ip"]),
        ("Lease Limit (Seconds)", str(a["DhcpExpireTimeSpan_u32"])),
        ("Default Gateway Address", _none(a["DhcpGatewayAddress_ip"])),
        ("DNS Server Address 1", _none(a["DhcpDnsServerAddress_ip"])),
        ("DNS Server Address 2", _none(a["DhcpDnsServerAddress2_ip"])),
        ("Domain Name", a["DhcpDomainName_str"]),
        ("Save NAT and DHCP Operation Log", _yes(a["SaveLog_bool"])),
        ("Static Routing Table to Push", a.get("DhcpPushRoutes_str", "")),
    )
    return Items((rows,))


def _nat_table(answer: dict[str, Any]) -> Shown:
    return Items(tuple(_nat_entry(e) for e in answer["NatTable"]), many=True)


def _nat_entry(e: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    kind, state = e["Protocol_u32"], e["TcpStatus_u32"]
    tcp = (("TCP Session Status", _word(_TCP_STATES, state)),) if kind == 0 else ()
    return (
        ("ID", str(e["Id_u32"])),
        ("Protocol", _word(_PROTOCOLS, kind)),
        ("Source Host", e["SrcHost_str"] or e["SrcIp_ip"]),
        ("Source Port", str(e["SrcPort_u32"])),
        ("Destination Host", e["DestHost_str"] or e["DestIp_ip"]),
        ("Destination Port", str(e["DestPort_u32"])),
        ("Session Established at", moment(e["CreatedTime_dt"])),
        ("Last Communication", moment(e["LastCommTime_dt"])),
        ("Send/Recv Size", f"{thousands(e['RecvSize_u64'])} / {thousands(e['SendSize_u64'])}"),
        *tcp,
    )


def _word(words: tuple[str, ...], index: int) -> str:
    return words[index] if index < len(words) else str(index)


def _leases(answer: dict[str, Any]) -> Shown:
    blocks = tuple(
        (
            ("ID", str(e["Id_u32"])),
            ("Leased at", moment(e["LeasedTime_dt"])),
            ("Expires at", moment(e["ExpireTime_dt"])),
            ("MAC Address", format_mac(base64.b64decode(e["MacAddress_bin"]))),
            ("Allocated IP", e["IpAddress_ip"]),
            ("Host Name of Client", e["Hostname_str"]),
        )
        for e in answer["DhcpTable"]
    )
    return Items(blocks, many=True)


def _routes(text: str) -> str:
    """Check a table ``NETWORK/MASK/GATEWAY, ...``."""
    for part in text.split(","):
        pieces = part.strip().split("/")
        if not part.strip():
            continue
        try:
            if len(pieces) != 3:
                raise ValueError
            for piece in pieces:
                ipaddress.IPv4Address(piece)
        except ValueError as error:
            raise ValueError(f"'{part.strip()}' is not NETWORK/MASK/GATEWAY") from error
    return text


def _set_dhcp(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    changes = from_arguments(_DHCP_FIELDS)(given, record)
    if given["pushroute"] is not None:
        changes["ApplyDhcpPushRoutes_bool"] = True
    return changes


_DHCP_FIELDS = {
    "DhcpLeaseIPStart_ip": "start",
    "DhcpLeaseIPEnd_ip": "end",
    "DhcpSubnetMask_ip": "mask",
    "DhcpExpireTimeSpan_u32": "expire",
    "DhcpGatewayAddress_ip": "gw",
    "DhcpDnsServerAddress_ip": "dns",
    "DhcpDnsServerAddress2_ip": "dns2",
    "DhcpDomainName_str": "domain",
    "SaveLog_bool": "log",
    "DhcpPushRoutes_str": "pushroute",
}
_NAT_FIELDS = {
    "Mtu_u32": "mtu",
    "NatTcpTimeout_u32": "tcptimeout",
    "NatUdpTimeout_u32": "udptimeout",
    "SaveLog_bool": "log",
}
_HOST_FIELDS = {"MacAddress_bin": "mac", "Ip_ip": "ip", "Mask_ip": "mask"}


def _option(key: str, help: str, convert: Any = str) -> Argument:
    return Argument(
        key, f"{help}; as it is if not given", required=False, default=None, convert=convert
    )


def _command(name: str, help: str, run: Run, *arguments: Argument, example: str = "") -> Command:
    return Command(name, help, run, arguments, on_switch=True, examples=(example,))


def _set(changes: Changes) -> Run:
    return change("GetSecureNATOption", "SetSecureNATOption", _HUB, changes)


def _show(show: Any) -> Run:
    return operation("GetSecureNATOption", _HUB, show)


_LOG = _option("LOG", "Write down what it does, yes or no", yes)

COMMANDS = about(
    "SecureNAT: virtual NAT and DHCP",
    _command(
        "SecureNatEnable", "Let the virtual host run", operation("EnableSecureNAT", ON_SWITCH)
    ),
    _command("SecureNatDisable", "Stop the virtual host", operation("DisableSecureNAT", ON_SWITCH)),
    _command(
        "SecureNatStatusGet",
        "Show how the virtual host is",
        operation("GetSecureNATStatus", ON_SWITCH, _status),
    ),
    _command("SecureNatHostGet", "Show the addresses of the virtual host", _show(_host)),
    _command(
        "SecureNatHostSet",
        "Change the addresses of the virtual host",
        _set(from_arguments(_HOST_FIELDS)),
        _option("MAC", "MAC address", mac),
        _option("IP", "IP address", address),
        _option("MASK", "Subnet mask", address),
        example="/IP:192.168.30.1 /MASK:255.255.255.0",
    ),
    _command("NatGet", "Show the virtual NAT", _show(_nat)),
    _command("NatEnable", "Let the virtual NAT run", _set(setting(UseNat_bool=True))),
    _command("NatDisable", "Stop the virtual NAT", _set(setting(UseNat_bool=False))),
    _command(
        "NatSet",
        "Change the virtual NAT",
        _set(from_arguments(_NAT_FIELDS)),
        _option("MTU", "Bytes of a packet", number),
        _option("TCPTIMEOUT", "Seconds until an idle TCP session ends", number),
        _option("UDPTIMEOUT", "Seconds until an idle UDP session ends", number),
        _LOG,
        example="/MTU:1500 /TCPTIMEOUT:1800 /UDPTIMEOUT:60 /LOG:yes",
    ),
    _command(
        "NatTable",
        "List the sessions of the virtual NAT",
        operation("EnumNAT", ON_SWITCH, _nat_table),
    ),
    _command("DhcpGet", "Show the virtual DHCP server", _show(_dhcp)),
    _command("DhcpEnable", "Let the virtual DHCP server run", _set(setting(UseDhcp_bool=True))),
    _command("DhcpDisable", "Stop the virtual DHCP server", _set(setting(UseDhcp_bool=False))),
    _command(
        "DhcpSet",
        "Change the virtual DHCP server",
        _set(_set_dhcp),
        _option("START", "First address", address),
        _option("END", "Last address", address),
        _option("MASK", "Subnet mask", address),
        _option("EXPIRE", "Seconds of a lease", number),
        _option("GW", "Default gateway, or none", address),
        _option("DNS", "Name server, or none", address),
        _option("DNS2", "Second name server, or none", address),
        _option("DOMAIN", "Domain name"),
        _LOG,
        _option("PUSHROUTE", "Routes, NETWORK/MASK/GATEWAY, ...", _routes),
        example="/START:192.168.30.10 /END:192.168.30.200 "
        '/PUSHROUTE:"10.0.0.0/255.0.0.0/192.168.30.1"',
    ),
    _command(
        "DhcpTable",
        "List the leases of the virtual DHCP server",
        operation("EnumDHCP", ON_SWITCH, _leases),
    ),
)
