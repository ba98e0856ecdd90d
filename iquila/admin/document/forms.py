"""
The forms that values of a document have: each reads one from TOML and writes it back.

A form's `read` raises ValueError with the rest of a sentence; its `write` returns None for what
is left out.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from attrs import frozen
from cryptography import x509

from iquila.wire.names import valid_user_name

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_TIME = int((datetime(9999, 12, 31, tzinfo=UTC) - EPOCH).total_seconds() * 1000)
"""Milliseconds since 1970."""
MAX_CERTIFICATE = 65_536


class Form(Protocol):
    """How a value stands in a document."""

    def read(self, value: Any) -> Any:
        """Return the value of the record."""

    def write(self, value: Any) -> Any:
        """Return what stands in the document, None for nothing."""


@frozen
class Flag:
    """True or false; `inverted` where the record says the opposite."""

    inverted: bool = False

    def read(self, value: Any) -> bool:
        """Return the flag."""
        if not isinstance(value, bool):
            raise ValueError("is true or false, without quotes")
        return value != self.inverted

    def write(self, value: bool) -> bool:
        """Return the flag."""
        return value != self.inverted


@frozen
class Number:
    """A whole number in a range."""

    low: int
    high: int

    def read(self, value: Any) -> int:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"is a number from {self.low} to {self.high}, without quotes")
        if not self.low <= value <= self.high:
            raise ValueError(f"is a number from {self.low} to {self.high}, not {value}")
        return value

    def write(self, value: int) -> int:
        """Return the number."""
        return value


@frozen
class Text:
    """Characters without NUL; `needed` where there must be one at least."""

    limit: int = 255
    needed: bool = False

    def read(self, value: Any) -> str:
        """Return the text."""
        if not isinstance(value, str):
            raise ValueError("is a text in quotes")
        if len(value) > self.limit:
            raise ValueError(f"has {len(value)} characters: {self.limit} is the most")
        if "\0" in value:
            raise ValueError("has a NUL character: take it out")
        if self.needed and not value.strip():
            raise ValueError("is empty: write something, or leave the whole part out")
        return value

    def write(self, value: str) -> str:
        """Return the text."""
        return value


@frozen
class Name:
    """The name of a user or of a group, or nothing."""

    def read(self, value: Any) -> str:
        """Return the name."""
        if not isinstance(value, str) or (value and not valid_user_name(value)):
            raise ValueError(NAME_RULE)
        return value

    def write(self, value: str) -> str:
        """Return the name."""
        return value


NAME_RULE = (
    "is no valid name: use 1 to 255 letters, digits, spaces and . _ @ -, no space at either end, "
    "and not 'administrator'"
)


@frozen
class Moment:
    """A time; milliseconds since 1970 in the record, 0 for never."""

    def read(self, value: Any) -> int:
        """Return milliseconds."""
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise ValueError("is a time with its zone, as 2030-12-31T23:59:59Z, without quotes")
        number = (value - EPOCH) // timedelta(milliseconds=1)
        if not 0 < number <= MAX_TIME:
            raise ValueError("is a time after 1970 and before 9999-12-31")
        return number

    def write(self, value: int) -> datetime | None:
        """Return the time."""
        if not value:
            return None
        moment = EPOCH + timedelta(milliseconds=min(value, MAX_TIME))
        return _Written.fromtimestamp(moment.timestamp(), UTC).replace(
            microsecond=moment.microsecond
        )


class _Written(datetime):
    """A time whose text is as people write it in TOML."""

    def __str__(self) -> str:
        kind = "milliseconds" if self.microsecond else "seconds"
        return self.replace(tzinfo=None).isoformat("T", kind) + "Z"


@frozen
class Hexadecimal:
    """Bytes as hexadecimal digits, of one of some sizes or at most so many."""

    sizes: tuple[int, ...] = ()
    most: int = 64

    def read(self, value: Any) -> bytes:
        """Return the bytes."""
        try:
            if not isinstance(value, str):
                raise ValueError
            found = bytes.fromhex(value)
        except ValueError:
            raise ValueError("is made of hexadecimal digits, in quotes") from None
        if found and (len(found) not in self.sizes if self.sizes else len(found) > self.most):
            wanted = " or ".join(str(2 * size) for size in self.sizes) or f"at most {2 * self.most}"
            raise ValueError(f"has {2 * len(found)} hexadecimal digits: {wanted} are needed")
        return found

    def write(self, value: bytes) -> str:
        """Return the digits."""
        return value.hex()


@frozen
class Certificate:
    """A certificate: X.509 DER in the record, PEM in the document."""

    def read(self, value: Any) -> bytes:
        """Return the DER."""
        if not isinstance(value, str) or len(value) > 2 * MAX_CERTIFICATE:
            raise ValueError(self._sentence)
        try:
            der = ssl.PEM_cert_to_DER_cert(value.strip())
            x509.load_der_x509_certificate(der)
        except ValueError:
            raise ValueError(self._sentence) from None
        return der

    _sentence = "is no certificate: write it as PEM, from -----BEGIN CERTIFICATE----- on"

    def write(self, value: bytes) -> str | None:
        """Return the PEM."""
        return ssl.DER_cert_to_PEM_cert(value) if value else None


@frozen
class Choice:
    """One of some words, each with its value."""

    words: Mapping[str, Any]

    def read(self, value: Any) -> Any:
        """Return the word's value."""
        if not isinstance(value, str) or value not in self.words:
            names = ", ".join(f'"{word}"' for word in self.words)
            raise ValueError(f"is one of {names}")
        return self.words[value]

    def write(self, value: Any) -> str | None:
        """Return the value's word."""
        return next((word for word, meant in self.words.items() if meant == value), None)
