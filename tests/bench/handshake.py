"""
The client's half of a login as cheaply as Python can do it: what all load benches log in with.

Requests are encoded once and filled in; answers are not decoded, the few fields that matter are
cut out of them. OpenSSL works on blocking sockets; there is no verification, no ALPN and no
session ticket: to a server this is one of SoftEther's clients, so iquila and SoftEther are asked
the same. Not an example of a client; that is :mod:`iquila.session.login`.
"""

from __future__ import annotations

import re
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from attrs import frozen
from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from iquila.wire.http import PACK_PATH, PACK_TYPE, SIGNATURE_PATH
from iquila.wire.login import ClientIdentity, Login, LoginOptions, PasswordProof, TicketProof
from iquila.wire.node import NodeInformation
from iquila.wire.pack import Pack, Type
from iquila.wire.passwords import secure_password, user_hash

Address = tuple[str, int]

PRODUCT = "iquila bench"
PROOF = 20
"""Bytes of a challenge, a proof and a ticket."""
_MARK = bytes(range(0xE0, 0xE0 + PROOF))
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_READ = 16 * 1024
_ANSWER_LIMIT = 256 * 1024


ANSWER_SECONDS = 20
"""Time for the server to answer once."""
_TIMEVAL = struct.pack("ll", ANSWER_SECONDS, 0)
_MODE_RELEASE_BUFFERS = 0x10


class LoginFailed(Exception):
    """A login was refused, or the answer was none; the text says at what."""


FAILURES = (LoginFailed, OSError, SSL.Error)
"""What a login may end with: refusals, no connection, broken or silent connections."""


