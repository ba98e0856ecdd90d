"""Batches of frames: both twins, on sockets that keep frames apart as a TAP device does."""

from __future__ import annotations

import errno
import os
import socket
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.device.batch import (
    KEEP_HEADERS,
    NO_HEADERS,
    ORDINARY_ROOM,
    STRIP_HEADERS,
    SUPER_ROOM,
    read_blocks_python,
    write_blocks_python,
)
from iquila.wire.blocks import block
from iquila.wire.scan import MAX_SUPER, SUPER

from ..twins import twins

READERS = twins(read_blocks_python)
WRITERS = twins(write_blocks_python)
EMPTY = bytes(10)
CHECKSUM = b"\x01\x00" + bytes(8)
VALID = b"\x02\x00" + bytes(8)
SEGMENTS = b"\x00\x01" + bytes(8)
FILL = 0xA5


def super_block(frame: bytes, header: bytes = EMPTY) -> bytes:
    """Return a frame as a super-frame."""
    return struct.pack(">I", SUPER + len(header) + len(frame)) + header + frame


class BatchTestCase(SynchronousTestCase):
    """A test with a device."""

    def make_pair(self) -> tuple[socket.socket, socket.socket]:
        """Return the end of the machine and the device."""
        pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in pair:
            end.setblocking(False)
            self.addCleanup(end.close)
        return pair


class ReadTests(BatchTestCase):
    """From the device into a buffer."""

    def check(
        self,
        packets: list[bytes],
        headers: int,
        expected: bytes,
        count: int,
        *,
        frames: int = 100,
        room: int = 400_000,
    ) -> None:
        """Assert that every twin lays out what is expected, and writes nowhere else."""
        for twin in READERS:
            machine, device = self.make_pair()
            for packet in packets:
                machine.send(packet)
            buffer = bytearray((FILL,)) * (7 + room + 7)
            after, number = twin(device.fileno(), buffer, 7, 7 + room, frames, headers)
            self.assertEqual((bytes(buffer[7:after]), number), (expected, count))
            self.assertEqual(buffer[:7] + buffer[-7:], bytearray((FILL,)) * 14)
            buffer.append(0)  # nothing holds on to it

    @given(
        st.lists(st.integers(0, 1700), max_size=8),
        st.sampled_from([NO_HEADERS, KEEP_HEADERS, STRIP_HEADERS]),
        st.lists(st.sampled_from([EMPTY, CHECKSUM, VALID, SEGMENTS]), min_size=8, max_size=8),
        st.integers(0, 9),
    )
    def test_any_frames(
        self, sizes: list[int], kind: int, headers: list[bytes], frames: int
    ) -> None:
        """Frames that fit become blocks in order; others are skipped."""
        packets, expected, count = [], b"", 0
        for number, (size, header) in enumerate(zip(sizes, headers, strict=False)):
            frame = os.urandom(size)
            packets.append(frame if kind == NO_HEADERS else header + frame)
            if number >= frames or size < 14:
                continue
            needed = kind == STRIP_HEADERS and header in (CHECKSUM, SEGMENTS)
            kept = needed or kind == KEEP_HEADERS
            if not kept and size > 1600:
                continue
            expected += super_block(frame, header) if kept else block(frame)
            count += 1
        self.check(packets, kind, expected, count, frames=frames)

    def test_largest(self) -> None:
        """The largest frames fit, one byte more does not, and neither do scraps."""
        frame = os.urandom(MAX_SUPER - 10)
        after = super_block(b"x" * 60)
        for packet, expected in ((frame, super_block(frame)), (frame + b"x", b""), (b"", b"")):
            packets = [EMPTY + packet, EMPTY + b"x" * 60]
            self.check(packets, KEEP_HEADERS, expected + after, 1 + bool(expected))
        for packet, expected in (
            (SEGMENTS + frame, super_block(frame, SEGMENTS)),
            (SEGMENTS + frame + b"x", b""),
            (EMPTY + frame, b""),
            (b"scrap", b""),
        ):
            packets = [packet, EMPTY + b"x" * 60]
            self.check(packets, STRIP_HEADERS, expected + block(b"x" * 60), 1 + bool(expected))
            if not expected:
                self.check([packet + b"x" * 9], STRIP_HEADERS, b"", 0, room=SUPER_ROOM)

    def test_room(self) -> None:
        """Nothing is read that might not fit."""
        for headers, room in (
            (NO_HEADERS, ORDINARY_ROOM),
            (KEEP_HEADERS, SUPER_ROOM),
            (STRIP_HEADERS, SUPER_ROOM),
        ):
            packets = [EMPTY + b"x" * 60] * 3
            one = block(packets[0])
            if headers:
                one = super_block(b"x" * 60) if headers == KEEP_HEADERS else block(b"x" * 60)
            self.check(packets, headers, b"", 0, room=room - 1)
            self.check(packets, headers, one, 1, room=room)
            self.check(packets, headers, one * 2, 2, room=room + len(one))

    def test_errors(self) -> None:
        """A device that fails says so; one with nothing to say does not."""
        for twin in READERS:
            _, device = self.make_pair()
            buffer = bytearray(ORDINARY_ROOM)
            self.assertEqual(twin(device.fileno(), buffer, 0, len(buffer), 5, NO_HEADERS), (0, 0))
            error = self.assertRaises(OSError, twin, -1, buffer, 0, len(buffer), 5, NO_HEADERS)
            self.assertEqual(error.errno, errno.EBADF)
            for at, end in ((-1, 5), (6, 5), (0, len(buffer) + 1)):
                self.assertRaises(ValueError, twin, device.fileno(), buffer, at, end, 5, NO_HEADERS)

    def test_error_after_a_frame(self) -> None:
        """What was read before a failure is not lost."""
        for twin in READERS:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                device = socket.create_connection(listener.getsockname())
                self.addCleanup(device.close)
                device.setblocking(False)
                machine, _ = listener.accept()
            machine.send(b"x" * 60)
            # Closed like this it resets the connection.
            machine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            machine.close()
            buffer = bytearray(9000)
            arguments = (device.fileno(), buffer, 0, len(buffer), 5, NO_HEADERS)
            self.assertEqual(twin(*arguments), (64, 1))
            self.assertEqual(bytes(buffer[:64]), block(b"x" * 60))


