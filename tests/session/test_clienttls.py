"""Resuming TLS sessions, on real connections over loopback."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase, TestCase

from iquila.errors import ServerCertificateUntrusted
from iquila.session import clienttls
from iquila.session.certificate import make_identity
from iquila.session.clienttls import ClientTLS, client_tls
from iquila.session.contexts import (
    ALPN_CLUSTER,
    ALPN_VEN,
    client_context,
    server_contexts,
)
from iquila.session.endpoint import TLSClientEndpoint
from iquila.session.pacer import Pacer
from iquila.session.port import TLSPort
from iquila.session.verification import Authorities, Pinned, Unverified, Verification

ADDRESS = "127.0.0.1"
IDENTITY = make_identity("vpn.example")
PIN = Pinned(IDENTITY.fingerprint)
reactor: Any = _reactor


def reused(connection: Any) -> bool:
    """Return whether a session was resumed; pyOpenSSL's own API does not tell."""
    library: Any = SSL
    return bool(library._lib.SSL_session_reused(connection._ssl))


class Greeter(Protocol):
    """Says one word, so that the client has read what came before it."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")


class Listener(Protocol):
    """Waits for that word."""

    def __init__(self) -> None:
        self.greeted: Deferred[None] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        if not self.greeted.called:
            self.greeted.callback(None)

    def connectionLost(self, reason: object = None) -> None:
        self.gone.callback(None)


class ResumptionTestCase(TestCase):
    """A server, and clients that connect to it."""

    timeout = 20.0

    def setUp(self) -> None:
        """Begin without sessions, on a port that is free."""
        self.patch(clienttls, "_kinds", {})
        self.open: list[Any] = []
        self.port = 0
        self.start()
        self.addCleanup(self.stop)

    def start(self) -> None:
        """Start a server, with ticket keys of its own."""
        port = TLSPort(
            self.port,
            Factory.forProtocol(Greeter),
            server_contexts(IDENTITY),
            Pacer(reactor),
            interface=ADDRESS,
            reactor=reactor,
        )
        port.startListening()
        self.listening, self.port = port, port.number

    async def stop(self) -> None:
        """Cut all connections, and close the port."""
        for protocol in self.open:
            if not protocol.gone.called:
                protocol.transport.abortConnection()
                await protocol.gone
        await self.listening.stopListening()
        for _ in range(100):
            if not self.listening.accepted:
                break
            await deferLater(reactor, 0.01)

    async def connect(
        self, verification: Verification = PIN, alpn: bytes = ALPN_VEN, name: str = ""
    ) -> Any:
        """Connect, and return the client's protocol once the server has spoken."""
        endpoint = TLSClientEndpoint(
            reactor, ADDRESS, self.port, alpn, verification, check_name=name
        )
        protocol = await endpoint.connect(Factory.forProtocol(Listener))
        self.open.append(protocol)
        assert isinstance(protocol, Listener)
        await protocol.greeted
        return protocol

    async def resumed(self, *arguments: Any, **named: Any) -> bool:
        """Connect, close cleanly, and return whether a session was resumed."""
        protocol = await self.connect(*arguments, **named)
        found = reused(protocol.transport.tls)
        protocol.transport.loseConnection()
        await protocol.gone
        return found


class ResumptionTests(ResumptionTestCase):
    """When is a session resumed?"""

    async def test_the_second_connection(self) -> None:
        """And the third, with the ticket of the second."""
        self.assertEqual([await self.resumed() for _ in range(4)], [False, True, True, True])

    async def test_a_ticket_serves_once(self) -> None:
        """Of two connections at a time one begins anew."""
        await self.resumed()
        both = await gatherResults(
            [Deferred.fromCoroutine(self.connect()), Deferred.fromCoroutine(self.connect())]
        )
        self.assertEqual(sorted(reused(p.transport.tls) for p in both), [False, True])

    async def test_a_connection_that_was_cut(self) -> None:
        """Its session can be resumed, whoever cut it: just then clients come back."""
        protocol = await self.connect()
        for connection in list(self.listening.accepted):
            connection.abortConnection()
        await protocol.gone
        self.assertTrue(await self.resumed())
        protocol = await self.connect()
        protocol.transport.abortConnection()
        await protocol.gone
        self.assertTrue(await self.resumed())

    async def test_a_server_that_restarts(self) -> None:
        """It knows no ticket of its former life: a full handshake, and all is well again."""
        await self.resumed()
        await self.stop()
        self.start()
        self.assertEqual([await self.resumed() for _ in range(2)], [False, True])

    async def test_cluster_connections(self) -> None:
        """Are never resumed: their proofs are bound to the keys of one handshake."""
        for _ in range(3):
            self.assertFalse(await self.resumed(Unverified(), ALPN_CLUSTER))


