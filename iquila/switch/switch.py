"""
The Virtual Switch: learns where stations are and forwards runs of frames (reference §9.1).

Every decision is made once for a source, a destination and a port, and kept in the port's
cache until anything changes or the clock ticks; so most runs cost one look-up.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from iquila.switch import reasons
from iquila.switch.limiter import THRESHOLD, BroadcastLimiter
from iquila.switch.mactable import AGEING, MAC_LIMIT, MACEntry, MACTable
from iquila.switch.port import Port, Traffic
from iquila.wire.blocks import Run

CACHE_LIMIT = 4096
"""Decisions that one port keeps; a flood of forged addresses clears them."""
STEAL_SECONDS = 13.0
"""How long an active address cannot be taken by another port (reference §9.1)."""
NO_BRIDGE_MACS = 3
_ZERO, _BROADCAST = b"\0" * 6, b"\xff" * 6
_FLOOD = object()


class VirtualSwitch:
    """
    One switch.

    :param now: monotonic seconds.
    :param mac_limit: entries of the MAC table.
    :param ageing: seconds until a silent station is forgotten.
    :param storm_threshold: frames a second of the broadcast limiter.
    :param random: for the limiter's chances.
    """

    def __init__(
        self,
        name: str,
        *,
        now: float,
        mac_limit: int = MAC_LIMIT,
        ageing: float = AGEING,
        storm_threshold: int = THRESHOLD,
        random: Random | None = None,
    ) -> None:
        self.name = name
        self.mac = b"\x00\xae" + os.urandom(4)
        self.received = Traffic()
        """What came in, over all ports that are gone."""
        self.sent = Traffic()
        self.bridges = 0
        """How many ports have a network behind them."""
        self.last_activity = now
        self._random = random or Random()
        self._threshold = storm_threshold
        self._ports: dict[str, Port] = {}
        self._monitors: list[Port] = []
        self._limiters: dict[Port, BroadcastLimiter] = {}
        self._table = MACTable(mac_limit, ageing)

    @property
    def ports(self) -> Mapping[str, Port]:
        """The ports by name."""
        return MappingProxyType(self._ports)

    @property
    def stations(self) -> int:
        """How many addresses are learned."""
        return len(self._table)

    def add_port(self, port: Port) -> None:
        """
        Plug a port in.

        :raises ValueError: there is one of this name already.
        """
        if port.name in self._ports:
            raise ValueError(f"there is a port {port.name} already")
        self._ports[port.name] = port
        self.bridges += port.bridge
        if port.monitor:
            self._monitors.append(port)
        elif not port.policy.no_broadcast_limiter:
            self._limiters[port] = BroadcastLimiter(self._random, self._threshold)
        self._clear_caches()

    def remove_port(self, port: Port) -> None:
        """Unplug a port, and forget the stations behind it. Unknown ports are ignored."""
        if self._ports.get(port.name) is not port:
            return
        del self._ports[port.name]
        self.bridges -= port.bridge
        if port.monitor:
            self._monitors.remove(port)
        self._limiters.pop(port, None)
        self._table.forget_port(port)
        self.received.add(port.received)
        self.sent.add(port.sent)
        self._clear_caches()

    def tick(self, now: float) -> None:
        """Age the table and drop cached decisions; call every two seconds."""
        self._table.collect(now)
        self._clear_caches()

    def mac_table(self) -> list[MACEntry]:
        """Return the learned addresses."""
        return list(self._table)

    def delete_mac(self, mac: bytes) -> bool:
        """Forget an address; return whether it was known."""
        self._clear_caches()
        return self._table.delete(mac)

    def traffic(self) -> tuple[Traffic, Traffic]:
        """Return what came in and what went out since the switch runs, in that order."""
        received, sent = Traffic(), Traffic()
        received.add(self.received)
        sent.add(self.sent)
        for port in self._ports.values():
            received.add(port.received)
            sent.add(port.sent)
        return received, sent

    def receive(self, port: Port, buffer: bytearray, runs: list[Run], now: float) -> None:
        """Forward runs that came from `port`."""
        self.last_activity = now
        cache, traffic = port.cache, port.received
        for start, end, count, key in runs:
            target: object = cache.get(key)
            if target is None:
                target = self._decide(port, key, now)
                if target is _FLOOD:
                    self._flood(port, buffer, (start, end, count, key), now)
                    continue
            if isinstance(target, Port):
                size = end - start - 4 * count
                traffic.unicast_frames += count
                traffic.unicast_bytes += size
                target.sent.unicast_frames += count
                target.sent.unicast_bytes += size
                if self._monitors:
                    self._copy(bytes(memoryview(buffer)[start:end]), count)
                target.outlet.send_run(buffer, start, end, count)
            else:
                port.drop(str(target), count)

    # -- decisions, on a miss of the cache only

    def _decide(self, port: Port, key: bytes, now: float) -> Port | str | object:
        """Return the port to forward to, the reason to drop, or that it is to be flooded."""
        reason = self._refuse(port, key, now)
        if reason is not None:
            return self._remember(port, key, reason)
        destination = key[:6]
        if destination[0] & 1:
            return _FLOOD
        if destination == self.mac:
            return self._remember(port, key, reasons.OWN_ADDRESS)
        entry = self._table.get(destination, now)
        if entry is None:
            return _FLOOD
        if entry.port is port:
            return self._remember(port, key, reasons.SAME_PORT)
        return self._remember(port, key, entry.port)

    def _remember(self, port: Port, key: bytes, decision: Port | str) -> Port | str:
        if len(port.cache) >= CACHE_LIMIT:
            port.cache.clear()
        port.cache[key] = decision
        return decision

    def _refuse(self, port: Port, key: bytes, now: float) -> str | None:
        """Check the source and learn it; return the reason to drop, if any."""
        source = key[6:]
        if port.monitor:
            return reasons.MONITOR
        if source[0] & 1 or source == _ZERO or source == key[:6]:
            return reasons.BAD_SOURCE
        if source == self.mac:
            return reasons.OWN_ADDRESS
        entry = self._table.get(source, now)
        if entry is not None and entry.port is port:
            entry.updated = now
            return None
        if entry is not None and port.policy.check_mac and now - entry.updated < STEAL_SECONDS:
            return reasons.MAC_STOLEN
        if port.stations >= self._station_limit(port):
            return reasons.MAC_LIMIT
        if entry is not None:
            self._table.move(entry, port, now)
        elif self._table.full(now):
            return reasons.TABLE_FULL
        else:
            self._table.add(source, port, now)
        # Decisions about this station were made without knowing where it is.
        self._clear_caches()
        return None

    def _station_limit(self, port: Port) -> int:
        if port.policy.no_bridge:
            return NO_BRIDGE_MACS
        if port.policy.max_mac:
            return max(port.policy.max_mac, NO_BRIDGE_MACS)
        return self._table.limit

    def _clear_caches(self) -> None:
        for port in self._ports.values():
            if port.cache:
                port.cache.clear()

    # -- flooding

    def _flood(self, port: Port, buffer: bytearray, run: Run, now: float) -> None:
        start, end, count, _key = run
        blocks = bytes(memoryview(buffer)[start:end])
        limiter = self._limiters.get(port)
        if limiter is not None:
            blocks, passed = _thin(limiter, blocks, now)
            if passed < count:
                port.drop(reasons.STORM, count - passed)
                count = passed
            if not count:
                return
        size = len(blocks) - 4 * count
        port.received.broadcast_frames += count
        port.received.broadcast_bytes += size
        for other in self._ports.values():
            if other is not port and not other.monitor:
                other.sent.broadcast_frames += count
                other.sent.broadcast_bytes += size
                other.outlet.queue_blocks(blocks, count)
        if self._monitors:
            self._copy(blocks, count)

    def _copy(self, blocks: bytes, count: int) -> None:
        for monitor in self._monitors:
            monitor.sent.unicast_frames += count
            monitor.sent.unicast_bytes += len(blocks) - 4 * count
            monitor.outlet.queue_blocks(blocks, count)


def _thin(limiter: BroadcastLimiter, blocks: bytes, now: float) -> tuple[bytes, int]:
    """Ask the limiter for each frame; return the blocks that pass, and how many they are."""
    kept: list[bytes] = []
    at = 0
    while at < len(blocks):
        size = int.from_bytes(blocks[at : at + 4], "big")
        if limiter.passes(blocks[at + 4 : at + 46][:size], now):
            kept.append(blocks[at : at + 4 + size])
        at += 4 + size
    return b"".join(kept), len(kept)
