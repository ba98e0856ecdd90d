"""
The audit: who changed what. Entries, and the chain of digests that holds them together.

Each entry's digest is SHA-256 over the digest of the entry before it and the entry itself, as
canonical JSON. Entries are written with the change that they tell of, by the engine
(:mod:`.engine`); :mod:`.chain` finds what was tampered with.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from attrs import field, frozen

from iquila.database.actor import Actor
from iquila.database.difference import difference
from iquila.database.record import Record

ZERO = b"\0" * 32
"""What stands for the digest before the first entry."""
KEPT = 1_000_000
"""Entries that a database keeps unless told otherwise."""
LONGEST_ENTRY = 65_536
"""Bytes of an entry; of longer ones the digests of both sides are kept."""


@frozen
class AuditRow:
    """
    An entry as it is stored.

    :ivar switch: the Virtual Switch that was changed, in lower case; empty for the server.
    :ivar entry: canonical JSON.
    :ivar previous: the digest of the entry before this one.
    """

    number: int
    switch: str
    actor: str
    kind: str
    entry: bytes
    previous: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def described(self) -> dict[str, Any]:
        """Return what the entry says; nothing where it is no JSON any more."""
        try:
            found = json.loads(self.entry)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@frozen
class AuditState:
    """
    What an engine knows of its chain.

    :ivar number: of the last entry; 0 where there is none yet.
    :ivar head: its digest.
    :ivar first: the number of the oldest entry that is kept.
    :ivar base: the digest of the entry before that one.
    """

    number: int = 0
    head: bytes = ZERO
    first: int = 1
    base: bytes = ZERO


@frozen
class AuditFilter:
    """Which entries are wanted; empty for all. Case does not matter."""

    switch: str = ""
    actor: str = ""
    kind: str = ""

    def wants(self, row: AuditRow) -> bool:
        """Return whether an entry is among them."""
        return all(
            not wanted or wanted.lower() == found.lower()
            for wanted, found in (
                (self.switch, row.switch),
                (self.actor, row.actor),
                (self.kind, row.kind),
            )
        )


def canonical(value: Any) -> bytes:
    """Return a value as JSON in the one way that digests are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def chained(previous: bytes, entry: bytes) -> bytes:
    """Return the digest of an entry."""
    return hashlib.sha256(previous + entry).digest()


def switch_of(record: Record) -> str:
    """Return the Virtual Switch that a record belongs to, in lower case; empty for none."""
    if record.kind_name == "switch":
        return record.key
    return str(getattr(record, "switch", "")).lower()


@frozen
class Moment:
    """What all entries of a transaction share; `time` is milliseconds since 1970, UTC."""

    who: Actor
    time: int
    revision: int


class Chain:
    """
    Adds entries to a chain.

    :ivar number: of the last entry.
    :ivar head: its digest.
    """

    def __init__(self, number: int, head: bytes) -> None:
        self.number = number
        self.head = head

    def add(
        self, moment: Moment, kind: str, key: str, old: Record | None, new: Record | None
    ) -> AuditRow | None:
        """Return the entry of a change; None where it is none, or not an administrator's."""
        record = new if new is not None else old
        if record is None or not record.audited or old == new:
            return None
        before, after = difference(old, new)
        who = moment.who
        content = {
            "number": self.number + 1,
            "time": moment.time,
            "revision": moment.revision,
            "actor": who.name,
            "address": who.address,
            "door": who.door,
            "operation": who.operation,
            "kind": kind,
            "key": key,
            "switch": switch_of(record),
            "before": before,
            "after": after,
        }
        entry = canonical(content)
        if len(entry) > LONGEST_ENTRY:
            entry = canonical(content | {"before": _summary(before), "after": _summary(after)})
        previous, self.head = self.head, chained(self.head, entry)
        self.number += 1
        return AuditRow(self.number, switch_of(record), who.name, kind, entry, previous, self.head)


def _summary(side: Any) -> Any:
    if side is None:
        return None
    digest = hashlib.sha256(canonical(side)).hexdigest()
    return {"": f"too long to be kept, sha256:{digest}"}
