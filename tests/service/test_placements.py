"""Dynamic switches: one instance however many come first at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from iquila.cluster.roster import InstanceLoad, LoadReport, MemberDescription, Roster
from iquila.database.engine import MemoryEngine
from iquila.database.records import Placement, Switch, SwitchKind
from iquila.database.store import Database, delete, put
from iquila.errors import NoMemberAvailable
from iquila.service.placements import GRACE, Placed, Placements

LAB = Switch("Lab", SwitchKind.DYNAMIC)


def a_roster(*ids: str) -> Roster:
    """Return a roster with members."""
    roster = Roster()
    for id in ids:
        roster.add(MemberDescription(id, 1, id, "10.0.0.1", (5555,), 100, b"", 0))
    return roster


class PlacementTests(SynchronousTestCase):
    """One controller's placements, with a clock."""

    def setUp(self) -> None:
        """Two members, one dynamic switch."""
        self.clock = Clock()
        self.system = Database.in_memory()
        self.successResultOf(self.system.transact([put(LAB)]))
        self.roster = a_roster("a", "b")
        self.choice: str | None = "a"
        self.placements = Placements(
            self.clock, self.system, self.roster, lambda _switch: self.choice
        )
        self.placements.start()
        self.addCleanup(self.placements.stop)

    def place(self) -> Placed:
        """Place the switch for a client that has no ticket yet."""
        return self.successResultOf(
            Deferred.fromCoroutine(self.placements.place("LAB", lambda _placed: None))
        )

    def report(self, member: str, epoch: int, sessions: int) -> None:
        """Let a member tell its load."""
        load = InstanceLoad("Lab", epoch, sessions, static=False)
        self.roster.report(member, LoadReport(sessions, instances=(load,)))

    def test_stays_while_its_member_lives(self) -> None:
        """The second client goes where the first went, whoever has more points now."""
        first = self.place()
        self.choice = "b"
        self.assertEqual(self.place(), first)

    def test_moves_with_a_higher_epoch(self) -> None:
        """When its member is gone it is placed again, newer than before."""
        first = self.place()
        self.roster.remove("a")
        self.choice = "b"
        second = self.place()
        self.assertEqual(second.member, "b")
        self.assertGreater(second.epoch, first.epoch)

    def test_epochs_outlive_the_switch(self) -> None:
        """A switch that is deleted and made again has no epoch of its former life."""
        first = self.place()
        self.successResultOf(
            self.system.transact([delete(Switch, "lab"), delete(Placement, "lab")])
        )
        self.successResultOf(self.system.transact([put(LAB)]))
        self.assertGreater(self.place().epoch, first.epoch)

    def test_nobody_can_take_it(self) -> None:
        """Without a server the login is refused, and nothing is placed."""
        self.choice = None
        failed = Deferred.fromCoroutine(self.placements.place("lab", lambda _placed: None))
        self.failureResultOf(failed, NoMemberAvailable)
        self.assertIsNone(self.placements.where("lab"))

    def test_stops_when_empty(self) -> None:
        """After its last session, and not before; the epoch stays in the record."""
        placed = self.place()
        self.report("a", placed.epoch, 1)
        self.clock.advance(1)
        self.assertIsNotNone(self.placements.where("lab"))
        self.report("a", placed.epoch, 0)
        self.clock.advance(1)
        self.assertIsNone(self.placements.where("lab"))
        record = self.system.get(Placement, "lab")
        assert record is not None
        self.assertEqual((record.member, record.epoch), ("", placed.epoch))

    def test_grace(self) -> None:
        """A fresh instance waits for its first session, and a ticket keeps it."""
        self.place()
        self.clock.pump([1.0] * int(GRACE - 1))
        self.assertIsNotNone(self.placements.where("lab"))
        self.roster.issued("a", b"t", "lab", self.clock.seconds())
        self.clock.pump([1.0] * 30)
        self.assertIsNotNone(self.placements.where("lab"))
        self.clock.pump([1.0] * 31)
        self.assertIsNone(self.placements.where("lab"))


def _taking(turns: Iterator[str]) -> Callable[[str], str]:
    """Return a choice that is another one each time."""
    return lambda _switch: next(turns)


class SimultaneousTests(TestCase):
    """Logins that come at once."""

    async def test_two_hundred_first_logins_fifty_times(self) -> None:
        """All of them end on one instance, each time, whatever the selector says meanwhile."""
        from twisted.internet import reactor

        for _ in range(50):
            # An engine in a thread: the placement is not there until it is durable.
            system = Database(_SlowEngine(), reactor)
            await system.transact([put(LAB)])
            roster = a_roster("a", "b", "c")
            turns = iter("abc" * 1000)
            placements = Placements(reactor, system, roster, _taking(turns))
            taken: list[Placed] = []
            waiting = [
                Deferred.fromCoroutine(placements.place("lab", taken.append)) for _ in range(200)
            ]
            places = [await each for each in waiting]
            self.assertEqual(len({(p.member, p.epoch) for p in places}), 1)
            self.assertEqual(len(taken), 200)
            await system.close()

    async def test_threads_are_used(self) -> None:
        """The engine of these tests does answer later."""
        self.assertTrue(_SlowEngine.blocking)
        self.assertEqual(await deferToThread(lambda: 1), 1)


class _SlowEngine(MemoryEngine):
    """An engine that answers from a thread, and keeps nothing."""

    blocking = True
