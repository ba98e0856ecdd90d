"""A port of a Virtual Switch: what it forwards between, with counters and its own cache."""

from __future__ import annotations

from typing import Protocol

from attrs import define

from iquila.wire.policy import Policy


class Outlet(Protocol):
    """Where a port sends what the switch forwards to it. Neither call may raise."""

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """
        Take ``buffer[start:end]``, `count` blocks, at once.

        May overwrite the four bytes before `start`; must keep no reference to the buffer.
        """

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Take `count` blocks that are shared with other ports; they go out with this turn."""


@define(eq=False)
class Traffic:
    """Frames and their bytes, in one direction."""

    unicast_frames: int = 0
    unicast_bytes: int = 0
    broadcast_frames: int = 0
    broadcast_bytes: int = 0

    def add(self, other: Traffic) -> None:
        """Add the counts of another."""
        self.unicast_frames += other.unicast_frames
        self.unicast_bytes += other.unicast_bytes
        self.broadcast_frames += other.broadcast_frames
        self.broadcast_bytes += other.broadcast_bytes


class Port:
    """
    One port.

    :param name: unique on its switch; the session's name.
    :param monitor: gets a copy of everything, and sends nothing.
    :param bridge: a network is behind it.
    """

    __slots__ = (
        "bridge",
        "cache",
        "drops",
        "monitor",
        "name",
        "outlet",
        "policy",
        "received",
        "sent",
        "stations",
    )

    def __init__(
        self,
        name: str,
        outlet: Outlet,
        policy: Policy,
        *,
        monitor: bool = False,
        bridge: bool = False,
    ) -> None:
        self.name = name
        self.outlet = outlet
        self.policy = policy
        self.monitor = monitor
        self.bridge = bridge
        self.received = Traffic()
        """What came from this port."""
        self.sent = Traffic()
        """What was forwarded to it."""
        self.drops: dict[str, int] = {}
        """Frames of this port that were dropped, by reason (:mod:`.reasons`)."""
        self.stations = 0
        """How many MAC addresses are learned on it."""
        self.cache: dict[bytes, Port | str] = {}
        """12-byte key -> the port that such frames go to, or the reason to drop them."""

    def __repr__(self) -> str:
        return f"<port {self.name}>"

    def drop(self, reason: str, count: int) -> None:
        """Count dropped frames."""
        self.drops[reason] = self.drops.get(reason, 0) + count
