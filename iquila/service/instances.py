"""
The instances of Virtual Switches on this server, kept as the system database says.

Nothing else starts or stops an instance: a restart, a replica and a live change all come
through :meth:`Instances.apply`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from attrs import define
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from iquila.database.records import Placement, ServerMode, Switch, SwitchKind
from iquila.database.store import Database
from iquila.switch.port import Traffic
from iquila.switch.switch import VirtualSwitch

TICK_SECONDS = 2.0
"""How often caches are cleared and tables aged; the finest time of the 13 s rule."""


@define(eq=False)
class Instance:
    """One Virtual Switch as it runs here."""

    record: Switch
    switch: VirtualSwitch
    epoch: int
    created: float
    """Monotonic seconds."""

    @property
    def name(self) -> str:
        """The switch's name as it was created."""
        return self.record.name


class Instances:
    """
    All instances of this server.

    :param server_id: this server's id, which placements name.
    :param stopped: called with the name of a switch whose instance was stopped or replaced.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        clock: Any,
        system: Database,
        server_id: str,
        mode: ServerMode,
        stopped: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._system = system
        self._server_id = server_id
        self._mode = mode
        self._stopped = stopped
        self._by_name: dict[str, Instance] = {}
        self._past = (Traffic(), Traffic())
        """Of instances that were stopped: what came in, and what went out."""
        self._loop = LoopingCall(self._tick)
        self._loop.clock = clock
        self._unwatch: Callable[[], None] | None = None

    def start(self) -> None:
        """Start what the database says, and follow it from now on."""
        self._unwatch = self._system.watch(self._revised)
        for record in self._system.all(Switch):
            self.apply(record.name)
        self._loop.start(TICK_SECONDS, now=False)

    def stop(self) -> None:
        """Stop every instance."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        if self._loop.running:
            self._loop.stop()
        for instance in list(self._by_name.values()):
            self._remove(instance)

    def __iter__(self) -> Iterator[Instance]:
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        return len(self._by_name)

    def get(self, name: str) -> Instance | None:
        """Return the instance of a switch, by its name in any case, or None."""
        return self._by_name.get(name.lower())

    def traffic(self) -> tuple[Traffic, Traffic]:
        """Return what came in and what went out of all instances, also of stopped ones."""
        sums = Traffic(), Traffic()
        for counts in (self._past, *(each.switch.traffic() for each in self)):
            for sum_, part in zip(sums, counts, strict=True):
                sum_.add(part)
        return sums

    def apply(self, name: str) -> None:
        """Bring the instance of one switch in line with the database."""
        record = self._system.get(Switch, name.lower())
        epoch = self._wanted_epoch(record)
        current = self._by_name.get(name.lower())
        if current is not None and (record is None or epoch != current.epoch):
            self._remove(current)
            current = None
        if record is None or epoch is None:
            return
        if current is None:
            self._add(record, epoch)
        else:
            current.record = record

    def _wanted_epoch(self, record: Switch | None) -> int | None:
        """Return the epoch to run a switch with, None where it does not run here."""
        if record is None or not record.online:
            return None
        if self._mode is ServerMode.STANDALONE:
            return 0 if record.kind is SwitchKind.STANDALONE else None
        if record.kind is SwitchKind.STATIC:
            return 0
        if record.kind is SwitchKind.STANDALONE:
            return None
        placement = self._system.get(Placement, record.name.lower())
        if placement is None or placement.member != self._server_id:
            return None
        return placement.epoch

    def _add(self, record: Switch, epoch: int) -> None:
        now = float(self._clock.seconds())
        self._by_name[record.name.lower()] = Instance(
            record, VirtualSwitch(record.name, now=now), epoch, now
        )
        self._log.info("Virtual Switch {name} is running", name=record.name)

    def _remove(self, instance: Instance) -> None:
        del self._by_name[instance.name.lower()]
        for sum_, part in zip(self._past, instance.switch.traffic(), strict=True):
            sum_.add(part)
        self._log.info("Virtual Switch {name} is stopped", name=instance.name)
        self._stopped(instance.name)

    def _revised(self, event: Any) -> None:
        for kind, key, _old, _new in event.changes:
            if kind in (Switch.kind_name, Placement.kind_name):
                self.apply(key)

    def _tick(self) -> None:
        now = float(self._clock.seconds())
        for instance in self._by_name.values():
            instance.switch.tick(now)
