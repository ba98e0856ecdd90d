"""What the packet log sees of frames."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.journal import tap as taps
from iquila.journal.packets import Kind, describe
from iquila.journal.tap import Tap
from iquila.switch.port import Port
from iquila.switch.switch import VirtualSwitch
from iquila.wire.blocks import Run, block
from iquila.wire.policy import DEFAULT_POLICY
from iquila.wire.scan import scan
from iquila.wire.superframe import VirtioHeader, super_block

MACS = bytes.fromhex("0200000000020200000000 01".replace(" ", ""))


def ipv4(protocol: int, payload: bytes, fragment: int = 0) -> bytes:
    """Return a frame with an IPv4 packet from 10.0.0.1 to 10.0.0.2."""
    head = struct.pack(
        ">BBHHHBBH4s4s",
        *(0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0),
        *(bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))),
    )
    return MACS + b"\x08\x00" + head + payload


def ipv6(following: int, payload: bytes) -> bytes:
    """Return a frame with an IPv6 packet from ::1 to ::2."""
    head = struct.pack(">IHBB", 6 << 28, len(payload), following, 64)
    return MACS + b"\x86\xdd" + head + b"\0" * 15 + b"\1" + b"\0" * 15 + b"\2" + payload


def tcp(flags: int) -> bytes:
    """Return a TCP header from port 1000 to 80."""
    return struct.pack(">HHIIBBHHH", 1000, 80, 1, 2, 0x50, flags, 100, 0, 0)


UDP = struct.pack(">HHHH", 5000, 53, 8, 0)
DHCP = struct.pack(">HHHH", 68, 67, 8, 0)
ARP = MACS + b"\x08\x06" + bytes.fromhex("0001080006040001020000000001") + bytes((10, 0, 0, 1))
ARP += b"\0" * 6 + bytes((10, 0, 0, 2))


class DescribeTests(SynchronousTestCase):
    """Kinds and headers."""

    def test_kinds(self) -> None:
        """Each of the eight, in both versions of IP."""
        for frame, kind in (
            (ipv4(6, tcp(2)), Kind.TCP_CONNECTION),
            (ipv4(6, tcp(0x11)), Kind.TCP_CONNECTION),
            (ipv4(6, tcp(4)), Kind.TCP_CONNECTION),
            (ipv4(6, tcp(0x18)), Kind.TCP_DATA),
            (ipv4(17, DHCP), Kind.DHCP),
            (ipv4(17, UDP), Kind.UDP),
            (ipv4(1, b"\x08\0" + b"\0" * 6), Kind.ICMP),
            (ipv4(50, b"\0" * 8), Kind.IP),
            (ipv4(17, UDP, fragment=5), Kind.IP),
            (ARP, Kind.ARP),
            (MACS + b"\x88\xcc" + b"\0" * 10, Kind.ETHERNET),
            (ipv6(6, tcp(2)), Kind.TCP_CONNECTION),
            (ipv6(0, b"\x11\0" + b"\0" * 6 + UDP), Kind.UDP),
            (ipv6(44, b"\x06\0\x00\x08" + b"\0" * 4 + tcp(2)), Kind.IP),
            (ipv6(58, b"\x80\0" + b"\0" * 6), Kind.ICMP),
        ):
            self.assertEqual(describe(frame)[0], kind, frame.hex())

    def test_fields(self) -> None:
        """Addresses, ports, flags, a VLAN."""
        frame = ipv4(6, tcp(0x12))
        _, fields = describe(frame[:12] + b"\x81\x00\x00\x07" + frame[12:])
        self.assertEqual(
            fields,
            {
                "source_mac": "02-00-00-00-00-01",
                "destination_mac": "02-00-00-00-00-02",
                "vlan": 7,
                "source": "10.0.0.1",
                "destination": "10.0.0.2",
                "protocol": 6,
                "source_port": 1000,
                "destination_port": 80,
                "flags": ["SYN", "ACK"],
            },
        )
        _, fields = describe(ARP)
        self.assertEqual(
            (fields["operation"], fields["sender"], fields["target"]), (1, "10.0.0.1", "10.0.0.2")
        )

    @given(
        st.one_of(
            st.binary(min_size=14, max_size=100),
            st.builds(lambda n: ipv4(6, tcp(2))[:n], st.integers(14, 54)),
            st.builds(lambda n, f, p: ipv6(f, p)[:n], st.integers(14, 90), st.integers(0, 255),
                      st.binary(max_size=60)),
        )
    )  # fmt: skip
    def test_anything(self, frame: bytes) -> None:
        """No frame that a switch takes is too much for it."""
        kind, _fields = describe(frame)
        self.assertIn(kind, Kind)


class Outlet:
    """Counts what a port is sent."""

    def __init__(self) -> None:
        self.frames = 0

    def lane(self, key: bytes) -> Outlet:
        return self

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        self.frames += count

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        self.frames += count

    def set_offload(self, on: bool) -> None:
        pass


def cut(*blocks: bytes) -> tuple[bytearray, list[Run]]:
    """Return a buffer of blocks, and its runs."""
    buffer = bytearray(b"".join(blocks))
    runs: list[Run] = []
    scan(buffer, 0, len(buffer), len(blocks), True, runs)
    return buffer, runs


class TapTests(SynchronousTestCase):
    """The eye on a switch."""

    def setUp(self) -> None:
        """A switch with two ports."""
        self.entries: list[dict[str, Any]] = []
        self.switch = VirtualSwitch("lab", now=0.0)
        self.outlet = Outlet()
        self.port = Port("SID-A-1", Outlet(), DEFAULT_POLICY, super_frames=True)
        self.switch.add_port(self.port)
        self.switch.add_port(Port("SID-B-2", self.outlet, DEFAULT_POLICY, super_frames=True))

    def look(self, *levels: int, per_minute: int = 0) -> None:
        """Plug a tap in."""
        self.switch.set_tap(Tap(levels, per_minute, self.entries.append))

    def send(self, *blocks: bytes, now: float = 0.0) -> None:
        """Have the first port send blocks."""
        self.switch.receive(self.port, *cut(*blocks), now)

    def test_nothing_when_off(self) -> None:
        """A switch without a packet log has its own method and no other; frames go on anyway."""
        self.assertNotIn("receive", vars(self.switch))
        self.look(1)
        self.send(block(ipv4(6, tcp(2))))
        self.switch.set_tap(None)
        self.assertNotIn("receive", vars(self.switch))
        self.send(block(ipv4(6, tcp(2))))
        self.assertEqual((len(self.entries), self.outlet.frames), (1, 2))

    def test_levels(self) -> None:
        """Nothing, headers, or everything, for each kind."""
        self.look(1, 0, 0, 2)
        self.send(block(ipv4(6, tcp(2))), block(ipv4(6, tcp(16))), block(ipv4(17, UDP)))
        connection, datagram = self.entries
        self.assertEqual((connection["event"], connection["session"]), ("tcpconn", "SID-A-1"))
        self.assertNotIn("data", connection)
        self.assertEqual((datagram["data"], datagram["size"]), (ipv4(17, UDP).hex(), 42))

    def test_super_frames(self) -> None:
        """Are one entry, with the headers of the frame behind theirs."""
        self.look(0, 1)
        self.send(super_block(VirtioHeader(), ipv4(6, tcp(16) + b"x" * 5000)))
        (entry,) = self.entries
        self.assertEqual((entry["source_port"], entry["size"]), (1000, 5054))

    def test_bounded(self) -> None:
        """So many are written a second; the others are counted, and go on as all do."""
        self.look(1, per_minute=120)
        syn = block(ipv4(6, tcp(2)))
        self.send(*[syn] * 10, now=1.0)
        self.send(*[syn] * 5, now=1.9)
        self.assertEqual(len(self.entries), 2)
        self.send(syn, now=2.1)
        self.assertEqual(self.entries[2], {"event": "frames-not-logged", "count": 13})
        self.assertEqual((len(self.entries), self.outlet.frames), (4, 16))

    def test_looking_is_bounded(self) -> None:
        """Also where nothing that is seen is written."""
        self.patch(taps, "LOOKED_AT", 10)
        self.look(1)
        self.send(*[block(ipv4(6, tcp(16)))] * 50, now=1.0)
        self.send(block(ipv4(6, tcp(16))), now=3.0)
        self.assertEqual(self.entries, [{"event": "frames-not-logged", "count": 40}])
