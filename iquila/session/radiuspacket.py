"""
RADIUS replies: what has to hold before one counts, and what it says (RFC 2865, 2866, 2868, 2869).

The bytes are pyrad's business. What is asked is in :mod:`.radiusquestion`; how it travels, in
:mod:`.radius`.
"""

from __future__ import annotations

import hashlib
import hmac
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
