"""
A database: records kept whole in memory, every change durable below before it is seen.

Reading is immediate. Changes are transactions with compares; waiting ones share a commit, and
each still is a revision of its own. Watchers are told of revisions in order.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

from attrs import define, frozen
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from iquila.database.actor import Actor, acting, actor
from iquila.database.audit import AuditFilter, AuditRow, AuditState, Chain, Moment
from iquila.database.chain import Checker, Verdict
from iquila.database.changes import Change, Compare, RevisionEvent, delete, put
from iquila.database.engine import ALL, Commit, Content, Engine, MemoryEngine, Row
from iquila.database.records import R, Record, decode, encode
from iquila.errors import Conflict, TooManyItems
from iquila.interfaces import ISystemDatabase

HISTORY = 1024
"""Revisions that a replica may be behind before it needs a snapshot."""
QUEUE_LIMIT = 4096
"""Transactions that may wait for the disk."""
BATCH = 512
"""Transactions that share a commit: bounds how long one turn of the reactor is."""


@frozen
class _Entry:
    record: Record | None
    """None for a type that is not known here."""
    raw: bytes
    revision: int


@define(eq=False)
class _Waiting:
    rows: tuple[Row, ...]
    compare: tuple[Compare, ...]
    done: Deferred[int]
    revision: int = 0
    """Given by the replica's source; 0 for the next one."""
    records: tuple[Record | None, ...] = ()
    """What the rows are, for the audit."""
    who: Actor | None = None
    """Whose doing it is; None where it is not audited."""


