"""
The `switch` bench: what a frame costs the process of the server, and nothing else.

The server has one core; the driver (:mod:`.forward`), which is the source and all sinks, has
another one. Run lengths, sizes and numbers of ports are in :mod:`.cases`.

SoftEther was measured here too: of 64-byte frames it dropped more than 99 %, so a cost per frame
that it delivered would have told nothing. It is compared in the `path` bench.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define

from tests.system.processes import run as run_command
from tests.system.processes import with_niceness

from .bench import Bench, Better, Contender, Figure, Settings
from .cases import DESTINATIONS, PORTS, RUNS, SIZES, name
from .meter import GB
from .path import IQUILA_NICENESS, VARIANTS
from .standalone import TOP, OnServer, Standalone

SECONDS = 1.5
"""Length of one case."""
LIMIT = 300.0
SMALL, LARGE = SIZES
_CASES = [(size, run, ports) for size in SIZES for run in RUNS for ports in PORTS]


def _about(size: int, run: int, ports: int) -> str:
    where = "all behind one port" if ports == 2 else f"one behind each of {ports - 1} ports"
    return f"{size}-byte frames, {run} at a time to each station, stations {where}"


FIGURES = (
    *(
        Figure(f"us_{name(*case)}", "µs", Better.LOWER, f"CPU for one frame: {_about(*case)}")
        for case in _CASES
    ),
    *(
        Figure(f"rate_{name(*case)}", "Mframes/s", Better.HIGHER, f"per core: {_about(*case)}")
        for case in _CASES
        if case[0] == SMALL
    ),
    *(
        Figure(f"gb_{name(*case)}", "s/GB", Better.LOWER, f"CPU: {_about(*case)}")
        for case in _CASES
        if case[0] == LARGE
    ),
    Figure("lost", "%", Better.LOWER, "of the frames, in the case that lost most"),
)


def figures(cases: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """
    Return the figures of what a driver tells; frames that were lost cost nothing to deliver.

    :raises ValueError: nothing came through in one of the cases.
    """
    values = {"lost": 0.0}
    for case in cases:
        size, delivered = case["size"], case["delivered"]
        key = name(size, case["run"], case["ports"])
        if not delivered:
            raise ValueError(f"{key}: no frame came through")
        values[f"us_{key}"] = 1e6 * case["cpu"] / delivered
        values[f"rate_{key}"] = delivered / case["cpu"] / 1e6
        values[f"gb_{key}"] = case["cpu"] / (delivered * size / GB)
        values[f"lost_{key}"] = 100 * (1 - delivered / case["sent"])
        values[f"load_{key}"] = case["cpu"] / case["seconds"]
        values["lost"] = max(values["lost"], values[f"lost_{key}"])
    return values


def cores() -> tuple[int, int]:
    """Return the server's core and the driver's."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[-1], usable[0]


def lacks_cores() -> str | None:
    """Return what is missing where both would share a core."""
    return None if len(os.sched_getaffinity(0)) > 1 else "needs two cores"


class Switch(OnServer):
    """One kind of server, on a core of its own."""

    def missing(self) -> str | None:
        """What all need, and two cores."""
        return lacks_cores() or super().missing()

    def drive(self, server: Standalone) -> Mapping[str, float]:
        """Run the driver, with each number of ports."""
        server.pin(cores()[0])
        seconds, told = self.settings.length(SECONDS), []
        for ports in PORTS:
            told += server.drive(
                "forward",
                *(f"--ports={ports}", f"--seconds={seconds}", f"--core={cores()[1]}"),
                limit=LIMIT,
            )
        return figures(told)


@define
class InMemory(Contender):
    """Decoder and switch alone, in a process of their own."""

    settings: Settings
    name: str
    about: str
    environment: Mapping[str, str]

    def prepare(self) -> None:
        """Nothing: every measurement has a process of its own."""

    def measure(self) -> Mapping[str, float]:
        """Run the program."""
        seconds = self.settings.length(SECONDS) / 3
        settings = [f"{key}={value}" for key, value in self.environment.items()]
        command = [
            *("env", f"PYTHONPATH={TOP}", *settings, sys.executable, "-m", "tests.bench.memory"),
            *(f"--seconds={seconds}", f"--core={cores()[0]}"),
        ]
        return figures(
            json.loads(run_command(with_niceness(command, IQUILA_NICENESS), timeout=LIMIT))
        )

    def close(self) -> None:
        """Nothing runs between measurements."""


def _iquila(settings: Settings, suffix: str) -> list[Contender]:
    words, environment = VARIANTS[suffix]
    public = suffix == "-public"
    server = Switch.iquila(settings, suffix, default=not public)
    if public:
        return [server]
    about = f"its decoder and its switch alone, without sockets and TLS{words}"
    return [server, InMemory(settings, f"memory{suffix}", about, environment)]


def make(settings: Settings) -> Bench:
    """Return the bench."""
    return Bench(
        "switch",
        "the process of the server alone: frames from one session to others",
        FIGURES,
        tuple(contender for suffix in VARIANTS for contender in _iquila(settings, suffix)),
        ("iquila-pure",),
        (
            "the server is pinned to one core, source and sinks to another; loopback, TLS",
            f"{DESTINATIONS} stations; groups of 256 frames; CPU time of the server alone, divided "
            "by the frames that came out; s/GB counts bytes of frames (1e9)",
            "the driver sends as fast as the server takes it; SoftEther is not here: it would drop "
            "nearly everything then, instead of holding the source back",
        ),
    )
