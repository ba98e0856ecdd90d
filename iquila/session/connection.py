"""
One TCP connection of a session in its data phase: blocks in, blocks out (reference §6.1).

Knows nothing of users or switches; a :class:`.tunnel.Tunnel` gathers up to 32 of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from iquila.errors import FrameStreamError
from iquila.session.contexts import ALPN_VEN
from iquila.session.transport import READ_LIMIT, IBufferReceiver
from iquila.switch.queue import DropTailQueue
from iquila.wire.additional import Direction
from iquila.wire.blocks import BlockDecoder, control_message, keepalive, put_count
from iquila.wire.gone import NAME_SIZE

if TYPE_CHECKING:
    from iquila.session.tunnel import Tunnel

QUEUE_LIMIT = 4 * 1024 * 1024
"""Bytes that wait for one slow connection before whole runs are dropped (data-path §7)."""
WRITE_SIZE = 64 * 1024
LONG_RUN, SMALL_BLOCK = 16, 256
BURST_LIMIT = 16 * 1024
"""Bytes read in one turn in the middle of long runs of blocks smaller than SMALL_BLOCK: longer
bursts of them overrun the socket that they are for. Short runs go many ways, and the more is read
at once the fewer writes they become."""
NAME_LABEL = b"EXPERIMENTAL-iquila-connection"
"""Label of the keying material that a connection's name is made of (RFC 5705)."""


@implementer(IBufferReceiver, IPushProducer)
class BlockConnection(Protocol):
    """
    A connection that carries blocks.

    :param receives: whether blocks may arrive on it (half duplex, reference §6.5).
    :param sends: whether blocks may be sent on it.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, tunnel: Tunnel, *, receives: bool = True, sends: bool = True) -> None:
        self.tunnel = tunnel
        self.receives = receives
        self.sends = sends
        self.decoder = BlockDecoder(
            super_allowed=tunnel.super_frames, control=tunnel.control_received
        )
        self.queue = DropTailQueue(QUEUE_LIMIT)
        self.preface = b""
        """What the peer is to get before the first keep-alive, and in one record with it."""
        self.dirty = False
        """Whether the flusher has this connection on its list."""
        self._seconds = tunnel.clock.seconds
        self.last_received: float = self._seconds()
        self.last_sent = self.last_received
        self.name = b""
        """What both ends call this connection, empty where the peer is not one of ours."""
        self._paused = False
        self._io: Any = None

    def connectionMade(self) -> None:
        """Join the session, and say so to the peer with a first keep-alive."""
        self._io = self.transport
        self._io.registerProducer(self, True)
        if self.tunnel.max_connections > 1 and self._io.negotiatedProtocol == ALPN_VEN:
            self.name = self._io.channel_binding(NAME_LABEL)[:NAME_SIZE]
        first, self.preface = self.preface + (keepalive() if self.sends else b""), b""
        if first:
            with memoryview(first) as view:
                self._write(view)
        self.tunnel.attached(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Leave the session; what was queued here is lost."""
        self._io = None
        self.tunnel.detached(self, clean=reason.check(ConnectionDone) is not None)

    @property
    def cipher(self) -> str:
        """The cipher suite, or the empty string where the connection is lost."""
        return str(self._io.cipher) if self._io is not None else ""

    # -- receiving

    def buffer_received(self, buffer: bytearray, start: int, end: int) -> int:
        """Cut what arrived into runs and hand them on."""
        self.last_received = self._seconds()
        try:
            runs, consumed = self.decoder.decode(buffer, start, end)
        except FrameStreamError as error:
            self._log.warn("{tunnel}: {error}", tunnel=self.tunnel, error=error)
            self.abort()
            return end
        if runs:
            first, last, count, _key = runs[0]
            small = count >= LONG_RUN and last - first < count * SMALL_BLOCK
            self._io.read_limit = BURST_LIMIT if small else READ_LIMIT
            if self.receives:
                self.tunnel.runs_received(buffer, runs)
        return consumed

    # -- sending

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """
        Send `count` consecutive blocks, from the caller's buffer where the socket takes them.

        Uses ``buffer[start - 4:start]`` for the count word while it runs.
        """
        if self._io is None:
            return
        if self._paused or self.queue.size:
            self.queue.put(bytes(memoryview(buffer)[start:end]), count)
            self.tunnel.flusher.mark(self)
            return
        before = buffer[start - 4 : start]
        put_count(buffer, start, count)
        with memoryview(buffer) as whole, whole[start - 4 : end] as view:
            self._write(view)
        buffer[start - 4 : start] = before

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Send blocks shared with other connections, by the end of this turn of the reactor."""
        self.queue.put(blocks, count)
        self.tunnel.flusher.mark(self)

    def flush(self) -> None:
        """Send what is queued, as far as the socket takes it."""
        self.dirty = False
        while self.queue.size and not self._paused and self._io is not None:
            blocks, count = self.queue.take(WRITE_SIZE)
            with memoryview(count.to_bytes(4, "big") + blocks) as view:
                self._write(view)

    def _write(self, view: memoryview) -> None:
        # What OpenSSL was offered once it must be offered again, so the rest is never
        # dropped here: the bound holds because a paused connection is offered nothing.
        if not self._io.write_through(view) and not self._paused:
            self._paused = True
            self.tunnel.congestion_changed()
        self.last_sent = self._seconds()

    def send_keepalive(self) -> None:
        """Send a keep-alive, unless frames wait already (they serve as well)."""
        if self._io is not None and not self._io.pending():
            with memoryview(keepalive()) as view:
                self._write(view)

    def send_control(self, payload: bytes) -> None:
        """Tell our own kind of peer something (at most 256 bytes), in a keep-alive."""
        if self._io is not None:
            with memoryview(control_message(payload)) as view:
                self._write(view)

    def close(self) -> None:
        """Close cleanly, with close_notify."""
        if self._io is not None:
            self._io.loseConnection()

    def abort(self) -> None:
        """Close at once."""
        if self._io is not None:
            self._io.abortConnection()

    @property
    def congested(self) -> bool:
        """Whether the socket is slow."""
        return self._paused

    def pauseProducing(self) -> None:
        """The socket is slow: queue from now on."""
        if not self._paused:
            self._paused = True
            self.tunnel.congestion_changed()

    def resumeProducing(self) -> None:
        """The socket has room again."""
        self._paused = False
        self.flush()
        if not self._paused:
            self.tunnel.congestion_changed()

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` follows."""
        self._paused = True


def sides(direction: Direction, *, server: bool) -> tuple[bool, bool]:
    """Return (receives, sends) of one end of a connection with this direction."""
    if direction is Direction.BOTH:
        return True, True
    to_server = direction is Direction.CLIENT_TO_SERVER
    return (to_server, not to_server) if server else (not to_server, to_server)
