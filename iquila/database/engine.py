"""
What lies below a database: something that loads everything once and writes revisions.

Engines are synchronous; :mod:`.store` calls them in a thread where they block.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from pathlib import Path
from typing import Protocol

from attrs import frozen

from iquila.database.audit import AuditFilter, AuditRow, AuditState

ALL = AuditFilter()
WINDOW = 50_000
"""Entries of the audit that one call looks through at most."""
MEMORY_AUDIT = 10_000
"""Entries of the audit that are kept in memory, where there is no disk."""
Row = tuple[str, str, bytes | None]
"""(type of record, key, JSON or None where it was deleted)."""


@frozen
class Commit:
    """One revision."""

    revision: int
    rows: tuple[Row, ...]
    audit: tuple[AuditRow, ...] = ()
    """The entries of the audit that belong to it; a replica gets none."""


@frozen
class Content:
    """All that an engine holds: the database's id, its revision, every row with its own."""

    id: str
    revision: int
    rows: list[tuple[str, str, bytes, int]]


class Engine(Protocol):
    """A place that keeps rows."""

    blocking: bool
    """Whether calls wait for a disk or a network."""

    def load(self) -> Content:
        """Return everything."""

    def commit(self, commits: list[Commit]) -> None:
        """Write revisions, all or none; durable when this returns."""

    def replace(self, content: Content) -> None:
        """Put other content in place of all that is there, all or nothing; durable."""

    def audit_state(self) -> AuditState:
        """Return the ends of the audit's chain, as they are kept apart from its entries."""

    def audit_rows(self, after: int, limit: int, wanted: AuditFilter = ALL) -> list[AuditRow]:
        """
        Return up to `limit` entries of the audit with numbers above `after`, by number.

        Where some are wanted only, :data:`WINDOW` numbers from `after` on are looked at.
        """

    def backup(self, target: Path) -> None:
        """Write a complete copy to a new file."""

    def close(self) -> None:
        """Let go of files."""


class MemoryEngine:
    """Keeps nothing beyond the process: for tests. Only of the audit it knows the end."""

    blocking = False

    def __init__(self, id: str = "memory") -> None:
        self._content = Content(id, 0, [])
        self._audit: deque[AuditRow] = deque(maxlen=MEMORY_AUDIT)

    def load(self) -> Content:
        """Return what was last replaced."""
        return self._content

    def commit(self, commits: list[Commit]) -> None:
        """Forget the records."""
        for commit in commits:
            self._audit.extend(commit.audit)

    def replace(self, content: Content) -> None:
        """Remember the content's identity."""
        self._content = content

    def audit_state(self) -> AuditState:
        """Return the ends of what is kept."""
        if not self._audit:
            return AuditState()
        first, last = self._audit[0], self._audit[-1]
        return AuditState(last.number, last.digest, first.number, first.previous)

    def audit_rows(self, after: int, limit: int, wanted: AuditFilter = ALL) -> list[AuditRow]:
        """Return entries of the audit."""
        found = (row for row in self._audit if row.number > after and wanted.wants(row))
        return list(islice(found, limit))

    def backup(self, target: Path) -> None:
        """Write an empty file."""
        target.touch()

    def close(self) -> None:
        """Nothing is open."""
