"""
The switch without sockets and TLS: what cutting a stream into runs and deciding about them costs.

A program: ``python -m tests.bench.memory --seconds S``. Groups of 256 frames go through the decoder
and the switch, to ports that take them and do nothing. The result is a JSON list, an object for
each case of the switch bench.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from attrs import define, field

from iquila.switch.port import Port
from iquila.switch.switch import VirtualSwitch
from iquila.wire.blocks import BlockDecoder, group
from iquila.wire.policy import Policy

from .cases import DESTINATIONS, PORTS, RUNS, SIZES
from .frames import BROADCAST, GROUP, Batch, frame, station

HEADROOM = 64
GROUPS = 64
"""Groups of a batch that are used, so that they stay in the caches."""


@define(eq=False)
class Nowhere:
    """An outlet, and the one lane out of it, that counts."""

    frames: int = 0

    def lane(self, key: bytes) -> Nowhere:
        """Return itself."""
        return self

    def set_offload(self, on: bool) -> None:
        """Nobody is there to be told."""

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Count."""
        self.frames += count

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Count."""
        self.frames += count


@define
class Memory:
    """
    A switch whose source is the first port.

    :param ports: as in :class:`.forward.Forward`.
    """

    ports: int
    _switch: VirtualSwitch = field(init=False, factory=lambda: VirtualSwitch("bench", now=0.0))
    _ports: list[Port] = field(init=False)
    _outlets: list[Nowhere] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Plug the ports in, and let the switch learn where the stations are."""
        self._outlets = [Nowhere() for _ in range(self.ports)]
        policy = Policy(no_broadcast_limiter=True)
        self._ports = [
            Port(str(number), outlet, policy) for number, outlet in enumerate(self._outlets)
        ]
        for port in self._ports:
            self._switch.add_port(port)
        for number in range(DESTINATIONS):
            port = self._ports[1 + number % (self.ports - 1)]
            self._pass(port, BlockDecoder(), group([frame(BROADCAST, station(1 + number), 64)]))

    def _pass(self, port: Port, decoder: BlockDecoder, data: bytes) -> None:
        buffer = bytearray(HEADROOM) + data
        runs, consumed = decoder.decode(buffer, HEADROOM, len(buffer))
        assert consumed == len(buffer)
        self._switch.receive(port, buffer, runs, 0.0)

    def case(self, size: int, run: int, seconds: float) -> dict[str, Any]:
        """Pass frames for some seconds."""
        stations = [station(1 + number) for number in range(DESTINATIONS)]
        batch = Batch.of(station(0), stations, size, run)
        step = batch.group_bytes
        buffers = [
            bytearray(HEADROOM) + batch.data[number * step : (number + 1) * step]
            for number in range(min(batch.groups, GROUPS))
        ]
        source, decoder, receive = self._ports[0], BlockDecoder(), self._switch.receive
        before = sum(outlet.frames for outlet in self._outlets)
        sent = 0
        begin, used = time.monotonic(), time.process_time()
        while time.monotonic() - begin < seconds:
            for buffer in buffers:
                runs, _ = decoder.decode(buffer, HEADROOM, len(buffer))
                receive(source, buffer, runs, 0.0)
            sent += GROUP * len(buffers)
        used = time.process_time() - used
        return {
            "ports": self.ports,
            "size": size,
            "run": run,
            "sent": sent,
            "delivered": sum(outlet.frames for outlet in self._outlets) - before,
            "seconds": time.monotonic() - begin,
            "cpu": used,
        }


def main() -> int:
    """Run all cases."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--seconds", type=float, required=True)
    reader.add_argument("--core", type=int, required=True)
    given = reader.parse_args()
    os.sched_setaffinity(0, {given.core})
    switches = [Memory(ports) for ports in PORTS]
    told = [s.case(size, run, given.seconds) for s in switches for size in SIZES for run in RUNS]
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
