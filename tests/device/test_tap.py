"""TAP devices: what can be told without one. Frames through them are in the system tests."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from iquila.device import tap
from iquila.device.tap import TAPDevice
from iquila.errors import ConfigurationError


class RefusalTests(SynchronousTestCase):
    """Devices that cannot be had."""

    def device(self, name: str) -> TAPDevice:
        """Open a device."""
        return TAPDevice(MemoryReactor(), name, lambda *_blocks: None)

    def test_names(self) -> None:
        """1 to 15 plain characters."""
        for name in ("", "x" * 16, "a/b", "\u00e9"):
            error = self.assertRaises(ConfigurationError, self.device, name)
            self.assertIn("15", str(error))

    def test_no_tun(self) -> None:
        """A machine without TAP devices is told so, in a sentence."""
        self.patch(tap, "TUN", self.mktemp())
        error = self.assertRaises(ConfigurationError, self.device, "vpn0")
        self.assertIn("TAP devices cannot be used", str(error))
