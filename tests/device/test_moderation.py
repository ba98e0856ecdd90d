"""When a device is left alone for a moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.device.moderation import FAST, SMALL_FRAME, WINDOW, Moderation


class ModerationTests(SynchronousTestCase):
    """Rates and sizes."""

    def pauses(self, rate: float, size: int = 100, seconds: float = 0.05) -> int:
        """Return how often a device pauses that gives single frames at a rate."""
        moderation = Moderation()
        times = [number / rate for number in range(int(rate * seconds))]
        return sum(moderation.pauses(1, size, now) for now in times)

    def test_slow_frames(self) -> None:
        """Frames that come singly are taken singly."""
        self.assertEqual(self.pauses(FAST * 0.9), 0)

    def test_fast_frames(self) -> None:
        """Frames that come fast are worth waiting for, once the rate is known."""
        frames = FAST * 2 * 0.05
        self.assertGreater(self.pauses(FAST * 2), frames * 0.9)

    def test_large_frames(self) -> None:
        """They do not wait."""
        self.assertEqual(self.pauses(FAST * 2, SMALL_FRAME), 0)

    @given(st.floats(0.01, 1e6))
    def test_after_a_silence(self, silence: float) -> None:
        """The first frame after a silence is taken at once, however fast the last ones were."""
        moderation = Moderation()
        for number in range(1000):
            moderation.pauses(1, 100, number / FAST / 10)
        self.assertTrue(moderation.pauses(1, 100, 1000 / FAST / 10))
        self.assertFalse(moderation.pauses(1, 100, 1000 / FAST / 10 + WINDOW + silence))
