"""Logs and audit of running servers: what is told of clients and administrators, and read again."""

from __future__ import annotations

import base64
import json
from ipaddress import IPv4Address
from typing import Any

from twisted.internet.threads import deferToThread

from iquila.command.connection import Connection, ConnectionProblem
from iquila.database.belongings import SwitchOptions
from iquila.database.store import put
from iquila.errors import AccessDenied, OldPasswordWrong, VENError
from iquila.service.recording import RecordingGate
from iquila.service.server import Server
from iquila.session.gate import Peer
from iquila.session.negotiation import Negotiation
from iquila.wire.passwords import secure_password, user_hash
from iquila.wire.request import PasswordChange
from tests.service.test_embedding import ADDRESS, PASSWORD, EmbeddedTestCase


class LogTestCase(EmbeddedTestCase):
    """Reads logs through the administration."""

    async def files(self, server: Server) -> dict[tuple[str, str], int]:
        """Return the sizes of the log files, by server and folder."""
        listed = await self.call(server, "EnumLogFile")
        return {
            (file["ServerName_str"], file["FilePath_str"].rpartition("/")[0]): file["FileSize_u32"]
            for file in listed["LogFiles"]
        }

    async def events(self, server: Server, folder: str, host: str = "") -> list[dict[str, Any]]:
        """Return what a log says; nothing where there is no such log."""
        listed = await self.call(server, "EnumLogFile")
        text = b""
        for file in listed["LogFiles"]:
            if file["FilePath_str"].rpartition("/")[0] != folder:
                continue
            if host and file["ServerName_str"] != host:
                continue
            while True:
                part = await self.call(
                    server,
                    "ReadLogFile",
                    ServerName_str=file["ServerName_str"],
                    FilePath_str=file["FilePath_str"],
                    Offset_u32=len(text),
                )
                piece = base64.b64decode(part["Buffer_bin"])
                if not piece:
                    break
                text += piece
        return [json.loads(line) for line in text.splitlines()]

    async def as_switch(self, server: Server, switch: str, method: str, **parameters: Any) -> Any:
        """Run an operation as a switch's administrator; return the answer or the number."""
        connection = Connection(ADDRESS, server.core.ports()[0], "switch", None, switch)
        try:
            return await deferToThread(connection.call, method, parameters)
        except VENError as error:
            return int(error.code)


