"""
Which of a session's connections a conversation takes, so that its frames stay in order.

A conversation (the addresses of a run) keeps its connection for as long as it goes on, however
many connections come. When its connection is lost it pauses: what the peer has still to read from
the lost connection must not be overtaken on another. The pause ends when the peer says that it has
lost the connection too, or after a time. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from attrs import define

T = TypeVar("T")

IDLE_SECONDS = 10.0
"""Unasked for so long, a conversation may be given another connection; the switch asks
again at each of its ticks."""
FLOW_LIMIT = 4096


@define(eq=False)
class _Flow(Generic[T]):
    way: T
    since: float
    """When it was asked for last."""


class FlowTable(Generic[T]):
    """The conversations of one session, at most `FLOW_LIMIT`; the oldest go first."""

    __slots__ = ("_flows", "_lost")

    def __init__(self) -> None:
        self._flows: dict[bytes, _Flow[T]] = {}
        self._lost: dict[T, float] = {}
        """The lost ways of conversations that pause, and until when."""

    def __len__(self) -> int:
        return len(self._flows)

    def choose(self, key: bytes, ways: Sequence[T], now: float) -> T | None:
        """
        Return the way for a conversation.

        :param ways: what there is to choose from.
        :returns: one of `ways`, None while the conversation has to pause or there is no way.
        """
        flow = self._flows.get(key)
        if flow is not None:
            if now < self._lost.get(flow.way, now):
                return None
            if now - flow.since < IDLE_SECONDS and flow.way in ways:
                flow.since = now
                return flow.way
        if not ways:
            return None
        way = ways[hash(key) % len(ways)]
        # The newest last, so that the oldest is first.
        self._flows.pop(key, None)
        if len(self._flows) >= FLOW_LIMIT:
            del self._flows[next(iter(self._flows))]
        self._flows[key] = _Flow(way, now)
        return way

    def lost(self, way: T, now: float, seconds: float) -> bool:
        """Pause the conversations of a lost way; return whether there are any."""
        found = any(flow.way == way for flow in self._flows.values())
        if found:
            self._lost[way] = now + seconds
        return found

    def pausing(self) -> list[T]:
        """Return the lost ways whose conversations pause."""
        return list(self._lost)

    def confirmed(self, way: T) -> None:
        """End the pause of the conversations of a lost way: the peer has lost it too."""
        self._lost.pop(way, None)

    def pause(self, now: float) -> float:
        """Return the seconds until every pause is over, 0.0 where there is none."""
        self._lost = {way: until for way, until in self._lost.items() if until > now}
        return max(self._lost.values(), default=now) - now
