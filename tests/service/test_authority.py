"""Who may do what: generated from the operations table, tried on a real server in the reactor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from attrs import fields

from iquila.admin.fields import WIRE
from iquila.admin.jsoncall import JSONCalls
from iquila.admin.operation import Caller, Effect, Operation, Who
from iquila.admin.table import OPERATIONS
from iquila.database.records import ServerMode
from iquila.service.managed import Managed
from iquila.service.server import Server
from tests.service.test_embedding import EmbeddedTestCase

NOT_ENOUGH_RIGHTS = 52
HARMFUL = {"DeleteHub", "SetHubOnline", "SetHub"}
"""What would take the ground from under the operations that follow: tried last."""


def operations() -> Iterator[Operation]:
    """Return all operations, those that do lasting harm last."""
    yield from sorted(OPERATIONS, key=lambda operation: operation.name in HARMFUL)


def hub_parameter(name: str) -> str:
    """Return the parameter by which an operation is told the switch; a few have another."""
    operation = OPERATIONS.get(name)
    assert operation is not None
    for attribute in fields(operation.request):
        if attribute.name == "hub_name":
            return f"{attribute.metadata[WIRE].name}_str"
    return "HubName_str"


class AuthorityTests(EmbeddedTestCase):
    """Each operation of the table by each kind of administrator."""

    async def code(self, server: Server, caller: Caller, name: str, hub: str = "") -> int:
        """Return the number of the error of a call, 0 for none."""
        parameters = {hub_parameter(name): hub} if hub else {}
        question = {"jsonrpc": "2.0", "id": "1", "method": name, "params": parameters}
        answer: Any = await JSONCalls(Managed(server)).call(caller, json.dumps(question).encode())
        return int(answer["error"]["code"]) if "error" in answer else 0

    async def ground(self, **settings: Any) -> Server:
        """Return a server with two switches."""
        server = await self.server(**settings)
        kind = 0 if server.core.settings.mode is ServerMode.STANDALONE else 1
        for name in ("own", "other"):
            parameters = {"HubName_str": name, "HubType_u32": kind, "Online_bool": True}
            question = {
                "jsonrpc": "2.0",
                "id": "1",
                "method": "CreateHub",
                "params": parameters,
            }
            calls = JSONCalls(Managed(server))
            answer = await calls.call(Caller(), json.dumps(question).encode())
            self.assertIn("result", answer)
        return server

    async def check(self, server: Server) -> None:
        """Try everything as the administrator of the switch `own`, and as an auditor."""
        own, auditor = Caller("own"), Caller(auditor=True)
        for operation in operations():
            takes_hub = any(a.name == "hub_name" for a in operation.request.__attrs_attrs__)
            name, switch = operation.name, operation.who is Who.SWITCH
            # No option is set: what one allows is refused, what one withholds is granted.
            granted = (switch or operation.who is Who.ANY) and not operation.allowed_by
            hub = "own" if takes_hub else ""
            refused = await self.code(server, own, name, hub) == NOT_ENOUGH_RIGHTS
            self.assertEqual(refused, not granted, f"{name} as administrator of the switch")
            if switch:
                self.assertTrue(takes_hub, f"{name} cannot say on which switch")
                foreign = await self.code(server, own, name, "other")
                self.assertEqual(foreign, NOT_ENOUGH_RIGHTS, f"{name} on another switch")
                unnamed = await self.code(server, own, name)
                self.assertEqual(unnamed, NOT_ENOUGH_RIGHTS, f"{name} without a switch")
            reads = operation.effect is Effect.READ
            refused = await self.code(server, auditor, name, hub) == NOT_ENOUGH_RIGHTS
            self.assertEqual(refused, not reads, f"{name} as auditor")

    async def test_standalone(self) -> None:
        """On a standalone server."""
        await self.check(await self.ground())

    async def test_controller(self) -> None:
        """On a controller, for the whole cluster."""
        await self.check(await self.ground(mode=ServerMode.CONTROLLER))

    async def test_an_auditor_changes_nothing(self) -> None:
        """Not one revision, whatever is called."""
        server = await self.ground()
        before = server.core.system.revision, server.core.local.revision
        for operation in operations():
            await self.code(server, Caller(auditor=True), operation.name, "own")
        self.assertEqual((server.core.system.revision, server.core.local.revision), before)
