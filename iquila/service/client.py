"""A VEN client joined to a TAP device: this machine on a Virtual Switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.application.service import MultiService
from twisted.logger import Logger
from zope.interface import implementer

from iquila.device.tap import TAPDevice
from iquila.errors import IquilaError
from iquila.interfaces import IBlockReceiver
from iquila.session.account import Account, RetryPolicy
from iquila.session.client import VENClient
from iquila.wire.blocks import Run
from iquila.wire.welcome import Welcome


def ignore(*_anything: object) -> None:
    """Do nothing."""


@implementer(IBlockReceiver)
class DeviceClient(MultiService):
    """
    Keeps a session up, and carries frames between it and a device that is there already.

    :param refusal: called with the error of each login attempt that fails.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        account: Account,
        device: TAPDevice,
        retry_policy: RetryPolicy | None = None,
        refusal: Callable[[IquilaError], object] = ignore,
    ) -> None:
        super().__init__()
        self.super_frames = device.super_frames
        self.client = VENClient(reactor, account, self, retry_policy, refusal)
        self.client.setServiceParent(self)
        self._device = device

    def startService(self) -> None:
        """Begin to carry frames."""
        super().startService()
        self._device.received = self.send_blocks

    def stopService(self) -> Any:
        """End the session, and leave the device to others."""
        self._device.received = ignore
        self._calm()
        return super().stopService()

    def _calm(self) -> None:
        self._device.set_offload(False)
        self._device.set_congested(False)

    def established(self, welcome: Welcome) -> None:
        """A session is open."""
        self._log.info(
            "{kind} flow through {device}",
            kind="Super-frames" if welcome.super_frames else "Frames",
            device=self._device.name,
        )

    def send_blocks(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Send the machine's frames."""
        self.client.send_blocks(buffer, start, end, count)

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
        self._calm()


class TAPClient(DeviceClient):
    """
    The same with a device of its own.

    :param device: the name of the device.
    :param super_frames: whether super-frames may be used where the server takes them.
    :raises ConfigurationError: the device cannot be had.
    """

    def __init__(
        self, reactor: Any, account: Account, device: str, *, super_frames: bool = True
    ) -> None:
        made = TAPDevice(reactor, device, ignore, super_frames=super_frames)
        super().__init__(reactor, account, made)

    def startService(self) -> None:
        """Begin to carry frames."""
        super().startService()
        # The client's own method: one step less for every batch of frames.
        self._device.received = self.client.send_blocks
        self._device.start()

    def stopService(self) -> Any:
        """End the session, and let the device go."""
        self._device.close()
        return super().stopService()
