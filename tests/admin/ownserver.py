"""A server without a network, for tests of operations: it keeps what it is told."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from attrs import define, evolve, field

from iquila.admin.managed import ConnectionRow, ListenerRow, ServerRow
from iquila.admin.operation import Caller
from iquila.admin.table import OPERATIONS
from iquila.database.records import KeepAlive, ServerMode, ServerSettings
from iquila.database.store import Database
from iquila.errors import ListenerExists, ListenerNotFound
from iquila.session.certificate import Identity, make_identity

IDENTITY = make_identity("host")
SETTINGS = ServerSettings("id", password_hash=b"h" * 20)


@define
class OwnServer:
    """What operations on a server itself need of it."""

    settings: ServerSettings = SETTINGS
    system: Database = field(factory=Database.in_memory)
    host_name: str = "host"
    started: int = 1
    identity: Identity = IDENTITY
    keep_alive: KeepAlive = field(factory=KeepAlive)
    restarts: int = 0
    ports: dict[int, ListenerRow] = field(factory=dict)
    rows: list[ConnectionRow] = field(factory=list)
    cluster: list[ServerRow] = field(factory=list)

    def now(self) -> float:
        return 1.0

    async def reconfigure(self, settings: ServerSettings) -> None:
        self.settings = settings

    async def change_identity(self, identity: Identity) -> None:
        self.identity = identity

    async def change_ciphers(self, ciphers: str) -> None:
        self.settings = evolve(self.settings, ciphers=ciphers)

    async def change_limits(self, max_sessions: int) -> None:
        self.settings = evolve(self.settings, max_sessions=max_sessions)

    async def change_keep_alive(self, settings: KeepAlive) -> None:
        self.keep_alive = settings

    def restart_soon(self) -> None:
        self.restarts += 1

    def connections(self) -> list[ConnectionRow]:
        return self.rows

    def disconnect(self, name: str) -> bool:
        before = len(self.rows)
        self.rows = [row for row in self.rows if row.name != name]
        return len(self.rows) < before

    def servers(self) -> list[ServerRow]:
        return self.cluster

    def listeners(self) -> list[ListenerRow]:
        return [self.ports[port] for port in sorted(self.ports)]

    async def add_listener(self, port: int, enabled: bool = True) -> None:
        if port in self.ports:
            raise ListenerExists
        self.ports[port] = ListenerRow(port, enabled, "")

    async def remove_listener(self, port: int) -> None:
        if self.ports.pop(port, None) is None:
            raise ListenerNotFound

    async def enable_listener(self, port: int, enabled: bool) -> None:
        if port not in self.ports:
            raise ListenerNotFound
        self.ports[port] = ListenerRow(port, enabled, "")

    # -- for tests

    def become(self, mode: ServerMode) -> None:
        """Be in another mode."""
        self.settings = evolve(self.settings, mode=mode)

    def run(self, name: str, caller: Caller | None = None, /, **fields: Any) -> Any:
        """Run an operation whose request has these fields; it waits for nothing here."""
        operation = OPERATIONS.get(name)
        assert operation is not None, name
        request = operation.request(**fields)
        run: Coroutine[Any, Any, Any] = operation.run(self, caller or Caller(), request)  # type: ignore[arg-type]
        try:
            run.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError(f"{name} waits for something")
