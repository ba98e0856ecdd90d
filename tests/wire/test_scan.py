"""Cutting blocks into runs: both twins do what a plain reader does, one frame at a time."""

from __future__ import annotations

import gc
import random
import resource
import struct
import sys
from pathlib import Path

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.wire.scan import MARK, MAX_SUPER, MIN_SUPER, SUPER, Run, scan_python

from ..twins import twins

MACS = [bytes((2, 0, 0, 0, 0, n)) for n in range(3)]
SIZES = [0, 1, 11, 13, 14, 60, 60, 60, 1514, 1600, 1601, 3200]
SUPER_SIZES = [24, 25, 70, 70, 70, 1610, 1611, 9000, MAX_SUPER]
TWINS = twins(scan_python)
IMPOSSIBLE = [3201, SUPER - 1, SUPER, SUPER + 23, SUPER + MAX_SUPER + 1, 0xFFFFFFFF]


@define
class Model:
    """What is expected, written down as the text of the protocol says it."""

    runs: list[Run] = field(factory=list)
    undersized: int = 0
    oversized: int = 0
    open: bool = False

    def scan(self, data: bytes, at: int, end: int, left: int, allowed: bool) -> tuple[int, int]:
        """Cut blocks one by one; return the offset and how many are left."""
        while left and end - at >= 4:
            (word,) = struct.unpack_from(">I", data, at)
            size = word % SUPER
            possible = MIN_SUPER <= size <= MAX_SUPER if word >= SUPER else size <= 3200
            if not possible or (word >= SUPER and not allowed) or at + 4 + size > end:
                break
            block = data[at + 4 : at + 4 + size]
            if word >= SUPER:
                self.add(at, size, block[10:22] + MARK)
            elif 14 <= size <= 1600:
                self.add(at, size, block[:12])
            else:
                self.open = False
                self.undersized += 0 < size < 14
                self.oversized += size > 1600
            at += 4 + size
            left -= 1
        return at, left

    def add(self, at: int, size: int, key: bytes) -> None:
        """Add a block to the last run, or begin another."""
        after = at + 4 + size
        if self.open and self.runs[-1][3] == key:
            start, _, count, _ = self.runs.pop()
            self.runs.append((start, after, count + 1, key))
        else:
            self.runs.append((at, after, 1, key))
        self.open = True


def make_block(word: int, macs: bytes) -> bytes:
    """Return a block with this size word."""
    head = b"header.bin" if word >= SUPER else b""
    size = word % SUPER
    return struct.pack(">I", word) + (head + macs + b"\x08\x00").ljust(size, b"x")[:size]


