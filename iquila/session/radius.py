"""
Asking RADIUS servers over UDP: sockets, retransmission, servers in turn.

What is asked and what counts as a reply is :mod:`.radiuspacket`'s; who may come in is decided in
:mod:`iquila.service.radius`.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, ClassVar, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IHostResolution, IResolutionReceiver
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from zope.interface import implementer

from iquila.errors import ConnectFailed, ServerCannotAccept
from iquila.session.radiuspacket import BadReply, Reply, Request

MAX_WAITING = 1024
"""Questions of one client at a time; more are refused."""
IDENTIFIERS = 256
"""Requests that one socket can tell apart (RFC 2865 §3)."""
SULK_SECONDS = 60.0
"""How long a server that did not answer is asked after the others only."""
MAX_SULKING = 1024
MIN_RETRY, MAX_RETRY = 0.1, 10.0


class Question(Protocol):
    """What makes requests: a login or a report."""

    def request(self, identifier: int, secret: bytes) -> Request:
        """Return a packet with this identifier."""


@frozen
class Servers:
    """
    Whom to ask.

    :param hosts: names or addresses, in turn.
    :param retry: seconds between two transmissions of a request.
    :param timeout: seconds for all of it; each server has an equal part.
    """

    hosts: tuple[str, ...]
    port: int
    secret: bytes = field(repr=False)
    retry: float = 0.5
    timeout: float = 15.0


@define(eq=False)
class _Waiting:
    """A request that waits for its reply, and whether somebody was told of a bad one."""

    request: Request
    server: tuple[str, int]
    done: Deferred[Reply]
    complained: bool = False


class Socket(DatagramProtocol):
    """One UDP socket, with up to :data:`IDENTIFIERS` requests that wait for replies."""

    noisy = False
    _log: ClassVar[Logger] = Logger()

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting] = {}
        self._next = 0

    @property
    def full(self) -> bool:
        """Whether every identifier is in use."""
        return len(self._waiting) == IDENTIFIERS

    def begin(self, question: Question, server: tuple[str, int], secret: bytes) -> _Waiting:
        """Make a request with an identifier that is free."""
        while self._next in self._waiting:
            self._next = (self._next + 1) % IDENTIFIERS
        identifier, self._next = self._next, (self._next + 1) % IDENTIFIERS
        waiting = _Waiting(question.request(identifier, secret), server, Deferred())
        self._waiting[identifier] = waiting
        return waiting

    def send(self, waiting: _Waiting) -> None:
        """Send a request, for the first time or again: always the same bytes (RFC 5080 §2.2.1)."""
        if self.transport is None:
            return
        try:
            self.transport.write(waiting.request.data, waiting.server)
        except OSError as error:
            # As if it were lost on the way.
            self._log.debug("RADIUS server {server}: {error}", server=waiting.server, error=error)

    def end(self, waiting: _Waiting) -> None:
        """Free an identifier; what still comes for it is dropped."""
        self._waiting.pop(waiting.request.identifier, None)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        """Take a reply from the very server that was asked."""
        waiting = self._waiting.get(datagram[1]) if len(datagram) > 1 else None
        if waiting is None or waiting.done.called:
            return
        if (ip_address(addr[0].split("%")[0]), addr[1]) != (
            ip_address(waiting.server[0]),
            waiting.server[1],
        ):
            return
        try:
            reply = waiting.request.read(datagram)
        except BadReply as error:
            if not waiting.complained:
                waiting.complained = True
                self._log.warn(
                    "A reply of the RADIUS server {host} is dropped: {why}",
                    host=waiting.server[0],
                    why=str(error),
                )
            return
        waiting.done.callback(reply)


class RadiusClient:
    """
    Asks RADIUS servers.

    :param reactor: passed in: time, UDP and name resolution.
    :param limit: questions at a time.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: Any, limit: int = MAX_WAITING) -> None:
        self._reactor = reactor
        self._limit = limit
        self._sockets: dict[int, list[Socket]] = {4: [], 6: []}
        self._asking = 0
        self._attempts: set[Deferred[Reply]] = set()
        # Servers that did not answer last time, and until when they come after the others.
        self._sulking: dict[tuple[str, int], float] = {}

    def __len__(self) -> int:
        return self._asking

    async def ask(self, question: Question, servers: Servers) -> tuple[Reply, str]:
        """
        Ask the servers in turn; return the first reply, and whose it is.

        May be cancelled.

        :raises ServerCannotAccept: too many questions wait for their replies already.
        :raises ConnectFailed: no server replied in time.
        """
        if self._asking >= self._limit:
            raise ServerCannotAccept(
                "Too many logins wait for the RADIUS server: try again in a minute."
            )
        self._asking += 1
        try:
            hosts = self._in_turn(servers)
            for host in hosts:
                reply = await self._ask_one(question, host, servers, len(hosts))
                if reply is not None:
                    return reply, host
        finally:
            self._asking -= 1
        raise ConnectFailed("No RADIUS server replied: check its address, port and secret.")

    def _in_turn(self, servers: Servers) -> list[str]:
        now = self._reactor.seconds()
        return sorted(
            servers.hosts, key=lambda host: self._sulking.get((host, servers.port), 0.0) > now
        )

    async def _ask_one(
        self, question: Question, host: str, servers: Servers, parts: int
    ) -> Reply | None:
        """Ask one server for its part of the time; None if it did not reply."""
        attempt = Deferred.fromCoroutine(self._exchange(question, host, servers))
        attempt.addTimeout(servers.timeout / parts, self._reactor)
        self._attempts.add(attempt)
        try:
            reply = await attempt
        except TimeoutError:
            self._log.warn(
                "The RADIUS server {host}:{port} did not reply", host=host, port=servers.port
            )
        except (OSError, CannotListenError) as error:
            self._log.warn("The RADIUS server {host}: {error}", host=host, error=error)
        else:
            self._sulking.pop((host, servers.port), None)
            return reply
        finally:
            self._attempts.discard(attempt)
        while len(self._sulking) >= MAX_SULKING:
            del self._sulking[next(iter(self._sulking))]
        self._sulking[host, servers.port] = self._reactor.seconds() + SULK_SECONDS
        return None

    async def _exchange(self, question: Question, host: str, servers: Servers) -> Reply:
        address = await resolve(self._reactor, host)
        socket = self._socket(ip_address(address).version)
        waiting = socket.begin(question, (address, servers.port), servers.secret)
        again = LoopingCall(socket.send, waiting)
        again.clock = self._reactor
        again.start(min(max(servers.retry, MIN_RETRY), MAX_RETRY))
        try:
            return await waiting.done
        finally:
            if again.running:
                again.stop()
            socket.end(waiting)

    def _socket(self, version: int) -> Socket:
        """Return a socket with a free identifier; a new one where all are full."""
        sockets = self._sockets[version]
        for socket in sockets:
            if not socket.full:
                return socket
        socket = Socket()
        self._reactor.listenUDP(0, socket, interface="::" if version == 6 else "")
        sockets.append(socket)
        return socket

    async def close(self) -> None:
        """Cancel what is asked, and close the sockets; nothing may be asked any more."""
        self._limit = 0
        for attempt in list(self._attempts):
            attempt.cancel()
        for socket in [*self._sockets[4], *self._sockets[6]]:
            if socket.transport is not None:
                stopped = socket.transport.stopListening()
                if stopped is not None:
                    await stopped
        self._sockets = {4: [], 6: []}


@implementer(IResolutionReceiver)
class _First:
    """Takes the first address of a name."""

    def __init__(self, done: Deferred[str]) -> None:
        self._done = done
        self._found = ""

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Wait."""

    def addressResolved(self, address: Any) -> None:
        """Keep the first."""
        self._found = self._found or address.host.split("%")[0]

    def resolutionComplete(self) -> None:
        """Tell."""
        if self._found:
            self._done.callback(self._found)
        else:
            self._done.errback(OSError("its name has no address"))


async def resolve(reactor: Any, host: str) -> str:
    """
    Return an address of a host as an IP literal.

    :raises OSError: it has none.
    """
    try:
        return str(ip_address(host))
    except ValueError:
        found: Deferred[str] = Deferred()
        reactor.nameResolver.resolveHostName(_First(found), host)
        return await found
