"""
On whose behalf is the database changed? Set around each administrative operation.

A context variable, not an argument: a change that somebody forgot to sign would be missing from
the audit. Coroutines keep the context in which they were started.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from attrs import frozen


@frozen
class Actor:
    """
    Who changes something, and how.

    :ivar name: ``administrator``, a switch's administrator as ``administrator@SWITCH``,
        ``token:NAME``, or a user as ``USER@SWITCH``.
    :ivar address: where the call came from, as text; empty for this process itself.
    :ivar door: ``json-rpc``, ``pack-rpc``, ``ven`` or empty.
    :ivar operation: the name of the operation.
    """

    name: str
    address: str = ""
    door: str = ""
    operation: str = ""


_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


def actor() -> Actor | None:
    """Return on whose behalf the running code acts; None for the system itself."""
    return _acting.get()


@contextmanager
def acting(who: Actor | None) -> Iterator[None]:
    """Let what happens inside count as done by somebody; None for the system itself."""
    before = _acting.set(who)
    try:
        yield
    finally:
        _acting.reset(before)
