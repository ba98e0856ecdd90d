"""
Which of a session's connections a conversation takes, so that its frames stay in order.

A conversation (the key of a run) keeps its connection for as long as it goes on, however many
connections come. When its connection is lost it pauses for a moment: what the peer has still to
read from the lost connection must not be overtaken on another. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from attrs import define

T = TypeVar("T")

PAUSE_SECONDS = 0.05
"""How long a conversation waits after the loss of its connection; TCP waits longer anyway."""
IDLE_SECONDS = 10.0
"""Unasked for so long, a conversation may be given another connection; the switch asks
again at each of its ticks."""
FLOW_LIMIT = 4096


@define(eq=False)
class _Flow(Generic[T]):
    way: T | None
    """None during the pause."""
    since: float
    """When it was asked for last, or when the pause began."""


class FlowTable(Generic[T]):
    """The conversations of one session, at most `FLOW_LIMIT`; the oldest go first."""

    __slots__ = ("_flows",)

    def __init__(self) -> None:
        self._flows: dict[bytes, _Flow[T]] = {}

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
            if flow.way is None and now - flow.since < PAUSE_SECONDS:
                return None
            if flow.way is not None and now - flow.since < IDLE_SECONDS and flow.way in ways:
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

    def lost(self, way: T, now: float) -> bool:
        """Pause the conversations of a lost way; return whether there were any."""
        found = [flow for flow in self._flows.values() if flow.way == way]
        for flow in found:
            flow.way, flow.since = None, now
        return bool(found)
