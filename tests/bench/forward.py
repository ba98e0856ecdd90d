"""
Sends frames through a server and counts what comes out: the driver of the switch bench.

A program: ``python -m tests.bench.forward ADDRESS PORT PID --ports N --seconds S``. One process is
the source and all sinks, so that it needs no core but one; TCP holds the source back when the
server does not keep up. The result is a JSON list, an object for each case.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from attrs import define, field

from iquila.wire.blocks import group, keepalive

from .cases import DESTINATIONS, RUNS, SIZES
from .clients import log_in
from .clusters import SWITCH, USER
from .frames import BROADCAST, GROUP, Batch, FrameCounter, frame, station
from .handshake import Account
from .holder import Holder
from .meter import Meter
from .tls import SCRATCH, Address, Channel, pointer_to

CHUNK = 64 * 1024
"""Bytes that are given to TLS at a time."""
TURN = 4
"""Records that are sent before the sinks get their turn."""
WARM_UP = 0.3
QUIET = 0.5
"""Seconds without a frame after which those that are missing count as lost."""


@define
class Source:
    """The session that sends."""

    channel: Channel
    blocked: bool = False
    _batch: Batch | None = field(init=False, default=None)
    _pointer: Any = field(init=False, default=None)
    _sent: int = field(init=False, default=0)
    _retry: int = field(init=False, default=0)

    def begin(self, batch: Batch) -> None:
        """Send from the beginning of a batch."""
        self.channel.write(keepalive(64))
        self._batch, self._pointer, self._sent = batch, pointer_to(batch.data), 0

    def turn(self, *, finish: bool = False) -> None:
        """Send some records; with `finish` nothing beyond the group that has been begun."""
        assert self._batch is not None
        unit = self._batch.group_bytes if finish else len(self._batch.data)
        for _ in range(TURN):
            if self.blocked or (finish and self.at_boundary):
                return
            # What TLS was offered once it must be offered again.
            length = self._retry or min(unit - self._sent % unit, CHUNK)
            start = self._sent % len(self._batch.data)
            count = self.channel.write_at(self._pointer + start, length)
            self._sent += count
            self.blocked, self._retry = not count, 0 if count else length

    @property
    def at_boundary(self) -> bool:
        """Whether every group that was begun has been sent as a whole."""
        assert self._batch is not None
        return self._retry == 0 and self._sent % self._batch.group_bytes == 0

    @property
    def frames(self) -> int:
        """How many frames have been sent."""
        assert self._batch is not None
        return self._sent // self._batch.group_bytes * GROUP


@define
class Forward:
    """
    A source and sinks on one switch.

    :param ports: of the switch, the source's included. With two, all stations are behind one.
    """

    server: Address
    pid: int
    ports: int
    _holder: Holder = field(init=False)
    _source: Source = field(init=False)
    _sinks: dict[int, FrameCounter] = field(init=False, factory=dict)
    _channels: list[Channel] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        """Log in."""
        self._holder = Holder(self._received)
        sessions = log_in(Account(SWITCH, USER, USER, bridge=True), self.server, self.ports)
        source, *sinks = sessions
        self._source = Source(source.channel)
        self._holder.add([source], keep_alive=False)
        self._holder.add(sinks)
        self._channels = [sink.channel for sink in sinks]
        self._sinks = {channel.fd: FrameCounter(0) for channel in self._channels}
        self._holder.serve(1.0)
        self._announce()

    def _announce(self) -> None:
        """Let the switch learn where the stations are."""
        for number in range(DESTINATIONS):
            channel = self._channels[number % len(self._channels)]
            channel.write(group([frame(BROADCAST, station(1 + number), min(SIZES))]))
        self._holder.serve(1.0)

    def _received(self, channel: Channel) -> None:
        counter = self._sinks.get(channel.fd)
        if counter is None:
            self._source.blocked = False
            while channel.fetch():
                pass
            return
        while count := channel.fetch():
            counter.feed(SCRATCH, count)

    def case(self, size: int, run: int, seconds: float) -> dict[str, Any]:
        """Send for some seconds, and wait for what is under way."""
        stations = [station(1 + number) for number in range(DESTINATIONS)]
        batch = Batch.of(station(0), stations, size, run)
        self._sinks = {channel.fd: FrameCounter(size) for channel in self._channels}
        self._stream(batch, WARM_UP)
        before = self._delivered()
        with Meter({"server": [self.pid], "driver": [os.getpid()]}) as meter:
            sent = self._stream(batch, seconds)
        return {
            "ports": self.ports,
            "size": size,
            "run": run,
            "sent": sent,
            "delivered": self._delivered() - before,
            "seconds": meter.elapsed,
            "cpu": meter.used["server"],
            "driver_cpu": meter.used["driver"],
        }

    def _delivered(self) -> int:
        return sum(sink.complete for sink in self._sinks.values())

    def _stream(self, batch: Batch, seconds: float) -> int:
        """Send a batch over and over; return how many frames were sent."""
        source, before = self._source, self._delivered()
        source.begin(batch)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            source.turn()
            if source.blocked:
                self._holder.serve(end - time.monotonic(), lambda: not source.blocked)
            else:
                self._holder.serve(0.0)
        while not source.at_boundary and time.monotonic() < end + 10:
            source.turn(finish=True)
            self._holder.serve(QUIET, lambda: not source.blocked)
        self._drain(before + source.frames)
        return source.frames

    def _drain(self, expected: int) -> None:
        """Wait for frames until all are there, or none comes any more."""
        arrived = -1
        while arrived < (now := self._delivered()) < expected:
            arrived = now
            self._holder.serve(QUIET, lambda: self._delivered() >= expected)

    def close(self) -> None:
        """Log out."""
        self._holder.close()


def main() -> int:
    """Run all cases."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("address")
    reader.add_argument("port", type=int)
    reader.add_argument("pid", type=int)
    reader.add_argument("--ports", type=int, required=True)
    reader.add_argument("--seconds", type=float, required=True)
    reader.add_argument("--core", type=int, required=True)
    given = reader.parse_args()
    os.sched_setaffinity(0, {given.core})
    forward = Forward((given.address, given.port), given.pid, given.ports)
    try:
        print(json.dumps([forward.case(s, r, given.seconds) for s in SIZES for r in RUNS]))
    finally:
        forward.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
