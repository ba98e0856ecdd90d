"""
Two TAP devices in two network namespaces, and a TCP connection through them, in one process.

Run as root, as a program of its own (it changes its namespace): it forwards between the devices
with :mod:`iquila.device.batch` and prints what it saw as JSON. Called with ``headers`` the devices
have virtio-net headers and offload, and offload is switched off halfway.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

from attrs import define, field

from iquila.device.batch import KEEP_HEADERS, NO_HEADERS, STRIP_HEADERS, read_blocks, write_blocks
from iquila.wire.scan import NATIVE, Run, scan

SIZE = 8_000_000
SECONDS = 30.0
CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
TAP, NO_PI, VNET_HDR = 0x0002, 0x1000, 0x4000
CHECKSUM_AND_TSO = 0x01 | 0x02 | 0x04


@define
class Device:
    """One end: a namespace, a TAP device in it, and blocks that wait for the device."""

    number: int
    headers: bool
    descriptor: int = field(init=False)
    waiting: bytes = b""

    def __attrs_post_init__(self) -> None:
        """Move to a new namespace and make the device there."""
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "no new namespace")
        self.descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        flags = TAP | NO_PI | (VNET_HDR if self.headers else 0)
        fcntl.ioctl(self.descriptor, TUNSETIFF, struct.pack("16sH22x", b"tap0", flags))
        for command in (
            f"link set tap0 address 02:00:00:00:00:0{self.number} up",
            f"addr add 10.78.0.{self.number}/24 dev tap0",
        ):
            subprocess.run(["ip", *command.split()], check=True, timeout=10)

    def offload(self, flags: int) -> None:
        """Say what the machine may leave to us."""
        if self.headers:
            fcntl.ioctl(self.descriptor, TUNSETOFFLOAD, flags)


@define
class Forwarder:
    """Carries blocks between two devices, and counts them."""

    devices: tuple[Device, Device]
    mode: int
    super_frames: int = 0
    ordinary: int = 0
    late: int = 0
    """Super-frames after offload was switched off."""
    refused: int = 0
    buffer: bytearray = field(factory=lambda: bytearray(400_000))

    def turn(self) -> None:
        """Carry what there is, in both directions."""
        for source, target in (self.devices, self.devices[::-1]):
            if not target.waiting:
                end, count = read_blocks(
                    source.descriptor, self.buffer, 0, len(self.buffer), 64, self.mode
                )
                self.count(end, count)
                target.waiting = bytes(self.buffer[:end])
            blocks = target.waiting
            done, refused = write_blocks(
                target.descriptor, blocks, 0, len(blocks), self.mode != NO_HEADERS
            )
            self.refused += refused
            target.waiting = blocks[done:]

    def count(self, end: int, count: int) -> None:
        """Count what was read, as the switch would cut it."""
        runs: list[Run] = []
        result = scan(self.buffer, 0, end, count, True, runs)
        if result != (end, 0, 0, 0):
            raise AssertionError(f"not whole blocks: {result}")
        for _, _, number, key in runs:
            if len(key) == 12:
                self.ordinary += number
            elif self.mode == KEEP_HEADERS:
                self.super_frames += number
            else:
                self.late += number


def transfer(forwarder: Forwarder, sender: socket.socket, receiver: socket.socket) -> bool:
    """Send numbered bytes through; return whether they arrived in order and in time."""
    data = b"".join(struct.pack(">Q", number) for number in range(SIZE // 8))
    sent, received = 0, bytearray()
    end = time.monotonic() + SECONDS
    while len(received) < SIZE and time.monotonic() < end:
        if len(received) > SIZE // 2 and forwarder.mode == KEEP_HEADERS:
            for device in forwarder.devices:
                device.offload(0)
            forwarder.mode = STRIP_HEADERS
        forwarder.turn()
        with contextlib.suppress(BlockingIOError):
            sent += sender.send(memoryview(data)[sent : sent + 200_000])
        try:
            received += receiver.recv(400_000)
        except BlockingIOError:
            readers = [device.descriptor for device in forwarder.devices]
            select.select([*readers, receiver.fileno()], [], [], 0.01)
    return received == data


def main(headers: bool) -> None:
    """Set up, transfer, and print."""
    one = Device(1, headers)
    listener = socket.create_server(("10.78.0.1", 5001))
    two = Device(2, headers)
    sender = socket.socket()
    for device in (one, two):
        device.offload(CHECKSUM_AND_TSO)
    forwarder = Forwarder((one, two), KEEP_HEADERS if headers else NO_HEADERS)
    sender.setblocking(False)
    sender.connect_ex(("10.78.0.1", 5001))
    listener.setblocking(False)
    end = time.monotonic() + SECONDS
    while True:
        forwarder.turn()
        try:
            receiver, _ = listener.accept()
            break
        except BlockingIOError:
            if time.monotonic() > end:
                raise
    receiver.setblocking(False)
    whole = transfer(forwarder, sender, receiver)
    print(
        json.dumps(
            {
                "native": NATIVE,
                "whole": whole,
                "super_frames": forwarder.super_frames,
                "ordinary": forwarder.ordinary,
                "late": forwarder.late,
                "refused": forwarder.refused,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1] == "headers")
