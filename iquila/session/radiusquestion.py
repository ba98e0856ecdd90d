"""
RADIUS requests: the question about a login, and reports of sessions (RFC 2865, 2866, 2869).

How they travel is in :mod:`.radius`, what is answered in :mod:`.radiuspacket`.
"""

from __future__ import annotations

import os
from enum import IntEnum
from typing import Any

from attrs import field, frozen
from pyrad.packet import AcctPacket, AuthPacket  # type: ignore[import-untyped]

from iquila.session.radiuspacket import Attribute, Request

MAX_PASSWORD = 128
"""Bytes of a password, RFC 2865 §5.2."""
MAX_TEXT = 253
"""Bytes of an attribute."""
FRAMED, VIRTUAL = 2, 5
"""Service-Type and NAS-Port-Type of a VEN session."""
_ALL_WORDS = (1 << 32) - 1


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
