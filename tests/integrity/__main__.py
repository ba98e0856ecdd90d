"""``python -m tests.integrity``: all modes, or the named ones, with as many bytes as you like."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .modes import GIB, MODES, RESETS, Failed, Mode, problems, run_mode

SLOWEST = 1e6
"""Bytes a second; a mode that is slower is given up."""


def line(result: dict[str, Any]) -> str:
    """Return a result as one line."""
    parts = []
    for part in result["parts"]:
        ways = part["directions"]
        sent, got = (sum(way[name] for way in ways) for name in ("sent_bytes", "bytes"))
        parts.append(
            f"{part['name']}: {sent / GIB:.3f} GiB, {got / sent:.2%} arrived, "
            f"{sum(way['wrong'] for way in ways)} wrong, {sum(way['late'] for way in ways)} late, "
            f"{part['resets']} resets, "
            f"{part['seconds']:.1f} s ({part['cpu_seconds']:.1f} s CPU)"
        )
    return f"{result['mode']}: {'; '.join(parts)}"


def main(arguments: list[str]) -> int:
    """Run and report; return the exit status, 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.integrity", description=__doc__)
    names = [mode.name for mode in MODES]
    parser.add_argument("modes", nargs="*", metavar="MODE", help=f"some of: {', '.join(names)}")
    parser.add_argument("--bytes", type=int, default=GIB, help="for each mode (1 GiB)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resets", type=float, default=RESETS, help="probability (0.01)")
    parser.add_argument("--jobs", type=int, default=2, help="modes at a time (2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if unknown := set(options.modes) - set(names):
        parser.error(f"no such mode: {', '.join(sorted(unknown))}")

    def run(mode: Mode) -> dict[str, Any]:
        try:
            result = run_mode(
                mode,
                options.bytes,
                seed=options.seed,
                resets=options.resets,
                timeout=60 + options.bytes / SLOWEST,
            )
        except Failed as error:
            result = {"mode": mode.name, "problems": [str(error)]}
        else:
            result["problems"] = problems(mode, result)
            print(line(result), file=sys.stderr, flush=True)
        for problem in result["problems"]:
            print(f"{mode.name}: {problem}", file=sys.stderr, flush=True)
        return result

    chosen = [mode for mode in MODES if not options.modes or mode.name in options.modes]
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(run, chosen))
    if options.json:
        print(json.dumps({"bytes": options.bytes, "resets": options.resets, "modes": results}))
    return int(any(result["problems"] for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
