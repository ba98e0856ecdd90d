"""
The broadcast limiter: flooded frames of one source are thinned out when they come too fast
(reference §9.3).

Per port and conversation (source MAC and, for IPv4 and ARP, the two addresses) a window of
half a second counts frames. At the threshold the discard value doubles, below it it is
divided; from 3 on, frames pass by chance only, from 128 on not at all.
"""

from __future__ import annotations

from random import Random

from attrs import define

WINDOW = 0.5
THRESHOLD = 32
"""Frames a second."""
TABLE_LIMIT = 4096
_CAP = 1024
_CHANCE_FROM = 3
_NONE_FROM = 128
_IPV4, _ARP = b"\x08\x00", b"\x08\x06"


@define(eq=False)
class _Record:
    window: float
    count: int = 0
    discard: int = 1


class BroadcastLimiter:
    """
    The limiter of one port.

    :param threshold: frames a second and conversation that pass unhindered.
    :param random: where chance comes from.
    """

    def __init__(self, random: Random, threshold: int = THRESHOLD) -> None:
        self._random = random
        self._threshold = threshold
        self._records: dict[bytes, _Record] = {}

    def passes(self, frame_head: bytes, now: float) -> bool:
        """Return whether a flooded frame goes out; `frame_head` is its first 42 bytes."""
        record = self._record(_conversation(frame_head), now)
        elapsed = int((now - record.window) / WINDOW)
        if elapsed >= 1:
            if record.count * (1 / WINDOW) < self._threshold:
                record.discard = max(1, record.discard // max(2, elapsed))
            record.count = 0
            record.window = now
        record.count += 1
        if record.count * (1 / WINDOW) >= self._threshold:
            if record.discard < _CAP:
                record.discard *= 2
            return False
        if record.discard >= _NONE_FROM:
            return False
        if record.discard >= _CHANCE_FROM:
            return self._random.random() < 1 / record.discard
        return True

    def _record(self, key: bytes, now: float) -> _Record:
        record = self._records.get(key)
        if record is None:
            if len(self._records) >= TABLE_LIMIT:
                # The oldest goes: a flood of forged sources must not fill memory.
                del self._records[next(iter(self._records))]
            record = self._records[key] = _Record(now)
        return record


def _conversation(head: bytes) -> bytes:
    kind = head[12:14]
    if kind == _IPV4 and len(head) >= 34:
        return head[6:12] + head[26:34]
    if kind == _ARP and len(head) >= 42:
        return head[6:12] + head[28:32] + head[38:42]
    return head[6:12]
