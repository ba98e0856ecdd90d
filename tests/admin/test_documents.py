"""The operations on the configuration as a document."""

from __future__ import annotations

import base64
import zlib
from typing import Any

from twisted.internet.defer import Deferred

from iquila.admin.document.writing import write
from iquila.admin.managed import ListenerRow
from iquila.database.records import (
    AuthKind,
    LoginCount,
    ServerMode,
    Switch,
    SwitchKind,
    User,
)
from iquila.database.store import Database, put
from iquila.errors import (
    ConfigurationError,
    Conflict,
    InvalidParameter,
    NotController,
    NotEnoughRights,
    NotSupported,
    VENError,
)

from .rig import ALICE, AUDITOR, OFFICE, ROOT, AdministrationTestCase, StandIn
from .test_document import LISTENERS, RECORDS, site


def sent(document: str) -> str:
    """Return a document as it is sent."""
    return base64.b64encode(document.encode()).decode()


class Ports(StandIn):
    """A server with listeners; some ports are taken."""

    taken = frozenset({6666})

    def __init__(self) -> None:
        super().__init__()
        self.ports = {listener.port: listener.enabled for listener in LISTENERS}

    def listeners(self) -> list[ListenerRow]:
        """Return the listeners, by port."""
        return [ListenerRow(port, self.ports[port], "") for port in sorted(self.ports)]

    async def add_listener(self, port: int, enabled: bool = True) -> None:
        """Listen on one more port."""
        if port in self.taken:
            raise ConfigurationError(f"The port {port} is taken.")
        self.ports[port] = enabled

    async def remove_listener(self, port: int) -> None:
        """Listen on a port no more."""
        del self.ports[port]

    async def enable_listener(self, port: int, enabled: bool) -> None:
        """Open or close a listener."""
        self.ports[port] = enabled


