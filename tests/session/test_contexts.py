"""The server's TLS contexts, between two sockets."""

from __future__ import annotations

import socket
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from iquila.session.certificate import make_identity
from iquila.session.contexts import ALPN_VEN, client_context, server_contexts

IDENTITY = make_identity("vpn.example")


class ContextTests(SynchronousTestCase):
    """Which peer gets what."""

    def setUp(self) -> None:
        """Make the contexts."""
        self.contexts = server_contexts(IDENTITY)

    def connect(self, theirs: SSL.Context, ours: SSL.Context) -> tuple[Any, Any]:
        """Return both ends of a connection after its handshake."""
        ends = socket.socketpair()
        for end in ends:
            self.addCleanup(end.close)
            end.setblocking(False)
        client, server = SSL.Connection(theirs, ends[0]), SSL.Connection(ours, ends[1])
        client.set_connect_state()
        server.set_accept_state()
        waiting = [client, server]
        for _ in range(10):
            for connection in list(waiting):
                try:
                    connection.do_handshake()
                    waiting.remove(connection)
                except SSL.WantReadError:
                    continue
        self.assertEqual(waiting, [])
        return client, server

    def test_own_clients(self) -> None:
        """TLS 1.3."""
        client, _server = self.connect(client_context(ALPN_VEN), self.contexts.choose((ALPN_VEN,)))
        self.assertEqual(client.get_protocol_version_name(), "TLSv1.3")

    def test_the_cure_resumes(self) -> None:
        """A client without tickets renegotiates when asked, for next to nothing."""
        theirs = SSL.Context(SSL.TLS_CLIENT_METHOD)
        theirs.set_options(SSL.OP_NO_TICKET)
        client, server = self.connect(theirs, self.contexts.choose(()))
        self.assertEqual(client.get_protocol_version_name(), "TLSv1.2")
        server.renegotiate()
        library: Any = SSL
        for _ in range(4):
            for connection in (server, client):
                try:
                    connection.recv(1)
                except SSL.WantReadError:
                    continue
        self.assertEqual(server.total_renegotiations(), 1)
        self.assertTrue(library._lib.SSL_session_reused(server._ssl))

    def test_the_certificate(self) -> None:
        """Is ECDSA P-256, whose signatures cost least."""
        key = IDENTITY.certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        self.assertEqual(key.curve.name, "secp256r1")
