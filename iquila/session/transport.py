"""
TLS on the file descriptor: Twisted's TCP transports with OpenSSL reading and writing the socket.

Twisted's own TLS copies every byte through memory BIOs; here `SSL.Connection` works on the
socket itself, and everything else (buffering, producers, closing) stays Twisted's. Any
`IProtocol` runs on these transports. A protocol that provides :class:`IBufferReceiver` is
handed slices of one buffer shared by the process instead of new bytes objects.

The two kinds of connections are in :mod:`.port` and :mod:`.connector`. Not for choosing
certificates or protocols: see :mod:`.contexts`, :mod:`.listener` and :mod:`.endpoint`.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from OpenSSL import SSL
from twisted.internet import main, tcp
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener, IProtocol, ISSLTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from iquila.errors import ProtocolError
from iquila.session.tlscalls import CALLS, RECORD, Outcome, SharedBuffer
from iquila.session.verification import peer_certificate

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

HEADROOM = 64
"""Bytes in front of received data that a receiver may overwrite (a count word needs 4)."""
READ_LIMIT = 256 * 1024
"""Bytes read in one turn of the reactor before other connections get theirs."""
QUIET_SECONDS = 0.0002
"""A connection that was last read so long ago is not in the middle of a stream."""
TAIL_LIMIT = 72 * 1024
"""Unconsumed bytes that a buffer receiver may leave for its next call."""
HANDSHAKE_SECONDS = 15.0
"""Time for the TLS handshake of a client."""
LINGER_SECONDS = 2.0
"""Time for the peer to close its half after our close_notify."""
FLUSH_SECONDS = 3.0
"""Time for the peer to take what is still unsent when the connection is to be closed."""
CLIENT_HELLO_RETRY = 0.02

# One for the process: reading is synchronous, so no two connections use it at a time, and
# an idle session costs no buffer (reference data-path §4). Reads never go over the end:
# HEADROOM + tail + READ_LIMIT + one record.
_SCRATCH = SharedBuffer(HEADROOM + TAIL_LIMIT + READ_LIMIT + RECORD)

EXPORTER_LABEL = b"EXPERIMENTAL-iquila-cluster"
"""Label of the keying material that binds a proof to its channel (RFC 5705)."""


class IBufferReceiver(Interface):
    """A protocol that reads from the shared buffer."""

    def buffer_received(buffer: bytearray, start: int, end: int) -> int:
        """
        Consume `buffer[start:end]`, keeping no reference to the buffer.

        At least :data:`HEADROOM` bytes before `start` may be overwritten.

        :returns: the offset of the first byte not consumed; the rest (at most
            :data:`TAIL_LIMIT` bytes) is presented again with more behind it.
        """


# As the reactor does: the usual reasons are told without making a failure for each.
_FAILURES: dict[BaseException, Failure] = {
    reason: Failure(reason) for reason in (main.CONNECTION_DONE, main.CONNECTION_LOST)
}


class NotReady(Exception):
    """The ClientHello has not arrived completely."""


@implementer(ISSLTransport)
class TLSTransport(tcp.Connection):
    """
    What the server's and the client's transport share.

    Before the handshake is done nothing is delivered or sent; then the protocol is told by
    `handshakeCompleted`, if it provides `IHandshakeListener`.
    """

    _log: ClassVar[Logger] = Logger()
    bufferSize = 64 * 1024
    read_limit = READ_LIMIT
    """Bytes that are read in one turn for a buffer receiver; READ_LIMIT at most."""

    reactor: Any
    tls: SSL.Connection | None = None
    negotiatedProtocol: bytes | None = None
    handshake_error: Exception | None = None
    """Why the TLS handshake failed."""
    _secured = False
    _lingering = False
    _notified = False
    _write_waits_for_read = False
    _paused = False
    _read_at = 0.0
    _tail = b""
    _receiver: Any = None
    _timer: IDelayedCall | None = None
    _retry: IDelayedCall | None = None

    # -- what subclasses and protocols use

    def exempt(self) -> None:
        """Serve this connection in every turn of the reactor from now on, without a deadline."""

    def hurry(self) -> None:
        """Close this connection if it is not at rest in time; so it begins."""

    def relax(self) -> None:
        """Let this connection last."""

    def switch_protocol(self, protocol: IProtocol) -> None:
        """Let `protocol` have the connection from the next byte on."""
        self.protocol = protocol
        self._receiver = protocol if IBufferReceiver.providedBy(protocol) else None
        protocol.makeConnection(self)

    def preload(self, data: bytes) -> None:
        """Deliver `data`, read by an earlier protocol, before what the socket has."""
        self._tail = data
        start = HEADROOM
        end = start + len(data)
        _SCRATCH.data[start:end] = data
        self._deliver_shared(end)

    def peer_certificate(self) -> bytes:
        """Return the peer's certificate, DER, or empty bytes."""
        return b"" if self.tls is None else peer_certificate(self.tls)

    def pending(self) -> int:
        """Return how many bytes wait here for the socket."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def write_through(self, view: memoryview) -> bool:
        """
        Write at once, from the caller's buffer, what the socket takes; keep a copy of the rest.

        :returns: whether all went out. If not, a registered streaming producer should wait:
            its `resumeProducing` is called when nothing waits here any more.
        """
        if self.disconnecting or not self.connected:
            return True
        taken: Any = 0
        if self._secured and not (self._tempDataLen or self.dataBuffer):
            taken = self.writeSomeData(view)
            if not isinstance(taken, int):
                # The reactor has to hear of the loss from its own call; this data is lost.
                self.reactor.callLater(0, self._lost, taken)
                return True
            if taken == len(view):
                return True
        self.write(bytes(view[taken:]))
        self.producerPaused = self.producer is not None
        return False

    def flush(self) -> None:
        """Give the socket now what it takes of the waiting bytes."""
        if self.connected and self._secured and self.pending():
            result = self.doWrite()
            if result is not None:
                self.reactor.callLater(0, self._lost, result)

    def cork(self, on: bool) -> None:
        """Keep what is written together, until this is called again with False."""
        if hasattr(socket, "TCP_CORK") and self.connected:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, int(on))

    def send_handshake_message(self) -> None:
        """
        Send a TLS handshake message, where the version negotiated has one to send.

        Debian's client carries no traffic after an unclean cut unless it has to process one
        (reference §11.1); with TLS 1.2 it is a HelloRequest (RFC 5246 §7.4.1.1). With TLS
        1.3 nothing is sent: peers that negotiate it do not need the cure.
        """
        self.flush()
        if self.tls is None or self.pending():
            return
        if self.tls.get_protocol_version() != SSL.TLS1_2_VERSION:
            return
        try:
            self.tls.renegotiate()
            self.tls.do_handshake()
        except (SSL.WantReadError, SSL.WantWriteError):
            return
        except SSL.Error:
            self._log.failure("A handshake message could not be sent")

    def channel_binding(self, label: bytes = EXPORTER_LABEL) -> bytes:
        """Return 32 bytes that only the two ends of this very channel can know (RFC 5705)."""
        if self.tls is None or not self._secured:
            raise ProtocolError("The channel is not secured yet.")
        return self.tls.export_keying_material(label, 32)

    def getPeerCertificate(self) -> object:
        """Return the peer's X.509 certificate or None."""
        return None if self.tls is None else self.tls.get_peer_certificate()

    @property
    def tls_version(self) -> str:
        """The negotiated protocol version, such as ``TLSv1.3``, or the empty string."""
        return self.tls.get_protocol_version_name() if self.tls and self._secured else ""

    @property
    def cipher(self) -> str:
        """The negotiated cipher suite, or the empty string."""
        return (self.tls.get_cipher_name() or "") if self.tls and self._secured else ""

    # -- handshake

    def _make_tls(self) -> SSL.Connection:
        raise NotImplementedError

    def _negotiated(self) -> bytes | None:
        assert self.tls is not None
        return self.tls.get_alpn_proto_negotiated() or None

    def _judge_peer(self) -> None:
        """Check the peer after the handshake; raise to refuse it."""

    def _begin(self) -> None:
        self._timer = self.reactor.callLater(HANDSHAKE_SECONDS, self.abortConnection)

    def _handshake(self) -> BaseException | None:
        try:
            if self.tls is None:
                self.tls = self._make_tls()
            self.tls.do_handshake()
        except SSL.WantReadError:
            self.stopWriting()
            return None
        except SSL.WantWriteError:
            self._write_waits_for_read = False
            self.startWriting()
            return None
        except NotReady:
            # Peeked data stays readable: wait by the clock, or the reactor would spin.
            self.stopReading()
            self._retry = self.reactor.callLater(CLIENT_HELLO_RETRY, self.startReading)
            return None
        except (SSL.Error, ProtocolError, OSError) as error:
            self._log.debug("TLS handshake with {peer} failed: {error}", peer=self, error=error)
            self.handshake_error = error
            return ConnectionLost(f"TLS handshake failed: {error}")
        return self._handshake_done()

    def _handshake_done(self) -> BaseException | None:
        assert self.tls is not None
        self._cancel_timer()
        self._secured = True
        self.negotiatedProtocol = self._negotiated()
        try:
            self._judge_peer()
        except Exception as error:
            return ConnectionLost(str(error))
        listener = cast(Any, IHandshakeListener(self.protocol, None))
        if listener is not None:
            listener.handshakeCompleted()
        else:
            self.relax()
        if self.pending() or self.disconnecting:
            self.startWriting()
        return None

    # -- reading

    def doRead(self) -> Any:
        """Read what the socket has, in bounded amounts, and deliver it."""
        if self._lingering:
            return self._discard()
        if not self._secured:
            return self._handshake()
        if self._write_waits_for_read:
            self._write_waits_for_read = False
            self.startWriting()
        if self._receiver is not None:
            return self._read_shared()
        return self._read_bytes()

    def _read_bytes(self) -> BaseException | None:
        # One record in a turn: what the peer wrote at once. More would keep others waiting, and
        # asking for more only to hear that there is none costs as much as the reactor's turn.
        if not self._may_read():
            return None
        assert self.tls is not None
        end, outcome = CALLS.read(self.tls, _SCRATCH, HEADROOM, HEADROOM + 1, False)
        if end > HEADROOM:
            self.protocol.dataReceived(bytes(_SCRATCH.view[HEADROOM:end]))
            return None
        return self._ended(outcome)

    def _read_shared(self) -> BaseException | None:
        assert self.tls is not None
        start = HEADROOM + len(self._tail)
        if self._tail:
            _SCRATCH.data[HEADROOM:start] = self._tail
        # A connection that was quiet has one record waiting as a rule: to ask for another
        # would cost two calls to hear that there is none.
        now = self.reactor.seconds()
        greedy = now - self._read_at < QUIET_SECONDS
        self._read_at = now
        end, outcome = CALLS.read(self.tls, _SCRATCH, start, start + self.read_limit, greedy)
        if end > start:
            self._deliver_shared(end)
        return self._ended(outcome)

    def _ended(self, outcome: Outcome) -> BaseException | None:
        """Go on after a call that could not read more; return the loss, if it is one."""
        if outcome is Outcome.WANT_WRITE:
            self.startWriting()
        elif outcome is Outcome.CLOSED:
            return main.CONNECTION_DONE
        elif outcome is Outcome.LOST:
            return main.CONNECTION_LOST
        return None

    def _deliver_shared(self, end: int) -> None:
        self._tail = b""
        consumed = self._receiver.buffer_received(_SCRATCH.data, HEADROOM, end)
        if consumed == end:
            return
        if end - consumed > TAIL_LIMIT:
            self._log.error(
                "{receiver} left {count} of {all} bytes",
                receiver=self._receiver,
                count=end - consumed,
                all=end - HEADROOM,
            )
            self.abortConnection()
            return
        self._tail = bytes(_SCRATCH.view[consumed:end])

    def _may_read(self) -> bool:
        return bool(self.connected and not self._paused and not self.disconnecting)

    def pauseProducing(self) -> None:
        """Stop delivering until :meth:`resumeProducing`."""
        self._paused = True
        super().pauseProducing()

    def resumeProducing(self) -> None:
        """Deliver again."""
        self._paused = False
        super().resumeProducing()

    # -- writing

    def doWrite(self) -> Any:
        """Go on with the handshake, or send waiting bytes."""
        if not self._secured and not self._lingering:
            return self._handshake() if self.tls is not None else self.stopWriting()
        return super().doWrite()

    def writeSomeData(self, data: bytes | memoryview) -> Any:
        """Send until the socket takes no more; return the bytes taken or the loss."""
        assert self.tls is not None
        taken, outcome = CALLS.write(self.tls, memoryview(data))
        if outcome is Outcome.WANT_WRITE:
            self.startWriting()
        elif outcome is Outcome.WANT_READ:
            # A renegotiation is on: only reading can bring it on.
            self._write_waits_for_read = True
            self.stopWriting()
        elif outcome is not Outcome.DONE:
            return main.CONNECTION_LOST
        return taken

    # -- closing

    def loseConnection(self, _connDone: Failure | None = None) -> None:
        """Send what waits, then close_notify, then close; each within a bounded time."""
        if not self.connected or self.disconnecting:
            return
        if not self._secured:
            self.abortConnection()
            return
        self._cancel_timer()
        if self.pending() or self.producer is not None:
            self._timer = self.reactor.callLater(FLUSH_SECONDS, self.abortConnection)
            super().loseConnection()
            return
        self.disconnecting = True
        result = self._postLoseConnection()
        if result is not None:
            self.reactor.callLater(0, self._lost, result)

    def _postLoseConnection(self) -> Any:
        # A close() with unread data makes the kernel send a reset, which can overtake our
        # close_notify and count as an unclean cut at the peer (reference §11.1). So only
        # our half is closed, and the peer's is read until it closes too.
        self._cancel_timer()
        self._close_notify()
        self._lingering = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            return main.CONNECTION_DONE
        self._timer = self.reactor.callLater(LINGER_SECONDS, self._lost, main.CONNECTION_DONE)
        self.startReading()
        return None

    def _discard(self) -> BaseException | None:
        try:
            while data := self.socket.recv(READ_LIMIT):
                del data
        except BlockingIOError:
            return None
        except OSError:
            pass
        return main.CONNECTION_DONE

    def _close_notify(self) -> None:
        if self.tls is None or self._notified or not self._secured:
            return
        self._notified = True
        with suppress(SSL.Error):
            self.tls.shutdown()

    def _lost(self, reason: BaseException) -> None:
        if self.connected:
            self.connectionLost(_FAILURES.get(reason) or Failure(reason))

    def connectionLost(self, reason: Failure) -> None:
        """Close the socket and tell the protocol."""
        self._cancel_timer()
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        if reason.check(ConnectionDone):
            self._close_notify()
        super().connectionLost(reason)
        self.tls = None
        self._receiver = None
        self._tail = b""

    def abortConnection(self) -> None:
        """Close at once, unsent data lost."""
        self._cancel_timer()
        super().abortConnection()

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
