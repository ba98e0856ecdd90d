"""The member's end of the cluster connection, kept up for as long as the member runs."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar, cast

from attrs import evolve
from twisted.application.internet import ClientService
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from iquila.cluster.challenge import (
    NONCE_SIZE,
    Transcript,
    controller_proof,
    holds,
    identity_statement,
    member_proof,
    nonce,
    renewal_statement,
)
from iquila.errors import (
    AccessDenied,
    ControllerConnectFailed,
    Disconnected,
    IquilaError,
    VENError,
)
from iquila.link.answers import MemberHandler, MemberLocator
from iquila.link.commands import (
    VERSION,
    Describe,
    Hello,
    Join,
    Leave,
    MemberFacts,
    Report,
)
from iquila.link.protocol import LinkProtocol
from iquila.link.replication import Replica
from iquila.link.status import TRYING, LinkStatus, wall_clock

REPORT_INTERVAL = 1.0
REPORT_SOON = 0.1
LEAVE_SECONDS = 1.0
DESCRIBE_RETRY = 10.0
"""Seconds after which the controller is told again what it did not take."""
BRIEF = 5.0
"""A connection shorter than this is not followed by another one at once."""


class MemberLink(MultiService):
    """
    Keeps a member joined to its controller.

    :param endpoint: leads to the controller, over TLS.
    :param clock: `IReactorTime`.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        handler: MemberHandler,
        endpoint: IStreamClientEndpoint,
        clock: Any,
        host: str,
        port: int,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        super().__init__()
        self._handler = handler
        self._clock = clock
        self._uniform = uniform
        self._replica = Replica(handler.replica)
        self.status = LinkStatus(host, port, wall_clock())
        self._endpoint = endpoint
        self._protocol: LinkProtocol | None = None
        self._told: Any = None
        """The facts that the controller knows."""
        self._describe_at = 0.0
        self._watcher: IProtocol | None = None
        """What `ClientService` hears of the connection by."""
        self._reports = LoopingCall(self._report)
        self._reports.clock = clock
        self._soon: Any = None
        self._last_report = 0.0
        self._joined_at = float("-inf")
        self._service = ClientService(
            _JoinedEndpoint(self),
            Factory.forProtocol(Protocol),
            retryPolicy=self._delay,
            clock=clock,
        )
        self._service.setServiceParent(self)

    def _build(self) -> LinkProtocol:
        return LinkProtocol(MemberLocator(self._handler, self._replica), self._clock, self._closed)

    def _delay(self, failures: int) -> float:
        # Two members of one id push each other out: that must not become a tight loop.
        brief = self._clock.seconds() - self._joined_at < BRIEF
        return 0.0 if failures <= 1 and not brief else self._uniform(1.0, 3.0)

    # -- joining

    async def connect(self, watchers: IProtocolFactory) -> IProtocol:
        """
        Connect to the controller and join it.

        :raises VENError: why not.
        """
        self.status = evolve(self.status, tries=self.status.tries + 1, last_error=TRYING)
        try:
            protocol = cast(
                LinkProtocol, await self._endpoint.connect(Factory.forProtocol(self._build))
            )
            try:
                await self._shake_hands(protocol)
            except BaseException:
                protocol.close()
                raise
        except IquilaError as error:
            self.failed(error)
            raise
        watcher = cast(IProtocol, watchers.buildProtocol(None))  # type: ignore[arg-type]
        transport: Any = protocol.transport
        watcher.makeConnection(transport)
        self._watcher = watcher
        self._joined(protocol)
        return watcher

    def failed(self, error: IquilaError) -> None:
        """Note why an attempt failed."""
        code = error.code if isinstance(error, VENError) else ControllerConnectFailed.code
        sentence = str(error)
        if sentence != self.status.last_sentence:
            self._log.warn("The controller was not joined: {error}", error=sentence)
        self.status = evolve(self.status, last_error=code, last_sentence=sentence)

    async def _shake_hands(self, protocol: LinkProtocol) -> None:
        own = nonce()
        answer = await protocol.call(Hello, version=VERSION, nonce=own)
        if len(answer["nonce"]) != NONCE_SIZE or answer["nonce"] == own:
            raise AccessDenied("The controller's greeting is not one of the protocol.")
        transcript = Transcript(answer["nonce"], own, protocol.channel_binding())
        password = self._handler.password_hash()
        facts, statement = self._handler.facts(), identity_statement(transcript)
        answer = await protocol.call(
            Join,
            proof=member_proof(password, transcript),
            facts=facts,
            signature=self._handler.sign(statement),
            previous=self._handler.sign_previous(statement) if facts.previous else None,
        )
        if not holds(answer["proof"], controller_proof(password, transcript)):
            raise AccessDenied(
                "The server at the controller's address does not know the administration "
                "password: somebody may be in the middle."
            )
        if protocol.transport is None:
            raise Disconnected
        self._told = facts

    def _joined(self, protocol: LinkProtocol) -> None:
        now = wall_clock()
        self._joined_at = self._clock.seconds()
        self._protocol = protocol
        self.status = evolve(
            self.status,
            online=True,
            address=protocol.peer,
            last_error=0,
            last_sentence="",
            first_connected=self.status.first_connected or now,
            current_connected=now,
            connected=self.status.connected + 1,
        )
        protocol.joined()
        self._log.info(
            "Joined the controller {host}:{port}", host=self.status.host, port=self.status.port
        )
        self._handler.online()
        self._reports.start(REPORT_INTERVAL, now=True)
        self._handler.known_by(self._told)

    def _closed(self, protocol: LinkProtocol, reason: Failure) -> None:
        if protocol is not self._protocol:
            return
        self._protocol = None
        if self._reports.running:
            self._reports.stop()
        if self._soon is not None and self._soon.active():
            self._soon.cancel()
        self.status = evolve(
            self.status,
            online=False,
            last_error=Disconnected.code,
            last_sentence="The connection to the controller was lost.",
        )
        self._log.warn("The cluster connection is lost: {why}", why=reason.getErrorMessage())
        self._handler.offline(reason.getErrorMessage())
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.connectionLost(reason)

    # -- changes

    async def describe(self) -> bool:
        """
        Tell the controller what has changed of the facts; nothing where nothing has.

        :returns: whether it knows them. If not, it is told again later.
        """
        protocol, facts = self._protocol, self._handler.facts()
        if protocol is None:
            return False
        self._describe_at = self._clock.seconds() + DESCRIBE_RETRY
        if _lasting(facts) == _lasting(self._told):
            return True
        statement = renewal_statement(protocol.channel_binding(), facts.certificate)
        try:
            await protocol.call(Describe, facts=facts, signature=self._handler.sign(statement))
        except IquilaError as error:
            self._log.error("The controller did not take what changed here: {error}", error=error)
            return False
        self._told = facts
        self._handler.known_by(facts)
        return True

    # -- reports

    def report_soon(self) -> None:
        """Tell the controller of a changed load, at most ten times a second."""
        if self._protocol is None or (self._soon is not None and self._soon.active()):
            return
        delay = max(0.0, self._last_report + REPORT_SOON - self._clock.seconds())
        self._soon = self._clock.callLater(delay, self._report)

    def _report(self) -> None:
        if self._protocol is not None:
            self._last_report = self._clock.seconds()
            self._protocol.send(Report, load=self._handler.load())
            if self._last_report >= self._describe_at:
                Deferred.fromCoroutine(self.describe())

    # -- the end

    async def leave(self) -> None:
        """Tell the controller that this member goes."""
        if self._protocol is not None:
            try:
                await self._protocol.call(Leave, LEAVE_SECONDS)
            except IquilaError:
                self._log.info("The controller did not hear that this member leaves")

    def stopService(self) -> Any:
        """Leave, then close the connection."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self.leave()
        self._replica.close()
        await Deferred.fromCoroutine(_awaited(super().stopService()))


async def _awaited(result: Any) -> None:
    if isinstance(result, Deferred):
        await result


@implementer(IStreamClientEndpoint)
class _JoinedEndpoint:
    """An endpoint whose connections have joined the cluster."""

    def __init__(self, link: MemberLink) -> None:
        self._link = link

    def __repr__(self) -> str:
        return f"controller {self._link.status.host}:{self._link.status.port}"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return Deferred.fromCoroutine(self._link.connect(protocolFactory))


def _lasting(facts: MemberFacts) -> MemberFacts:
    """Return facts without those that replication tells."""
    return evolve(facts, database="", revision=0, previous=b"")
