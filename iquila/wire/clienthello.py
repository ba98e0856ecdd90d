"""
The ClientHello of TLS (RFC 8446 §4.1.2), as far as a server wants to know it beforehand:
which application protocols the peer offers, and which name it asks for.
"""

from __future__ import annotations

from attrs import frozen

from iquila.errors import ProtocolError

MAX_SIZE = 16 * 1024
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _ALPN = 0, 16


@frozen
class ClientHello:
    """What was read; `alpn` is empty where the extension is missing."""

    alpn: tuple[bytes, ...]
    server_name: str | None


def parse_client_hello(data: bytes) -> ClientHello | None:
    """
    Read the ClientHello at the beginning of a connection.

    :returns: None while it is not complete.
    :raises ProtocolError: it is something else, or larger than 16 KiB.
    """
    try:
        message = _message(data)
        return None if message is None else _parse(_Cursor(message))
    except _EndOfDataError as error:
        raise ProtocolError("The TLS ClientHello is malformed.") from error


class _EndOfDataError(Exception):
    """A field is longer than what holds it."""


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise _EndOfDataError
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_size: int) -> _Cursor:
        return _Cursor(self.take(self.number(length_size)))

    def __bool__(self) -> bool:
        return self._at < len(self._data)


def _message(data: bytes) -> bytes | None:
    """Join the handshake message from its records; None while it is not complete."""
    message, at = b"", 0
    while True:
        head = data[at : at + 5]
        if head and head[0] != _HANDSHAKE:
            raise ProtocolError("The peer does not speak TLS.")
        if len(head) >= 2 and head[1] != 3:
            raise ProtocolError("The peer does not speak TLS.")
        size = int.from_bytes(head[3:5], "big")
        if len(head) < 5 or len(data) < at + 5 + size:
            if len(data) > MAX_SIZE:
                raise ProtocolError("The TLS ClientHello is too large.")
            return None
        message += data[at + 5 : at + 5 + size]
        at += 5 + size
        if message and message[0] != _CLIENT_HELLO:
            raise ProtocolError("The peer's first TLS message is not a ClientHello.")
        if len(message) >= 4:
            wanted = 4 + int.from_bytes(message[1:4], "big")
            if wanted > MAX_SIZE:
                raise ProtocolError("The TLS ClientHello is too large.")
            if len(message) >= wanted:
                return message[4:wanted]


def _parse(hello: _Cursor) -> ClientHello:
    hello.take(2 + 32)  # legacy version, random
    hello.vector(1)  # session id
    hello.vector(2)  # cipher suites
    hello.vector(1)  # compression methods
    alpn: tuple[bytes, ...] = ()
    name: str | None = None
    extensions = hello.vector(2) if hello else _Cursor(b"")
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == _ALPN:
            alpn = tuple(_protocols(body.vector(2)))
        elif kind == _SERVER_NAME and body:
            name = _server_name(body.vector(2))
    return ClientHello(alpn, name)


def _protocols(names: _Cursor) -> list[bytes]:
    found = []
    while names:
        found.append(names.take(names.number(1)))
    return found


def _server_name(names: _Cursor) -> str | None:
    while names:
        kind, name = names.number(1), names.take(names.number(2))
        if kind == 0:
            return name.decode("ascii", "replace")
    return None
