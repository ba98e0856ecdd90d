"""The operations on the audit, through :meth:`Operation.run`, on a database on disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from iquila.admin.jsonform import from_json, to_json
from iquila.admin.operation import Caller
from iquila.admin.table import OPERATIONS
from iquila.database.records import (
    LoginCount,
    ServerMode,
    ServerSettings,
    Switch,
    SwitchKind,
)
from iquila.database.sqlite import SQLiteEngine
from iquila.database.store import Database, put
from iquila.errors import InvalidParameter, NotEnoughRights
from iquila.journal.journal import Journal

BOSS = Caller(address="10.0.0.9", door="json-rpc")


class Managed:
    """What these operations need of a server."""

    def __init__(self, system: Database) -> None:
        self.system = system
        self.local = Database.in_memory()
        self.settings = ServerSettings("1", ServerMode.CONTROLLER)
        self.journal = Journal()

    def logins(self, switch: str, user: str = "") -> LoginCount:
        return LoginCount(switch, user, 0, 0)


class AuditTests(TestCase):
    """Reading and verifying."""

    timeout = 120.0

    async def setUp(self) -> None:  # type: ignore[override]
        """A database on disk, with a switch."""
        self.file = Path(self.mktemp())
        self.open()
        await self.server.system.transact([put(Switch("lab", SwitchKind.STATIC))])

    def open(self) -> None:
        """Open the database."""
        self.server = Managed(Database.open(SQLiteEngine(self.file), reactor))

    async def tearDown(self) -> None:  # type: ignore[override]
        """Close it."""
        await self.server.system.close()

    async def call(self, method: str, caller: Caller = BOSS, **parameters: Any) -> dict[str, Any]:
        """Run an operation."""
        operation = OPERATIONS.get(method)
        assert operation is not None
        request = from_json(operation.request, parameters)
        server: Any = self.server
        return to_json(await operation.run(server, caller, request))

    async def users(self, count: int, offset: int = 0, caller: Caller = BOSS) -> None:
        """Create users, as many at once as a busy server has."""
        for start in range(offset, offset + count, 500):
            made = [
                Deferred.fromCoroutine(
                    self.call("CreateUser", caller, HubName_str="lab", Name_str=f"u{number}")
                )
                for number in range(start, min(start + 500, offset + count))
            ]
            await gatherResults(made)

    async def test_ten_thousand_changes(self) -> None:
        """One edited row is named; before, everything is well."""
        await self.users(10_000)
        answer = await self.call("VerifyAudit")
        self.assertEqual([v["Good_bool"] for v in answer["VerdictList"]], [True, True])
        self.assertEqual(answer["VerdictList"][0]["Entries_u64"], 10_000)
        await self.server.system.close()
        with closing(sqlite3.connect(self.file)) as connection:
            connection.execute(
                "update audit set entry = replace(entry, '.0.9', '.0.8') where number = 7531"
            )
            connection.commit()
        self.open()
        system, local = (await self.call("VerifyAudit"))["VerdictList"]
        self.assertEqual((system["Good_bool"], system["Bad_u64"]), (False, 7531))
        self.assertIn("7531", system["Problem_utf"])
        self.assertTrue(local["Good_bool"])

    async def test_pages(self) -> None:
        """Every entry once, in order; filtered too."""
        await self.users(25)
        await self.users(5, 25, Caller("lab", name="administrator@lab"))
        seen: list[int] = []
        after, calls = 0, 0
        while True:
            page = await self.call("EnumAudit", After_u64=after, Limit_u32=7)
            seen += [entry["Number_u64"] for entry in page["AuditList"]]
            after, calls = page["Next_u64"], calls + 1
            if not after:
                break
        self.assertEqual((seen, calls), (list(range(1, 31)), 5))
        page = await self.call("EnumAudit", Actor_str="administrator@LAB")
        self.assertEqual([e["Number_u64"] for e in page["AuditList"]], [26, 27, 28, 29, 30])
        self.assertEqual((page["Next_u64"], page["Last_u64"]), (0, 30))
        (entry,) = (await self.call("EnumAudit", After_u64=29))["AuditList"]
        self.assertEqual(
            (entry["Operation_str"], entry["Kind_str"], entry["Key_utf"], entry["Before_utf"]),
            ("CreateUser", "user", "lab/u29", "null"),
        )

    async def test_secrets(self) -> None:
        """A password that is set leaves no trace but that it was."""
        await self.call(
            "CreateUser", HubName_str="lab", Name_str="eve", AuthType_u32=1, Auth_Password_str="pw"
        )
        (entry,) = (await self.call("EnumAudit"))["AuditList"]
        self.assertIn('"password_hash": "(secret)"', entry["After_utf"])
        hashed = (await self.call("GetUser", HubName_str="lab", Name_str="eve"))["HashedKey_bin"]
        self.assertNotIn(hashed, str(entry))

    async def test_expected(self) -> None:
        """A digest that was noted is found, another one is missed, nonsense is refused."""
        await self.users(3)
        head = (await self.call("EnumAudit"))["Head_str"]
        await self.users(3, 3)
        for digest, good in ((head, True), ("ab" * 32, False)):
            answer = await self.call("VerifyAudit", Database_str="system", Expect_str=digest)
            self.assertEqual(answer["VerdictList"][0]["Good_bool"], good)
        for parameters in (
            {"Database_str": "system", "Expect_str": "xyz"},
            {"Expect_str": "ab" * 32},
            {"Database_str": "other"},
        ):
            refused = self.call("VerifyAudit", BOSS, **parameters)
            await self.assertFailure(Deferred.fromCoroutine(refused), InvalidParameter)

    async def test_who_may(self) -> None:
        """The server's administrator and an auditor; no administrator of a switch."""
        await self.call("EnumAudit", Caller(auditor=True, name="auditor"))
        for method in ("EnumAudit", "VerifyAudit"):
            refused = self.call(method, Caller("lab"), HubName_str="lab")
            await self.assertFailure(Deferred.fromCoroutine(refused), NotEnoughRights)
