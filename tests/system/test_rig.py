"""The tools of these tests, proved with Debian's own client and server."""

from __future__ import annotations

import functools

from .case import NetworkTestCase
from .iperf import lacks_iperf, tcp, udp
from .network import remove_leftovers
from .ping import ping, round_trips, start_ping, stop_ping
from .processes import CommandFailed, children, eventually, niceness, run
from .requirements import need_namespaces, need_softether, refuse
from .softether import SoftEtherClient, SoftEtherServer


class NetworkTests(NetworkTestCase):
    """Hosts on a bridge."""

    def setUp(self) -> None:
        """Skip where there are no namespaces."""
        need_namespaces()

    def test_hosts_reach_each_other(self) -> None:
        """Two hosts ping each other, know their own names, and a silent host does not answer."""
        network = self.make_network()
        one, two = network.add("one", 1), network.add("two", 2)
        self.assertEqual(len(ping(one, two.address, count=3, interval=0.05)), 3)
        self.assertEqual(len(ping(one, "10.77.0.9", count=1)), 0)
        self.assertEqual(two.run(["hostname"]), "two\n")

    def test_close_ends_everything(self) -> None:
        """Closing a network ends the processes in it, children included, and removes its names."""
        network = self.make_network()
        process = network.add("one", 1).start("sleeper", ["sh", "-c", "sleep 300; :"])
        eventually(lambda: children(process.popen.pid), "the sleeper's child", timeout=5.0)
        family = process.family()
        self.assertEqual(len(family), 2)
        network.close()
        process.popen.wait(5)
        self.assertNotIn(network.prefix, run(["ip", "netns", "list"]))
        eventually(lambda: not children(family[0]), "the child's end", timeout=5.0)

    def test_leftovers(self) -> None:
        """A network of a test run that no longer lives is removed, one of a living run is kept."""
        network = self.make_network()
        dead = "iq4194305-1-one"  # above the highest process id there can be
        run(["ip", "netns", "add", dead])
        remove_leftovers()
        names = run(["ip", "netns", "list"])
        self.assertNotIn(dead, names)
        self.assertIn(network.prefix, names)

    def test_gap(self) -> None:
        """The longest silence of a running ping is measured."""
        network = self.make_network()
        one, two = network.add("one", 1), network.add("two", 2)
        running = start_ping(one, two.address)
        eventually(lambda: running.log.read_text().count("icmp_seq") > 5, "answers", timeout=5.0)
        two.ip("link", "set", "eth0", "down")
        run(["sleep", "0.5"])
        two.ip("link", "set", "eth0", "up")
        before = running.log.read_text().count("icmp_seq")
        eventually(
            lambda: running.log.read_text().count("icmp_seq") > before + 5, "answers", timeout=10.0
        )
        answers = stop_ping(running)
        self.assertGreater(answers.longest_gap(), 0.45)
        self.assertLess(answers.longest_gap(), 5.0)

    def test_traffic(self) -> None:
        """iperf3 tells what came through, ping how long it took, and what fails is told."""
        if lack := lacks_iperf():
            refuse(lack)
        network = self.make_network()
        one, two = network.add("one", 1), network.add("two", 2)
        stream = tcp(one, two, two.address, 1.0)
        self.assertGreater(stream.bytes, 1_000_000)
        self.assertGreater(stream.seconds, 0.5)
        self.assertLess(stream.seconds, 2.0)
        before = two.received_packets("eth0")
        flood = udp(one, two, two.address, 1.0)
        self.assertGreater(flood.delivered, 1000)
        self.assertLessEqual(flood.delivered, flood.sent)
        self.assertGreaterEqual(two.received_packets("eth0") - before, flood.delivered)
        trips = round_trips(one, two.address, count=20, interval=0.01)
        self.assertEqual(len(trips), 20)
        self.assertEqual(trips, sorted(trips))
        self.assertLess(trips[0], 100.0)
        one.ip("link", "set", "eth0", "down")
        self.assertRaises(CommandFailed, tcp, one, two, two.address, 1.0)

    @staticmethod
    def _has_niceness(pid: int, wanted: int) -> bool:
        return niceness(pid) == wanted

    def test_niceness(self) -> None:
        """A process gets the priority that is asked for, whatever ours is."""
        network = self.make_network()
        one = network.add("one", 1)
        for wanted in (-20, 5):
            process = one.start(f"sleeper{wanted}", ["sleep", "300"], nice=wanted)
            asked = functools.partial(self._has_niceness, process.popen.pid, wanted)
            eventually(asked, f"niceness {wanted}", timeout=5.0)
        process = one.start("sleeper", ["sleep", "300"])
        self.assertEqual(niceness(process.popen.pid), niceness(0))


class SoftEtherTests(NetworkTestCase):
    """Debian's client against Debian's server."""

    def setUp(self) -> None:
        """Skip where SoftEther is not installed."""
        need_softether(server=True)

    def test_two_clients(self) -> None:
        """Two clients of one hub ping each other; a disconnected one answers no more."""
        network = self.make_network()
        server = SoftEtherServer(network.add("server", 1))
        server.start()
        server.add_switch("office", "alice", "secret")
        clients = [SoftEtherClient(network.add(f"c{n}", 100 + n)) for n in (1, 2)]
        for number, client in enumerate(clients, 1):
            client.start()
            client.add_account("office", "10.77.0.1:443", "office", "alice", "secret")
            client.connect("office", f"10.88.0.{number}/24")
        one, two = clients
        self.assertEqual(one.host.tcp_peers(443), {"10.77.0.1"})
        self.assertGreaterEqual(len(ping(one.host, "10.88.0.2")), 4)
        two.disconnect("office")
        two.wait_disconnected("office")
        self.assertEqual(len(ping(one.host, "10.88.0.2", count=2)), 0)
        assert one.process is not None
        self.assertEqual(len(one.process.family()), 2)
        one.stop()
        self.assertFalse(one.process.running)
        two.kill()
        assert two.process is not None
        self.assertFalse(two.process.running)
