"""How a member's cluster connection is, as administrators see it."""

from __future__ import annotations

import time

from attrs import frozen

TRYING = 47
"""The error number that is shown while a connection is being made (reference §10.2)."""


def wall_clock() -> int:
    """Return milliseconds since 1970, UTC."""
    return int(time.time() * 1000)


@frozen
class LinkStatus:
    """The facts of ClusterConnectionStatusGet (reference §10.2). Times are ms, 0 for never."""

    host: str
    port: int
    started: int
    online: bool = False
    address: str = ""
    last_error: int = TRYING
    last_sentence: str = ""
    first_connected: int = 0
    current_connected: int = 0
    tries: int = 0
    connected: int = 0

    @property
    def failed(self) -> int:
        """Attempts that did not end in a connection."""
        return self.tries - self.connected
