"""The data phase, cut into runs: the same frames as a plain reader finds, however they arrive."""

from __future__ import annotations

import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import FrameStreamError
from iquila.wire.blocks import (
    MAX_CONTROL,
    BlockDecoder,
    block,
    control_message,
    group,
    keepalive,
    put_count,
)
from iquila.wire.scan import MAX_SUPER, SUPER

HEADROOM = 64
MACS = [bytes((2, 0, 0, 0, 0, n)) for n in range(3)]
FRAMES = st.builds(
    lambda to, by, size, fill: to + by + bytes((fill,)) * (size - 12),
    st.sampled_from(MACS),
    st.sampled_from(MACS),
    st.sampled_from([14, 60, 60, 60, 1514, 1600]),
    st.integers(0, 255),
)
PIECES = st.lists(
    st.one_of(
        st.lists(FRAMES, min_size=1, max_size=12),
        st.integers(0, 511),
    ),
    max_size=8,
)


def stream(pieces: list[list[bytes] | int]) -> tuple[bytes, list[bytes]]:
    """Return the bytes of groups and keep-alives, and the frames in them."""
    data = b"".join(keepalive(p) if isinstance(p, int) else group(p) for p in pieces)
    return data, [frame for p in pieces if not isinstance(p, int) for frame in p]


def decode(decoder: BlockDecoder, chunks: list[bytes]) -> list[bytes]:
    """Feed chunks as a transport does; return the frames."""
    frames: list[bytes] = []
    tail = b""
    for chunk in chunks:
        buffer = bytearray(HEADROOM) + tail + chunk
        runs, consumed = decoder.decode(buffer, HEADROOM, len(buffer))
        for start, end, count, key in runs:
            at, found = start, 0
            while at < end:
                (size,) = struct.unpack_from(">I", buffer, at)
                frame = bytes(buffer[at + 4 : at + 4 + size])
                assert frame[:12] == key
                frames.append(frame)
                at += 4 + size
                found += 1
            assert (at, found) == (end, count)
            # The consumer may write there: nothing later may depend on it.
            put_count(buffer, start, 0xDEADBEEF)
        tail = bytes(buffer[consumed:])
    assert not tail
    return frames


class DecoderTests(SynchronousTestCase):
    """Runs."""

    @given(PIECES, st.lists(st.integers(0, 20_000), max_size=6))
    def test_any_split(self, pieces: list[list[bytes] | int], cuts: list[int]) -> None:
        """The frames do not depend on how the bytes are cut."""
        data, frames = stream(pieces)
        edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
        self.assertEqual(decode(BlockDecoder(), chunks), frames)

    def test_byte_by_byte(self) -> None:
        """A single byte at a time works too."""
        frame = MACS[0] + MACS[1] + b"x" * 50
        data, frames = stream([[frame] * 3, 7, [frame]])
        self.assertEqual(decode(BlockDecoder(), [bytes((b,)) for b in data]), frames)

    def test_equal_frames_are_one_run(self) -> None:
        """Consecutive frames of one conversation come as one slice."""
        frame = MACS[0] + MACS[1] + b"x" * 50
        buffer = bytearray(HEADROOM) + group([frame] * 100)
        runs, _ = BlockDecoder().decode(buffer, HEADROOM, len(buffer))
        self.assertEqual([run[2] for run in runs], [100])

    def test_sizes_out_of_range_are_dropped_and_counted(self) -> None:
        """Blocks shorter than a header and longer than a frame do not come through."""
        good = MACS[0] + MACS[1] + b"x" * 10
        decoder = BlockDecoder()
        frames = decode(decoder, [group([good, b"x" * 13, b"y" * 1601, good])])
        self.assertEqual(frames, [good, good])
        self.assertEqual((decoder.undersized, decoder.oversized), (1, 1))

    def test_violations(self) -> None:
        """Blocks, keep-alives and groups over the limits end the connection."""
        for data in (
            struct.pack(">II", 1, 3201),
            struct.pack(">II", 0xFFFFFFFF, 513),
            struct.pack(">I", 2**20 + 1),
        ):
            self.assertRaises(FrameStreamError, decode, BlockDecoder(), [data])

    def test_super_frames(self) -> None:
        """They come through where they were agreed on, as runs of their own."""
        frame = MACS[0] + MACS[1] + b"x" * 50
        large = b"header.bin" + MACS[0] + MACS[1] + b"y" * (MAX_SUPER - 22)
        blocks = block(frame) + struct.pack(">I", SUPER + MAX_SUPER) + large + block(frame)
        buffer = bytearray(HEADROOM) + struct.pack(">I", 3) + blocks
        decoder = BlockDecoder(super_allowed=True)
        # The large one arrives in two pieces.
        runs, consumed = decoder.decode(buffer, HEADROOM, HEADROOM + 5000)
        self.assertEqual((len(runs), consumed), (1, HEADROOM + 4 + 4 + 62))
        runs, consumed = decoder.decode(buffer, consumed, len(buffer))
        self.assertEqual([run[2:] for run in runs], [(1, large[10:22] + b"\x01"), (1, frame[:12])])
        self.assertEqual(consumed, len(buffer))

    def test_super_frames_that_may_not_be(self) -> None:
        """Not agreed on, too short or too long, they end the connection at their size word."""
        for allowed, size in ((False, 100), (True, 23), (True, MAX_SUPER + 1)):
            data = struct.pack(">II", 1, SUPER + size)
            decoder = BlockDecoder(super_allowed=allowed)
            self.assertRaises(FrameStreamError, decode, decoder, [data])

    def test_control_messages(self) -> None:
        """Keep-alives that say something are handed over whole; all others are only counted."""
        told: list[bytes] = []
        decoder = BlockDecoder(control=told.append)
        messages = [b"", b"offload off", b"x" * MAX_CONTROL]
        data = b"".join(keepalive(40) + control_message(message) for message in messages)
        decode(decoder, [data[:90], data[90:]])
        self.assertEqual(told, messages)
        self.assertEqual(decoder.keepalives, 6)
        decode(BlockDecoder(), [data])
        self.assertRaises(ValueError, control_message, b"x" * (MAX_CONTROL + 1))

    def test_block(self) -> None:
        """A block is a length and a frame."""
        self.assertEqual(block(b"abc"), b"\0\0\0\x03abc")
