"""The `path` bench: what takes part, and a short run of the contenders that need no SoftEther."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.system.iperf import lacks_iperf
from tests.system.requirements import lacks_tap, refuse

from .bench import Bench, Settings
from .path import make
from .runner import chosen, run
from .traffic import percentile


class PathTests(SynchronousTestCase):
    """The bench and its contenders."""

    timeout = 120

    def make_bench(self) -> Bench:
        """Return the bench, whose network is removed after the test."""
        stack = ExitStack()
        self.addCleanup(stack.close)
        return make(Settings(Path(self.mktemp()).resolve(), stack, seconds=1.0))

    def test_contenders(self) -> None:
        """The default ones, and that the reference is among them."""
        bench = self.make_bench()
        names = [contender.name for contender in chosen(bench, [])]
        self.assertEqual(
            names,
            [
                *("veth", "softether-1", "softether-8", "iquila-softether-1"),
                *("iquila-softether-8", "iquila-ordinary", "iquila-super"),
            ],
        )
        self.assertEqual(bench.reference, ("softether-1", "softether-8"))
        everybody = [contender.name for contender in bench.contenders]
        self.assertIn("iquila-super-pure", everybody)
        self.assertIn("iquila-softether-8-public", everybody)
        self.assertEqual(len(set(everybody)), len(everybody))

    def test_percentile(self) -> None:
        """Of many values and of one."""
        values = [float(value) for value in range(1, 1001)]
        self.assertEqual(percentile(values, 0.5), 501.0)
        self.assertEqual(percentile(values, 0.99), 991.0)
        self.assertEqual(percentile([7.0], 0.99), 7.0)

    def test_run(self) -> None:
        """One round without and with a tunnel gives every figure."""
        if lack := lacks_tap() or lacks_iperf():
            refuse(lack)
        bench = self.make_bench()
        both = chosen(bench, ["veth", "iquila-ordinary-pure"])
        log: list[str] = []
        results = run(bench, both, 1, log.append)
        self.assertEqual(results.failures, [], "\n".join(log))
        veth, tunnel = results.samples
        self.assertEqual(
            {figure.name for figure in bench.figures} - set(veth.values),
            {"server_cpu", "sender_cpu", "receiver_cpu"},
        )
        for figure in bench.figures:
            self.assertIn(figure.name, tunnel.values)
        self.assertGreater(tunnel.values["tcp"], 1.0)
        self.assertGreater(tunnel.values["server_cpu"], 0.0)
        self.assertGreater(tunnel.values["ping_p99"], 0.0)
        self.assertGreaterEqual(tunnel.values["ping_p99"], tunnel.values["ping_p50"])
