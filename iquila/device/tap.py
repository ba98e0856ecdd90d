"""
A TAP device: an Ethernet adapter of this machine whose cable is a program (Linux tun(4)).

Frames only; addresses and routes are the operator's business, with ``ip``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from iquila.errors import ConfigurationError

TUN = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
MAX_NAME = 15
FRAME = 2048
READ_FRAMES = 128
"""Frames read in one turn of the reactor before others get theirs."""
QUEUE_FRAMES = 1024
"""Frames that wait for the device; more are dropped, as an adapter does."""


@implementer(IReadDescriptor)
class TAPDevice(FileDescriptor):
    """
    A TAP device, made if it does not exist (then it goes with the process).

    :param name: 1 to 15 characters.
    :param received: called with the frames that the machine sends.
    :raises ConfigurationError: it cannot be had.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: Any, name: str, received: Callable[[list[bytes]], object]) -> None:
        super().__init__(reactor)
        if not 1 <= len(name) <= MAX_NAME or "/" in name or not name.isascii():
            raise ConfigurationError(
                f"'{name}' is not the name of a device: give 1 to {MAX_NAME} characters."
            )
        self.name = name
        self.dropped = 0
        """Frames that the device did not take."""
        self._received = received
        self._queue: deque[bytes] = deque()
        try:
            self._descriptor = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigurationError(
                f"TAP devices cannot be used ({TUN}: {error.strerror}): run as root, and load "
                "the kernel module tun."
            ) from error
        try:
            request = struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI)
            fcntl.ioctl(self._descriptor, _TUNSETIFF, request)
        except OSError as error:
            os.close(self._descriptor)
            raise ConfigurationError(
                f"The TAP device {name} cannot be had ({error.strerror}): run as root, or choose "
                "another name."
            ) from error
        self.connected = 1

    def fileno(self) -> int:
        """Return the descriptor, -1 when closed."""
        return self._descriptor

    def start(self) -> None:
        """Begin to read."""
        self.startReading()

    def doRead(self) -> Any:
        """Read frames, in bounded number."""
        frames: list[bytes] = []
        try:
            while len(frames) < READ_FRAMES:
                frames.append(os.read(self._descriptor, FRAME))
        except BlockingIOError:
            pass
        except OSError as error:
            # The device is down: nothing comes until somebody sets it up again.
            if error.errno not in (errno.EIO, errno.EBADFD):
                return error
        if frames:
            self._received(frames)
        return None

    def send(self, frames: Iterable[bytes]) -> None:
        """Give frames to the machine; what it does not take in time is dropped."""
        for frame in frames:
            if self._queue or not self._write(frame):
                if len(self._queue) >= QUEUE_FRAMES:
                    self.dropped += 1
                    continue
                self._queue.append(frame)
                self.startWriting()

    def doWrite(self) -> Any:
        """Give queued frames to the machine."""
        while self._queue:
            if not self._write(self._queue[0]):
                return None
            self._queue.popleft()
        self.stopWriting()
        return None

    def _write(self, frame: bytes) -> bool:
        """Return whether a frame is done with."""
        try:
            os.write(self._descriptor, frame)
        except BlockingIOError:
            return False
        except OSError:
            self.dropped += 1
        return True

    def connectionLost(self, reason: Failure) -> None:
        """The device is gone."""
        super().connectionLost(reason)
        self.close()

    def close(self) -> None:
        """Let the device go."""
        if self._descriptor >= 0:
            self.stopReading()
            self.stopWriting()
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
            self.connected = 0
