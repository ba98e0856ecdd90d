"""
What configuration may say: one set of rules for operations, for documents and for moving over.

A rule returns the value as it is stored, or raises ValueError with the rest of a sentence, after
whatever the caller calls the value: the name of a parameter, or a place in a document. No I/O,
and nothing that depends on what else is stored.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

from cryptography import x509

from iquila.database.belongings import RevokedCertificate
from iquila.database.records import ANYBODY, AuthKind
from iquila.session.usercertificate import (
    MAX_CERTIFICATE,
    UNREADABLE,
    NotRSA,
    is_authority,
    read_certificate,
    shown_name,
)
from iquila.wire.names import valid_switch_name, valid_user_name

MAX_SWITCHES, MAX_USERS, MAX_GROUPS = 100_000, 10_000, 10_000
MAX_RULES, MAX_LINES = 32_768, 4096
"""Rules of an access list; lines of a source address list."""
MAX_AUTHORITIES, MAX_REVOKED = 4096, 4096
MAX_LISTENERS = 128
MAX_TEXT = 255
"""Characters of real names, notes, common names and the like."""
MAX_MESSAGE = 20_000
"""Characters."""
MAX_SERIAL, DIGEST, NT_DIGEST, MD5, SHA1 = 64, 20, 16, 16, 20
"""Bytes."""
MAX_TIME = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)
"""Milliseconds since 1970."""
PORTS = range(1, 65_536)
RADIUS_RETRIES = range(100, 10_001)
"""Milliseconds."""
RADIUS_TIMEOUTS = range(1, 121)
"""Seconds."""
MAX_RADIUS_HOSTS = 8
ACCESS_NUMBERS = {
    "protocol": range(256),
    "source_port_start": range(65_536),
    "source_port_end": range(65_536),
    "destination_port_start": range(65_536),
    "destination_port_end": range(65_536),
    "delay": range(10_001),
    "jitter": range(101),
    "loss": range(101),
}
"""The numbers of an access rule; the delay is in milliseconds, jitter and loss are percents."""


# -- names, texts, numbers


def switch_name(value: str) -> str:
    """Return the name of a Virtual Switch."""
    if not valid_switch_name(value):
        raise ValueError(
            "is no valid name: use 1 to 255 letters, digits, spaces and . _ @ -, with no space or "
            "dot at either end"
        )
    return value


def group_name(value: str) -> str:
    """Return the name of a group."""
    if not valid_user_name(value):
        raise ValueError(
            "is no valid name: use 1 to 255 letters, digits, spaces and . _ @ -, no space at "
            "either end, and not 'administrator'"
        )
    return value


def user_name(value: str) -> str:
    """Return the name of a user; one may stand for anybody."""
    return value if value == ANYBODY else group_name(value)


def text(value: str, limit: int = MAX_TEXT) -> str:
    """Return a text of some lines."""
    if len(value) > limit:
        raise ValueError(f"has {len(value)} characters: {limit} is the most")
    if "\0" in value:
        raise ValueError("has a NUL character, which is not allowed: take it out")
    return value


def line(value: str) -> str:
    """Return a text of one line."""
    if not text(value).isprintable():
        raise ValueError("has a character that cannot be printed: take it out")
    return value


def within(number: int, numbers: range) -> int:
    """Return a number of a range."""
    if number not in numbers:
        raise ValueError(f"is a number from {numbers[0]} to {numbers[-1]}, not {number}")
    return number


def moment(value: int) -> int:
    """Return a time in milliseconds since 1970, 0 for never."""
    if not 0 <= value <= MAX_TIME:
        raise ValueError("is not a time from 1970 to 9999: give 0 for never")
    return value


def sized(value: bytes, *sizes: int) -> bytes:
    """Return bytes that are as many as they may be, or none."""
    if value and len(value) not in sizes:
        wanted = " or ".join(map(str, sizes))
        raise ValueError(f"has {len(value)} bytes: {wanted} are needed")
    return value


# -- users and certificates


def authentication(name: str, auth: AuthKind) -> AuthKind:
    """Return how a user logs in."""
    if name == ANYBODY and auth is not AuthKind.RADIUS:
        raise ValueError(
            f"of the user '{ANYBODY}' is RADIUS ({AuthKind.RADIUS:d}): only a RADIUS server "
            "knows them all"
        )
    return auth


def serial(value: bytes) -> bytes:
    """Return the serial number of a certificate, without leading zeros."""
    short = value.lstrip(b"\0")
    if len(short) > MAX_SERIAL:
        raise ValueError(f"has {len(short)} bytes: {MAX_SERIAL} are the most")
    return short


def user_certificate(der: bytes) -> bytes:
    """
    Return a certificate, X.509 DER, that a user can log in with.

    :raises NotRSA: it has a key that the protocol has no use for.
    """
    try:
        read_certificate(der)
    except NotRSA as error:
        raise NotRSA(f"cannot be used: {error}") from None
    except ValueError as error:
        raise ValueError(f"cannot be used: {error}") from None
    return der


def authority(der: bytes) -> bytes:
    """Return the certificate of a CA, X.509 DER."""
    try:
        if len(der) > MAX_CERTIFICATE:
            raise ValueError("it is too large")
        certificate = x509.load_der_x509_certificate(der)
        may_sign = is_authority(certificate)
        certificate_names(certificate)
    except UNREADABLE as error:
        raise ValueError("is no X.509 certificate in DER") from error
    if not may_sign:
        raise ValueError("says of itself that it is no CA: give the CA's certificate")
    return der


def certificate_names(certificate: x509.Certificate) -> tuple[str, str, int]:
    """Return subject, issuer, and expiry in milliseconds since 1970."""
    expires = max(0, int(certificate.not_valid_after_utc.timestamp() * 1000))
    return shown_name(certificate.subject), shown_name(certificate.issuer), expires


def revocation(record: RevokedCertificate) -> RevokedCertificate:
    """Return what names certificates that are refused."""
    if record == RevokedCertificate(record.switch, record.number):
        raise ValueError(
            "is empty, and so are Serial and all the others, which names no certificate: give at "
            "least one"
        )
    return record


# -- addresses and RADIUS


def single_address(address: str) -> str:
    """Return the address of a line of a source address list that is for one address only."""
    if not int(ipaddress.ip_address(address)):
        raise ValueError("is missing: give an address, or one with a mask")
    return address


def mask(value: str, address: str) -> str:
    """Return the mask of an address."""
    if ipaddress.ip_address(value).version != ipaddress.ip_address(address).version:
        raise ValueError(
            f"is not of the kind of the address {address}: give both as IPv4, or both as IPv6"
        )
    return value


def ports(first: int, last: int) -> tuple[int, int]:
    """Return the first and the last of some ports."""
    if first > last:
        raise ValueError(f"is larger than the last of them, {last}: give the smaller port first")
    return first, last


def radius_hosts(value: str) -> str:
    """Return the names or addresses of RADIUS servers, with semicolons between."""
    hosts = [host.strip() for host in value.split(";") if host.strip()]
    good = all(len(host) <= MAX_TEXT and host.isprintable() and " " not in host for host in hosts)
    if not good or not 1 <= len(hosts) <= MAX_RADIUS_HOSTS:
        raise ValueError(
            "is the name or address of a RADIUS server, or up to "
            f"{MAX_RADIUS_HOSTS} of them with semicolons between"
        )
    return ";".join(hosts)


def radius_secret(value: str) -> str:
    """Return a secret that is shared with a RADIUS server."""
    if not value or len(value.encode()) > MAX_TEXT:
        raise ValueError(
            f"is the secret that this server shares with the RADIUS server: 1 to {MAX_TEXT} bytes"
        )
    return value
