"""
How often users logged in: counted in memory, written in batches, because a login must not
wait for a disk only to be counted. A crash loses the counts of the last ten seconds.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from iquila.database.records import LoginCount, user_key
from iquila.database.store import Database, put

INTERVAL = 10.0


class Statistics:
    """The login counts of one server; :meth:`start` says which database keeps them."""

    _log: ClassVar[Logger] = Logger()

    def __init__(self, clock: Any) -> None:
        self._loop = LoopingCall(self._flush)
        self._loop.clock = clock
        self._database: Database | None = None
        self._counts: dict[str, LoginCount] = {}
        self._dirty: set[str] = set()

    def start(self, database: Database) -> None:
        """Begin with the counts of a database."""
        self._database = database
        self._counts = {record.key: record for record in database.all(LoginCount)}
        self._dirty.clear()
        self._loop.start(INTERVAL, now=False)

    async def stop(self) -> None:
        """Write what was counted, and count no more."""
        if self._loop.running:
            self._loop.stop()
        await self._flush()
        self._database = None

    def logins(self, switch: str, user: str = "") -> LoginCount:
        """Return the count of a user, or with an empty user of a whole switch."""
        return self._counts.get(user_key(switch, user)) or LoginCount(switch, user, 0, 0)

    def count(self, switch: str, user: str) -> int:
        """Count a login; return how many the switch has had."""
        now = int(time.time() * 1000)
        self._count(switch, user, now)
        return self._count(switch, "", now)

    def _count(self, switch: str, user: str, now: int) -> int:
        key = user_key(switch, user)
        old = self._counts.get(key)
        new = LoginCount(switch, user, 1 if old is None else old.logins + 1, now)
        self._counts[key] = new
        self._dirty.add(key)
        return new.logins

    def _flush(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._write())

    async def _write(self) -> None:
        dirty, self._dirty = self._dirty, set()
        if self._database is None or not dirty:
            return
        try:
            await self._database.transact([put(self._counts[key]) for key in sorted(dirty)])
        except Exception:
            self._log.failure("The login counts could not be written")
            self._dirty |= dirty
