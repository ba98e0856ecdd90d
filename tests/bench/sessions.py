"""
The `sessions` bench: what an idle session costs in memory, and how soon a server full of them
answers.

Every measurement has a server of its own, because memory that was given back to the allocator
still counts as resident. The clients do what clients do while nothing happens: they send
keep-alives every five seconds, and so does the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field

from tests.system.network import Network
from tests.system.requirements import lacks_namespaces, lacks_softether

from .bench import Bench, Better, Contender, Figure, Settings
from .path import NICENESS, VARIANTS
from .standalone import IquilaStandalone, SoftEtherStandalone, Standalone, raise_file_limit

SECONDS = 10.0
SETTLE = 12.0
"""Seconds without a login, in which every session sees keep-alives both ways."""
BASE = 20
"""Sessions that are there when the growth begins: what the first one loads is not counted."""
SOFTETHER_STEPS = (300,)
IQUILA_STEPS = (300, 1_000, 10_000)
SPARE_FILES = 200
LIMIT = 600.0
"""Seconds for one measurement."""
KIB = 1024

FIGURES = (
    Figure("memory", "KiB", Better.LOWER, "for each idle session, with the most sessions"),
    *(
        Figure(f"memory_{count}", "KiB", Better.LOWER, f"for each of {count} idle sessions")
        for count in IQUILA_STEPS
    ),
    Figure(
        "lag_p50", "ms", Better.LOWER, "until GET / is answered, with the most sessions, median"
    ),
    Figure("lag_p99", "ms", Better.LOWER, "the same, 99th percentile"),
    Figure("lag_max", "ms", Better.LOWER, "the same, longest"),
    Figure(
        "lag_empty_p99", "ms", Better.NEITHER, f"the same with {BASE} sessions, 99th percentile"
    ),
    Figure("idle_cpu", "cores", Better.NEITHER, "CPU of the server, with the most sessions"),
    Figure("sessions", "sessions", Better.HIGHER, "the most sessions"),
    Figure("lost", "sessions", Better.NEITHER, "that the server ended"),
)


def figures(steps: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the figures of what :mod:`.hold` has found out, the first step being the base."""
    base, last = steps[0], steps[-1]
    values: dict[str, float] = {}
    for step in steps[1:]:
        growth = (step["resident"] - base["resident"]) / (step["sessions"] - base["sessions"])
        values[f"memory_{step['sessions']}"] = values["memory"] = growth / KIB
        values[f"login_seconds_{step['sessions']}"] = step["login_seconds"]
    values |= {f"lag_{key}": last["lag"][key] for key in ("p50", "p99", "max")}
    values["lag_empty_p99"] = base["lag"]["p99"]
    values["idle_cpu"] = last["server_cores"]
    values["sessions"] = float(last["sessions"])
    values["lost"] = float(last["lost"])
    return values


@define
class Sessions(Contender):
    """One kind of server."""

    settings: Settings
    name: str
    about: str
    make: Callable[[Network], Standalone]
    steps: tuple[int, ...]
    lacks: Callable[[], str | None]
    default: bool = True
    _network: Network | None = field(init=False, default=None)
    _rounds: int = field(init=False, default=0)

    def missing(self) -> str | None:
        """The network, the server, and file descriptors."""
        files, wanted = raise_file_limit(), max(self.steps) + SPARE_FILES
        if files < wanted:
            return f"needs {wanted} open files, and {files} are allowed: raise ulimit -Hn"
        return lacks_namespaces() or self.lacks()

    def prepare(self) -> None:
        """Nothing: every measurement has a server of its own."""

    def measure(self) -> Mapping[str, float]:
        """Start a server, and fill it."""
        self._rounds += 1
        self._network = Network(self.settings.scratch / f"{self.name}-{self._rounds}")
        server = self.make(self._network)
        server.start()
        seconds = self.settings.length(SECONDS)
        steps = server.drive(
            "hold",
            *(str(count) for count in (BASE, *self.steps)),
            *(f"--settle={SETTLE}", f"--seconds={seconds}"),
            limit=LIMIT,
        )
        self.close()
        return figures(steps)

    def close(self) -> None:
        """End everything in the network."""
        if self._network is not None:
            self._network.close()
            self._network = None


def _iquila(settings: Settings, suffix: str) -> Sessions:
    words, environment = VARIANTS[suffix]
    return Sessions(
        settings,
        f"iquila{suffix}",
        f"iquila's server, up to {max(IQUILA_STEPS)} sessions{words}",
        lambda network: IquilaStandalone(network, environment),
        IQUILA_STEPS,
        lambda: None,
        not suffix,
    )


def make(settings: Settings) -> Bench:
    """Return the bench."""
    softether = Sessions(
        settings,
        "softether",
        f"SoftEther's server, {max(SOFTETHER_STEPS)} sessions",
        SoftEtherStandalone,
        SOFTETHER_STEPS,
        lambda: lacks_softether(server=True),
    )
    return Bench(
        "sessions",
        "memory of idle sessions on one server, and how soon it answers meanwhile",
        FIGURES,
        (softether, *(_iquila(settings, suffix) for suffix in VARIANTS)),
        ("softether",),
        (
            f"growth of resident memory beyond {BASE} sessions, {SETTLE:g} s after the last login; "
            "a fresh server in each round",
            "lag: GET / on an open connection every 10 ms, from another process than the one that "
            "holds the sessions; an answer costs the server about half a millisecond itself",
            f"servers at niceness {NICENESS}, as SoftEther's choose; the drivers at 0",
        ),
    )
