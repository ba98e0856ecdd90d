"""
HTTP on the listener, for whatever is not the VEN handshake (:mod:`.handshake`): the small page
that clients probe for, and what other rooms add (``/api``) with :meth:`VENSite.put`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

from iquila.interfaces import Purpose
from iquila.session.gate import Gate
from iquila.session.handshake import HandshakeConnection
from iquila.session.pacer import Pacer
from iquila.wire.http import PROBE_TOKEN
from iquila.wire.requests import begins_handshake

IDLE_SECONDS = 60
"""Time between two requests of an ordinary HTTP client."""
REQUEST_SECONDS = 30
"""Time for a request to arrive completely: Twisted's own time begins anew with every byte."""
BODY_LIMIT = 1024 * 1024

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
    """An HTTP connection, until a request of the VEN handshake follows."""

    site: VENSite
    _arriving: IDelayedCall | None = None

    def dataReceived(self, data: bytes) -> None:
        """Take bytes; give the connection back where they are not for an HTTP server."""
        if self.requests or begins_handshake(data) is False:
            if self._arriving is None:
                self._arriving = self.callLater(REQUEST_SECONDS, self.forceAbortClient)
            super().dataReceived(data)
            return
        transport: Any = self.transport
        self.setTimeout(None)
        transport.unregisterProducer()
        transport.hurry()
        transport.purpose = Purpose.BEGINNING
        handshake = self.site.buildProtocol(transport.getPeer())
        transport.switch_protocol(handshake)
        handshake.dataReceived(data)

    def allContentReceived(self) -> None:
        """Note that a request is complete."""
        self._arrived()
        super().allContentReceived()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go."""
        self._arrived()
        super().connectionLost(reason)

    def _arrived(self) -> None:
        if self._arriving is not None and self._arriving.active():
            self._arriving.cancel()
        self._arriving = None


class VENSite(Site):
    """
    The HTTP service of a server, beginning with the VEN handshake.

    :param gate: called for the role of the moment; it may change at run time.
    """

    noisy = False
    protocol = VENChannel  # type: ignore[assignment]

    def __init__(self, gate: Callable[[], Gate], reactor: Any, pacer: Pacer) -> None:
        self._root = Resource()
        self._root.putChild(b"", Page())
        self._gate = gate
        self._pacer = pacer
        super().__init__(
            self._root,
            requestFactory=BoundedRequest,
            timeout=IDLE_SECONDS,
            reactor=reactor,
        )
        self.displayTracebacks = False

    def buildProtocol(self, addr: Any) -> Any:
        """Build what a connection begins with."""
        return HandshakeConnection(self._gate, self._pacer.soon, lambda: self._http(addr))

    def _http(self, addr: Any) -> IProtocol:
        channel: Any = super().buildProtocol(addr)
        return channel  # type: ignore[no-any-return]

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
