"""The pacer's rule, with sockets of its own and a timer that only steps move."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from iquila.session.pacer import Pacer

BUDGET = 10.0


class Reactor:
    """Does in a turn what a real one does: the calls of before this turn, then descriptors."""

    def __init__(self) -> None:
        self.readers: list[Any] = []
        self.calls: list[Callable[[], None]] = []

    def callLater(self, delay: float, call: Callable[[], None]) -> None:
        """Call in the next turn."""
        self.calls.append(call)

    def addReader(self, reader: Any) -> None:
        """Take a reader in."""
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        """Let it go."""
        self.readers.remove(reader)

    def turn(self) -> None:
        """Do one turn."""
        calls, self.calls = self.calls, []
        for call in calls:
            call()
        for reader in list(self.readers):
            if select.select([reader], [], [], 0)[0]:
                reader.doRead()


class PacerTests(SynchronousTestCase):
    """Steps within a budget."""

    def setUp(self) -> None:
        """Begin at zero."""
        self.reactor = Reactor()
        self.time = 0.0
        self.pacer = Pacer(self.reactor, BUDGET, lambda: self.time)
        self.done: list[Any] = []

    def step(self, name: Any, seconds: float = 4.0) -> None:
        """Take some time."""
        self.done.append(name)
        self.time += seconds

    def ready(self, name: Any, seconds: float = 4.0) -> int:
        """Watch a socket that stays readable; return its descriptor."""
        one, other = socket.socketpair()
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        other.send(b"x")
        self.pacer.watch(one.fileno(), partial(self.step, name, seconds))
        return one.fileno()

    def turn(self) -> list[Any]:
        """Return what was done in one turn."""
        self.done.clear()
        self.reactor.turn()
        return list(self.done)

    def test_budget(self) -> None:
        """A turn ends with the first step at which the budget is used up."""
        self.ready("a")
        self.assertEqual(self.turn(), ["a"] * 3)
        self.assertEqual(self.turn(), ["a"] * 3)

    def test_everybody_gets_a_turn(self) -> None:
        """However many are ready all the time."""
        for number in range(50):
            self.ready(number)
        served: list[Any] = []
        for _ in range(17):
            served += self.turn()
        self.assertEqual(len(served), 51)
        self.assertEqual(set(served), set(range(50)))

    def test_one_long_step(self) -> None:
        """It is alone in its turn, and holds nobody else up for longer than itself."""
        self.ready("long", 100.0)
        self.ready("short", 1.0)
        turns = [self.turn() for _ in range(4)]
        self.assertTrue(all("long" not in turn[:-1] for turn in turns))
        self.assertTrue(any("short" in turn for turn in turns))

    def test_nothing_ready(self) -> None:
        """Costs nothing: the reactor has no descriptor, or one that is not readable."""
        self.assertEqual(self.reactor.readers, [])
        one, other = socket.socketpair()
        self.addCleanup(one.close)
        self.addCleanup(other.close)
        self.pacer.watch(one.fileno(), partial(self.step, "quiet"))
        self.assertEqual(self.turn(), [])
        self.pacer.unwatch(one.fileno())
        self.pacer.unwatch(one.fileno())
        self.assertEqual(self.reactor.readers, [])

    def test_unwatched_by_its_own_step(self) -> None:
        """A step may end itself, and others."""
        fds: list[int] = []

        def end_all() -> None:
            self.step("end")
            for fd in fds:
                self.pacer.unwatch(fd)

        for _ in range(3):
            fd = self.ready("never")
            self.pacer.watch(fd, end_all)
            fds.append(fd)
        self.assertEqual(self.turn(), ["end"])
        self.assertEqual(self.turn(), [])

    def test_the_line(self) -> None:
        """What finds the budget used up waits, and is done in its order in the next turns."""
        for number in range(8):
            self.pacer.soon(partial(self.step, number))
        self.ready("socket", 20.0)
        self.assertEqual(self.done, [0, 1, 2])
        self.assertEqual(self.turn(), [3, 4, 5, "socket"])
        self.assertEqual(self.turn(), [6, 7, "socket"])
        self.pacer.soon(partial(self.step, "in time"))
        self.assertEqual(self.done, [6, 7, "socket", "in time"])
        self.pacer.soon(partial(self.step, "late"))
        self.assertEqual(self.turn(), ["late", "socket"])

    def test_many_small_steps(self) -> None:
        """They ask for one turn in many, and cannot hold the reactor up together."""
        for number in range(25):
            self.pacer.soon(partial(self.step, number, 1.0))
        self.assertEqual(len(self.done), 10)
        self.assertEqual(len(self.reactor.calls), 1)
        self.assertEqual([len(self.turn()) for _ in range(3)], [10, 5, 0])
        self.assertEqual(self.reactor.calls, [])

    def test_a_step_that_puts_another_in_line(self) -> None:
        """It comes after those that wait."""
        self.pacer.soon(partial(self.step, "long", BUDGET))
        self.pacer.soon(lambda: self.pacer.soon(partial(self.step, "second")))
        self.pacer.soon(partial(self.step, "first"))
        self.assertEqual(self.turn(), ["first", "second"])
        self.assertEqual(self.reactor.calls, [])

    def test_a_step_that_fails(self) -> None:
        """It is logged, and the next one is done."""
        self.pacer.soon(lambda: self.step(1 / 0))
        self.pacer.soon(partial(self.step, "next"))
        self.assertEqual(self.done, ["next"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
