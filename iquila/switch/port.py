"""A port of a Virtual Switch: what it forwards between, with counters and its own cache."""

from __future__ import annotations

from typing import Protocol

from attrs import define

from iquila.wire.policy import Policy


class Lane(Protocol):
    """
    One way out of a port; a port may have several, side by side.

    Frames stay in order on one lane. No call may raise, nor keep a reference to a buffer.
    """

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """
        Send ``buffer[start:end]``, `count` blocks, at once where possible.

        May use the four bytes before `start` while it runs, and leaves them as they were.
        """

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Send `count` blocks that may be shared with others, by the end of this turn."""


class Outlet(Protocol):
    """Where a port sends what the switch forwards to it. No call may raise."""

    def lane(self, key: bytes) -> Lane:
        """
        Return the lane for frames of one conversation (the key of a run).

        The switch keeps the answer until it is told otherwise
        (:meth:`.switch.VirtualSwitch.lanes_changed`), and for one of its ticks at most.
        """

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Send blocks on the lane of the first; as :meth:`Lane.queue_blocks`."""

    def set_offload(self, on: bool) -> None:
        """Tell the peer whether it may send super-frames; only for ports that understand them."""


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


class Route:
    """
    What a port's cache says of a conversation: the lane to take, or why it is dropped.

    While a batch is forwarded, `parts` gathers copies of what goes this way in small parts.
    """

    __slots__ = ("count", "cut", "lane", "parts", "port", "reason")

    def __init__(
        self, port: Port | None, lane: Lane | None, *, cut: bool = False, reason: str = ""
    ) -> None:
        self.port = port
        self.lane = lane
        self.cut = cut
        """Whether super-frames have to become ordinary frames on this way."""
        self.reason = reason
        self.parts: list[bytearray] = []
        self.count = 0
        """Blocks in `parts`."""


class Port:
    """
    One port.

    :param name: unique on its switch; the session's name.
    :param monitor: gets a copy of everything, and sends nothing.
    :param bridge: a network is behind it.
    :param super_frames: whether it takes super-frames and may send them.
    """

    __slots__ = (
        "bridge",
        "cache",
        "drops",
        "monitor",
        "name",
        "offload",
        "ordinary_seen",
        "outlet",
        "policy",
        "received",
        "routes",
        "sent",
        "stations",
        "super_frames",
        "told",
    )

    def __init__(
        self,
        name: str,
        outlet: Outlet,
        policy: Policy,
        *,
        monitor: bool = False,
        bridge: bool = False,
        super_frames: bool = False,
    ) -> None:
        self.name = name
        self.outlet = outlet
        self.policy = policy
        self.monitor = monitor
        self.bridge = bridge
        self.super_frames = super_frames
        self.offload = super_frames
        """Whether its peer may send super-frames at present."""
        self.ordinary_seen = 0.0
        """When it last sent to a port that takes ordinary frames only."""
        self.told = 0.0
        """When its peer was last told to send ordinary frames."""
        self.received = Traffic()
        """What came from this port."""
        self.sent = Traffic()
        """What was forwarded to it."""
        self.drops: dict[str, int] = {}
        """Frames of this port that were dropped, by reason (:mod:`.reasons`)."""
        self.stations = 0
        """How many MAC addresses are learned on it."""
        self.cache: dict[bytes, Route] = {}
        """The key of a run -> the way that such frames go."""
        self.routes: dict[object, Route] = {}
        """The routes in the cache, one for each lane and reason."""

    def __repr__(self) -> str:
        return f"<port {self.name}>"

    def drop(self, reason: str, count: int) -> None:
        """Count dropped frames."""
        self.drops[reason] = self.drops.get(reason, 0) + count

    def forget_decisions(self) -> None:
        """Empty the cache."""
        self.cache.clear()
        self.routes.clear()
