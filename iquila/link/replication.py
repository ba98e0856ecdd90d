"""
Keeping a member's replica of the system database: revisions in order, or a whole copy.

One batch is under way at a time; while it is, changes gather in the database's history. So a
slow member holds nothing up, and needs no queue.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from iquila.database.engine import Commit, Content
from iquila.database.store import Database
from iquila.errors import InvalidParameter, VENError
from iquila.link.commands import Page, ReplacePage, Replicate, Revision
from iquila.link.protocol import LinkProtocol

BATCH_BYTES = 1_000_000
LARGEST = 2 * BATCH_BYTES
"""A revision that is larger fits in no message: the member gets a copy instead, page by page."""
ROW_BYTES = 32
"""What a row takes besides its key and its value."""
DEADLINE = 10.0
"""Seconds in which a member has to make one batch durable."""
COPY_LIMIT = 10_000_000
"""Rows that a member takes in one copy."""


class Replicator:
    """
    The controller's side, for one member.

    :param database: the id of the database that the member's replica copies.
    :param revision: what that replica has.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, source: Database, protocol: LinkProtocol, database: str, revision: int):
        self._source = source
        self._protocol = protocol
        self.revision: int | None = revision if database == source.id else None
        """What the member is known to have; None where it needs a copy."""
        self._running = False
        self._stopped = False
        self._unwatch: Callable[[], None] = source.watch(lambda _event: self._go())

    def start(self) -> None:
        """Send what the member lacks, and whatever comes."""
        self._go()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
        self._unwatch()

    def _go(self) -> None:
        if not self._running and not self._stopped:
            self._running = True
            done = Deferred.fromCoroutine(self._run())
            done.addErrback(lambda f: self._log.failure("Replication failed", f))

    async def _run(self) -> None:
        try:
            while not self._stopped and self.revision != self._source.revision:
                await self._step()
        except VENError as error:
            # The member comes back and says what it has: the surest way to agree again.
            self._log.warn("{peer} is not kept: {error}", peer=self._protocol.peer, error=error)
            self._protocol.abort()
        finally:
            self._running = False

    async def _step(self) -> None:
        changes = None if self.revision is None else self._source.changes_since(self.revision)
        if changes is None or _size(changes[0]) > LARGEST:
            await self._copy(self._source.snapshot())
            return
        batch = _batch(changes)
        answer = await self._protocol.call(Replicate, DEADLINE, revisions=batch)
        self.revision = int(answer["revision"])
        if self.revision != batch[-1].revision:
            raise InvalidParameter("The member has another revision than was sent to it.")

    async def _copy(self, content: Content) -> None:
        pages = _pages(content)
        for page in pages:
            await self._protocol.call(ReplacePage, DEADLINE, page=page)
            if self._stopped:
                return
        self.revision = content.revision


def _batch(commits: list[Commit]) -> tuple[Revision, ...]:
    batch: list[Revision] = []
    size = 0
    for commit in commits:
        size += _size(commit)
        if batch and size > LARGEST:
            break
        batch.append(Revision(commit.revision, commit.rows))
        if size >= BATCH_BYTES:
            break
    return tuple(batch)


def _size(commit: Commit) -> int:
    return sum(ROW_BYTES + len(key) + len(value or b"") for _kind, key, value in commit.rows)


def _pages(content: Content) -> list[Page]:
    groups: list[list[tuple[str, str, bytes, int]]] = [[]]
    size = 0
    for row in content.rows:
        if size >= BATCH_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(row)
        size += len(row[1]) + len(row[2])
    last = len(groups) - 1
    return [
        Page(content.id, content.revision, tuple(rows), number == 0, number == last)
        for number, rows in enumerate(groups)
    ]


class Replica:
    """The member's side."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: list[tuple[str, str, bytes, int]] = []
        self._waiting: list[tuple[int, Deferred[None]]] = []
        self._followed = database.revision
        """The revision that everything which watches the replica has followed."""

    async def apply(self, revisions: tuple[Revision, ...]) -> int:
        """Make revisions durable; return the last."""
        done: list[Awaitable[Any]] = [self._database.apply(r.revision, r.rows) for r in revisions]
        for awaitable in done:
            await awaitable
            self._revised()
        return self._database.revision

    async def take(self, page: Page) -> None:
        """Take a page; with the last one the copy replaces the replica."""
        if page.first:
            self._rows = []
        self._rows += page.rows
        if len(self._rows) > COPY_LIMIT:
            raise InvalidParameter("The copy of the system database is too large.")
        if page.last:
            rows, self._rows = self._rows, []
            await self._database.replace(Content(page.database, page.revision, rows))
            self._revised()

    def has(self, revision: int) -> bool:
        """Return whether the replica has a revision, and everything follows it already."""
        return self._followed >= revision

    async def reaches(self, revision: int) -> None:
        """
        Wait until the replica has a revision and everything that watches it has followed.

        Give it a time-out of your own.
        """
        if not self.has(revision):
            done: Deferred[None] = Deferred()
            self._waiting.append((revision, done))
            await done

    def close(self) -> None:
        """Wait for nothing more."""
        waiting, self._waiting = self._waiting, []
        for _revision, done in waiting:
            done.cancel()

    def _revised(self) -> None:
        current = self._followed = self._database.revision
        due = [entry for entry in self._waiting if entry[0] <= current]
        self._waiting = [entry for entry in self._waiting if entry[0] > current]
        for _revision, done in due:
            if not done.called:
                done.callback(None)
