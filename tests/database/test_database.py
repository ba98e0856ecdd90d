"""Databases: durable before acknowledged, by revision, in memory and on SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from iquila.database.directory import BACKUPS, DataDirectory
from iquila.database.records import AuthKind, Switch, SwitchKind, User, decode, encode, user_key
from iquila.database.sqlite import SQLiteEngine
from iquila.database.store import Database, RevisionEvent, delete, put
from iquila.errors import (
    Conflict,
    DatabaseCorrupt,
    DatabaseTooNew,
    DataDirectoryInUse,
    DataDirectoryUnusable,
)
from iquila.wire.policy import Policy

OFFICE = Switch("Office", SwitchKind.DYNAMIC, secure_password=b"\x00\xff" * 10)
ALICE = User("Office", "Alice", AuthKind.PASSWORD, b"h" * 20, policy=Policy(max_connection=4))


class RecordTests(SynchronousTestCase):
    """Records."""

    def test_json(self) -> None:
        """What is written is read again, bytes and policies included."""
        for record in (OFFICE, ALICE):
            self.assertEqual(decode(record.kind_name, encode(record)), record)

    def test_keys_ignore_case(self) -> None:
        """A switch and a user are found by their names in any case."""
        database = Database.in_memory()
        self.successResultOf(database.transact([put(OFFICE), put(ALICE)]))
        self.assertEqual(database.get(Switch, "OFFICE"), OFFICE)
        self.assertEqual(database.get(User, user_key("oFFICE", "ALICE")), ALICE)

    def test_corrupt(self) -> None:
        """A record that does not fit its type is named; unknown types are kept apart."""
        self.assertRaises(DatabaseCorrupt, decode, "switch", b'{"name": 7}')
        self.assertIsNone(decode("of-the-future", b"{}"))


class RevisionTests(SynchronousTestCase):
    """Transactions, compares, watches, replicas: the rules, without a disk."""

    def setUp(self) -> None:
        """An empty database with a watcher."""
        self.database = Database.in_memory("one")
        self.events: list[RevisionEvent] = []
        self.unwatch = self.database.watch(self.events.append)

    def change(self, *changes: object) -> int:
        """Make changes."""
        return self.successResultOf(self.database.transact(list(changes)))  # type: ignore[arg-type]

    def test_revisions_grow(self) -> None:
        """By one for each transaction, told in order, until nobody watches."""
        self.assertEqual([self.change(put(OFFICE)), self.change(put(ALICE))], [1, 2])
        self.assertEqual([event.revision for event in self.events], [1, 2])
        self.assertEqual(self.events[0].changes, (("switch", "office", None, OFFICE),))
        self.unwatch()
        self.change(delete(Switch, "Office"))
        self.assertEqual(len(self.events), 2)
        self.assertEqual(self.database.all(Switch), [])

    def test_all_or_none(self) -> None:
        """A compare that does not hold changes nothing."""
        unchanged = self.database.unchanged(Switch, "office")
        self.successResultOf(self.database.transact([put(OFFICE)], [unchanged]))
        refused = self.database.transact(
            [put(evolve(OFFICE, online=False)), put(ALICE)], [unchanged]
        )
        self.failureResultOf(refused, Conflict)
        self.assertEqual(self.database.get(Switch, "office"), OFFICE)
        self.assertEqual(self.database.all(User), [])
        self.assertEqual(self.database.revision, 1)

    def test_prefixes(self) -> None:
        """The users of one switch, in the order of their names."""
        for switch, name in (("b", "z"), ("a", "y"), ("a", "x")):
            self.change(put(User(switch, name)))
        self.assertEqual([u.name for u in self.database.all(User, "A/")], ["x", "y"])

    def test_a_failing_watcher_disturbs_nobody(self) -> None:
        """It is logged, and the others hear the revision."""

        def fail(_event: RevisionEvent) -> None:
            raise RuntimeError("watcher")

        self.database.watch(fail)
        late: list[RevisionEvent] = []
        self.database.watch(late.append)
        self.change(put(OFFICE))
        self.assertEqual(len(late), 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_replicas_by_revision(self) -> None:
        """A replica that takes the revisions has the same content."""
        self.change(put(OFFICE))
        self.change(put(ALICE), delete(Switch, "office"))
        commits = self.database.changes_since(0)
        assert commits is not None
        replica = Database.in_memory("two")
        for commit in commits:
            self.successResultOf(replica.apply(commit.revision, commit.rows))
        self.assertEqual(replica.revision, self.database.revision)
        self.assertEqual((replica.all(User), replica.all(Switch)), ([ALICE], []))
        self.failureResultOf(replica.apply(1, commits[0].rows), Conflict)
        self.assertEqual(self.database.changes_since(2), [])
        self.assertIsNone(self.database.changes_since(3))

    def test_replicas_by_copy(self) -> None:
        """A copy replaces everything, and watchers hear the difference only."""
        self.change(put(OFFICE), put(ALICE))
        replica = Database.in_memory("two")
        self.successResultOf(replica.transact([put(OFFICE), put(User("x", "y"))]))
        events: list[RevisionEvent] = []
        replica.watch(events.append)
        copy = Deferred.fromCoroutine(replica.replace(self.database.snapshot()))
        self.successResultOf(copy)
        self.assertEqual((replica.id, replica.revision), ("one", 1))
        self.assertEqual(replica.all(User), [ALICE])
        self.assertEqual({change[1] for change in events[0].changes}, {"office/alice", "x/y"})


class SQLiteTests(TestCase):
    """The engine on a disk."""

    def setUp(self) -> None:
        """A place for a database."""
        self.path = Path(self.mktemp())
        self.path.mkdir()
        self.file = self.path / "system.sqlite"

    def open(self) -> Database:
        """Open the database."""
        return Database.open(SQLiteEngine(self.file), reactor)

    async def test_durable(self) -> None:
        """What was acknowledged is there for another process at once, and after opening again."""
        database = self.open()
        await database.transact([put(OFFICE), put(ALICE)])
        with sqlite3.connect(self.file) as other:
            (count,) = other.execute("select count(*) from records").fetchone()
        self.assertEqual(count, 2)
        id, revision = database.id, database.revision
        await database.close()
        again = self.open()
        self.assertEqual((again.id, again.revision), (id, revision))
        self.assertEqual((again.get(Switch, "office"), again.all(User)), (OFFICE, [ALICE]))
        await again.close()

    async def test_many_at_once(self) -> None:
        """Waiting transactions are all made, each a revision of its own."""
        database = self.open()
        changes = [database.transact([put(User("s", f"u{n}"))]) for n in range(200)]
        revisions = await gatherResults(changes)
        self.assertEqual(revisions, list(range(1, 201)))
        self.assertEqual(len(database.all(User)), 200)
        await database.close()

    async def test_backup(self) -> None:
        """A backup is a whole database."""
        database = self.open()
        await database.transact([put(OFFICE)])
        target = self.path / "backup.sqlite"
        await database.backup(target)
        await database.close()
        copy = Database.open(SQLiteEngine(target), reactor)
        self.assertEqual(copy.all(Switch), [OFFICE])
        await copy.close()

    async def test_newer_schema(self) -> None:
        """A database of a newer version is left as it is, with a sentence."""
        await self.open().close()
        with sqlite3.connect(self.file) as connection:
            connection.execute("pragma user_version = 999")
        connection.close()
        error = self.assertRaises(DatabaseTooNew, SQLiteEngine, self.file)
        self.assertIn("version", str(error))

    def test_damaged(self) -> None:
        """A file that is no database is refused and not touched."""
        self.file.write_bytes(b"not a database at all" * 100)
        before = self.file.read_bytes()
        self.assertRaises(DatabaseCorrupt, SQLiteEngine, self.file)
        self.assertEqual(self.file.read_bytes(), before)


class DirectoryTests(SynchronousTestCase):
    """The data directory."""

    def test_one_at_a_time(self) -> None:
        """A second server is refused until the first lets go."""
        path = Path(self.mktemp())
        first, second = DataDirectory(path), DataDirectory(path)
        first.prepare()
        first.lock()
        second.prepare()
        error = self.assertRaises(DataDirectoryInUse, second.lock)
        self.assertIn("--data", str(error))
        first.unlock()
        second.lock()
        second.unlock()
        self.assertEqual(path.stat().st_mode & 0o777, 0o700)

    def test_unusable(self) -> None:
        """A file in its place is named."""
        path = Path(self.mktemp())
        path.write_text("a file")
        self.assertRaises(DataDirectoryUnusable, DataDirectory(path).prepare)
        self.assertRaises(DataDirectoryUnusable, DataDirectory(path / "below").prepare)

    def test_backups_are_bounded(self) -> None:
        """The oldest go; two of one second have names of their own."""
        directory = DataDirectory(Path(self.mktemp()))
        directory.prepare()
        made = [directory.new_backup("x", now=float(n)) for n in range(BACKUPS + 5)]
        self.assertEqual([path.exists() for path in made], [False] * 5 + [True] * BACKUPS)
        self.assertNotEqual(directory.new_backup("y", 99.0), directory.new_backup("y", 99.0))
