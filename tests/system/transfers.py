"""
What is sent between two hosts to see whether it arrives as it was: a TCP stream, numbered frames.

The programs that run on the hosts are :mod:`tests.integrity.stream` and :mod:`tests.integrity.raw`.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from attrs import define

from .network import Host
from .processes import CommandFailed, Process, run

CHECKOUT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)
# SIOCETHTOOL with ETHTOOL_GTSO (linux/sockios.h, linux/ethtool.h).
_TSO = """
import ctypes, fcntl, socket, struct, sys
value = ctypes.create_string_buffer(struct.pack("II", 0x1E, 0), 8)
request = struct.pack("16sP16x", sys.argv[1].encode(), ctypes.addressof(value))
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8946, request)
print(struct.unpack("II", value.raw)[1])
"""


def _start(host: Host, program: str, *arguments: str) -> Process:
    command = [sys.executable, "-m", f"tests.integrity.{program}", *arguments]
    environment = {"PYTHONPATH": str(CHECKOUT)}
    return host.start(f"{program}-{next(_numbers)}", command, environment=environment)


def _result(process: Process, timeout: float) -> dict[str, Any]:
    """
    Return what a program has told at its end.

    :raises CommandFailed: it told nothing, or did not end in time.
    """
    try:
        status = process.popen.wait(timeout)
    except Exception as error:
        process.kill()
        raise CommandFailed(f"{process.name}: no end within {timeout:g} s") from error
    if status:
        raise CommandFailed(f"{process.name}: status {status}\n{process.tail()}")
    told: dict[str, Any] = json.loads(process.tail(1))
    return told


@define
class Transfer:
    """The two programs of something on its way."""

    sender: Process
    receiver: Process

    def end(self, timeout: float = 60.0) -> tuple[dict[str, Any], dict[str, Any]]:
        """
        Wait for its end; return what the sender and the receiver tell.

        :raises CommandFailed: one of them did not get there.
        """
        return _result(self.sender, timeout), _result(self.receiver, timeout)


def start_stream(
    sender: Host, receiver: Host, address: str, size: int, *, rate: float = 0.0
) -> Transfer:
    """
    Begin to send random bytes to an address of the receiver.

    :param rate: bytes a second, 0 for as fast as possible.
    """
    number = next(_numbers)
    port = 6000 + number
    end = _start(receiver, "stream", "receive", str(port))
    receiver.wait_listening(port, timeout=15.0)
    options = (f"--bytes={size}", f"--seed={number}", f"--rate={rate}")
    return Transfer(_start(sender, "stream", "send", address, str(port), *options), end)


def start_frames(
    sender: tuple[Host, str],
    receiver: tuple[Host, str],
    seconds: float,
    *,
    rate: float = 10e6,
    sources: int = 4,
) -> Transfer:
    """
    Begin to send frames from one host's device to another's, whose address the switch knows.

    :param rate: bytes a second.
    :param sources: how many MAC addresses the sender has, beside its own.
    """
    host, device = receiver
    told: list[dict[str, Any]] = json.loads(host.ip("-j", "link", "show", device))
    which = f"--sources={sources}"
    end = _start(host, "raw", which, "receive", device, "--first=15")
    time.sleep(0.5)  # it has to listen; frames that come before would count as lost
    options = (told[0]["address"], f"--seconds={seconds}", f"--rate={rate}")
    return Transfer(_start(sender[0], "raw", which, "send", sender[1], *options), end)


def offload(host: Host, device: str) -> bool:
    """Return whether a device takes TCP segments that it has to cut (as ``ethtool -k`` says)."""
    inside = ["ip", "netns", "exec", host.namespace, sys.executable, "-c", _TSO, device]
    return bool(int(run(inside)))


def reset_one(host: Host, port: int) -> bool | None:
    """
    Cut one of a host's TCP connections with a reset, chosen at random.

    :param port: of either end.
    :returns: None if there is none, False if this kernel cannot do it.
    """
    ss = ["ip", "netns", "exec", host.namespace, "ss"]
    rows = run([*ss, "-Htn", "state", "established", f"( sport = :{port} or dport = :{port} )"])
    if not rows.strip():
        return None
    here, there = random.choice(rows.splitlines()).split()[2:4]
    chosen = ["state", "established", "src", here, "dst", there]
    run([*ss, "-K", *chosen])
    return not run([*ss, "-Htn", *chosen]).strip()
