"""
The HTTP of the handshake: requests of the client, answers to it, and the facts that both
ends share (reference §1.2-§1.4). The server's half is done by an HTTP server.
"""

from __future__ import annotations

from attrs import frozen

from iquila.errors import ProtocolError
from iquila.wire.pack import Pack

SIGNATURE_PATH = b"/vpnsvc/connect.cgi"
PACK_PATH = b"/vpnsvc/vpn.cgi"
PACK_TYPE = b"application/octet-stream"
PROBE_TOKEN = "9C37197CA7C2428388C2E6E59B829B30"
"""A page that holds this text tells a probing client that it found a server."""

_SIGNATURE = b"VPNCONNECT"
_IMAGE_HEAD = b"GIF89a"
_IMAGE_SIZES = range(1000, 8193)
_KEEP_ALIVE = b"Keep-Alive: timeout=15; max=19\r\nConnection: Keep-Alive\r\n"
MAX_HEADER = 16 * 1024


def acceptable_signature(body: bytes) -> bool:
    """Return whether the body of a signature request says that the peer speaks the protocol."""
    if body == _SIGNATURE:
        return True
    return body.startswith(_IMAGE_HEAD) and len(body) in _IMAGE_SIZES


def signature_request(host: str) -> bytes:
    """Return the request that says that we speak the protocol."""
    return _post(SIGNATURE_PATH, host, b"image/jpeg", _SIGNATURE)


def pack_request(host: str, pack: Pack) -> bytes:
    """Return the request that carries a pack."""
    return _post(PACK_PATH, host, PACK_TYPE, pack.encode())


def probe(host: str) -> bytes:
    """Return the request by which a client finds out whether a server is there."""
    return b"GET / HTTP/1.1\r\nX-VPN: 1\r\nHost: %s\r\n%s\r\n" % (host.encode(), _KEEP_ALIVE)


def _post(path: bytes, host: str, content_type: bytes, body: bytes) -> bytes:
    return (
        b"POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n"
        % (path, host.encode(), content_type, len(body), _KEEP_ALIVE)
    ) + body


@frozen
class HTTPAnswer:
    """A complete answer; the names of `headers` are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class AnswerParser:
    """
    Reads one answer with a ``Content-Length`` from a stream.

    :param body_limit: bytes of the body at most.
    """

    def __init__(self, body_limit: int) -> None:
        self._limit = body_limit
        self._data = bytearray()
        self._head: tuple[int, dict[str, str], int, int] | None = None
        self.answer: HTTPAnswer | None = None
        """The answer, once it is complete."""
        self.rest = b""
        """The bytes that came after the answer."""

    def feed(self, data: bytes) -> None:
        """
        Take more bytes.

        :raises ProtocolError: they are not an answer, or one that is too large.
        """
        if self.answer is not None:
            self.rest += data
            return
        self._data += data
        if self._head is None and not self._read_head():
            return
        assert self._head is not None
        status, headers, start, size = self._head
        if len(self._data) >= start + size:
            self.answer = HTTPAnswer(status, headers, bytes(self._data[start : start + size]))
            self.rest = bytes(self._data[start + size :])
            self._data.clear()

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > MAX_HEADER:
                raise ProtocolError("The server's HTTP header is too large.")
            return False
        lines = bytes(self._data[:end]).decode("latin-1").split("\r\n")
        status = _status(lines[0])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) > self._limit:
            raise ProtocolError("The server's HTTP answer has no acceptable length.")
        self._head = status, headers, end + 4, int(length)
        return True


def _status(line: str) -> int:
    parts = line.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdecimal():
        raise ProtocolError("The server does not answer with HTTP.")
    return int(parts[1])
