"""Readers of what is typed: addresses, ports, times, serial numbers. Each raises ValueError."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime

from iquila.command.arguments import UsageError, host_and_port
from iquila.wire.names import parse_mac

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")


def destination(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``."""
    return destination_or(5555)(text)


def destination_or(port: int) -> Callable[[str], tuple[str, int]]:
    """Return a reader of ``HOST[:PORT]`` with this port where there is none."""

    def read(text: str) -> tuple[str, int]:
        try:
            return host_and_port(text, port)
        except UsageError as error:
            raise ValueError(str(error).rstrip(".")) from error

    return read


def address(text: str) -> str:
    """Return an IPv4 address; ``none`` or nothing is 0.0.0.0."""
    if text.strip().lower() in ("", "none"):
        return "0.0.0.0"
    try:
        return str(ipaddress.IPv4Address(text.strip()))
    except ValueError as error:
        raise ValueError(f"'{text}' is not an IPv4 address") from error


def network(text: str, version: int) -> tuple[Address, Address]:
    """
    Return address and mask of ``ADDRESS/MASK``, ``ADDRESS/BITS`` or ``ADDRESS`` (one host).

    :param version: 4 or 6.
    """
    head, _, tail = text.strip().partition("/")
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    width = 32 if version == 4 else 128
    try:
        where = kind(head)
        if not tail:
            return where, _mask(width, width)
        if tail.isdecimal() and int(tail) <= width:
            return where, _mask(int(tail), width)
        return where, kind(tail)
    except ValueError as error:
        raise ValueError(f"'{text}' is not an IPv{version} ADDRESS/MASK or ADDRESS/BITS") from error


def _mask(bits: int, width: int) -> Address:
    number = ((1 << bits) - 1) << (width - bits)
    return ipaddress.IPv4Address(number) if width == 32 else ipaddress.IPv6Address(number)


def network4(text: str) -> tuple[str, str]:
    """Return IPv4 address and mask as texts; nothing is every address."""
    where, mask = network(text or "0.0.0.0/0", 4)
    return str(where), str(mask)


def network6(text: str) -> tuple[str, str]:
    """Return IPv6 address and mask as base64 of 16 bytes each; nothing is every address."""
    where, mask = network(text or "::/0", 6)
    return base64.b64encode(where.packed).decode(), base64.b64encode(mask.packed).decode()


def mask_bits(mask: Address) -> str:
    """Return a mask as its number of bits, or as it is where its bits are not in a row."""
    width = 32 if mask.version == 4 else 128
    bits = int(mask).bit_count()
    return str(bits) if mask == _mask(bits, width) else str(mask)


def show_network(where: Address, mask: Address) -> str:
    """Return ``ADDRESS/BITS``."""
    return f"{where}/{mask_bits(mask)}"


def mac(text: str) -> str:
    """Return a MAC address as base64 of its 6 bytes."""
    return base64.b64encode(parse_mac(text)).decode()


def mac_and_mask(text: str) -> tuple[str, str] | None:
    """Return MAC address and mask as base64; None for nothing."""
    if not text.strip():
        return None
    head, _, tail = text.partition("/")
    return mac(head), mac(tail or "FF-FF-FF-FF-FF-FF")


def ports(text: str) -> tuple[int, int]:
    """Return the first and last port of ``START-END`` or ``PORT``; (0, 0) for nothing."""
    if not text.strip():
        return 0, 0
    first, _, last = text.partition("-")
    try:
        start, end = int(first), int(last or first)
    except ValueError as error:
        raise ValueError(f"'{text}' is neither PORT nor START-END") from error
    if not 0 < start <= end <= 65535:
        raise ValueError(f"'{text}' is not a range of ports (1 to 65535)")
    return start, end


def port_list(text: str) -> list[int]:
    """Return the ports of ``P,P...``."""
    return [ports(part)[0] for part in text.split(",") if part.strip()]


def expiry(text: str) -> str:
    """
    Return a local time as RFC 3339 in UTC; empty for ``none``.

    Taken are ``YYYY/MM/DD hh:mm:ss``, with ``-`` for ``/``, and without seconds or the time.
    """
    if text.strip().lower() in ("none", ""):
        return ""
    plain = text.strip().strip('"').replace("/", "-").replace("T", " ")
    for form in TIMES:
        try:
            when = datetime.strptime(plain, form).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
        return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    raise ValueError(f"'{text}' is not a time: write it as 2030/12/31 23:59:59, or none")


def hexadecimal(text: str) -> str:
    """Return bytes that are written in hexadecimal (spaces, ``:`` and ``-`` allowed), as base64."""
    digits = "".join(c for c in text if c not in " :-")
    try:
        return base64.b64encode(bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))).decode()
    except ValueError as error:
        raise ValueError(f"'{text}' is not a hexadecimal number") from error


def show_bytes(encoded: str) -> str:
    """Return bytes (base64) as ``0A 0B``."""
    return base64.b64decode(encoded).hex(" ").upper()
