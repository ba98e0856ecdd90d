"""
One TCP connection full of seeded random bytes: each end tells how many there were, and their hash.

A program, so that its two ends can run on different hosts: ``send ADDRESS PORT`` and ``receive
PORT``; prints one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import socket
import sys
import time
from collections.abc import Iterator
from random import Random

PIECE = 64 * 1024
_POOL = 1 << 20


def pieces(seed: int) -> Iterator[bytes]:
    """Yield random bytes without end: slices of a pool, chosen at random."""
    random = Random(seed)
    pool = random.randbytes(_POOL + PIECE)
    while True:
        at = int(random.random() * _POOL)
        yield pool[at : at + PIECE]


def send(address: str, port: int, count: int, seed: int, rate: float) -> dict[str, object]:
    """
    Send `count` bytes to a listener.

    :param rate: bytes a second, 0 for as fast as possible.
    """
    digest, sent, begin = hashlib.sha256(), 0, time.monotonic()
    with socket.create_connection((address, port), timeout=20.0) as connection:
        connection.settimeout(30.0)
        for piece in pieces(seed):
            part = piece[: count - sent]
            connection.sendall(part)
            digest.update(part)
            sent += len(part)
            if sent == count:
                break
            if rate:
                time.sleep(max(0.0, begin + sent / rate - time.monotonic()))
        connection.shutdown(socket.SHUT_WR)
        # The receiver closes when it has everything.
        rest = connection.recv(1)
    return _told(sent, digest.hexdigest(), begin, complete=rest == b"")


def receive(port: int) -> dict[str, object]:
    """Take one connection and everything that comes on it."""
    digest, count = hashlib.sha256(), 0
    with socket.create_server(("", port)) as listener:
        listener.settimeout(30.0)
        connection, _ = listener.accept()
    begin = time.monotonic()
    with connection:
        connection.settimeout(30.0)
        while data := connection.recv(4 * PIECE):
            digest.update(data)
            count += len(data)
    return _told(count, digest.hexdigest(), begin, complete=True)


def _told(count: int, digest: str, begin: float, *, complete: bool) -> dict[str, object]:
    seconds = time.monotonic() - begin
    return {"bytes": count, "sha256": digest, "seconds": seconds, "complete": complete}


def main(arguments: list[str]) -> dict[str, object]:
    """Run one end and return what it tells."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    sender = kinds.add_parser("send")
    sender.add_argument("address")
    sender.add_argument("port", type=int)
    sender.add_argument("--bytes", type=int, required=True)
    sender.add_argument("--seed", type=int, default=1)
    sender.add_argument("--rate", type=float, default=0.0)
    kinds.add_parser("receive").add_argument("port", type=int)
    given = parser.parse_args(arguments)
    if given.kind == "receive":
        return receive(given.port)
    return send(given.address, given.port, given.bytes, given.seed, given.rate)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
