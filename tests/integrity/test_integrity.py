"""All modes in turn, with more than 1 GiB together, while connections are cut."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

from attrs import astuple, evolve
from twisted.trial.unittest import SynchronousTestCase

from iquila.session.tlscalls import choose

from .modes import GIB, MODES, Failed, Mode, problems, run_mode

SHARE = 192 * 1024 * 1024
"""Bytes sent in each mode."""
SECONDS = 120.0
AT_A_TIME = 2


class IntegrityTests(SynchronousTestCase):
    """Frames between two clients of one server, in processes of their own."""

    timeout = SECONDS * len(MODES) / AT_A_TIME

    def test_every_choice_meets_every_other(self) -> None:
        """In at least one mode."""
        kinds = [astuple(mode) for mode in MODES]
        for one, other in itertools.combinations(range(len(kinds[0])), 2):
            self.assertEqual(len({(kind[one], kind[other]) for kind in kinds}), 4)

    def test_frames(self) -> None:
        """Byte-exact and in order per flow under 1 % resets; without, nothing is lost."""
        self.assertGreaterEqual(SHARE * len(MODES), GIB)
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            results = list(pool.map(self.run_mode, enumerate(MODES)))
        sent = 0
        for mode, result in zip(MODES, results, strict=True):
            self.assertEqual(problems(mode, result), [], f"{mode.name}: {result}")
            self.assertEqual(result["tls"], choose("public" if mode.public_tls else "").name)
            built = find_spec("iquila._native") is not None
            self.assertEqual(result["native"], built and not mode.pure)
            self.assertGreater(sum(part["resets"] for part in result["parts"]), 0)
            sent += sum(way["sent_bytes"] for part in result["parts"] for way in part["directions"])
        self.assertGreaterEqual(sent, GIB)

    @staticmethod
    def run_mode(numbered: tuple[int, Mode]) -> dict[str, Any]:
        """Run one with a seed of its own."""
        number, mode = numbered
        return run_mode(mode, SHARE, seed=number + 1, timeout=SECONDS)

    def test_failures(self) -> None:
        """A process that does not get there is told of, with what it said."""
        error = self.assertRaises(Failed, run_mode, MODES[0], SHARE, seed=1, timeout=0.2)
        self.assertIn(MODES[0].name, str(error))
        odd = evolve(MODES[0], connections=5)
        error = self.assertRaises(Failed, run_mode, odd, 1000, seed=1, timeout=10.0)
        self.assertIn("invalid choice", str(error))

    def test_problems(self) -> None:
        """Wrong frames, lost ones, and lost sessions are."""
        way = {"wrong": 0, "late": 0, "errors": [], "delivered": 1.0, "super_frames": 1}
        part = {"name": "calm", "probability": 0.0, "directions": [way, way]}
        good = {
            "sessions": [1, 1],
            "parts": [part],
        }
        mode = Mode(True, 1, False, False)
        self.assertEqual(problems(mode, good), [])
        for change, word in (
            ({"wrong": 2, "errors": ["what"]}, "2 wrong and 0 late frames: what"),
            ({"late": 2}, "0 wrong and 2 late"),
            ({"delivered": 0.9999}, "only 99.990%"),
            ({"super_frames": 0}, "no super-frames"),
        ):
            parts = [{**part, "directions": [way, {**way, **change}]}]
            (found,) = problems(mode, {**good, "parts": parts})
            self.assertIn(word, found)
        for probability, share, ok in ((0.01, 0.5, True), (0.01, 0.1, False), (0.2, 0.1, True)):
            cut = {**part, "probability": probability}
            cut["directions"] = [way, {**way, "delivered": share}]
            self.assertEqual(not problems(mode, {**good, "parts": [cut]}), ok)
        self.assertIn("2, 1", problems(mode, {**good, "sessions": [2, 1]})[0])
