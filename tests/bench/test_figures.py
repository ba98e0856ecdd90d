"""The arithmetic of the load benches: from what their drivers tell to figures."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from . import flood, logins, sessions, switch
from .bench import Bench, Settings
from .meter import Meter


def meter(elapsed: float, **used: float) -> Meter:
    """Return a meter that has read so much."""
    made = Meter({})
    made.used, made.elapsed = used, elapsed
    return made


class LoginsTests(SynchronousTestCase):
    """CPU time for one login."""

    def test_sum(self) -> None:
        """Two measurements, two members."""
        total = logins.Sum()
        for count in (100, 300):
            used = {"controller": 0.2, "member1": 0.3, "member2": 0.1, "machine": 2.0}
            summary = {"logins": count, "errors": {"late": 1}, "driver_cpu": 0.4}
            total.add(meter(2.0, **used), summary)
        values = total.values()
        self.assertAlmostEqual(values["controller_cpu"], 1.0)
        self.assertAlmostEqual(values["member_cpu"], 2.0)
        self.assertAlmostEqual(values["driver_cpu"], 2.0)
        self.assertAlmostEqual(values["others"], 0.5)
        self.assertEqual(values["errors"], 2.0)


class SessionsTests(SynchronousTestCase):
    """Memory for one session."""

    def step(self, count: int, resident: int) -> dict[str, Any]:
        """Return what the driver tells of so many sessions."""
        lag = {"p50": 0.5, "p99": 1.0 * count, "max": 9.0}
        return {
            "sessions": count,
            "lost": 0,
            "login_seconds": 1.0,
            "resident": resident,
            "server_cores": 0.1,
            "lag": lag,
        }

    def test_growth(self) -> None:
        """The growth beyond the first step, divided; the last step gives the rest."""
        kib = 1024
        steps = [
            self.step(20, 1000 * kib),
            self.step(320, 7000 * kib),
            self.step(1020, 31000 * kib),
        ]
        values = sessions.figures(steps)
        self.assertAlmostEqual(values["memory_320"], 20.0)
        self.assertAlmostEqual(values["memory_1020"], 30.0)
        self.assertAlmostEqual(values["memory"], 30.0)
        self.assertEqual(values["lag_p99"], 1020.0)
        self.assertEqual(values["lag_empty_p99"], 20.0)
        self.assertEqual(values["sessions"], 1020.0)


class SwitchTests(SynchronousTestCase):
    """The cost of a frame."""

    def case(self, sent: int, delivered: int) -> dict[str, Any]:
        """Return what the driver tells of one case."""
        told = {"ports": 2, "size": 1514, "run": 8, "sent": sent, "delivered": delivered}
        return {**told, "seconds": 2.0, "cpu": 1.0}

    def test_cost(self) -> None:
        """Microseconds, rate, and seconds per GB, of the frames that came out."""
        values = switch.figures([self.case(1_000_000, 500_000)])
        self.assertAlmostEqual(values["us_1514b_run8_2p"], 2.0)
        self.assertAlmostEqual(values["rate_1514b_run8_2p"], 0.5)
        self.assertAlmostEqual(values["gb_1514b_run8_2p"], 1 / 0.757)
        self.assertAlmostEqual(values["lost"], 50.0)

    def test_nothing_came_out(self) -> None:
        """That is a failure of the measurement, not a cost."""
        with self.assertRaises(ValueError):
            switch.figures([self.case(1000, 0)])


class FloodTests(SynchronousTestCase):
    """The cost of a flooded frame."""

    def test_cost(self) -> None:
        """Keep-alives are taken off; losses of both kinds are one figure."""
        one = {"sent": 1000, "delivered": 1000, "cpu": 0.3, "seconds": 2.0}
        times = {"last_p50": 0.005, "last_max": 0.01}
        many = {**one, "delivered": 900}
        told = {"idle": 0.1, "one": {**one, **times}, "burst": {**many, **times}}
        values = flood.figures(told)
        self.assertAlmostEqual(values["us_one"], 100.0)
        self.assertAlmostEqual(values["last_one"], 5.0)
        self.assertAlmostEqual(values["lost"], 5.0)


class ShapeTests(SynchronousTestCase):
    """What takes part."""

    def benches(self) -> dict[str, Bench]:
        """Return the benches by name."""
        settings = Settings(Path(self.mktemp()), ExitStack())
        return {each.name: each for each in (m.make(settings) for m in self.modules)}

    modules = (logins, sessions, switch, flood)

    def test_contenders(self) -> None:
        """Names are unique, references exist, and variants are there on demand."""
        for name, bench in self.benches().items():
            names = [contender.name for contender in bench.contenders]
            self.assertEqual(len(set(names)), len(names), name)
            self.assertLessEqual(set(bench.reference), set(names), name)
            self.assertLessEqual({"iquila", "iquila-pure", "iquila-public"}, set(names), name)
            keys = [figure.name for figure in bench.figures]
            self.assertEqual(len(set(keys)), len(keys), name)
