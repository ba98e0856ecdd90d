"""The Virtual Switch: learning, forwarding, limits, against the rules of reference §9.1."""

from __future__ import annotations

import os
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.switch import reasons
from iquila.switch.limiter import BroadcastLimiter
from iquila.switch.port import Port
from iquila.switch.queue import DropTailQueue
from iquila.switch.switch import OFFLOAD_HOLD, TELL_AGAIN, VirtualSwitch
from iquila.wire.blocks import BlockDecoder, block
from iquila.wire.policy import Policy
from iquila.wire.superframe import (
    GSO_TCPV4,
    NEEDS_CHECKSUM,
    VirtioHeader,
    payloads,
    super_block,
)
from tests.wire.test_superframe import TCP, ipv4, tcp

BROADCAST = b"\xff" * 6
HEADROOM = 64


def mac(number: int) -> bytes:
    """Return the address of a station."""
    return b"\x02\0\0\0" + number.to_bytes(2, "big")


def frame(to: bytes, by: bytes, body: bytes = b"\x08\0") -> bytes:
    """Return a frame."""
    return to + by + body.ljust(48, b".")


class Outlet:
    """Keeps what is sent to a port, super-frames with their headers."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.lanes: set[bytes] = set()
        """The conversations that somebody wanted lanes for."""
        self.super_frames = 0
        self.offload: list[bool] = []

    def lane(self, key: bytes) -> Outlet:
        """Return the only lane."""
        self.lanes.add(key)
        return self

    def set_offload(self, on: bool) -> None:
        """Keep what the peer is told."""
        self.offload.append(on)

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Keep a run."""
        self.queue_blocks(bytes(buffer[start:end]), count)

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Keep shared blocks."""
        found = list(payloads(blocks))
        assert len(found) == count > 0
        self.frames += [payload for _, payload in found]
        self.super_frames += sum(is_super for is_super, _ in found)


class Lab:
    """A switch and its ports."""

    def __init__(self, mac_limit: int = 65_536, **policies: Policy) -> None:
        self.now = 1000.0
        self.switch = VirtualSwitch("s", now=self.now, mac_limit=mac_limit)
        self.ports: dict[str, Port] = {}
        self.outlets: dict[str, Outlet] = {}

    def plug(self, *names: str, policy: Policy | None = None, **facts: bool) -> None:
        """Plug ports in."""
        for name in names:
            outlet = self.outlets[name] = Outlet()
            chosen = policy or Policy(no_broadcast_limiter=True)
            self.ports[name] = Port(name, outlet, chosen, **facts)
            self.switch.add_port(self.ports[name])

    def send(self, port: str, *frames: bytes) -> None:
        """Send frames into a port."""
        self.send_blocks(port, *map(block, frames))

    def send_blocks(self, port: str, *blocks: bytes) -> None:
        """Send blocks into a port, as one group."""
        data = len(blocks).to_bytes(4, "big") + b"".join(blocks)
        buffer = bytearray(HEADROOM) + data
        decoder = BlockDecoder(super_allowed=self.ports[port].super_frames)
        runs, consumed = decoder.decode(buffer, HEADROOM, len(buffer))
        assert consumed == len(buffer)
        self.switch.receive(self.ports[port], buffer, runs, self.now)
        assert buffer[HEADROOM:] == data

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

    def test_monitors_have_one_lane(self) -> None:
        """On which everything stays in order, floods and parts of batches too."""
        self.lab.plug("m", monitor=True)
        self.lab.learn("b", 2)
        sent = [frame(mac(2), mac(1)), frame(mac(3), mac(1)), frame(mac(2), mac(5))] * 3
        self.lab.send("a", *sent)
        self.assertEqual(self.lab.got()["m"], sent)
        self.assertEqual(self.lab.outlets["m"].lanes, {b""})

    def test_deleted_addresses(self) -> None:
        """Forgetting one by hand floods again."""
        self.lab.learn("b", 2)
        self.assertTrue(self.lab.switch.delete_mac(mac(2)))
        self.assertFalse(self.lab.switch.delete_mac(mac(2)))
        self.lab.send("a", frame(mac(2), mac(1)))
        self.assertEqual(set(self.lab.got()), {"b", "c"})

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(2, 5), st.integers(1, 3)), min_size=1, max_size=200))
    def test_batches(self, parts: list[tuple[int, int]]) -> None:
        """Runs of any length to any port, in one batch: every frame arrives, in order."""
        lab = Lab()
        lab.plug("a", "b", "c", "d")
        for station in range(2, 5):
            lab.learn("?!bcd"[station], station)
        sent: dict[str, list[bytes]] = {}
        batch = []
        for number, (station, count) in enumerate(parts):
            for _ in range(count):
                body = number.to_bytes(4, "big") + os.urandom(count * 37)
                batch.append(frame(mac(station), mac(1), body))
                for name in "bcd" if station == 5 else "?!bcd"[station]:
                    sent.setdefault(name, []).append(batch[-1])
        lab.send("a", *batch)
        got = lab.got()
        for name in "bcd":
            for station in range(2, 6):
                to = mac(station)
                self.assertEqual(
                    [f for f in got.get(name, []) if f.startswith(to)],
                    [f for f in sent.get(name, []) if f.startswith(to)],
                )

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(10, 14), st.integers(1, 80)), min_size=1, max_size=30))
    def test_learning_amid_a_batch(self, parts: list[tuple[int, int]]) -> None:
        """A new station in a batch changes nothing in the order of the others' frames."""
        self.lab = Lab()
        self.lab.plug("a", "b")
        self.lab.learn("b", 2)
        sent = [
            frame(mac(2), mac(source), number.to_bytes(4, "big") * count)
            for number, (source, count) in enumerate(parts)
            for _ in range(count)
        ]
        self.lab.send("a", *sent)
        got = self.lab.got()["b"]
        for source in range(10, 15):
            of_source = [f for f in sent if f[6:12] == mac(source)]
            # Not assertEqual: it would take minutes to tell the difference.
            self.assertTrue([f for f in got if f[6:12] == mac(source)] == of_source)

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


