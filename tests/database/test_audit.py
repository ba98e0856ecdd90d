"""The audit: what it tells, what it keeps to itself, and what its chain finds."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from attrs import NOTHING, evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from iquila.database.actor import Actor, acting
from iquila.database.audit import (
    ZERO,
    AuditFilter,
    AuditRow,
    AuditState,
    Chain,
    Moment,
    canonical,
    chained,
)
from iquila.database.belongings import AddressList, AddressRule, RadiusServer
from iquila.database.chain import Checker, Verdict
from iquila.database.difference import difference
from iquila.database.records import (
    RECORD_TYPES,
    AuthKind,
    LoginCount,
    ServerSettings,
    Switch,
    SwitchKind,
    User,
)
from iquila.database.sqlite import SQLiteEngine
from iquila.database.store import Change, Database, RevisionEvent, delete, put
from iquila.wire.policy import Policy

ALICE = User("Office", "Alice", AuthKind.PASSWORD, b"h" * 20, note="new", policy=Policy())
BOSS = Actor("administrator", "10.0.0.9", "json-rpc", "CreateUser")


def said(row: AuditRow) -> dict[str, Any]:
    """Return an entry's content."""
    found: dict[str, Any] = json.loads(row.entry)
    return found


class DifferenceTests(SynchronousTestCase):
    """Before and after."""

    def test_changed_fields_only(self) -> None:
        """Of a change, fields that differ; of policies in records too."""
        changed = evolve(ALICE, note="old", policy=Policy(max_connection=4), auth=AuthKind.NT)
        before, after = difference(ALICE, changed)
        default = Policy().max_connection
        self.assertEqual(
            (before, after),
            (
                {"note": "new", "policy": {"max_connection": default}, "auth": "password"},
                {"note": "old", "policy": {"max_connection": 4}, "auth": "nt"},
            ),
        )
        self.assertEqual(difference(ALICE, ALICE), ({}, {}))

    def test_appearing(self) -> None:
        """What is not as always; nothing stands for a record that is not there."""
        before, after = difference(None, Switch("Lab", SwitchKind.STATIC))
        self.assertEqual((before, after), (None, {"name": "Lab", "kind": "static"}))
        self.assertEqual(difference(Switch("Lab", SwitchKind.STATIC), None), (after, None))

    def test_secrets(self) -> None:
        """They are not shown, only that they changed."""
        for old, new, name in (
            (ALICE, evolve(ALICE, password_hash=b"g" * 20), "password_hash"),
            (RadiusServer("s", "h"), RadiusServer("s", "h", secret="known"), "secret"),
            (ServerSettings("1"), ServerSettings("1", password_hash=b"p"), "password_hash"),
        ):
            before, after = difference(old, new)
            assert before is not None and after is not None
            self.assertEqual(list(after), [name])
            self.assertEqual(after[name], "(secret)")
            self.assertIn(before[name], ("(secret)", "(none)"))

    def test_no_secret_in_any_record(self) -> None:
        """Whatever is not shown by a record is not shown by the audit: for all types."""
        for cls in RECORD_TYPES.values():
            for attribute in fields(cls):
                if attribute.repr is False:
                    values = {a.name: "x" for a in fields(cls) if a.default is NOTHING}
                    values[attribute.name] = "geheim"
                    shown = difference(None, cls(**values))
                    self.assertNotIn("geheim", repr(shown), cls.__name__)

    def test_lists(self) -> None:
        """Of thousands of rules, the one that changed; all where only their order does."""
        rules = tuple(AddressRule(n, n, False, "10.0.0.1") for n in range(2000))
        other = (*rules[:700], evolve(rules[700], deny=True), *rules[701:])
        before, after = difference(AddressList("s", rules), AddressList("s", other))
        assert before is not None and after is not None
        rule = {"id": 700, "priority": 700, "deny": False, "address": "10.0.0.1"}
        self.assertEqual(before["rules"], [rule])
        self.assertEqual(after["rules"], [rule | {"deny": True}])
        turned = AddressList("s", rules[2:0:-1])
        before, after = difference(AddressList("s", rules[1:3]), turned)
        assert before is not None and after is not None
        self.assertEqual(before["rules"], after["rules"][::-1])

    def test_long_values(self) -> None:
        """Their digests stand for them."""
        _, after = difference(ALICE, evolve(ALICE, certificate=b"c" * 5000, note="n" * 5000))
        assert after is not None
        self.assertTrue(after["certificate"].startswith("sha256:"))
        self.assertLess(len(after["note"]), 200)

    def test_a_huge_entry(self) -> None:
        """It is bounded."""
        rules = tuple(AddressRule(n, n, False, "x" * 200) for n in range(1000))
        row = Chain(0, ZERO).add(
            Moment(BOSS, 1, 1), "addresses", "s", None, AddressList("s", rules)
        )
        assert row is not None
        self.assertLess(len(row.entry), 2000)
        self.assertIn("sha256", row.entry.decode())


