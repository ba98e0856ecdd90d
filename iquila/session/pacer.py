"""
How long connections that carry no data yet may hold up those that do.

Accepting, TLS handshakes and requests of the VEN handshake share a budget of time in each turn
of the reactor; what finds it used up goes on in the next turns, between which the connections
with data are served. Not for these: they are the reactor's own, and served in every turn.
"""

from __future__ import annotations

import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

BUDGET = 0.0005
"""
Seconds in one turn for sockets that are ready, and as many for what waits in line.

With one step more of each, and none of them over half a millisecond, data waits for less than
two milliseconds.
"""


@implementer(IReadDescriptor)
class Pacer:
    """
    Runs steps, each of them short, within a budget.

    Watched sockets wait in an epoll set of their own, which is one descriptor for the reactor:
    the kernel keeps the order of those that are ready, so that each gets its turn however many
    there are, and none costs anything while it waits.

    :param reactor: `IReactorFDSet` and `IReactorTime`.
    :param budget: seconds.
    :param timer: returns seconds, for the time that steps take.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        budget: float = BUDGET,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._reactor = reactor
        self._budget = budget
        self._timer = timer
        self._ready = select.epoll()
        self._steps: dict[int, Callable[[], None]] = {}
        self._line: deque[Callable[[], None]] = deque()
        self._used = 0.0
        self._asked = False
        """Whether a turn was asked for, to move up in line."""

    # -- sockets

    def watch(self, fd: int, step: Callable[[], None]) -> None:
        """Run `step` again and again while `fd` is readable. A watched one gets a new step."""
        if fd not in self._steps:
            if not self._steps:
                self._reactor.addReader(self)
            self._ready.register(fd, select.EPOLLIN)
        self._steps[fd] = step

    def unwatch(self, fd: int) -> None:
        """Watch a descriptor no more, before it is closed; one not watched is no error."""
        if self._steps.pop(fd, None) is not None:
            self._ready.unregister(fd)
            if not self._steps:
                self._reactor.removeReader(self)

    # -- the line

    def soon(self, step: Callable[[], None]) -> None:
        """
        Run a step once: at once while the budget lasts, else behind those that wait already.

        The budget is renewed by a turn that is asked for when it is used up, and not before:
        that is one turn in very many, as long as little is to be done.
        """
        if self._asked:
            self._line.append(step)
        else:
            self._charge(step)

    def _charge(self, step: Callable[[], None]) -> None:
        start = self._timer()
        self._do(step)
        self._used += self._timer() - start
        if self._used >= self._budget and not self._asked:
            self._asked = True
            self._reactor.callLater(0, self._move_up)

    def _move_up(self) -> None:
        self._used = 0.0
        while self._line and self._used < self._budget:
            self._charge(self._line.popleft())
        self._asked = False
        if self._line or self._used >= self._budget:
            self._asked = True
            self._reactor.callLater(0, self._move_up)

    def _do(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            self._log.failure("A step of a handshake failed")

    # -- what the reactor calls

    def doRead(self) -> None:
        """Serve sockets that are ready: this is their part of a turn."""
        end = self._timer() + self._budget
        # One at a time: those that are not served keep their places in the kernel's order.
        while ready := self._ready.poll(0, 1):
            self._do(self._steps[ready[0][0]])
            if self._timer() >= end:
                break

    def fileno(self) -> int:
        """Return the descriptor of the whole set."""
        return self._ready.fileno()

    def logPrefix(self) -> str:
        """Return the name of this in logs."""
        return "pacer"

    def connectionLost(self, reason: Failure) -> None:
        """Nothing is lost when the reactor lets go of this."""
