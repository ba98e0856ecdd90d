"""
Verifying the audit's chain: finds the first entry that is not what was written.

Altered, removed and inserted entries show by the digests; an end that was cut off shows by the
number and the digest of the last entry, which are kept apart. Who can write all of these can
cheat: therefore a digest noted elsewhere can be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from attrs import frozen

from iquila.database.audit import ZERO, AuditRow, AuditState, chained

STEP = 2000
"""Entries that are looked at in one go; changes are made between."""
BEGINNING = -(2**63)


class Source(Protocol):
    """What has a chain."""

    def audit_state(self) -> AuditState:
        """Return what is kept apart from the entries."""

    def audit_rows(self, after: int, limit: int) -> list[AuditRow]:
        """Return entries by their numbers."""


@frozen
class Verdict:
    """
    What a verification found.

    :ivar entries: how many entries were looked at.
    :ivar first: the number of the oldest one that is kept.
    :ivar head: the digest of the last good one.
    :ivar bad: the number of the first entry that is not right; 0 where it is none of them.
    :ivar problem: what is wrong; empty where all is well.
    """

    entries: int
    first: int
    head: bytes
    bad: int = 0
    problem: str = ""


class Checker:
    """
    Goes through a chain once.

    :param known: digests of entries, by number, that are known for certain.
    :param expect: a digest that some entry has to have.
    """

    def __init__(self, known: Mapping[int, bytes] | None = None, expect: bytes = b"") -> None:
        self._known = {n: d for n, d in (known or {}).items() if n}
        self._expect = expect
        self._found = not expect
        self._state: AuditState | None = None
        self._after = BEGINNING
        self._next = 1
        self._digest = ZERO
        self._entries = 0
        self._bad = 0
        self._problem = ""

    def step(self, source: Source) -> bool:
        """Look at some more entries; return whether that was all."""
        state = source.audit_state()
        if self._state is None or state.first > self._next:
            # The beginning; or what comes next was given up meanwhile, because it is too old.
            self._next, self._digest = state.first, state.base
            self._found = self._found or state.base == self._expect
            self._after = BEGINNING if self._state is None else state.first - 1
        self._state = state
        rows = source.audit_rows(self._after, STEP)
        self._feed(rows)
        if self._problem or len(rows) < STEP:
            self._finish(state)
            return True
        self._after = rows[-1].number
        return False

    def verdict(self) -> Verdict:
        """Return what was found."""
        assert self._state is not None
        first = self._state.first
        return Verdict(self._entries, first, self._digest, self._bad, self._problem)

    def _feed(self, rows: Iterable[AuditRow]) -> None:
        for row in rows:
            self._check(row)
            if self._problem:
                return
            self._next = row.number + 1
            self._digest = row.digest
            self._entries += 1
            self._found = self._found or row.digest == self._expect

    def _wrong(self, number: int, what: str) -> None:
        self._bad, self._problem = number, what

    def _check(self, row: AuditRow) -> None:
        number = row.number
        assert self._state is not None
        if number > self._state.number:
            self._wrong(number, f"Entry {number} was inserted at the end.")
        elif number > self._next:
            self._wrong(self._next, f"Entry {self._next} is missing.")
        elif number < self._next:
            self._wrong(number, f"Entry {number} was inserted.")
        elif chained(row.previous, row.entry) != row.digest:
            self._wrong(number, f"Entry {number} was altered.")
        elif row.previous != self._digest:
            self._unlinked(number)
        elif not _columns_right(row):
            self._wrong(number, f"Entry {number} was altered: it is filed under wrong words.")
        elif self._known.get(number, row.digest) != row.digest:
            self._wrong(number, f"Entry {number} is not the one that this server wrote.")

    def _unlinked(self, number: int) -> None:
        """Name the entry before one that is right in itself, but follows from another one."""
        assert self._state is not None
        if number == self._state.first:
            self._wrong(number, f"Entry {number} does not follow from what was before it.")
        else:
            self._wrong(number - 1, f"Entry {number - 1} was altered, and its digest with it.")

    def _finish(self, state: AuditState) -> None:
        last = self._next - 1
        end = max([state.number, *self._known])
        if self._problem:
            return
        if last < end:
            self._wrong(self._next, f"The end is cut off: entries {self._next} to {end}.")
        elif self._digest != state.head:
            self._wrong(last, f"Entry {last} was altered, and its digest with it.")
        elif not self._found:
            self._wrong(0, "No entry has the digest that is expected: the chain was made anew.")


def _columns_right(row: AuditRow) -> bool:
    said = row.described()
    stored = {
        "number": row.number,
        "switch": row.switch,
        "actor": row.actor,
        "kind": row.kind,
    }
    return all(said.get(name) == value for name, value in stored.items())
