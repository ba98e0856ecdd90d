"""
Frames between a TAP descriptor and a buffer of blocks, many at a time and without a copy.

For opening devices and switching their offload see :mod:`.tap`; for blocks see
:mod:`iquila.wire.scan`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from iquila.native import extension
from iquila.wire.scan import HEADER, MAX_BLOCK, MAX_FRAME, MAX_SUPER, MIN_FRAME, MIN_SUPER, SUPER

NO_HEADERS = 0
"""The device has no virtio-net headers; each frame becomes an ordinary block."""
KEEP_HEADERS = 1
"""The device has them (IFF_VNET_HDR); each frame becomes a super-frame, its header in place."""
STRIP_HEADERS = 2
"""The device has them, but only frames that mean nothing without theirs keep it."""
# One byte more than may come, so that a longer frame shows.
ORDINARY_ROOM = 4 + MAX_FRAME + 1
"""Bytes of a buffer that must be left for one more frame with :data:`NO_HEADERS`."""
SUPER_ROOM = 4 + MAX_SUPER + 1
"""The same with :data:`KEEP_HEADERS` and :data:`STRIP_HEADERS`."""

_NEEDS_CHECKSUM = 1
_NO_HEADER = bytes(HEADER)
_U32 = struct.Struct(">I")


def read_blocks_python(
    fd: int, buffer: bytearray, at: int, end: int, frames: int, headers: int
) -> tuple[int, int]:
    """
    Read up to `frames` frames and lay them as blocks into ``buffer[at:end]``.

    Stops where the device has none, and where less than :data:`ORDINARY_ROOM` or
    :data:`SUPER_ROOM` bytes are left. Frames that are too short or too long are skipped.

    :param fd: a non-blocking TAP descriptor.
    :param headers: :data:`NO_HEADERS`, :data:`KEEP_HEADERS` or :data:`STRIP_HEADERS`.
    :returns: the offset behind the last block, and how many blocks there are.
    :raises OSError: nothing was read and the device says why. After a frame was, it is kept quiet:
        the device says so again.
    :raises ValueError: the offsets are not within the buffer.
    """
    if not 0 <= at <= end <= len(buffer):
        raise ValueError("the range to read to is not within the buffer")
    room = SUPER_ROOM if headers else ORDINARY_ROOM
    largest = MAX_SUPER if headers == KEEP_HEADERS else MAX_FRAME
    smallest = MIN_SUPER if headers == KEEP_HEADERS else MIN_FRAME
    flag = SUPER if headers == KEEP_HEADERS else 0
    header = bytearray(HEADER)
    count = 0
    with memoryview(buffer) as view:
        for _ in range(frames):
            if end - at < room:
                break
            start = at + 4
            parts = [view[start : at + room]]
            if headers == STRIP_HEADERS:
                parts.insert(0, memoryview(header))
            try:
                size = os.readv(fd, parts)
            except BlockingIOError:
                break
            except OSError:
                if count:
                    break
                raise
            if headers == STRIP_HEADERS:
                size -= HEADER
                if header[0] & _NEEDS_CHECKSUM or header[1]:
                    # Left over from before offload was switched off; rare.
                    if not MIN_FRAME <= size <= MAX_SUPER - HEADER:
                        continue
                    view[start + HEADER : start + HEADER + size] = bytes(view[start : start + size])
                    view[start : start + HEADER] = header
                    _U32.pack_into(buffer, at, SUPER + HEADER + size)
                    at = start + HEADER + size
                    count += 1
                    continue
            if smallest <= size <= largest:
                _U32.pack_into(buffer, at, flag + size)
                at = start + size
                count += 1
    return at, count


def write_blocks_python(
    fd: int, buffer: bytearray | bytes, at: int, end: int, headers: bool
) -> tuple[int, int]:
    """
    Write the blocks in ``buffer[at:end]`` to a TAP device until it takes no more.

    :param fd: a non-blocking TAP descriptor.
    :param headers: whether the device has virtio-net headers; ordinary blocks get an empty one.
        Without, super-frames are refused.
    :returns: the offset of the first block that was not written because the device is busy, `end`
        if there is none; and how many were refused for another reason and skipped (what is not a
        whole block counts as one).
    :raises ValueError: the offsets are not within the buffer.
    """
    if not 0 <= at <= end <= len(buffer):
        raise ValueError("the range to write is not within the buffer")
    refused = 0
    with memoryview(buffer) as view:
        while at < end:
            (word,) = _U32.unpack_from(buffer, at) if end - at >= 4 else (MAX_BLOCK,)
            after = at + 4 + (word & ~SUPER)
            if after > end:
                # Nothing behind a block that is not whole can be told apart.
                return end, refused + 1
            frame = view[at + 4 : after]
            try:
                if headers and word < SUPER:
                    os.writev(fd, (_NO_HEADER, frame))
                elif headers or word < SUPER:
                    os.write(fd, frame)
                else:
                    refused += 1
            except BlockingIOError:
                break
            except OSError:
                refused += 1
            at = after
    return at, refused


ReadBlocks = Callable[[int, bytearray, int, int, int, int], tuple[int, int]]
WriteBlocks = Callable[[int, bytearray | bytes, int, int, bool], tuple[int, int]]

read_blocks: ReadBlocks = read_blocks_python if extension is None else extension.read_blocks
write_blocks: WriteBlocks = write_blocks_python if extension is None else extension.write_blocks