class WriteTests(BatchTestCase):
    """From a buffer into the device."""

    def received(self, machine: socket.socket) -> list[bytes]:
        """Return what the machine got."""
        packets = []
        while True:
            try:
                packets.append(machine.recv(100_000))
            except BlockingIOError:
                return packets

    @given(st.lists(st.tuples(st.integers(14, 1600), st.booleans()), max_size=8), st.booleans())
    def test_any_blocks(self, shapes: list[tuple[int, bool]], headers: bool) -> None:
        """Frames arrive in order, with the header that they have or an empty one."""
        data, expected, refused = b"before", [], 0
        for size, large in shapes:
            frame = os.urandom(size)
            data += super_block(frame, SEGMENTS) if large else block(frame)
            if large and not headers:
                refused += 1
            else:
                expected.append((SEGMENTS if large else EMPTY) * headers + frame)
        for twin in WRITERS:
            machine, device = self.make_pair()
            for buffer in (data, bytearray(data + b"after")):
                result = twin(device.fileno(), buffer, 6, len(data), headers)
                self.assertEqual(result, (len(data), refused))
                self.assertEqual(self.received(machine), expected)

    def test_busy(self) -> None:
        """A device that takes no more ends the batch, and it goes on from there."""
        frames = [b"%3d" % number + b"x" * 57 for number in range(100)]
        data = b"".join(map(block, frames))
        for twin in WRITERS:
            machine, device = self.make_pair()
            device.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            received: list[bytes] = []
            ends = [0]
            while ends[-1] < len(data):
                after, refused = twin(device.fileno(), data, ends[-1], len(data), False)
                self.assertEqual((refused, after % 64), (0, 0))
                self.assertGreater(after, ends[-1])
                received += self.received(machine)
                ends.append(after)
            self.assertGreater(len(ends), 2)
            self.assertEqual(received, frames)

    def test_refused(self) -> None:
        """What the device refuses is counted and skipped; so is all, if it is not there."""
        small = block(b"x" * 60)
        data = small + super_block(b"y" * 60_000) + small
        for twin in WRITERS:
            machine, device = self.make_pair()
            device.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            self.assertEqual(twin(device.fileno(), data, 0, len(data), True), (len(data), 1))
            self.assertEqual(self.received(machine), [EMPTY + b"x" * 60] * 2)
            self.assertEqual(twin(-1, data, 0, len(data), True), (len(data), 3))

    def test_not_whole(self) -> None:
        """What is not a block ends the batch and is counted, without reading beyond the end."""
        small = block(b"x" * 60)
        for tail in (b"\0", b"\0\0\0", b"\0\0\0\x01", b"\x7f\xff\xff\xffabc", small[:-1]):
            data = small + tail
            for twin in WRITERS:
                machine, device = self.make_pair()
                result = twin(device.fileno(), data + small, 0, len(data), False)
                self.assertEqual(result, (len(data), 1))
                self.assertEqual(self.received(machine), [b"x" * 60])

    def test_wrong_ranges(self) -> None:
        """Offsets outside of the buffer are refused."""
        _, device = self.make_pair()
        for twin in WRITERS:
            for at, end in ((-1, 5), (6, 5), (0, 11)):
                self.assertRaises(ValueError, twin, device.fileno(), b"x" * 10, at, end, False)