def resident() -> int:
    """Return the bytes of memory that this process occupies."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def repeat(words: list[int], macs: bytes, times: int) -> bytes:
    """Return blocks over and over, as long as that is not too much."""
    data = b"".join(make_block(word, macs) for word in words)
    return data * max(1, min(times, 100_000 // len(data)))


BLOCKS = st.builds(
    repeat,
    st.lists(
        st.one_of(st.sampled_from(SIZES), st.sampled_from(SUPER_SIZES).map(lambda s: SUPER + s)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([to + by for to in MACS for by in MACS]),
    st.sampled_from([1, 1, 1, 2, 3, 9, 30, 150]),
)
STREAMS = st.lists(BLOCKS, max_size=8).map(b"".join)


class ScanTests(SynchronousTestCase):
    """Runs, from either twin."""

    def check(self, data: bytes, at: int, end: int, left: int, allowed: bool) -> None:
        """Assert that all twins and the model agree."""
        model = Model()
        offset, rest = model.scan(data, at, end, left, allowed)
        for twin in TWINS:
            buffer, runs = bytearray(data), list[Run]()
            found = twin(buffer, at, end, left, allowed, runs)
            self.assertEqual(found, (offset, rest, model.undersized, model.oversized))
            self.assertEqual(runs, model.runs)
            self.assertTrue(buffer == data)
            buffer.append(0)  # nothing holds on to it

    @settings(deadline=None)  # now and then half a megabyte
    @given(STREAMS, st.data())
    def test_streams(self, stream: bytes, data: st.DataObject) -> None:
        """Well-formed blocks, cut anywhere, with any number of them wanted."""
        end = data.draw(st.one_of(st.just(len(stream)), st.integers(0, len(stream))))
        left = data.draw(st.sampled_from([2**20, 0, 1, 2, 12, 70, 200]))
        self.check(b"before" + stream, 6, 6 + end, left, data.draw(st.booleans()))

    @given(st.binary(max_size=300), st.booleans(), st.integers(0, 20))
    def test_any_bytes(self, data: bytes, allowed: bool, left: int) -> None:
        """Nonsense too."""
        self.check(data, 0, len(data), left, allowed)

    @given(st.lists(st.binary(max_size=40), max_size=20), st.booleans())
    def test_small_blocks_of_any_bytes(self, parts: list[bytes], allowed: bool) -> None:
        """Nonsense that looks like blocks."""
        words = [bytes((part[0] & 128, 0, 0, len(part))) + part for part in parts if part]
        self.check(b"".join(words), 0, sum(map(len, words)), 2**20, allowed)

    def test_impossible_blocks(self) -> None:
        """They are stopped at as soon as their size word is there, and not before."""
        good = make_block(60, MACS[0] + MACS[1])
        for word in IMPOSSIBLE:
            data = good + word.to_bytes(4, "big")
            for end in (68, 68 + 70_000):
                buffer = bytearray(data) + bytes(end - 68)
                for twin in TWINS:
                    runs: list[Run] = []
                    self.assertEqual(twin(buffer, 0, end, 9, True, runs), (64, 8, 0, 0))
                    self.assertEqual(runs, [(0, 64, 1, MACS[0] + MACS[1])])

    def test_run_lengths(self) -> None:
        """Runs of every length follow each other, whatever way of finding them is at work."""
        keys = [MACS[0] + MACS[1], MACS[1] + MACS[0]]
        lengths = [*range(1, 40), 100, 300, 1, 1, 1, 300, *range(40, 1, -1), *([1] * 100), 50]
        for words in ([60], [SUPER + 70], [1514], [SUPER + 1610], [60, 61], [60, 60, 90]):
            blocks = [
                make_block(words[number % len(words)], keys[index % 2])
                for index, length in enumerate(lengths)
                for number in range(length)
            ]
            data = b"".join(blocks)
            self.check(data, 0, len(data), 2**20, True)

    def test_dropped_blocks_break_runs(self) -> None:
        """Runs are contiguous: a block that is dropped is in none."""
        good = make_block(60, MACS[0] + MACS[1])
        for word in (0, 12, 13, 1601, 3200):
            bad = make_block(word, MACS[0] + MACS[1])
            data = good * 3 + bad + good * 3
            self.check(data, 0, len(data), 7, False)

    def test_super_frames_are_other_runs(self) -> None:
        """A super-frame never shares a run with an ordinary frame of the same stations."""
        macs = MACS[0] + MACS[1]
        data = b"".join(make_block(word, macs) for word in (60, SUPER + 70, SUPER + 70, 60))
        for twin in TWINS:
            runs: list[Run] = []
            twin(bytearray(data), 0, len(data), 4, True, runs)
            self.assertEqual(
                runs, [(0, 64, 1, macs), (64, 212, 2, macs + b"\x01"), (212, 276, 1, macs)]
            )

    def test_wrong_ranges(self) -> None:
        """Offsets outside of the buffer, and a negative number of blocks, are refused."""
        for at, end, left in ((-1, 5, 1), (6, 5, 1), (0, 11, 1), (0, 10, -1)):
            for twin in TWINS:
                self.assertRaises(ValueError, twin, bytearray(10), at, end, left, False, [])

    def test_memory(self) -> None:
        """A million runs leave nothing behind."""
        keys = [a + b for a in MACS for b in MACS]
        chooser = random.Random(3)
        blocks = [make_block(chooser.choice([60, 90, 13]), chooser.choice(keys)) for _ in range(99)]
        buffer = bytearray(b"".join(blocks))
        for twin in TWINS:
            references = sys.getrefcount(buffer)
            for _ in range(200):
                twin(buffer, 0, len(buffer), 99, False, [])
            gc.collect()
            before = resident()
            for _ in range(10_000):
                twin(buffer, 0, len(buffer), 99, False, [])
            self.assertLess(resident() - before, 2**21)
            self.assertEqual(sys.getrefcount(buffer), references)
