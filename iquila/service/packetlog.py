"""Plugs the packet log into those switches here whose settings want it, and out of the others."""

from __future__ import annotations

from collections.abc import Callable

from iquila.database.belongings import LogSettings, SwitchOptions
from iquila.database.records import Placement, Switch
from iquila.database.store import Database, RevisionEvent
from iquila.journal.journal import Journal
from iquila.service.instances import Instances

_KINDS = {cls.kind_name for cls in (LogSettings, SwitchOptions, Switch, Placement)}


class PacketLog:
    """
    The packet logs of the instances of one role.

    :param instances: have to follow the database already, so that they are changed first.
    """

    def __init__(self, instances: Instances, system: Database, journal: Journal) -> None:
        self._instances = instances
        self._system = system
        self._journal = journal
        self._unwatch: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin, and follow the settings."""
        self._unwatch = self._system.watch(self._revised)
        for instance in self._instances:
            self._apply(instance.name)

    def stop(self) -> None:
        """Look at nothing any more."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _revised(self, event: RevisionEvent) -> None:
        # The keys of all these begin with the switch's name, and most are it.
        for key in {key for kind, key, _old, _new in event.changes if kind in _KINDS}:
            self._apply(key)

    def _apply(self, name: str) -> None:
        instance = self._instances.get(name)
        if instance is not None:
            instance.switch.set_tap(self._journal.tap(name))
