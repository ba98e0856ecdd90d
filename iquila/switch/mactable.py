"""Which MAC address is on which port, learned and forgotten (reference §9.1 rule 3)."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define

from iquila.switch.port import Port

MAC_LIMIT = 65_536
AGEING = 600.0
"""Seconds without traffic after which an address is forgotten."""
COLLECT_INTERVAL = 1.0


@define(eq=False)
class MACEntry:
    """One learned address; times are monotonic seconds."""

    mac: bytes
    port: Port
    created: float
    updated: float


class MACTable:
    """
    A bounded table.

    Expired entries are as good as gone at once; they are collected once a second at most.
    """

    def __init__(self, limit: int = MAC_LIMIT, ageing: float = AGEING) -> None:
        self.limit = limit
        self.ageing = ageing
        self._entries: dict[bytes, MACEntry] = {}
        self._collected = float("-inf")

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[MACEntry]:
        return iter(self._entries.values())

    def get(self, mac: bytes, now: float) -> MACEntry | None:
        """Return the entry of an address, None where there is none or it has expired."""
        entry = self._entries.get(mac)
        if entry is not None and now - entry.updated >= self.ageing:
            self._forget(entry)
            return None
        return entry

    def full(self, now: float) -> bool:
        """Return whether there is no room, after collecting what has expired."""
        if len(self._entries) >= self.limit:
            self.collect(now)
        return len(self._entries) >= self.limit

    def add(self, mac: bytes, port: Port, now: float) -> None:
        """Learn an address that has no entry."""
        self._entries[mac] = MACEntry(mac, port, now, now)
        port.stations += 1

    def move(self, entry: MACEntry, port: Port, now: float) -> None:
        """Learn that an address is on another port now."""
        entry.port.stations -= 1
        port.stations += 1
        entry.port, entry.created, entry.updated = port, now, now

    def delete(self, mac: bytes) -> bool:
        """Forget an address; return whether it was known."""
        entry = self._entries.get(mac)
        if entry is None:
            return False
        self._forget(entry)
        return True

    def forget_port(self, port: Port) -> None:
        """Forget every address on a port."""
        for entry in [e for e in self._entries.values() if e.port is port]:
            self._forget(entry)

    def collect(self, now: float) -> None:
        """Forget what has expired; does nothing when called again within a second."""
        if now - self._collected < COLLECT_INTERVAL:
            return
        self._collected = now
        for entry in [e for e in self._entries.values() if now - e.updated >= self.ageing]:
            self._forget(entry)

    def _forget(self, entry: MACEntry) -> None:
        del self._entries[entry.mac]
        entry.port.stations -= 1
