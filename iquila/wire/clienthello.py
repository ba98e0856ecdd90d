"""
The ClientHello of TLS (RFC 8446 §4.1.2), as far as a server wants to know it beforehand:
which application protocols the peer offers, and which name it asks for.
"""

from __future__ import annotations

import struct

from attrs import frozen

from iquila.errors import ProtocolError

MAX_SIZE = 16 * 1024
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _ALPN = 0, 16
_RECORD_HEAD = 5
_U16, _PAIR = struct.Struct(">H"), struct.Struct(">HH")


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
        return None if message is None else _parse(message)
    except (IndexError, struct.error) as error:
        raise ProtocolError("The TLS ClientHello is malformed.") from error


def _message(data: bytes) -> bytes | None:
    """Join the handshake message from its records; None while it is not complete."""
    message, at = b"", 0
    while True:
        head = data[at : at + _RECORD_HEAD]
        if head and (head[0] != _HANDSHAKE or (len(head) > 1 and head[1] != 3)):
            raise ProtocolError("The peer does not speak TLS.")
        end = at + _RECORD_HEAD + int.from_bytes(head[3:], "big")
        if len(head) < _RECORD_HEAD or len(data) < end:
            if len(data) > MAX_SIZE:
                raise ProtocolError("The TLS ClientHello is too large.")
            return None
        message += data[at + _RECORD_HEAD : end]
        at = end
        if message and message[0] != _CLIENT_HELLO:
            raise ProtocolError("The peer's first TLS message is not a ClientHello.")
        if len(message) >= 4:
            wanted = 4 + int.from_bytes(message[1:4], "big")
            if wanted > MAX_SIZE:
                raise ProtocolError("The TLS ClientHello is too large.")
            if len(message) >= wanted:
                return message[4:wanted]


def _parse(hello: bytes) -> ClientHello:
    """Read the message without its head. What is cut off raises IndexError or struct.error."""
    at = 2 + 32  # legacy version, random
    at += 1 + hello[at]  # session id
    at += 2 + _U16.unpack_from(hello, at)[0]  # cipher suites
    at += 1 + hello[at]  # compression methods
    alpn: tuple[bytes, ...] = ()
    name: str | None = None
    end = at + 2 + _U16.unpack_from(hello, at)[0] if at < len(hello) else at
    at += 2
    while at < end:
        kind, size = _PAIR.unpack_from(hello, at)
        at += 4 + size
        if at > len(hello):
            raise IndexError
        if kind == _ALPN:
            alpn = _protocols(hello[at - size : at])
        elif kind == _SERVER_NAME and size:
            name = _server_name(hello[at - size : at])
    return ClientHello(alpn, name)


def _protocols(body: bytes) -> tuple[bytes, ...]:
    found, at, end = [], 2, 2 + _U16.unpack_from(body)[0]
    while at < end:
        size = body[at]
        if at + 1 + size > len(body):
            raise IndexError
        found.append(body[at + 1 : at + 1 + size])
        at += 1 + size
    return tuple(found)


def _server_name(body: bytes) -> str | None:
    at, end = 2, 2 + _U16.unpack_from(body)[0]
    while at < end:
        kind, size = body[at], _U16.unpack_from(body, at + 1)[0]
        at += 3 + size
        if at > len(body):
            raise IndexError
        if kind == 0:
            return body[at - size : at].decode("ascii", "replace")
    return None
