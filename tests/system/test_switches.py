"""What belongs to a Virtual Switch, by Debian's own vpncmd; and a real client that is kept out."""

from __future__ import annotations

from .case import NetworkTestCase
from .cluster import PASSWORD, PORT, Server
from .processes import CommandFailed, eventually
from .requirements import need_softether
from .softether import CONNECTED, Administrator, SoftEtherClient

SERVER = f"10.77.0.1:{PORT}"
NO_USERS = ("/SRCUSERNAME:", "/DESTUSERNAME:", "/SRCMAC:")


class SwitchTests(NetworkTestCase):
    """One server and its real tools."""

    timeout = 180

    def setUp(self) -> None:
        """Have a server with one switch."""
        need_softether()
        self.network = self.make_network()
        self.server = Server(self.network.add("server", 1), "server")
        self.server.start()
        self.server.add_switch("office", 0, ("alice",))

    def command(self, *words: str) -> str:
        """Give a command at the office."""
        return self.tool.command(*words, switch="office")

    def refused(self, *words: str) -> int:
        """Return the number with which a command is refused."""
        with self.assertRaises(CommandFailed) as caught:
            self.command(*words)
        return int(str(caught.exception).split("Error code: ")[1].split(")")[0])

    def test_tools(self) -> None:
        """Lists are kept, shown and refused as the system's server does."""
        self.tool = Administrator(self.network.add("desk", 2), SERVER, PASSWORD)
        self.access_list()
        self.source_addresses()
        self.options()
        for command in ("CascadeList", "BridgeList", "BridgeDeviceList", "RouterList", "IpTable"):
            self.assertIn("completed successfully", self.command(command))
        for command, code in (
            ("CascadeGet x", 33),
            ("CascadeCreate x /SERVER:10.0.0.9:443 /HUB:x /USERNAME:x", 33),
            ("SecureNatEnable", 33),
            ("DhcpGet", 33),
            ("RouterAdd x", 33),
            ("BridgeCreate office /DEVICE:eth0 /TAP:no", 33),
            ("IpDelete 5", 29),
        ):
            self.assertEqual(self.refused(*command.split()), code, command)

    def access_list(self) -> None:
        """Rules for IPv4 and for IPv6."""
        rule: tuple[str, ...] = ("/MEMO:web", "/PRIORITY:20", *NO_USERS)
        rule += ("/DESTMAC:02-00-00-00-00-01/ff-ff-ff-ff-ff-ff", "/SRCIP:10.0.0.0/8")
        rule += ("/DESTIP:0.0.0.0/0", "/PROTOCOL:tcp", "/SRCPORT:", "/DESTPORT:80-443")
        self.command("AccessAdd", "discard", *rule, "/TCPSTATE:")
        shown = (
            "(ipv4) SrcIPv4=10.0.0.0/8, Protocol=TCP, DstPort=80-443, "
            "DstMac=02-00-00-00-00-01/FF-FF-FF-FF-FF-FF"
        )
        self.assertIn(shown, self.command("AccessList"))
        self.command("AccessDisable", "1")
        self.assertIn("Disable", self.command("AccessList"))
        six: dict[str, object] = {"IsIPv6_bool": True, "Active_bool": True, "Priority_u32": 10}
        for name, value in (
            ("SrcIpAddress6", "IAENuAAAAAAAAAAAAAAAAA=="),
            ("SrcSubnetMask6", "/////wAAAAAAAAAAAAAAAA=="),
            ("DestIpAddress6", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("DestSubnetMask6", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ):
            six[f"{name}_bin"] = value
        self.server.call("AddAccess", HubName_str="office", AccessListSingle=[six])
        self.assertIn("(ipv6) SrcIPv6=2001:db8::/32", self.command("AccessList"))
        self.command("AccessDelete", "1")
        self.assertEqual(self.refused("AccessDelete", "2"), 29)
        (left,) = self.server.call("EnumAccess", HubName_str="office")["AccessList"]
        self.assertEqual((left["Note_utf"], left["Active_bool"]), ("web", False))

    def source_addresses(self) -> None:
        """Of both kinds, by priority."""
        self.command("AcAdd", "deny", "/PRIORITY:10", "/IP:192.168.0.0/255.255.0.0")
        self.command("AcAdd6", "allow", "/PRIORITY:7", "/IP:2001:db8::/32")
        listed = self.command("AcList")
        self.assertIn(" 1|       7|Pass  |2001:db8::/32", listed)
        self.assertIn(" 2|      10|Deny  |192.168.0.0/16", listed)
        self.command("AcDel", "1")
        self.assertNotIn("2001", self.command("AcList"))

    def options(self) -> None:
        """Both kinds."""
        self.command("AdminOptionSet", "max_sessions", "/VALUE:5")
        self.assertEqual(self.refused("AdminOptionSet", "nonsense", "/VALUE:5"), 29)
        self.assertRegex(self.command("AdminOptionList"), r"max_sessions\nValue +\|5\n")
        self.command("ExtOptionSet", "FilterBPDU", "/VALUE:1")
        self.assertEqual(self.refused("ExtOptionSet", "FilterBPDU", "/VALUE:2"), 38)
        self.assertRegex(self.command("ExtOptionList"), r"FilterBPDU\nValue +\|1\n")

    def test_a_client_that_is_kept_out(self) -> None:
        """By its address, with 109; it comes in, and is greeted, once it may."""
        client = SoftEtherClient(self.network.add("laptop", 3))
        client.start()
        client.add_account("office", SERVER, "office", "alice", "alice")
        line = {"Deny_bool": True, "IpAddress_ip": client.host.address}
        self.server.call("SetAcList", HubName_str="office", ACList=[line])
        client.command("AccountConnect", "office")
        logs = client.host.scratch / "log"

        def told() -> bool:
            texts = (path.read_text(errors="replace") for path in logs.rglob("*.log"))
            return any("(code 109)" in text for text in texts)

        eventually(told, "laptop: error 109 in its log", timeout=40.0)
        self.assertNotEqual(client.status("office").get("Session Status"), CONNECTED)
        self.server.call("SetAcList", HubName_str="office", ACList=[])
        self.server.call("SetHubMsg", HubName_str="office", Msg_bin="R3LDvMOfZQ==")
        client.wait_connected("office", timeout=40.0)
