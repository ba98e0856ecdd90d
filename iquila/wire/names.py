"""Names and MAC addresses as people write them."""

from __future__ import annotations

import re

MAX_NAME = 255
_SAFE = re.compile(r"[A-Za-z0-9 ._@\-]+\Z")


def valid_switch_name(name: str) -> bool:
    """Return whether a Virtual Switch may have this name (reference §9.5)."""
    return _valid(name) and not name.startswith(".") and not name.endswith(".")


def valid_user_name(name: str) -> bool:
    """Return whether a user may have this name; ``administrator`` is taken."""
    return _valid(name) and name.lower() != "administrator"


def _valid(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME and name == name.strip() and bool(_SAFE.match(name))


def format_mac(mac: bytes) -> str:
    """Return 6 bytes as ``00-AE-01-02-03-04``."""
    return "-".join(f"{byte:02X}" for byte in mac)


def parse_mac(text: str) -> bytes:
    """
    Return the 6 bytes of a MAC address written with ``-``, ``:`` or nothing between.

    :raises ValueError: it is not a MAC address.
    """
    digits = re.sub(r"[-:.]", "", text.strip())
    if not re.fullmatch(r"[0-9A-Fa-f]{12}", digits):
        raise ValueError(f"'{text}' is not a MAC address: write it as 00-AE-01-02-03-04")
    return bytes.fromhex(digits)
