"""
Numbered frames of random content: made in batches of blocks, and checked byte for byte.

A frame says which flow it belongs to, its number in the flow, its size, and how many bytes its
flow has sent up to it; all else in it is random and follows from these. No I/O.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random

from attrs import define, field, frozen

from iquila.wire.blocks import Run
from iquila.wire.scan import HEADER, MACS, MARK, SUPER

HEADROOM = 64
"""Bytes in front of a batch that its receiver may overwrite."""
ETHERTYPE = b"\x88\xb5"
"""For experiments (IEEE 802)."""
BROADCAST = b"\xff" * 6
SMALLEST, LARGEST = 60, 1514
LARGEST_SUPER = 14 + 65535


_U32 = struct.Struct(">I")
_HEAD = struct.Struct(">12s2sIIQQ")
"""MACs, type, flow, size of the frame, number in the flow, bytes of the flow so far."""
# A prime, so that no bit of what an offset is made of gets lost.
_POOL = 1_048_573
_MAX_ERRORS = 20


@frozen
class Flow:
    """Frames of one source to one destination."""

    number: int
    macs: bytes
    """Destination and source."""


def flows(sources: Sequence[bytes], destinations: Sequence[bytes]) -> list[Flow]:
    """Return the flows of every source to every destination and to all."""
    pairs = itertools.product([*destinations, BROADCAST], sources)
    return [Flow(number, there + here) for number, (there, here) in enumerate(pairs)]


class Pool:
    """
    Where contents are taken from: the same bytes for the same frame, at both ends.

    :param seed: other seeds give other bytes.
    """

    def __init__(self, seed: int) -> None:
        self.data = Random(seed).randbytes(_POOL + HEADER + LARGEST_SUPER)

    @staticmethod
    def offset(flow: int, number: int, mark: int) -> int:
        """Return where the content of a frame begins."""
        return (number * 40_503 + flow * 2_654_435 + mark * 7) % _POOL


@define(eq=False)
class Source:
    """
    Makes the frames of one station.

    :param super_frames: whether some are super-frames.
    """

    pool: Pool
    flows: Sequence[Flow]
    random: Random
    super_frames: bool
    frames: int = 0
    """How many were made."""
    octets: int = 0
    """Bytes of these frames, without what precedes them in a block."""
    marks: list[int] = field(init=False)
    """Bytes of each flow so far."""
    _numbers: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Begin each flow with number 1."""
        self.marks = [0] * len(self.flows)
        self._numbers = [0] * len(self.flows)

    def batch(self, size: int) -> tuple[bytearray, int, int]:
        """
        Return the blocks of `size` bytes or a little more.

        :returns: the buffer, the offset behind the last block, and how many there are; the first
            begins at :data:`HEADROOM`.
        """
        buffer = bytearray(HEADROOM)
        count = 0
        while len(buffer) < HEADROOM + size:
            for flow, length, is_super in self._stretch():
                self._append(buffer, flow, length, is_super)
                count += 1
                if len(buffer) >= HEADROOM + size:
                    break
        return buffer, len(buffer), count

    def ordinary(self, size: int) -> list[bytes]:
        """Return frames of `size` bytes together or a little more."""
        buffer, end, _count = self.batch(size)
        frames, at = [], HEADROOM
        while at < end:
            (length,) = _U32.unpack_from(buffer, at)
            frames.append(bytes(buffer[at + 4 : at + 4 + length]))
            at += 4 + length
        return frames

    def _stretch(self) -> Iterator[tuple[int, int, bool]]:
        """Yield flow, size and kind of some frames that are alike in something, or in nothing."""
        draw, count = self.random.random, len(self.flows)
        is_super = self.super_frames and draw() < 0.7
        largest = LARGEST_SUPER if is_super and draw() < 0.5 else LARGEST
        spread = largest + 1 - SMALLEST
        flow, size = int(draw() * count), SMALLEST + int(draw() * spread)
        same_flow, same_size = draw() < 0.7, draw() < 0.5
        for _ in range(1 + int(draw() ** 3 * 200)):
            if not same_flow:
                flow = int(draw() * count)
            if not same_size:
                size = SMALLEST + int(draw() * spread)
            yield flow, size, is_super

    def _append(self, buffer: bytearray, flow: int, size: int, is_super: bool) -> None:
        number = self._numbers[flow] = self._numbers[flow] + 1
        mark = self.marks[flow] = self.marks[flow] + size
        at = self.pool.offset(flow, number, mark)
        data = self.pool.data
        if is_super:
            buffer += _U32.pack(SUPER | (HEADER + size)) + data[at : at + HEADER]
            at += HEADER
        else:
            buffer += _U32.pack(size)
        buffer += _HEAD.pack(self.flows[flow].macs, ETHERTYPE, flow, size, number, mark)
        buffer += data[at : at + size - _HEAD.size]
        self.frames += 1
        self.octets += size


