"""The setting of a server's keep-alive to a host on the Internet; never replicated."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from iquila.database.record import Record

MIN_INTERVAL, DEFAULT_INTERVAL, MAX_INTERVAL = 5, 50, 600
"""Seconds."""


@frozen
class KeepAlive(Record):
    """
    Where a server sends something now and then, so that its line stays up.

    :ivar tcp: a TCP connection, else a UDP datagram.
    :ivar interval: seconds.
    """

    kind_name: ClassVar[str] = "keep"
    enabled: bool = False
    host: str = ""
    port: int = 80
    tcp: bool = False
    interval: int = DEFAULT_INTERVAL

    @property
    def key(self) -> str:
        """There is one only."""
        return "keep"
