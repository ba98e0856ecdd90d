"""
What stands between a session and an embedder who wants frames: blocks in, frames out.

Not for devices, which take blocks as they are (:class:`iquila.interfaces.IBlockReceiver`).
"""

from __future__ import annotations

from zope.interface import implementer

from iquila.interfaces import IBlockReceiver, IFrameReceiver
from iquila.wire.blocks import Run
from iquila.wire.welcome import Welcome


@implementer(IBlockReceiver)
class FrameAdapter:
    """
    Cuts blocks into frames.

    :param receiver: gets them.
    """

    super_frames = False

    def __init__(self, receiver: IFrameReceiver) -> None:
        self._receiver = receiver

    def established(self, welcome: Welcome) -> None:
        """Pass it on."""
        self._receiver.established(welcome)

    def blocks_received(self, buffer: bytearray, runs: list[Run]) -> None:
        """Cut runs into frames."""
        frames: list[bytes] = []
        for start, end, _count, _key in runs:
            at = start
            while at < end:
                size = int.from_bytes(buffer[at : at + 4], "big")
                frames.append(bytes(buffer[at + 4 : at + 4 + size]))
                at += 4 + size
        self._receiver.frames_received(frames)

    def set_offload(self, on: bool) -> None:
        """Frames are ordinary always."""

    def set_congested(self, congested: bool) -> None:
        """What is sent too fast is queued, and dropped at the end of the queue."""

    def lost(self, reason: BaseException) -> None:
        """Pass it on."""
        self._receiver.lost(reason)


def block_receiver(receiver: object) -> IBlockReceiver:
    """Return a receiver of blocks for either kind of receiver."""
    if IBlockReceiver.providedBy(receiver):
        return receiver
    return FrameAdapter(receiver)  # type: ignore[arg-type]
