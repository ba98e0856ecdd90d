"""
Many deadlines of the same length, at the cost of one timer.

A burst of logins begins and ends thousands of deadlines in a second and reaches none of them;
the reactor's own timers take a place in its heap each, until they would have been due.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall


class Deadlines:
    """
    Deadlines by what they are for.

    :param clock: `IReactorTime`.
    :param seconds: from the begin of each to its end.
    """

    def __init__(self, clock: Any, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        # In the order in which they are due, because all are of one length.
        self._due: dict[Hashable, tuple[float, Callable[[], None]]] = {}
        self._timer: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._due)

    def begin(self, what: Hashable, late: Callable[[], None]) -> None:
        """Have `late` called in time, unless this ends; one that has begun already begins anew."""
        self._due.pop(what, None)
        self._due[what] = (self._clock.seconds() + self._seconds, late)
        if self._timer is None:
            self._timer = self._clock.callLater(self._seconds, self._check)

    def end(self, what: Hashable) -> None:
        """End a deadline; one that has not begun is no error."""
        if self._due.pop(what, None) is not None and not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        late = []
        for what, (due, call) in self._due.items():
            if due > now:
                break
            late.append((what, call))
        for what, _call in late:
            del self._due[what]
        if self._due:
            first = next(iter(self._due.values()))[0]
            self._timer = self._clock.callLater(first - now, self._check)
        for _what, call in late:
            call()
