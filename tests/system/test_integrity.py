"""Real clients on real devices: what goes in comes out, byte for byte, in order, resets or not."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from .case import NetworkTestCase
from .cluster import PORT, Client, Server
from .network import Host
from .ping import ping
from .processes import eventually
from .requirements import lacks_tap, need_softether, refuse
from .softether import SoftEtherClient
from .transfers import Transfer, offload, reset_one, start_frames, start_stream

SWITCH = "lab"
MIB = 1024 * 1024
PURE = {"PURE_PYTHON": "1", "IQUILA_TLS": "public"}
SECONDS = 2.0
"""How long numbered frames are sent."""
CALM_SHARE, CUT_SHARE = 0.9, 0.5
"""The share of the frames that has to arrive: a device drops some when its client gets no CPU."""
End = tuple[Host, str]
"""A host and its device on the switch."""


class IntegrityTestCase(NetworkTestCase):
    """A server with a switch, and two clients whose devices have 10.88.0.1 and 10.88.0.2."""

    def start_server(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it on a host of a new network."""
        self.network = self.make_network()
        self.host = self.network.add("server", 1)
        self.server = Server(self.host, "server", environment=environment or {})
        self.server.start()
        self.server.add_switch(SWITCH, 0, ("user",))

    def client(
        self, number: int, *options: str, environment: Mapping[str, str] | None = None
    ) -> End:
        """Start one of our clients."""
        client = Client(self.network.add(f"c{number}", 100 + number), environment or {})
        client.start(f"10.77.0.1:{PORT}", SWITCH, "user", *options)
        client.host.ip("addr", "add", f"10.88.0.{number}/24", "dev", client.device)
        client.host.ip("link", "set", client.device, "up")
        return client.host, client.device

    def softether(self, number: int, connections: int) -> End:
        """Start a SoftEther client, with all its connections."""
        client = SoftEtherClient(self.network.add(f"s{number}", 100 + number))
        client.start()
        account = (f"10.77.0.1:{PORT}", SWITCH, "user", "user")
        client.add_account(SWITCH, *account, connections=connections)
        client.connect(SWITCH, f"10.88.0.{number}/24")
        self.wait_connections(client.host, connections)
        return client.host, f"vpn_{SWITCH}"

    def wait_connections(self, host: Host, count: int) -> None:
        """Wait until a client has so many; it may open one a second."""
        eventually(
            lambda: len(host.tcp_connections(PORT)) == count,
            f"{host.name}: {count} connections",
            timeout=30.0 + 2 * count,
        )

    def reach(self, one: End, number: int) -> None:
        """Wait until a host reaches another; then both are learned."""
        eventually(lambda: len(ping(one[0], f"10.88.0.{number}", count=1)), "an answer")

    def reset(self, times: int, pause: float) -> None:
        """Cut connections at one end or the other, one after the other."""
        for _ in range(times):
            time.sleep(pause)
            host = random.choice(list(self.network.hosts.values()))
            if not self.reset_at(host):
                refuse("needs a kernel that lets ss cut connections: CONFIG_INET_DIAG_DESTROY")

    def reset_at(self, host: Host) -> bool:
        """Cut a connection of a host, which may be opening another one just now."""

        def cut() -> tuple[bool] | None:
            done = reset_one(host, PORT)
            return None if done is None else (done,)

        return eventually(cut, f"{host.name}: a connection", interval=0.02)[0]

    def check_stream(
        self, one: End, two: End, size: int, *, number: int = 2, resets: int = 0
    ) -> None:
        """Send a stream; all of it has to arrive."""
        stream = start_stream(one[0], two[0], f"10.88.0.{number}", size)
        self.reset(resets, 0.15)
        self.check_end(stream, size)

    def check_end(self, stream: Transfer, size: int) -> None:
        """Wait for the end of a stream, and compare what was sent with what arrived."""
        sent, received = stream.end()
        self.assertTrue(sent["complete"])
        self.assertEqual((sent["bytes"], received["bytes"]), (size, size))
        self.assertEqual(sent["sha256"], received["sha256"])

    def check_frames(self, one: End, two: End, share: float, *, resets: int = 0) -> None:
        """Send frames both ways; so much of each has to arrive, in order."""
        both = [start_frames(*ends, SECONDS, sources=2) for ends in ((one, two), (two, one))]
        self.reset(resets, 0.25)
        for frames in both:
            self.check_arrival(frames, share)

    def check_arrival(self, frames: Transfer, share: float, *, ordered: bool = True) -> None:
        """Wait for the end of one direction, and check what arrived."""
        sent, received = frames.end()
        self.assertEqual(received["wrong"], 0, received["errors"])
        if ordered:
            self.assertEqual(received["late"], 0, received["errors"])
        self.assertGreater((received["frames"] + received["late"]) / sent["frames"], share)


