"""The arithmetic of the benches, on made-up values."""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from .bench import Bench, Better, Contender, Figure
from .report import Results, Sample, as_json, as_table, number
from .runner import UnknownContender, chosen, run

SPEED = Figure("speed", "Mbit/s", Better.HIGHER, "how fast")
COST = Figure("cost", "s/GB", Better.LOWER, "how dear")
RESENT = Figure("resent", "segments", Better.NEITHER, "sent again")


@define
class Scripted(Contender):
    """Returns prepared values, and remembers in `diary` what was called."""

    name: str
    script: list[Mapping[str, float] | Exception] = field(factory=list)
    diary: list[str] = field(factory=list)
    lacks: str | None = None
    default: bool = True
    about: str = "scripted"

    def missing(self) -> str | None:
        """As it was made."""
        return self.lacks

    def prepare(self) -> None:
        """Note it."""
        self.diary.append(f"{self.name} up")

    def measure(self) -> Mapping[str, float]:
        """Return or raise what comes next."""
        self.diary.append(self.name)
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Note it."""
        self.diary.append(f"{self.name} down")


def bench(*contenders: Contender, reference: tuple[str, ...] = ()) -> Bench:
    """Return a bench of three figures."""
    figures = (SPEED, COST, RESENT)
    return Bench("demo", "a demonstration", figures, contenders, reference, ("a note",))


def results(rows: dict[str, list[Mapping[str, float]]], *, reference: tuple[str, ...]) -> Results:
    """Return results with the values of each contender, round by round."""
    made = bench(*(Scripted(name) for name in rows), reference=reference)
    found = Results(made, max(map(len, rows.values())))
    for name, rounds in rows.items():
        found.samples += [Sample(n, name, values) for n, values in enumerate(rounds, 1)]
    return found


class RatioTests(SynchronousTestCase):
    """Medians and ratios."""

    def test_ratio_is_taken_in_the_round(self) -> None:
        """The median of the ratios, which is not the ratio of the medians."""
        found = results(
            {
                "old": [{"speed": 100.0}, {"speed": 10.0}, {"speed": 50.0}],
                "new": [{"speed": 200.0}, {"speed": 30.0}, {"speed": 60.0}],
            },
            reference=("old",),
        )
        self.assertEqual(found.ratios("new", SPEED), {1: 2.0, 2: 3.0, 3: 1.2})
        told = as_json(found)["contenders"]["new"]
        self.assertEqual(told["ratios"]["speed"]["median"], 2.0)
        self.assertEqual(
            told["figures"]["speed"],
            {"median": 60.0, "min": 30.0, "max": 200.0, "rounds": [200.0, 30.0, 60.0]},
        )

    def test_best_reference_of_each_round(self) -> None:
        """The highest or the lowest of several, whichever is the better one."""
        found = results(
            {
                "a": [{"speed": 10.0, "cost": 1.0}, {"speed": 40.0, "cost": 4.0}],
                "b": [{"speed": 20.0, "cost": 2.0}, {"speed": 20.0, "cost": 2.0}],
                "c": [{"speed": 20.0, "cost": 2.0}, {"speed": 20.0, "cost": 2.0}],
            },
            reference=("a", "b"),
        )
        self.assertEqual(found.ratios("c", SPEED), {1: 1.0, 2: 0.5})
        self.assertEqual(found.ratios("c", COST), {1: 2.0, 2: 1.0})

    def test_no_ratio_without_something_to_compare(self) -> None:
        """A round without reference, a reference of zero, and figures told for information."""
        found = results(
            {
                "a": [{"cost": 1.0, "resent": 5.0}, {"speed": 0.0}],
                "b": [{"speed": 1.0, "resent": 5.0}, {"speed": 1.0}],
            },
            reference=("a",),
        )
        self.assertEqual(found.ratios("b", SPEED), {})
        self.assertEqual(found.ratios("b", RESENT), {})
        self.assertNotIn("speed", as_json(found)["contenders"]["b"]["ratios"])

    def test_numbers(self) -> None:
        """They keep about three digits and are read without counting zeros."""
        told = [number(v) for v in (123456.7, 99.94, 9.876, 0.12345, 0.0)]
        self.assertEqual(told, ["123457", "99.9", "9.88", "0.123", "0"])


class ShapeTests(SynchronousTestCase):
    """What is printed."""

    def setUp(self) -> None:
        """Two contenders that ran and one that did not."""
        self.found = results(
            {"a": [{"speed": 1500.0, "bytes": 7.0}], "b": [{"speed": 3000.0, "cost": 0.5}]},
            reference=("a",),
        )
        self.found.missing["c"] = "apt-get install c"
        self.found.failures.append(("b", "round 2: no answer"))

    def test_json(self) -> None:
        """It is one object; unknown values are in the raw data only."""
        told = json.loads(json.dumps(as_json(self.found)))
        self.assertEqual((told["bench"], told["rounds"], told["reference"]), ("demo", 1, ["a"]))
        self.assertEqual(told["figures"]["cost"]["better"], "lower")
        self.assertEqual(list(told["contenders"]), ["a", "b"])
        self.assertEqual(list(told["contenders"]["a"]["figures"]), ["speed"])
        self.assertEqual(told["missing"], [{"contender": "c", "why": "apt-get install c"}])
        self.assertEqual(told["failures"], [{"contender": "b", "why": "round 2: no answer"}])
        first = {"round": 1, "contender": "a", "values": {"speed": 1500.0, "bytes": 7.0}}
        self.assertEqual(told["raw"][0], first)

    def test_table(self) -> None:
        """A block for each figure that somebody has, with ratios, missing ones and failures."""
        lines = as_table(self.found).splitlines()
        self.assertEqual(lines[0], "demo: a demonstration; 1 rounds")
        start = lines.index("speed: how fast (Mbit/s; higher is better)")
        self.assertEqual(lines[start + 1].split(), ["median", "min", "max", "ratio"])
        self.assertEqual(lines[start + 2].split(), ["a", "1500", "1500", "1500", "1.00"])
        self.assertEqual(lines[start + 3].split(), ["b", "3000", "3000", "3000", "2.00"])
        self.assertNotIn("resent", as_table(self.found))
        self.assertIn("missing: c: apt-get install c", lines)
        self.assertIn("failed: b: round 2: no answer", lines)


class RunnerTests(SynchronousTestCase):
    """The order of things, and what happens when something goes wrong."""

    def test_interleaved(self) -> None:
        """Everybody is up before the first round, and takes turns."""
        diary: list[str] = []
        pair = [Scripted(name, [{"speed": 1.0}, {"speed": 2.0}], diary) for name in "ab"]
        found = run(bench(*pair), pair, 2, diary.append)
        calls = [entry for entry in diary if " " not in entry or entry[2:] in ("up", "down")]
        expected = ["a up", "b up", "a", "b", "a", "b", "b down", "a down"]
        self.assertEqual(calls, expected)
        self.assertEqual(found.series("b", "speed"), {1: 1.0, 2: 2.0})
        self.assertEqual(found.failures, [])

    def test_missing_and_failed(self) -> None:
        """Neither keeps the others from being measured; what failed is still closed."""
        absent = Scripted("absent", lacks="install it")
        broken = Scripted("broken", [ValueError("no answer"), {"speed": 5.0}])
        good = Scripted("good", [{"speed": 1.0}, {"speed": 2.0}])
        all_of_them = (absent, broken, good)
        found = run(bench(*all_of_them), all_of_them, 2, lambda text: None)
        self.assertEqual(found.missing, {"absent": "install it"})
        self.assertEqual(absent.diary, [])
        self.assertEqual(found.failures, [("broken", "round 1: no answer")])
        self.assertEqual(found.series("broken", "speed"), {2: 5.0})
        self.assertEqual(found.series("good", "speed"), {1: 1.0, 2: 2.0})
        self.assertEqual(broken.diary[-1], "broken down")

    def test_interrupted(self) -> None:
        """Whatever ends the run, everything is closed."""
        pair = (Scripted("a", [{"speed": 1.0}]), Scripted("b"))
        pair[1].script.append({"speed": 1.0})

        def say(text: str) -> None:
            if text.startswith("round"):
                raise KeyboardInterrupt

        self.assertRaises(KeyboardInterrupt, run, bench(*pair), pair, 1, say)
        self.assertEqual([each.diary[-1] for each in pair], ["a down", "b down"])

    def test_chosen(self) -> None:
        """All default ones, or those that are named, in the order of the bench."""
        a, b, c = Scripted("a"), Scripted("b"), Scripted("c", default=False)
        made = bench(a, b, c)
        self.assertEqual(chosen(made, []), [a, b])
        self.assertEqual(chosen(made, ["c", "a"]), [a, c])
        self.assertRaises(UnknownContender, chosen, made, ["d"])
