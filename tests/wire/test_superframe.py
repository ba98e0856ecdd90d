"""Super-frames cut into ordinary frames: what the segments of the kernel look like."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.testing.host import checksum
from iquila.wire.scan import SUPER
from iquila.wire.superframe import (
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP,
    NEEDS_CHECKSUM,
    BadSuperFrame,
    VirtioHeader,
    frames_of,
    offload_message,
    payloads,
    read_offload_message,
    super_block,
)

MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
V4 = bytes((10, 0, 0, 1, 10, 0, 0, 2))
V6 = bytes(range(32))
TCP, UDP = 6, 17


def ipv4(protocol: int, transport: bytes, identification: int = 7) -> bytes:
    """Return an IPv4 packet."""
    size = 20 + len(transport)
    head = struct.pack("!BBHHHBBH", 0x45, 0, size & 0xFFFF, identification, 0x4000, 64, protocol, 0)
    return b"\x08\x00" + head + V4 + transport


def ipv6(protocol: int, transport: bytes) -> bytes:
    """Return an IPv6 packet."""
    size = len(transport) & 0xFFFF
    return b"\x86\xdd" + struct.pack("!IHBB", 0x60000000, size, protocol, 64) + V6 + transport


def tcp(payload: bytes, *, sequence: int = 1000, flags: int = 0x18) -> bytes:
    """Return a TCP segment with twelve bytes of options."""
    head = struct.pack("!HHIIBBHHH", 1, 2, sequence, 9, 8 << 4, flags, 512, 0, 0)
    return head + b"\x01\x01\x08\x0a" + b"t" * 8 + payload


def udp(payload: bytes) -> bytes:
    """Return a UDP datagram."""
    return struct.pack("!HHHH", 1, 2, (8 + len(payload)) & 0xFFFF, 0) + payload


def transport_is_sound(frame: bytes, at: int, protocol: int) -> bool:
    """Return whether the transport checksum of a frame is right."""
    segment = frame[at:]
    addresses = V4 if frame[12:14] == b"\x08\x00" else V6
    return checksum(addresses + struct.pack("!HH", protocol, len(segment)) + segment) == 0


class CuttingTests(SynchronousTestCase):
    """Segments: their payload, their numbers and their checksums."""

    def cut(self, kind: int, frame: bytes, at: int, size: int, offset: int = 16) -> list[bytes]:
        """Return what a super-frame is cut into."""
        header = VirtioHeader(NEEDS_CHECKSUM, kind, at, size, at, offset)
        return frames_of(header.encode() + frame)

    @given(st.binary(min_size=1, max_size=9000), st.integers(512, 1500), st.booleans())
    def test_tcp(self, payload: bytes, size: int, v6: bool) -> None:
        """Sequence numbers go on, PSH is on the last one only, checksums hold."""
        packet = ipv6(TCP, tcp(payload)) if v6 else ipv4(TCP, tcp(payload))
        at = 14 + (40 if v6 else 20)
        frames = self.cut(GSO_TCPV6 if v6 else GSO_TCPV4, MACS + packet, at, size)
        self.assertEqual(b"".join(f[at + 32 :] for f in frames), payload)
        self.assertTrue(all(len(f) - at - 32 == size for f in frames[:-1]))
        for number, frame in enumerate(frames):
            self.assertEqual(frame[:12], MACS)
            self.assertTrue(transport_is_sound(frame, at, TCP))
            sequence, _, _, flags = struct.unpack_from("!IIBB", frame, at + 4)
            self.assertEqual(sequence, 1000 + number * size)
            self.assertEqual(flags, 0x18 if frame is frames[-1] else 0x10)
            if v6:
                self.assertEqual(struct.unpack_from("!H", frame, 18)[0], len(frame) - 54)
            else:
                total, identification = struct.unpack_from("!HH", frame, 16)
                self.assertEqual((total, identification), (len(frame) - 14, 7 + number))
                self.assertEqual(checksum(frame[14:34]), 0)

    @given(st.binary(min_size=1, max_size=5000), st.integers(512, 1400))
    def test_udp(self, payload: bytes, size: int) -> None:
        """Each datagram has its own length."""
        frames = self.cut(GSO_UDP, MACS + ipv4(UDP, udp(payload)), 34, size, 6)
        self.assertEqual(b"".join(f[42:] for f in frames), payload)
        for frame in frames:
            self.assertEqual(struct.unpack_from("!H", frame, 38)[0], len(frame) - 34)
            self.assertTrue(transport_is_sound(frame, 34, UDP))

    def test_congestion_mark_is_on_the_first_only(self) -> None:
        """CWR is said once (RFC 3168 §6.1.2)."""
        frame = MACS + ipv4(TCP, tcp(b"x" * 2000, flags=0x90))
        frames = self.cut(GSO_TCPV4 | 0x80, frame, 34, 1000)
        self.assertEqual([f[47] for f in frames], [0x90, 0x10])

    def test_vlan(self) -> None:
        """A tag stays in front of each segment."""
        frame = MACS + b"\x81\0\0\x05" + ipv4(TCP, tcp(b"x" * 1500))
        frames = self.cut(GSO_TCPV4, frame, 38, 1000)
        self.assertEqual([f[12:18] for f in frames], [b"\x81\0\0\x05\x08\0"] * 2)
        self.assertEqual([len(f) for f in frames], [38 + 32 + 1000, 38 + 32 + 500])

    def test_checksum_only(self) -> None:
        """A frame that needs no cutting gets its checksum completed."""
        segment = bytearray(tcp(b"hello"))
        pseudo = V4 + struct.pack("!HH", TCP, len(segment))
        segment[16:18] = (~checksum(pseudo) & 0xFFFF).to_bytes(2, "big")
        header = VirtioHeader(NEEDS_CHECKSUM, checksum_start=34, checksum_offset=16)
        (frame,) = frames_of(header.encode() + MACS + ipv4(TCP, bytes(segment)))
        self.assertTrue(transport_is_sound(frame, 34, TCP))

    def test_nothing_to_do(self) -> None:
        """A frame with an empty header is that frame."""
        frame = MACS + b"\x08\x06" + b"x" * 46
        self.assertEqual(frames_of(VirtioHeader().encode() + frame), [frame])

    @given(st.binary(min_size=24, max_size=400))
    def test_nonsense(self, payload: bytes) -> None:
        """Any bytes give frames or are refused, and never become more than is reasonable."""
        try:
            frames = frames_of(payload)
        except BadSuperFrame:
            return
        self.assertLessEqual(len(frames), 1 + len(payload) // 512)

    def test_tiny_segments(self) -> None:
        """One frame cannot be made to become thousands."""
        frame = MACS + ipv4(TCP, tcp(b"x" * 60_000))
        self.assertRaises(BadSuperFrame, self.cut, GSO_TCPV4, frame, 34, 8)


class BlockTests(SynchronousTestCase):
    """How super-frames travel."""

    def test_blocks(self) -> None:
        """The top bit of the size word tells them from ordinary frames."""
        header = VirtioHeader(NEEDS_CHECKSUM, GSO_TCPV4, 66, 1448, 34, 16)
        blocks = super_block(header, MACS + b"xy") + struct.pack(">I", 14) + MACS + b"zz"
        self.assertEqual(struct.unpack_from(">I", blocks)[0], SUPER | 24)
        found = list(payloads(blocks))
        self.assertEqual(found, [(True, header.encode() + MACS + b"xy"), (False, MACS + b"zz")])
        self.assertEqual(VirtioHeader.decode(found[0][1]), header)

    def test_messages(self) -> None:
        """On, off, and what is neither."""
        self.assertIs(read_offload_message(offload_message(True)), True)
        self.assertIs(read_offload_message(offload_message(False)), False)
        self.assertIsNone(read_offload_message(b"offload maybe"))
