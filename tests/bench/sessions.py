"""
The `sessions` bench: what an idle session costs in memory, and how soon a server full of them
answers.

The clients do what clients do while nothing happens: they send keep-alives every five seconds, and
so does the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .bench import Bench, Better, Figure, Settings
from .path import VARIANTS
from .standalone import PRIORITIES, OnServer, Standalone, raise_file_limit

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


class Sessions(OnServer):
    """One kind of server."""

    @property
    def steps(self) -> tuple[int, ...]:
        """How many sessions it is measured with."""
        return SOFTETHER_STEPS if self.name == "softether" else IQUILA_STEPS

    def missing(self) -> str | None:
        """What all need, and file descriptors."""
        files, wanted = raise_file_limit(), max(self.steps) + SPARE_FILES
        if files < wanted:
            return f"needs {wanted} open files, and {files} are allowed: raise ulimit -Hn"
        return super().missing()

    def drive(self, server: Standalone) -> Mapping[str, float]:
        """Fill the server step by step."""
        seconds = self.settings.length(SECONDS)
        steps = server.drive(
            "hold",
            *(str(count) for count in (BASE, *self.steps)),
            *(f"--settle={SETTLE}", f"--seconds={seconds}"),
            limit=LIMIT,
        )
        return figures(steps)


def make(settings: Settings) -> Bench:
    """Return the bench."""
    iquila = [Sessions.iquila(settings, s, default=not s) for s in VARIANTS]
    return Bench(
        "sessions",
        "memory of idle sessions on one server, and how soon it answers meanwhile",
        FIGURES,
        (Sessions.softether(settings), *iquila),
        ("softether",),
        (
            f"growth of resident memory beyond {BASE} sessions, {SETTLE:g} s after the last login; "
            "a fresh server in each round",
            "lag: GET / on an open connection every 10 ms, from another process than the one that "
            "holds the sessions; an answer costs the server about half a millisecond itself",
            PRIORITIES,
        ),
    )
