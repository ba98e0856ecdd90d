"""
The client's half of a login as cheaply as Python can do it: what all load benches log in with.

Requests are encoded once and filled in; answers are not decoded, the few fields that matter are
cut out of them. To a server this is one of SoftEther's clients, so iquila and SoftEther are asked
the same. Not an example of a client; that is :mod:`iquila.session.login`.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Generator
from typing import TypeVar

from attrs import define, field, frozen

from iquila.wire.http import PACK_PATH, PACK_TYPE, SIGNATURE_PATH
from iquila.wire.login import ClientIdentity, Login, LoginOptions, PasswordProof, TicketProof
from iquila.wire.node import NodeInformation
from iquila.wire.pack import Pack, Type
from iquila.wire.passwords import secure_password, user_hash

from .tls import Address, Channel, ChannelClosed, client_context

PRODUCT = "iquila bench"
PROOF = 20
"""Bytes of a challenge, a proof and a ticket."""
_MARK = bytes(range(0xE0, 0xE0 + PROOF))
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_ANSWER_LIMIT = 256 * 1024


T = TypeVar("T")
Steps = Generator[Channel, None, T]
"""Something that yields the channel it waits for, and at last returns a value."""


class LoginFailed(Exception):
    """A login was refused, or the answer was none; the text says at what."""


FAILURES = (LoginFailed, ChannelClosed, OSError)
"""What a login may end with: refusals, no connection, broken connections."""


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


@define
class Session:
    """An open session: its channel carries blocks from now on."""

    channel: Channel
    rest: bytes
    """What came after the welcome already."""
    version: str
    """Of TLS, such as ``TLSv1.3``."""


@define
class Dialogue:
    """HTTP requests and answers on one channel; the caller closes it."""

    channel: Channel
    rest: bytes = field(init=False, default=b"")
    """What came after the last answer."""

    def begin(self) -> Steps[None]:
        """Connect."""
        while not self.channel.handshake():
            yield self.channel

    def tell(self, request: bytes) -> Steps[None]:
        """Send a request whose answer nobody waits for."""
        while not (sent := self.channel.write(request)):
            yield self.channel
        if sent != len(request):
            raise LoginFailed("the socket takes no request")

    def ask(self, request: bytes) -> Steps[bytes]:
        """
        Send a request and return the body of its answer.

        :raises LoginFailed: the answer is not the usual one.
        """
        head, body = yield from self.exchange(request)
        if not head.startswith(b"HTTP/1.1 200"):
            raise LoginFailed(head[:60].decode("latin-1"))
        return body

    def exchange(self, request: bytes) -> Steps[tuple[bytes, bytes]]:
        """
        Send a request and return head and body of whatever answers it.

        :raises LoginFailed: the answer does not end, or is not HTTP.
        """
        yield from self.tell(request)
        data, end = b"", -1
        while len(data) < _ANSWER_LIMIT:
            while not (more := self.channel.read()):
                yield self.channel
            data = data + more if data else more
            end = data.find(b"\r\n\r\n") if end < 0 else end
            if end < 0:
                continue
            length = _LENGTH.search(data, 0, end)
            if length is None:
                raise LoginFailed(data[:60].decode("latin-1"))
            start = end + 4
            stop = start + int(length[1])
            if len(data) >= stop:
                self.rest = data[stop:]
                return data[:end], data[start:stop]
        raise LoginFailed("an endless answer")


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

    def login(self, address: Address) -> Steps[Session]:
        """
        Log in at `address`, follow a redirect, and return the open session.

        :raises LoginFailed: refused; or any other of :data:`FAILURES`.
        """
        channel = Channel(address, self.context)
        try:
            dialogue = Dialogue(channel)
            yield from dialogue.begin()
            challenge = data_field((yield from dialogue.ask(SIGNATURE)), b"random")
            proof = secure_password(self._hash, challenge)
            answer = yield from dialogue.ask(self._with_password.filled(proof))
            if b"\0\0\0\x09Redirect\0" not in answer:
                return self._opened(dialogue, answer)
            host = first_number(answer, b"Ip").to_bytes(4, "little")
            member = socket.inet_ntoa(host), first_number(answer, b"Port")
            ticket = data_field(answer, b"Ticket")
            yield from dialogue.tell(ACKNOWLEDGEMENT)
        except BaseException:
            channel.close()
            raise
        channel.close()
        return (yield from self._redeem(member, ticket))

    def _redeem(self, member: Address, ticket: bytes) -> Steps[Session]:
        channel = Channel(member, self.context)
        try:
            dialogue = Dialogue(channel)
            yield from dialogue.begin()
            data_field((yield from dialogue.ask(SIGNATURE)), b"random")
            answer = yield from dialogue.ask(self._with_ticket.filled(ticket))
            return self._opened(dialogue, answer)
        except BaseException:
            channel.close()
            raise

    @staticmethod
    def _opened(dialogue: Dialogue, answer: bytes) -> Session:
        data_field(answer, b"session_key")
        return Session(dialogue.channel, dialogue.rest, dialogue.channel.version)


def finish(steps: Steps[T], seconds: float = 30.0) -> T:
    """
    Take all steps, waiting in between, and return the value.

    :raises TimeoutError: they did not end in time.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            channel = next(steps)
        except StopIteration as stop:
            value: T = stop.value
            return value
        waiter = select.poll()
        waiter.register(channel.fd, select.POLLIN)
        # A handshake that waits to be allowed to connect or to send is rare: it may be asked again.
        waiter.poll(20)
        if time.monotonic() > end:
            steps.close()
            raise TimeoutError(f"no end within {seconds:g} s")
