"""
Writes queued blocks once per turn of the reactor, however many frames queued them.

One small TLS write per port and frame costs eleven times one write of sixteen frames
(data-path §6), so a flood only marks its ports and this flushes them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iquila.session.connection import BlockConnection


class Flusher:
    """The connections that have something queued, for one process or server."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._dirty: list[BlockConnection] = []

    def mark(self, connection: BlockConnection) -> None:
        """Have `connection` flushed at the end of this turn."""
        if connection.dirty:
            return
        connection.dirty = True
        if not self._dirty:
            self._clock.callLater(0, self._flush)
        self._dirty.append(connection)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()
