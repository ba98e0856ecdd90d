"""
The `logins` bench: whole logins through a controller and its redirect, and where they end up.

iquila's cluster and SoftEther's have the same shape (:mod:`.clusters`) and the same driver
(:mod:`.burst`), on a host of its own. Each measurement has a fresh cluster, and nobody else's idles
beside it: three of SoftEther's servers take a tenth of a core for themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from tests.system.network import Host, Network
from tests.system.processes import niceness
from tests.system.requirements import lacks_namespaces, lacks_softether

from .bench import Bench, Better, Contender, Figure, Settings
from .clusters import (
    PASSWORD,
    SWITCH,
    TIME_OUT,
    USER,
    BenchCluster,
    IquilaCluster,
    SoftEtherCluster,
)
from .meter import Meter
from .path import IQUILA_NICENESS, SOFTETHER_NICENESS, VARIANTS
from .standalone import PRIORITIES, run_driver

SECONDS = 3.0
"""Length of one measurement; below :data:`TIME_OUT`, so that no session ends in it."""
PARALLEL = (1, 16, 48)
WARM_UP = 40
"""Logins before anything is measured."""
BURST = 240
BURST_PARALLEL = 48

FIGURES = (
    Figure("rate", "logins/s", Better.HIGHER, "the best of the rates below, round by round"),
    *(Figure(f"rate_{n}", "logins/s", Better.HIGHER, f"{n} clients at a time") for n in PARALLEL),
    *(
        Figure(f"{name}_{n}", "ms", Better.LOWER, f"one login, {words}, {n} clients at a time")
        for n in PARALLEL
        for name, words in (("p50", "median"), ("p99", "99th percentile"))
    ),
    Figure("controller_cpu", "ms", Better.LOWER, "CPU time of the controller for one login"),
    Figure("member_cpu", "ms", Better.LOWER, "CPU time of the member for one login"),
    Figure("driver_cpu", "ms", Better.NEITHER, "CPU time of the driver for one login"),
    Figure("others", "cores", Better.NEITHER, "busy with something else during the logins"),
    Figure(
        "spread",
        "",
        Better.LOWER,
        f"fullest member to emptiest after {BURST} logins, {BURST_PARALLEL} at a time",
    ),
    Figure("tls", "", Better.NEITHER, "version of TLS that was negotiated"),
    Figure("errors", "logins", Better.NEITHER, "that failed"),
)


def drive(
    host: Host, cluster: BenchCluster, parallel: int, *options: str, limit: float
) -> dict[str, Any]:
    """
    Run the driver and return its summary.

    :raises ValueError: it made no login.
    """
    address, port = cluster.server
    user = (f"--switch={SWITCH}", f"--user={USER}", f"--password={PASSWORD}")
    summary: dict[str, Any] = run_driver(
        host, "burst", address, str(port), *user, f"--parallel={parallel}", *options, limit=limit
    )
    if not summary["logins"]:
        raise ValueError(f"no login: {summary['errors']}")
    return summary


@define
class Sum:
    """CPU seconds and logins of several measurements."""

    logins: int = 0
    errors: int = 0
    elapsed: float = 0.0
    used: dict[str, float] = field(factory=dict)

    def add(self, meter: Meter, summary: Mapping[str, Any]) -> None:
        """Take one measurement in."""
        self.logins += summary["logins"]
        self.errors += sum(summary["errors"].values())
        self.elapsed += meter.elapsed
        for name, seconds in (*meter.used.items(), ("driver", summary["driver_cpu"])):
            self.used[name] = self.used.get(name, 0.0) + seconds

    def values(self) -> dict[str, float]:
        """Return the figures that are made of all measurements together."""
        members = sum(value for name, value in self.used.items() if name.startswith("member"))
        parts = {
            "controller": self.used["controller"],
            "member": members,
            "driver": self.used["driver"],
        }
        others = self.used["machine"] - sum(parts.values())
        values = {f"{name}_cpu": 1000 * used / self.logins for name, used in parts.items()}
        return {**values, "others": others / self.elapsed, "errors": float(self.errors)}


@define
class Logins(Contender):
    """One cluster."""

    settings: Settings
    name: str
    about: str
    make: Callable[[Network], BenchCluster]
    lacks: Callable[[], str | None]
    default: bool = True
    _network: Network | None = field(init=False, default=None)
    _measured: int = field(init=False, default=0)

    def missing(self) -> str | None:
        """What the network and the servers need."""
        return lacks_namespaces() or self.lacks()

    def prepare(self) -> None:
        """Nothing stays up between the rounds."""

    def measure(self) -> Mapping[str, float]:
        """
        Start a cluster; log in for some seconds with each number of clients, then in one burst.

        :raises ValueError: the servers do not run with the priority that they should have.
        """
        self._measured += 1
        self._network = Network(self.settings.scratch / f"{self.name}-{self._measured}")
        cluster = self.make(self._network)
        cluster.start()
        for pid in itertools.chain(*cluster.processes().values()):
            if niceness(pid) not in (SOFTETHER_NICENESS, IQUILA_NICENESS):
                raise ValueError(f"process {pid} has niceness {niceness(pid)}: start this at 0")
        host = cluster.client()
        drive(host, cluster, 4, f"--count={WARM_UP}", limit=60.0)
        values = {**self._rates(host, cluster), **self._burst(host, cluster)}
        self.close()
        return values

    def _rates(self, host: Host, cluster: BenchCluster) -> dict[str, float]:
        seconds = self.settings.length(SECONDS)
        total, values, version = Sum(), {}, ""
        for parallel in PARALLEL:
            cluster.wait_empty()
            with Meter(cluster.processes()) as meter:
                summary = drive(host, cluster, parallel, f"--seconds={seconds}", limit=seconds + 60)
            total.add(meter, summary)
            for figure, key in (("rate", "rate"), ("p50", "p50_ms"), ("p99", "p99_ms")):
                values[f"{figure}_{parallel}"] = summary[key]
            version = summary["tls"][-1]
        values["rate"] = max(values[f"rate_{parallel}"] for parallel in PARALLEL)
        values["tls"] = float(version.removeprefix("TLSv"))
        return {**values, **total.values()}

    def _burst(self, host: Host, cluster: BenchCluster) -> dict[str, float]:
        cluster.wait_empty()
        summary = drive(host, cluster, BURST_PARALLEL, f"--count={BURST}", limit=120.0)
        members = sorted(summary["members"].values())
        least = members[0] if len(members) == len(cluster.members) else 0
        values = {"burst_least": float(least), "burst_most": float(members[-1])}
        return {**values, "spread": members[-1] / least} if least else values

    def close(self) -> None:
        """End everything in the network."""
        if self._network is not None:
            self._network.close()
            self._network = None


def _iquila(settings: Settings, suffix: str) -> Logins:
    words, environment = VARIANTS[suffix]
    return Logins(
        settings,
        f"iquila{suffix}",
        f"iquila's controller and two members{words}",
        lambda network: IquilaCluster(network, environment),
        lambda: None,
        not suffix,
    )


def make(settings: Settings) -> Bench:
    """Return the bench."""
    softether = Logins(
        settings,
        "softether",
        "SoftEther's controller and two members",
        SoftEtherCluster,
        lambda: lacks_softether(server=True),
    )
    return Bench(
        "logins",
        "logins through a controller that only redirects, and two members of equal weight",
        FIGURES,
        (softether, *(_iquila(settings, suffix) for suffix in VARIANTS)),
        ("softether",),
        (
            "one login: TLS, signature, hello, password, redirect; TLS, signature, hello, ticket, "
            "welcome; then both connections are closed",
            "one driver for all, without ALPN, on the same cores",
            PRIORITIES,
            f"a fresh cluster in each round; sessions time out {TIME_OUT} s after being cut, and a "
            "measurement begins when those of the one before are gone",
        ),
    )
