"""
CPU time of processes, from /proc.

A meter counts user and system time of a process with all its threads, also those that have ended.
Children count as processes of their own. Resolution is the kernel's tick, 10 ms.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import define, field

TICKS = os.sysconf("SC_CLK_TCK")
GB = 1e9
"""Bytes."""


def cpu_seconds(pid: int) -> float:
    """
    Return the CPU time that a process has used, in seconds; its threads included.

    :raises OSError: there is no such process.
    """
    # The name in parentheses may hold anything, even spaces and parentheses.
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    """
    Return the resident memory of a process.

    :raises OSError: there is no such process.
    """
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine_busy() -> float:
    """Return the seconds that all cores together have been busy since the machine started."""
    row = Path("/proc/stat").read_text().partition("\n")[0].split()
    values = [int(value) for value in row[1:9]]
    return (sum(values) - values[3] - values[4]) / TICKS  # without idle and iowait


@define
class Meter:
    """
    What processes use between entering and leaving.

    :param processes: name -> ids of the processes that count under it.
    """

    processes: Mapping[str, Iterable[int]]
    used: dict[str, float] = field(init=False, factory=dict)
    """CPU seconds by name, and of the whole machine as `machine`."""
    elapsed: float = field(init=False, default=0.0)
    """Seconds."""

    def _read(self) -> dict[str, float]:
        read = {
            name: sum(cpu_seconds(pid) for pid in pids) for name, pids in self.processes.items()
        }
        return {**read, "machine": machine_busy()}

    def __enter__(self) -> Meter:
        """Begin."""
        self.elapsed = time.monotonic()
        self.used = self._read()
        return self

    def __exit__(self, *_: object) -> None:
        """End; the differences are in `used` and `elapsed`."""
        end = self._read()
        self.used = {name: end[name] - start for name, start in self.used.items()}
        self.elapsed = time.monotonic() - self.elapsed
