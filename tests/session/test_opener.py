"""When a client opens one more connection."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from iquila.session.opener import FIRST_SECONDS, GROW_SECONDS, Opener

STEP = FIRST_SECONDS / 16


class OpenerTests(SynchronousTestCase):
    """Attempts by the clock, which end as the test says."""

    def setUp(self) -> None:
        """One that wants two connections and has none."""
        self.clock = Clock()
        self.connections = 0
        self.wanted = 2
        self.attempts: list[Deferred[bool]] = []
        self.opener = Opener(self.clock, lambda: self.connections < self.wanted, self.open_one)

    async def open_one(self) -> bool:
        """Begin an attempt."""
        self.attempts.append(Deferred())
        return await self.attempts[-1]

    def end(self, succeeded: bool) -> None:
        """End the latest attempt."""
        self.connections += succeeded
        self.attempts[-1].callback(succeeded)

    def look(self, seconds: float) -> int:
        """Let time pass; return how many attempts there were."""
        self.clock.advance(seconds)
        self.opener.look()
        return len(self.attempts)

    def lose(self) -> None:
        """Lose a connection."""
        self.connections -= 1
        self.opener.lost()

    def test_growing(self) -> None:
        """One at a time, one in each interval, until there are enough."""
        self.assertEqual(self.look(0.0), 1)
        self.assertEqual(self.look(2 * GROW_SECONDS), 1)
        self.end(True)
        self.assertEqual(self.look(0.0), 2)
        self.end(False)
        self.assertEqual(self.look(GROW_SECONDS / 2), 2)
        self.assertEqual(self.look(GROW_SECONDS / 2), 3)
        self.end(True)
        self.assertEqual(self.look(GROW_SECONDS), 3)

    def test_replacing(self) -> None:
        """Several lost ones are replaced one after the other, without waiting."""
        self.connections = 2
        self.lose()
        self.lose()
        self.assertEqual(len(self.attempts), 1)
        self.end(True)
        self.clock.advance(0)
        self.assertEqual(len(self.attempts), 2)
        self.end(True)
        self.clock.advance(0)
        self.assertEqual(self.look(GROW_SECONDS), 2)

    def test_refusals(self) -> None:
        """They are answered with growing patience, which a success ends."""
        self.connections = 2
        self.lose()
        waits = []
        for _ in range(8):
            count, begin = len(self.attempts), self.clock.seconds()
            self.end(False)
            while len(self.attempts) == count:
                self.clock.advance(STEP)
            waits.append(self.clock.seconds() - begin)
        expected = [FIRST_SECONDS * 2**n for n in range(5)] + [GROW_SECONDS] * 3
        for wait, seconds in zip(waits, expected, strict=True):
            self.assertLess(abs(wait - seconds), 2 * STEP)
        self.end(True)
        self.lose()
        self.assertEqual(len(self.attempts), 10)

    def test_stop(self) -> None:
        """The attempt under way is cancelled, quietly, and none follows."""
        self.connections = 2
        self.lose()
        self.opener.stop()
        self.assertEqual(self.look(2 * GROW_SECONDS), 1)
        self.opener.lost()
        self.assertEqual((len(self.attempts), self.clock.getDelayedCalls()), (1, []))

    def test_failures(self) -> None:
        """Something unexpected is logged and counts as a refusal."""
        self.connections = 2
        self.lose()
        self.attempts[-1].errback(ValueError("unexpected"))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.clock.advance(FIRST_SECONDS)
        self.assertEqual(len(self.attempts), 2)
