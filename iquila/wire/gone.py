"""
The control message by which one iquila end tells another which connections it has lost.

Conversations that were on such a connection may then go on on another: nothing that was sent on
the lost one will be read any more. See :mod:`iquila.session.flows`.
"""

from __future__ import annotations

from collections.abc import Iterable

from iquila.wire.blocks import MAX_CONTROL

NAME_SIZE = 8
"""Bytes of a connection's name, which both ends derive from its TLS channel."""
_MAGIC = b"gone "
MAX_NAMES = (MAX_CONTROL - len(_MAGIC)) // NAME_SIZE
"""Names that fit in one message."""


def gone_message(names: Iterable[bytes]) -> bytes:
    """Return the message for at most :data:`MAX_NAMES` names."""
    return _MAGIC + b"".join(names)


def read_gone_message(payload: bytes) -> list[bytes]:
    """Return the names in a control message, none if it is another message."""
    if not payload.startswith(_MAGIC):
        return []
    ends = range(len(_MAGIC) + NAME_SIZE, len(payload) + 1, NAME_SIZE)
    return [payload[end - NAME_SIZE : end] for end in ends]