@define(eq=False)
class Sink:
    """
    Checks the frames of a :class:`Source`.

    :param flows: those of the source.
    :param progress: called with the bytes that a flow has gone on by, lost ones included.
    """

    pool: Pool
    flows: Sequence[Flow]
    progress: Callable[[int], object] = lambda _bytes: None
    frames: int = 0
    octets: int = 0
    runs: int = 0
    super_frames: int = 0
    errors: list[str] = field(factory=list)
    """What was wrong with the first of the wrong frames."""
    wrong: int = 0
    """How many frames were not what was sent."""
    late: int = 0
    """How many came after a later one of their flow, or twice; they are not in `frames`."""
    last: list[int] = field(init=False)
    """The number of the latest frame of each flow."""
    _marks: list[int] = field(init=False)
    _macs: Mapping[int, bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Expect the first frame of each flow."""
        self.last = [0] * len(self.flows)
        self._marks = [0] * len(self.flows)
        self._macs = {flow.number: flow.macs for flow in self.flows}

    def blocks(self, buffer: bytearray, runs: Sequence[Run]) -> None:
        """Check runs of blocks."""
        for start, end, count, key in runs:
            self.runs += 1
            at, found = start, 0
            while at < end:
                (word,) = _U32.unpack_from(buffer, at)
                size, extra = word & ~SUPER, 0
                if word >= SUPER:
                    extra = HEADER
                    self.super_frames += 1
                if key[MACS:] != (MARK if extra else b""):
                    self._wrong(f"a block {word:#x} is in a run of the key {key.hex()}")
                if not buffer.startswith(key[:MACS], at + 4 + extra):
                    self._wrong(f"a frame is in a run of the key {key.hex()}")
                self._check(buffer, at + 4, extra, size - extra)
                at += 4 + size
                found += 1
            if (at, found) != (end, count):
                self._wrong(f"a run of {count} blocks up to {end} has {found} up to {at}")

    def ordinary(self, frames: Sequence[bytes]) -> None:
        """Check frames."""
        for frame in frames:
            self._check(frame, 0, 0, len(frame))

    def _check(self, buffer: bytearray | bytes, at: int, extra: int, size: int) -> None:
        """Check the frame behind `extra` bytes."""
        if size < _HEAD.size:
            self._wrong(f"a frame has {size} bytes: {buffer[at : at + size].hex()}")
            return
        macs, kind, flow, told, number, mark = _HEAD.unpack_from(buffer, at + extra)
        if self._macs.get(flow) != macs or kind != ETHERTYPE or told != size:
            self._wrong(f"a frame of {size} bytes begins with {buffer[at : at + 64].hex()}")
            return
        data, begin = self.pool.data, self.pool.offset(flow, number, mark)
        content = at + extra + _HEAD.size
        if not (
            buffer.startswith(data[begin : begin + extra], at)
            and buffer.startswith(data[begin + extra : begin + extra + size - _HEAD.size], content)
        ):
            self._wrong(f"frame {number} of flow {flow} ({size} bytes) has other bytes")
            return
        if number <= self.last[flow]:
            self.late += 1
            self._note(f"frame {number} of flow {flow} comes after frame {self.last[flow]}")
            return
        self.last[flow] = number
        self.frames += 1
        self.octets += size
        self.progress(mark - self._marks[flow])
        self._marks[flow] = mark

    def _wrong(self, what: str) -> None:
        self.wrong += 1
        self._note(what)

    def _note(self, what: str) -> None:
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(what)
