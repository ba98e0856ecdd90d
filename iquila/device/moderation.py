"""
When a device should be left alone for a moment, so that its frames come many at a time.

Taking a frame costs far more than its bytes do; a machine that sends small frames fast would
have each of them carried alone, through every process on the way. And where it sends more than
all of them can carry, what is too much had better be left in the device's own queue, at no cost,
than be dropped at the very end. Network adapters moderate their interrupts for the same reasons.
No I/O.
"""

from __future__ import annotations

from attrs import define

FAST = 20_000
"""Frames a second from which on waiting pays. Nobody who waits for an answer to each frame
before sending the next one gets near it."""
SMALL_FRAME = 256
"""Bytes; larger frames cost enough by themselves to be taken when they come."""
WINDOW = 0.002
"""Seconds over which the rate is measured."""
PAUSE = 0.0005
"""Seconds to wait; a reactor on epoll makes a millisecond of it."""


@define
class Moderation:
    """The recent rate of one device."""

    _since: float = 0.0
    _frames: int = 0
    _fast: bool = False

    def pauses(self, frames: int, size: int, now: float) -> bool:
        """
        Return whether to wait :data:`PAUSE` before the next batch.

        :param frames: how many were just taken, with `size` bytes.
        :param now: monotonic seconds.
        """
        self._frames += frames
        elapsed = now - self._since
        if elapsed >= WINDOW:
            # After a silence the rate is that of the silence: low.
            self._fast = self._frames >= FAST * elapsed
            self._since, self._frames = now, 0
        return self._fast and size < frames * SMALL_FRAME
