"""
Opens sessions on a server in steps and holds them: the driver of the sessions bench.

A program: ``python -m tests.bench.hold ADDRESS PORT PID STEP...``. With each number of sessions,
once all is quiet, it reads the server's resident memory and lets :mod:`.probe` ask the server how
soon it answers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import Any

from attrs import define, field

from .clients import log_in
from .clusters import SWITCH, USER
from .handshake import Account
from .holder import Holder
from .meter import Meter, resident_bytes
from .standalone import raise_file_limit
from .tls import Address

CHUNK = 200
"""Sessions that are opened before those that are open get their keep-alives."""


@define
class Hold:
    """Sessions on one server."""

    server: Address
    pid: int
    settle: float
    """Seconds without a login before anything is measured."""
    seconds: float
    """Length of the measurement."""
    account: Account = field(factory=lambda: Account(SWITCH, USER, USER))
    holder: Holder = field(factory=Holder)

    def step(self, count: int) -> dict[str, Any]:
        """Have so many sessions, and measure."""
        begin = time.monotonic()
        while (missing := count - len(self.holder)) > 0:
            self.holder.add(log_in(self.account, self.server, min(missing, CHUNK)))
            self.holder.serve(0.0)
        opened = time.monotonic()
        self.holder.serve(self.settle)
        resident = resident_bytes(self.pid)
        with Meter({"server": [self.pid]}) as meter:
            probed = self._probe()
        return {
            "sessions": len(self.holder),
            "lost": self.holder.lost,
            "login_seconds": opened - begin,
            "resident": resident,
            "server_cores": meter.used["server"] / meter.elapsed,
            "lag": probed,
        }

    def _probe(self) -> dict[str, float]:
        command = [sys.executable, "-m", "tests.bench.probe"]
        asked = [*command, self.server[0], str(self.server[1]), str(self.seconds)]
        with subprocess.Popen(asked, stdout=subprocess.PIPE) as process:
            try:
                self.holder.serve(self.seconds + 30, lambda: process.poll() is not None)
            finally:
                process.kill()
            assert process.stdout is not None
            told: dict[str, float] = json.loads(process.stdout.read())
            return told


def main() -> int:
    """Run; the result is a JSON list, an object for each step."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("address")
    reader.add_argument("port", type=int)
    reader.add_argument("pid", type=int)
    reader.add_argument("steps", type=int, nargs="+")
    reader.add_argument("--settle", type=float, default=10.0)
    reader.add_argument("--seconds", type=float, default=10.0)
    given = reader.parse_args()
    raise_file_limit()
    hold = Hold((given.address, given.port), given.pid, given.settle, given.seconds)
    try:
        print(json.dumps([hold.step(count) for count in given.steps]))
    finally:
        hold.holder.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
