"""
The Virtual Switch: learns where stations are and forwards runs of frames (reference §9.1).

Every decision is made once for a source, a destination and a port, and kept in the port's
cache until anything changes or the clock ticks; so most runs cost one look-up. Runs that leave
by the same lane are put together again, whatever their destinations.

Super-frames (:mod:`iquila.wire.superframe`) go to ports that understand them only. A port that
sends to another kind has its super-frames cut here, and its peer is told to send ordinary frames
until it has met no such port for a while.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

from iquila.switch import reasons
from iquila.switch.limiter import THRESHOLD, BroadcastLimiter
from iquila.switch.mactable import AGEING, MAC_LIMIT, MACEntry, MACTable
from iquila.switch.port import Port, Route, Traffic
from iquila.wire.blocks import Run, block
from iquila.wire.scan import HEADER
from iquila.wire.superframe import BadSuperFrame, frames_of, payloads

CACHE_LIMIT = 4096
"""Decisions that one port keeps; a flood of forged addresses clears them."""
STEAL_SECONDS = 13.0
"""How long an active address cannot be taken by another port (reference §9.1)."""
NO_BRIDGE_MACS = 3
_ZERO, _BROADCAST = b"\0" * 6, b"\xff" * 6
_FLOOD = Route(None, None)
DIRECT = 4096
"""Bytes from which on a part of a batch is sent at once; smaller ones are gathered by lane."""
TELL_AGAIN = 1.0
OFFLOAD_HOLD = 10.0
"""Seconds without traffic to ordinary ports after which a peer may send super-frames again."""

Receive = Callable[[Port, bytearray, list[Run], float], None]


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
        self._cached: set[Port] = set()
        """The ports whose caches hold anything."""
        self._held: set[Port] = set()
        """The ports whose peers were told to send ordinary frames."""
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
        self._cached.discard(port)
        self._held.discard(port)
        port.forget_decisions()
        self._table.forget_port(port)
        self.received.add(port.received)
        self.sent.add(port.sent)
        self._clear_caches()

    def tick(self, now: float) -> None:
        """Age the table and drop cached decisions; call every two seconds."""
        self._table.collect(now)
        self._clear_caches()
        for port in [p for p in self._held if now - p.ordinary_seen >= OFFLOAD_HOLD]:
            self._held.discard(port)
            port.offload = True
            port.outlet.set_offload(True)

    def lanes_changed(self) -> None:
        """Ask the outlets again which lane a conversation takes."""
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

    def set_tap(self, tap: Receive | None) -> None:
        """
        Have somebody look at all runs before they are forwarded; None for nobody.

        The tap must neither raise nor keep the buffer. While there is none it costs nothing.
        """
        if tap is None:
            self.__dict__.pop("receive", None)
            return

        def receive(port: Port, buffer: bytearray, runs: list[Run], now: float) -> None:
            tap(port, buffer, runs, now)
            VirtualSwitch.receive(self, port, buffer, runs, now)

        self.__dict__["receive"] = receive

    def receive(self, port: Port, buffer: bytearray, runs: list[Run], now: float) -> None:
        """Forward runs that came from `port`."""
        self.last_activity = now
        cache = port.cache
        touched: list[Route] = []
        current: Route | None = None
        first = last = total = 0
        for start, end, count, key in runs:
            route = cache.get(key)
            if current is not None:
                if route is current and start == last:
                    last = end
                    total += count
                    continue
                # Here and not in a method: this is done for every frame where they alternate.
                if current.cut or last - first >= DIRECT:
                    self._take(port, buffer, current, (first, last, total), touched)
                else:
                    if not current.parts:
                        touched.append(current)
                    current.parts.append(buffer[first:last])
                    current.count += total
                current = None
            if route is None:
                # A decision may make others void, and new routes on the same lanes with them:
                # what was gathered for the old ones has to go first.
                self._dispatch(port, touched)
                route = self._decide(port, key, now)
                if route is _FLOOD:
                    self._flood(port, buffer, (start, end, count, key), now)
                    continue
            current, first, last, total = route, start, end, count
        if current is not None:
            self._take(port, buffer, current, (first, last, total), touched)
        self._dispatch(port, touched)

    def _take(
        self,
        port: Port,
        buffer: bytearray,
        route: Route,
        part: tuple[int, int, int],
        touched: list[Route],
    ) -> None:
        """Send a part of the buffer on its way at once, after what was gathered for it."""
        if route.cut:
            # The ordinary frames of the same conversation go by another route.
            self._dispatch(port, touched)
        elif route.parts:
            start, end, count = part
            route.parts.append(buffer[start:end])
            route.count += count
            return
        self._forward(port, buffer, route, part)

    def _dispatch(self, port: Port, touched: list[Route]) -> None:
        """Send what was gathered."""
        for route in touched:
            blocks, count = b"".join(route.parts), route.count
            route.parts, route.count = [], 0
            self._forward_gathered(port, route, blocks, count)
        touched.clear()

    def _forward(
        self, port: Port, buffer: bytearray, route: Route, part: tuple[int, int, int]
    ) -> None:
        start, end, count = part
        lane = route.lane
        if lane is None or route.cut or self._monitors:
            self._forward_gathered(port, route, bytes(buffer[start:end]), count)
            return
        _count_unicast(port, route, end - start, count)
        lane.send_run(buffer, start, end, count)

    def _forward_gathered(self, port: Port, route: Route, blocks: bytes, count: int) -> None:
        lane = route.lane
        if lane is None:
            port.drop(route.reason, count)
            return
        _count_unicast(port, route, len(blocks), count)
        if self._monitors:
            self._copy(port, blocks, count)
        if route.cut:
            blocks, count = _ordinary(port, blocks)
        if count:
            lane.queue_blocks(blocks, count)

    # -- decisions, on a miss of the cache only

    def _decide(self, port: Port, key: bytes, now: float) -> Route:
        """Return the way to go, or that the run is to be flooded."""
        reason = self._refuse(port, key, now)
        if reason is not None:
            return self._remember_drop(port, key, reason)
        if self._monitors:
            self._met_ordinary(port, key, now)
        destination = key[:6]
        if destination[0] & 1:
            return _FLOOD
        if destination == self.mac:
            return self._remember_drop(port, key, reasons.OWN_ADDRESS)
        entry = self._table.get(destination, now)
        if entry is None:
            return _FLOOD
        if entry.port is port:
            return self._remember_drop(port, key, reasons.SAME_PORT)
        target = entry.port
        if not target.super_frames:
            self._met_ordinary(port, key, now)
        cut = _is_super(key) and not target.super_frames
        lane = target.outlet.lane(key)
        return self._remember(port, key, (lane, cut), Route(target, lane, cut=cut))

    def _remember_drop(self, port: Port, key: bytes, reason: str) -> Route:
        return self._remember(port, key, reason, Route(None, None, reason=reason))

    def _remember(self, port: Port, key: bytes, way: object, route: Route) -> Route:
        if len(port.cache) >= CACHE_LIMIT:
            port.cache.clear()
        self._cached.add(port)
        # One route object for each way, so that runs on the same way can be put together.
        route = port.cache[key] = port.routes.setdefault(way, route)
        return route

    def _met_ordinary(self, port: Port, key: bytes, now: float) -> None:
        """Note that a port sends to one that does not understand super-frames."""
        port.ordinary_seen = now
        if not port.super_frames:
            return
        # Told again where super-frames keep coming: the message went with a connection.
        if port.offload or (_is_super(key) and now - port.told >= TELL_AGAIN):
            port.offload = False
            port.told = now
            self._held.add(port)
            port.outlet.set_offload(False)

    def _refuse(self, port: Port, key: bytes, now: float) -> str | None:
        """Check the source and learn it; return the reason to drop, if any."""
        source = key[6:12]
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
        for port in self._cached:
            port.forget_decisions()
        self._cached.clear()

    # -- flooding

    def _flood(self, port: Port, buffer: bytearray, run: Run, now: float) -> None:
        start, end, count, key = run
        blocks = bytes(buffer[start:end])
        if not port.policy.no_broadcast_limiter:
            blocks, passed = _thin(self._limiter(port), blocks, now)
            if passed < count:
                port.drop(reasons.STORM, count - passed)
                count = passed
            if not count:
                return
        size = len(blocks) - 4 * count
        port.received.broadcast_frames += count
        port.received.broadcast_bytes += size
        plain: tuple[bytes, int] | None = None if _is_super(key) else (blocks, count)
        for other in self._ports.values():
            if other is port or other.monitor:
                continue
            other.sent.broadcast_frames += count
            other.sent.broadcast_bytes += size
            if other.super_frames:
                other.outlet.queue_blocks(blocks, count)
                continue
            if plain is None:
                plain = _ordinary(port, blocks)
            if plain[1]:
                other.outlet.queue_blocks(*plain)
        if self._monitors:
            self._copy(port, blocks, count)

    def _limiter(self, port: Port) -> BroadcastLimiter:
        limiter = self._limiters.get(port)
        if limiter is None:
            limiter = self._limiters[port] = BroadcastLimiter(self._random, self._threshold)
        return limiter

    def _copy(self, port: Port, blocks: bytes, count: int) -> None:
        """Give monitors a copy; they get ordinary frames whatever they are."""
        if port.super_frames:
            blocks, count = _ordinary(port, blocks)
        if not count:
            return
        for monitor in self._monitors:
            monitor.sent.unicast_frames += count
            monitor.sent.unicast_bytes += len(blocks) - 4 * count
            # Always on the same lane: many conversations, each of which has to stay in order.
            monitor.outlet.lane(b"").queue_blocks(blocks, count)


def _is_super(key: bytes) -> bool:
    return len(key) > 12


def _count_unicast(port: Port, route: Route, size: int, count: int) -> None:
    size -= 4 * count
    received = port.received
    received.unicast_frames += count
    received.unicast_bytes += size
    assert route.port is not None
    sent = route.port.sent
    sent.unicast_frames += count
    sent.unicast_bytes += size


def _ordinary(port: Port, blocks: bytes) -> tuple[bytes, int]:
    """Return blocks with super-frames cut into ordinary frames, and how many they are."""
    made: list[bytes] = []
    for is_super, payload in payloads(blocks):
        if is_super:
            try:
                made += [block(frame) for frame in frames_of(payload)]
            except BadSuperFrame:
                port.drop(reasons.BAD_SUPER_FRAME, 1)
        else:
            made.append(block(payload))
    return b"".join(made), len(made)


def _thin(limiter: BroadcastLimiter, blocks: bytes, now: float) -> tuple[bytes, int]:
    """Ask the limiter for each frame; return the blocks that pass, and how many they are."""
    kept: list[bytes] = []
    at = 0
    for is_super, payload in payloads(blocks):
        end = at + 4 + len(payload)
        head = payload[HEADER:] if is_super else payload
        if limiter.passes(head[:42], now):
            kept.append(blocks[at:end])
        at = end
    return b"".join(kept), len(kept)
