"""Syslog: events as RFC 5424 messages over UDP (RFC 5426). Nothing is sent twice or waited for."""

from __future__ import annotations

import ipaddress
import os
import re
import time
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

FACILITY = 16
"""local0"""
LONGEST = 8192
"""Bytes of a message; longer ones are left out."""
RESOLVE_AGAIN = 300.0
"""Seconds after which the address of a host is looked up anew."""
_UNPRINTABLE = re.compile(r"[^!-~]")


def message(moment: float, host: str, log: str, severity: int, text: bytes) -> bytes:
    """
    Return a message: the log is its MSGID, the text (JSON, UTF-8) its content.

    :param moment: seconds since 1970.
    :param severity: 3 error, 4 warning, 6 information.
    """
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    milliseconds = int(moment * 1000) % 1000
    name = _UNPRINTABLE.sub("", host)[:255] or "-"
    head = (
        f"<{FACILITY * 8 + severity}>1 {when}.{milliseconds:03d}Z {name} iquila {os.getpid()} "
        f"{log} - "
    )
    return head.encode() + text


class SyslogSender(DatagramProtocol):
    """
    Sends messages to one host.

    :param reactor: `IReactorUDP`, `IReactorTime`, and with `resolve`.
    :param host: a name or an address.
    """

    _log: ClassVar[Logger] = Logger()
    noisy = False

    def __init__(self, reactor: Any, host: str, port: int) -> None:
        self._reactor = reactor
        self._host = host
        self._port = port
        self._address: str | None = None
        self._asked = float("-inf")
        self._asking = False
        self._failed = False
        self._listening: Any = None
        self.lost = 0
        """Messages that were not sent."""

    def start(self) -> None:
        """Begin."""
        interface = ""
        try:
            address = ipaddress.ip_address(self._host)
            self._address, self._asked = str(address), float("inf")
            interface = "::" if address.version == 6 else ""
        except ValueError:
            self._look_up()
        self._listening = self._reactor.listenUDP(0, self, interface=interface)

    def stop(self) -> None:
        """End."""
        if self._listening is not None:
            self._listening.stopListening()
            self._listening = None

    def send(self, data: bytes) -> None:
        """Send a message, or lose it: the host is not known yet, or the message is too long."""
        if self._reactor.seconds() - self._asked >= RESOLVE_AGAIN:
            self._look_up()
        if self._address is None or self.transport is None or len(data) > LONGEST:
            self.lost += 1
            return
        try:
            self.transport.write(data, (self._address, self._port))
        except OSError:
            self.lost += 1

    def _look_up(self) -> None:
        if self._asking:
            return
        self._asking = True
        self._asked = float(self._reactor.seconds())
        found: Deferred[str] = self._reactor.resolve(self._host)
        found.addCallbacks(self._resolved, self._unknown)

    def _resolved(self, address: str) -> None:
        self._asking = self._failed = False
        self._address = address

    def _unknown(self, failure: Any) -> None:
        self._asking = False
        if not self._failed:
            self._failed = True
            why = failure.getErrorMessage()
            self._log.warn("The syslog host {host}: {why}", host=self._host, why=why)
