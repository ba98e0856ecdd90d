"""
Outgoing TLS connections, as Twisted's connectors make them.

See :mod:`.endpoint` for their use, and :mod:`.clienttls` for what they have in common.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet import tcp
from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from iquila.session.transport import TLSTransport


class TLSClientTransport(TLSTransport, tcp.Client):
    """An outgoing connection; hands its protocol nothing before the server was checked."""

    _judged = False

    def __init__(self, host: str, port: int, connector: TLSConnector, reactor: Any) -> None:
        self._make_connection = connector.make_connection
        self._check = connector.check
        self._keep = connector.keep
        tcp.Client.__init__(self, host, port, None, connector, reactor)

    def _connectDone(self) -> None:
        self.setTcpNoDelay(True)
        self._begin()
        super()._connectDone()
        self._go()

    def _go(self) -> None:
        if self.connected:
            result = self._handshake()
            if result is not None:
                self.reactor.callLater(0, self._lost, result)

    def _make_tls(self) -> SSL.Connection:
        connection = self._make_connection(self.socket)
        connection.set_connect_state()
        return connection

    def _judge_peer(self) -> None:
        assert self.tls is not None
        self._check(self.tls)
        self._judged = True

    def switch_protocol(self, protocol: IProtocol) -> None:
        """Let `protocol` have the connection; its TLS session is kept when it carries data."""
        super().switch_protocol(protocol)
        if self._receiver is not None:
            self._keep_session()

    def _keep_session(self) -> None:
        # TLS 1.3 sends what it takes to resume behind the handshake, so the first answers of
        # the server have brought it.
        if self.tls is not None and self._judged:
            self._keep(self.tls)

    def connectionLost(self, reason: Failure) -> None:
        """Close the socket, keep the TLS session and tell the protocol."""
        tls = self.tls
        if self._receiver is None:
            self._keep_session()
        super().connectionLost(reason)
        if tls is not None:
            # OpenSSL spoils the sessions of connections that it believes to be cut; that a
            # server is lost is just when its clients come back to it.
            tls.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)


class TLSConnector(tcp.Connector):
    """
    Makes :class:`TLSClientTransport` connections.

    :param make_connection: wraps a connected socket into a TLS connection.
    :param check: judges the peer after the handshake, raising to refuse it.
    :param keep: is given connections whose TLS session may be resumed by later ones.
    """

    def __init__(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float,
        reactor: Any,
        make_connection: Callable[[socket.socket], SSL.Connection],
        check: Callable[[SSL.Connection], None],
        keep: Callable[[SSL.Connection], None],
    ) -> None:
        self.make_connection = make_connection
        self.check = check
        self.keep = keep
        tcp.Connector.__init__(self, host, port, factory, timeout, None, reactor)

    def _makeTransport(self) -> TLSClientTransport:
        return TLSClientTransport(self.host, self.port, self, self.reactor)
