"""Users whom Debian's FreeRADIUS checks, with Debian's client and with ours."""

from __future__ import annotations

import time

from .case import NetworkTestCase
from .cluster import PORT, Client, Cluster, Server
from .freeradius import ACCOUNTING, AUTHENTICATION, SECRET, SLOW_SECONDS, FreeRADIUS
from .network import Network
from .ping import ping
from .processes import eventually
from .requirements import need_freeradius, need_softether, need_tap
from .softether import SoftEtherClient

USERS = ("accept", "member", "slow", "token", "bare")
RADIUS = 4


class RadiusTestCase(NetworkTestCase):
    """FreeRADIUS and a switch ``office`` that asks it."""

    timeout = 300

    def prepare(self, server: Server, kind: int) -> FreeRADIUS:
        """Start FreeRADIUS beside a server, and give the server a switch and RADIUS users."""
        radius = FreeRADIUS(self.network.add("radius", 50))
        radius.start()
        server.add_switch("office", kind)
        self.ask(server, radius.host.address)
        for name in USERS:
            server.call("CreateUser", HubName_str="office", Name_str=name, AuthType_u32=RADIUS)
        return radius

    def ask(self, server: Server, host: str, timeout: int = 40) -> None:
        """Have the switch ask a host."""
        server.call(
            "SetHubRadius",
            HubName_str="office",
            RadiusServerName_str=host,
            RadiusPort_u32=AUTHENTICATION,
            RadiusSecret_str=SECRET,
            RadiusRetryInterval_u32=500,
            RadiusTimeout_u32=timeout,
            AcctPort_u32=ACCOUNTING,
        )

    def wait_log(self, server: Server, text: str) -> None:
        """Return when a server's log has some text."""
        process = server.process
        assert process is not None
        eventually(
            lambda: text in process.log.read_text(errors="replace"),
            f"the server's log: {text}",
            timeout=30.0,
        )

    def users(self, server: Server) -> set[str]:
        """Return who has a session."""
        listed = server.call("EnumSession", HubName_str="office")["SessionList"]
        return {session["Username_str"] for session in listed}

    def make_network(self) -> Network:
        """Keep the network at hand."""
        self.network = super().make_network()
        return self.network


class OurClientTests(RadiusTestCase):
    """Our own client."""

    def setUp(self) -> None:
        """Skip where something is missing."""
        need_freeradius()
        need_tap()
        self.server = Server(self.make_network().add("server", 1), "server")
        self.server.start()
        self.radius = self.prepare(self.server, 0)
        self.clients = 0

    def client(self, user: str) -> Client:
        """Start a client whose password is its user's name."""
        self.clients += 1
        client = Client(self.network.add(f"c{self.clients}", 100 + self.clients))
        client.start(f"10.77.0.1:{PORT}", "office", user, "--plain-password")
        return client

    def test_accept_with_attributes_and_accounting(self) -> None:
        """A session gets its VLAN, lasts as long as RADIUS says, and is accounted."""
        self.server.call("CreateUser", HubName_str="office", Name_str="*", AuthType_u32=RADIUS)
        self.server.call("DeleteUser", HubName_str="office", Name_str="member")
        client = self.client("member")
        client.host.ip("addr", "add", "10.88.0.1/24", "dev", client.device)
        client.host.ip("link", "set", client.device, "up")
        eventually(lambda: self.users(self.server) == {"member"}, "a session of '*'")
        ping(client.host, "10.88.0.9", count=2)  # somebody to look for, so that frames flow
        # The session lasts 6 seconds; then the client comes back by itself.
        rows = eventually(
            lambda: rows if len(rows := self.radius.accounted()) >= 3 else None,
            "start, stop, and start again in the accounting",
        )
        start, stop, again = rows[:3]
        self.assertEqual(start["Acct-Status-Type"], "Start")
        self.assertEqual(start["User-Name"], "member")
        self.assertEqual(start["NAS-Identifier"], "server")
        self.assertEqual(start["Calling-Station-Id"], "10.77.0.101")
        self.assertEqual(stop["Acct-Status-Type"], "Stop")
        self.assertEqual(stop["Acct-Session-Id"], start["Acct-Session-Id"])
        self.assertEqual(stop["Acct-Terminate-Cause"], "Session-Timeout")
        self.assertIn(int(stop["Acct-Session-Time"]), (6, 7))
        self.assertGreater(int(stop["Acct-Input-Octets"]), 0)
        self.assertEqual(again["Acct-Status-Type"], "Start")
        self.assertNotEqual(again["Acct-Session-Id"], start["Acct-Session-Id"])

    def test_refusals(self) -> None:
        """Reject, challenge, and a reply without a Message-Authenticator: no session, and why."""
        self.server.call("CreateUser", HubName_str="office", Name_str="nobody", AuthType_u32=RADIUS)
        self.client("nobody")
        self.wait_log(self.server, "RADIUS: nobody on office from 10.77.0.101 is refused (reject)")
        self.client("token")
        self.wait_log(self.server, "is refused (challenge): 'Enter the code'")
        self.client("bare")
        self.wait_log(self.server, "is dropped: it has no Message-Authenticator")
        self.assertEqual(self.users(self.server), set())

    def test_silence(self) -> None:
        """A server that says nothing lets nobody in; a second one is asked then."""
        self.ask(self.server, "10.77.0.1", timeout=2)
        self.client("accept")
        self.wait_log(self.server, "RADIUS: nobody told about accept on office")
        self.assertEqual(self.users(self.server), set())
        self.ask(self.server, "10.77.0.1;10.77.0.50", timeout=4)
        eventually(lambda: self.users(self.server) == {"accept"}, "the answer of the second")

    def test_slow(self) -> None:
        """A login that somebody has to confirm is waited for; others do not wait with it."""
        begin = time.monotonic()
        self.client("slow")
        self.client("accept")
        eventually(lambda: self.users(self.server) == {"accept"}, "the quick one", timeout=10.0)
        self.assertLess(time.monotonic() - begin, SLOW_SECONDS)
        eventually(lambda: self.users(self.server) == {"accept", "slow"}, "the slow one")
        self.assertGreater(time.monotonic() - begin, SLOW_SECONDS)


