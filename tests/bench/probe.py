"""
Asks a server for its small page again and again, and prints how long each answer took.

A program: ``python -m tests.bench.probe ADDRESS PORT SECONDS``. What it measures is the delay of a
server's event loop as a client sees it: a request has to wait until the loop comes round, and an
answer costs next to nothing. It runs beside the drivers, in a process of its own, so that their
delays are not in it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

from iquila.wire.http import probe

from .handshake import Dialogue, finish
from .tls import Address, Channel, client_context
from .traffic import percentile

INTERVAL = 0.01
REQUESTS = 18
"""On one connection: SoftEther's server drops one with the 20th."""


def answers(server: Address, seconds: float) -> Iterator[float]:
    """Yield how many seconds each answer took; those of connecting do not count."""
    context = client_context()
    request = probe(server[0])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        channel = Channel(server, context)
        try:
            dialogue = Dialogue(channel)
            finish(dialogue.begin())
            for _ in range(REQUESTS):
                begin = time.monotonic()
                finish(dialogue.exchange(request))
                took = time.monotonic() - begin
                yield took
                time.sleep(max(0.0, INTERVAL - took))
        finally:
            channel.close()


def main() -> int:
    """Ask; the result is one JSON object on standard output, milliseconds."""
    address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    took = sorted(1000 * each for each in answers((address, port), seconds))
    print(
        json.dumps(
            {
                "answers": len(took),
                "p50": percentile(took, 0.5),
                "p99": percentile(took, 0.99),
                "max": took[-1],
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
