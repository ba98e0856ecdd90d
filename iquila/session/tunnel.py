"""
What both ends of a VEN session share: 1..32 connections, keep-alives, time-outs.

A session is more than its connections: when all are lost it waits, up to its `timeout`, for
the client to open another one with the session key (reference §6.3, §6.6).

Two iquila ends tell each other things in keep-alives, which all others ignore
(:func:`iquila.wire.blocks.control_message`): among them, which connections they have lost
(:mod:`iquila.wire.gone`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from iquila.session.connection import BlockConnection
from iquila.session.flows import FlowTable
from iquila.session.flusher import Flusher
from iquila.switch.port import Lane
from iquila.wire.blocks import Run
from iquila.wire.gone import MAX_NAMES, gone_message, read_gone_message
from iquila.wire.scan import MACS
from iquila.wire.superframe import first_key

PAUSE_SECONDS = 0.05
"""How long a conversation waits after the loss of its connection where the peer will not say
when it may go on; TCP waits longer anyway."""
CONFIRM_SECONDS = 1.0
"""How long it waits for a peer that will."""


class State(Enum):
    """The life of a session."""

    WAITING = "waiting"
    """No connection at present."""
    ACTIVE = "active"
    ENDED = "ended"


class Nowhere:
    """The lane of a session without a connection: frames are counted and lost."""

    __slots__ = ("frames",)

    def __init__(self) -> None:
        self.frames = 0

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Count."""
        self.frames += count

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Count."""
        self.frames += count


class Tunnel:
    """
    One end of a session.

    :param clock: `IReactorTime`.
    :param timeout: seconds without any data after which the session ends.
    :param max_connections: 1..32.
    :param super_frames: whether both ends have said that they take super-frames.
    """

    def __init__(
        self,
        clock: Any,
        flusher: Flusher,
        *,
        timeout: float,
        max_connections: int,
        super_frames: bool = False,
    ) -> None:
        self.clock = clock
        self.flusher = flusher
        self.timeout = timeout
        self.max_connections = max_connections
        self.super_frames = super_frames
        self.state = State.WAITING
        self.connections: list[BlockConnection] = []
        self.connections_made = 0
        self.counter: Callable[[Any, int], None] | None = None
        """Told of this session and each connection that comes (1) and goes (-1)."""
        self.last_heard = self.now()
        self.nowhere = Nowhere()
        """Counts the frames that found no connection to be sent on."""
        self._senders: list[BlockConnection] = []
        self._flows: FlowTable[BlockConnection] | None = None
        self._pausing: Any = None
        # Names of lost connections, the latest last; older ones cannot matter any more.
        self._gone_here: tuple[bytes, ...] = ()
        self._gone_there: tuple[bytes, ...] = ()

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
        if self.counter is not None:
            self.counter(self, 1)
        self._connections_changed()

    def detached(self, connection: BlockConnection, *, clean: bool = False) -> None:
        """Forget a lost connection; `clean` where the peer said that it closes."""
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        if self.counter is not None:
            self.counter(self, -1)
        self.last_heard = max(self.last_heard, connection.last_received)
        if self._flows is not None and connection.name not in self._gone_there:
            limit = CONFIRM_SECONDS if connection.name else PAUSE_SECONDS
            self._flows.lost(connection, self.now(), limit)
        if connection.name:
            self._gone_here = (*self._gone_here, connection.name)[-MAX_NAMES:]
        self._connections_changed()
        if not self.connections and self.state is State.ACTIVE:
            self.state = State.WAITING
            self.all_connections_lost(clean=clean)

    def _connections_changed(self) -> None:
        self._senders = [c for c in self.connections if c.sends]
        if self._gone_here and self._senders:
            # The same names again and again: a message may go with its connection.
            self._senders[-1].send_control(gone_message(self._gone_here))
        self._look_at_pauses()

    def _confirmed(self, names: list[bytes]) -> None:
        """Let the conversations go on whose lost connections the peer has lost too."""
        # The peer may have noticed before us.
        new = [name for name in names if name not in self._gone_there]
        self._gone_there = (*self._gone_there, *new)[-MAX_NAMES:]
        if self._flows is not None and self._pausing is not None:
            for connection in self._flows.pausing():
                if connection.name in new:
                    self._flows.confirmed(connection)
            self._look_at_pauses()

    def _look_at_pauses(self) -> None:
        """Have ways chosen for again, now and when the present pauses are over."""
        if self._pausing is not None and self._pausing.active():
            self._pausing.cancel()
        self._pausing = None
        if self.state is State.ENDED:
            return
        seconds = 0.0 if self._flows is None else self._flows.pause(self.now())
        if seconds:
            self._pausing = self.clock.callLater(seconds, self._look_at_pauses)
        self.lanes_changed()
        self.congestion_changed()

    def lanes_changed(self) -> None:
        """Conversations may take other connections from now on."""

    def congestion_changed(self) -> None:
        """What :attr:`congested` says may have changed."""

    @property
    def congested(self) -> bool:
        """
        Whether frames had better wait.

        A connection has more to send than its socket takes, or conversations have to pause
        because theirs was lost, or there is none at all.
        """
        if self._pausing is not None or not self._senders:
            return True
        return any(connection.congested for connection in self._senders)

    def all_connections_lost(self, *, clean: bool) -> None:
        """Every connection is lost; the session waits for another."""

    # -- data

    def runs_received(self, buffer: bytearray, runs: list[Run]) -> None:
        """Take runs of frames that arrived."""
        raise NotImplementedError

    def control_received(self, payload: bytes) -> None:
        """Take a control message of the other end; unknown ones are ignored."""
        if names := read_gone_message(payload):
            self._confirmed(names)

    def lane(self, key: bytes) -> Lane:
        """Return the connection for a conversation; see :mod:`.flows`."""
        senders = self._senders
        if self.max_connections == 1 and senders:
            return senders[0]
        if not senders:
            return self.nowhere
        if self._flows is None:
            self._flows = FlowTable()
        # Without the mark of super-frames: ordinary frames must not take another way than they.
        return self._flows.choose(key[:MACS], senders, self.now()) or self.nowhere

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Send shared blocks; see :meth:`.connection.BlockConnection.queue_blocks`."""
        if self.max_connections == 1 and self._senders:
            self._senders[0].queue_blocks(blocks, count)
        else:
            self.lane(first_key(blocks)).queue_blocks(blocks, count)

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
        self._look_at_pauses()
        for connection in list(self.connections):
            connection.close()
