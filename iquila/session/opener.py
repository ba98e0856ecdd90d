"""
When a client opens one more connection for its session: slowly to grow, quickly after a loss.

Not how: that is its session's.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

GROW_SECONDS = 1.0
"""Between two attempts while the session never had so many connections (reference §6.6)."""
FIRST_SECONDS = 0.05
"""Between the first two attempts to replace a lost one that fail; then twice that and so on, up to
:data:`GROW_SECONDS`. A server may refuse because it does not know of the loss yet."""


class Opener:
    """
    Opens connections, one at a time.

    :param wanted: whether there should be one more.
    :param open_one: opens it; returns whether it succeeded.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        clock: Any,
        wanted: Callable[[], bool],
        open_one: Callable[[], Coroutine[Any, Any, bool]],
    ) -> None:
        self._clock = clock
        self._wanted = wanted
        self._open_one = open_one
        self._opening: Deferred[bool] | None = None
        self._next = float(clock.seconds())
        self._lost = 0
        """Connections that were lost and not replaced yet."""
        self._patience = 0.0
        self._timer: Any = None

    def look(self) -> None:
        """Open one if it is wanted and time."""
        now = float(self._clock.seconds())
        if self._opening is not None or now < self._next or not self._wanted():
            return
        self._next = now + GROW_SECONDS
        self._opening = Deferred.fromCoroutine(self._open_one())
        self._opening.addErrback(self._failed)
        self._opening.addCallback(self._opened)

    def lost(self) -> None:
        """A connection is lost: replace it at once."""
        self._lost += 1
        self._look_now()

    def stop(self) -> None:
        """Give up what is under way, for good."""
        self._wanted = lambda: False
        self._end_timer()
        if self._opening is not None:
            self._opening.cancel()

    def _failed(self, failure: Any) -> bool:
        if not failure.check(CancelledError):
            self._log.failure("An additional connection could not be opened", failure)
        return False

    def _opened(self, succeeded: bool) -> None:
        self._opening = None
        if succeeded:
            self._lost = max(0, self._lost - 1)
            self._patience = 0.0
        else:
            self._patience = min(max(FIRST_SECONDS, 2 * self._patience), GROW_SECONDS)
        if self._lost and self._wanted():
            self._end_timer()
            self._next = float(self._clock.seconds()) + self._patience
            self._timer = self._clock.callLater(self._patience, self._look_now)

    def _look_now(self) -> None:
        self._next = float(self._clock.seconds())
        self.look()

    def _end_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
