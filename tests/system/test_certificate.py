"""Certificates that change under clients that nobody here wrote, while they carry frames."""

from __future__ import annotations

import hashlib
import sys
from base64 import b64encode

from iquila.session.certificate import Identity, certificate_pem, key_pem, make_identity

from .case import NetworkTestCase
from .cluster import PORT, Cluster, Server
from .network import Host
from .ping import ping, start_ping, stop_ping
from .requirements import need_softether
from .softether import SoftEtherClient

_SHOWN = """
import hashlib, socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
with context.wrap_socket(socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)) as stream:
    print(hashlib.sha256(stream.getpeercert(True)).hexdigest())
"""


class CertificateTests(NetworkTestCase):
    """A controller and a member get other certificates."""

    timeout = 240

    def setUp(self) -> None:
        """Skip where SoftEther is not installed."""
        need_softether()

    def test_live(self) -> None:
        """No frame is lost, new connections see the new one, and so does a restarted member."""
        network = self.make_network()
        cluster = Cluster(network)
        cluster.start(1)
        (member,) = cluster.members.values()
        cluster.add_switch("office", dynamic=True, users=("alice", "bob", "carol"))
        clients = {}
        for number, user in enumerate(("alice", "bob", "carol"), 1):
            client = clients[user] = SoftEtherClient(network.add(f"c{number}", 100 + number))
            client.start()
            client.add_account("office", f"10.77.0.1:{PORT}", "office", user, user)
        for number, user in enumerate(("alice", "bob"), 1):
            clients[user].connect("office", f"10.88.0.{number}/24")
        alice = clients["alice"].host
        self.assertGreaterEqual(len(ping(alice, "10.88.0.2", count=5)), 4)
        before = self.sessions(cluster)

        echo = start_ping(alice, "10.88.0.2", interval=0.02)
        new = {}
        for name, server in (("member", member), ("controller", cluster.controller)):
            new[name] = make_identity(f"{name}.example")
            self.replace(server, new[name])
            self.assertEqual(self.shown(alice, server.host.address), digest(new[name]))
        listed = cluster.controller.call("EnumFarmMember")["FarmMemberList"]
        self.assertEqual(len(listed), 2)
        # The client that comes now is told the member's new certificate, and checks it.
        clients["carol"].connect("office", "10.88.0.3/24")
        self.assertGreaterEqual(len(ping(alice, "10.88.0.3", count=5)), 4)
        answers = stop_ping(echo)
        numbers = [number for number, _ in answers.answers]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
        self.assertGreater(len(numbers), 40)
        self.assertLess(answers.longest_gap(), 1.0)
        after = self.sessions(cluster)
        self.assertEqual({user: after[user] for user in before}, before)

        member.stop()
        member.start()
        cluster.wait_members(1)
        self.assertEqual(self.shown(alice, member.host.address), digest(new["member"]))

    def sessions(self, cluster: Cluster) -> dict[str, str]:
        """Return the name of each user's session."""
        listed = cluster.controller.call("EnumSession", HubName_str="office")["SessionList"]
        return {s["Username_str"]: s["Name_str"] for s in listed}

    def replace(self, server: Server, identity: Identity) -> None:
        """Give a server another certificate."""
        server.call(
            "SetServerCert",
            Cert_bin=b64encode(certificate_pem(identity)).decode(),
            Key_bin=b64encode(key_pem(identity)).decode(),
        )

    def shown(self, host: Host, address: str) -> str:
        """Return the fingerprint of what a server shows to a host."""
        return host.run([sys.executable, "-c", _SHOWN, address, str(PORT)]).strip()


def digest(identity: Identity) -> str:
    """Return the fingerprint of a certificate."""
    return hashlib.sha256(identity.der).hexdigest()
