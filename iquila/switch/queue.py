"""A bounded queue of blocks that drops at its tail: what waits for a slow socket."""

from __future__ import annotations

from collections import deque


class DropTailQueue:
    """
    Blocks in order, at most `limit` bytes.

    One slow receiver must not stall a switch, so what does not fit is dropped and counted.
    """

    __slots__ = ("_items", "dropped_bytes", "dropped_frames", "limit", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.dropped_frames = 0
        self.dropped_bytes = 0
        self.size = 0
        """The bytes that wait."""
        self._items: deque[tuple[bytes, int]] = deque()

    def put(self, blocks: bytes, count: int) -> bool:
        """Append `count` blocks; return False where they do not fit and were dropped."""
        size = len(blocks)
        if self.size + size > self.limit:
            self.dropped_frames += count
            self.dropped_bytes += size
            return False
        self._items.append((blocks, count))
        self.size += size
        return True

    def take(self, limit: int) -> tuple[bytes, int]:
        """
        Remove the first blocks, about `limit` bytes, at least one item.

        :returns: the blocks joined, and how many they are.
        """
        items, size, count = self._items, 0, 0
        taken: list[bytes] = []
        while items and (not taken or size + len(items[0][0]) <= limit):
            blocks, number = items.popleft()
            taken.append(blocks)
            size += len(blocks)
            count += number
        self.size -= size
        return (taken[0] if len(taken) == 1 else b"".join(taken)), count

    def clear(self) -> None:
        """Drop everything that waits, counting it."""
        for blocks, count in self._items:
            self.dropped_frames += count
            self.dropped_bytes += len(blocks)
        self._items.clear()
        self.size = 0
