"""
Outgoing TLS connections as a Twisted endpoint, on the transport of :mod:`.transport`.

The wrapped factory's protocol is made after the handshake and after the server was checked.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import (
    IHandshakeListener,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from iquila.errors import ConnectFailed, IquilaError, ServerCertificateUntrusted
from iquila.session.clienttls import client_tls
from iquila.session.connector import TLSConnector
from iquila.session.verification import Verification

CONNECT_SECONDS = 10.0
"""Time for one TCP connection attempt."""
MAX_ADDRESSES = 4
"""Addresses of one name that are tried, in the order in which they were resolved."""


@implementer(IHandshakeListener)
class _Threshold(Protocol):
    """Waits for the handshake, then lets the real protocol in."""

    def __init__(self, factory: _ThresholdFactory, address: Any) -> None:
        self._factory = factory
        self._address = address
        self._done = False

    def handshakeCompleted(self) -> None:
        transport: Any = self.transport
        protocol = self._factory.wrapped.buildProtocol(self._address)
        self._done = True
        if protocol is None:
            transport.loseConnection()
            self._factory.fail(ConnectFailed("The connection was refused by its own factory."))
            return
        transport.switch_protocol(protocol)
        self._factory.succeed(protocol)

    def dataReceived(self, data: bytes) -> None:
        """Nothing is delivered before the handshake."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        if not self._done:
            self._factory.fail(self._factory.refusal or self._problem())

    def _problem(self) -> IquilaError:
        server = f"{self._address.host}:{self._address.port}"
        transport: Any = self.transport
        if "certificate verify failed" in str(transport.handshake_error):
            return ServerCertificateUntrusted(
                f"No CA that is trusted here has signed the certificate of the server at {server}: "
                "check that it is the right server, then pin its certificate or trust its CA."
            )
        return ConnectFailed(
            f"The server at {server} closed the connection during the TLS handshake: check that "
            "it is an iquila or SoftEther server."
        )


class _ThresholdFactory(ClientFactory):
    noisy = False

    def __init__(self, wrapped: IProtocolFactory, done: Deferred[IProtocol]) -> None:
        self.wrapped = wrapped
        self.refusal: IquilaError | None = None
        self._done: Deferred[IProtocol] | None = done

    def buildProtocol(self, addr: Any) -> Any:
        return _Threshold(self, addr)

    def clientConnectionFailed(self, connector: Any, reason: Failure) -> None:
        self.fail(reason.value or ConnectFailed())

    def succeed(self, protocol: IProtocol) -> None:
        done, self._done = self._done, None
        if done is not None:
            done.callback(protocol)

    def fail(self, error: BaseException) -> None:
        done, self._done = self._done, None
        if done is not None:
            done.errback(Failure(error))


@implementer(IResolutionReceiver)
class _Addresses:
    def __init__(self, done: Deferred[list[Any]]) -> None:
        self._done = done
        self._found: list[Any] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Nothing is known yet."""

    def addressResolved(self, address: Any) -> None:
        self._found.append(address)

    def resolutionComplete(self) -> None:
        self._done.callback(self._found)


@frozen
@implementer(IStreamClientEndpoint)
class TLSClientEndpoint:
    """
    A server that is reached over TLS.

    :param host: name or IP literal; each address of a name is tried in turn.
    :param alpn: the one protocol that is offered.
    :param check_name: the name that the certificate must carry; `host` if empty.
    """

    reactor: Any
    host: str
    port: int
    alpn: bytes
    verification: Verification
    timeout: float = CONNECT_SECONDS
    check_name: str = ""

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Connect, and check the server.

        :raises ConnectFailed: no address answers.
        :raises ServerCertificateUntrusted: the server is not the right one.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        problem: BaseException | None = None
        for address in await self._addresses():
            try:
                return await self._attempt(address, factory)
            except ConnectError as error:
                problem = error
        raise ConnectFailed(
            f"The server {self.host}:{self.port} cannot be reached "
            f"({problem or 'no such name'}): check the name, the port and the network."
        )

    async def _addresses(self) -> Sequence[str]:
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            done: Deferred[list[Any]] = Deferred()
            self.reactor.nameResolver.resolveHostName(_Addresses(done), self.host, self.port)
            found = await done
            return list(dict.fromkeys(a.host for a in found))[:MAX_ADDRESSES]
        return [self.host]

    def _attempt(self, address: str, factory: IProtocolFactory) -> Deferred[IProtocol]:
        tls = client_tls(self.alpn, self.verification)
        # The system's clients send IP literals too, and its servers take them (reference §1.1);
        # RFC 6066 §3 does not allow them, so ours do not.
        name = "" if _is_literal(self.host) else self.host
        server = (address, self.port, name)

        def make(skt: socket.socket) -> SSL.Connection:
            return tls.connect(skt, server, name)

        def keep(connection: SSL.Connection) -> None:
            tls.keep(connection, server)

        def check(connection: SSL.Connection) -> None:
            try:
                self.verification.check(connection, self.check_name or self.host)
            except IquilaError as error:
                wrapper.refusal = error
                raise

        def cancel(done: Deferred[IProtocol]) -> None:
            wrapper.fail(ConnectError(string="The attempt was cancelled."))
            transport: Any = connector.transport
            if connector.state == "connected" and transport is not None:
                transport.abortConnection()
            else:
                connector.stopConnecting()

        done: Deferred[IProtocol] = Deferred(cancel)
        wrapper = _ThresholdFactory(factory, done)
        connector = TLSConnector(
            address, self.port, wrapper, self.timeout, self.reactor, make, check, keep
        )
        connector.connect()
        return done


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