class RealClientTests(RadiusTestCase):
    """Debian's client, and a cluster."""

    def setUp(self) -> None:
        """Skip where something is missing."""
        need_freeradius()
        need_softether()

    def test_standalone_slow(self) -> None:
        """Debian's client waits for an answer that takes longer than its own 15 seconds."""
        server = Server(self.make_network().add("server", 1), "server")
        server.start()
        self.prepare(server, 0)
        client = SoftEtherClient(self.network.add("c1", 101))
        client.start()
        where = f"10.77.0.1:{PORT}"
        client.add_account("quick", where, "office", "accept", "accept", kind="radius")
        client.connect("quick")
        client.add_account("slow", where, "office", "slow", "slow", kind="radius")
        begin = time.monotonic()
        client.connect("slow", timeout=40.0)
        self.assertGreater(time.monotonic() - begin, SLOW_SECONDS - 1.0)
        self.assertLess(time.monotonic() - begin, SLOW_SECONDS + 8.0)
        self.assertEqual(self.users(server), {"accept", "slow"})

    def test_a_challenge_is_answered(self) -> None:
        """The next password of the same client is the answer to the challenge."""
        server = Server(self.make_network().add("server", 1), "server")
        server.start()
        self.prepare(server, 0)
        client = SoftEtherClient(self.network.add("c1", 101))
        client.start()
        where = f"10.77.0.1:{PORT}"
        client.add_account("token", where, "office", "token", "token", kind="radius")
        client.command("AccountConnect", "token")
        self.wait_log(server, "is refused (challenge): 'Enter the code'")
        client.command("AccountDisconnect", "token")
        client.command("AccountPasswordSet", "token", "/PASSWORD:123456", "/TYPE:radius")
        client.connect("token")
        self.assertEqual(self.users(server), {"token"})

    def test_cluster(self) -> None:
        """The controller asks; the member that carries the session accounts for it."""
        cluster = Cluster(self.make_network())
        cluster.start(members=1)
        radius = self.prepare(cluster.controller, 2)
        client = SoftEtherClient(self.network.add("c1", 101))
        client.start()
        where = f"10.77.0.1:{PORT}"
        client.add_account("office", where, "office", "accept", "accept", kind="radius")
        client.connect("office")
        (start,) = eventually(radius.accounted, "the start of the session")
        self.assertEqual(start["NAS-Identifier"], "member1")
        self.assertEqual(start["Class"], "0x636c617373")
        cluster.members["member1"].stop()
        rows = eventually(
            lambda: rows if len(rows := radius.accounted()) > 1 else None, "the end of the session"
        )
        self.assertEqual(rows[1]["Acct-Status-Type"], "Stop")
        self.assertEqual(rows[1]["Acct-Terminate-Cause"], "Admin-Reboot")
