"""
The `flood` bench: broadcasts to a thousand sessions of one server, alone and sixteen at once.

Server and driver (:mod:`.flooding`) have a core each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .bench import Bench, Better, Figure, Settings
from .flooding import BURST, SIZE
from .path import VARIANTS
from .standalone import PRIORITIES, OnServer, Standalone
from .switch import cores, lacks_cores

SESSIONS = 1_000
FLOODS = 100
LIMIT = 300.0

_KINDS = (("one", "a single frame"), ("burst", f"{BURST} frames at once"))
FIGURES = (
    *(
        Figure(f"us_{kind}", "µs", Better.LOWER, f"CPU for one frame to one session: {words}")
        for kind, words in _KINDS
    ),
    *(
        Figure(f"last_{kind}", "ms", Better.LOWER, f"until the last has it, median: {words}")
        for kind, words in _KINDS
    ),
    *(
        Figure(f"last_max_{kind}", "ms", Better.LOWER, f"until the last has it, longest: {words}")
        for kind, words in _KINDS
    ),
    Figure("lost", "%", Better.LOWER, "of the frames"),
    Figure("idle_cpu", "cores", Better.NEITHER, "CPU of the server between floods"),
)


def figures(told: Mapping[str, Any]) -> dict[str, float]:
    """
    Return the figures of what the driver tells; what keep-alives cost meanwhile is taken off.

    :raises ValueError: nothing came through.
    """
    values = {"idle_cpu": told["idle"]}
    sent = delivered = 0
    for kind, _ in _KINDS:
        flood = told[kind]
        if not flood["delivered"]:
            raise ValueError(f"{kind}: no frame came through")
        cpu = flood["cpu"] - told["idle"] * flood["seconds"]
        values[f"us_{kind}"] = 1e6 * cpu / flood["delivered"]
        values[f"last_{kind}"] = 1000 * flood["last_p50"]
        values[f"last_max_{kind}"] = 1000 * flood["last_max"]
        values[f"cpu_{kind}"], values[f"seconds_{kind}"] = flood["cpu"], flood["seconds"]
        sent, delivered = sent + flood["sent"], delivered + flood["delivered"]
    values["lost"] = 100 * (1 - delivered / sent)
    return values


class Flood(OnServer):
    """One kind of server, on a core of its own."""

    def missing(self) -> str | None:
        """What all need, and two cores."""
        return lacks_cores() or super().missing()

    def drive(self, server: Standalone) -> Mapping[str, float]:
        """Run the driver."""
        server.pin(cores()[0])
        return figures(
            server.drive(
                "flooding",
                *(f"--sessions={SESSIONS}", f"--floods={FLOODS}", f"--core={cores()[1]}"),
                limit=LIMIT,
            )
        )


def make(settings: Settings) -> Bench:
    """Return the bench."""
    iquila = [Flood.iquila(settings, s, default=not s) for s in VARIANTS]
    return Bench(
        "flood",
        f"{SIZE}-byte broadcasts to {SESSIONS} sessions of one server",
        FIGURES,
        (Flood.softether(settings), *iquila),
        ("softether",),
        (
            f"{FLOODS} floods of each kind, one after the other; the limit of broadcasts is off",
            "the server is pinned to one core, sender and receivers to another; the driver's own "
            "reading is part of the time until the last has it",
            PRIORITIES,
        ),
    )
