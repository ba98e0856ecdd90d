"""A bounded queue of blocks that drops at its tail: what waits for a slow socket."""

from __future__ import annotations

from collections import deque


class DropTailQueue:
    """
    Blocks in order, at most `limit` bytes.

    One slow receiver must not stall a switch, so what does not fit is dropped and counted.
    """

    __slots__ = ("_items", "_size", "dropped_bytes", "dropped_frames", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.dropped_frames = 0
        self.dropped_bytes = 0
        self._size = 0
        self._items: deque[tuple[bytes, int]] = deque()

    def __len__(self) -> int:
        """Return the bytes that wait."""
        return self._size

    def put(self, blocks: bytes, count: int) -> bool:
        """Append `count` blocks; return False where they do not fit and were dropped."""
        size = len(blocks)
        if self._size + size > self.limit:
            self.dropped_frames += count
            self.dropped_bytes += size
            return False
        self._items.append((blocks, count))
        self._size += size
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
        self._size -= size
        return (taken[0] if len(taken) == 1 else b"".join(taken)), count

    def clear(self) -> None:
        """Drop everything that waits, counting it."""
        for blocks, count in self._items:
            self.dropped_frames += count
            self.dropped_bytes += len(blocks)
        self._items.clear()
        self._size = 0
