"""
The client's end of a VEN session, and the service that keeps one up.

An embedder gives an `IFrameReceiver` and gets frames and session events; it sends frames with
:meth:`VENClient.send`. A device gives an `IBlockReceiver` and sends with
:meth:`VENClient.send_blocks`. Devices themselves are not known here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from attrs import frozen
from twisted.application.internet import ClientService
from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from iquila.errors import ConnectFailed, Disconnected, IquilaError, SessionTimedOut, WrongTransport
from iquila.interfaces import IBlockReceiver, IFrameReceiver
from iquila.session.account import Account, RetryPolicy
from iquila.session.connection import BlockConnection, sides
from iquila.session.flusher import Flusher
from iquila.session.login import Admission, LoginAttempt, Server, open_additional
from iquila.session.opener import Opener
from iquila.session.receiver import block_receiver
from iquila.session.tunnel import State, Tunnel
from iquila.wire.additional import Direction
from iquila.wire.blocks import MAX_FRAME, MIN_FRAME, Run, block
from iquila.wire.hello import Hello
from iquila.wire.scan import scan
from iquila.wire.superframe import read_offload_message
from iquila.wire.welcome import Welcome

TICK = 0.5
"""Seconds between two looks at the clock."""


class ClientSession(Tunnel):
    """
    A session at its client; also the transport of the :class:`ClientService` protocol.

    :param receiver: gets the frames.
    :param lost: called once with the reason when the session is over.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, reactor: Any, flusher: Flusher, admission: Admission, receiver: IBlockReceiver
    ) -> None:
        welcome = admission.welcome
        super().__init__(
            reactor,
            flusher,
            timeout=welcome.timeout / 1000,
            max_connections=max(1, welcome.max_connection),
            super_frames=welcome.super_frames and receiver.super_frames,
        )
        self.welcome: Welcome = welcome
        self.server: Server = admission.server
        self.hello: Hello | None = admission.hello
        self._receiver = receiver
        self._reactor = reactor
        self._opener = Opener(reactor, self._wants_more, self._open_one)
        self._reason: IquilaError | None = None
        self.protocol: IProtocol | None = None
        self.started = self.now()
        self._loop = LoopingCall(self._tick)
        self._loop.clock = reactor

    def open(self, admission: Admission) -> None:
        """Start the data phase on the connection that logged in."""
        half = self.welcome.half_connection
        direction = Direction.CLIENT_TO_SERVER if half else Direction.BOTH
        admission.dialogue.hand_over(self._connection(direction))
        self._loop.start(TICK, now=False)
        self._opener.look()

    def _connection(self, direction: Direction) -> BlockConnection:
        receives, sends = sides(direction, server=False)
        return BlockConnection(self, receives=receives, sends=sends)

    # -- frames

    def send(self, frames: Iterable[bytes]) -> int:
        """Send Ethernet frames (14..1600 bytes); return how many were taken."""
        good = [f for f in frames if MIN_FRAME <= len(f) <= MAX_FRAME]
        if not good:
            return 0
        if self.max_connections == 1:
            self.queue_blocks(b"".join(map(block, good)), len(good))
        else:
            for frame in good:
                self.queue_blocks(block(frame), 1)
        return len(good)

    def send_blocks(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """
        Send whole blocks from the caller's buffer, without a copy where the socket takes them.

        Uses the four bytes before `start` while it runs.
        """
        if self.max_connections == 1:
            self.lane(b"").send_run(buffer, start, end, count)
            return
        runs: list[Run] = []
        scan(buffer, start, end, count, True, runs)
        for first, last, number, key in runs:
            self.lane(key).send_run(buffer, first, last, number)

    def runs_received(self, buffer: bytearray, runs: list[Run]) -> None:
        """Hand runs to the receiver."""
        self._receiver.blocks_received(buffer, runs)

    def control_received(self, payload: bytes) -> None:
        """Begin or stop to send super-frames; all else is for the tunnel."""
        super().control_received(payload)
        on = read_offload_message(payload)
        if on is not None and self.super_frames:
            self._receiver.set_offload(on)

    def congestion_changed(self) -> None:
        """Let the receiver send no faster than the connections take it."""
        self._receiver.set_congested(self.congested)

    # -- more connections, and lost ones replaced

    def _tick(self) -> None:
        self.check(self.now())
        self._opener.look()

    def detached(self, connection: BlockConnection, *, clean: bool = False) -> None:
        """Forget a lost connection, and ask at once for another to go on with."""
        known = connection in self.connections
        super().detached(connection, clean=clean)
        if known:
            self._opener.lost()

    def _wants_more(self) -> bool:
        return self.state is not State.ENDED and len(self.connections) < self.max_connections

    async def _open_one(self) -> bool:
        try:
            dialogue, answer = await open_additional(
                self._reactor, self.server, self.welcome.session_key
            )
        except (SessionTimedOut, WrongTransport) as error:
            # The server has forgotten the session: the only way on is a new login.
            self._over(error)
            return False
        except ConnectFailed as error:
            if not self.connections:
                # Nobody listens there any more: the member is gone, and another one takes
                # over as soon as we ask the controller.
                self._over(error)
            return False
        except IquilaError as error:
            self._log.info("One more connection was refused: {error}", error=error)
            return False
        if self.state is State.ENDED:
            dialogue.close()
            return False
        dialogue.hand_over(self._connection(answer.direction))
        return True

    # -- the end

    def timed_out(self) -> None:
        """Nothing was heard from the server for the whole time-out."""
        self._over(SessionTimedOut())

    def _over(self, reason: IquilaError) -> None:
        self._reason = reason
        self.end()

    def end(self) -> None:
        """End the session and tell the service."""
        if self.state is State.ENDED:
            return
        super().end()
        if self._loop.running:
            self._loop.stop()
        self._opener.stop()
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(Failure(self._reason or ConnectionDone()))

    def loseConnection(self) -> None:
        """End the session, as a transport is asked to."""
        self.end()

    abortConnection = loseConnection


class _SessionProtocol(Protocol):
    """What `ClientService` sees of a session: that it was made, and that it was lost."""

    def __init__(self, client: VENClient) -> None:
        self._client = client

    def connectionMade(self) -> None:
        session: Any = self.transport
        self._client.established(session)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        self._client.lost(reason)


class _SessionFactory(Factory):
    noisy = False

    def __init__(self, client: VENClient) -> None:
        self._client = client

    def buildProtocol(self, addr: Any) -> Any:
        return _SessionProtocol(self._client)


@frozen(eq=False)
@implementer(IStreamClientEndpoint)
class SessionEndpoint:
    """An endpoint whose connections are whole VEN sessions."""

    client: VENClient
    _log: ClassVar[Logger] = Logger()

    def __repr__(self) -> str:
        return f"{self.client.account.host}:{self.client.account.port}"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Log in, following redirects.

        :raises VENError: why not.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        client = self.client
        attempt = LoginAttempt(
            client.reactor,
            client.account,
            client.unique_id,
            super_frames=client.receiver.super_frames,
        )
        try:
            admission = await attempt.run(client.next_server())
            session = ClientSession(client.reactor, client.flusher, admission, client.receiver)
            protocol = factory.buildProtocol(None)  # type: ignore[arg-type]
            if protocol is None:
                admission.dialogue.close()
                raise Disconnected
            session.open(admission)
        except IquilaError as error:
            client.refused(error)
            raise
        except CancelledError:
            # The service stops, or gave up waiting.
            raise
        except Exception:
            self._log.failure("A login attempt failed in an unexpected way")
            raise
        session.protocol = protocol
        protocol.makeConnection(session)  # type: ignore[arg-type]
        return protocol


class VENClient(MultiService):
    """
    Keeps one VEN session up for as long as it runs.

    :param reactor: passed in, never imported.
    :param receiver: `IFrameReceiver` or `IBlockReceiver`, told of what arrives, of each session
        and of each loss.
    :param refusal: called with the error of each login attempt that fails.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        reactor: Any,
        account: Account,
        receiver: IFrameReceiver | IBlockReceiver,
        retry_policy: RetryPolicy | None = None,
        refusal: Callable[[IquilaError], object] = lambda _error: None,
    ) -> None:
        super().__init__()
        self.reactor = reactor
        self.account = account
        self.receiver = block_receiver(receiver)
        self.flusher = Flusher(reactor)
        self.unique_id = os.urandom(20)
        self.session: ClientSession | None = None
        self.attempts = 0
        self.last_refusal: IquilaError | None = None
        self._refusal = refusal
        self._retry = retry_policy or RetryPolicy()
        self._service = ClientService(
            SessionEndpoint(self),
            _SessionFactory(self),
            retryPolicy=self._retry,
            clock=reactor,
        )
        self._service.setServiceParent(self)

    def when_connected(self, fail_after: int | None = None) -> Deferred[Any]:
        """Return a Deferred that fires when there is a session (fails after so many tries)."""
        return self._service.whenConnected(failAfterFailures=fail_after)

    def send(self, frames: Iterable[bytes]) -> int:
        """Send frames; return how many were taken (0 while there is no session)."""
        if self.session is None:
            return 0
        return self.session.send(frames)

    def send_blocks(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Send blocks (:meth:`ClientSession.send_blocks`); lost while there is no session."""
        if self.session is not None:
            self.session.send_blocks(buffer, start, end, count)

    def next_server(self) -> Server:
        """Return the server to log in at: the account's, then its alternatives in turn."""
        account = self.account
        servers = [(account.host, account.port), *account.alternatives]
        host, port = servers[self.attempts % len(servers)]
        self.attempts += 1
        return Server(host, port, account.verification)

    def established(self, session: ClientSession) -> None:
        """Note a new session and tell the embedder."""
        self.session = session
        self.attempts = 0
        self.last_refusal = None
        self._log.info(
            "Session {name} is open at {host}:{port}",
            name=session.welcome.session_name,
            host=session.server.host,
            port=session.server.port,
        )
        self.receiver.established(session.welcome)

    def lost(self, reason: Failure) -> None:
        """Note a lost session and tell the embedder."""
        session, self.session = self.session, None
        if session is None:
            return
        self._retry.session_ended(session.now() - session.started)
        self._log.info("The session is lost: {reason}", reason=reason.getErrorMessage())
        self.receiver.lost(reason.value)

    def refused(self, error: IquilaError) -> None:
        """Note why a login attempt failed."""
        if str(error) != str(self.last_refusal):
            self._log.warn("No session: {error}", error=error)
        self.last_refusal = error
        self._refusal(error)
