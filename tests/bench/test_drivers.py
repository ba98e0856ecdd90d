"""The drivers of the load benches, each against a real server for a moment."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.system.cluster import PORT
from tests.system.network import Network
from tests.system.processes import run
from tests.system.requirements import need_namespaces, need_softether, refuse

from . import flooding
from .cases import PORTS, RUNS, SIZES
from .clusters import PASSWORD, SWITCH, USER, BenchCluster, IquilaCluster, SoftEtherCluster
from .logins import drive
from .standalone import TOP, IquilaStandalone
from .switch import cores, figures, lacks_cores


class NetworkCase(SynchronousTestCase):
    """A test with a network."""

    timeout = 180

    def make_network(self) -> Network:
        """Return one that is removed after the test."""
        need_namespaces()
        network = Network(Path(self.mktemp()).resolve())
        self.addCleanup(network.close)
        return network


class StandaloneTests(NetworkCase):
    """Drivers that need one server."""

    def start(self) -> IquilaStandalone:
        """Return a running server."""
        server = IquilaStandalone(self.make_network())
        server.start()
        return server

    def test_hold(self) -> None:
        """Sessions are opened and held, and the server answers meanwhile."""
        server = self.start()
        steps = server.drive("hold", "3", "10", "--settle=0.2", "--seconds=0.4", limit=60.0)
        self.assertEqual([step["sessions"] for step in steps], [3, 10])
        for step in steps:
            self.assertEqual(step["lost"], 0)
            self.assertGreater(step["lag"]["answers"], 5)
            self.assertLessEqual(step["lag"]["p50"], step["lag"]["max"])
        self.assertGreater(steps[0]["resident"], 10_000_000)

    def test_forward(self) -> None:
        """Every frame that is sent in every case comes out."""
        if lack := lacks_cores():
            refuse(lack)
        server = self.start()
        server.pin(cores()[0])
        options = ("--ports=4", "--seconds=0.1", f"--core={cores()[1]}")
        cases = server.drive("forward", *options, limit=120.0)
        self.assertEqual(
            [(c["size"], c["run"]) for c in cases], [(s, r) for s in SIZES for r in RUNS]
        )
        for case in cases:
            self.assertGreater(case["sent"], 0)
            self.assertEqual(case["delivered"], case["sent"])

    def test_flooding(self) -> None:
        """Every session gets every broadcast."""
        server = self.start()
        options = ("--sessions=20", "--floods=3", f"--core={cores()[1]}")
        told = server.drive("flooding", *options, limit=60.0)
        self.assertEqual(told["one"]["sent"], 3 * 20)
        self.assertEqual(told["burst"]["sent"], 3 * 20 * flooding.BURST)
        for kind in ("one", "burst"):
            self.assertEqual(told[kind]["delivered"], told[kind]["sent"])
            self.assertGreater(told[kind]["last_p50"], 0)


class ClusterTests(NetworkCase):
    """The driver of logins."""

    def check(self, cluster: BenchCluster) -> dict[str, Any]:
        """Log in a few times, and wait for the end of the sessions."""
        cluster.start()
        host = cluster.client()
        summary = drive(host, cluster, 4, "--count=12", limit=60.0)
        self.assertEqual(summary["logins"], 12)
        self.assertEqual(summary["errors"], {})
        self.assertEqual(set(summary["members"]), {"10.77.0.2", "10.77.0.3"})
        self.assertEqual(set(cluster.processes()), {"controller", *cluster.members})
        self.assertEqual(cluster.sessions(), 12)
        cluster.wait_empty()
        return summary

    def test_iquila(self) -> None:
        """Evenly over the members; a wrong password is an error and not a login."""
        cluster = IquilaCluster(self.make_network())
        summary = self.check(cluster)
        self.assertEqual(set(summary["members"].values()), {6})
        wrong = [
            *("env", f"PYTHONPATH={TOP}", sys.executable, "-m", "tests.bench.burst"),
            *(cluster.server[0], str(PORT), f"--switch={SWITCH}", f"--user={USER}"),
            *(f"--password=not-{PASSWORD}", "--count=2"),
        ]
        told = json.loads(cluster.network.hosts["driver"].run(wrong))
        self.assertEqual(told["logins"], 0)
        self.assertEqual(list(told["errors"].values()), [2])
        self.assertIn("error 9", next(iter(told["errors"])))

    def test_softether(self) -> None:
        """The same driver, on SoftEther's cluster."""
        need_softether(server=True)
        self.check(SoftEtherCluster(self.make_network()))


class MemoryTests(SynchronousTestCase):
    """The switch without sockets."""

    def test_all_cases(self) -> None:
        """Nothing is lost in any."""
        command = [sys.executable, "-m", "tests.bench.memory"]
        options = ["--seconds=0.01", f"--core={min(os.sched_getaffinity(0))}"]
        cases = json.loads(run(["env", f"PYTHONPATH={TOP}", *command, *options], timeout=60.0))
        self.assertEqual(len(cases), len(SIZES) * len(RUNS) * len(PORTS))
        self.assertEqual([c["sent"] for c in cases], [c["delivered"] for c in cases])
        self.assertEqual(figures(cases)["lost"], 0.0)
