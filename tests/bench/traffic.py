"""
What travels between two hosts in the `path` bench, and the figures that are made of it.

Not for what lies between the hosts: see :mod:`.path`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from tests.system import iperf
from tests.system.network import Host
from tests.system.ping import round_trips

from .bench import Better, Figure
from .meter import GB, Meter

PINGS = 1000
PING_SECONDS = 0.002
DATAGRAM = 64
SETTLE_SECONDS = 0.5
"""A pause before each part, so that nothing of the part before it is still on its way."""

FIGURES = (
    Figure("tcp", "Mbit/s", Better.HIGHER, "one TCP stream, at the receiver"),
    Figure("tcp_retransmits", "segments", Better.NEITHER, "sent again in the TCP stream"),
    Figure("server_cpu", "s/GB", Better.LOWER, "CPU time of the server, TCP stream"),
    Figure("sender_cpu", "s/GB", Better.LOWER, "CPU time of the sender's client, TCP stream"),
    Figure("receiver_cpu", "s/GB", Better.LOWER, "CPU time of the receiver's client, TCP stream"),
    Figure("others", "cores", Better.NEITHER, "busy with something else during the TCP stream"),
    Figure("udp", "packets/s", Better.HIGHER, "64-byte UDP packets, delivered under a flood"),
    Figure("udp_device", "packets/s", Better.HIGHER, "what of the flood came out of the tunnel"),
    Figure("ping_p50", "ms", Better.LOWER, "round trip, median"),
    Figure("ping_p99", "ms", Better.LOWER, "round trip, 99th percentile"),
)


@frozen
class Route:
    """Two hosts, and where the packets from the one come out at the other."""

    sender: Host
    receiver: Host
    address: str
    device: str
    """The network device that has `address`."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0..1) of sorted, existing values do not exceed."""
    return values[min(len(values) - 1, int(len(values) * share))]


def measure(
    route: Route, processes: Mapping[str, Iterable[int]], seconds: float
) -> dict[str, float]:
    """
    Measure round trips, then a TCP stream, then a flood: the rudest comes last.

    :param processes: whose CPU time counts; each name makes a figure ``NAME_cpu``.
    :raises CommandFailed: nothing came through in one of them.
    """
    ids = {name: tuple(pids) for name, pids in processes.items()}
    values: dict[str, float] = {}
    for part in (_pings, _stream, _flood):
        time.sleep(SETTLE_SECONDS)
        values.update(part(route, ids, seconds))
    return values


def _pings(route: Route, _: Mapping[str, Iterable[int]], __: float) -> dict[str, float]:
    trips = round_trips(route.sender, route.address, count=PINGS, interval=PING_SECONDS)
    values = {"ping_sent": float(PINGS), "ping_answered": float(len(trips))}
    if trips:
        values |= {
            "ping_p50": percentile(trips, 0.5),
            "ping_p99": percentile(trips, 0.99),
            "ping_max": trips[-1],
        }
    return values


def _stream(route: Route, ids: Mapping[str, Iterable[int]], seconds: float) -> dict[str, float]:
    with Meter(ids) as meter:
        stream = iperf.tcp(route.sender, route.receiver, route.address, seconds)
    values = {
        "tcp": stream.bits_per_second / 1e6,
        "tcp_retransmits": float(stream.retransmits),
        "tcp_bytes": float(stream.bytes),
        "tcp_seconds": stream.seconds,
        "tcp_machine_busy": meter.used["machine"] / meter.elapsed,
    }
    ours = sum(meter.used[name] for name in ids) + stream.cpu_seconds
    values["others"] = max(0.0, meter.used["machine"] - ours) / meter.elapsed
    return values | {f"{name}_cpu": meter.used[name] / (stream.bytes / GB) for name in ids}


def _flood(route: Route, ids: Mapping[str, Iterable[int]], seconds: float) -> dict[str, float]:
    before = route.receiver.received_packets(route.device)
    with Meter(ids) as meter:
        flood = iperf.udp(route.sender, route.receiver, route.address, seconds, size=DATAGRAM)
    after = route.receiver.received_packets(route.device)
    values = {
        "udp": flood.delivered / flood.seconds,
        "udp_sent": flood.sent / flood.seconds,
        # iperf3 may have been too slow to take all that came: its socket holds a few hundred.
        "udp_device": (after - before) / flood.seconds,
        "udp_machine_busy": meter.used["machine"] / meter.elapsed,
    }
    return values | {f"{name}_udp_cores": meter.used[name] / meter.elapsed for name in ids}
