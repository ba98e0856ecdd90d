"""How a server sets Python's cycle collector up."""

from __future__ import annotations

import gc

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from iquila.service.memory import FULL_SECONDS, Collector


class CollectorTests(SynchronousTestCase):
    """While it runs, and after it."""

    def test_set_up_and_restored(self) -> None:
        """No full collection but its own; everything is as before when it stops."""
        before, clock = gc.get_threshold(), Clock()
        collections: list[str] = []

        def note(phase: str, info: dict[str, int]) -> None:
            if phase == "start" and info["generation"] == 2:
                collections.append("full")

        collector = Collector(clock)
        collector.startService()
        self.addCleanup(gc.callbacks.remove, note)
        gc.callbacks.append(note)
        self.assertGreater(gc.get_freeze_count(), 0)
        keep = [[number] for number in range(100_000)]
        self.assertEqual(collections, [])
        clock.advance(FULL_SECONDS)
        self.assertEqual(collections, ["full"])
        collector.stopService()
        self.assertEqual((gc.get_threshold(), gc.get_freeze_count()), (before, 0))
        self.assertEqual(clock.getDelayedCalls(), [])
        self.assertEqual(len(keep), 100_000)
