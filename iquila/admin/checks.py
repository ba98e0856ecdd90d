"""Checks of single parameters that several operations share; each refusal names its parameter."""

from __future__ import annotations

from datetime import UTC, datetime

from iquila.errors import InvalidParameter
from iquila.wire.names import valid_user_name

MAX_TEXT = 255
"""Characters of real names, notes, common names and the like."""
MAX_TIME = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() * 1000)
"""Milliseconds since 1970."""


def checked_name(name: str, value: str) -> str:
    """
    Return the name of a user or a group.

    :raises InvalidParameter: it may not be one.
    """
    if not valid_user_name(value):
        raise InvalidParameter(
            f"{name} cannot be '{value[:64]}': use 1 to 255 letters, digits, spaces and . _ @ -, "
            "and not 'administrator'."
        )
    return value


def checked_text(name: str, value: str, limit: int = MAX_TEXT) -> str:
    """
    Return a text.

    :raises InvalidParameter: it is too long, or has control characters that no line can show.
    """
    if len(value) > limit:
        raise InvalidParameter(f"{name} has {len(value)} characters: {limit} is the most.")
    if "\0" in value:
        raise InvalidParameter(f"{name} contains a character that is not allowed.")
    return value


def checked_time(name: str, value: int) -> int:
    """
    Return a time in milliseconds since 1970, 0 for never.

    :raises InvalidParameter: it is before 1970 or after the year 9999.
    """
    if not 0 <= value <= MAX_TIME:
        raise InvalidParameter(f"{name} is not a time from 1970 to 9999: give 0 for never.")
    return value


def checked_size(name: str, value: bytes, *sizes: int) -> bytes:
    """
    Return some bytes that are as long as they may be, or empty.

    :raises InvalidParameter: they are not.
    """
    if value and len(value) not in sizes:
        wanted = " or ".join(map(str, sizes))
        raise InvalidParameter(f"{name} has {len(value)} bytes: {wanted} are needed.")
    return value
