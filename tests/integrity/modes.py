"""
The modes in which frames are sent, how one is run, and what is wrong with its result.

There are four choices of two kinds each. Eight of the sixteen modes pair every kind of a choice
with every kind of the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

CHECKOUT = Path(__file__).resolve().parents[2]
RESETS = 0.01
"""The probability that a connection is cut before a batch."""
GIB = 1 << 30
FLOORS = {1: 0.2, 8: 0.8}
"""The share of bytes that has to arrive while at most 1 % of the batches begin with a reset, by
the number of connections. With one, up to 3 MiB go with it each time: what is on its way to a
client, and what goes on coming for it until it is back."""


@frozen
class Mode:
    """What one process tries."""

    super_frames: bool
    connections: int
    public_tls: bool
    pure: bool

    @property
    def name(self) -> str:
        """The words that are different from mode to mode."""
        words = (
            "super" if self.super_frames else "ordinary",
            str(self.connections),
            "public" if self.public_tls else "binding",
            "pure" if self.pure else "native",
        )
        return "-".join(words)

    @property
    def environment(self) -> Mapping[str, str]:
        """What has to be set before iquila is imported."""
        return {
            "IQUILA_TLS": "public" if self.public_tls else "",
            "PURE_PYTHON": "1" if self.pure else "0",
        }


MODES = (
    Mode(False, 1, False, False),
    Mode(False, 8, True, True),
    Mode(True, 1, True, False),
    Mode(True, 8, False, True),
    Mode(True, 1, False, True),
    Mode(True, 8, True, False),
    Mode(False, 1, True, True),
    Mode(False, 8, False, False),
)


def _floor(mode: Mode, probability: float) -> float:
    if not probability:
        return 1.0
    return FLOORS[mode.connections] if probability <= RESETS else 0.0


def problems(mode: Mode, result: dict[str, Any]) -> list[str]:
    """Return what is wrong with a result of :mod:`.run`."""
    found = []
    if result["sessions"] != [1, 1]:
        found.append(f"the clients had {result['sessions']} sessions")
    for part in result["parts"]:
        for number, way in enumerate(part["directions"]):
            where = f"{part['name']}, direction {number}"
            if way["wrong"] or way["late"]:
                counts = f"{way['wrong']} wrong and {way['late']} late frames"
                found.append(f"{where}: {counts}: {'; '.join(way['errors'])}")
            if way["delivered"] < _floor(mode, part["probability"]):
                found.append(f"{where}: only {way['delivered']:.3%} arrived")
            if mode.super_frames and not way["super_frames"]:
                found.append(f"{where}: there were no super-frames")
    return found


class Failed(Exception):
    """A mode's process ended without a result; the text is what it said."""


def run_mode(
    mode: Mode, size: int, *, seed: int, resets: float = RESETS, timeout: float
) -> dict[str, Any]:
    """
    Run a mode in a process of its own and return its result (:mod:`.run`).

    :param size: bytes of frames to send.
    :param timeout: seconds.
    :raises Failed: there is no result.
    """
    command = [sys.executable, "-m", "tests.integrity.run", mode.name]
    options = [f"--bytes={size}", f"--seed={seed}", f"--resets={resets}"]
    try:
        done = subprocess.run(
            [*command, *options, f"--seconds={timeout}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout + 15.0,
            cwd=CHECKOUT,
            env={**os.environ, **mode.environment},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{mode.name}: no end within {timeout:g} s") from error
    if done.returncode:
        raise Failed(f"{mode.name}: status {done.returncode}\n{done.stdout}{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
