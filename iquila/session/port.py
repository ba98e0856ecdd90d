"""
TLS ports, and the connections that they accept.

A connection is served when its port's pacer has time for it, until it carries data, and is
closed if it does not come to rest in time. Not for what is spoken on it: see :mod:`.listener`.
"""

from __future__ import annotations

import socket
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet import main, tcp
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from iquila.errors import ProtocolError
from iquila.interfaces import Purpose
from iquila.session.contexts import ServerContexts
from iquila.session.deadlines import Deadlines
from iquila.session.pacer import Pacer
from iquila.session.tlscalls import RECORD
from iquila.session.transport import IBufferReceiver, NotReady, TLSTransport
from iquila.wire.clienthello import parse_client_hello

LOGIN_SECONDS = 20.0
"""Time for everything before a connection is at rest (reference §1.1)."""
ACCEPTS = 4
"""Connections that are accepted at once: a quarter of a millisecond's work."""


class TLSServerTransport(TLSTransport, tcp.Server):
    """
    An accepted connection; looks at the ClientHello before it chooses a context.

    Until it carries data it is served when its port's pacer has time for it.
    """

    contexts: ServerContexts
    _pacer: Pacer | None = None
    _offers = False
    """Whether the peer offered application protocols."""
    number = 0
    """Which connection of this server it is, from 1; 0 before it is known."""
    since = 0
    """When it was accepted, ms since 1970."""
    purpose = Purpose.BEGINNING
    peer_program = ""
    """What the peer says that it is."""

    def __init__(
        self,
        sock: socket.socket,
        protocol: IProtocol,
        client: tuple[object, ...],
        server: TLSPort,
        sessionno: int,
        reactor: Any,
    ) -> None:
        self._pacer = server.pacer
        tcp.Server.__init__(self, sock, protocol, client, server, sessionno, reactor)
        self.contexts = server.contexts
        self._port = server
        server.accepted.add(self)
        self.setTcpNoDelay(True)
        self._begin()

    @property
    def remote(self) -> tuple[str, int]:
        """The peer's address and port."""
        host, port = self.client[:2]
        return str(host), cast(int, port)

    @property
    def local_port(self) -> int:
        """The port of ours that the peer reached."""
        return self._port.number

    @property
    def name(self) -> str:
        """How administrators see this connection (reference §9.6)."""
        return f"CID-{self.number}"

    # -- pacing

    def _begin(self) -> None:
        self.hurry()

    def hurry(self) -> None:
        """Close this connection if it is not at rest in time; so it begins."""
        self._port.deadlines.begin(self, self.abortConnection)

    def relax(self) -> None:
        """Let this connection last."""
        self._port.deadlines.end(self)

    def exempt(self) -> None:
        """Serve this connection in every turn of the reactor from now on, without a deadline."""
        self.relax()
        if self._pacer is not None:
            self._pacer.unwatch(self.fileno())
            self._pacer = None
            if self.connected and not self._paused:
                self.startReading()

    def switch_protocol(self, protocol: IProtocol) -> None:
        """Let `protocol` have the connection; one that carries data is exempt from pacing."""
        if IBufferReceiver.providedBy(protocol):
            self.exempt()
            self.purpose = Purpose.SESSION
        super().switch_protocol(protocol)

    def startReading(self) -> None:
        """Have the socket read when there is something, in this connection's turn."""
        if self._pacer is None:
            super().startReading()
        else:
            self._pacer.watch(self.fileno(), self._step)

    def stopReading(self) -> None:
        """Leave what arrives with the socket."""
        if self._pacer is None:
            super().stopReading()
        else:
            self._pacer.unwatch(self.fileno())

    def _step(self) -> None:
        try:
            result = self.doRead()
        except Exception:
            self._log.failure("{peer} is closed", peer=self)
            result = main.CONNECTION_LOST
        if result is not None:
            self._lost(result)

    def connectionLost(self, reason: Failure) -> None:
        """Close the socket and tell the protocol and the port."""
        self._port.accepted.discard(self)
        self.relax()
        super().connectionLost(reason)

    def _make_tls(self) -> SSL.Connection:
        try:
            peeked = self.socket.recv(RECORD + 1024, socket.MSG_PEEK)
        except BlockingIOError:
            raise NotReady from None
        if not peeked:
            raise ProtocolError("The peer closed before its TLS ClientHello.")
        hello = parse_client_hello(peeked)
        if hello is None:
            raise NotReady
        self._offers = bool(hello.alpn)
        connection = SSL.Connection(self.contexts.choose(hello.alpn), self.socket)
        connection.set_accept_state()
        return connection

    def _negotiated(self) -> bytes | None:
        return super()._negotiated() if self._offers else None


class TLSPort(tcp.Port):
    """
    A listening TCP port whose connections are :class:`TLSServerTransport`.

    :param pacer: serves the port, and connections that carry no data yet.
    """

    transport = TLSServerTransport  # type: ignore[assignment]

    def __init__(
        self,
        port: int,
        factory: Any,
        contexts: ServerContexts,
        pacer: Pacer,
        *,
        backlog: int = 1024,
        interface: str = "",
        reactor: Any,
    ) -> None:
        tcp.Port.__init__(self, port, factory, backlog, interface, reactor)
        self.contexts = contexts
        self.pacer = pacer
        self.deadlines = Deadlines(reactor, LOGIN_SECONDS)
        """Of connections that are not at rest."""
        self.number = port
        """The number of the port; the one that the system chose, once it listens."""
        self.accepted: set[TLSServerTransport] = set()
        """The connections that are open."""

    def startListening(self) -> None:
        """Open the port."""
        super().startListening()
        self.number = self.getHost().port

    def startReading(self) -> None:
        """Accept connections when there are some, in this port's turn."""
        self.pacer.watch(self.fileno(), self._accept)

    def stopReading(self) -> None:
        """Leave connections with the system."""
        self.pacer.unwatch(self.fileno())

    def _accept(self) -> None:
        self.numberAccepts = ACCEPTS
        self.doRead()
