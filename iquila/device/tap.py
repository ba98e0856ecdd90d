"""
A TAP device: an Ethernet adapter of this machine whose cable is a program (Linux tun(4)).

Frames go in and out as blocks (:mod:`iquila.wire.blocks`), many at a time; see :mod:`.batch`.
With offload the machine hands over super-frames, whose segments nobody has made yet. Addresses
and routes are the operator's business, with ``ip``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from iquila.device.batch import (
    KEEP_HEADERS,
    NO_HEADERS,
    STRIP_HEADERS,
    read_blocks,
    write_blocks,
)
from iquila.device.moderation import PAUSE, Moderation
from iquila.errors import ConfigurationError
from iquila.wire.scan import MAX_SUPER

TUN = "/dev/net/tun"
_TUNSETIFF, _TUNSETOFFLOAD, _TUNSETVNETLE = 0x400454CA, 0x400454D0, 0x400454DC
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
# Checksums and TCP over IPv4 and IPv6, with congestion marks. Not UDP: a kernel that does not
# know that kind would refuse the frames (it is younger than the others), and nobody could tell.
_OFFLOAD = 0x01 | 0x02 | 0x04 | 0x08
MAX_NAME = 15
HEADROOM = 64
"""Bytes in front of what was read that a receiver may overwrite."""
READ_FRAMES = 384
"""Frames read in one turn of the reactor before others get theirs. A socket's receive buffer
holds little fewer small ones: much longer bursts are lost at their destination."""
READ_BYTES = 256 * 1024
QUEUE_BYTES = 4 * 1024 * 1024
"""Bytes that wait for the device; what comes then is dropped, as an adapter does."""

Received = Callable[[bytearray, int, int, int], object]
"""received(buffer, start, end, count): `buffer[start:end]` holds `count` blocks, to be used
during the call only."""


def _open(name: str, flags: int) -> int:
    try:
        descriptor = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(
            f"TAP devices cannot be used ({TUN}: {error.strerror}): run as root, and load "
            "the kernel module tun."
        ) from error
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        if flags & _IFF_VNET_HDR:
            fcntl.ioctl(descriptor, _TUNSETVNETLE, struct.pack("i", 1))
    except OSError as error:
        os.close(descriptor)
        raise ConfigurationError(
            f"The TAP device {name} cannot be had ({error.strerror}): run as root, or choose "
            "another name."
        ) from error
    return descriptor


@implementer(IReadDescriptor)
class TAPDevice(FileDescriptor):
    """
    A TAP device, made if it does not exist (then it goes with the process).

    :param name: 1 to 15 characters.
    :param received: called with the frames that the machine sends.
    :param super_frames: whether super-frames may go in, and come out when
        :meth:`set_offload` says so; at first they do not.
    :raises ConfigurationError: it cannot be had.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, reactor: Any, name: str, received: Received, *, super_frames: bool = False
    ) -> None:
        super().__init__(reactor)
        self._clock = reactor
        if not 1 <= len(name) <= MAX_NAME or "/" in name or not name.isascii():
            raise ConfigurationError(
                f"'{name}' is not the name of a device: give 1 to {MAX_NAME} characters."
            )
        self.name = name
        self.super_frames = super_frames
        self.dropped = 0
        """Frames that the device did not take, and batches that found its queue full."""
        self.received = received
        """Who gets the frames of the machine; may be changed at any time."""
        self._headers = STRIP_HEADERS if super_frames else NO_HEADERS
        self._buffer = bytearray(HEADROOM + READ_BYTES + 4 + MAX_SUPER)
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._started = self._congested = False
        self._moderation = Moderation()
        self._pausing: Any = None
        flags = _IFF_TAP | _IFF_NO_PI | (_IFF_VNET_HDR if super_frames else 0)
        self._descriptor = _open(name, flags)
        self.connected = 1

    def fileno(self) -> int:
        """Return the descriptor, -1 when closed."""
        return self._descriptor

    def start(self) -> None:
        """Begin to read."""
        self._started = True
        self._read_on()

    def set_congested(self, congested: bool) -> None:
        """Leave frames with the machine, whose senders then slow down, or go on reading."""
        self._congested = congested
        if congested:
            self.stopReading()
        elif self._pausing is None:
            self._read_on()

    def set_offload(self, on: bool) -> None:
        """
        Let the machine hand over super-frames, or have it make ordinary ones.

        What it handed over before still comes as it is.
        """
        if not self.super_frames or self._descriptor < 0:
            return
        try:
            fcntl.ioctl(self._descriptor, _TUNSETOFFLOAD, _OFFLOAD if on else 0)
        except OSError as error:
            self._log.warn(
                "{name} works without offload, which this kernel refuses: {error}",
                name=self.name,
                error=error,
            )
            on = False
        self._headers = KEEP_HEADERS if on else STRIP_HEADERS

    def doRead(self) -> Any:
        """Read frames, in bounded number."""
        buffer = self._buffer
        try:
            end, count = read_blocks(
                self._descriptor, buffer, HEADROOM, len(buffer), READ_FRAMES, self._headers
            )
        except OSError as error:
            # The device is down: nothing comes until somebody sets it up again.
            return None if error.errno in (errno.EIO, errno.EBADFD) else error
        if count:
            self.received(buffer, HEADROOM, end, count)
            if self._moderation.pauses(count, end - HEADROOM, self._clock.seconds()):
                self.stopReading()
                self._pausing = self._clock.callLater(PAUSE, self._read_on)
        return None

    def _read_on(self) -> None:
        self._pausing = None
        if self._started and not self._congested:
            self.startReading()

    def send_blocks(self, buffer: bytearray, start: int, end: int) -> None:
        """Give whole blocks to the machine; what it does not take in time is dropped."""
        if not self._queue:
            start, refused = write_blocks(self._descriptor, buffer, start, end, self.super_frames)
            self.dropped += refused
            if start == end:
                return
        if self._queued + end - start > QUEUE_BYTES:
            self.dropped += 1
            return
        self._queue.append(bytes(memoryview(buffer)[start:end]))
        self._queued += end - start
        self.startWriting()

    def doWrite(self) -> Any:
        """Give queued blocks to the machine."""
        while self._queue:
            blocks = self._queue[0]
            at, refused = write_blocks(self._descriptor, blocks, 0, len(blocks), self.super_frames)
            self.dropped += refused
            self._queued -= at
            if at < len(blocks):
                self._queue[0] = blocks[at:]
                return None
            self._queue.popleft()
        self.stopWriting()
        return None

    def connectionLost(self, reason: Failure) -> None:
        """The device is gone."""
        super().connectionLost(reason)
        self.close()

    def close(self) -> None:
        """Let the device go."""
        self._started = False
        if self._pausing is not None:
            self._pausing.cancel()
            self._pausing = None
        if self._descriptor >= 0:
            self.stopReading()
            self.stopWriting()
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
            self.connected = 0
