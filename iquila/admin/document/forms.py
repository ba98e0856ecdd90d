"""
The forms that values of a document have: each reads one from TOML and writes it back.

A form's `read` raises ValueError with the rest of a sentence; its `write` returns None for what
is left out.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from attrs import frozen

from iquila.admin import rules

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_PEM = 2 * 65_536
"""Characters."""


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

    numbers: range

    def read(self, value: Any) -> int:
        """Return the number."""
        if isinstance(value, bool) or not isinstance(value, int):
            low, high = self.numbers[0], self.numbers[-1]
            raise ValueError(f"is a number from {low} to {high}, without quotes")
        return rules.within(value, self.numbers)

    def write(self, value: int) -> int:
        """Return the number."""
        return value


@frozen
class Text:
    """
    A text that a rule allows.

    :ivar limit: how many characters are kept of a longer one, where cutting does no harm.
    """

    rule: Callable[[str], str] = rules.text
    limit: int | None = None

    def read(self, value: Any) -> str:
        """Return the text."""
        if not isinstance(value, str):
            raise ValueError("is a text in quotes")
        return self.rule(value)

    def write(self, value: str) -> str:
        """Return the text."""
        return value


@frozen
class Moment:
    """A time; milliseconds since 1970 in the record, 0 for never."""

    def read(self, value: Any) -> int:
        """Return milliseconds."""
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise ValueError("is a time with its zone, as 2030-12-31T23:59:59Z, without quotes")
        number = (value - EPOCH) // timedelta(milliseconds=1)
        if number == 0:
            raise ValueError("is a time after 1970: leave it out for never")
        return rules.moment(number)

    def write(self, value: int) -> datetime | None:
        """Return the time."""
        if not value:
            return None
        moment = EPOCH + timedelta(milliseconds=min(value, rules.MAX_TIME))
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
    """Bytes as hexadecimal digits."""

    rule: Callable[[bytes], bytes]

    def read(self, value: Any) -> bytes:
        """Return the bytes."""
        try:
            if not isinstance(value, str):
                raise ValueError
            found = bytes.fromhex(value)
        except ValueError:
            raise ValueError("is made of hexadecimal digits, in quotes") from None
        try:
            return self.rule(found)
        except ValueError as error:
            raise ValueError(f"{error}, two digits each") from None

    def write(self, value: bytes) -> str:
        """Return the digits."""
        return value.hex()


@frozen
class Certificate:
    """A certificate: X.509 DER in the record, PEM in the document."""

    rule: Callable[[bytes], bytes]

    def read(self, value: Any) -> bytes:
        """Return the DER."""
        if not isinstance(value, str) or len(value) > MAX_PEM:
            raise ValueError(self._sentence)
        try:
            der = ssl.PEM_cert_to_DER_cert(value.strip())
        except ValueError:
            raise ValueError(self._sentence) from None
        return self.rule(der)

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
