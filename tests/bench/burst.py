"""
Logs in over and over, many at a time, and tells how fast that went: the driver of the logins bench.

A program of its own, because it has to run on the clients' host: ``python -m tests.bench.burst``.
One process for each core; in it the logins take turns. (A process for each login was tried: with
48 of them they took twice the CPU time.)
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Any

from attrs import define, field

from .clients import Clients
from .handshake import Account, Session
from .tls import Address
from .traffic import percentile


@define
class Tally:
    """What one client did."""

    seconds: list[float] = field(factory=list)
    """How long each login took."""
    members: Counter[str] = field(factory=Counter)
    """Logins by the address of the server that took the session."""
    errors: Counter[str] = field(factory=Counter)
    tls: set[str] = field(factory=set)
    cpu: float = 0.0
    """Seconds of CPU time between start and end."""
    end: float = 0.0
    """When the last login was over, monotonic seconds."""

    def add(self, other: Tally) -> None:
        """Take in what another client did."""
        self.seconds += other.seconds
        self.members += other.members
        self.errors += other.errors
        self.tls |= other.tls
        self.cpu += other.cpu
        self.end = max(self.end, other.end)

    def summary(self, start: float) -> dict[str, Any]:
        """Return everything that is known of a burst that began at `start`, for JSON."""
        elapsed = self.end - start
        ordered = sorted(self.seconds) or [0.0]
        return {
            "logins": len(self.seconds),
            "errors": dict(self.errors),
            "seconds": elapsed,
            "rate": len(self.seconds) / elapsed,
            "p50_ms": 1000 * percentile(ordered, 0.5),
            "p99_ms": 1000 * percentile(ordered, 0.99),
            "members": dict(self.members),
            "tls": sorted(self.tls),
            "driver_cpu": self.cpu,
        }


@define
class Tokens:
    """The logins that are left, as bytes in a pipe: a client takes one byte for one login."""

    read_end: int
    deadline: float
    """Monotonic seconds after which none is taken."""

    @classmethod
    def of(cls, count: int, deadline: float) -> Tokens:
        """Return so many; at most 65 536, which is what a pipe holds."""
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        written = os.write(write_end, b"." * count)
        os.close(write_end)
        if written != count:
            os.close(read_end)
            raise ValueError(f"a pipe holds {written} tokens, not {count}")
        return cls(read_end, deadline)

    def take(self) -> bool:
        """Return whether there was one left, in time."""
        return time.monotonic() < self.deadline and bool(os.read(self.read_end, 1))


def log_in(account: Account, server: Address, tokens: Tokens, parallel: int) -> Tally:
    """Log in while there are tokens; close each session at once."""
    tally = Tally()

    def opened(session: Session, seconds: float) -> None:
        tally.seconds.append(seconds)
        tally.members[session.channel.address[0]] += 1
        tally.tls.add(session.version)
        session.channel.close()

    clients = Clients(account, server, parallel, tokens.take, opened, tally.errors)
    used = time.process_time()
    clients.run()
    tally.cpu = time.process_time() - used
    tally.end = time.monotonic()
    return tally


def _process(account: Account, server: Address, tokens: Tokens, parallel: int, pipe: Pipe) -> None:
    # Nothing here makes cycles, and collecting touches memory that is shared with the parent.
    gc.disable()
    pipe.recv()
    pipe.send(log_in(account, server, tokens, parallel))


def burst(
    account: Account, server: Address, tokens: Tokens, parallel: int, processes: int
) -> dict[str, Any]:
    """Log in with so many clients at a time, spread over processes; return the summary."""
    forking = get_context("fork")
    pipes, running = [], []
    for number in range(processes):
        here, there = forking.Pipe()
        share = len(range(number, parallel, processes))
        process = forking.Process(
            target=_process, args=(account, server, tokens, share, there), daemon=True
        )
        process.start()
        there.close()
        pipes.append(here)
        running.append(process)
    start = time.monotonic()
    for pipe in pipes:
        pipe.send(None)
    total = Tally()
    for pipe in pipes:
        total.add(pipe.recv())
    for process in running:
        process.join()
    return total.summary(start)


def main() -> int:
    """Run a burst; the result is one JSON object on standard output."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("address")
    reader.add_argument("port", type=int)
    reader.add_argument("--switch", required=True)
    reader.add_argument("--user", required=True)
    reader.add_argument("--password", required=True)
    reader.add_argument("--parallel", type=int, default=1)
    reader.add_argument("--count", type=int, default=65_536, help="logins at most")
    reader.add_argument("--seconds", type=float, default=60.0, help="begin none after so long")
    given = reader.parse_args()
    account = Account(given.switch, given.user, given.password)
    tokens = Tokens.of(given.count, time.monotonic() + given.seconds)
    server, processes = (given.address, given.port), min(given.parallel, os.cpu_count() or 1)
    print(json.dumps(burst(account, server, tokens, given.parallel, processes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
