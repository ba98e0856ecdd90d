"""
Which server runs each dynamic Virtual Switch: chosen at the first login, given up when empty.

The record in the system database decides, with its epoch; this keeps it, for a controller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from iquila.cluster.placement import Place, may_stop, next_place
from iquila.cluster.roster import Member, Roster
from iquila.database.records import Placement, Switch, SwitchKind
from iquila.database.store import Database, put
from iquila.errors import Conflict, NoMemberAvailable, SwitchNotFound

GRACE = 60.0
"""Seconds that an instance waits for its first session (reference §7.1)."""
SWEEP = 1.0


@frozen
class Placed:
    """Where a dynamic switch runs, from which revision of the database on."""

    member: str
    epoch: int
    revision: int


class Placements:
    """
    The placements of one controller.

    :param choose: returns the id of the server for a new instance, None where there is none.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        clock: Any,
        system: Database,
        roster: Roster,
        choose: Callable[[str], str | None],
    ) -> None:
        self._clock = clock
        self._system = system
        self._roster = roster
        self._choose = choose
        # Switches whose placement is being changed, and who waits for it.
        self._changing: dict[str, list[Deferred[None]]] = {}
        # Since when a switch is where it is, for the grace; gone once a session was seen.
        self._fresh: dict[str, float] = {}
        self._loop = LoopingCall(self._sweep)
        self._loop.clock = clock

    def start(self) -> None:
        """Give the instances of an earlier run their grace, then stop what is empty."""
        now = float(self._clock.seconds())
        self._fresh = {p.key: now for p in self._system.all(Placement) if p.member}
        self._loop.start(SWEEP, now=False)

    def stop(self) -> None:
        """Change nothing more."""
        if self._loop.running:
            self._loop.stop()

    def where(self, switch: str) -> Place | None:
        """Return where a switch runs, None where it does not run."""
        record = self._system.get(Placement, switch)
        if record is None or not record.member:
            return None
        return Place(record.member, record.epoch)

    async def place(self, switch: str, taken: Callable[[Placed], None]) -> Placed:
        """
        Return where a switch runs, having it run somewhere if it does not.

        :param taken: called before anything can stop the instance again: count a ticket or
            open a session there.
        :raises NoMemberAvailable: no server can take it.
        """
        key = switch.lower()
        await self._settled(key)
        placed = self._live(key)
        if placed is None:
            self._changing[key] = []
            try:
                placed = await self._place(key)
                taken(placed)
                return placed
            finally:
                self._changed(key)
        taken(placed)
        return placed

    async def _settled(self, key: str) -> None:
        """Wait until nobody changes a placement; then nothing happens before one's next await."""
        while (waiting := self._changing.get(key)) is not None:
            done: Deferred[None] = Deferred()
            waiting.append(done)
            await done

    def _changed(self, key: str) -> None:
        # From a flat loop: a lock that each waiter hands to the next nests as deep as they are
        # many, and a burst of first logins would exceed the stack.
        for done in self._changing.pop(key):
            done.callback(None)

    def _live(self, key: str) -> Placed | None:
        record = self._system.get(Placement, key)
        if record is None or record.member not in self._roster:
            return None
        return Placed(record.member, record.epoch, self._system.revision)

    async def _place(self, switch: str) -> Placed:
        record = self._system.get(Placement, switch)
        member = self._choose(switch)
        if member is None:
            raise NoMemberAvailable
        known = self._system.get(Switch, switch)
        if known is None:
            raise SwitchNotFound
        current = None if record is None else Place(record.member, record.epoch)
        # A switch that was deleted and made again must not meet an epoch of its former life.
        place = next_place(current, member, self._system.revision)
        try:
            revision = await self._system.transact(
                [put(Placement(known.name, place.member, place.epoch))],
                [
                    self._system.unchanged(Placement, switch),
                    self._system.unchanged(Switch, switch),
                ],
            )
        except Conflict:
            raise NoMemberAvailable from None
        self._fresh[switch.lower()] = float(self._clock.seconds())
        return Placed(place.member, place.epoch, revision)

    # -- giving up what is empty

    def _sweep(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop_empty())

    async def _stop_empty(self) -> None:
        for record in self._system.all(Placement):
            member = self._roster.get(record.member)
            if member is None or not self._is_idle(record, member):
                continue
            await self._settled(record.key)
            self._changing[record.key] = []
            try:
                await self._give_up(record)
            except Exception:
                self._log.failure("A dynamic Virtual Switch could not be stopped")
            finally:
                self._changed(record.key)

    def _is_idle(self, record: Placement, member: Member) -> bool:
        now = float(self._clock.seconds())
        sessions = sum(
            load.sessions
            for load in member.report.instances
            if load.switch.lower() == record.key and load.epoch == record.epoch
        )
        if sessions:
            self._fresh.pop(record.key, None)
        age = now - self._fresh[record.key] if record.key in self._fresh else GRACE
        return may_stop(sessions, member.outstanding(record.switch, now), age, GRACE)

    async def _give_up(self, record: Placement) -> None:
        member = self._roster.get(record.member)
        if (
            self._system.get(Placement, record.key) != record
            or member is None
            or not self._is_idle(record, member)
        ):
            return
        # The record stays, for its epoch.
        await self._system.transact([put(Placement(record.switch, "", record.epoch))])
        self._fresh.pop(record.key, None)
        self._log.info("{switch} is empty and stops", switch=record.switch)

    def dynamic_on(self, member: str) -> list[str]:
        """Return the names of the dynamic switches that run on a server."""
        return [
            p.switch
            for p in self._system.all(Placement)
            if p.member == member
            and (s := self._system.get(Switch, p.key)) is not None
            and s.kind is SwitchKind.DYNAMIC
        ]
