"""
Sends broadcasts to a thousand sessions, and waits until the last has them: the driver of the flood
bench.

A program: ``python -m tests.bench.flooding ADDRESS PORT PID --sessions N --floods N --core N``. One
process is the sender and all receivers, so its own work for each frame and session is part of
how long a flood takes, and not of the server's CPU time. The result is a JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from functools import partial
from typing import Any

from attrs import define, field

from iquila.wire.blocks import group

from .clients import log_in
from .clusters import SWITCH, USER
from .frames import BROADCAST, FrameCounter, frame, station
from .handshake import Account, Session
from .holder import Holder
from .meter import Meter
from .standalone import raise_file_limit
from .tls import SCRATCH, Address, Channel
from .traffic import percentile

SIZE = 250
"""Bytes of a frame: an ARP or DHCP packet of a usual size."""
BURST = 16
PAUSE = 0.02
"""Seconds between two floods."""
LIMIT = 5.0
"""Seconds after which the frames that are missing count as lost."""
CHUNK = 100
SETTLE = 3.0


@define
class Flooding:
    """One sender, and sessions that receive."""

    server: Address
    pid: int
    sessions: int
    _counters: dict[int, FrameCounter] = field(init=False, factory=dict)
    _holder: Holder = field(init=False)
    _sender: Channel = field(init=False)
    _arrived: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        """Log in."""
        self._holder = Holder(self._received)
        account = Account(SWITCH, USER, USER)
        while (missing := self.sessions - len(self._holder)) > 0:
            self._take(log_in(account, self.server, min(missing, CHUNK)))
        (sender,) = log_in(account, self.server, 1)
        self._sender = sender.channel
        self._take([sender])
        self._holder.serve(SETTLE)

    def _take(self, sessions: list[Session]) -> None:
        for session in sessions:
            self._counters[session.channel.fd] = FrameCounter(SIZE)
        self._holder.add(sessions)

    def _received(self, channel: Channel) -> None:
        counter = self._counters[channel.fd]
        before = counter.complete
        while count := channel.fetch():
            counter.feed(SCRATCH, count)
        self._arrived += counter.complete - before

    def _has(self, frames: int) -> bool:
        return self._arrived >= frames

    def flood(self, frames: int, times: int) -> dict[str, Any]:
        """Send bursts of so many frames; each begins when the one before has arrived."""
        data = group([frame(BROADCAST, station(0), SIZE)] * frames)
        lasted: list[float] = []
        before = self._arrived
        with Meter({"server": [self.pid]}) as meter:
            while len(lasted) < times:
                begin = time.monotonic()
                self._sender.write(data)
                expected = before + frames * self.sessions * (len(lasted) + 1)
                if not self._holder.serve(LIMIT, partial(self._has, expected)):
                    break
                lasted.append(time.monotonic() - begin)
                self._holder.serve(PAUSE)
        sent = frames * self.sessions * min(times, len(lasted) + 1)
        ordered = sorted(lasted) or [LIMIT]
        return {
            "sent": sent,
            "delivered": self._arrived - before,
            "cpu": meter.used["server"],
            "seconds": meter.elapsed,
            "last_p50": percentile(ordered, 0.5),
            "last_max": ordered[-1],
        }

    def idle(self, seconds: float) -> float:
        """Return the cores that the server uses for keep-alives alone."""
        with Meter({"server": [self.pid]}) as meter:
            self._holder.serve(seconds)
        return meter.used["server"] / meter.elapsed

    def close(self) -> None:
        """Log out."""
        self._holder.close()


def main() -> int:
    """Run both kinds of floods."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("address")
    reader.add_argument("port", type=int)
    reader.add_argument("pid", type=int)
    reader.add_argument("--sessions", type=int, required=True)
    reader.add_argument("--floods", type=int, required=True)
    reader.add_argument("--core", type=int, required=True)
    given = reader.parse_args()
    raise_file_limit()
    os.sched_setaffinity(0, {given.core})
    flooding = Flooding((given.address, given.port), given.pid, given.sessions)
    try:
        idle = flooding.idle(SETTLE)
        one, many = flooding.flood(1, given.floods), flooding.flood(BURST, given.floods)
        print(json.dumps({"idle": idle, "one": one, "burst": many}))
    finally:
        flooding.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
