"""
Holds open sessions: reads what comes, sends the keep-alives that are due (reference §6.2).

Made for ten thousand sessions in one process, so it looks at a session only when something has
arrived for it or a keep-alive is due.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable

from attrs import define, field

from iquila.wire.blocks import keepalive

from .handshake import Session
from .tls import Channel, ChannelClosed

INTERVAL = 5.0
"""Seconds between two keep-alives of a session: the system's clients send them every 4 to 10."""
SLICES = 100
"""Groups of sessions whose keep-alives are sent together, so that they do not come in a burst."""

_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET


def ignore(channel: Channel) -> None:
    """Read everything that has arrived on a channel, and forget it."""
    while channel.fetch():
        pass


@define
class Holder:
    """
    The sessions.

    :param received: called with a channel that something has arrived on, or that can be written
        to again; reads all that is there.
    """

    received: Callable[[Channel], object] = ignore
    lost: int = 0
    """How many sessions the server has ended."""
    _channels: dict[int, Channel] = field(init=False, factory=dict)
    _slices: list[dict[int, Channel]] = field(init=False)
    _due: float = field(init=False, factory=time.monotonic)
    _slice: int = field(init=False, default=0)
    _poll: select.epoll = field(init=False, factory=select.epoll)

    def __attrs_post_init__(self) -> None:
        """Make empty slices."""
        self._slices = [{} for _ in range(SLICES)]

    def __len__(self) -> int:
        """Return how many sessions are open."""
        return len(self._channels)

    def add(self, sessions: Iterable[Session], *, keep_alive: bool = True) -> None:
        """
        Take over open sessions; what came with a welcome is forgotten.

        :param keep_alive: False where the caller sends blocks, and keep-alives between them.
        """
        for session in sessions:
            channel = session.channel
            if keep_alive:
                self._slices[len(self._channels) % SLICES][channel.fd] = channel
            self._channels[channel.fd] = channel
            self._poll.register(channel.fd, _EVENTS)

    def serve(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """
        Hold the sessions so long, or until something is true; return whether it is.

        Called with 0 seconds it does what is to be done now.
        """
        now = time.monotonic()
        end = now + seconds
        while not (over := until()):
            self._send_due(now)
            for fd, _event in self._poll.poll(max(0.0, min(end, self._due) - now)):
                self._guarded(self._channels[fd], self.received)
            now = time.monotonic()
            if now >= end:
                break
        return over

    def _send_due(self, now: float) -> None:
        while self._due <= now:
            self._due += INTERVAL / SLICES
            for channel in list(self._slices[self._slice].values()):
                self._guarded(channel, _send_keepalive)
            self._slice = (self._slice + 1) % SLICES
        if self._due < now - INTERVAL:
            self._due = now

    def _guarded(self, channel: Channel, call: Callable[[Channel], object]) -> None:
        try:
            call(channel)
        except ChannelClosed:
            self.lost += 1
            del self._channels[channel.fd]
            for group in self._slices:
                group.pop(channel.fd, None)
            channel.close()

    def close(self) -> None:
        """Close all sessions."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        self._poll.close()


def _send_keepalive(channel: Channel) -> None:
    # What the server sent meanwhile may have to be read before anything can be written: iquila
    # asks for a second handshake at the welcome.
    channel.write(keepalive(64))
