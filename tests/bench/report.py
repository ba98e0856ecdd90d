"""
Arithmetic and presentation: medians, spread, ratios, the table and the JSON object.

Ratios are taken within a round and then the median of them, because what disturbs a machine
disturbs all contenders of a round. Nothing here measures or reads files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from attrs import define, field, frozen

from .bench import Bench, Better, Figure


@frozen
class Sample:
    """What one contender did in one round (counted from 1)."""

    round: int
    contender: str
    values: Mapping[str, float]


@define
class Results:
    """Everything that a run of a bench found out."""

    bench: Bench
    rounds: int
    samples: list[Sample] = field(factory=list)
    missing: dict[str, str] = field(factory=dict)
    """Contender -> what to install or change."""
    failures: list[tuple[str, str]] = field(factory=list)
    """Contender and reason, in order of time."""

    def contenders(self) -> list[str]:
        """Return the names of those that have been measured, in the order of the bench."""
        measured = {sample.contender for sample in self.samples}
        return [c.name for c in self.bench.contenders if c.name in measured]

    def series(self, contender: str, figure: str) -> dict[int, float]:
        """Return the values of one contender by round; rounds without one are absent."""
        return {
            sample.round: sample.values[figure]
            for sample in self.samples
            if sample.contender == contender and figure in sample.values
        }

    def ratios(self, contender: str, figure: Figure) -> dict[int, float]:
        """Return, by round, the value divided by the best reference value of that round."""
        if figure.better is Better.NEITHER:
            return {}
        best = max if figure.better is Better.HIGHER else min
        references = [self.series(name, figure.name) for name in self.bench.reference]
        found = {}
        for number, value in self.series(contender, figure.name).items():
            there = [series[number] for series in references if number in series]
            if there and best(there) > 0:
                found[number] = value / best(there)
        return found


def summary(values: Iterable[float]) -> dict[str, Any]:
    """Return median, least, greatest and all of at least one value."""
    rounds = list(values)
    return {"median": median(rounds), "min": min(rounds), "max": max(rounds), "rounds": rounds}


def as_json(results: Results) -> dict[str, Any]:
    """Return the JSON object of a run, without what :mod:`.machine` adds."""
    bench = results.bench
    contenders: dict[str, Any] = {}
    for name in results.contenders():
        figures, ratios = {}, {}
        for figure in bench.figures:
            if series := results.series(name, figure.name):
                figures[figure.name] = summary(series.values())
            if found := results.ratios(name, figure):
                ratios[figure.name] = summary(found.values())
        contenders[name] = {"figures": figures, "ratios": ratios}
    return {
        "bench": bench.name,
        "rounds": results.rounds,
        "notes": list(bench.notes),
        "reference": list(bench.reference),
        "figures": {
            f.name: {"unit": f.unit, "better": f.better.value, "about": f.about}
            for f in bench.figures
        },
        "about": {c.name: c.about for c in bench.contenders if c.name in contenders},
        "contenders": contenders,
        "missing": [{"contender": k, "why": v} for k, v in results.missing.items()],
        "failures": [{"contender": k, "why": v} for k, v in results.failures],
        "raw": [
            {"round": s.round, "contender": s.contender, "values": dict(s.values)}
            for s in results.samples
        ],
    }


def number(value: float) -> str:
    """Return a value with about three digits that count, never in powers of ten."""
    for digits, least in ((0, 100), (1, 10), (2, 1)):
        if abs(value) >= least:
            return f"{value:.{digits}f}"
    return f"{value:.3f}" if value else "0"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Yield lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  " + "  ".join(cells).rstrip()


def _block(results: Results, figure: Figure) -> Iterable[str]:
    """Yield the lines of one figure, the contenders below each other."""
    rows = [["", "median", "min", "max", "ratio"]]
    for name in results.contenders():
        series = results.series(name, figure.name)
        if not series:
            continue
        found = summary(series.values())
        ratios = results.ratios(name, figure)
        rows.append([name, *(number(found[key]) for key in ("median", "min", "max"))])
        rows[-1].append(number(median(ratios.values())) if ratios else "-")
    if len(rows) == 1:
        return
    better = "" if figure.better is Better.NEITHER else f"; {figure.better.value} is better"
    yield ""
    yield f"{figure.name}: {figure.about} ({figure.unit}{better})"
    yield from _aligned(rows)


def as_table(results: Results) -> str:
    """Return what a person reads."""
    bench = results.bench
    lines = [f"{bench.name}: {bench.about}; {results.rounds} rounds"]
    if bench.reference:
        lines.append(
            f"ratio: to the best of {', '.join(bench.reference)} in the same round, then the median"
        )
    lines += bench.notes
    for figure in bench.figures:
        lines += _block(results, figure)
    lines.append("")
    lines += [f"missing: {name}: {why}" for name, why in results.missing.items()]
    lines += [f"failed: {name}: {why}" for name, why in results.failures]
    return "\n".join(lines).rstrip() + "\n"
