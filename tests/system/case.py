"""The base class of system tests: a network of its own per test, removed whatever happens."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .network import Network


class NetworkTestCase(SynchronousTestCase):
    """A test with hosts; its :meth:`setUp` first calls what it needs from ``requirements``."""

    def make_network(self) -> Network:
        """Return an empty network that is removed after the test."""
        network = Network(Path(self.mktemp()).resolve())
        self.addCleanup(network.close)
        return network