class VerificationTests(ResumptionTestCase):
    """A resumed session is judged like any other."""

    async def refused(self, verification: Verification, name: str = "") -> None:
        """Connect to a server that is not the right one, on a resumed session."""
        seen: list[bool] = []

        class Watching:
            trust, prepare = verification.trust, verification.prepare

            def check(self, connection: SSL.Connection, host: str) -> None:
                seen.append(reused(connection))
                verification.check(connection, host)

        with self.assertRaises(ServerCertificateUntrusted):
            await self.connect(Watching(), name=name)
        self.assertEqual(seen, [True])

    async def test_another_pin(self) -> None:
        """Refused; the right one is accepted, with a session that nobody judged before."""
        await self.resumed(Unverified())
        await self.refused(Pinned("0" * 64))
        await self.resumed(Unverified())
        self.assertTrue(await self.resumed(PIN))

    async def test_another_name(self) -> None:
        """Refused, where the certificate does not carry it."""
        file = Path(self.mktemp())
        file.write_bytes(IDENTITY.certificate.public_bytes(Encoding.PEM))
        trust = Authorities(file)
        self.assertFalse(await self.resumed(trust, name="vpn.example"))
        self.assertTrue(await self.resumed(trust, name="vpn.example"))
        await self.refused(trust, name="other.example")

    async def test_other_authorities(self) -> None:
        """A file that was changed is read again, and no session of before is resumed."""
        file = Path(self.mktemp())
        file.write_bytes(IDENTITY.certificate.public_bytes(Encoding.PEM))
        self.assertFalse(await self.resumed(Authorities(file), name="vpn.example"))
        os.utime(file, (1, 1))
        self.assertFalse(await self.resumed(Authorities(file), name="vpn.example"))
        other = make_identity("vpn.example").certificate
        file.write_bytes(other.public_bytes(Encoding.PEM))
        failure = await self.assertFailure(
            Deferred.fromCoroutine(self.connect(Authorities(file), name="vpn.example")),
            ServerCertificateUntrusted,
        )
        self.assertIn("No CA that is trusted here", str(failure))


class SharingTests(SynchronousTestCase):
    """What is shared, and how much is kept."""

    def setUp(self) -> None:
        """Begin without any."""
        self.patch(clienttls, "_kinds", {})

    def test_by_protocol_and_trust(self) -> None:
        """Pins need no context of their own; authorities do."""
        first = client_tls(ALPN_VEN, Pinned("0" * 64))
        self.assertIs(client_tls(ALPN_VEN, Pinned("1" * 64)), first)
        self.assertIs(client_tls(ALPN_VEN, Unverified()), first)
        self.assertIsNot(client_tls(ALPN_CLUSTER, Unverified()), first)
        self.assertIsNot(client_tls(ALPN_VEN, Authorities()), first)
        self.assertIs(client_tls(ALPN_VEN, Authorities()), client_tls(ALPN_VEN, Authorities()))

    def test_kinds_are_bounded(self) -> None:
        """The one not used for the longest time goes first."""
        kept = client_tls(ALPN_VEN, Unverified())
        for number in range(2 * clienttls.KINDS):
            client_tls(b"%d" % number, Unverified())
            self.assertIs(client_tls(ALPN_VEN, Unverified()), kept)
        self.assertEqual(len(clienttls._kinds), clienttls.KINDS)

    def test_sessions_are_bounded(self) -> None:
        """The oldest goes first."""
        tls = ClientTLS(client_context(ALPN_VEN), resumes=True, limit=2)
        ends = socket.socketpair()
        for end in ends:
            self.addCleanup(end.close)
            end.setblocking(False)
        server = SSL.Connection(server_contexts(IDENTITY).modern, ends[0])
        server.set_accept_state()
        client = tls.connect(ends[1], "x", "")
        client.set_connect_state()
        for _ in range(3):
            for connection in (client, server):
                try:
                    connection.do_handshake()
                except SSL.WantReadError:
                    continue
        for name in ("a", "b", "a", "c"):
            tls.keep(client, name)
        self.assertEqual(list(tls._sessions), ["a", "c"])
