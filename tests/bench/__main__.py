"""The command line of ``bin/bench``: reads options, runs one bench, prints table or JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from .bench import Bench, Settings
from .machine import machine, versions
from .report import as_json, as_table
from .runner import UnknownContender, chosen, run

BENCHES = {
    "path": "TAP to TAP through clients and a server, in network namespaces",
    "logins": "logins through a controller and its redirect, and how evenly they spread",
    "sessions": "memory of idle sessions, and how soon a server full of them answers",
    "switch": "what a frame costs the process of the server, by run length, size and ports",
    "flood": "one broadcast to 1000 sessions",
}
"""Name, which is the name of the module too -> one line for --help."""


def parser() -> argparse.ArgumentParser:
    """Return the reader of the command line."""
    listed = "\n".join(f"  {name:<10} {about}" for name, about in BENCHES.items())
    reader = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measures iquila beside other programs. Installs nothing: a contender whose\n"
        "programs are not there is named as missing, and the others are measured.",
        epilog=f"benches:\n{listed}\n\nThe method is described in doc/performance.md.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    reader.add_argument("bench", choices=BENCHES, metavar="NAME", help="one of those below")
    reader.add_argument("--rounds", type=_count, default=5, help="rounds, 1 to 100 (default 5)")
    reader.add_argument("--json", action="store_true", help="one JSON object on standard output")
    reader.add_argument(
        "--seconds", type=_seconds, help="length of one measurement, 0.1 to 600 seconds"
    )
    reader.add_argument(
        "--only", nargs="+", default=[], metavar="CONTENDER", help="measure these only"
    )
    reader.add_argument("--list", action="store_true", help="list the contenders and end")
    return reader


def _count(text: str) -> int:
    if not 1 <= (value := int(text)) <= 100:
        raise argparse.ArgumentTypeError("give 1 to 100 rounds")
    return value


def _seconds(text: str) -> float:
    if not 0.1 <= (value := float(text)) <= 600:
        raise argparse.ArgumentTypeError("give 0.1 to 600 seconds")
    return value


def say(text: str) -> None:
    """Tell progress; standard output is for the result."""
    print(text, file=sys.stderr, flush=True)


def _listed(bench: Bench) -> str:
    width = max(len(contender.name) for contender in bench.contenders)
    rows = []
    for contender in bench.contenders:
        extra = "" if contender.default else " (only when named)"
        rows.append(f"{contender.name:<{width}}  {contender.about}{extra}")
    return "\n".join(rows)


def _surroundings(start: dict[str, Any]) -> dict[str, Any]:
    end = {"load_average_after": list(os.getloadavg())}
    return {"machine": {**start, **end}, "versions": versions()}


def main() -> int:
    """Run; return the exit status: 0, 1 if a contender failed or none ran, 2 for bad usage."""
    arguments = parser().parse_args()
    # Ending in order removes namespaces and processes, so SIGTERM must not end it at once.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="iquila-bench-"))
        settings = Settings(
            Path(scratch), stack.enter_context(ExitStack()), seconds=arguments.seconds
        )
        bench: Bench = importlib.import_module(f"tests.bench.{arguments.bench}").make(settings)
        if arguments.list:
            print(_listed(bench))
            return 0
        try:
            contenders = chosen(bench, arguments.only)
        except UnknownContender as error:
            say(f"bin/bench: {error}")
            return 2
        start = machine()
        results = run(bench, contenders, arguments.rounds, say)
    surroundings = _surroundings(start)
    print(as_table(results), file=sys.stderr if arguments.json else sys.stdout)
    if arguments.json:
        print(json.dumps({**as_json(results), **surroundings}))
    else:
        for name, values in surroundings.items():
            print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in values.items()))
    return 0 if results.samples and not results.failures else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
