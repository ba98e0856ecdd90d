"""
Numbered frames on a network device, by a packet socket: sent at one host, checked at another.

A program: ``send DEVICE DESTINATION`` (a MAC address) and ``receive DEVICE``, whose address is the
destination; prints one JSON object. Flows come from several sources, as from a bridge.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from pathlib import Path
from random import Random

from .frames import ETHERTYPE, Flow, Pool, Sink, Source

SEED = 1
BURST = 32 * 1024
"""Bytes sent at once: a device has room for some hundred frames."""
_BUFFER = 64 * 1024 * 1024
_SO_RCVBUFFORCE = 33
_OUTGOING = 4
_KIND = int.from_bytes(ETHERTYPE, "big")


def flows(destination: bytes, sources: int) -> list[Flow]:
    """Return the flows of so many sources to a station; no other station has the same ones."""
    addresses = [b"\x02\x01" + destination[-3:] + bytes((number,)) for number in range(sources)]
    return [Flow(number, destination + source) for number, source in enumerate(addresses)]


def address(device: str) -> bytes:
    """Return the MAC address of a device."""
    text = Path(f"/sys/class/net/{device}/address").read_text()
    return bytes.fromhex(text.strip().replace(":", ""))


def send(
    device: str, destination: bytes, sources: int, seconds: float, rate: float
) -> dict[str, object]:
    """Send for some seconds at `rate` bytes a second."""
    source = Source(Pool(SEED), flows(destination, sources), Random(SEED), False)
    refused = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as packets:
        packets.bind((device, 0))
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < seconds:
            if source.octets > rate * now:
                time.sleep(0.0005)
                continue
            for frame in source.ordinary(BURST):
                try:
                    packets.send(frame)
                except OSError:
                    refused += 1  # the device has no room
    return {"frames": source.frames, "bytes": source.octets, "refused": refused}


def receive(device: str, sources: int, first: float, idle: float) -> dict[str, object]:
    """Check what comes: wait `first` seconds for it, and end after `idle` without any."""
    sink = Sink(Pool(SEED), flows(address(device), sources))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_KIND)) as packets:
        packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        packets.bind((device, _KIND))
        packets.settimeout(first)
        try:
            while True:
                frame, (_, _, kind, *_) = packets.recvfrom(70_000)
                if kind != _OUTGOING:
                    sink.ordinary([frame])
                    packets.settimeout(idle)
        except TimeoutError:
            pass
    return {
        "frames": sink.frames,
        "bytes": sink.octets,
        "wrong": sink.wrong,
        "late": sink.late,
        "errors": sink.errors,
    }


def main(arguments: list[str]) -> dict[str, object]:
    """Run one end and return what it tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=4, help="MAC addresses of the sender")
    kinds = parser.add_subparsers(dest="kind", required=True)
    sender = kinds.add_parser("send")
    sender.add_argument("device")
    sender.add_argument("destination")
    sender.add_argument("--seconds", type=float, default=3.0)
    sender.add_argument("--rate", type=float, default=10e6, help="bytes a second")
    receiver = kinds.add_parser("receive")
    receiver.add_argument("device")
    receiver.add_argument("--first", type=float, default=10.0, help="seconds")
    receiver.add_argument("--idle", type=float, default=1.0, help="seconds")
    given = parser.parse_args(arguments)
    if given.kind == "receive":
        return receive(given.device, given.sources, given.first, given.idle)
    destination = bytes.fromhex(given.destination.replace(":", ""))
    return send(given.device, destination, given.sources, given.seconds, given.rate)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
