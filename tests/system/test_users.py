"""Users of a cluster under clients that nobody here wrote, and under our own, as processes."""

from __future__ import annotations

import base64
import os
from typing import Any

from cryptography import x509

from tests.certificates import Made, make, rsa_key

from .case import NetworkTestCase
from .cluster import PASSWORD, PORT, Client, Cluster
from .ping import ping
from .processes import CommandFailed, eventually
from .requirements import need_softether
from .softether import Administrator, SoftEtherClient, table

CONTROLLER = f"10.77.0.1:{PORT}"
ROOT = make("Root", rsa_key(0), authority=True)
ALICE = make("alice", rsa_key(1), serial=1)
BOB = make("bob", rsa_key(2), ROOT, serial=2)
CAROL = make("carol", rsa_key(3), ROOT, serial=3)


def binary(data: bytes) -> str:
    """Return bytes as JSON has them."""
    return base64.b64encode(data).decode()


class UserTests(NetworkTestCase):
    """A static switch on a controller and two members."""

    timeout = 300

    def setUp(self) -> None:
        """A cluster and a real client."""
        need_softether()
        self.network = self.make_network()
        self.cluster = Cluster(self.network)
        self.cluster.start()
        self.cluster.add_switch("office", dynamic=False, users=("dave",))
        self.client = SoftEtherClient(self.network.add("c1", 101))
        self.client.start()

    def user(self, name: str, kind: int, **proof: str) -> None:
        """Create a user."""
        self.cluster.controller.call(
            "CreateUser", HubName_str="office", Name_str=name, AuthType_u32=kind, **proof
        )

    def account(self, user: str, made: Made) -> None:
        """Give the client an account of a user with a certificate."""
        self.client.add_account(user, CONTROLLER, "office", user, "")
        self.client.set_certificate(user, made.pem, made.key_pem)

    def test_certificates(self) -> None:
        """Individual, signed, revoked; and a password that travels as it is."""
        call = self.cluster.controller.call
        call("AddCa", HubName_str="office", Cert_bin=binary(ROOT.der))
        call("AddCrl", HubName_str="office", CommonName_utf="carol")
        self.user("alice", 2, UserX_bin=binary(ALICE.der))
        self.user("bob", 3, CommonName_utf="bob", Serial_bin=binary(b"\2"))
        self.user("carol", 3)
        for user, made in (("alice", ALICE), ("bob", BOB), ("carol", CAROL)):
            self.account(user, made)
        self.client.add_account("dave", CONTROLLER, "office", "dave", "dave")
        self.client.set_plain_password("dave", "dave")

        self.client.command("AccountConnect", "carol")
        self.client.connect("alice", "10.88.0.1/24")
        self.client.connect("bob")
        self.client.connect("dave")
        eventually(lambda: 9 in self.client.refusals(), "the refusal of carol", timeout=30.0)
        self.assertEqual(set(self.cluster.where("office")), {"alice", "bob", "dave"})
        self.assertEqual(set(self.client.refusals()), {9})

        call("DelCrl", HubName_str="office", Key_u32=1)
        self.client.wait_connected("carol", timeout=60.0)
        self.client.disconnect("carol")

        station = Client(self.network.add("c2", 102))
        station.start(CONTROLLER, "office", "carol", certificate=(CAROL.pem, CAROL.key_pem))
        station.host.ip("addr", "add", "10.88.0.2/24", "dev", station.device)
        station.host.ip("link", "set", station.device, "up")
        eventually(
            lambda: len(ping(station.host, "10.88.0.1", count=3)) == 3,
            "frames between a real client and ours",
            timeout=30.0,
        )

    def test_multiple_logins(self) -> None:
        """A second machine gets in when the first has gone, wherever their sessions are."""
        call = self.cluster.controller.call
        policy = {"policy:Access_bool": True, "policy:MultiLogins_u32": 1}
        call("CreateGroup", HubName_str="office", Name_str="one", UsePolicy_bool=True, **policy)
        self.user("alice", 2, UserX_bin=binary(ALICE.der), GroupName_str="one")
        first, self.client = self.client, SoftEtherClient(self.network.add("c2", 102))
        second = self.client
        second.start()
        for client in (first, second):
            client.add_account("alice", CONTROLLER, "office", "alice", "")
            client.set_certificate("alice", ALICE.pem, ALICE.key_pem)
        first.connect("alice")
        (before,) = self.sessions()
        second.command("AccountConnect", "alice")
        eventually(lambda: 20 in second.refusals(), "the refusal", timeout=60.0, interval=1.0)
        self.assertEqual(self.sessions(), [before])

        first.disconnect("alice")
        # By itself it would try again a minute after an error of this number (reference §8).
        second.disconnect("alice")
        second.connect("alice", timeout=60.0)
        # The first machine's may stay without a connection for a while, and does not count.
        others = [s for s in self.sessions() if s["UniqueId_bin"] != before["UniqueId_bin"]]
        self.assertEqual(len(others), 1)

    def test_the_systems_own_tool(self) -> None:
        """Vpncmd defines users, groups, CAs and revocations, and shows what it defined."""
        desk = self.network.add("desk", 103)
        for name, made in (("root", ROOT), ("alice", ALICE)):
            (desk.scratch / name).write_bytes(made.pem)
        tool = Administrator(desk, CONTROLLER, PASSWORD)
        # The tool takes what begins with a slash for an option.
        root = os.path.relpath(desk.scratch / "root")

        def run(*words: str) -> dict[str, str]:
            return table(tool.command(*words, switch="office"))

        run("GroupCreate", "staff", "/REALNAME:Staff", "/NOTE:")
        run("UserCreate", "alice", "/GROUP:staff", "/REALNAME:Al", "/NOTE:")
        run("UserCertSet", "alice", f"/LOADCERT:{desk.scratch / 'alice'}")
        shown = run("UserGet", "alice")
        self.assertEqual(shown["Auth Type"], "Individual Certificate Authentication")
        self.assertEqual(shown["Group Name"], "staff")
        run("UserCertGet", "alice", f"/SAVECERT:{desk.scratch / 'saved'}")
        saved = x509.load_pem_x509_certificate((desk.scratch / "saved").read_bytes())
        self.assertEqual(saved, ALICE.certificate)
        run("UserSignedSet", "alice", "/CN:alice", "/SERIAL:01ab")
        self.assertEqual(run("UserGet", "alice")["Limit of Certificate Serial Number"], "01 AB")
        run("GroupJoin", "staff", "/USERNAME:dave")
        self.assertEqual(run("GroupList")["Num Users"], "2")
        run("CAAdd", root)
        self.assertEqual(run("CAList")["Issued to"], "Root, Example")
        fields = ("/MD5:", "/SHA1:", "/CN:", "/O:", "/OU:", "/C:", "/ST:", "/L:")
        run("CrlAdd", "/SERIAL:1234", *fields)
        self.assertEqual(run("CrlList")["Certificate Summary"], 'Subject="", Serial="12 34"')
        run("GroupDelete", "staff")
        self.assertNotIn("Group Name", run("UserGet", "alice"))
        for words, number in (
            (("UserDelete", "nobody"), 29),
            (("GroupDelete", "staff"), 29),
            (("CADelete", "9"), 29),
            (("UserCreate", "alice", "/GROUP:", "/REALNAME:", "/NOTE:"), 66),
        ):
            error = self.assertRaises(CommandFailed, run, *words)
            self.assertIn(f"Error code: {number}", str(error))

    def sessions(self) -> list[dict[str, Any]]:
        """Return the sessions by what does not change in their lives."""
        listed = self.cluster.controller.call("EnumSession", HubName_str="office")
        kept = ("Name_str", "UniqueId_bin", "RemoteHostname_str")
        return [{key: session[key] for key in kept} for session in listed["SessionList"]]
