"""A VEN client joined to a TAP device: this machine on a Virtual Switch."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.application.service import MultiService
from twisted.logger import Logger
from zope.interface import implementer

from iquila.device.tap import TAPDevice
from iquila.interfaces import IBlockReceiver
from iquila.session.account import Account
from iquila.session.client import VENClient
from iquila.wire.blocks import Run
from iquila.wire.welcome import Welcome


@implementer(IBlockReceiver)
class TAPClient(MultiService):
    """
    Keeps a session up, and carries frames between it and a TAP device.

    :param device: the name of the device.
    :param super_frames: whether super-frames may be used where the server takes them.
    :raises ConfigurationError: the device cannot be had.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, reactor: Any, account: Account, device: str, *, super_frames: bool = True
    ) -> None:
        super().__init__()
        self.super_frames = super_frames
        self.client = VENClient(reactor, account, self)
        self.client.setServiceParent(self)
        self._device = TAPDevice(
            reactor, device, self.client.send_blocks, super_frames=super_frames
        )

    def startService(self) -> None:
        """Begin to carry frames."""
        super().startService()
        self._device.start()

    def stopService(self) -> Any:
        """End the session, and let the device go."""
        self._device.close()
        return super().stopService()

    def established(self, welcome: Welcome) -> None:
        """A session is open."""
        self._log.info(
            "{kind} flow through {device}",
            kind="Super-frames" if welcome.super_frames else "Frames",
            device=self._device.name,
        )

    def blocks_received(self, buffer: bytearray, runs: list[Run]) -> None:
        """Give frames to this machine."""
        first = last = 0
        for start, end, _count, _key in runs:
            if start != last:
                if first != last:
                    self._device.send_blocks(buffer, first, last)
                first = start
            last = end
        if first != last:
            self._device.send_blocks(buffer, first, last)

    def set_offload(self, on: bool) -> None:
        """Have this machine make super-frames, or ordinary ones."""
        self._device.set_offload(on)

    def set_congested(self, congested: bool) -> None:
        """Let this machine wait."""
        self._device.set_congested(congested)

    def lost(self, reason: BaseException) -> None:
        """The session is over; the client goes on trying."""
        self._device.set_offload(False)
        self._device.set_congested(False)
