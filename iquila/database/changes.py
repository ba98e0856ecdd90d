"""What a transaction is made of, and what it tells those who watch."""

from __future__ import annotations

from attrs import frozen

from iquila.database.engine import Row
from iquila.database.record import Record


@frozen
class Change:
    """A record written (`record`) or deleted (None)."""

    kind: str
    key: str
    record: Record | None


def put(record: Record) -> Change:
    """Return the change that writes a record."""
    return Change(record.kind_name, record.key, record)


def delete(record_type: type[Record], key: str) -> Change:
    """Return the change that deletes a record; a missing one is no error."""
    return Change(record_type.kind_name, key.lower(), None)


@frozen
class Compare:
    """What must hold for a transaction: a record's revision; 0 means that it is absent."""

    kind: str
    key: str
    revision: int


@frozen
class RevisionEvent:
    """One revision: (type of record, key, old record, new record) for each change."""

    revision: int
    changes: tuple[tuple[str, str, Record | None, Record | None], ...]
    rows: tuple[Row, ...]
    """The same, encoded, for replicas."""
