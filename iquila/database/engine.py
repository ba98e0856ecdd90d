"""
What lies below a database: something that loads everything once and writes revisions.

Engines are synchronous; :mod:`.store` calls them in a thread where they block.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from attrs import frozen

Row = tuple[str, str, bytes | None]
"""(type of record, key, JSON or None where it was deleted)."""


@frozen
class Commit:
    """One revision."""

    revision: int
    rows: tuple[Row, ...]


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

    def backup(self, target: Path) -> None:
        """Write a complete copy to a new file."""

    def close(self) -> None:
        """Let go of files."""


class MemoryEngine:
    """Keeps nothing beyond the process: for tests."""

    blocking = False

    def __init__(self, id: str = "memory") -> None:
        self._content = Content(id, 0, [])

    def load(self) -> Content:
        """Return what was last replaced."""
        return self._content

    def commit(self, commits: list[Commit]) -> None:
        """Forget."""

    def replace(self, content: Content) -> None:
        """Remember the content's identity."""
        self._content = content

    def backup(self, target: Path) -> None:
        """Write an empty file."""
        target.touch()

    def close(self) -> None:
        """Nothing is open."""
