"""
HTTP on the listener: the VEN handshake under ``/vpnsvc/``, and room for what else is served.

twisted.web does the HTTP; when a session is welcomed the connection leaves it and becomes a
block stream. Other rooms add resources (``/api``) with :meth:`VENSite.put`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, ClassVar, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from iquila.errors import InternalError, PackError, ProtocolError
from iquila.session.connection import BlockConnection
from iquila.session.gate import Gate, Peer
from iquila.session.negotiation import Negotiation, Reply, Stage
from iquila.session.transport import TLSTransport
from iquila.wire.http import PACK_TYPE, PROBE_TOKEN, acceptable_signature
from iquila.wire.pack import Pack
from iquila.wire.refusal import error_pack

HANDSHAKE_SECONDS = 20
"""Time for everything before the welcome (reference §1.1)."""
IDLE_SECONDS = 60
"""Time between two requests of an ordinary HTTP client."""
BODY_LIMIT = 1024 * 1024
PACK_LIMIT = 64 * 1024
"""A login pack at most, reference §1.4."""

_PAGE = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>iquila</title><!-- {PROBE_TOKEN} --></head>
<body><h1>iquila</h1><p>This port serves VEN sessions. Administration: <a href="/api/">/api/</a>.
</p></body></html>
""".encode()


class BoundedRequest(Request):
    """A request whose body is bounded, whatever its declared length."""

    _received = 0

    def gotLength(self, length: int | None) -> None:
        """Refuse a declared length over the limit before anything is stored."""
        if length is not None and length > BODY_LIMIT:
            self._too_large()
            length = 0
        super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Store a piece of the body, up to the limit."""
        self._received += len(data)
        if self._received > BODY_LIMIT:
            self._too_large()
            return
        super().handleContentChunk(data)

    def _too_large(self) -> None:
        channel: Any = self.channel
        if channel is not None and channel.transport is not None:
            channel.transport.abortConnection()


class VENChannel(HTTPChannel):
    """An HTTP connection with the state of its VEN handshake."""

    negotiation: Negotiation | None = None


class VENSite(Site):
    """
    The HTTP service of a server.

    :param gate: called for the role of the moment; it may change at run time.
    """

    noisy = False
    protocol = VENChannel  # type: ignore[assignment]

    def __init__(self, gate: Callable[[], Gate], reactor: Any) -> None:
        self._root = Resource()
        self._root.putChild(b"", Page())
        ven = Resource()
        ven.putChild(b"connect.cgi", Signature(gate))
        ven.putChild(b"vpn.cgi", Negotiate(gate))
        self._root.putChild(b"vpnsvc", ven)
        super().__init__(
            self._root,
            requestFactory=BoundedRequest,
            timeout=IDLE_SECONDS,
            reactor=reactor,
        )
        self.displayTracebacks = False

    def put(self, path: bytes, resource: IResource) -> None:
        """Serve `resource` under ``/path``."""
        self._root.putChild(path, resource)

    def log(self, request: Any) -> None:
        """Write no access log: it would name switches and users of every login."""


class Page(Resource):
    """The small page; it carries the token that clients probe for (reference §1.2)."""

    isLeaf = False

    def render_GET(self, request: Request) -> bytes:
        """Return the page."""
        request.setHeader(b"content-type", b"text/html; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        return _PAGE


class Signature(Resource):
    """``POST /vpnsvc/connect.cgi``: a peer says that it speaks the protocol."""

    isLeaf = True

    def __init__(self, gate: Callable[[], Gate]) -> None:
        super().__init__()
        self._gate = gate

    def render_POST(self, request: Request) -> bytes:
        """Answer an acceptable signature with a Hello."""
        channel = cast(VENChannel, request.channel)
        if not acceptable_signature(_body(request)):
            request.setResponseCode(403)
            return b"Forbidden"
        channel.negotiation = Negotiation(self._gate(), lambda: peer_of(channel))
        channel.setTimeout(HANDSHAKE_SECONDS)
        request.setHeader(b"content-type", PACK_TYPE)
        return channel.negotiation.signed().encode()


class Negotiate(Resource):
    """``POST /vpnsvc/vpn.cgi``: the packs of the handshake."""

    isLeaf = True
    _log: ClassVar[Logger] = Logger()

    def __init__(self, gate: Callable[[], Gate]) -> None:
        super().__init__()
        self._gate = gate

    def render_POST(self, request: Request) -> int | bytes:
        """Answer a pack, in time."""
        channel = cast(VENChannel, request.channel)
        body = _body(request)
        if (
            channel.negotiation is None
            or channel.negotiation.stage is Stage.CLOSING
            or not 1 <= len(body) <= PACK_LIMIT
        ):
            request.setResponseCode(403)
            request.setHeader(b"connection", b"close")
            return b"Forbidden"
        exchange = _Exchange(request, channel, channel.negotiation)
        done = Deferred.fromCoroutine(exchange.run(body))
        done.addErrback(lambda f: self._log.failure("A handshake failed", f))
        return NOT_DONE_YET


class _Exchange:
    """One pack and its answer on an HTTP connection."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, request: Request, channel: VENChannel, negotiation: Negotiation) -> None:
        self._request = request
        self._channel = channel
        self._negotiation = negotiation
        self._gone = False
        request.notifyFinish().addErrback(self._connection_lost)

    def _connection_lost(self, _reason: Failure) -> None:
        self._gone = True

    async def run(self, body: bytes) -> None:
        try:
            reply = await self._negotiation.answer(Pack.decode(body))
        except PackError as error:
            reply = Reply(error_pack(ProtocolError(str(error))), close=True)
        except Exception:
            self._log.failure("A request of the handshake failed")
            reply = Reply(error_pack(InternalError()), close=True)
        if not self._gone:
            self._send(reply)
        elif reply.session is not None:
            # Nobody has its key: it could not be continued.
            reply.session.end()

    def _send(self, reply: Reply) -> None:
        transport = cast(TLSTransport, self._channel.transport)
        data = reply.pack.encode()
        if reply.cure_before:
            transport.send_handshake_message()
        self._request.setHeader(b"content-type", PACK_TYPE)
        self._request.setHeader(b"content-length", str(len(data)).encode())
        if reply.close:
            self._request.setHeader(b"connection", b"close")
        self._request.write(data)
        if reply.takes_over is None:
            self._request.finish()
            if reply.close:
                transport.loseConnection()
        else:
            self._hand_over(transport, reply.takes_over, reply.cure_after)

    def _hand_over(
        self, transport: TLSTransport, connection: BlockConnection, cure_after: bool
    ) -> None:
        """Let HTTP go of the connection once the answer is with the socket."""
        _cork(transport, True)
        self._request.finish()
        self._channel.setTimeout(None)
        transport.unregisterProducer()
        if cure_after:
            transport.send_handshake_message()
        transport.switch_protocol(connection)
        transport.flush()
        _cork(transport, False)


def _cork(transport: TLSTransport, on: bool) -> None:
    # Answer, handshake message and first keep-alive leave in one segment, so that the
    # client's session thread finds the message when it first looks (reference bets §2).
    if hasattr(socket, "TCP_CORK") and transport.connected:
        transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, int(on))


def _body(request: Request) -> bytes:
    if request.content is None:
        return b""
    return bytes(request.content.read())


def peer_of(channel: VENChannel) -> Peer:
    """Return the facts of the other end of an HTTP connection."""
    transport = cast(TLSTransport, channel.transport)
    there, here = cast(Any, transport.getPeer()), cast(Any, transport.getHost())
    address = ipaddress.ip_address(there.host.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return Peer(address, there.port, here.port, transport.tls_version, transport.cipher)
