"""
How many refusals of one source are told: whoever guesses passwords must not fill the logs, and so
push out of them what happened before.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from attrs import define

MOST = 60
"""Refusals of one source that are told in a period."""
PERIOD = 60.0
"""Seconds."""
SOURCES = 4096
"""Sources that are counted at a time; of more, the oldest are forgotten."""


def source_of(address: str) -> str:
    """Return what counts as one source: an IPv4 address, or the network of an IPv6 address."""
    try:
        found = ip_address(address.split("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        # The rest is its holder's choice.
        return found.packed[:8].hex()
    return str(getattr(found, "ipv4_mapped", None) or found)


@define
class _Count:
    since: float
    seen: int = 0


class Throttle:
    """Counts refusals by their source."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def untold(self, source: str, now: float) -> int | None:
        """
        Count a refusal; return how many before it were not told, or None: this one is not either.

        :param now: seconds.
        """
        count = self._counts.get(source)
        missed = 0
        if count is None or not 0 <= now - count.since < PERIOD:
            missed = 0 if count is None else max(0, count.seen - MOST)
            self._counts.pop(source, None)
            while len(self._counts) >= SOURCES:
                del self._counts[next(iter(self._counts))]
            count = self._counts[source] = _Count(now)
        count.seen += 1
        return missed if count.seen <= MOST else None