class ConfigurationTests(AdministrationTestCase):
    """Export, plan, apply."""

    def setUp(self) -> None:
        """A server with everything that there can be."""
        self.server = Ports()
        self.store(*RECORDS)

    def export(self, secrets: bool = True) -> str:
        """Return the document."""
        name = "ExportConfigurationWithSecrets" if secrets else "ExportConfiguration"
        return base64.b64decode(self.run_it(name)["Document_bin"]).decode()

    def refused(self, expected: type[VENError] | type[Conflict], **fields: Any) -> str:
        """Return how an application is refused; nothing may change."""
        before, ports = self.server.system.revision, dict(self.server.ports)
        run = self._perform("ApplyConfiguration", fields.pop("caller", ROOT), fields)
        error = self.failureResultOf(Deferred.fromCoroutine(run), expected).value
        self.assertEqual((self.server.system.revision, self.server.ports), (before, ports))
        return str(error)

    def test_export_apply_export(self) -> None:
        """An empty server becomes the same, byte for byte; once more changes nothing."""
        text = self.export()
        self.assertEqual(text, write(site()))
        self.server.system = Database.in_memory("other")
        self.server.ports = {1: True}
        applied = self.run_it("ApplyConfiguration", Document_bin=sent(text))
        self.assertGreater(applied["NumChanges_u32"], len(RECORDS))
        self.assertEqual(self.export(), text)
        self.assertEqual(self.server.system.revision, 1)
        again = self.run_it("ApplyConfiguration", Document_bin=sent(text))
        self.assertEqual((again["NumChanges_u32"], again["DifferenceList"]), (0, []))
        self.assertEqual(self.server.system.revision, 1)

    def test_without_secrets(self) -> None:
        """Hashes stay as they are, and new things have none."""
        self.run_it("ApplyConfiguration", Document_bin=sent(self.export(secrets=False)))
        self.assertEqual(self.export(), write(site()))
        self.assertNotIn("_hash", self.export(secrets=False))

    def test_plan_changes_nothing(self) -> None:
        """It tells what an application then does."""
        revision = self.server.system.revision
        text = self.export().replace("max_sessions = 7", "max_sessions = 8")
        planned = self.run_it("PlanConfiguration", Document_bin=sent(text))
        self.assertEqual(self.server.system.revision, revision)
        self.assertEqual(len(planned["DifferenceList"]), 1)
        applied = self.run_it(
            "ApplyConfiguration", Document_bin=sent(text), Seen_str=planned["Seen_str"]
        )
        self.assertEqual(applied["DifferenceList"], planned["DifferenceList"])
        switch = self.server.system.get(Switch, OFFICE)
        self.assertEqual(switch.max_sessions, 8)

    def test_a_change_after_the_plan(self) -> None:
        """The application of an old plan is refused; a login is no change."""
        text = self.export() + '[switch.Lab.user.zoe]\nlogin = "anonymous"\n'
        seen = self.run_it("PlanConfiguration", Document_bin=sent(text))["Seen_str"]
        self.store(LoginCount(OFFICE, "alice", 1, 1))
        self.run_it("ApplyConfiguration", Document_bin=sent(text), Seen_str=seen)
        self.assertIn("new plan", self.refused(Conflict, Document_bin=sent(text), Seen_str=seen))

    def test_a_change_meanwhile(self) -> None:
        """A record that changes between reading and writing refuses the whole, ports and all."""
        text = write(site()).replace("5555", "7777")
        change = put(User(OFFICE, "dave", AuthKind.PASSWORD))
        original = self.server.add_listener

        async def add(port: int, enabled: bool = True) -> None:
            await original(port, enabled)
            await self.server.system.transact([change])

        self.server.add_listener = add
        compares = self.server.system.transact

        def transact(changes: Any, compare: Any = ()) -> Any:
            if compare:
                entry = self.server.system.unchanged(User, change.key)
                compare = [
                    c if (c.kind, c.key) != (entry.kind, entry.key) else stale for c in compare
                ]
            return compares(changes, compare)

        stale = self.server.system.unchanged(User, change.key)
        self.server.system.transact = transact
        run = self._perform(
            "ApplyConfiguration", ROOT, {"Document_bin": sent(text + "\n[switch.New]")}
        )
        self.failureResultOf(Deferred.fromCoroutine(run), Conflict)
        self.assertEqual(set(self.server.ports), {443, 5555})
        self.assertIsNone(self.server.system.get(Switch, "new"))

    def test_deletion_of_a_switch(self) -> None:
        """It has to be allowed; then nothing of it stays, and with keep everything does."""
        text = "[switch.Lab]"
        self.assertIn("'Office'", self.refused(InvalidParameter, Document_bin=sent(text)))
        self.run_it("ApplyConfiguration", Document_bin=sent(text), Keep_bool=True)
        self.assertEqual(self.export(), write(site()))
        self.run_it("ApplyConfiguration", Document_bin=sent(text), AllowDelete_bool=True)
        left = self.server.system.snapshot().rows
        self.assertEqual([(kind, key) for kind, key, _v, _r in left], [("switch", "lab")])
        self.assertEqual(set(self.server.ports), {443, 5555})

    def test_listeners(self) -> None:
        """New ones open first; one that cannot be opened refuses everything."""
        text = self.export()
        wanted = text.replace("port = 443, enabled = false", "port = 6666")
        self.assertIn("6666", self.refused(InvalidParameter, Document_bin=sent(wanted)))
        wanted = text.replace("{ port = 443, enabled = false }", "{ port = 443 }")
        wanted = wanted.replace("port = 5555", "port = 8080")
        planned = self.run_it("ApplyConfiguration", Document_bin=sent(wanted))
        self.assertEqual(self.server.ports, {443: True, 8080: True})
        self.assertEqual(len(planned["DifferenceList"]), 3)

    def test_kind_cannot_change(self) -> None:
        """As with every other door."""
        self.become(ServerMode.CONTROLLER)
        text = '[switch.Office]\nkind = "dynamic"'
        self.assertIn("cannot be changed", self.refused(NotSupported, Document_bin=sent(text)))

    def test_bad_documents(self) -> None:
        """Nothing changes, and all problems are told."""
        told = self.refused(InvalidParameter, Document_bin=sent("a = 1\nb = 2"))
        self.assertEqual(len(told.splitlines()), 2)

    def test_compressed(self) -> None:
        """A compressed document is the same; one that is not, or not complete, is refused."""
        packed = zlib.compress(self.export().encode())
        given: dict[str, Any] = {
            "Document_bin": base64.b64encode(packed).decode(),
            "Compressed_bool": True,
        }
        self.assertEqual(self.run_it("PlanConfiguration", **given)["NumChanges_u32"], 0)
        given["Document_bin"] = base64.b64encode(packed[:-9]).decode()
        self.assertIn("not complete", self.refused(InvalidParameter, **given))
        given["Document_bin"] = sent(self.export())
        self.assertIn("zlib", self.refused(InvalidParameter, **given))
        plain = base64.b64encode(b"\xff").decode()
        self.assertIn("UTF-8", self.refused(InvalidParameter, Document_bin=plain))

    def test_who(self) -> None:
        """The server's administrator; an auditor may read what has no secrets."""
        text = self.export()
        self.refused(NotEnoughRights, caller=ALICE, Document_bin=sent(text))
        self.refused(NotEnoughRights, caller=AUDITOR, Document_bin=sent(text))
        self.run_it("ExportConfiguration", AUDITOR)
        # A plan would tell whether a guessed secret is right.
        for name in ("ExportConfigurationWithSecrets", "PlanConfiguration"):
            run = self._perform(name, AUDITOR, {})
            self.failureResultOf(Deferred.fromCoroutine(run), NotEnoughRights)

    def test_members_refuse(self) -> None:
        """Error 46."""
        self.become(ServerMode.MEMBER)
        self.refused(NotController, Document_bin=sent(""))
        self.store(Switch("Lab", SwitchKind.STATIC))
        for name in ("ExportConfiguration", "ExportConfigurationWithSecrets", "PlanConfiguration"):
            run = self._perform(name, ROOT, {})
            self.failureResultOf(Deferred.fromCoroutine(run), NotController)