class ClientTests(IntegrityTestCase):
    """Between two of our clients."""

    timeout = 120

    def setUp(self) -> None:
        """Skip where there are no devices."""
        if lack := lacks_tap():
            refuse(lack)

    def check(self, one: End, two: End) -> None:
        """Send everything, calm and with resets."""
        self.reach(one, 2)
        self.check_stream(one, two, 100 * MIB)
        self.check_stream(one, two, 300 * MIB, resets=6)
        self.check_frames(one, two, CALM_SHARE)
        self.check_frames(one, two, CUT_SHARE, resets=6)
        for host, _ in (one, two):
            log = (host.scratch / "iquila-client.log").read_text()
            self.assertEqual(log.count("is open at"), 1, f"{host.name} had to log in again")

    def test_ordinary_frames(self) -> None:
        """On one connection each."""
        self.start_server()
        one, two = (self.client(number, "--ordinary-frames") for number in (1, 2))
        self.check(one, two)

    def test_super_frames(self) -> None:
        """On one connection each; and the machines do make them."""
        self.start_server()
        one, two = self.client(1), self.client(2)
        self.check(one, two)
        before = two[0].received_packets(two[1])
        self.check_stream(one, two, 100 * MIB)
        packets = two[0].received_packets(two[1]) - before
        self.assertGreater(100 * MIB / packets, 5000)

    def test_pure_python(self) -> None:
        """Super-frames without the C extension, and TLS by public calls, on eight connections."""
        self.start_server(PURE)
        one, two = (self.client(n, "--connections=8", environment=PURE) for n in (1, 2))
        for host, _ in (one, two):
            self.wait_connections(host, 8)
        self.check(one, two)


class SoftEtherTests(IntegrityTestCase):
    """With SoftEther's clients at our server."""

    timeout = 180

    def setUp(self) -> None:
        """Skip where SoftEther is not installed."""
        need_softether()

    def test_one_connection(self) -> None:
        """Frames are exact and in order, and go on after a reset, when their client comes back."""
        self.start_server()
        one, two = self.softether(1, 1), self.softether(2, 1)
        self.reach(one, 2)
        self.check_stream(one, two, 100 * MIB)
        self.check_frames(one, two, CALM_SHARE)
        self.check_frames(one, two, 0.0, resets=1)
        self.reach(one, 2)
        self.check_stream(one, two, 20 * MIB)

    def test_eight_connections(self) -> None:
        """
        Frames are exact, and in order from us to them.

        Not from them: their client spreads the frames of one conversation over its connections,
        and some overtake others when there are many.
        """
        self.start_server()
        one, two = self.client(1, "--ordinary-frames"), self.softether(2, 8)
        self.reach(one, 2)
        self.check_stream(one, two, 100 * MIB)
        self.check_stream(two, one, 100 * MIB, number=1)
        there = start_frames(one, two, SECONDS, sources=2)
        back = start_frames(two, one, SECONDS, sources=2)
        self.check_arrival(there, CALM_SHARE)
        self.check_arrival(back, CALM_SHARE, ordered=False)

    def test_offload_is_switched(self) -> None:
        """
        A client that talks to an ordinary one sends ordinary frames until it has been silent.

        No connection breaks, neither its own to that client nor the one it has to its like.
        """
        self.start_server()
        one, two = self.client(1), self.client(2)
        self.reach(one, 2)
        eventually(lambda: offload(*one) and offload(*two), "offload", timeout=5.0)
        size = 250_000_000
        long = start_stream(one[0], two[0], "10.88.0.2", size, rate=10e6)
        three = self.softether(3, 1)
        self.assertTrue(offload(*one))
        talk = start_stream(one[0], three[0], "10.88.0.3", 50 * MIB)
        eventually(lambda: not offload(*one), "no offload", timeout=5.0)
        self.check_end(talk, 50 * MIB)
        end = time.monotonic()
        self.assertTrue(offload(*two))
        eventually(lambda: offload(*one), "offload again", timeout=20.0)
        # The switch waits for ten seconds of silence, and looks every two.
        self.assertGreater(time.monotonic() - end, 8.0)
        self.assertTrue(long.sender.running)
        self.check_end(long, size)
