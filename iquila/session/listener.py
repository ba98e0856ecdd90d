"""
One TLS port for everything: each connection is handed on by the protocol it negotiated.

ALPN ``iquila-cluster/1`` goes to the cluster factory where the server is a controller; all
else is HTTP, on which VEN sessions, administration and the small page live (:mod:`.web`).
"""

from __future__ import annotations

import itertools
import time
from typing import Any, ClassVar

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IHandshakeListener
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from iquila.errors import ConfigurationError
from iquila.interfaces import Purpose
from iquila.session.contexts import ALPN_CLUSTER, ServerContexts
from iquila.session.pacer import Pacer
from iquila.session.port import TLSPort, TLSServerTransport

MAX_CONNECTIONS = 65_536
"""Connections of one factory at a time; more are closed when they arrive."""
CLOSE_POLL = 0.02


@implementer(IHandshakeListener)
class Doorway(Protocol):
    """Stands in until the handshake tells which protocol the peer speaks."""

    def __init__(self, factory: SortingFactory, address: IAddress) -> None:
        self.factory = factory
        self._address = address

    def connectionMade(self) -> None:
        """Give the connection its number."""
        transport: Any = self.transport
        assert isinstance(self.factory, SortingFactory)
        transport.number = next(self.factory.numbers)
        transport.since = int(time.time() * 1000)

    def handshakeCompleted(self) -> None:
        """Hand the connection to the factory of the negotiated protocol."""
        transport: Any = self.transport
        assert isinstance(self.factory, SortingFactory)
        chosen = self.factory.choose(transport.negotiatedProtocol)
        protocol = chosen.buildProtocol(self._address) if chosen is not None else None
        if protocol is None:
            transport.loseConnection()
            return
        transport.switch_protocol(protocol)

    def dataReceived(self, data: bytes) -> None:
        """Nothing is delivered before the handshake is complete."""

    def connectionLost(self, reason: object = None) -> None:
        """Count the connection out."""


class SortingFactory(Factory):
    """
    Builds a :class:`Doorway` for each connection.

    :param web: the factory of everything that is HTTP.
    """

    noisy = False

    def __init__(self, web: Any) -> None:
        self.web = web
        self.cluster: Any = None
        """The factory of cluster connections, None to close them."""
        self.ports: set[TLSPort] = set()
        """The open ports."""
        self.numbers = itertools.count(1)
        """Of connections, in the order in which they are accepted."""

    def connections(self) -> list[TLSServerTransport]:
        """Return the connections that carry no session, the oldest first."""
        found = [
            each
            for port in self.ports
            for each in port.accepted
            if each.purpose is not Purpose.SESSION and each.number
        ]
        return sorted(found, key=lambda each: each.number)

    def choose(self, negotiated: bytes | None) -> Any:
        """Return the factory for a negotiated protocol, or None to close."""
        if negotiated == ALPN_CLUSTER:
            return self.cluster
        return self.web

    def buildProtocol(self, addr: Any) -> Any:
        """Build the stand-in of one accepted connection; None closes it at once."""
        if sum(len(port.accepted) for port in self.ports) >= MAX_CONNECTIONS:
            return None
        return Doorway(self, addr)

    def doStart(self) -> None:
        """Start the web factory with the first port."""
        if not self.numPorts:
            self.web.doStart()
        super().doStart()

    def doStop(self) -> None:
        """Stop the web factory with the last port."""
        super().doStop()
        if not self.numPorts:
            self.web.doStop()


class Listener:
    """
    One listening port that can be opened and closed at run time.

    :param port: TCP port, 0 for one that the system chooses.
    :param interface: local address, the empty string for all.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        factory: SortingFactory,
        contexts: ServerContexts,
        pacer: Pacer,
        port: int,
        interface: str = "",
    ) -> None:
        self._reactor = reactor
        self._factory = factory
        self._contexts = contexts
        self._pacer = pacer
        self.port = port
        self.interface = interface
        self.error = ""
        """Why the port is not open, the empty string while it is."""
        self._listening: TLSPort | None = None
        self._closed: list[TLSPort] = []

    @property
    def open(self) -> bool:
        """Whether connections are accepted."""
        return self._listening is not None

    def start(self) -> None:
        """
        Open the port.

        :raises ConfigurationError: it is taken, or may not be opened by this user.
        """
        if self._listening is not None:
            return
        gone = [port for port in self._closed if not port.accepted]
        self._factory.ports.difference_update(gone)
        self._closed = [port for port in self._closed if port.accepted]
        port = TLSPort(
            self.port,
            self._factory,
            self._contexts,
            self._pacer,
            interface=self.interface,
            reactor=self._reactor,
        )
        try:
            port.startListening()
        except CannotListenError as error:
            where = f"{self.interface or '*'}:{self.port}"
            why = getattr(error.socketError, "strerror", None) or error.socketError
            self.error = (
                f"Port {where} cannot be opened ({why}): choose another port, or stop the "
                "program that uses it."
            )
            raise ConfigurationError(self.error) from error
        self.error = ""
        self._listening = port
        self._factory.ports.add(port)
        self.port = port.number

    async def stop(self) -> None:
        """Close the port; connections already accepted stay."""
        port, self._listening = self._listening, None
        if port is not None:
            # Its connections still count until they are gone, with the port that has them.
            self._closed.append(port)
            await port.stopListening()

    async def close(self, seconds: float) -> None:
        """Close the port and its connections, cleanly where the peers are in time."""
        await self.stop()
        for port in self._closed:
            for connection in list(port.accepted):
                connection.loseConnection()
        deadline = self._reactor.seconds() + seconds
        while any(port.accepted for port in self._closed):
            if self._reactor.seconds() >= deadline:
                for port in self._closed:
                    for connection in list(port.accepted):
                        connection.abortConnection()
                break
            await deferLater(self._reactor, CLOSE_POLL)
        self._factory.ports.difference_update(self._closed)
        self._closed.clear()
