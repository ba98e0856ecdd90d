"""
Runs a bench: who takes part, everything up once, then round by round, and everything down.

The rounds of all contenders are interleaved (A B C, A B C), so that a disturbance hits all alike.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence

from .bench import Bench, Contender
from .report import Results, Sample, number


class UnknownContender(Exception):
    """A name on the command line that is none of the contenders'; the text lists them."""


def chosen(bench: Bench, only: Sequence[str]) -> list[Contender]:
    """
    Return those that take part: the named ones, or without names the default ones.

    :raises UnknownContender: a name is nobody's.
    """
    known = [contender.name for contender in bench.contenders]
    for name in only:
        if name not in known:
            raise UnknownContender(f"'{name}' is no contender of {bench.name}: {', '.join(known)}.")
    return [c for c in bench.contenders if (c.name in only if only else c.default)]


def run(
    bench: Bench, contenders: Sequence[Contender], rounds: int, say: Callable[[str], object]
) -> Results:
    """Run `rounds` rounds; `say` is called with lines of progress."""
    results = Results(bench, rounds)
    opened: list[Contender] = []
    try:
        for contender in contenders:
            if (why := contender.missing()) is not None:
                results.missing[contender.name] = why
                say(f"{contender.name} is missing: {why}")
                continue
            opened.append(contender)
        ready = [c for c in opened if _prepared(c, results, say)]
        for count in range(1, rounds + 1):
            for contender in ready:
                _measure(contender, count, results, say)
    finally:
        for contender in reversed(opened):
            _attempt(contender, "close", contender.close, results, say)
    return results


def _prepared(contender: Contender, results: Results, say: Callable[[str], object]) -> bool:
    say(f"preparing {contender.name}")
    return _attempt(contender, "prepare", contender.prepare, results, say)


def _measure(
    contender: Contender, count: int, results: Results, say: Callable[[str], object]
) -> None:
    def measure() -> None:
        values = dict(contender.measure())
        results.samples.append(Sample(count, contender.name, values))
        told = [
            f"{f.name} {number(values[f.name])} {f.unit}"
            for f in results.bench.figures
            if f.name in values
        ]
        say(f"round {count} of {results.rounds}, {contender.name}: {', '.join(told)}")

    _attempt(contender, f"round {count}", measure, results, say)


def _attempt(
    contender: Contender,
    what: str,
    call: Callable[[], object],
    results: Results,
    say: Callable[[str], object],
) -> bool:
    """Return whether `call` returned; what it raised is noted, so that the others can go on."""
    try:
        call()
    except Exception as error:
        results.failures.append((contender.name, f"{what}: {error or type(error).__name__}"))
        say(f"{contender.name} failed ({what}):\n{traceback.format_exc()}")
        return False
    return True
