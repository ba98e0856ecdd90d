"""The Virtual Switch: learning, forwarding, limits, against the rules of reference §9.1."""

from __future__ import annotations

import random
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.switch import reasons
from iquila.switch.limiter import BroadcastLimiter
from iquila.switch.port import Port
from iquila.switch.queue import DropTailQueue
from iquila.switch.switch import VirtualSwitch
from iquila.wire.blocks import BlockDecoder, group
from iquila.wire.policy import Policy

BROADCAST = b"\xff" * 6
HEADROOM = 64


def mac(number: int) -> bytes:
    """Return the address of a station."""
    return b"\x02\0\0\0" + number.to_bytes(2, "big")


def frame(to: bytes, by: bytes, body: bytes = b"\x08\0") -> bytes:
    """Return a frame."""
    return to + by + body.ljust(48, b".")


class Outlet:
    """Keeps what is sent to a port."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Keep a run."""
        self.queue_blocks(bytes(buffer[start:end]), count)
        buffer[start - 4 : start] = b"\xee" * 4

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Keep shared blocks."""
        found = split(blocks)
        assert len(found) == count
        self.frames += found


def split(blocks: bytes) -> list[bytes]:
    """Return the frames of blocks."""
    frames, at = [], 0
    while at < len(blocks):
        (size,) = struct.unpack_from(">I", blocks, at)
        frames.append(blocks[at + 4 : at + 4 + size])
        at += 4 + size
    return frames


class Lab:
    """A switch and its ports."""

    def __init__(self, mac_limit: int = 65_536, **policies: Policy) -> None:
        self.now = 1000.0
        self.switch = VirtualSwitch("s", now=self.now, mac_limit=mac_limit)
        self.ports: dict[str, Port] = {}
        self.outlets: dict[str, Outlet] = {}

    def plug(self, *names: str, policy: Policy | None = None, monitor: bool = False) -> None:
        """Plug ports in."""
        for name in names:
            outlet = self.outlets[name] = Outlet()
            chosen = policy or Policy(no_broadcast_limiter=True)
            self.ports[name] = Port(name, outlet, chosen, monitor=monitor)
            self.switch.add_port(self.ports[name])

    def send(self, port: str, *frames: bytes) -> None:
        """Send frames into a port."""
        buffer = bytearray(HEADROOM) + group(frames)
        runs, _ = BlockDecoder().decode(buffer, HEADROOM, len(buffer))
        self.switch.receive(self.ports[port], buffer, runs, self.now)

    def got(self) -> dict[str, list[bytes]]:
        """Return what arrived since the last call, by port."""
        found = {name: outlet.frames for name, outlet in self.outlets.items() if outlet.frames}
        for outlet in self.outlets.values():
            outlet.frames = []
        return found

    def learn(self, port: str, station: int) -> None:
        """Let the switch learn a station."""
        self.send(port, frame(BROADCAST, mac(station)))
        self.got()


class ForwardingTests(SynchronousTestCase):
    """Where frames go."""

    def setUp(self) -> None:
        """Three ports."""
        self.lab = Lab()
        self.lab.plug("a", "b", "c")

    def test_unknown_and_group_addresses_are_flooded(self) -> None:
        """To every port but the source."""
        for to in (mac(9), BROADCAST, b"\x01\0\x5e\0\0\x01"):
            sent = frame(to, mac(1))
            self.lab.send("a", sent)
            self.assertEqual(self.lab.got(), {"b": [sent], "c": [sent]})

    def test_learned_addresses_are_not(self) -> None:
        """A station that was heard gets its frames alone."""
        self.lab.learn("b", 2)
        sent = [frame(mac(2), mac(1))] * 5
        self.lab.send("a", *sent)
        self.lab.send("a", *sent)
        self.assertEqual(self.lab.got(), {"b": sent + sent})
        self.assertEqual(self.lab.ports["a"].received.unicast_frames, 10)
        self.assertEqual(self.lab.ports["b"].sent.unicast_bytes, 600)

    def test_same_port(self) -> None:
        """What would go back where it came from is dropped."""
        self.lab.learn("a", 1)
        self.lab.learn("a", 2)
        self.lab.send("a", frame(mac(2), mac(1)))
        self.assertEqual(self.lab.got(), {})
        self.assertEqual(self.lab.ports["a"].drops, {reasons.SAME_PORT: 1})

    def test_bad_sources(self) -> None:
        """Zero, group and equal addresses, and the switch's own."""
        own = self.lab.switch.mac
        for to, by in ((mac(2), b"\0" * 6), (mac(2), BROADCAST), (mac(2), mac(2)), (mac(2), own)):
            self.lab.send("a", frame(to, by))
        self.assertEqual(self.lab.got(), {})
        self.assertEqual(sum(self.lab.ports["a"].drops.values()), 4)
        self.assertEqual(self.lab.switch.mac_table(), [])

    def test_stations_move(self) -> None:
        """A station that is heard elsewhere is there from then on."""
        self.lab.learn("b", 2)
        self.lab.send("a", frame(mac(2), mac(1)))
        self.lab.learn("c", 2)
        self.lab.send("a", frame(mac(2), mac(1)))
        self.assertEqual(set(self.lab.got()), {"c"})

    def test_ageing(self) -> None:
        """A station that is silent for 600 seconds is flooded to again."""
        self.lab.learn("b", 2)
        self.lab.now += 599
        self.lab.switch.tick(self.lab.now)
        self.lab.send("a", frame(mac(2), mac(1)))
        self.assertEqual(set(self.lab.got()), {"b"})
        self.lab.now += 2
        self.lab.switch.tick(self.lab.now)
        self.lab.send("a", frame(mac(2), mac(1)))
        self.assertEqual(set(self.lab.got()), {"b", "c"})

    def test_unplugging(self) -> None:
        """The stations behind a port go with it, and nothing is sent there."""
        self.lab.learn("b", 2)
        self.lab.send("a", frame(mac(2), mac(1)))
        self.lab.got()
        self.lab.switch.remove_port(self.lab.ports["b"])
        self.lab.send("a", frame(mac(2), mac(1)))
        self.assertEqual(set(self.lab.got()), {"c"})
        received, _sent = self.lab.switch.traffic()
        self.assertEqual(received.broadcast_frames, 2)

    def test_monitors(self) -> None:
        """They get copies of everything, and their own frames go nowhere."""
        self.lab.plug("m", monitor=True)
        self.lab.learn("b", 2)
        sent = frame(mac(2), mac(1))
        self.lab.send("a", sent)
        self.assertEqual(self.lab.got(), {"b": [sent], "m": [sent]})
        self.lab.send("m", frame(BROADCAST, mac(7)))
        self.assertEqual(self.lab.got(), {})

    def test_deleted_addresses(self) -> None:
        """Forgetting one by hand floods again."""
        self.lab.learn("b", 2)
        self.assertTrue(self.lab.switch.delete_mac(mac(2)))
        self.assertFalse(self.lab.switch.delete_mac(mac(2)))
        self.lab.send("a", frame(mac(2), mac(1)))
        self.assertEqual(set(self.lab.got()), {"b", "c"})

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 4)), max_size=60)
    )
    def test_like_a_plain_model(self, steps: list[tuple[int, int, int]]) -> None:
        """Runs, caches and all forward as a plain learning switch does."""
        lab, table, names = Lab(), {}, "abc"
        lab.plug(*names)
        for port, to, by in steps:
            name, destination = names[port], BROADCAST if to == 0 else mac(to)
            source = mac(by + 1)
            lab.send(name, frame(destination, source))
            expected: set[str] = set()
            if destination != source:
                table[source] = name
                others = set(names) - {name}
                expected = {table[destination]} - {name} if destination in table else others
            self.assertEqual(set(lab.got()), expected)


