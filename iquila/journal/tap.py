"""
Looks at the frames of one Virtual Switch for its packet log; bounded by frames a second.

A tap is plugged into a switch only while its packet log is on: without one the switch does
nothing for it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from iquila.journal.packets import ENOUGH, NAMES, Kind, describe
from iquila.switch.port import Port
from iquila.wire.blocks import Run
from iquila.wire.scan import HEADER, SUPER

NOTHING, HEADERS, ALL = range(3)
LOOKED_AT = 20_000
"""Frames a second that are looked at: about a tenth of a processor's time."""
WRITTEN = 1000
"""Frames a second that are written, where the switch's options say nothing else."""
MOST_WRITTEN = 10_000
_u32 = struct.Struct(">I").unpack_from
Write = Callable[[dict[str, Any]], None]


class Tap:
    """
    The packet log's eye on one switch.

    :param levels: what is kept, by :class:`.packets.Kind`.
    :param per_minute: frames that are written in a minute; 0 for the default.
    :param write: gets what is to be written.
    """

    def __init__(self, levels: Sequence[int], per_minute: int, write: Write) -> None:
        self._levels = tuple(levels[: len(Kind)]) + (NOTHING,) * (len(Kind) - len(levels))
        per_second = -(-per_minute // 60) if per_minute else WRITTEN
        self._per_second = min(per_second, MOST_WRITTEN)
        self._write = write
        self._until = 0.0
        self._looks = self._writes = 0
        self._skipped = 0

    def __call__(self, port: Port, buffer: bytearray, runs: list[Run], now: float) -> None:
        """Look at what a port sent."""
        if now >= self._until:
            self._next_second(now)
        for start, end, count, _key in runs:
            if self._looks <= 0 or self._writes <= 0:
                self._skipped += count
            else:
                self._look(port, buffer, start, end)

    def _next_second(self, now: float) -> None:
        self._until = now + 1.0
        self._looks, self._writes = LOOKED_AT, self._per_second
        if self._skipped:
            skipped, self._skipped = self._skipped, 0
            self._write({"event": "frames-not-logged", "count": skipped})

    def _look(self, port: Port, buffer: bytearray, at: int, end: int) -> None:
        while at < end:
            (word,) = _u32(buffer, at)
            size = word & ~SUPER
            start = at + 4 + (HEADER if word & SUPER else 0)
            at += 4 + size
            if self._looks <= 0 or self._writes <= 0:
                self._skipped += 1
                continue
            self._looks -= 1
            kind, fields = describe(bytes(buffer[start : min(start + ENOUGH, at)]))
            level = self._levels[kind]
            if level:
                self._writes -= 1
                entry = {"event": NAMES[kind], "session": port.name, "size": at - start, **fields}
                if level >= ALL:
                    entry["data"] = buffer[start:at].hex()
                self._write(entry)
