"""
What both ends of a VEN session share: 1..32 connections, keep-alives, time-outs.

A session is more than its connections: when all are lost it waits, up to its `timeout`, for
the client to open another one with the session key (reference §6.3, §6.6).
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from iquila.session.connection import BlockConnection
from iquila.session.flusher import Flusher
from iquila.wire.blocks import Run


class State(Enum):
    """The life of a session."""

    WAITING = "waiting"
    """No connection at present."""
    ACTIVE = "active"
    ENDED = "ended"


class Tunnel:
    """
    One end of a session.

    :param clock: `IReactorTime`.
    :param timeout: seconds without any data after which the session ends.
    :param max_connections: 1..32.
    """

    def __init__(
        self, clock: Any, flusher: Flusher, *, timeout: float, max_connections: int
    ) -> None:
        self.clock = clock
        self.flusher = flusher
        self.timeout = timeout
        self.max_connections = max_connections
        self.state = State.WAITING
        self.connections: list[BlockConnection] = []
        self.connections_made = 0
        self.last_heard = self.now()
        self.unsent_frames = 0
        """Frames that found no connection to be sent on."""
        self._senders: list[BlockConnection] = []

    def now(self) -> float:
        """Return monotonic seconds."""
        return float(self.clock.seconds())

    # -- connections

    def attached(self, connection: BlockConnection) -> None:
        """Take a connection in."""
        if self.state is State.ENDED:
            connection.close()
            return
        self.state = State.ACTIVE
        self.connections.append(connection)
        self.connections_made += 1
        self._connections_changed()

    def detached(self, connection: BlockConnection, *, clean: bool = False) -> None:
        """Forget a lost connection; `clean` where the peer said that it closes."""
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        self.last_heard = max(self.last_heard, connection.last_received)
        self._connections_changed()
        if not self.connections and self.state is State.ACTIVE:
            self.state = State.WAITING
            self.all_connections_lost(clean=clean)

    def _connections_changed(self) -> None:
        self._senders = [c for c in self.connections if c.sends]

    def all_connections_lost(self, *, clean: bool) -> None:
        """Every connection is lost; the session waits for another."""

    # -- data

    def runs_received(self, buffer: bytearray, runs: list[Run]) -> None:
        """Take runs of frames that arrived."""
        raise NotImplementedError

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Send a run; see :meth:`.connection.BlockConnection.send_run`."""
        senders = self._senders
        if len(senders) == 1:
            senders[0].send_run(buffer, start, end, count)
        elif senders:
            # By addresses, so that the frames of one conversation stay in order.
            key = bytes(buffer[start + 4 : start + 16])
            senders[hash(key) % len(senders)].send_run(buffer, start, end, count)
        else:
            self.unsent_frames += count

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Send shared blocks; see :meth:`.connection.BlockConnection.queue_blocks`."""
        senders = self._senders
        if senders:
            senders[hash(blocks[4:16]) % len(senders)].queue_blocks(blocks, count)
        else:
            self.unsent_frames += count

    # -- time

    def check(self, now: float) -> None:
        """Send due keep-alives, cut silent connections, end a silent session. Call each second."""
        if self.state is State.ENDED:
            return
        interval = self.timeout / 5
        for connection in list(self.connections):
            if connection.receives and now - connection.last_received > self.timeout:
                connection.abort()
            elif connection.sends and now - connection.last_sent >= interval:
                connection.send_keepalive()
        heard = max((c.last_received for c in self.connections if c.receives), default=0.0)
        self.last_heard = max(self.last_heard, heard)
        if now - self.last_heard > self.timeout:
            self.timed_out()

    def last_active(self) -> float:
        """Return when anything was heard last, monotonic seconds."""
        return max([self.last_heard, *(c.last_received for c in self.connections)])

    def timed_out(self) -> None:
        """Nothing was heard for `timeout`."""
        self.end()

    def end(self) -> None:
        """End the session for good, closing its connections cleanly."""
        if self.state is State.ENDED:
            return
        self.state = State.ENDED
        for connection in list(self.connections):
            connection.close()
