"""
iperf3 between two hosts of a test network: one TCP stream, or a flood of small UDP packets.

The receiver's own count is what is returned, from its own report: after a flood, its report often
does not come through to the sender. Both ends run at niceness 0.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
from typing import Any

from attrs import frozen

from .network import Host
from .processes import CommandFailed, Process, run, with_niceness

SPARE = 20.0
"""Seconds for connecting and reporting."""
_ports = itertools.count(5301)


def lacks_iperf() -> str | None:
    """Return what is missing to run iperf3, or None."""
    if shutil.which("iperf3") is None:
        return "needs iperf3: apt-get install iperf3"
    return None


@frozen
class Stream:
    """What a TCP stream brought to the receiver."""

    bytes: int
    seconds: float
    retransmits: int
    """Segments that the sender had to send again."""
    cpu_seconds: float
    """CPU time of both iperf3 processes."""

    @property
    def bits_per_second(self) -> float:
        """The rate at the receiver."""
        return self.bytes * 8 / self.seconds


@frozen
class Flood:
    """What a UDP flood brought to the receiver."""

    sent: int
    """Packets, as far as the receiver can tell by their numbers."""
    delivered: int
    seconds: float


def tcp(sender: Host, receiver: Host, address: str, seconds: float) -> Stream:
    """
    Send one TCP stream for about `seconds`, rounded up to whole ones.

    :raises CommandFailed: iperf3 did not get through, or not in time.
    """
    there, here = _transfer(sender, receiver, address, seconds, ())
    received, sent = there["sum_received"], here["sum_sent"]
    busy = here["cpu_utilization_percent"]
    cpu = (busy["host_total"] + busy["remote_total"]) / 100 * sent["seconds"]
    return Stream(int(received["bytes"]), received["seconds"], int(sent["retransmits"]), cpu)


def udp(sender: Host, receiver: Host, address: str, seconds: float, *, size: int = 64) -> Flood:
    """
    Send UDP packets of `size` bytes as fast as the sender can, for about `seconds`.

    :raises CommandFailed: iperf3 did not get through, or not in time.
    """
    there, _ = _transfer(sender, receiver, address, seconds, ("-u", "-b", "0", "-l", str(size)))
    total = there["sum"]
    sent = int(total["packets"])
    return Flood(sent, sent - int(total["lost_packets"]), total["seconds"])


def _transfer(
    sender: Host, receiver: Host, address: str, seconds: float, options: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the sums that the receiver and the sender report."""
    port = next(_ports)
    length = max(1, math.ceil(seconds))
    name = f"iperf3-{port}"
    listener = receiver.start(name, ["iperf3", "-s", "-1", "-J", "-p", str(port)], nice=0)
    try:
        receiver.wait_listening(port, timeout=5.0)
        client = ["iperf3", "-c", address, "-p", str(port), "-t", str(length), "-J", *options]
        command = ["ip", "netns", "exec", sender.namespace, *client]
        here = _report(run(with_niceness(command, 0), timeout=length + SPARE), "sender")
        listener.popen.wait(SPARE)
        return _report(listener.log.read_text(), "receiver"), here
    finally:
        _end(listener)


def _report(text: str, who: str) -> dict[str, Any]:
    try:
        report = json.loads(text)
    except ValueError as error:
        raise CommandFailed(f"iperf3, {who}: no report:\n{text[-500:]}") from error
    if "error" in report:
        raise CommandFailed(f"iperf3, {who}: {report['error']}")
    total: dict[str, Any] = report["end"]
    return total


def _end(listener: Process) -> None:
    if listener.running:
        listener.kill()
