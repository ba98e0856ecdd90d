"""Ping between hosts of a test network: how many answers, how fast, and the longest silence."""

from __future__ import annotations

import itertools
import re
import signal
import subprocess

from attrs import frozen

from .network import Host
from .processes import CommandFailed, Process, send, with_niceness

_ANSWER = re.compile(r"^\[(?P<time>\d+\.\d+)\] .*icmp_seq=(?P<number>\d+) ttl=", re.MULTILINE)
_TRIP = re.compile(r" icmp_seq=\d+ ttl=\d+ time=(?P<ms>[\d.]+) ms$", re.MULTILINE)


@frozen
class Answers:
    """When echo answers came: pairs of sequence number and seconds since 1970, in order."""

    answers: tuple[tuple[int, float], ...]

    @classmethod
    def parse(cls, text: str) -> Answers:
        """Read the output of ``ping -D``."""
        return cls(tuple((int(m["number"]), float(m["time"])) for m in _ANSWER.finditer(text)))

    def __len__(self) -> int:
        """Return how many different requests were answered."""
        return len({number for number, _ in self.answers})

    def longest_gap(self) -> float:
        """Return the longest time between two answers, in seconds; 0.0 for fewer than two."""
        times = [time for _, time in self.answers]
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0)


def ping(host: Host, address: str, *, count: int = 5, interval: float = 0.2) -> Answers:
    """Send `count` echo requests from a host and return the answers; none is not an error."""
    return Answers.parse(_ping(host, address, count, interval))


def round_trips(host: Host, address: str, *, count: int, interval: float) -> list[float]:
    """Send `count` echo requests and return how long each answer took, in ms, shortest first."""
    text = _ping(host, address, count, interval)
    return sorted(float(match["ms"]) for match in _TRIP.finditer(text))


def _ping(host: Host, address: str, count: int, interval: float) -> str:
    command = ["ping", "-n", "-D", "-c", str(count), "-i", str(interval), "-W", "1", address]
    arguments = with_niceness(["ip", "netns", "exec", host.namespace, *command], 0)
    limit = count * interval + 15.0
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"ping {address}: no end within {limit:g} s") from error
    if done.returncode not in (0, 1):  # 1: some or all answers are missing
        raise CommandFailed(f"ping {address}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


def start_ping(host: Host, address: str, *, interval: float = 0.02) -> Process:
    """Start echo requests that go on until :func:`stop_ping`."""
    name = f"ping-{address}"
    (host.scratch / f"{name}.log").unlink(missing_ok=True)
    return host.start(name, ["ping", "-n", "-D", "-i", str(interval), address])


def stop_ping(process: Process) -> Answers:
    """End what :func:`start_ping` began and return its answers."""
    send(process.popen.pid, signal.SIGINT)
    process.popen.wait(10)
    return Answers.parse(process.log.read_text(errors="replace"))
