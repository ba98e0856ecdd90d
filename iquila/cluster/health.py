"""When is a silent peer suspect, when dead?"""

from __future__ import annotations

from enum import Enum

INTERVAL = 1.0
"""Seconds between two signs of life."""
SUSPECT = 3.0
DEAD = 6.0


class Health(Enum):
    """What silence says of a peer."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"


class Heartbeat:
    """
    The silence of one peer. All times are monotonic seconds.

    :param now: when it was heard first.
    """

    def __init__(self, now: float, suspect: float = SUSPECT, dead: float = DEAD) -> None:
        self._suspect = suspect
        self._dead = dead
        self.last = now

    def heard(self, now: float) -> None:
        """The peer gave a sign of life."""
        self.last = now

    def state(self, now: float) -> Health:
        """Return what is thought of the peer."""
        silence = now - self.last
        if silence >= self._dead:
            return Health.DEAD
        return Health.SUSPECT if silence >= self._suspect else Health.ALIVE
