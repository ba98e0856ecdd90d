"""The sender and the checker of numbered frames: what the checker has to notice."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.wire.blocks import Run
from iquila.wire.scan import SUPER, scan

from .frames import BROADCAST, HEADROOM, Pool, Sink, Source, flows

POOL = Pool(1)
ONE, OTHER = [bytes((2, 0, 0, 0, side, 1)) for side in (1, 2)]
FLOWS = flows([ONE], [OTHER])


def source(seed: int, super_frames: bool = True) -> Source:
    """Return a source of two flows."""
    return Source(POOL, FLOWS, Random(seed), super_frames)


def runs_of(buffer: bytearray, end: int, count: int) -> list[Run]:
    """Cut blocks into runs."""
    runs: list[Run] = []
    assert scan(buffer, HEADROOM, end, count, True, runs) == (end, 0, 0, 0)
    return runs


class FrameTests(SynchronousTestCase):
    """A batch on its way from a source to a sink."""

    def test_flows(self) -> None:
        """One to every destination and one to all."""
        self.assertEqual([flow.macs for flow in FLOWS], [OTHER + ONE, BROADCAST + ONE])

    @settings(max_examples=20, deadline=None)
    @given(st.integers(), st.booleans())
    def test_all_is_well(self, seed: int, super_frames: bool) -> None:
        """Whole batches are accepted, and what was made is what arrives."""
        made, sink = source(seed, super_frames), Sink(POOL, FLOWS)
        gone_on: list[int] = []
        sink.progress = gone_on.append
        for _ in range(3):
            buffer, end, count = made.batch(200_000)
            sink.blocks(buffer, runs_of(buffer, end, count))
        self.assertEqual((sink.wrong, sink.late, sink.errors), (0, 0, []))
        self.assertEqual((sink.frames, sink.octets), (made.frames, made.octets))
        self.assertEqual(sum(gone_on), made.octets)
        if not super_frames:
            self.assertEqual(sink.super_frames, 0)
            sink.ordinary(made.ordinary(10_000))
            self.assertEqual((sink.wrong, sink.frames), (0, made.frames))

    def spoiled(self, spoil: Callable[[bytearray], None], super_frames: bool = True) -> Sink:
        """Return what a sink makes of a batch that was changed on the way."""
        sink = Sink(POOL, FLOWS)
        buffer, end, count = source(3, super_frames).batch(60_000)
        runs = runs_of(buffer, end, count)
        spoil(buffer)
        sink.blocks(buffer, runs)
        return sink

    @settings(max_examples=200, deadline=None)
    @given(st.integers(HEADROOM + 4, HEADROOM + 60_000), st.integers(1, 255))
    def test_every_byte_counts(self, at: int, change: int) -> None:
        """A single changed byte of a frame or of its virtio-net header is noticed."""

        def spoil(buffer: bytearray) -> None:
            buffer[at] ^= change

        made = self.spoiled(lambda _buffer: None)
        self.assertEqual(made.wrong, 0)
        self.assertGreater(made.super_frames, 0)
        words = set()
        buffer, end, _count = source(3).batch(60_000)
        start = HEADROOM
        while start < end:
            words |= set(range(start, start + 4))
            start += 4 + (int.from_bytes(buffer[start : start + 4], "big") & ~SUPER)
        if at not in words:
            sink = self.spoiled(spoil)
            self.assertGreater(sink.wrong, 0)

    @settings(max_examples=50, deadline=None)
    @given(st.data())
    def test_order_counts(self, data: st.DataObject) -> None:
        """Two frames of a flow that change places, and one that comes twice, are noticed."""
        frames = source(5, super_frames=False).ordinary(60_000)
        flow = [n for n, frame in enumerate(frames) if frame.startswith(OTHER)]
        first, second = sorted(
            data.draw(st.lists(st.sampled_from(flow), min_size=2, max_size=2, unique=True))
        )
        swapped = list(frames)
        swapped[first], swapped[second] = frames[second], frames[first]
        repeated = [*frames[: second + 1], frames[first], *frames[second + 1 :]]
        for changed in (swapped, repeated):
            sink = Sink(POOL, FLOWS)
            sink.ordinary(changed)
            self.assertGreater(sink.late, 0)
            self.assertEqual(sink.wrong, 0)
        sink = Sink(POOL, FLOWS)
        sink.ordinary(frames[:first] + frames[second:])
        self.assertEqual((sink.wrong, sink.late), (0, 0))

    def test_sizes_count(self) -> None:
        """A frame that lost its end, or got one, is noticed; so is what is no frame."""
        (frame, *_) = source(7, super_frames=False).ordinary(100)
        for wrong in (frame[:-1], frame + b"x", b"", frame[:20], b"x" * 60):
            sink = Sink(POOL, FLOWS)
            sink.ordinary([wrong])
            self.assertEqual((sink.wrong, sink.frames), (1, 0))

    def test_runs_count(self) -> None:
        """A run that has another key or another count than it says is noticed."""
        buffer, end, count = source(9).batch(10_000)
        start, stop, number, key = runs_of(buffer, end, count)[0]
        for wrong in (
            (start, stop, number + 1, key),
            (start, stop, number, key[::-1]),
            (start, stop, number, key[:12] + b"\1" * (len(key) == 12)),
        ):
            sink = Sink(POOL, FLOWS)
            sink.blocks(buffer, [wrong])
            self.assertGreater(sink.wrong, 0)
