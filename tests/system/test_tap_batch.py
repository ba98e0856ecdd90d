"""Batches of frames through real TAP devices, with offload and without, by both twins."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ..twins import compiled
from .processes import run
from .requirements import need_tap

PROGRAM = Path(__file__).with_name("tap_pair.py")


class TAPBatchTests(SynchronousTestCase):
    """8 MB of TCP between two machines that only a loop over the batches connects."""

    def setUp(self) -> None:
        """Skip where there are no TAP devices."""
        need_tap()

    def transfer(self, pure: str, kind: str) -> dict[str, Any]:
        """Return what the program reports."""
        told: dict[str, Any] = json.loads(
            run(["env", f"PURE_PYTHON={pure}", sys.executable, str(PROGRAM), kind], timeout=90.0)
        )
        self.assertEqual(told["native"], pure == "0" and compiled() is not None)
        self.assertTrue(told["whole"])
        self.assertEqual(told["refused"], 0)
        return told

    def test_offload(self) -> None:
        """Super-frames while offload is on, frames of Ethernet's size after it, nothing lost."""
        for pure in "01":
            told = self.transfer(pure, "headers")
            # Half of it is 4 MB; a super-frame carries at most 64 KB of that, a frame 1448 bytes.
            self.assertGreater(told["super_frames"], 60)
            self.assertLess(told["super_frames"], 1400)
            self.assertGreater(told["ordinary"], 1400)

    def test_plain(self) -> None:
        """A device without headers."""
        for pure in "01":
            told = self.transfer(pure, "plain")
            self.assertGreater(told["ordinary"], 5500)
            self.assertEqual(told["super_frames"] + told["late"], 0)
