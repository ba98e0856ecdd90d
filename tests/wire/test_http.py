"""The HTTP of the client's half, and telling clients apart by their ClientHello."""

from __future__ import annotations

import contextlib
import itertools
import ssl

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import ProtocolError
from iquila.wire.clienthello import parse_client_hello
from iquila.wire.http import AnswerParser, acceptable_signature, pack_request, signature_request
from iquila.wire.pack import Pack

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: 5\r\n\r\nhello"


def client_hello(alpn: list[str]) -> bytes:
    """Return the ClientHello of Python's own TLS."""
    context = ssl.create_default_context()
    context.check_hostname = False
    if alpn:
        context.set_alpn_protocols(alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname="vpn.example")
    self_reading = False
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        self_reading = True
    assert self_reading
    return outgoing.read()


class AnswerTests(SynchronousTestCase):
    """Reading answers."""

    @given(st.lists(st.integers(0, len(ANSWER) + 4), max_size=5))
    def test_any_split(self, cuts: list[int]) -> None:
        """Head, body and what follows are told apart wherever the bytes are cut."""
        data = ANSWER + b"rest"
        edges = [0, *sorted(cuts), len(data)]
        parser = AnswerParser(100)
        for start, end in itertools.pairwise(edges):
            parser.feed(data[start:end])
        assert parser.answer is not None
        self.assertEqual((parser.answer.status, parser.answer.body), (200, b"hello"))
        self.assertEqual(parser.answer.headers["content-type"], "x/y")
        self.assertEqual(parser.rest, b"rest")

    def test_bounds(self) -> None:
        """A long head, a long body and no HTTP at all are refused."""
        for data in (
            b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 5000,
            b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
            b"SSH-2.0-x\r\n\r\n",
        ):
            self.assertRaises(ProtocolError, AnswerParser(100).feed, data)

    def test_requests(self) -> None:
        """The two requests are complete HTTP with their length."""
        for request in (signature_request("h"), pack_request("h", Pack().add_int("a", 1))):
            head, _, body = request.partition(b"\r\n\r\n")
            self.assertIn(b"content-length: %d" % len(body), head.lower())
            self.assertIn(b"host: h", head.lower())

    def test_signatures(self) -> None:
        """The two that real clients send are taken, others are not."""
        self.assertTrue(acceptable_signature(b"VPNCONNECT"))
        self.assertTrue(acceptable_signature(b"GIF89a" + b"x" * 2000))
        for other in (b"", b"GET", b"GIF89a", b"x" * 2000, b"GIF89a" + b"x" * 10_000):
            self.assertFalse(acceptable_signature(other))


class ClientHelloTests(SynchronousTestCase):
    """Peeking at TLS."""

    def test_alpn_and_name(self) -> None:
        """Both are found in a real ClientHello, complete or not at all."""
        data = client_hello(["iquila-ven/1", "http/1.1"])
        hello = parse_client_hello(data)
        assert hello is not None
        self.assertEqual(hello.alpn, (b"iquila-ven/1", b"http/1.1"))
        self.assertEqual(hello.server_name, "vpn.example")
        for size in range(len(data)):
            self.assertIsNone(parse_client_hello(data[:size]))

    def test_without_alpn(self) -> None:
        """SoftEther's clients offer none."""
        hello = parse_client_hello(client_hello([]))
        assert hello is not None
        self.assertEqual(hello.alpn, ())

    def test_not_tls(self) -> None:
        """Plain HTTP is told at once."""
        self.assertRaises(ProtocolError, parse_client_hello, b"GET / HTTP/1.1\r\n")

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Arbitrary bytes are refused or need more, and nothing else."""
        with contextlib.suppress(ProtocolError):
            parse_client_hello(b"\x16\x03\x01" + data)