@implementer(ISystemDatabase)
class Database:
    """
    A database on an engine. Use :meth:`open` or :meth:`in_memory`.

    :param reactor: for the engine's thread; None where the engine does not block.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, engine: Engine, reactor: Any = None) -> None:
        self._engine = engine
        self._reactor = reactor
        self._pool: ThreadPool | None = None
        if engine.blocking:
            self._pool = ThreadPool(1, 1, "database")
            # A database that nobody closed must not keep the process from ending.
            self._pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
            self._pool.start()
        self._watchers: list[Callable[[RevisionEvent], None]] = []
        self._waiting: deque[_Waiting] = deque()
        self._history: deque[Commit] = deque(maxlen=HISTORY)
        self._busy = False
        self._idle: list[Deferred[None]] = []
        state = engine.audit_state()
        self._audit = Chain(state.number, state.head)
        """The end of the audit that is durable."""
        self._set_content(engine.load())

    @classmethod
    def open(cls, engine: Engine, reactor: Any) -> Database:
        """Open a database whose engine may block."""
        return cls(engine, reactor)

    @classmethod
    def in_memory(cls, id: str = "memory") -> Database:
        """Return a database that keeps nothing, and whose awaitables have fired already."""
        return cls(MemoryEngine(id))

    def _set_content(self, content: Content) -> None:
        self.id = content.id
        self.revision = content.revision
        self._entries: dict[str, dict[str, _Entry]] = {}
        for kind, key, value, revision in content.rows:
            self._entries.setdefault(kind, {})[key] = _Entry(decode(kind, value), value, revision)

    # -- reading

    def get(self, record_type: type[R], key: str) -> R | None:
        """Return the record with this key, in any case, or None."""
        entry = self._entries.get(record_type.kind_name, {}).get(key.lower())
        record = entry.record if entry is not None else None
        return record if isinstance(record, record_type) else None

    def all(self, record_type: type[R], prefix: str = "") -> list[R]:
        """Return the records whose keys begin with `prefix`, in the order of their keys."""
        entries = self._entries.get(record_type.kind_name, {})
        wanted = prefix.lower()
        return [
            record
            for key in sorted(key for key in entries if key.startswith(wanted))
            if isinstance(record := entries[key].record, record_type)
        ]

    def count(self, record_type: type[Record], prefix: str = "") -> int:
        """Return how many records :meth:`all` would return."""
        wanted = prefix.lower()
        entries = self._entries.get(record_type.kind_name, {})
        return sum(1 for key in entries if key.startswith(wanted))

    def unchanged(self, record_type: type[Record], key: str) -> Compare:
        """Return the compare that a record is as it is now, or still absent."""
        entry = self._entries.get(record_type.kind_name, {}).get(key.lower())
        return Compare(record_type.kind_name, key.lower(), entry.revision if entry else 0)

    # -- changing

    def transact(self, changes: Sequence[Change], compare: Sequence[Compare] = ()) -> Deferred[int]:
        """
        Make changes, all or none, on behalf of whoever is acting (:mod:`.actor`).

        :returns: the new revision, once it is durable and visible.
        :raises Conflict: a compare does not hold; nothing was changed.
        :raises TooManyItems: too many transactions wait for the disk.
        """
        rows = tuple(
            (c.kind, c.key, None if c.record is None else encode(c.record)) for c in changes
        )
        records = tuple(c.record for c in changes)
        waiting = _Waiting(rows, tuple(compare), Deferred(), records=records, who=actor())
        return self._enqueue(waiting)

    def apply(self, revision: int, rows: Sequence[Row]) -> Deferred[int]:
        """
        Make one revision of another database here: a replica's step.

        :raises Conflict: the revision is not newer than what is here.
        """
        return self._enqueue(_Waiting(tuple(rows), (), Deferred(), revision))

    def _enqueue(self, waiting: _Waiting) -> Deferred[int]:
        if len(self._waiting) >= QUEUE_LIMIT:
            waiting.done.errback(
                Failure(TooManyItems("Too many changes wait for the disk: try again later."))
            )
            return waiting.done
        self._waiting.append(waiting)
        self._pump()
        return waiting.done

    def _pump(self) -> None:
        if self._busy:
            return
        if not self._waiting:
            idle, self._idle = self._idle, []
            for done in idle:
                done.callback(None)
            return
        batch, commits, chain = self._batch()
        if not commits:
            self._pump()
            return
        self._busy = True
        done = self._call(self._engine.commit, commits)
        done.addBoth(self._committed, batch, commits, chain)

    def _batch(self) -> tuple[list[_Waiting], list[Commit], Chain]:
        """Take what waits, refusing what a compare forbids; earlier ones count as made."""
        batch: list[_Waiting] = []
        commits: list[Commit] = []
        overlay: dict[tuple[str, str], int] = {}
        made: dict[tuple[str, str], Record | None] = {}
        chain = Chain(self._audit.number, self._audit.head)
        revision = self.revision
        while self._waiting and len(batch) < BATCH:
            waiting = self._waiting.popleft()
            wanted = waiting.revision or revision + 1
            stale = wanted <= revision
            if stale or not all(self._holds(c, overlay) for c in waiting.compare):
                waiting.done.errback(Failure(Conflict()))
                continue
            revision = wanted
            for kind, key, value in waiting.rows:
                overlay[kind, key] = 0 if value is None else revision
            batch.append(waiting)
            audit = self._entries_of(waiting, revision, chain, made)
            commits.append(Commit(revision, waiting.rows, audit))
        return batch, commits, chain

    def _entries_of(
        self,
        waiting: _Waiting,
        revision: int,
        chain: Chain,
        made: dict[tuple[str, str], Record | None],
    ) -> tuple[AuditRow, ...]:
        """Return the entries of the audit for a transaction; `made` is what those before did."""
        rows = []
        moment = None
        if waiting.who is not None:
            moment = Moment(waiting.who, int(time.time() * 1000), revision)
        for (kind, key, _value), new in zip(waiting.rows, waiting.records, strict=False):
            if moment is not None:
                entry = self._entries.get(kind, {}).get(key)
                old = made.get((kind, key), entry.record if entry else None)
                row = chain.add(moment, kind, key, old, new)
                if row is not None:
                    rows.append(row)
            made[kind, key] = new
        return tuple(rows)

    def _holds(self, compare: Compare, overlay: dict[tuple[str, str], int]) -> bool:
        made = overlay.get((compare.kind, compare.key))
        if made is not None:
            return made == compare.revision
        entry = self._entries.get(compare.kind, {}).get(compare.key)
        return (entry.revision if entry else 0) == compare.revision

    def _committed(
        self, result: Any, batch: list[_Waiting], commits: list[Commit], chain: Chain
    ) -> None:
        self._busy = False
        if isinstance(result, Failure):
            self._log.failure("The database could not be written", result)
            for waiting in batch:
                waiting.done.errback(result)
        else:
            self._audit = chain
            for waiting, commit in zip(batch, commits, strict=True):
                self._publish(commit)
                waiting.done.callback(commit.revision)
        self._pump()

    def _publish(self, commit: Commit) -> None:
        changes = []
        for kind, key, value in commit.rows:
            entries = self._entries.setdefault(kind, {})
            old = entries.get(key)
            new = None
            if value is None:
                entries.pop(key, None)
            else:
                new = decode(kind, value)
                entries[key] = _Entry(new, value, commit.revision)
            changes.append((kind, key, old.record if old else None, new))
        self.revision = commit.revision
        # Replicas get no audit, and it would fill the memory.
        self._history.append(Commit(commit.revision, commit.rows))
        self._tell(RevisionEvent(commit.revision, tuple(changes), commit.rows))

    # -- watching and replicas

    def watch(self, callback: Callable[[RevisionEvent], None]) -> Callable[[], None]:
        """
        Have `callback` called with each revision from now on, in order.

        :returns: ends the watch; may be called more than once.
        """
        self._watchers.append(callback)

        def unwatch() -> None:
            if callback in self._watchers:
                self._watchers.remove(callback)

        return unwatch

    def _tell(self, event: RevisionEvent) -> None:
        # What follows from a change is the system's doing, not that of who made the change.
        with acting(None):
            for watcher in list(self._watchers):
                try:
                    watcher(event)
                except Exception:
                    self._log.failure("A watcher of the database failed")

    def snapshot(self) -> Content:
        """Return everything, for a replica."""
        return Content(
            self.id,
            self.revision,
            [
                (kind, key, entry.raw, entry.revision)
                for kind, entries in self._entries.items()
                for key, entry in entries.items()
            ],
        )

    def changes_since(self, revision: int) -> list[Commit] | None:
        """Return the revisions after one, None where they are not all known any more."""
        if revision == self.revision:
            return []
        if revision > self.revision or not self._history:
            return None
        if self._history[0].revision > revision + 1:
            return None
        return [commit for commit in self._history if commit.revision > revision]

    async def replace(self, content: Content) -> None:
        """Take another database's content and identity; watchers see the difference."""
        await self._settled()
        self._busy = True
        try:
            await self._call(self._engine.replace, content)
        finally:
            self._busy = False
        old = self._entries
        self._set_content(content)
        self._history.clear()
        self._tell(RevisionEvent(self.revision, tuple(self._difference(old)), ()))
        self._pump()

    def _difference(
        self, old: dict[str, dict[str, _Entry]]
    ) -> list[tuple[str, str, Record | None, Record | None]]:
        changes = []
        for kind in old.keys() | self._entries.keys():
            before, after = old.get(kind, {}), self._entries.get(kind, {})
            for key in before.keys() | after.keys():
                a, b = before.get(key), after.get(key)
                if a is None or b is None or a.raw != b.raw:
                    changes.append((kind, key, a.record if a else None, b.record if b else None))
        return changes

    # -- the audit

    def audit_state(self) -> Deferred[AuditState]:
        """Return the ends of the audit."""
        return self._call(self._engine.audit_state)

    def audit_rows(
        self, after: int, limit: int, wanted: AuditFilter = ALL
    ) -> Deferred[list[AuditRow]]:
        """Return some entries of the audit, as :meth:`.engine.Engine.audit_rows`."""
        return self._call(self._engine.audit_rows, after, limit, wanted)

    async def verify_audit(self, expect: bytes = b"") -> Verdict:
        """
        Go through the whole audit, a step at a time, and find what was tampered with.

        :param expect: a digest that was noted elsewhere, which some entry has to have.
        """
        checker = Checker({self._audit.number: self._audit.head}, expect)
        while not await self._call(checker.step, self._engine):
            pass
        return checker.verdict()

    # -- the whole

    def backup(self, target: Path) -> Deferred[None]:
        """Write a complete copy to a new file."""
        return self._call(self._engine.backup, target)

    async def close(self) -> None:
        """Wait for what is being written, then let go of the files."""
        await self._settled()
        await self._call(self._engine.close)
        if self._pool is not None:
            self._pool.stop()
            self._pool = None

    async def _settled(self) -> None:
        if self._busy or self._waiting:
            done: Deferred[None] = Deferred()
            self._idle.append(done)
            await done

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        if self._pool is None:
            return maybeDeferred(function, *arguments)
        return deferToThreadPool(self._reactor, self._pool, function, *arguments)


__all__ = ["Change", "Compare", "Database", "RevisionEvent", "delete", "put"]
