"""The two kinds of embedders as clients that send what they are told and check what they get."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from iquila.interfaces import IBlockReceiver, IFrameReceiver
from iquila.session.account import Account
from iquila.session.client import VENClient
from iquila.wire.blocks import Run

from .frames import HEADROOM, Sink, Source


class Station:
    """
    What both kinds share.

    :param sink: checks what arrives.
    """

    super_frames = False

    def __init__(self, reactor: Any, account: Account, sink: Sink) -> None:
        self.sink = sink
        self.sessions = 0
        """How many sessions there were."""
        self.offload = False
        """Whether super-frames may be sent."""
        self.client = VENClient(reactor, account, self)  # type: ignore[arg-type]

    @property
    def congested(self) -> bool:
        """Whether to wait with frames."""
        return self.client.session is None or self.client.session.congested

    def established(self, welcome: object) -> None:
        """A session is open."""
        self.sessions += 1

    def lost(self, reason: BaseException) -> None:
        """It is over; there must be no second one."""

    def send(self, source: Source, size: int) -> None:
        """Send frames of about `size` bytes."""
        raise NotImplementedError


@implementer(IBlockReceiver)
class BlockStation(Station):
    """Sends and takes blocks, as a device does."""

    def __init__(self, reactor: Any, account: Account, sink: Sink, super_frames: bool) -> None:
        self.super_frames = super_frames
        self._congested = False
        super().__init__(reactor, account, sink)

    @property
    def congested(self) -> bool:
        """What it was told."""
        return self._congested

    def blocks_received(self, buffer: bytearray, runs: list[Run]) -> None:
        """Check."""
        self.sink.blocks(buffer, runs)

    def set_offload(self, on: bool) -> None:
        """Note that super-frames may be sent."""
        self.offload = on

    def set_congested(self, congested: bool) -> None:
        """Wait, or go on."""
        self._congested = congested

    def send(self, source: Source, size: int) -> None:
        """Send blocks from a buffer."""
        buffer, end, count = source.batch(size)
        self.client.send_blocks(buffer, HEADROOM, end, count)


@implementer(IFrameReceiver)
class FrameStation(Station):
    """Sends and takes frames; nobody tells it to wait, but it can look."""

    def frames_received(self, frames: list[bytes]) -> None:
        """Check."""
        self.sink.ordinary(frames)

    def send(self, source: Source, size: int) -> None:
        """Send frames."""
        self.client.send(source.ordinary(size))