def client_context() -> SSL.Context:
    """Return a TLS context that takes any server."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_mode(_MODE_RELEASE_BUFFERS)
    # The first of these is what clients with OpenSSL 3 begin with. Newer libraries make a
    # post-quantum key as well, which would cost the driver a fifth of its handshakes.
    lib: Any = Binding().lib
    lib.SSL_CTX_set1_curves_list(context._context, b"X25519:P-256")
    return context


def _post(path: bytes, kind: bytes, body: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: bench\r\nConnection: Keep-Alive\r\nContent-Type: %s\r\n"
    return (head + b"Content-Length: %d\r\n\r\n") % (path, kind, len(body)) + body


SIGNATURE = _post(SIGNATURE_PATH, b"image/jpeg", b"VPNCONNECT")
ACKNOWLEDGEMENT = _post(PACK_PATH, PACK_TYPE, Pack().encode())


def data_field(pack: bytes, name: bytes) -> bytes:
    """
    Return the 20 bytes of a DATA element of an encoded pack.

    :raises LoginFailed: there is none, which an error pack is the usual reason for.
    """
    head = (len(name) + 1).to_bytes(4, "big") + name
    head += bytes((0, 0, 0, Type.DATA, 0, 0, 0, 1, 0, 0, 0, PROOF))
    at = pack.find(head)
    if at < 0:
        raise LoginFailed(f"no {name.decode()} but {_told(pack)}")
    at += len(head)
    return pack[at : at + PROOF]


def first_number(pack: bytes, name: bytes) -> int:
    """
    Return the first u32 of an INT element of an encoded pack.

    :raises LoginFailed: there is none.
    """
    head = (len(name) + 1).to_bytes(4, "big") + name + bytes((0, 0, 0, Type.INT))
    at = pack.find(head)
    if at < 0:
        raise LoginFailed(f"no {name.decode()} but {_told(pack)}")
    at += len(head) + 4
    return int.from_bytes(pack[at : at + 4], "big")


def _told(pack: bytes) -> str:
    return f"error {Pack.decode(pack).error}"


@frozen
class _Form:
    """A request with a gap of 20 bytes."""

    head: bytes
    tail: bytes

    @classmethod
    def of(cls, login: Login) -> _Form:
        request = _post(PACK_PATH, PACK_TYPE, login.to_pack().encode())
        head, _, tail = request.partition(_MARK)
        return cls(head, tail)

    def filled(self, proof: bytes) -> bytes:
        return self.head + proof + self.tail


class Connection:
    """
    A blocking TLS connection on which the handshake is spoken.

    :raises OSError: no TCP connection.
    :raises SSL.Error: no TLS connection.
    """

    def __init__(self, address: Address, context: SSL.Context) -> None:
        self.socket = socket.socket()
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Not settimeout(): that makes the socket a non-blocking one, and costs a poll per call.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEVAL)
            self.socket.connect(address)
            self.tls = SSL.Connection(context, self.socket)
            self.tls.set_connect_state()
            self.tls.do_handshake()
        except BaseException:
            self.socket.close()
            raise
        self.address = address
        self.rest = b""
        """What came after the last answer."""

    def ask(self, request: bytes) -> bytes:
        """
        Send a request and return the body of its answer.

        :raises LoginFailed: the server answered with something else.
        :raises SSL.Error: it closed, or did not answer in time.
        """
        self.tls.sendall(request)
        data, end = b"", -1
        while True:
            more = self.tls.recv(_READ)
            data = data + more if data else more
            end = data.find(b"\r\n\r\n") if end < 0 else end
            if len(data) > _ANSWER_LIMIT:
                raise LoginFailed("an endless answer")
            if end < 0:
                continue
            length = _LENGTH.search(data, 0, end)
            if length is None or not data.startswith(b"HTTP/1.1 200"):
                raise LoginFailed(data[:60].decode("latin-1"))
            start = end + 4
            stop = start + int(length[1])
            if len(data) >= stop:
                self.rest = data[stop:]
                return data[start:stop]

    def close(self) -> None:
        """Close with a close_notify, without waiting for the server's."""
        with suppress(SSL.Error):
            self.tls.shutdown()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Account:
    """
    A user with the bytes to log in with.

    :param bridge: ask for more than one station behind the session.
    """

    def __init__(self, switch: str, user: str, password: str, *, bridge: bool = False) -> None:
        self.context = client_context()
        self._hash = user_hash(password, user)

        def login(auth: PasswordProof | TicketProof) -> Login:
            identity = ClientIdentity(PRODUCT, 501, 9674)
            options = LoginOptions(bridge_mode=bridge, unique_id=b"b" * PROOF)
            node = NodeInformation(
                client_product_name=PRODUCT,
                client_os_name="Linux",
                client_host_name="bench",
                server_host_name="bench",
                switch=switch,
            )
            return Login(switch, user, auth, identity, options, node)

        self._with_password = _Form.of(login(PasswordProof(_MARK)))
        self._with_ticket = _Form.of(login(TicketProof(_MARK)))

    def _begin(self, address: Address, proof: bytes | None) -> tuple[Connection, bytes]:
        """Connect and log in; return the connection and the pack that answers."""
        connection = Connection(address, self.context)
        try:
            challenge = data_field(connection.ask(SIGNATURE), b"random")
            if proof is not None:
                return connection, connection.ask(self._with_ticket.filled(proof))
            proof = secure_password(self._hash, challenge)
            return connection, connection.ask(self._with_password.filled(proof))
        except BaseException:
            connection.close()
            raise

    def login(self, address: Address) -> Connection:
        """
        Log in at `address`, follow a redirect, and return the connection of the open session.

        :raises LoginFailed: refused; or any other of :data:`FAILURES`.
        """
        connection, answer = self._begin(address, None)
        if b"\0\0\0\x09Redirect\0" in answer:
            with connection:
                host = first_number(answer, b"Ip").to_bytes(4, "little")
                member = socket.inet_ntoa(host), first_number(answer, b"Port")
                ticket = data_field(answer, b"Ticket")
                connection.tls.sendall(ACKNOWLEDGEMENT)
            connection, answer = self._begin(member, ticket)
        try:
            data_field(answer, b"session_key")
        except LoginFailed:
            connection.close()
            raise
        return connection
