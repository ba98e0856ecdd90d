"""
The server's half of the handshake's HTTP: POST requests under ``/vpnsvc/`` and their answers
(reference §1.3, §1.4).

Knows just what clients of the protocol send. Whatever else arrives on the same port belongs to
an HTTP server: :func:`begins_handshake` tells the two apart by the first bytes of a request.
"""

from __future__ import annotations

from attrs import frozen

from iquila.errors import ProtocolError
from iquila.wire.http import MAX_HEADER, PACK_TYPE

_PREFIX = b"POST /VPNSVC/"
_END = b"\r\n\r\n"
ANSWER_BEGIN = b"HTTP/1.1 200 OK\r\n"
"""What every answer with a pack begins with."""
WAIT_LINE = b"X-Wait: 1\r\n"
"""A header that says nothing. Clients wait 15 seconds for the next line of an answer, not for the
whole of it: one of these now and then keeps them patient for as long as somebody needs."""
_ANSWER = (
    b"Content-Type: %s\r\nContent-Length: %%d\r\n"
    b"Keep-Alive: timeout=15; max=19\r\nConnection: %%s\r\n\r\n"
) % PACK_TYPE
_REFUSAL = (
    b"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
    b"Connection: close\r\n\r\n%s\n"
)
_PHRASES = {400: b"Bad Request", 403: b"Forbidden", 404: b"Not Found"}


def begins_handshake(data: bytes) -> bool | None:
    """Return whether a request is one of the handshake; None while too little of it is there."""
    head = data[: len(_PREFIX)].upper()
    if head == _PREFIX:
        return True
    return None if _PREFIX.startswith(head) else False


@frozen
class HandshakeRequest:
    """A complete request; `path` and `content_type` are in lower case."""

    path: bytes
    content_type: bytes
    body: bytes


class RequestReader:
    """
    Reads the requests of one connection.

    :param body_limit: bytes of one body at most.
    """

    def __init__(self, body_limit: int) -> None:
        self._limit = body_limit
        self.rest = b""
        """What has arrived and is not taken yet."""

    def feed(self, data: bytes) -> None:
        """Take more bytes."""
        self.rest = self.rest + data if self.rest else data

    def take(self) -> HandshakeRequest | None:
        """
        Return the first request, None while it is not complete.

        :raises ProtocolError: it is no request of the handshake, or is too large.
        """
        data = self.rest
        end = data.find(_END)
        if end > MAX_HEADER or (end < 0 and len(data) > MAX_HEADER):
            raise ProtocolError("The HTTP header of a request is too large.")
        if end < 0:
            return None
        path, content_type, size = self._head(data[:end].lower())
        start = end + len(_END)
        if len(data) < start + size:
            return None
        self.rest = data[start + size :]
        return HandshakeRequest(path, content_type, data[start : start + size])

    def _head(self, head: bytes) -> tuple[bytes, bytes, int]:
        """Read a header in lower case; return path, type and length of the body."""
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ")
        if len(words) != 3 or not words[2].startswith(b"http/1."):
            raise ProtocolError("The first line of an HTTP request is malformed.")
        content_type, size = b"", -1
        for line in lines:
            name, _, value = line.partition(b":")
            if name == b"content-length":
                # Two lengths would be two readings of where the next request begins.
                size = _length(value.strip(), self._limit) if size < 0 else -1
            elif name == b"content-type":
                content_type = value.strip()
        if size < 0 or b"\ntransfer-encoding" in head:
            raise ProtocolError("An HTTP request has no acceptable length.")
        return words[1], content_type, size


def _length(text: bytes, limit: int) -> int:
    # Bounded before it is read: int() takes its time for very many digits.
    return int(text) if text.isdigit() and len(text) < 10 and int(text) <= limit else -1


def answer(body: bytes, *, close: bool = False, begun: bool = False) -> bytes:
    """
    Return the answer that carries an encoded pack.

    :param begun: whether :data:`ANSWER_BEGIN` has been sent already.
    """
    begin = b"" if begun else ANSWER_BEGIN
    return begin + _ANSWER % (len(body), b"close" if close else b"Keep-Alive") + body


def refusal(status: int) -> bytes:
    """Return an answer that refuses a request, 400, 403 or 404; the connection closes then."""
    phrase = _PHRASES[status]
    return _REFUSAL % (status, phrase, len(phrase) + 1, phrase)
