"""Batches of frames, and counting what came out."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.wire.blocks import BlockDecoder, group, keepalive

from .frames import GROUP, Batch, FrameCounter, frame, station

SIZE = 64
STATIONS = [station(number) for number in range(1, 10)]


def runs_of(data: bytes) -> list[tuple[bytes, int]]:
    """Return (destination, count) of each run in whole groups."""
    buffer = bytearray(8) + data
    runs, consumed = BlockDecoder().decode(buffer, 8, len(buffer))
    assert consumed == len(buffer)
    return [(key[:6], count) for _, _, count, key in runs]


class BatchTests(SynchronousTestCase):
    """What is sent."""

    def test_runs(self) -> None:
        """Every run has its length, and every station gets as much as the others."""
        for run in (1, 8, GROUP):
            batch = Batch.of(station(0), STATIONS, SIZE, run)
            runs = runs_of(batch.data)
            if run < GROUP:  # a group ends a run in any case
                lengths = [sum(n for _, n in same) for _, same in groupby(runs, lambda r: r[0])]
                self.assertEqual(set(lengths), {run})
            frames: Counter[bytes] = Counter()
            for destination, count in runs:
                frames[destination] += count
            self.assertEqual(set(frames), set(STATIONS))
            self.assertEqual(len(set(frames.values())), 1)
            self.assertEqual(frames.total(), batch.groups * GROUP)

    def test_groups(self) -> None:
        """Each group can be sent alone."""
        batch = Batch.of(station(0), STATIONS, SIZE, 8)
        for start in range(0, len(batch.data), batch.group_bytes):
            runs = runs_of(batch.data[start : start + batch.group_bytes])
            self.assertEqual(sum(count for _, count in runs), GROUP)


part = st.one_of(
    st.builds(lambda n: (group([frame(STATIONS[0], station(0), SIZE)] * n), n), st.integers(0, 5)),
    st.builds(lambda n: (group([frame(STATIONS[0], station(0), n)] * 2), 0), st.integers(65, 99)),
    st.builds(lambda n: (keepalive(n), 0), st.integers(0, 100)),
)


class CounterTests(SynchronousTestCase):
    """What comes out."""

    @given(st.lists(part, max_size=8), st.lists(st.integers(1, 200), min_size=1))
    def test_any_stream_in_any_pieces(
        self, parts: list[tuple[bytes, int]], cuts: list[int]
    ) -> None:
        """Frames of the size are counted, however the stream is cut."""
        stream = b"".join(data for data, _ in parts)
        counter, at, turn = FrameCounter(SIZE), 0, 0
        while at < len(stream):
            piece = stream[at : at + cuts[turn % len(cuts)]]
            counter.feed(piece + b"left from before", len(piece))
            at += len(piece)
            turn += 1
        self.assertEqual(counter.complete, sum(count for _, count in parts))

    def test_incomplete(self) -> None:
        """A frame counts when its last byte is there."""
        counter = FrameCounter(SIZE)
        data = group([frame(STATIONS[0], station(0), SIZE)] * 3)
        counter.feed(data, len(data) - 1)
        self.assertEqual(counter.complete, 2)
        counter.feed(data[-1:], 1)
        self.assertEqual(counter.complete, 3)
