"""
Sends something to a host on the Internet now and then, for lines that are cut when idle.

Off unless an administrator asks for it. One attempt at a time, with a deadline; what fails is
logged once, not each time.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from iquila.database.keep import KeepAlive

ATTEMPT_SECONDS = 4.0
"""Time for one attempt; less than the shortest interval."""
DATAGRAM_BYTES = 32


class _Quiet(Factory):
    noisy = False


class _QuietDatagrams(DatagramProtocol):
    noisy = False


class KeepAliveSender:
    """
    The sender of one server.

    :param reactor: `IReactorTime`, `IReactorTCP`, `IReactorUDP`, `IReactorPluggableNameResolver`.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._loop: LoopingCall | None = None
        self._settings = KeepAlive()
        self._attempt: Deferred[None] | None = None
        self._failing = False

    def apply(self, settings: KeepAlive) -> None:
        """Begin, change or end as the settings say."""
        self.stop()
        self._settings, self._failing = settings, False
        if settings.enabled:
            self._loop = LoopingCall(self._send)
            self._loop.clock = self._reactor
            self._loop.start(settings.interval, now=True)

    def stop(self) -> None:
        """Send nothing more."""
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        self._loop = None
        if self._attempt is not None:
            self._attempt.cancel()

    def _send(self) -> None:
        if self._attempt is not None:
            return
        settings = self._settings
        attempt = self._attempt = Deferred.fromCoroutine(
            self._by_tcp(settings) if settings.tcp else self._by_udp(settings)
        )
        attempt.addTimeout(ATTEMPT_SECONDS, self._reactor)
        attempt.addBoth(self._done)

    def _done(self, result: Any) -> None:
        self._attempt = None
        failed = result is not None
        if failed and not self._failing and self._loop is not None:
            self._log.warn(
                "The keep-alive to {host}:{port} does not come off: {why}",
                host=self._settings.host,
                port=self._settings.port,
                why=result.getErrorMessage(),
            )
        self._failing = failed

    async def _by_tcp(self, settings: KeepAlive) -> None:
        endpoint = HostnameEndpoint(
            self._reactor, settings.host, settings.port, timeout=ATTEMPT_SECONDS
        )
        protocol: Any = await endpoint.connect(_Quiet.forProtocol(Protocol))
        protocol.transport.loseConnection()

    async def _by_udp(self, settings: KeepAlive) -> None:
        address = await self._reactor.resolve(settings.host)
        port = self._reactor.listenUDP(0, _QuietDatagrams())
        try:
            port.write(os.urandom(DATAGRAM_BYTES), (address, settings.port))
        finally:
            await port.stopListening()
