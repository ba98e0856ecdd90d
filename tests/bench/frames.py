"""
Frames for the `switch` and `flood` benches: made in batches, and counted where they come out.

Sans-I/O. Counting is exact, so that a frame that was dropped on the way is seen; it hops from
group to group, because all frames of a bench have one size.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from random import Random

from attrs import define, field, frozen

from iquila.wire.blocks import KEEPALIVE, block

BROADCAST = b"\xff" * 6
GROUP = 256
"""Frames in one group of a batch."""
_PAIR = struct.Struct(">II")


def station(number: int) -> bytes:
    """Return the MAC address of a station, by its number."""
    return b"\x02" + number.to_bytes(5, "big")


def frame(destination: bytes, source: bytes, size: int) -> bytes:
    """Return a frame of so many bytes, of a type that nothing looks into."""
    return (destination + source + b"\x88\xb5").ljust(size, b"x")


@frozen
class Batch:
    """Groups of frames from one source, to be sent over and over."""

    data: bytes
    size: int
    """Bytes of one frame."""
    groups: int

    @property
    def group_bytes(self) -> int:
        """The bytes of one group on the wire."""
        return len(self.data) // self.groups

    @classmethod
    def of(cls, source: bytes, destinations: Sequence[bytes], size: int, run: int) -> Batch:
        """
        Return a batch in which `run` consecutive frames go to one destination, then to another.

        Each destination gets as many frames as any other, in an order without a pattern.

        :param run: a divisor of :data:`GROUP`.
        """
        runs = {mac: block(frame(mac, source, size)) * run for mac in destinations}
        random, order, per_group = Random(1), list[bytes](), GROUP // run
        while not order or len(order) % per_group:
            cycle = random.sample(destinations, len(destinations))
            if order and cycle[0] == order[-1]:
                cycle.reverse()
            order += cycle
        word = GROUP.to_bytes(4, "big")
        groups = [
            word + b"".join(runs[mac] for mac in order[start : start + per_group])
            for start in range(0, len(order), per_group)
        ]
        return cls(b"".join(groups), size, len(groups))


@define
class FrameCounter:
    """
    Counts frames of one size in a stream of groups and keep-alives.

    :param size: bytes of the frames that count.
    """

    size: int
    frames: int = 0
    """Frames whose group has begun to arrive; see :attr:`complete`."""
    others: int = 0
    """Frames of other sizes."""
    _skip: int = field(init=False, default=0)
    """Bytes to come that need not be looked at."""
    _blocks: int = field(init=False, default=0)
    """Frames of another size to come in the group that is being read."""
    _head: bytes = field(init=False, default=b"")
    """The first bytes of a group or block of which the rest is to come."""

    @property
    def complete(self) -> int:
        """Frames that have arrived as a whole."""
        return self.frames - -(-self._skip // (self.size + 4)) if self._skip > 0 else self.frames

    def feed(self, data: bytes | memoryview, end: int) -> None:
        """Take ``data[:end]``."""
        at = self._skip
        if at >= end:
            self._skip = at - end
            return
        if self._head:
            data = self._head + bytes(data[:end])
            end = len(data)
            self._head = b""
        step = self.size + 4
        while end - at >= 8:
            count, size = _PAIR.unpack_from(data, at)
            if self._blocks:
                self._blocks -= 1
                at += 4 + count
            elif count == KEEPALIVE:
                at += 8 + size
            elif size == self.size:
                self.frames += count
                at += 4 + count * step
            else:
                self.others += count
                self._blocks = count
                at += 4
        if at < end:
            self._head = bytes(data[at:end])
            self._skip = 0
        else:
            self._skip = at - end
