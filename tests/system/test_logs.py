"""Logs and audit over a cluster of real processes: read at the controller, sent, tampered with."""

from __future__ import annotations

import base64
import json
import signal
import sqlite3
import sys
from contextlib import closing
from typing import Any

from .case import NetworkTestCase
from .cluster import PASSWORD, PORT, Client, Cluster, Server
from .network import Host
from .processes import CommandFailed, eventually
from .requirements import need_softether, need_tap
from .softether import Administrator

_COLLECT = """
import socket
collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
collector.bind(("0.0.0.0", 514))
print("ready", flush=True)
while True:
    print(collector.recv(65536).decode(), flush=True)
"""


class ClusterLogTests(NetworkTestCase):
    """A controller, two members, a client, a syslog collector."""

    timeout = 300

    def setUp(self) -> None:
        """Skip where there are no TAP devices."""
        need_tap()
        self.network = self.make_network()
        self.cluster = Cluster(self.network)
        self.cluster.start()
        self.cluster.add_switch("campus", dynamic=False, users=("carol",))

    def events(self, folder: str, server: str) -> list[dict[str, Any]]:
        """Return what a log on some server says, read through the controller."""
        found = []
        call = self.cluster.controller.call
        for file in call("EnumLogFile")["LogFiles"]:
            path = file["FilePath_str"]
            if path.rpartition("/")[0] == folder and file["ServerName_str"] == server:
                part = call("ReadLogFile", ServerName_str=server, FilePath_str=path)
                content = base64.b64decode(part["Buffer_bin"])
                found += [json.loads(line) for line in content.splitlines()]
        return found

    def iquila(self, host: Host, *words: str) -> str:
        """Run the command on a host."""
        password = host.scratch / "password"
        password.write_text(PASSWORD + "\n")
        program = [sys.executable, "-m", "iquila.command", f"localhost:{PORT}", "--insecure"]
        return host.run([*program, f"--password-file={password}", *words])

    def test_over_the_cluster(self) -> None:
        """A session's life is in its member's log; syslog has it too; the controller has all."""
        collector = self.network.add("collector", 50)
        output = collector.start("collector", [sys.executable, "-c", _COLLECT])
        eventually(lambda: "ready" in output.log.read_text(), "the collector")
        controller = self.cluster.controller
        controller.call("SetSysLog", SaveType_u32=2, Hostname_str=collector.address, Port_u32=514)

        client = Client(self.network.add("c1", 101))
        client.start(f"{controller.host.address}:{PORT}", "campus", "carol")
        eventually(lambda: self.cluster.where("campus"), "the session", timeout=30.0)
        (member,) = self.cluster.where("campus").values()
        stranger = Client(self.network.add("c2", 102))
        stranger.start(f"{controller.host.address}:{PORT}", "campus", "mallory")

        def refused() -> list[dict[str, Any]]:
            told = self.events("security/campus", "controller")
            return [event for event in told if event["event"] == "login-refused"]

        eventually(refused, "the refusal in the log", timeout=30.0)
        self.assertEqual(
            (refused()[0]["user"], refused()[0]["address"]), ("mallory", "10.77.0.102")
        )
        started = [
            e for e in self.events("security/campus", member) if e["event"] == "session-started"
        ]
        self.assertEqual([event["user"] for event in started], ["carol"])
        assert client.process is not None
        client.process.terminate()

        def ended() -> list[dict[str, Any]]:
            told = self.events("security/campus", member)
            return [event for event in told if event["event"] == "session-ended"]

        eventually(ended, "the end of the session in the log", timeout=60.0)
        self.assertGreaterEqual(ended()[0]["received_bytes"], 0)
        sent = output.log.read_text()
        for host, event in ((member, "session-started"), ("controller", "login-refused")):
            lines = [line for line in sent.splitlines() if event in line and f" {host} " in line]
            self.assertNotEqual(lines, [], f"{event} of {host}")
            self.assertRegex(lines[0], r"^<13[0-9]>1 \S+Z \S+ iquila \d+ security - \{")

    def test_tampering(self) -> None:
        """An entry that is edited while the server is down is named by the command."""
        controller = self.cluster.controller
        host = controller.host
        for number in range(20):
            controller.call("CreateUser", HubName_str="campus", Name_str=f"u{number}")
        self.assertIn("system", self.iquila(host, "audit", "--verify"))
        listed = json.loads(self.iquila(host, "--json", "audit", "--kind", "user"))["AuditList"]
        chosen = next(e for e in listed if e["Key_utf"] == "campus/u7")
        self.assertEqual((chosen["Actor_utf"], chosen["Door_str"]), ("administrator", "json-rpc"))

        self.assertEqual(controller.stop(), -signal.SIGTERM)
        with closing(sqlite3.connect(host.scratch / "data" / "system.sqlite")) as connection:
            connection.execute(
                "update audit set entry = replace(entry, 'us/u7', 'us/u8') where number = ?",
                (chosen["Number_u64"],),
            )
            connection.commit()
        controller.start()
        with self.assertRaises(CommandFailed) as raised:
            self.iquila(host, "audit", "--verify")
        self.assertIn(f"Entry {chosen['Number_u64']} was altered.", str(raised.exception))


class RealToolTests(NetworkTestCase):
    """Debian's vpncmd on the logs of an iquila server."""

    timeout = 240

    def setUp(self) -> None:
        """Skip where SoftEther is not installed."""
        need_softether()

    def test_log_commands(self) -> None:
        """Settings are set and shown, files are listed and fetched, syslog is set and ended."""
        host = self.make_network().add("ctl", 1)
        server = Server(host, "server")
        server.start()
        self.addCleanup(server.stop)
        server.add_switch("lab", 0, ("alice",))
        tool = Administrator(host, f"127.0.0.1:{PORT}", PASSWORD)
        tool.command("LogSwitchSet", "security", "/SWITCH:month", switch="lab")
        tool.command("LogEnable", "packet", switch="lab")
        tool.command("LogPacketSaveType", "/TYPE:udp", "/SAVE:full", switch="lab")
        shown = tool.command("LogGet", switch="lab")
        for words in (
            ("Save Security Log", "Enable"),
            ("Log File Switch Cycle", "Switch in Every Month"),
            ("Save Packet Log", "Enable"),
            ("DHCP Log", "Header Only"),
            ("UDP Log", "Headers && Payloads"),
        ):
            rows = [line for line in shown.splitlines() if all(word in line for word in words)]
            self.assertEqual(len(rows), 1, f"{words} in {shown}")
        listed = tool.command("LogFileList")
        path = next(w for w in listed.replace("|", " ").split() if w.startswith("security/lab/"))
        target = host.scratch / "fetched"
        tool.command("LogFileGet", path, "/SERVER:ctl", f"/SAVEPATH:{target}")
        events = [json.loads(line) for line in target.read_text().splitlines()]
        self.assertIn("SetHubLog", [e.get("operation") for e in events])
        tool.command("SyslogEnable", "2", "/HOST:127.0.0.1:5514")
        self.assertIn("Security Logs by Syslog", tool.command("SyslogGet"))
        self.assertEqual(
            server.call("GetSysLog"),
            {"SaveType_u32": 2, "Hostname_str": "127.0.0.1", "Port_u32": 5514},
        )
        tool.command("SyslogDisable")
        self.assertEqual(server.call("GetSysLog")["SaveType_u32"], 0)
