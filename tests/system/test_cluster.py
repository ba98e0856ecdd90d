"""A cluster under clients that nobody here wrote: Debian's softether-vpnclient."""

from __future__ import annotations

from .case import NetworkTestCase
from .cluster import PORT, Cluster
from .network import Network
from .ping import ping
from .processes import eventually
from .requirements import need_softether
from .softether import SoftEtherClient


def client_of(network: Network, number: int) -> SoftEtherClient:
    """Return a running client on a host of its own."""
    client = SoftEtherClient(network.add(f"c{number}", 100 + number))
    client.start()
    return client


class RealClientTests(NetworkTestCase):
    """Two clients on a dynamic switch, one on a static switch, and a member that dies."""

    timeout = 300

    def setUp(self) -> None:
        """Skip where SoftEther is not installed."""
        need_softether()

    def test_login_redirect_ping_and_take_over(self) -> None:
        """Logins are redirected, frames flow, and the other member takes over after SIGKILL."""
        network = self.make_network()
        cluster = Cluster(network)
        cluster.start()
        cluster.add_switch("office", dynamic=True, users=("alice", "bob"))
        cluster.add_switch("campus", dynamic=False, users=("carol",))
        alice, bob, carol = (client_of(network, n) for n in (1, 2, 3))
        controller = f"10.77.0.1:{PORT}"
        alice.add_account("office", controller, "office", "alice", "alice", connections=4)
        bob.add_account("office", controller, "office", "bob", "bob")
        carol.add_account("campus", controller, "campus", "carol", "carol")
        alice.connect("office", "10.88.0.1/24")
        bob.connect("office", "10.88.0.2/24")
        carol.connect("campus", "10.88.1.3/24")

        self.assertGreaterEqual(len(ping(alice.host, "10.88.0.2", count=10)), 9)
        places = cluster.where("office")
        self.assertEqual(set(places), {"alice", "bob"})
        (member,) = set(places.values())
        self.assertIn(member, cluster.members)
        address = cluster.members[member].host.address
        self.assertEqual(alice.host.tcp_peers(PORT), {address})
        self.assertEqual(bob.host.tcp_peers(PORT), {address})
        (campus,) = cluster.where("campus").values()
        self.assertEqual(carol.host.tcp_peers(PORT), {cluster.members[campus].host.address})

        cluster.members[member].kill()
        (survivor,) = set(cluster.members) - {member}

        def moved() -> bool:
            return cluster.where("office") == {"alice": survivor, "bob": survivor}

        # The client waits for its time-out of 20 s and then for its own interval of retries;
        # it is tested that it comes back by itself, not how patient it is (reference §8).
        eventually(moved, "both clients on the other member", timeout=120.0, interval=1.0)
        eventually(
            lambda: len(ping(alice.host, "10.88.0.2", count=3)) == 3,
            "frames between the clients",
            timeout=60.0,
        )
        self.assertEqual(alice.host.tcp_peers(PORT), {cluster.members[survivor].host.address})
