"""
Writing logs beside the reactor: a bounded queue, and a thread that takes it twice a second.

A disk that is full or slow costs lines, which are counted and told once; it never holds up
anything else.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any, ClassVar, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from iquila.journal.files import Line, LogFiles

T = TypeVar("T")
MOST_LINES = 20_000
MOST_BYTES = 16 * 1024 * 1024
INTERVAL = 0.5
"""Seconds between two looks at the queue."""


class Writer:
    """
    Writes lines to log files.

    :param reactor: for time and, with `threads`, for the writing thread.
    :param wall: the time of day, seconds since 1970.
    :param threads: False to write within the call, for tests.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        files: LogFiles,
        wall: Callable[[], float] = time.time,
        *,
        threads: bool = True,
    ) -> None:
        self._reactor = reactor
        self._wall = wall
        self._files = files
        self._threads = threads
        self._pool: ThreadPool | None = None
        self._queue: deque[Line] = deque()
        self._bytes = 0
        self._lock = DeferredLock()
        self._failing = False
        self.lost = 0
        """Lines that were not written, since the start."""
        self._loop = LoopingCall(self._tick)
        self._loop.clock = reactor
        self.running = False

    def start(self) -> None:
        """Begin to write."""
        if self._threads:
            self._pool = ThreadPool(1, 1, "logs")
            # Logs that nobody closed must not keep the process from ending.
            self._pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
            self._pool.start()
        self.running = True
        self._loop.start(INTERVAL, now=False)

    async def stop(self) -> None:
        """Write what is queued, and no more."""
        if not self.running:
            return
        self.running = False
        self._loop.stop()
        await self.run(self._files.sweep, self._wall())
        if self._pool is not None:
            self._pool.stop()
            self._pool = None

    def add(self, line: Line) -> None:
        """Queue a line; safe in any thread."""
        if not self.running:
            return
        size = len(line.data)
        if len(self._queue) >= MOST_LINES or self._bytes + size > MOST_BYTES:
            self.lost += 1
            return
        self._bytes += size
        self._queue.append(line)

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function where the files are; what is queued is written before."""
        await self._lock.acquire()
        try:
            await self._flush()
            return await self._call(function, *arguments)
        finally:
            self._lock.release()

    def _call(self, function: Callable[..., T], *arguments: Any) -> Deferred[T]:
        if self._pool is None:
            return maybeDeferred(function, *arguments)
        return deferToThreadPool(self._reactor, self._pool, function, *arguments)

    def _tick(self) -> None:
        if not self._lock.locked:
            Deferred.fromCoroutine(self.run(self._files.sweep, self._wall())).addErrback(
                lambda failure: self._log.failure("The logs could not be written", failure)
            )

    async def _flush(self) -> None:
        lines = []
        while self._queue:
            lines.append(self._queue.popleft())
        self._bytes = 0
        if lines:
            lost, problem = await self._call(self._files.write, lines)
            self.lost += lost
            self._tell(problem)

    def _tell(self, problem: OSError | None) -> None:
        """Tell once that lines are lost, and once that they are not any more."""
        if problem is not None and not self._failing:
            self._failing = True
            self._log.error("The logs cannot be written: {problem}", problem=str(problem))
        elif problem is None and self._failing:
            self._failing = False
            self._log.warn("The logs are written again; {lost} lines are lost", lost=self.lost)
