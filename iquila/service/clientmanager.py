"""
The managed VEN client: any number of connection settings and adapters, kept in a directory.

Administered on a socket in that directory (:mod:`iquila.admin.client`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from attrs import evolve
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from iquila.admin.client.adapters import device_name
from iquila.admin.client.managed import AccountStatus, ClientSettings
from iquila.database.client import AccountRecord, AdapterRecord
from iquila.database.store import Database, RevisionEvent, put
from iquila.device.link import bring_up, set_address
from iquila.device.tap import TAPDevice
from iquila.errors import (
    AccountActive,
    AccountInactive,
    AdapterDisabled,
    AdapterFailed,
    AdapterMissing,
    AdapterTaken,
    ConfigurationError,
    Conflict,
    IquilaError,
)
from iquila.service.accountclient import AccountClient
from iquila.service.client import ignore

MAX_PATH = 107
"""Bytes of the path of a UNIX socket, unix(7)."""
IDLE_SECONDS = 60


def make_device(reactor: Any, name: str) -> TAPDevice:
    """
    Return a TAP device that is read from.

    :raises ConfigurationError: it cannot be had.
    """
    device = TAPDevice(reactor, name, ignore, super_frames=True)
    device.start()
    return device


def set_up(name: str, mac: bytes) -> None:
    """
    Give a device its MAC address and bring it up.

    :raises OSError: it cannot be.
    """
    set_address(name, mac)
    bring_up(name)


class Client(MultiService):
    """
    The managed client (:class:`iquila.admin.client.managed.ManagedClient`).

    :param system: its database; closed when the service stops.
    :param devices: makes a network device of a name; for tests.
    :param set_up: gives it its MAC address and brings it up; for tests.
    """

    _log: ClassVar[Logger] = Logger()
    settings = ClientSettings()

    def __init__(
        self,
        reactor: Any,
        system: Database,
        devices: Callable[[Any, str], TAPDevice] = make_device,
        set_up: Callable[[str, bytes], None] = set_up,
    ) -> None:
        super().__init__()
        self.system = system
        self._reactor = reactor
        self._devices = devices
        self._set_up = set_up
        self._adapters: dict[str, TAPDevice] = {}
        self._clients: dict[str, AccountClient] = {}
        self._refusals: dict[str, str] = {}
        """Why connection settings were given up; of those only that still exist."""
        system.watch(self._forget)

    def startService(self) -> None:
        """Make the adapters, and connect what is marked for it."""
        super().startService()
        for adapter in self.system.all(AdapterRecord):
            if adapter.enabled:
                try:
                    self.open_adapter(adapter)
                except AdapterFailed as error:
                    self._log.error("{error}", error=error)
        for record in self.system.all(AccountRecord):
            if record.startup:
                try:
                    self._connect(record)
                except IquilaError as error:
                    self._refusals[record.key] = str(error)
                    self._log.error("{name}: {error}", name=record.name, error=error)

    async def _stop(self) -> None:
        for client in list(self._clients.values()):
            await self._leave(client)
        for name in list(self._adapters):
            self.close_adapter(name)
        await MultiService.stopService(self)
        await self.system.close()

    def stopService(self) -> Deferred[None]:
        """End every session, and let the devices go."""
        return Deferred.fromCoroutine(self._stop())

    def _forget(self, event: RevisionEvent) -> None:
        for kind, key, _old, new in event.changes:
            if kind == AccountRecord.kind_name and new is None:
                self._refusals.pop(key, None)

    # -- connection settings

    def status(self, account: str) -> AccountStatus | None:
        """Return the state of a connection setting that is in use."""
        client = self._clients.get(account.lower())
        return None if client is None else client.status()

    def last_refusal(self, account: str) -> str:
        """Return why a connection setting was given up."""
        return self._refusals.get(account.lower(), "")

    async def connect(self, record: AccountRecord) -> None:
        """Begin to connect."""
        self._connect(record)
        connected = evolve(record, last_connected=int(time.time() * 1000))
        compare = self.system.unchanged(AccountRecord, record.name)
        # Whoever changes the setting at this very moment has the last word.
        with suppress(Conflict):
            await self.system.transact([put(connected)], [compare])

    def _connect(self, record: AccountRecord) -> None:
        if record.key in self._clients:
            raise AccountActive
        adapter = self.system.get(AdapterRecord, record.adapter)
        if adapter is None:
            raise AdapterMissing
        if not adapter.enabled:
            raise AdapterDisabled
        if self.user_of(adapter.name):
            raise AdapterTaken
        if adapter.key not in self._adapters:
            self.open_adapter(adapter)
        self._refusals.pop(record.key, None)
        client = AccountClient(self._reactor, record, self._adapters[adapter.key], self._gave_up)
        self._clients[record.key] = client
        client.setServiceParent(self)

    def _gave_up(self, client: AccountClient, error: IquilaError) -> None:
        self._log.warn("{name} is given up: {error}", name=client.record.name, error=error)
        self._refusals[client.record.key] = str(error)
        left = Deferred.fromCoroutine(self._leave(client))
        left.addErrback(lambda f: self._log.failure("A session could not be ended", f))

    async def disconnect(self, account: str) -> None:
        """End the session, and try no more."""
        client = self._clients.get(account.lower())
        if client is None:
            raise AccountInactive
        await self._leave(client)

    async def _leave(self, client: AccountClient) -> None:
        # Its adapter is taken until all of this has ended.
        if client.parent is None:
            return
        await client.disownServiceParent()
        self._clients.pop(client.record.key, None)

    # -- adapters

    def user_of(self, adapter: str) -> str:
        """Return which connection setting uses an adapter."""
        names = (c.record for c in self._clients.values())
        return next((r.name for r in names if r.adapter.lower() == adapter.lower()), "")

    def open_adapter(self, record: AdapterRecord) -> None:
        """Make the network device of an adapter, and give it its MAC address."""
        name = device_name(record.name)
        device = self._adapters.get(record.key)
        try:
            made = device or self._devices(self._reactor, name)
        except ConfigurationError as error:
            raise AdapterFailed(str(error)) from error
        try:
            self._set_up(name, record.mac)
        except OSError as error:
            if device is None:
                made.close()
            raise AdapterFailed(
                f"The network device {name} does not take its MAC address ({error.strerror})."
            ) from error
        self._adapters[record.key] = made

    def close_adapter(self, name: str) -> None:
        """Remove the network device of an adapter."""
        device = self._adapters.pop(name.lower(), None)
        if device is not None:
            device.close()