class SuperFrameTests(SynchronousTestCase):
    """Ports that understand super-frames, and ports that do not."""

    def setUp(self) -> None:
        """Two of the first kind, one of the other."""
        self.lab = Lab()
        self.lab.plug("a", "b", super_frames=True)
        self.lab.plug("o")
        for station, name in enumerate("abo", 1):
            self.lab.learn(name, station)

    def super_frame(self, to: bytes, size: int = 3000) -> bytes:
        """Return a block from station 1: a TCP segment that is to become two or three."""
        return super_block(
            VirtioHeader(NEEDS_CHECKSUM, GSO_TCPV4, 54, 1400, 34, 16),
            to + mac(1) + ipv4(TCP, tcp(b"x" * size)),
        )

    def test_they_are_handed_on_to_their_kind(self) -> None:
        """As they are, in one run with others of their size or not."""
        blocks = [self.super_frame(mac(2)), self.super_frame(mac(2), 1000)]
        self.lab.send_blocks("a", *blocks)
        self.assertEqual(self.lab.got(), {"b": [b[4:] for b in blocks]})
        self.assertEqual(self.lab.outlets["b"].super_frames, 2)
        self.assertEqual(self.lab.outlets["a"].offload, [])

    def test_others_get_ordinary_frames(self) -> None:
        """Cut by the switch, and the sender is told once."""
        for _ in range(3):
            self.lab.send_blocks("a", self.super_frame(mac(3)))
        frames = self.lab.got()["o"]
        self.assertEqual(self.lab.outlets["o"].super_frames, 0)
        self.assertEqual([len(f) for f in frames], [66 + 1400, 66 + 1400, 66 + 200] * 3)
        self.assertEqual(b"".join(f[66:] for f in frames), b"x" * 9000)
        self.assertEqual(self.lab.outlets["a"].offload, [False])

    def test_both_kinds_stay_in_order(self) -> None:
        """A super-frame does not overtake the ordinary frame in front of it."""
        for size in (100, 20_000):
            before = frame(mac(3), mac(1), b"before")
            after = frame(mac(3), mac(1), b"after")
            self.lab.send_blocks("a", block(before), self.super_frame(mac(3), size), block(after))
            got = self.lab.got()["o"]
            self.assertEqual((got[0], got[-1]), (before, after))

    def test_ordinary_frames_count_too(self) -> None:
        """While the sender talks to the other kind it stays told; afterwards it is free again."""
        self.lab.send_blocks("a", self.super_frame(mac(3)))
        for _ in range(4):
            self.lab.now += OFFLOAD_HOLD / 2
            self.lab.switch.tick(self.lab.now)
            self.lab.send("a", frame(mac(3), mac(1)))
        self.assertEqual(self.lab.outlets["a"].offload, [False])
        self.lab.now += OFFLOAD_HOLD
        self.lab.switch.tick(self.lab.now)
        self.assertEqual(self.lab.outlets["a"].offload, [False, True])
        self.assertEqual(self.lab.outlets["b"].offload, [])

    def test_a_message_that_was_lost(self) -> None:
        """A sender that goes on with super-frames is told again, not at every frame."""
        for _ in range(4):
            self.lab.send_blocks("a", self.super_frame(mac(3)))
            self.lab.now += TELL_AGAIN / 2
            self.lab.switch.tick(self.lab.now)
        self.assertEqual(self.lab.outlets["a"].offload, [False, False])

    def test_floods(self) -> None:
        """Each port gets what it understands."""
        self.lab.send_blocks("a", self.super_frame(BROADCAST, 2000))
        got = self.lab.got()
        self.assertEqual(got["b"], [self.super_frame(BROADCAST, 2000)[4:]])
        self.assertEqual([len(f) for f in got["o"]], [66 + 1400, 66 + 600])

    def test_monitors_get_ordinary_frames(self) -> None:
        """And the sender is told."""
        self.lab.plug("m", monitor=True)
        self.lab.send_blocks("a", self.super_frame(mac(2)))
        got = self.lab.got()
        self.assertEqual(len(got["b"]), 1)
        self.assertEqual(len(got["m"]), 3)
        self.assertEqual(self.lab.outlets["a"].offload, [False])

    def test_nonsense(self) -> None:
        """A super-frame that cannot be cut is dropped and counted, and hurts nobody."""
        bad = super_block(VirtioHeader(1, GSO_TCPV4, 0, 1400, 500, 16), mac(3) + mac(1) + b"x" * 90)
        self.lab.send_blocks("a", bad, self.super_frame(mac(3), 100))
        self.assertEqual([len(f) for f in self.lab.got()["o"]], [166])
        self.assertEqual(self.lab.ports["a"].drops, {reasons.BAD_SUPER_FRAME: 1})

    def test_storms(self) -> None:
        """The limiter looks at super-frames too."""
        self.lab.plug("s", policy=Policy(), super_frames=True)
        head = mac(7) + ipv4(TCP, tcp(b""))
        for _ in range(100):
            self.lab.send_blocks("s", super_block(VirtioHeader(), BROADCAST + head))
        self.assertLess(len(self.lab.got()["o"]), 50)


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
            self.assertLessEqual(queue.size, limit)
        self.assertEqual(queue.dropped_frames, len(sizes) - len(kept))
        out = b""
        while queue.size:
            blocks, _count = queue.take(30)
            out += blocks
        self.assertEqual(out, b"".join(kept))
