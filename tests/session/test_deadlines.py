"""Deadlines that share a timer."""

from __future__ import annotations

from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from iquila.session.deadlines import Deadlines


class DeadlineTests(SynchronousTestCase):
    """When is what late?"""

    def setUp(self) -> None:
        """Ten seconds for each."""
        self.clock = Clock()
        self.deadlines = Deadlines(self.clock, 10.0)
        self.late: list[str] = []

    def begin(self, name: str) -> None:
        """Begin one."""
        self.deadlines.begin(name, partial(self.late.append, name))

    def test_each_at_its_time(self) -> None:
        """However many have begun and ended meanwhile."""
        for name in ("a", "b", "c", "d"):
            self.begin(name)
            self.clock.advance(2.0)
        self.deadlines.end("b")
        self.clock.advance(1.9)
        self.assertEqual(self.late, [])
        self.clock.advance(0.1)
        self.assertEqual(self.late, ["a"])
        self.clock.advance(4.0)
        self.assertEqual(self.late, ["a", "c"])
        self.clock.advance(2.0)
        self.assertEqual(self.late, ["a", "c", "d"])
        self.assertEqual((len(self.deadlines), self.clock.getDelayedCalls()), (0, []))

    def test_one_timer(self) -> None:
        """For all of them, and none when there are none."""
        for number in range(100):
            self.begin(str(number))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        for number in range(100):
            self.deadlines.end(str(number))
            self.deadlines.end(str(number))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_anew(self) -> None:
        """One that begins again has its whole time."""
        self.begin("a")
        self.begin("b")
        self.clock.advance(6.0)
        self.begin("a")
        self.clock.advance(4.0)
        self.assertEqual(self.late, ["b"])
        self.clock.advance(6.0)
        self.assertEqual(self.late, ["b", "a"])

    def test_what_is_late_may_end_and_begin_others(self) -> None:
        """Even itself."""

        def again() -> None:
            self.late.append("again")
            self.deadlines.end("other")
            self.begin("a")

        self.deadlines.begin("a", again)
        self.clock.advance(1.0)
        self.begin("other")
        self.clock.advance(9.0)
        self.assertEqual(self.late, ["again"])
        self.clock.advance(10.0)
        self.assertEqual(self.late, ["again", "a"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
