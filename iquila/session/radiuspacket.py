"""
RADIUS packets as a client writes and reads them: RFC 2865, 2866, 2868 and 2869.

The bytes are pyrad's business; what has to hold before a reply counts is decided here. No I/O:
see :mod:`.radius`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from enum import IntEnum
from typing import Any

from attrs import field, frozen
from pyrad.packet import (  # type: ignore[import-untyped]
    AccountingRequest,
    AccountingResponse,
    AcctPacket,
    AuthPacket,
    PacketError,
)

MAX_PASSWORD = 128
"""Bytes of a password, RFC 2865 §5.2."""
MAX_TEXT = 253
"""Bytes of an attribute."""
MAX_PACKET = 4096
"""Bytes of a packet, RFC 2865 §3."""
MAX_CLASSES = 8
"""Class attributes that are kept, so that an accounting request has room for all of them."""
_HEAD = 20
_AUTHENTICATOR = slice(4, 20)


class Attribute(IntEnum):
    """The attributes that are written or read here, by number."""

    USER_NAME = 1
    USER_PASSWORD = 2
    SERVICE_TYPE = 6
    REPLY_MESSAGE = 18
    STATE = 24
    CLASS = 25
    SESSION_TIMEOUT = 27
    CALLING_STATION_ID = 31
    NAS_IDENTIFIER = 32
    PROXY_STATE = 33
    ACCT_STATUS_TYPE = 40
    ACCT_INPUT_OCTETS = 42
    ACCT_OUTPUT_OCTETS = 43
    ACCT_SESSION_ID = 44
    ACCT_AUTHENTIC = 45
    ACCT_SESSION_TIME = 46
    ACCT_INPUT_PACKETS = 47
    ACCT_OUTPUT_PACKETS = 48
    ACCT_TERMINATE_CAUSE = 49
    ACCT_INPUT_GIGAWORDS = 52
    ACCT_OUTPUT_GIGAWORDS = 53
    EVENT_TIMESTAMP = 55
    NAS_PORT_TYPE = 61
    MESSAGE_AUTHENTICATOR = 80
    TUNNEL_PRIVATE_GROUP_ID = 81
    ACCT_INTERIM_INTERVAL = 85


FRAMED, VIRTUAL = 2, 5
"""Service-Type and NAS-Port-Type of a VEN session."""
_ALL_WORDS = (1 << 32) - 1


class Code(IntEnum):
    """What a reply says."""

    ACCEPT = 2
    REJECT = 3
    ACCOUNTED = 5
    CHALLENGE = 11


class BadReply(Exception):
    """A datagram is no reply that may be believed; the text says why."""


@frozen
class Reply:
    """
    A reply whose proofs hold.

    :ivar message: what the server wants a person to read; may be empty.
    :ivar state: of a challenge, to be sent with the answer to it.
    :ivar session_timeout: seconds until the session has to end, 0 for never.
    :ivar interim: seconds between two reports of a session, 0 where nothing is said.
    :ivar classes: to be sent with every accounting request.
    :ivar vlan: 1..4094, 0 where nothing is said.
    :ivar user: the name to account under; empty for the one that was asked about.
    """

    code: Code
    message: str = ""
    state: bytes = field(default=b"", repr=False)
    session_timeout: int = 0
    interim: int = 0
    classes: tuple[bytes, ...] = ()
    vlan: int = 0
    user: str = ""


@frozen
class Request:
    """A packet as it is sent, again and again until it is answered."""

    data: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @property
    def identifier(self) -> int:
        """What the reply repeats, 0..255."""
        return self.data[1]

    def read(self, datagram: bytes) -> Reply:
        """
        Return what a datagram replies to this request.

        Its Response Authenticator has to be right. A reply about a login needs a
        Message-Authenticator too: without it, somebody between could turn a reject into an
        accept (CVE-2024-3596).

        :raises BadReply: it is not believed, and counts as if it had not come.
        """
        raw = _exact(datagram)
        if raw[1] != self.identifier:
            raise BadReply("its identifier is another one")
        if not hmac.compare_digest(self._response_authenticator(raw), raw[_AUTHENTICATOR]):
            raise BadReply("its Response Authenticator is wrong: compare the shared secrets")
        accounting = self.data[0] == AccountingRequest
        try:
            packet = (AcctPacket if accounting else AuthPacket)(secret=self.secret, packet=raw)
        except PacketError as error:
            raise BadReply(f"it is malformed ({error})") from error
        if accounting:
            if packet.code != AccountingResponse:
                raise BadReply(f"its code {packet.code} does not answer an Accounting-Request")
            return Reply(Code.ACCOUNTED)
        self._check_message_authenticator(packet)
        return _reply(packet)

    def _response_authenticator(self, raw: bytes) -> bytes:
        signed = raw[:4] + self.data[_AUTHENTICATOR] + raw[_HEAD:] + self.secret
        return hashlib.md5(signed, usedforsecurity=False).digest()

    def _check_message_authenticator(self, packet: Any) -> None:
        found = packet.get(Attribute.MESSAGE_AUTHENTICATOR, [])
        if not found:
            raise BadReply(
                "it has no Message-Authenticator (CVE-2024-3596): update the RADIUS server, or "
                "have it send one in every reply"
            )
        good = len(found) == 1 and packet.verify_message_authenticator(
            original_authenticator=self.data[_AUTHENTICATOR], original_code=self.data[0]
        )
        if not good:
            raise BadReply("its Message-Authenticator is wrong: compare the shared secrets")
        if packet.get(Attribute.PROXY_STATE):
            raise BadReply("it has a Proxy-State that was not sent")


def _exact(datagram: bytes) -> bytes:
    """Return a datagram without the padding behind its packet; every length in it fits."""
    size = int.from_bytes(datagram[2:4], "big")
    if not _HEAD <= size <= min(len(datagram), MAX_PACKET):
        raise BadReply("its length is wrong")
    position = _HEAD
    while position < size:
        length = datagram[position + 1] if position + 1 < size else 0
        if length < 2 or position + length > size:
            raise BadReply("an attribute of it has a wrong length")
        position += length
    return datagram[:size]


def _reply(packet: Any) -> Reply:
    if packet.code not in (Code.ACCEPT, Code.REJECT, Code.CHALLENGE):
        raise BadReply(f"its code {packet.code} does not answer an Access-Request")
    texts = [value.decode("utf-8", "replace") for value in packet.get(Attribute.REPLY_MESSAGE, [])]
    return Reply(
        Code(packet.code),
        message="".join(texts)[:MAX_PACKET],
        state=next(iter(packet.get(Attribute.STATE, [])), b""),
        session_timeout=_number(packet, Attribute.SESSION_TIMEOUT),
        interim=_number(packet, Attribute.ACCT_INTERIM_INTERVAL),
        classes=tuple(packet.get(Attribute.CLASS, [])[:MAX_CLASSES]),
        vlan=_vlan(packet),
        user=next(iter(packet.get(Attribute.USER_NAME, [])), b"").decode("utf-8", "replace"),
    )


def _number(packet: Any, attribute: Attribute) -> int:
    values = packet.get(attribute, [])
    return int.from_bytes(values[0], "big") if values and len(values[0]) == 4 else 0


def _vlan(packet: Any) -> int:
    for value in packet.get(Attribute.TUNNEL_PRIVATE_GROUP_ID, []):
        # A first byte up to 0x1F is a tag (RFC 2868 §3.6).
        digits = value[1:] if value[:1] <= b"\x1f" else value
        if digits.isdigit() and len(digits) <= 4 and 1 <= int(digits) <= 4094:
            return int(digits)
    return 0


@frozen
class Login:
    """
    The question whether a user may come in.

    :param nas: the name that we have at the RADIUS server.
    :param station: the address of the client.
    :param state: of the challenge that the password answers, or empty.
    """

    user: str
    password: str = field(repr=False)
    nas: str
    station: str
    state: bytes = field(default=b"", repr=False)

    def is_sendable(self) -> bool:
        """Return whether a packet can carry the name and the password."""
        name, password = self.user.encode(), self.password.encode()
        return 0 < len(name) <= MAX_TEXT and len(password) <= MAX_PASSWORD and 0 not in password

    def request(self, identifier: int, secret: bytes) -> Request:
        """Return a new packet with a random authenticator, its Message-Authenticator first."""
        packet = AuthPacket(id=identifier, secret=secret, authenticator=os.urandom(16))
        packet.add_message_authenticator()
        packet[Attribute.USER_NAME] = [self.user.encode()]
        packet[Attribute.USER_PASSWORD] = [packet.PwCrypt(self.password)]
        _add_common(packet, self.nas, self.station)
        if self.state:
            packet[Attribute.STATE] = [self.state]
        return Request(packet.RequestPacket(), secret)


class Event(IntEnum):
    """What an accounting request tells of a session (Acct-Status-Type)."""

    START = 1
    STOP = 2
    INTERIM = 3


@frozen
class Traffic:
    """What a session carried; `input` came from its client."""

    input_bytes: int = 0
    input_frames: int = 0
    output_bytes: int = 0
    output_frames: int = 0


@frozen
class Report:
    """
    An accounting request (RFC 2866).

    :param session: unique for this session, for ever.
    :param seconds: how long the session has lasted.
    :param time: when this happened, seconds since 1970.
    :param cause: of a stop, RFC 2866 §5.10.
    """

    event: Event
    session: str
    user: str
    nas: str
    station: str
    time: int
    seconds: int = 0
    traffic: Traffic = Traffic()
    classes: tuple[bytes, ...] = ()
    cause: int = 0

    def request(self, identifier: int, secret: bytes) -> Request:
        """Return a new packet; its authenticator proves that we know the secret."""
        packet = AcctPacket(id=identifier, secret=secret)
        packet[Attribute.ACCT_STATUS_TYPE] = [_word(self.event)]
        packet[Attribute.ACCT_SESSION_ID] = [_text(self.session)]
        packet[Attribute.USER_NAME] = [_text(self.user)]
        _add_common(packet, self.nas, self.station)
        packet[Attribute.ACCT_AUTHENTIC] = [_word(1)]  # by RADIUS
        # The time of the event does not change when a request is sent again, as Acct-Delay-Time
        # would have to: so it stays the same packet, which servers know as a duplicate.
        packet[Attribute.EVENT_TIMESTAMP] = [_word(self.time)]
        if self.classes:
            packet[Attribute.CLASS] = list(self.classes)
        if self.event is not Event.START:
            self._add_counts(packet)
        if self.event is Event.STOP:
            packet[Attribute.ACCT_TERMINATE_CAUSE] = [_word(self.cause)]
        return Request(packet.RequestPacket(), secret)

    def _add_counts(self, packet: Any) -> None:
        told = self.traffic
        packet[Attribute.ACCT_SESSION_TIME] = [_word(self.seconds)]
        for low, high, octets in (
            (Attribute.ACCT_INPUT_OCTETS, Attribute.ACCT_INPUT_GIGAWORDS, told.input_bytes),
            (Attribute.ACCT_OUTPUT_OCTETS, Attribute.ACCT_OUTPUT_GIGAWORDS, told.output_bytes),
        ):
            packet[low] = [_word(octets)]
            packet[high] = [_word(octets >> 32)]
        packet[Attribute.ACCT_INPUT_PACKETS] = [_word(told.input_frames)]
        packet[Attribute.ACCT_OUTPUT_PACKETS] = [_word(told.output_frames)]


def _add_common(packet: Any, nas: str, station: str) -> None:
    packet[Attribute.NAS_IDENTIFIER] = [_text(nas)]
    packet[Attribute.CALLING_STATION_ID] = [_text(station)]
    packet[Attribute.NAS_PORT_TYPE] = [_word(VIRTUAL)]
    packet[Attribute.SERVICE_TYPE] = [_word(FRAMED)]


def _text(value: str) -> bytes:
    """Return the start of a text as an attribute carries it; never empty, which is not allowed."""
    cut = value.encode()[:MAX_TEXT]
    return cut.decode("utf-8", "ignore").encode() or b"-"


def _word(number: int) -> bytes:
    return (number & _ALL_WORDS).to_bytes(4, "big")
