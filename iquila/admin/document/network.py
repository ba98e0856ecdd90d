"""The forms of addresses, ports and MAC addresses: two values of a record in one text."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from attrs import frozen

from iquila.admin import rules
from iquila.wire.names import format_mac, parse_mac

_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?\Z", re.ASCII)
FULL_MAC = b"\xff" * 6
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> Address:
    if "%" in text:
        raise ValueError(text)
    return ipaddress.ip_address(text)


def split_network(text: str) -> tuple[Address, Address]:
    """
    Return address and mask of ``ADDRESS``, ``ADDRESS/BITS`` or ``ADDRESS/MASK``.

    :raises ValueError: it is neither.
    """
    first, slash, second = text.partition("/")
    address = _address(first)
    bits: int = address.max_prefixlen
    if not slash:
        number = bits
    elif second.isascii() and second.isdecimal():
        number = int(second)
        if number > bits:
            raise ValueError(text)
    else:
        mask = _address(second)
        if mask.version != address.version:
            raise ValueError(text)
        return address, mask
    ones = ((1 << number) - 1) << (bits - number)
    return address, type(address)(ones)


def join_network(address: Address, mask: Address) -> str:
    """Return address and mask as text, with the number of bits where the mask has one."""
    bits, ones = address.max_prefixlen, int(mask).bit_count()
    if int(mask) != ((1 << ones) - 1) << (bits - ones):
        return f"{address}/{mask}"
    return str(address) if ones == bits else f"{address}/{ones}"


@frozen
class Network:
    """An address and its mask; both all zero stand for any and are left out."""

    def read(self, value: Any) -> tuple[str, str]:
        """Return address and mask as text."""
        try:
            if not isinstance(value, str):
                raise ValueError
            address, mask = split_network(value)
        except ValueError:
            raise ValueError(
                "is an address or a network, as 10.1.0.0/16 or 2001:db8::/32, in quotes"
            ) from None
        return str(address), str(mask)

    def write(self, value: tuple[str, str]) -> str | None:
        """Return both as one text."""
        address, mask = ipaddress.ip_address(value[0]), ipaddress.ip_address(value[1])
        return join_network(address, mask) if int(address) or int(mask) else None


@frozen
class Source:
    """An address and its mask, or one address without."""

    def read(self, value: Any) -> tuple[str, str]:
        """Return address and mask; the mask is empty for one address."""
        address, mask = Network().read(value)
        return (address, mask) if "/" in value else (rules.single_address(address), "")

    def write(self, value: tuple[str, str]) -> str:
        """Return both as one text."""
        if not value[1]:
            return value[0]
        address, mask = ipaddress.ip_address(value[0]), ipaddress.ip_address(value[1])
        text = join_network(address, mask)
        return text if "/" in text else f"{text}/{address.max_prefixlen}"


@frozen
class Ports:
    """The first and the last of some ports; 0 and 0 stand for any and are left out."""

    def read(self, value: Any) -> tuple[int, int]:
        """Return both ports."""
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        match = _PORTS.match(text) if isinstance(text, str) else None
        first = int(match[1]) if match else 1
        last = int(match[2] or match[1]) if match else 0
        if not 0 <= first <= last <= 65535:
            raise ValueError(
                'is a port or a range of ports from 0 to 65535, the smaller first, as "80" or '
                '"1024-2048"'
            )
        return first, last

    def write(self, value: tuple[int, int]) -> str | None:
        """Return both as one text."""
        first, last = value
        if not first and not last:
            return None
        return str(first) if first == last else f"{first}-{last}"


@frozen
class MAC:
    """A MAC address and its mask; both are empty where nothing is looked at."""

    def read(self, value: Any) -> tuple[bytes, bytes]:
        """Return address and mask."""
        try:
            if not isinstance(value, str):
                raise ValueError
            address, slash, mask = value.partition("/")
            return parse_mac(address), parse_mac(mask) if slash else FULL_MAC
        except ValueError:
            raise ValueError(
                "is a MAC address, as 00-AE-01-02-03-04 or 00-AE-00-00-00-00/FF-FF-00-00-00-00"
            ) from None

    def write(self, value: tuple[bytes, bytes]) -> str | None:
        """Return both as one text."""
        address, mask = value
        if not address:
            return None
        return format_mac(address) + ("" if mask == FULL_MAC else f"/{format_mac(mask)}")
