"""
The data phase: groups of blocks, one Ethernet frame each, cut into runs (reference §6.1).

A run is a stretch of consecutive blocks that go from one source to one destination. It is
handed on as one slice of the receive buffer, its length words in place, so that nothing is
copied and most work is done once for many frames (data-path §8).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable
from functools import lru_cache

from iquila.errors import FrameStreamError

Run = tuple[int, int, int, bytes]
"""(start, end, count, key): `buffer[start:end]` holds `count` blocks (u32 size, frame), all
with the same key: destination MAC + source MAC, 12 bytes."""

MIN_FRAME = 14
MAX_FRAME = 1600
MAX_BLOCK = 3200
KEEPALIVE = 0xFFFFFFFF
MAX_KEEPALIVE = 512
MAX_GROUP = 2**20
MAX_CONNECTIONS = 32
"""TCP connections of one session."""

_U32 = struct.Struct(">I")
_PAIR = struct.Struct(">II")
_read_u32 = _U32.unpack_from


@lru_cache(maxsize=MAX_FRAME + 1)
def _finder(size: int) -> re.Pattern[bytes]:
    """
    Return the pattern of a stretch of frames of one size, destination and source.

    One C call finds its end. The possessive quantifier keeps no positions to go back to.
    """
    word = re.escape(_U32.pack(size))
    rest = b"{%d}" % (size - 12)
    return re.compile(b"(?s:%b(.{12}).%b(?:%b\\1.%b)*+)" % (word, rest, word, rest))


class BlockDecoder:
    """
    Cuts one direction of one connection into runs.

    Keeps only how many blocks of the group are left; the caller keeps unconsumed bytes.
    """

    __slots__ = ("_left", "keepalives", "oversized", "undersized")

    def __init__(self) -> None:
        self._left = 0
        self.keepalives = 0
        self.undersized = 0
        """Blocks dropped because no Ethernet header fits in them."""
        self.oversized = 0
        """Blocks dropped because they exceed :data:`MAX_FRAME`."""

    def decode(self, buffer: bytearray, start: int, end: int) -> tuple[list[Run], int]:
        """
        Cut ``buffer[start:end]``.

        :returns: the runs, and the offset of the first byte that was not consumed: at most a
            block or keep-alive that is not complete. The four bytes before a run are not
            needed any more.
        :raises FrameStreamError: the stream is violated; cut the connection.
        """
        runs: list[Run] = []
        at = start
        while end - at >= 4:
            if self._left:
                after = self._blocks(buffer, at, end, runs)
                if after == at:
                    break
                at = after
                continue
            (count,) = _read_u32(buffer, at)
            if count == KEEPALIVE:
                after = self._keepalive(buffer, at, end)
                if after == at:
                    break
                at = after
            elif count > MAX_GROUP:
                raise FrameStreamError(f"A group of {count} blocks is too large.")
            else:
                self._left = count
                at += 4
        return runs, at

    def _keepalive(self, buffer: bytearray, at: int, end: int) -> int:
        """Return the offset behind a keep-alive, `at` while it is not complete."""
        if end - at < 8:
            return at
        size: int = _read_u32(buffer, at + 4)[0]
        if size > MAX_KEEPALIVE:
            raise FrameStreamError(f"A keep-alive of {size} bytes is too large.")
        if end - at < 8 + size:
            return at
        self.keepalives += 1
        return at + 8 + size

    def _blocks(self, buffer: bytearray, at: int, end: int, runs: list[Run]) -> int:
        """Cut blocks of the current group; return the offset behind the last whole one."""
        left = self._left
        run_start, run_count, run_key = at, 0, b""
        previous_size = 0
        while left and end - at >= 4:
            size: int = _read_u32(buffer, at)[0]
            after = at + 4 + size
            if MIN_FRAME <= size <= MAX_FRAME:
                if after > end:
                    break
                key = bytes(buffer[at + 4 : at + 16])
                if key != run_key:
                    if run_count:
                        runs.append((run_start, at, run_count, run_key))
                    run_start, run_count, run_key = at, 0, key
                elif size == previous_size and left > 1:
                    # The second frame of its kind: most likely there are more.
                    limit = min(end, at + left * (4 + size))
                    match = _finder(size).match(buffer, at, limit)
                    if match is not None:
                        after = int(match.end())
                        found = (after - at) // (4 + size)
                        run_count += found - 1
                        left -= found - 1
                previous_size = size
                run_count += 1
            else:
                if size > MAX_BLOCK:
                    raise FrameStreamError(f"A block of {size} bytes is too large.")
                if after > end:
                    break
                if run_count:
                    runs.append((run_start, at, run_count, run_key))
                run_count, run_key = 0, b""
                if size > MAX_FRAME:
                    self.oversized += 1
                elif size:
                    self.undersized += 1
            at = after
            left -= 1
        if run_count:
            runs.append((run_start, at, run_count, run_key))
        self._left = left
        return at


def put_count(buffer: bytearray, start: int, count: int) -> None:
    """Write a group's count word into the four bytes before `start`."""
    _U32.pack_into(buffer, start - 4, count)


def block(frame: bytes) -> bytes:
    """Return a frame as a block."""
    return _U32.pack(len(frame)) + frame


def group(frames: Iterable[bytes]) -> bytes:
    """Return frames as one group."""
    blocks = [block(frame) for frame in frames]
    return _U32.pack(len(blocks)) + b"".join(blocks)


def keepalive(size: int | None = None) -> bytes:
    """Return a keep-alive of 0..511 random bytes; of a random size if none is given."""
    if size is None:
        size = int.from_bytes(os.urandom(2), "big") % MAX_KEEPALIVE
    return _PAIR.pack(KEEPALIVE, size) + os.urandom(size)
