"""
The data phase: groups of blocks, one Ethernet frame each, cut into runs (reference §6.1).

A run is a stretch of consecutive blocks that go from one source to one destination. It is
handed on as one slice of the receive buffer, its length words in place, so that nothing is
copied and most work is done once for many frames (data-path §8).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable

from iquila.errors import FrameStreamError
from iquila.wire.scan import (
    MAX_BLOCK,
    MAX_FRAME,
    MAX_SUPER,
    MIN_FRAME,
    MIN_SUPER,
    SUPER,
    Run,
    scan,
)

__all__ = (
    "CONTROL_MAGIC",
    "MAX_CONNECTIONS",
    "MAX_CONTROL",
    "MAX_FRAME",
    "MIN_FRAME",
    "BlockDecoder",
    "Run",
    "block",
    "control_message",
    "group",
    "keepalive",
    "put_count",
)

KEEPALIVE = 0xFFFFFFFF
MAX_KEEPALIVE = 512
MAX_GROUP = 2**20
MAX_CONNECTIONS = 32
"""TCP connections of one session."""
CONTROL_MAGIC = b"iquila-control/1"
"""What a keep-alive begins with that says something; elsewhere keep-alives are random bytes."""
MAX_CONTROL = 256
"""Bytes of a control message."""

_U32 = struct.Struct(">I")
_PAIR = struct.Struct(">II")
_read_u32 = _U32.unpack_from


class BlockDecoder:
    """
    Cuts one direction of one connection into runs.

    Keeps only how many blocks of the group are left; the caller keeps unconsumed bytes.

    :param super_allowed: whether the peer may send super-frames; see :mod:`.scan`.
    :param control: called with each control message, before the runs around it are returned.
    """

    __slots__ = ("_left", "control", "keepalives", "oversized", "super_allowed", "undersized")

    def __init__(
        self, *, super_allowed: bool = False, control: Callable[[bytes], None] | None = None
    ) -> None:
        self._left = 0
        self.super_allowed = super_allowed
        self.control = control
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
                at = self._blocks(buffer, at, end, runs)
                if self._left:
                    break
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
        if self.control is not None and buffer.startswith(CONTROL_MAGIC, at + 8, at + 8 + size):
            self.control(bytes(buffer[at + 8 + len(CONTROL_MAGIC) : at + 8 + size]))
        return at + 8 + size

    def _blocks(self, buffer: bytearray, at: int, end: int, runs: list[Run]) -> int:
        """Cut blocks of the current group; return the offset behind the last whole one."""
        at, self._left, undersized, oversized = scan(
            buffer, at, end, self._left, self.super_allowed, runs
        )
        self.undersized += undersized
        self.oversized += oversized
        if self._left and end - at >= 4:
            self._check(_read_u32(buffer, at)[0])
        return at

    def _check(self, word: int) -> None:
        """Raise unless a block with this size word is possible: then it is not complete."""
        if word < SUPER:
            if word > MAX_BLOCK:
                raise FrameStreamError(f"A block of {word} bytes is too large.")
        elif not self.super_allowed:
            raise FrameStreamError("A super-frame was not agreed on.")
        elif not MIN_SUPER <= word - SUPER <= MAX_SUPER:
            raise FrameStreamError(f"A super-frame cannot have {word - SUPER} bytes.")


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


def control_message(payload: bytes) -> bytes:
    """
    Return a keep-alive that carries a message to another iquila end; others ignore it.

    :raises ValueError: it has more than :data:`MAX_CONTROL` bytes.
    """
    if len(payload) > MAX_CONTROL:
        raise ValueError(f"a control message of {len(payload)} bytes is too large")
    return _PAIR.pack(KEEPALIVE, len(CONTROL_MAGIC) + len(payload)) + CONTROL_MAGIC + payload
