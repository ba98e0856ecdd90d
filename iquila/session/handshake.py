"""
A connection from its first request to its data phase: the VEN handshake over HTTP.

What is asked and answered is :mod:`.negotiation`'s business. A request that is not one of the
handshake takes the connection to the HTTP server (:mod:`.web`), which gives it back when one
of the handshake follows: so do clients that probe with ``GET /`` first.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from iquila.errors import InternalError, PackError, ProtocolError
from iquila.interfaces import Purpose
from iquila.session.connection import BlockConnection
from iquila.session.gate import Gate, Peer
from iquila.session.negotiation import Negotiation, Reply, Stage
from iquila.session.port import TLSServerTransport
from iquila.wire.http import PACK_PATH, PACK_TYPE, SIGNATURE_PATH, acceptable_signature
from iquila.wire.pack import Pack
from iquila.wire.refusal import error_pack
from iquila.wire.requests import RequestReader, answer, begins_handshake, refusal

BODY_LIMIT = 64 * 1024
"""A login pack at most, reference §1.4."""


class HandshakeConnection(Protocol):
    """
    One connection before its data phase.

    :param gate: the role of the moment.
    :param soon: runs a step when there is time, for answers that came from another server.
    :param web: makes the HTTP server's protocol for this connection.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        gate: Callable[[], Gate],
        soon: Callable[[Callable[[], None]], None],
        web: Callable[[], IProtocol],
    ) -> None:
        self._gate = gate
        self._soon = soon
        self._web = web
        self._reader = RequestReader(BODY_LIMIT)
        self._negotiation: Negotiation | None = None
        self._busy = False
        self._io: Any = None

    def connectionMade(self) -> None:
        """Keep the transport with its own type."""
        self._io = self.transport

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go; a session whose welcome is still to be sent ends."""
        self._io = None

    # -- requests

    def dataReceived(self, data: bytes) -> None:
        """Collect a request, and answer it when it is complete."""
        if self._io is None or self._answered():
            return
        self._reader.feed(data)
        if not self._busy:
            self._next()
        elif len(self._reader.rest) > BODY_LIMIT:
            # Nobody has more to say before an answer.
            self._io.abortConnection()

    def _answered(self) -> bool:
        # What follows is only an acknowledgement (reference §1.6): the client waits for no answer
        # to it, and closes. If it does not, its time will be over.
        negotiation = self._negotiation
        return negotiation is not None and not self._busy and negotiation.stage is Stage.ANSWERED

    def _next(self) -> None:
        rest = self._reader.rest
        begins = begins_handshake(rest)
        if begins is None:
            return
        if not begins:
            web, io, self._io = self._web(), self._io, None
            io.relax()
            io.purpose = Purpose.OTHER
            io.switch_protocol(web)
            web.dataReceived(rest)
            return
        try:
            request = self._reader.take()
        except ProtocolError:
            self._refuse(400)
            return
        if request is None:
            return
        if request.path == SIGNATURE_PATH:
            self._signature(request.body)
        elif request.path == PACK_PATH:
            self._pack(request.content_type, request.body)
        else:
            self._refuse(404)

    def _refuse(self, status: int) -> None:
        self._io.write_through(memoryview(refusal(status)))
        self._io.loseConnection()

    def _signature(self, body: bytes) -> None:
        """Answer an acceptable signature with a Hello."""
        if not acceptable_signature(body):
            self._refuse(403)
            return
        self._io.purpose = Purpose.LOGIN
        self._negotiation = Negotiation(self._gate(), partial(peer_of, self._io))
        self._io.write_through(memoryview(answer(self._negotiation.signed().encode())))

    def _pack(self, content_type: bytes, body: bytes) -> None:
        """Answer a pack, at once or when the role has decided."""
        negotiation = self._negotiation
        if negotiation is None or content_type != PACK_TYPE or not body:
            self._refuse(403)
            return
        self._busy = True
        done = Deferred.fromCoroutine(self._reply(negotiation, body))
        if done.called:
            done.addCallback(self._send)
        else:
            # The answer of another server came: with it may come those of many connections.
            done.addCallback(lambda reply: self._soon(partial(self._send, reply)))
        done.addErrback(lambda f: self._log.failure("A handshake failed", f))

    async def _reply(self, negotiation: Negotiation, body: bytes) -> Reply:
        try:
            return await negotiation.answer(Pack.decode(body))
        except PackError as error:
            return Reply(error_pack(ProtocolError(str(error))), close=True)
        except Exception:
            self._log.failure("A request of the handshake failed")
            return Reply(error_pack(InternalError()), close=True)

    # -- answers

    def _send(self, reply: Reply) -> None:
        self._busy = False
        io = self._io
        if io is None:
            if reply.session is not None:
                # Nobody has its key: it could not be continued.
                reply.session.end()
            return
        data = answer(reply.pack.encode(), close=reply.close)
        if reply.takes_over is not None:
            self._hand_over(data, reply, reply.takes_over)
            return
        io.write_through(memoryview(data))
        if reply.administration is not None:
            self._leave_to(reply.administration)
        elif reply.close:
            io.loseConnection()
        elif self._reader.rest and not self._answered():
            self._next()

    def _leave_to(self, protocol: IProtocol) -> None:
        """Let a protocol that carries no blocks have the connection."""
        io, self._io, rest = self._io, None, self._reader.rest
        io.relax()
        io.switch_protocol(protocol)
        if rest:
            protocol.dataReceived(rest)

    def _hand_over(self, data: bytes, reply: Reply, connection: BlockConnection) -> None:
        """Send the last answer, and let the data phase have the connection."""
        io, self._io, rest = self._io, None, self._reader.rest
        if reply.cure_before:
            io.send_handshake_message()
        if reply.cure_after:
            # Answer, handshake message and first keep-alive leave in one segment, so that the
            # client's session thread finds the message when it first looks (reference bets §2).
            io.cork(True)
            io.write_through(memoryview(data))
            io.send_handshake_message()
            io.switch_protocol(connection)
            io.flush()
            io.cork(False)
        else:
            connection.preface = data
            io.switch_protocol(connection)
        if rest:
            io.preload(rest)


def peer_of(transport: TLSServerTransport) -> Peer:
    """Return the facts of the other end of a connection."""
    host, port = transport.remote
    return Peer(
        _address(host),
        port,
        transport.local_port,
        transport.tls_version,
        transport.cipher,
        transport.name,
    )


@lru_cache(maxsize=4096)
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