class AuditTests(SynchronousTestCase):
    """What the database writes."""

    def setUp(self) -> None:
        """An empty database."""
        self.database = Database.in_memory()

    def change(self, *changes: Change, who: Actor | None = BOSS) -> None:
        """Make changes on somebody's behalf."""
        with acting(who):
            done = self.database.transact(list(changes))
        self.successResultOf(done)

    def rows(self, **wanted: str) -> list[AuditRow]:
        """Return the entries."""
        found = self.database.audit_rows(0, 1000, AuditFilter(**wanted))
        return self.successResultOf(found)

    def test_entry(self) -> None:
        """Who, from where, how, what, when, before and after."""
        self.change(put(ALICE))
        (row,) = self.rows()
        entry = said(row)
        self.assertGreater(entry.pop("time"), 1_700_000_000_000)
        self.assertEqual(entry["after"].pop("policy"), {})
        self.assertEqual(
            entry,
            {
                "number": 1,
                "revision": 1,
                "actor": "administrator",
                "address": "10.0.0.9",
                "door": "json-rpc",
                "operation": "CreateUser",
                "kind": "user",
                "key": "office/alice",
                "switch": "office",
                "before": None,
                "after": {
                    "switch": "Office",
                    "name": "Alice",
                    "auth": "password",
                    "password_hash": "(secret)",
                    "note": "new",
                },
            },
        )

    def test_the_system_is_not_audited(self) -> None:
        """Nor what changes nothing, nor the system's own books, nor what others made."""
        self.change(put(ALICE), who=None)
        self.change(put(ALICE))
        self.change(delete(User, "office/nobody"), put(LoginCount("Office", "", 1, 1)))
        self.successResultOf(self.database.apply(9, [("user", "office/alice", None)]))
        self.assertEqual(self.rows(), [])

    def test_what_follows_is_the_systems(self) -> None:
        """A change that a watcher makes is not that of the administrator."""
        made: list[Deferred[int]] = []

        def follow(event: RevisionEvent) -> None:
            if event.revision == 1:
                made.append(self.database.transact([put(User("s", "by-itself"))]))

        self.database.watch(follow)
        self.change(put(ALICE))
        self.assertEqual([row.kind for row in self.rows()], ["user"])
        self.assertEqual(len(self.database.all(User)), 2)

    def test_refused_changes_leave_nothing(self) -> None:
        """Neither in the chain: the next entry follows the last that was made."""
        unchanged = self.database.unchanged(User, ALICE.key)
        self.change(put(ALICE))
        with acting(BOSS):
            self.failureResultOf(self.database.transact([delete(User, ALICE.key)], [unchanged]))
        self.change(delete(User, ALICE.key))
        self.assertEqual([said(row)["number"] for row in self.rows()], [1, 2])
        verdict = self.successResultOf(Deferred.fromCoroutine(self.database.verify_audit()))
        self.assertEqual((verdict.problem, verdict.entries), ("", 2))

    def test_filters(self) -> None:
        """By switch, by who, by kind, in any case."""
        self.change(put(ALICE))
        self.change(put(Switch("Lab", SwitchKind.STATIC)), who=Actor("token:ci"))
        self.assertEqual([r.number for r in self.rows(switch="OFFICE")], [1])
        self.assertEqual([r.number for r in self.rows(actor="Token:CI")], [2])
        self.assertEqual([r.number for r in self.rows(kind="switch", switch="lab")], [2])

    def test_history_has_no_audit(self) -> None:
        """Replicas are not sent it."""
        self.change(put(ALICE))
        commits = self.database.changes_since(0)
        assert commits is not None
        self.assertEqual([commit.audit for commit in commits], [()])


class FakeEngine:
    """A chain in a list."""

    def __init__(self, count: int, first: int = 1) -> None:
        chain = Chain(first - 1, ZERO)
        rows = []
        for number in range(count):
            moment = Moment(BOSS, number, number)
            row = chain.add(moment, "user", "k", None, User("s", f"u{number}"))
            assert row is not None
            rows.append(row)
        self.rows = rows
        self.state = AuditState(chain.number, chain.head, first, ZERO)

    def audit_state(self) -> AuditState:
        return self.state

    def audit_rows(self, after: int, limit: int) -> list[AuditRow]:
        found = sorted(self.rows, key=lambda row: row.number)
        return [row for row in found if row.number > after][:limit]

    def check(self, expect: bytes = b"", known: dict[int, bytes] | None = None) -> Verdict:
        checker = Checker(known, expect)
        for _ in range(1000):
            if checker.step(self):
                return checker.verdict()
        raise AssertionError("it does not end")


