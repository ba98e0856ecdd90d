"""
Keeps Python's cycle collector from stopping a server for long.

A full collection looks at every object: with ten thousand sessions that takes hundreds of
milliseconds, in which no frame moves. So what is alive at the start is never looked at again,
young objects are looked at in small numbers, and a full collection is a rare event. Nothing
needs one often: sessions and connections that end leave no cycles behind.

For processes that are servers and nothing else; an embedder has a policy of its own.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

YOUNG = 1000
"""New objects after which the young ones are looked at: some tenths of a millisecond's work."""
MIDDLE = 2
"""How many such collections until their survivors are looked at once more."""
NEVER = 1_000_000_000
FULL_SECONDS = 6 * 3600.0
"""Seconds between two full collections, for cycles that nobody knows of."""


class Collector(Service):
    """
    Sets the collector up while it runs.

    :param clock: `IReactorTime`.
    """

    def __init__(self, clock: Any) -> None:
        self._before = gc.get_threshold()
        self._loop = LoopingCall(gc.collect)
        self._loop.clock = clock

    def startService(self) -> None:
        """Take what is there as permanent, and collect in small steps from now on."""
        super().startService()
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)
        self._loop.start(FULL_SECONDS, now=False)

    def stopService(self) -> None:
        """Leave the collector as it was found."""
        super().stopService()
        self._loop.stop()
        gc.set_threshold(*self._before)
        gc.unfreeze()
