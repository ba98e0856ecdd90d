"""Both ways to call SSL_read and SSL_write, on a pair of sockets."""

from __future__ import annotations

import os
import socket
from typing import Any

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from iquila.session.certificate import make_identity
from iquila.session.contexts import client_context, server_contexts
from iquila.session.tlscalls import (
    CALLS,
    RECORD,
    Outcome,
    SharedBuffer,
    TLSCalls,
    binding_calls,
    choose,
    public_calls,
)

LIMIT = 256 * 1024


class CallsTests:
    """What both ways do alike."""

    calls: TLSCalls

    def setUp(self) -> None:
        """Two ends of one TLS connection."""
        test: Any = self
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
            test.addCleanup(end.close)
        identity = make_identity("test")
        self.server = SSL.Connection(server_contexts(identity).modern, ours)
        self.server.set_accept_state()
        self.client = SSL.Connection(client_context(b"x"), theirs)
        self.client.set_connect_state()
        for _ in range(4):
            for end_ in (self.client, self.server):
                try:
                    end_.do_handshake()
                except SSL.WantReadError:
                    continue
        self.sockets = ours, theirs
        self.buffer = SharedBuffer(64 + LIMIT + RECORD)

    def read(self, limit: int = LIMIT, greedy: bool = True) -> tuple[bytes, Outcome]:
        """Read at the server."""
        end, outcome = self.calls.read(self.server, self.buffer, 64, 64 + limit, greedy)
        return bytes(self.buffer.data[64:end]), outcome

    def write(self, data: bytes) -> tuple[int, Outcome]:
        """Write at the client."""
        return self.calls.write(self.client, memoryview(data))

    def test_bytes_arrive(self) -> None:
        """All of them, over several records, then there is nothing to read."""
        test: Any = self
        data = os.urandom(50_000)
        test.assertEqual(self.write(data), (len(data), Outcome.DONE))
        test.assertEqual(self.read(), (data, Outcome.WANT_READ))
        test.assertEqual(self.read(), (b"", Outcome.WANT_READ))

    def test_limit(self) -> None:
        """Reading ends at the limit, at most a record behind it."""
        test: Any = self
        data = os.urandom(60_000)
        self.write(data)
        got, outcome = self.read(20_000)
        test.assertIs(outcome, Outcome.DONE)
        test.assertTrue(20_000 <= len(got) < 20_000 + RECORD)
        test.assertEqual(got + self.read()[0], data)

    def test_one_record(self) -> None:
        """Without greed, a record that is not full is the last; full ones are not."""
        test: Any = self
        self.write(b"one")
        self.write(b"two")
        test.assertEqual(self.read(greedy=False), (b"one", Outcome.DONE))
        test.assertEqual(self.read(greedy=False), (b"two", Outcome.DONE))
        test.assertEqual(self.read(greedy=False), (b"", Outcome.WANT_READ))
        data = os.urandom(3 * RECORD + 10)
        self.write(data)
        test.assertEqual(self.read(greedy=False), (data, Outcome.DONE))

    def test_a_full_socket(self) -> None:
        """The rest is offered again and nothing is lost or sent twice."""
        test: Any = self
        data = os.urandom(4_000_000)
        sent, outcome, got = 0, Outcome.WANT_WRITE, b""
        while sent < len(data):
            taken, outcome = self.write(data[sent:])
            sent += taken
            test.assertIn(outcome, (Outcome.DONE, Outcome.WANT_WRITE))
            got += self.read()[0]
        got += self.read()[0]
        test.assertEqual(got, data)

    def test_close_notify(self) -> None:
        """A clean end is told from a cut."""
        test: Any = self
        self.write(b"last")
        self.client.shutdown()
        test.assertEqual(self.read(), (b"last", Outcome.CLOSED))

    def test_cut(self) -> None:
        """What came before is delivered."""
        test: Any = self
        self.write(b"last")
        self.sockets[1].close()
        test.assertEqual(self.read(), (b"last", Outcome.LOST))
        test.assertEqual(self.calls.write(self.server, memoryview(b"x")), (0, Outcome.LOST))

    def test_violation(self) -> None:
        """Bytes that are no TLS end the connection, and leave no error for the next call."""
        test: Any = self
        self.sockets[1].send(b"nonsense" * 10)
        test.assertEqual(self.read(), (b"", Outcome.LOST))
        binding: Any = Binding()
        test.assertEqual(binding.lib.ERR_peek_error(), 0)


class PublicCallsTests(CallsTests, SynchronousTestCase):
    """pyOpenSSL's public API."""

    calls = public_calls()


class BindingCallsTests(CallsTests, SynchronousTestCase):
    """cryptography's binding."""

    def setUp(self) -> None:
        """The binding is the one that is pinned, so it has to be usable."""
        calls = binding_calls()
        assert calls is not None
        self.calls = calls
        super().setUp()

    def test_an_error_of_somebody_else(self) -> None:
        """An entry that was left in the thread's error queue is not ours."""
        binding: Any = Binding()
        binding.lib.ERR_put_error(20, 0, 1, b"elsewhere", 1)
        self.assertEqual(self.read(), (b"", Outcome.WANT_READ))
        self.assertEqual(self.write(b"x"), (1, Outcome.DONE))
        self.assertEqual(self.read(), (b"x", Outcome.WANT_READ))


class ChoiceTests(SynchronousTestCase):
    """Which calls a process uses."""

    def test_choice(self) -> None:
        """The binding, unless the public API is asked for."""
        self.assertEqual(choose("").name, "binding")
        self.assertEqual(choose("public").name, "public")
        self.assertEqual(CALLS.name, choose(os.environ.get("IQUILA_TLS", "")).name)