def forged(row: AuditRow, **changes: Any) -> AuditRow:
    """Return an entry that says something else."""
    entry = canonical(json.loads(row.entry) | {"actor": "nobody"} | changes)
    return evolve(row, entry=entry, actor="nobody")


class ChainTests(SynchronousTestCase):
    """Verification, without a disk."""

    @given(st.integers(1, 30), st.data())
    def test_one_altered(self, count: int, data: st.DataObject) -> None:
        """Any byte of any entry: that one is named."""
        engine = FakeEngine(count)
        at = data.draw(st.integers(0, count - 1))
        row = engine.rows[at]
        place = data.draw(st.integers(0, len(row.entry) - 1))
        entry = bytearray(row.entry)
        entry[place] ^= data.draw(st.integers(1, 255))
        engine.rows[at] = evolve(row, entry=bytes(entry))
        verdict = engine.check()
        self.assertEqual((verdict.bad, bool(verdict.problem)), (at + 1, True))

    @given(st.integers(1, 30), st.data())
    def test_altered_with_its_digest(self, count: int, data: st.DataObject) -> None:
        """An entry whose digest was made anew: still that one, also where it is the last."""
        engine = FakeEngine(count)
        at = data.draw(st.integers(0, count - 1))
        row = forged(engine.rows[at])
        engine.rows[at] = evolve(row, digest=chained(row.previous, row.entry))
        self.assertEqual(engine.check().bad, at + 1)

    @given(st.integers(1, 30), st.data())
    def test_removed(self, count: int, data: st.DataObject) -> None:
        """One in the middle, or some at the end: the first that is missing is named."""
        engine = FakeEngine(count)
        at = data.draw(st.integers(0, count - 1))
        end = data.draw(st.sampled_from([at + 1, count]))
        del engine.rows[at:end]
        verdict = engine.check()
        self.assertEqual(verdict.bad, at + 1)

    @given(st.integers(1, 30), st.data())
    def test_inserted(self, count: int, data: st.DataObject) -> None:
        """Before the first, or behind the last."""
        engine = FakeEngine(count)
        number = data.draw(st.sampled_from([-5, 0, count + 1]))
        engine.rows.append(evolve(engine.rows[-1], number=number))
        self.assertEqual(engine.check().bad, number)

    @given(st.integers(2, 30), st.data())
    def test_removed_and_renumbered(self, count: int, data: st.DataObject) -> None:
        """Those behind moved up with digests of their own: seen where the chain breaks."""
        engine = FakeEngine(count)
        at = data.draw(st.integers(1, count - 1))
        rest = [evolve(row, number=row.number - 1) for row in engine.rows[at + 1 :]]
        engine.rows[at:] = rest
        self.assertNotEqual(engine.check().problem, "")

    @given(st.integers(0, 30), st.integers(1, 5))
    def test_untouched(self, count: int, first: int) -> None:
        """Nothing is found, wherever the chain begins."""
        verdict = FakeEngine(count, first).check()
        self.assertEqual((verdict.problem, verdict.bad, verdict.entries), ("", 0, count))

    def test_all_made_anew(self) -> None:
        """A whole new chain, ends included: only what was noted elsewhere shows it."""
        old, new = FakeEngine(20), FakeEngine(0)
        chain = Chain(0, ZERO)
        for row in old.rows:
            said_by = Moment(Actor("nobody"), 1, 1)
            made = chain.add(said_by, "user", "k", None, User("s", f"n{row.number}"))
            assert made is not None
            new.rows.append(made)
        new.state = AuditState(chain.number, chain.head)
        self.assertEqual(new.check().problem, "")
        self.assertEqual(old.check(old.rows[7].digest).problem, "")
        self.assertIn("made anew", new.check(old.rows[7].digest).problem)
        self.assertEqual(new.check(known={20: old.rows[-1].digest}).bad, 20)

    def test_cut_off_with_its_ends(self) -> None:
        """A running server remembers how far it was."""
        engine = FakeEngine(20)
        last = engine.rows[-1].digest
        del engine.rows[15:]
        engine.state = AuditState(15, engine.rows[-1].digest)
        self.assertEqual(engine.check().problem, "")
        self.assertEqual(engine.check(known={20: last}).bad, 16)

    def test_long_chains(self) -> None:
        """In steps."""
        engine = FakeEngine(4100)
        self.assertEqual(engine.check().entries, 4100)
        del engine.rows[4000]
        self.assertEqual(engine.check().bad, 4001)