class StandaloneLogTests(LogTestCase):
    """One server."""

    async def test_clients(self) -> None:
        """Logins, refusals, sessions with what went through them."""
        server = await self.server()
        await self.switch(server, "Lab", 0)
        one, other = self.station(server, "lab"), self.station(server, "lab")
        await self.flows(one, other)
        wrong = self.station(server, "lab", password="geheim-99")
        await self.until(lambda: wrong.client.last_refusal)
        nowhere = self.station(server, "nowhere")
        await self.until(lambda: nowhere.client.last_refusal)
        await one.client.stopService()
        await self.until(lambda: len(server.core.sessions) == 1)
        told = await self.events(server, "security/lab")
        kinds = [event["event"] for event in told]
        self.assertEqual(kinds.count("login-accepted"), 2)
        self.assertEqual(kinds.count("session-started"), 2)
        refused = next(event for event in told if event["event"] == "login-refused")
        self.assertEqual(
            (refused["user"], refused["address"], refused["code"]), ("alice", ADDRESS, 9)
        )
        (ended,) = [event for event in told if event["event"] == "session-ended"]
        self.assertGreater(ended["received_frames"], 4)
        self.assertGreater(ended["sent_bytes"], 100)
        self.assertIn(
            "nowhere",
            [e.get("switch") for e in await self.events(server, "server")],
        )
        self.assertNotIn("geheim", json.dumps(told))

    async def test_administrators(self) -> None:
        """Logins, refusals, what they did and what they may not; starts and roles."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        await self.as_switch(server, "lab", "SetHubOnline", HubName_str="lab", Online_bool=True)
        self.assertEqual(await self.as_switch(server, "lab", "CreateHub", HubName_str="x"), 52)
        connection = Connection(ADDRESS, server.core.ports()[0], "guess", None)
        await self.assertFailure(
            deferToThread(connection.call, "EnumHub", {}), ConnectionProblem, AccessDenied
        )
        events = await self.events(server, "server")
        kinds = [event["event"] for event in events]
        self.assertEqual(kinds[0], "server-started")
        for kind in ("administrator-login", "administrator-refused", "operation-refused"):
            self.assertIn(kind, kinds)
        texts = [event.get("text", "") for event in events]
        self.assertTrue(any("is a standalone server" in text for text in texts))
        created = next(event for event in events if event["event"] == "operation")
        self.assertEqual(
            (created["actor"], created["address"], created["door"], created["operation"]),
            ("administrator", ADDRESS, "json-rpc", "CreateHub"),
        )
        self.assertEqual(created["name"], "lab")
        told = await self.events(server, "security/lab")
        self.assertEqual({event["actor"] for event in told}, {"administrator", "administrator@lab"})

    async def test_who_may_read(self) -> None:
        """A switch's administrator reads that switch's files, unless an option takes it away."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        await self.switch(server, "office", 0)
        await self.files(server)
        listed = await self.as_switch(server, "lab", "EnumLogFile")
        paths = [file["FilePath_str"] for file in listed["LogFiles"]]
        self.assertEqual([path.rpartition("/")[0] for path in paths], ["security/lab"])
        name = paths[0].rpartition("/")[2]
        read = await self.as_switch(server, "LAB", "ReadLogFile", FilePath_str=paths[0])
        self.assertGreater(len(read["Buffer_bin"]), 0)
        for path, code in (
            (f"security/office/{name}", 52),
            (f"server/{name}", 52),
            ("../admin-password", 29),
            (f"security/lab/../office/{name}", 29),
            ("security/lab/20200101.jsonl", 29),
        ):
            answer = await self.as_switch(server, "lab", "ReadLogFile", FilePath_str=path)
            self.assertEqual(answer, code, path)
        self.assertEqual(await self.refused(server, "ReadLogFile", FilePath_str="key.pem"), 29)

    async def test_what_options_take(self) -> None:
        """From a switch's administrator: reading, the cycle, all settings of its logs."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        settings = await self.as_switch(server, "lab", "GetHubLog", HubName_str="lab")
        cycle = {**settings, "PacketLogSwitchType_u32": 3}
        save = {**settings, "SavePacketLog_bool": True}
        reading: tuple[str, dict[str, Any]] = ("EnumLogFile", {})
        part = "ReadLogFile", {"FilePath_str": "security/lab/all.jsonl"}
        for option, tries in (
            ("no_read_log_file", ((*reading, True), (*part, True), ("SetHubLog", save, False))),
            (
                "no_change_log_switch_type",
                (("SetHubLog", cycle, True), ("SetHubLog", save, False), (*reading, False)),
            ),
            ("no_change_log_config", (("SetHubLog", save, True), (*reading, False))),
        ):
            assert server.role is not None
            record = SwitchOptions("lab", administrator={option: 1})
            await server.role.system.transact([put(record)])
            for method, parameters, denied in tries:
                answer = await self.as_switch(server, "lab", method, **parameters)
                self.assertEqual(answer == 52, denied, f"{option}: {method}")
            await self.call(server, "SetHubLog", **settings)

    async def test_settings(self) -> None:
        """Are kept, checked, and hold at once; syslog too."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        settings = await self.call(server, "GetHubLog", HubName_str="lab")
        self.assertEqual(settings["PacketLogConfig_u32"], [1, 0, 1] + [0] * 13)
        self.assertFalse(settings["SavePacketLog_bool"])
        for wrong in (
            {"SecurityLogSwitchType_u32": 6},
            {"PacketLogConfig_u32": [3]},
            {"PacketLogConfig_u32": [1] * 17},
        ):
            self.assertEqual(await self.refused(server, "SetHubLog", **{**settings, **wrong}), 38)
        await self.call(server, "SetHubLog", **{**settings, "SaveSecurityLog_bool": False})
        before = len(await self.events(server, "security/lab"))
        await self.call(server, "SetHubOnline", HubName_str="lab", Online_bool=True)
        self.assertEqual(len(await self.events(server, "security/lab")), before)
        wanted = {"SaveType_u32": 2, "Hostname_str": ADDRESS, "Port_u32": 5514}
        await self.call(server, "SetSysLog", **wanted)
        self.assertEqual(await self.call(server, "GetSysLog"), wanted)
        self.assertEqual(
            await self.refused(server, "SetSysLog", SaveType_u32=1, Hostname_str=" "), 38
        )
        self.assertEqual(await self.refused(server, "SetSysLog", SaveType_u32=4), 38)
        await self.call(server, "SetSysLog", SaveType_u32=0)

    async def test_packets(self) -> None:
        """Only while the packet log is on; the switch is as it was afterwards."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        one, other = self.station(server, "lab"), self.station(server, "lab")
        await self.flows(one, other)
        self.assertEqual(await self.events(server, "packet/lab"), [])
        settings = await self.call(server, "GetHubLog", HubName_str="lab")
        wanted = {"SavePacketLog_bool": True, "PacketLogConfig_u32": [0, 0, 0, 0, 2, 0, 1]}
        await self.call(server, "SetHubLog", **{**settings, **wanted})
        await self.flows(one, other)
        told = await self.events(server, "packet/lab")
        self.assertEqual({event["event"] for event in told}, {"icmp"})
        self.assertEqual({event["source"] for event in told}, {"10.9.0.1", "10.9.0.2"})
        await self.call(server, "SetHubLog", **settings)
        role = server.role
        assert role is not None
        instance = role.instances.get("lab")
        assert instance is not None
        self.assertNotIn("receive", vars(instance.switch))
        count = len(await self.events(server, "packet/lab"))
        await self.flows(one, other)
        self.assertEqual(len(await self.events(server, "packet/lab")), count)

    async def test_audit(self) -> None:
        """Of both databases: who did what, after a change of settings too."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        await self.as_switch(server, "lab", "DeleteUser", HubName_str="lab", Name_str="alice")
        await self.call(server, "SetServerPassword", PlainTextPassword_str=PASSWORD + "2")
        connection = Connection(ADDRESS, server.core.ports()[0], PASSWORD + "2", None)
        page = await deferToThread(connection.call, "EnumAudit", {})
        self.assertEqual(
            [(e["Operation_str"], e["Actor_utf"], e["Address_str"]) for e in page["AuditList"]],
            [
                ("CreateHub", "administrator", ADDRESS),
                ("CreateUser", "administrator", ADDRESS),
                ("DeleteUser", "administrator@lab", ADDRESS),
            ],
        )
        page = await deferToThread(connection.call, "EnumAudit", {"Database_str": "server"})
        started, entry = page["AuditList"]
        self.assertEqual(
            (started["Actor_utf"], started["Operation_str"], started["Kind_str"]),
            ("command line", "start", "listener"),
        )
        self.assertEqual(entry["Operation_str"], "SetServerPassword")
        self.assertEqual(
            (entry["Before_utf"], entry["After_utf"]), ('{"password_hash": "(secret)"}',) * 2
        )
        verdicts = await deferToThread(connection.call, "VerifyAudit", {})
        self.assertEqual([v["Good_bool"] for v in verdicts["VerdictList"]], [True, True])

    async def test_a_users_own_change(self) -> None:
        """A new password is in the audit and in the log of the switch; so is a refusal there."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        challenge = b"c" * 20
        old = secure_password(user_hash("secret", "alice"), challenge)
        new = user_hash("better", "alice")
        peer = Peer(IPv4Address("192.0.2.5"), 1234, 5555)
        gate = RecordingGate(lambda: server.core.role, server.core.journal)
        negotiation = Negotiation(gate, lambda: peer)
        negotiation._challenge = challenge
        await negotiation._dispatch(PasswordChange("lab", "alice", old, new))
        with self.assertRaises(OldPasswordWrong):
            await negotiation._dispatch(PasswordChange("lab", "alice", old, new))
        page = await self.call(server, "EnumAudit", Kind_str="user", Actor_str="alice@lab")
        (entry,) = page["AuditList"]
        self.assertEqual(
            (entry["Door_str"], entry["Address_str"], entry["Operation_str"]),
            ("ven", "192.0.2.5", "ChangePassword"),
        )
        told = await self.events(server, "security/lab")
        self.assertEqual(
            [(e["event"], e["address"]) for e in told[-2:]],
            [("password-changed", "192.0.2.5"), ("password-change-refused", "192.0.2.5")],
        )


class ClusterLogTests(LogTestCase):
    """Files of all servers, through the controller."""

    async def test_over_the_cluster(self) -> None:
        """The member's log of its sessions is listed and read at the controller."""
        controller = await self.cluster(2)
        await self.switch(controller, "lab", 2)
        one, other = self.station(controller, "lab"), self.station(controller, "lab")
        await self.flows(one, other)
        logs = await self.files(controller)
        (host,) = {h for h, folder in logs if folder == "security/lab"} - {"host0"}
        self.assertEqual(
            {h for h, folder in logs if folder == "server"}, {"host0", "host1", "host2"}
        )
        told = await self.events(controller, "security/lab", host)
        self.assertEqual([e["event"] for e in told].count("session-started"), 2)
        here = await self.events(controller, "security/lab", "host0")
        self.assertIn("redirected_to", json.dumps(here))
        texts = [e.get("text", "") for e in await self.events(controller, "server", "host0")]
        self.assertTrue(any("has joined" in text for text in texts))
        self.assertEqual(
            await self.refused(
                controller, "ReadLogFile", ServerName_str="nobody", FilePath_str="server/all.jsonl"
            ),
            29,
        )
        member = self.servers[1]
        self.assertEqual(
            {e["Good_bool"] for e in (await self.call(member, "VerifyAudit"))["VerdictList"]},
            {True},
        )
        (page,) = (await self.call(member, "EnumAudit"),)
        self.assertEqual(page["AuditList"], [])
