"""The server's half of the handshake's HTTP."""

from __future__ import annotations

import contextlib
import itertools

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import ProtocolError
from iquila.wire.http import AnswerParser, pack_request, signature_request
from iquila.wire.pack import Pack
from iquila.wire.requests import (
    HandshakeRequest,
    RequestReader,
    answer,
    begins_handshake,
    refusal,
)

LIMIT = 100
SIGNATURE = signature_request("vpn.example")


def post(*lines: bytes, body: bytes = b"") -> bytes:
    """Return a request with these header lines."""
    return (
        b"POST /vpnsvc/vpn.cgi HTTP/1.1\r\n" + b"".join(h + b"\r\n" for h in lines) + b"\r\n" + body
    )


class SortingTests(SynchronousTestCase):
    """Which requests are of the handshake?"""

    def test_sorting(self) -> None:
        """By the method and the folder, in any case; too little tells nothing."""
        self.assertIs(begins_handshake(SIGNATURE), True)
        self.assertIs(begins_handshake(b"post /VpnSvc/connect.cgi HTTP/1.1\r\n"), True)
        for other in (b"GET / HTTP/1.1\r\n", b"POST /api/ HTTP/1.1\r\n", b"\x16\x03\x01"):
            self.assertIs(begins_handshake(other), False)
        for size in range(len(b"POST /vpnsvc/")):
            self.assertIsNone(begins_handshake(SIGNATURE[:size]))


class ReaderTests(SynchronousTestCase):
    """Reading requests."""

    @given(st.lists(st.integers(0, 400), max_size=6))
    def test_any_split(self, cuts: list[int]) -> None:
        """Two requests are told apart wherever the bytes are cut."""
        pack = pack_request("vpn.example", Pack().add_int("a", 1))
        data = SIGNATURE + pack
        reader, found = RequestReader(LIMIT), []
        for start, end in itertools.pairwise([0, *sorted(cuts), len(data)]):
            reader.feed(data[start:end])
            while (request := reader.take()) is not None:
                found.append(request)
        self.assertEqual(
            found,
            [
                HandshakeRequest(b"/vpnsvc/connect.cgi", b"image/jpeg", b"VPNCONNECT"),
                HandshakeRequest(
                    b"/vpnsvc/vpn.cgi",
                    b"application/octet-stream",
                    Pack().add_int("a", 1).encode(),
                ),
            ],
        )
        self.assertEqual(reader.rest, b"")

    def test_refused(self) -> None:
        """No length, two, one that is none or too large, chunks, and what is no request."""
        for data in (
            post(),
            post(b"Content-Length: 1", b"Content-Length: 2", body=b"ab"),
            post(b"Content-Length: -1"),
            post(b"Content-Length: 1_0"),
            post(b"Content-Length: %d" % (LIMIT + 1)),
            post(b"Content-Length: " + b"9" * 10_000),
            post(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"ab"),
            b"POST /vpnsvc/vpn.cgi\r\n\r\n",
            b"POST /vpnsvc/vpn.cgi SIP/2.0\r\nContent-Length: 0\r\n\r\n",
            b"POST /vpnsvc/" + b"x" * 20_000,
            b"POST /vpnsvc/" + b"x" * 20_000 + b"\r\n\r\n",
        ):
            reader = RequestReader(LIMIT)
            reader.feed(data)
            self.assertRaises(ProtocolError, reader.take)

    def test_the_largest(self) -> None:
        """A body of the limit is taken."""
        reader = RequestReader(LIMIT)
        reader.feed(post(b"content-length:%d" % LIMIT, body=b"x" * LIMIT + b"more"))
        request = reader.take()
        assert request is not None
        self.assertEqual((len(request.body), reader.rest), (LIMIT, b"more"))

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Arbitrary bytes are a request, need more or are refused, nothing else."""
        reader = RequestReader(LIMIT)
        reader.feed(b"POST /vpnsvc/" + data + b"\r\n\r\n")
        with contextlib.suppress(ProtocolError):
            reader.take()


class AnswerTests(SynchronousTestCase):
    """What is answered."""

    def test_answers(self) -> None:
        """Both are what the client's half reads."""
        for data, status, header in (
            (answer(b"body"), 200, ("connection", "Keep-Alive")),
            (answer(b"body", close=True), 200, ("connection", "close")),
            (refusal(403), 403, ("connection", "close")),
        ):
            parser = AnswerParser(LIMIT)
            parser.feed(data)
            assert parser.answer is not None
            self.assertEqual(parser.answer.status, status)
            self.assertEqual(parser.answer.headers[header[0]], header[1])
            self.assertEqual(parser.rest, b"")