class SQLiteAuditTests(TestCase):
    """The audit on a disk."""

    def setUp(self) -> None:
        """A place for a database."""
        self.file = Path(self.mktemp())

    def open(self, limit: int = 1000) -> Database:
        """Open the database."""
        return Database.open(SQLiteEngine(self.file, audit_limit=limit), reactor)

    def edit(self, statement: str, *values: Any) -> None:
        """Change the file behind the server's back."""
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute(statement, values)
            connection.commit()

    async def fill(self, database: Database, count: int, offset: int = 0) -> None:
        """Make changes."""
        with acting(BOSS):
            for number in range(count):
                await database.transact([put(User("s", f"u{offset + number}"))])

    async def test_chain_goes_on(self) -> None:
        """After opening again."""
        database = self.open()
        await self.fill(database, 3)
        await database.close()
        database = self.open()
        await self.fill(database, 3, 10)
        verdict = await database.verify_audit()
        self.assertEqual((verdict.problem, verdict.entries), ("", 6))
        state = await database.audit_state()
        self.assertEqual((state.number, state.head), (6, verdict.head))
        await database.close()

    async def test_awaiting_keeps_the_actor(self) -> None:
        """An operation that awaits the disk between two changes signs both."""
        database = self.open()
        await self.fill(database, 2)
        rows = await database.audit_rows(0, 10)
        self.assertEqual([row.actor for row in rows], ["administrator"] * 2)
        await database.close()

    async def test_tampering(self) -> None:
        """An edited, a removed, an inserted one, a cut end, other words in the columns."""
        for number, statement in (
            (4, "update audit set entry = replace(entry, 'CreateU', 'DeleteU') where number = 4"),
            (4, "update audit set entry = 5 where number = 4"),
            (4, "update audit set actor = 'nobody' where number = 4"),
            (4, "delete from audit where number = 4"),
            (9, "delete from audit where number > 8"),
            (11, "insert into audit select 11, switch, actor, kind, entry, previous, digest"
                 " from audit where number = 10"),
            (1, "delete from audit"),
            (10, "update meta set value = 'x' where name = 'audit_head'"),
        ):  # fmt: skip
            database = self.open()
            await self.fill(database, 10)
            await database.close()
            self.edit(statement)
            database = self.open()
            verdict = await database.verify_audit()
            await database.close()
            self.assertNotEqual(verdict.problem, "", statement)
            if "meta" not in statement:
                self.assertEqual(verdict.bad, number, statement)
            self.file.unlink()

    async def test_end_cut_off_while_running(self) -> None:
        """Together with what is kept apart: the running server knows better."""
        database = self.open()
        await self.fill(database, 10)
        digest = (await database.audit_rows(7, 1))[0].digest.hex()
        self.edit("delete from audit where number > 8")
        self.edit("update meta set value = '8' where name = 'audit_number'")
        self.edit("update meta set value = ? where name = 'audit_head'", digest)
        self.assertEqual((await database.verify_audit()).bad, 9)
        await database.close()

    async def test_oldest_go(self) -> None:
        """Those over the limit; the chain of the others stays verifiable."""
        database = self.open(limit=10)
        await self.fill(database, 25)
        state = await database.audit_state()
        self.assertEqual((state.first, state.number), (16, 25))
        verdict = await database.verify_audit()
        self.assertEqual((verdict.problem, verdict.entries, verdict.first), ("", 10, 16))
        self.assertEqual((await database.verify_audit(state.base)).problem, "")
        self.assertNotEqual((await database.verify_audit(b"x" * 32)).problem, "")
        await database.close()
        self.edit("delete from audit where number = 16")
        database = self.open(limit=10)
        self.assertEqual((await database.verify_audit()).bad, 16)
        await database.close()

    async def test_failed_commit(self) -> None:
        """A change that is not durable has no entry, and breaks no chain."""
        database = self.open()
        await self.fill(database, 2)
        self.edit("alter table records rename to gone")
        with acting(BOSS):
            failed = database.transact([put(User("s", "lost"))])
        await self.assertFailure(failed, sqlite3.OperationalError)
        self.flushLoggedErrors(sqlite3.OperationalError)
        self.edit("alter table gone rename to records")
        await self.fill(database, 2, 5)
        verdict = await database.verify_audit()
        self.assertEqual((verdict.problem, verdict.entries), ("", 4))
        await database.close()

    async def test_old_databases(self) -> None:
        """One of the first schema is brought to the new one, with its records."""
        database = self.open()
        await database.transact([put(ALICE)])
        await database.close()
        self.edit("drop table audit")
        self.edit("pragma user_version = 1")
        database = self.open()
        self.assertEqual(database.all(User), [ALICE])
        await self.fill(database, 1)
        self.assertEqual((await database.verify_audit()).entries, 1)
        await database.close()


settings.register_profile("audit", deadline=None)
settings.load_profile("audit")
