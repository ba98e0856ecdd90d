"""A server to administer without a network: a database, a mode, and nothing that runs."""

from __future__ import annotations

import json
from typing import Any

from attrs import asdict
from attrs import fields as attributes
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.fields import WIRE
from iquila.admin.jsoncall import JSONCalls
from iquila.admin.jsonform import from_json, to_json
from iquila.admin.operation import Caller, Operation
from iquila.admin.packform import from_pack, to_pack
from iquila.admin.table import OPERATIONS
from iquila.database.belongings import SwitchOptions
from iquila.database.records import LoginCount, Record, ServerMode, ServerSettings, Switch
from iquila.database.records import SwitchKind as Kind
from iquila.database.store import Database, put
from iquila.errors import VENError
from iquila.wire.pack import RPC_LIMITS, Pack

OFFICE = "Office"
ROOT = Caller()
ALICE = Caller(OFFICE, name=OFFICE)
"""The administrator of the switch."""
AUDITOR = Caller(auditor=True, name="auditor")


def as_pack(record: Any) -> Any:
    """Return a record after a journey in the other encoding."""
    return from_pack(type(record), Pack.decode(to_pack(record).encode(), RPC_LIMITS))


class StandIn:
    """A server under administration."""

    host_name = "host"

    def __init__(self) -> None:
        self.settings = ServerSettings("one")
        self.system = Database.in_memory()

    def now(self) -> float:
        """Return monotonic seconds."""
        return 0.0

    def logins(self, switch: str, user: str = "") -> LoginCount:
        """Return that nobody came."""
        return LoginCount(switch, user, 0, 0)

    def servers(self) -> list[Any]:
        """Return that nothing runs."""
        return []

    def switch(self, name: str) -> None:
        """Return that nothing runs."""

    def sessions(self, switch: str) -> list[Any]:
        """Return that nobody is there."""
        return []

    def session(self, switch: str, name: str) -> None:
        """Return that nobody is there."""


class AdministrationTestCase(SynchronousTestCase):
    """One switch, the office, on a server that does nothing."""

    def setUp(self) -> None:
        """Make the switch."""
        self.server: Any = StandIn()
        self.store(Switch(OFFICE, Kind.STANDALONE))

    def store(self, *records: Record) -> None:
        """Write records."""
        self.successResultOf(self.server.system.transact([put(record) for record in records]))

    def become(self, mode: ServerMode, kind: Kind = Kind.STATIC) -> None:
        """Be in another mode, with the office of a type that goes with it."""
        self.server.settings = ServerSettings("one", mode)
        self.store(Switch(OFFICE, kind))

    def options(self, **administrator: int) -> None:
        """Set administrator options."""
        self.store(SwitchOptions(OFFICE, administrator))

    def operation(self, name: str) -> Operation:
        """Return an operation of the table."""
        operation = OPERATIONS.get(name)
        assert operation is not None, name
        return operation

    def parameters(self, name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of a request, for the office where nothing else is said."""
        names = {
            f"{attribute.metadata[WIRE].name}_str"
            for attribute in attributes(self.operation(name).request)
            if attribute.name == "hub_name"
        }
        return dict.fromkeys(names, OFFICE) | fields

    def request(self, name: str, fields: dict[str, Any]) -> Any:
        """Return the request with some fields, for the office where nothing else is said."""
        return from_json(self.operation(name).request, self.parameters(name, fields))

    async def _perform(self, name: str, caller: Caller, fields: dict[str, Any]) -> Any:
        request = self.request(name, fields)
        self.assertEqual(as_pack(request), request)
        reply = await self.operation(name).run(self.server, caller, request)
        self.assertEqual(as_pack(reply), reply)
        return to_json(reply)

    def run_it(self, name: str, caller: Caller = ROOT, **fields: Any) -> Any:
        """Run an operation on the office; return its reply as JSON has it."""
        return self.successResultOf(Deferred.fromCoroutine(self._perform(name, caller, fields)))

    def refusal(self, name: str, caller: Caller = ROOT, **fields: Any) -> VENError:
        """Have an operation refused, and nothing changed; return why."""
        before = self.content()
        done = Deferred.fromCoroutine(self._perform(name, caller, fields))
        error = self.failureResultOf(done, VENError).value
        self.assertEqual(self.content(), before)
        assert isinstance(error, VENError)
        return error

    def content(self) -> list[Any]:
        """Return all that the database has."""
        return sorted(row[:3] for row in self.server.system.snapshot().rows)

    def call(self, name: str, caller: Caller = ROOT, **fields: Any) -> dict[str, Any]:
        """Call an operation on the office through JSON; return the whole answer."""
        question = {
            "jsonrpc": "2.0",
            "id": "1",
            "method": name,
            "params": self.parameters(name, fields),
        }
        answer = JSONCalls(self.server).call(caller, json.dumps(question).encode())
        found: dict[str, Any] = self.successResultOf(Deferred.fromCoroutine(answer))
        return found

    def stored(self, cls: type[Record]) -> list[dict[str, Any]]:
        """Return the records of one type."""
        return [asdict(record) for record in self.server.system.all(cls)]
