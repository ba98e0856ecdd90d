"""
What the packet log says of a frame: its kind and its headers (reference §10.2, LogPacketSaveType).

Reads what is there and believes nothing: a frame that is cut off is told as far as it goes.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from iquila.wire.names import format_mac

ENOUGH = 256
"""Bytes of a frame that its headers are read from."""
EXTENSIONS = 8
"""IPv6 extension headers that are followed."""
_VLAN, _IPV4, _IPV6, _ARP = 0x8100, 0x0800, 0x86DD, 0x0806
_TCP, _UDP, _ICMP, _ICMPV6 = 6, 17, 1, 58
_HOP, _ROUTING, _FRAGMENT, _OPTIONS = 0, 43, 44, 60
_FLAGS = (("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32))
_CONNECTION = 1 | 2 | 4
_DHCP = {67, 68, 546, 547}
_u16 = struct.Struct(">H").unpack_from
_ports = struct.Struct(">HH").unpack_from


class Kind(IntEnum):
    """The kinds of packets, as they are numbered in a switch's settings."""

    TCP_CONNECTION = 0
    TCP_DATA = 1
    DHCP = 2
    UDP = 3
    ICMP = 4
    IP = 5
    ARP = 6
    ETHERNET = 7


NAMES = ("tcpconn", "tcpdata", "dhcp", "udp", "icmp", "ip", "arp", "ether")


def describe(frame: bytes) -> tuple[Kind, dict[str, Any]]:
    """Return what a frame is, and the fields of its headers."""
    fields: dict[str, Any] = {
        "source_mac": format_mac(frame[6:12]),
        "destination_mac": format_mac(frame[:6]),
    }
    try:
        (protocol,) = _u16(frame, 12)
        at = 14
        if protocol == _VLAN:
            (tag,) = _u16(frame, 14)
            fields["vlan"] = tag & 0xFFF
            (protocol,) = _u16(frame, 16)
            at = 18
        return _network(frame, protocol, at, fields), fields
    except struct.error:
        return Kind.ETHERNET, fields


def _network(frame: bytes, protocol: int, at: int, fields: dict[str, Any]) -> Kind:
    if protocol == _ARP:
        return _arp(frame, at, fields)
    if protocol == _IPV4 and len(frame) >= at + 20:
        return _ipv4(frame, at, fields)
    if protocol == _IPV6 and len(frame) >= at + 40:
        return _ipv6(frame, at, fields)
    fields["protocol"] = f"0x{protocol:04x}"
    return Kind.ETHERNET


def _arp(frame: bytes, at: int, fields: dict[str, Any]) -> Kind:
    if len(frame) >= at + 28:
        (fields["operation"],) = _u16(frame, at + 6)
        fields["sender"] = str(IPv4Address(frame[at + 14 : at + 18]))
        fields["target"] = str(IPv4Address(frame[at + 24 : at + 28]))
    return Kind.ARP


def _ipv4(frame: bytes, at: int, fields: dict[str, Any]) -> Kind:
    fields["source"] = str(IPv4Address(frame[at + 12 : at + 16]))
    fields["destination"] = str(IPv4Address(frame[at + 16 : at + 20]))
    (fragment,) = _u16(frame, at + 6)
    return _transport(frame, frame[at + 9], at + 4 * (frame[at] & 15), fragment & 0x1FFF, fields)


def _ipv6(frame: bytes, at: int, fields: dict[str, Any]) -> Kind:
    fields["source"] = str(IPv6Address(frame[at + 8 : at + 24]))
    fields["destination"] = str(IPv6Address(frame[at + 24 : at + 40]))
    protocol, at, fragment = frame[at + 6], at + 40, 0
    for _ in range(EXTENSIONS):
        if protocol not in (_HOP, _ROUTING, _FRAGMENT, _OPTIONS) or len(frame) < at + 8:
            break
        size = 8
        if protocol == _FRAGMENT:
            fragment = _u16(frame, at + 2)[0] >> 3
        else:
            size = 8 * (frame[at + 1] + 1)
        protocol, at = frame[at], at + size
    return _transport(frame, protocol, at, fragment, fields)


def _transport(frame: bytes, protocol: int, at: int, fragment: int, fields: dict[str, Any]) -> Kind:
    fields["protocol"] = protocol
    if fragment or len(frame) < at + 8:
        # The header of its transport is in another packet.
        return Kind.IP
    if protocol == _TCP and len(frame) >= at + 14:
        fields["source_port"], fields["destination_port"] = _ports(frame, at)
        flags = frame[at + 13]
        fields["flags"] = [name for name, bit in _FLAGS if flags & bit]
        return Kind.TCP_CONNECTION if flags & _CONNECTION else Kind.TCP_DATA
    if protocol == _UDP:
        ports = _ports(frame, at)
        fields["source_port"], fields["destination_port"] = ports
        return Kind.DHCP if _DHCP.issuperset(ports) else Kind.UDP
    if protocol in (_ICMP, _ICMPV6):
        fields["type"], fields["code"] = frame[at], frame[at + 1]
        return Kind.ICMP
    return Kind.IP
