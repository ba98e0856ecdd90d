"""
Cuts the blocks of one group into runs: the hottest loop of the switch (reference §6.1).

A block is a u32 size (big endian) and an Ethernet frame. Between two ends that agreed on it, a
block may be a *super-frame*: its size word has the bit :data:`SUPER` set, and a virtio-net header
precedes an Ethernet frame of up to 64 KiB. Not for counts of groups and keep-alives: see
:mod:`.blocks`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache

from iquila.native import extension

Run = tuple[int, int, int, bytes]
"""(start, end, count, key): `buffer[start:end]` holds `count` whole consecutive blocks, their size
words in place, all with the same key: destination MAC + source MAC, 12 bytes, and :data:`MARK`
behind them if the blocks are super-frames."""

MACS = 12
"""Bytes of a key that are addresses."""
MIN_FRAME = 14
MAX_FRAME = 1600
MAX_BLOCK = 3200
SUPER = 0x80000000
"""The bit of a size word that says that a super-frame follows; the other 31 are its size."""
HEADER = 10
"""Bytes of the virtio-net header in front of a super-frame (struct virtio_net_hdr)."""
MIN_SUPER = HEADER + MIN_FRAME
MAX_SUPER = HEADER + 14 + 4 + 65535
"""The header, an Ethernet header with a VLAN tag, and the largest IP packet."""
MARK = b"\x01"
"""The thirteenth byte of a super-frame's key."""

# Super-frames that are longer are few to a buffer, and need no pattern for their size.
_LONGEST_STEP = 4 + HEADER + MAX_FRAME
# A pattern finds the end of a run with about 20 ns a frame and a loop with about 90 ns, but the
# loop starts anew far cheaper: the pattern pays where runs are at least so long.
_LONG_RUN = 10
_STRETCH = 64

_read_u32 = struct.Struct(">I").unpack_from
_read_head = struct.Struct(">I12s").unpack_from
_read_super_macs = struct.Struct(f">{4 + HEADER}x12s").unpack_from


@lru_cache(maxsize=2 * MAX_FRAME)
def _finder(word: int) -> Callable[[bytearray, int, int], re.Match[bytes] | None]:
    """
    Return what matches a stretch of blocks of one size word, destination and source.

    One C call finds its end. The possessive quantifiers keep no positions to go back to.
    """
    head = re.escape(word.to_bytes(4, "big"))
    rest = b".{%d}+" % (word - 12)
    if word >= SUPER:
        head += b".{%d}+" % HEADER
        rest = b".{%d}+" % (word - SUPER - HEADER - 12)
    return re.compile(b"(?s:%b(.{12})%b(?:%b\\1%b)*+)" % (head, rest, head, rest)).match


@lru_cache(maxsize=2 * MAX_FRAME)
def _heads(word: int) -> Callable[[memoryview], Iterator[tuple[int, bytes]]]:
    """Return what iterates over (size word, MACs) of blocks that all have one size."""
    if word >= SUPER:
        return struct.Struct(f">I{HEADER}x12s{word - SUPER - HEADER - 12}x").iter_unpack
    return struct.Struct(f">I12s{word - 12}x").iter_unpack


def _short_runs(
    stretch: tuple[bytearray, int, int, int, int],
    start: int,
    count: int,
    macs: bytes,
    mark: bytes,
    runs: list[Run],
) -> tuple[int, int, int, bytes]:
    """
    Cut blocks that follow each other with one size word, as long as they do.

    :param stretch: the buffer, the offset, the size word, the bytes of a block, and how many
        such blocks there is room for.
    :returns: how many they were, and what the last run begins with: start, count, MACs.
    """
    buffer, base, word, step, limit = stretch
    at = base
    first = at - count * step
    for other, found in _heads(word)(memoryview(buffer)[at : at + limit * step]):
        if found != macs:
            if other != word:
                break
            runs.append((start, at, (at - first) // step, macs + mark))
            start = first = at
            macs = found
        elif other != word:
            break
        at += step
    return (at - base) // step, start, (at - first) // step, macs


def scan_python(
    buffer: bytearray, at: int, end: int, left: int, super_allowed: bool, runs: list[Run]
) -> tuple[int, int, int, int]:
    """
    Cut up to `left` blocks of a group out of ``buffer[at:end]`` and append their runs to `runs`.

    Stops before a block that is not complete, and before one that may not be: an ordinary one of
    more than :data:`MAX_BLOCK` bytes, a super-frame that is not allowed or whose size is out of
    range. That shows in its size word as soon as that is there.

    :returns: the offset behind the last whole block; how many blocks of the group are left; how
        many were dropped because no Ethernet header fits in them (empty ones are not counted),
        and because they exceed :data:`MAX_FRAME`.
    :raises ValueError: the offsets are not within the buffer, or `left` is negative.
    """
    if not 0 <= at <= end <= len(buffer) or left < 0:
        raise ValueError("the range to scan is not within the buffer")
    undersized = oversized = 0
    start, count, macs, mark = at, 0, b"", b""
    previous = 0
    long_runs = True
    while left and end - at >= 4:
        if end - at >= 16:
            word, found = _read_head(buffer, at)
        else:
            # Only what is dropped can be complete here.
            (word,), found = _read_u32(buffer, at), b""
        if MIN_FRAME <= word <= MAX_FRAME:
            step, kind = 4 + word, b""
            if at + step > end:
                break
        elif word <= MAX_BLOCK:
            if at + 4 + word > end:
                break
            if count:
                runs.append((start, at, count, macs + mark))
            count, macs = 0, b""
            oversized += word > MAX_FRAME
            undersized += 0 < word < MIN_FRAME
            at += 4 + word
            left -= 1
            continue
        else:
            step, kind = 4 + word - SUPER, MARK
            if not super_allowed or not 4 + MIN_SUPER <= step <= 4 + MAX_SUPER or at + step > end:
                break
            (found,) = _read_super_macs(buffer, at)
        if found != macs or kind != mark:
            if count:
                runs.append((start, at, count, macs + mark))
            start, count, macs, mark = at, 0, found, kind
        if word != previous or step > _LONGEST_STEP:
            previous = word
            count += 1
            left -= 1
            at += step
            continue
        # The second of its size: most likely there are more.
        number = min(left, (end - at) // step)
        if long_runs:
            match = _finder(word)(buffer, at, at + number * step)
            number = (match.end() - at) // step if match else 1
            long_runs = number >= _LONG_RUN
            count += number
        else:
            known = len(runs)
            stretch = buffer, at, word, step, min(number, _STRETCH)
            number, start, count, macs = _short_runs(stretch, start, count, macs, mark, runs)
            long_runs = number >= _LONG_RUN * (len(runs) - known)
        left -= number
        at += number * step
    if count:
        runs.append((start, at, count, macs + mark))
    return at, left, undersized, oversized


Scan = Callable[[bytearray, int, int, int, bool, list[Run]], tuple[int, int, int, int]]

NATIVE: bool = extension is not None
"""Whether :data:`scan` is compiled; otherwise it is :func:`scan_python`."""
scan: Scan = extension.scan if NATIVE else scan_python