class LimitTests(SynchronousTestCase):
    """Bounds and policies."""

    def test_table_limit(self) -> None:
        """A full table learns no more, and drops what comes from new stations."""
        lab = Lab(mac_limit=10)
        lab.plug("a", "b", "c")
        for station in range(1, 20):
            lab.send("ab"[station % 2], frame(BROADCAST, mac(station)))
        self.assertEqual(len(lab.switch.mac_table()), 10)
        self.assertEqual(len(lab.got()["c"]), 10)
        drops = [lab.ports[name].drops.get(reasons.TABLE_FULL, 0) for name in "ab"]
        self.assertEqual(sum(drops), 9)

    def test_no_bridge(self) -> None:
        """Three stations behind a port that may not bridge."""
        lab = Lab()
        lab.plug("a", policy=Policy(no_bridge=True, no_broadcast_limiter=True))
        lab.plug("b")
        for station in range(1, 6):
            lab.send("a", frame(BROADCAST, mac(station)))
        self.assertEqual(len(lab.got()["b"]), 3)

    def test_no_stealing(self) -> None:
        """An active address stays where it is for 13 seconds, with CheckMac."""
        lab = Lab()
        lab.plug("a")
        lab.plug("b", policy=Policy(check_mac=True, no_broadcast_limiter=True))
        lab.learn("a", 1)
        lab.send("b", frame(BROADCAST, mac(1)))
        self.assertEqual(lab.got(), {})
        lab.now += 13.1
        lab.switch.tick(lab.now)
        lab.send("b", frame(BROADCAST, mac(1)))
        self.assertEqual(set(lab.got()), {"a"})

    def test_storm(self) -> None:
        """A storm of broadcasts is thinned out; unicast is not."""
        lab = Lab()
        lab.plug("a", policy=Policy())
        lab.plug("b")
        lab.learn("b", 2)
        for _ in range(2000):
            lab.now += 0.001
            lab.send("a", frame(BROADCAST, mac(1)))
        self.assertLess(len(lab.got()["b"]), 400)
        lab.send("a", *[frame(mac(2), mac(1))] * 500)
        self.assertEqual(len(lab.got()["b"]), 500)

    def test_few_broadcasts_pass(self) -> None:
        """An ordinary rate is not touched."""
        limiter = BroadcastLimiter(random.Random(1))
        passed = [limiter.passes(frame(BROADCAST, mac(1)), n * 0.1) for n in range(100)]
        self.assertEqual(passed, [True] * 100)


class QueueTests(SynchronousTestCase):
    """Drop-tail."""

    @given(st.lists(st.integers(1, 40), max_size=40), st.integers(10, 100))
    def test_bounded(self, sizes: list[int], limit: int) -> None:
        """Whole runs are dropped at the tail, and what is kept comes out in order."""
        queue = DropTailQueue(limit)
        kept = []
        for number, size in enumerate(sizes):
            run = bytes((number,)) * size
            if queue.put(run, 1):
                kept.append(run)
            self.assertLessEqual(len(queue), limit)
        self.assertEqual(queue.dropped_frames, len(sizes) - len(kept))
        out = b""
        while len(queue):
            blocks, _count = queue.take(30)
            out += blocks
        self.assertEqual(out, b"".join(kept))
