"""
May a client log in from where it comes? The source address list of a Virtual Switch.

Reference §3.6 (rule 1) and §9.4: by priority, the first line that matches decides; where none
does, the client may come.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from iquila.database.belongings import AddressRule

ALL_ONES = {4: 2**32 - 1, 6: 2**128 - 1}


def address_allowed(rules: Iterable[AddressRule], address: IPv4Address | IPv6Address) -> bool:
    """
    Return whether a client may log in from an address.

    :param rules: in the order in which they are looked at.
    """
    number = int(address)
    for rule in rules:
        version, wanted, mask = _compiled(rule.address, rule.mask)
        if version == address.version and number & mask == wanted:
            return not rule.deny
    return True


@lru_cache(maxsize=16_384)
def _compiled(address: str, mask: str) -> tuple[int, int, int]:
    """Return version, masked address, and mask of a line. Masks are compared bit by bit."""
    parsed = ip_address(address)
    bits = int(ip_address(mask)) if mask else ALL_ONES[parsed.version]
    return parsed.version, int(parsed) & bits, bits
