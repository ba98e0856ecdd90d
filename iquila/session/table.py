"""
The sessions that a server carries, found by key or by name, and their shared clock.

Ten thousand sessions share one timer: each tick looks at a slice of them, so that no turn
of the reactor has to look at many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any

from twisted.internet.task import LoopingCall

from iquila.errors import SessionTimedOut
from iquila.session.flusher import Flusher
from iquila.session.server import ServerSession

SLICES = 32
TICK = 1.0 / SLICES
"""Seconds from one slice to the next: each session is looked at once a second."""


class Presence(Enum):
    """What has become of a session."""

    NEW = auto()
    """It has just come, and waits for the connection that it logged in on."""
    BACK = auto()
    """It has connections again."""
    AWAY = auto()
    """It has lost all of its connections."""
    OVER = auto()
    """It has ended."""


Observer = Callable[[ServerSession, Presence], None]


class SessionTable:
    """
    All sessions of one server.

    :param clock: `IReactorTime`.
    :ivar observers: told of each session that begins, is over, or loses or regains its connections.
    """

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.observers: list[Observer] = []
        self.flusher = Flusher(clock)
        self._by_key: dict[bytes, ServerSession] = {}
        self._by_switch: dict[str, dict[str, ServerSession]] = {}
        self._slices: list[dict[bytes, ServerSession]] = [{} for _ in range(SLICES)]
        self._slice = 0
        self._connections = 0
        self._loop = LoopingCall.withCount(self._tick)
        self._loop.clock = clock

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[ServerSession]:
        return iter(list(self._by_key.values()))

    def add(self, session: ServerSession) -> None:
        """Take a new session in."""
        session.counter = self._count
        key = session.facts.key
        self._by_key[key] = self._slices[hash(key) % SLICES][key] = session
        switch = self._by_switch.setdefault(session.facts.switch.lower(), {})
        switch[session.facts.name.lower()] = session
        if not self._loop.running:
            self._loop.start(TICK, now=False)
        self._tell(session, Presence.NEW)

    def discard(self, session: ServerSession) -> None:
        """Forget a session that has ended."""
        key = session.facts.key
        self._tell(session, Presence.OVER)
        self._by_key.pop(key, None)
        self._slices[hash(key) % SLICES].pop(key, None)
        name = session.facts.switch.lower()
        switch = self._by_switch.get(name, {})
        switch.pop(session.facts.name.lower(), None)
        if not switch:
            self._by_switch.pop(name, None)
        if not self._by_key and self._loop.running:
            self._loop.stop()

    def resume(self, key: bytes) -> ServerSession:
        """
        Return the live session with this 20-byte key.

        :raises SessionTimedOut: there is none.
        """
        session = self._by_key.get(key)
        if session is None or not session.has_key(key):
            raise SessionTimedOut
        return session

    def of_switch(self, switch: str) -> list[ServerSession]:
        """Return the sessions of one Virtual Switch, by its name in any case."""
        return list(self._by_switch.get(switch.lower(), {}).values())

    def count(self, switch: str) -> int:
        """Return how many sessions a switch has here."""
        return len(self._by_switch.get(switch.lower(), ()))

    def named(self, switch: str, name: str) -> ServerSession | None:
        """Return the session with this name, in any case, or None."""
        return self._by_switch.get(switch.lower(), {}).get(name.lower())

    def tcp_connections(self) -> int:
        """Return how many TCP connections carry sessions."""
        return self._connections

    def _count(self, session: ServerSession, change: int) -> None:
        self._connections += change
        if change < 0 and not session.connections:
            self._tell(session, Presence.AWAY)
        elif change > 0 and len(session.connections) == 1 and session.connections_made > 1:
            self._tell(session, Presence.BACK)

    def _tell(self, session: ServerSession, presence: Presence) -> None:
        if session.facts.key in self._by_key:
            for observer in list(self.observers):
                observer(session, presence)

    def end_all(self) -> None:
        """End every session cleanly."""
        for session in self:
            session.end()

    def _tick(self, ticks: int) -> None:
        now = float(self.clock.seconds())
        # After a stall the ticks that were missed are made up for.
        for _ in range(min(ticks, SLICES)):
            self._slice = (self._slice + 1) % SLICES
            for session in list(self._slices[self._slice].values()):
                session.check(now)
