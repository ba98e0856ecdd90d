"""A VEN client joined to a TAP device: this machine on a Virtual Switch."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.application.service import MultiService
from twisted.logger import Logger
from zope.interface import implementer

from iquila.device.tap import TAPDevice
from iquila.interfaces import IFrameReceiver
from iquila.session.account import Account
from iquila.session.client import VENClient
from iquila.wire.welcome import Welcome


@implementer(IFrameReceiver)
class TAPClient(MultiService):
    """
    Keeps a session up, and carries frames between it and a TAP device.

    :param device: the name of the device.
    :raises ConfigurationError: the device cannot be had.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: Any, account: Account, device: str) -> None:
        super().__init__()
        self.client = VENClient(reactor, account, self)
        self.client.setServiceParent(self)
        self._device = TAPDevice(reactor, device, self.client.send)

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
        self._log.info("Frames flow through {device}", device=self._device.name)

    def frames_received(self, frames: list[bytes]) -> None:
        """Give frames to this machine."""
        self._device.send(frames)

    def lost(self, reason: BaseException) -> None:
        """The session is over; the client goes on trying."""
