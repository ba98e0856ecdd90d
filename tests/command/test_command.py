"""The iquila command: what is typed, what is asked, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from iquila.command.arguments import UsageError, find_command
from iquila.command.commandline import read_options
from iquila.command.connection import KnownServers
from iquila.command.main import COMMANDS
from iquila.errors import NotController

from .fake import Server, run

MEMBERS = {
    "FarmMemberList": [
        {
            "Id_u32": 7,
            "Controller_bool": True,
            "ConnectedTime_dt": "2026-11-22T14:46:00.000Z",
            "Hostname_str": "ctl",
            "Point_u32": 100000,
            "NumSessions_u32": 0,
            "NumTcpConnections_u32": 3,
            "NumHubs_u32": 1,
            "AssignedClientLicense_u32": 0,
            "AssignedBridgeLicense_u32": 0,
        }
    ]
}
INFO = {
    "Id_u32": 7,
    "Controller_bool": False,
    "ConnectedTime_dt": "2026-11-22T14:46:00.000Z",
    "Ip_ip": "10.0.0.2",
    "Hostname_str": "m1",
    "Point_u32": 99951,
    "Weight_u32": 100,
    "Ports_u32": [443, 5555],
    "HubsList": [
        {"HubName_str": "lab", "DynamicHub_bool": True},
        {"HubName_str": "office", "DynamicHub_bool": False},
    ],
    "NumSessions_u32": 2,
    "NumTcpConnections_u32": 4,
}
OFFLINE = {
    "Ip_ip": "0.0.0.0",
    "Port_u32": 5555,
    "Online_bool": False,
    "LastError_u32": 12,
    "StartedTime_dt": "2026-11-22T14:46:00.000Z",
    "FirstConnectedTime_dt": "1970-01-01T00:00:00.000Z",
    "CurrentConnectedTime_dt": "1970-01-01T00:00:00.000Z",
    "NumTry_u32": 3,
    "NumConnected_u32": 0,
    "NumFailed_u32": 3,
}


class TypingTests(SynchronousTestCase):
    """Options, hosts, commands and both styles of arguments."""

    def test_hosts(self) -> None:
        """A first word that is no command is the host, with or without a port."""
        for words, host, port in (
            ("HubList", "localhost", 5555),
            ("ctl HubList", "ctl", 5555),
            ("ctl:443 --json HubList", "ctl", 443),
            ("--json [2001:db8::1]:992 hublist", "2001:db8::1", 992),
            ("on HubList", "on", 5555),
        ):
            options = read_options(words.split(), COMMANDS)
            self.assertEqual((options.host, options.port), (host, port), words)
            self.assertEqual(options.words[0].lower(), "hublist")

    def test_abbreviations(self) -> None:
        """A unique beginning in any case is enough."""
        self.assertEqual(find_command(COMMANDS, "clustermemberl").name, "ClusterMemberList")
        self.assertEqual(find_command(COMMANDS, "hubcreate").name, "HubCreate")
        error = self.assertRaises(UsageError, find_command, COMMANDS, "hubs")
        self.assertIn("HubSetStatic, HubSetDynamic", str(error))
        self.assertRaises(UsageError, find_command, COMMANDS, "nothing")

    def test_both_styles(self) -> None:
        """/KEY:value and --key value are the same."""
        for line in (
            "ClusterSettingMember ctl:443 /IP:10.0.0.2 /PORTS:443,992 /PASSWORD:pw /WEIGHT:50",
            "ClusterSettingMember ctl:443 --ip 10.0.0.2 --ports=443,992 --password pw --weight 50",
            "clustersettingmember --controller ctl:443 /ip:10.0.0.2 /Ports:443,992 "
            "/password:pw /weight:50",
        ):
            server = Server()
            self.assertEqual(run(server, line)[0], 0)
            ((method, parameters),) = server.calls
            self.assertEqual(method, "SetFarmSetting")
            self.assertEqual(
                parameters,
                {
                    "ServerType_u32": 2,
                    "ControllerName_str": "ctl",
                    "ControllerPort_u32": 443,
                    "PublicIp_ip": "10.0.0.2",
                    "Ports_u32": [443, 992],
                    "MemberPasswordPlaintext_str": "pw",
                    "Weight_u32": 50,
                },
            )

    def test_usage_errors(self) -> None:
        """Status 2 and one sentence, and nothing is asked of the server."""
        for line in (
            "",
            "NoSuchCommand",
            "--nonsense HubList",
            "--json --csv HubList",
            "HubList surplus",
            "HubCreate",
            "UserList",
            "ClusterMemberInfoGet x",
            "ClusterSettingController /ONLY:perhaps",
            "ctl:99999 HubList",
            "HubDelete a --name b",
        ):
            server = Server()
            status, out, err = run(server, line)
            self.assertEqual((status, out, server.calls), (2, "", []), line)
            self.assertEqual(err.count("\n"), 1)

    def test_help(self) -> None:
        """Every command is listed, and explains its arguments."""
        status, out, _err = run(Server(), "--help")
        self.assertEqual(status, 0)
        for command in COMMANDS:
            self.assertIn(f"  {command.name} ", out)
        self.assertIn("/PASSWORD:...", run(Server(), "UserPasswordSet --help")[1])
        self.assertIn("iquila 2", run(Server(), "--version")[1])

    def test_password(self) -> None:
        """From the environment, or from a file."""
        server = Server(EnumHub={"HubList": []})
        run(server, "HubList")
        self.assertEqual(server.password, "secret")
        file = self.mktemp()
        Path(file).write_text("other\n")
        run(server, f"--password-file {file} HubList")
        self.assertEqual(server.password, "other")


class OutputTests(SynchronousTestCase):
    """What is printed, with the labels of reference §10.1."""

    def test_member_list(self) -> None:
        """Columns."""
        status, out, err = run(Server(EnumFarmMember=MEMBERS), "ClusterMemberList")
        self.assertEqual((status, err), (0, ""))
        head, rule, row = out.splitlines()
        self.assertTrue(head.startswith("ID|Type      |Connection Started at    |Host Name|Point"))
        self.assertEqual(set(rule), {"-", "+"})
        self.assertTrue(row.startswith("7 |Controller|2026-11-22 (Sun) 14:46:00|ctl      |100000"))

    def test_member_info(self) -> None:
        """Static and dynamic switches have their right tags."""
        out = run(Server(GetFarmInfo=INFO), "ClusterMemberInfoGet 7")[1]
        rows = [line.partition("|") for line in out.splitlines()]
        found = {item.strip(): value for item, _, value in rows}
        self.assertEqual(found["Virtual Hub #1"], "lab (Dynamic)")
        self.assertEqual(found["Virtual Hub #2"], "office (Static)")
        self.assertEqual(found["Server Type"], "Cluster Member Server")
        self.assertEqual(found["Public Port #2 (TCP/IP)"], "5555")

    def test_connection_status(self) -> None:
        """Offline, with the reason."""
        out = run(Server(GetFarmConnectionStatus=OFFLINE), "ClusterConnectionStatusGet")[1]
        rows = [line.partition("|") for line in out.splitlines()]
        found = {item.strip(): value for item, _, value in rows}
        self.assertEqual(found["Controller IP Address"], "(Not Connected)")
        self.assertEqual(found["Connection Status"], "Offline")
        self.assertTrue(found["Last Error"].endswith("(Error Code: 12)"))
        self.assertEqual(found["First Connection Established at"], "(None)")
        self.assertNotIn("Current Connection Established at", found)

    def test_csv_and_json(self) -> None:
        """For programs."""
        server = Server(EnumFarmMember=MEMBERS)
        out = run(server, "--csv ClusterMemberList")[1]
        self.assertTrue(out.startswith("ID,Type,Connection Started at,Host Name,"))
        self.assertEqual(json.loads(run(server, "--json ClusterMemberList")[1]), MEMBERS)

    def test_refusals(self) -> None:
        """Status 1, number and sentence on standard error."""
        status, out, err = run(Server(EnumFarmMember=NotController()), "ClusterMemberList")
        self.assertEqual((status, out), (1, ""))
        self.assertTrue(err.startswith("Error 46: "))

    def test_password_of_a_user(self) -> None:
        """The user is read and written back with the password."""
        server = Server(GetUser={"Name_str": "alice", "Note_utf": "kept"})
        run(server, "--switch lab UserPasswordSet alice /PASSWORD:pw")
        (_, written) = server.calls[1]
        self.assertEqual(
            written,
            {
                "HubName_str": "lab",
                "Name_str": "alice",
                "Note_utf": "kept",
                "AuthType_u32": 1,
                "Auth_Password_str": "pw",
            },
        )


class KnownServersTests(SynchronousTestCase):
    """The file of fingerprints."""

    def test_remembered(self) -> None:
        """A fingerprint is there for the next run; others stay."""
        path = Path(self.mktemp()) / "below" / "known"
        known = KnownServers(path)
        self.assertIsNone(known.get("a:1"))
        known.remember("a:1", "f" * 64)
        known.remember("b:2", "0" * 64)
        again = KnownServers(path)
        self.assertEqual((again.get("a:1"), again.get("b:2")), ("f" * 64, "0" * 64))
        self.assertEqual(path.parent.stat().st_mode & 0o777, 0o700)
        self.assertEqual([p.name for p in path.parent.iterdir()], ["known"])
