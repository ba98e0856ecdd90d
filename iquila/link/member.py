"""The member's end of the cluster connection, kept up for as long as the member runs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, ClassVar, cast
from typing import Protocol as Shape

import msgspec
from attrs import evolve, frozen
from twisted.application.internet import ClientService
from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols import amp
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
)
from iquila.cluster.roster import LoadReport
from iquila.cluster.tickets import Grant
from iquila.database.store import Database
from iquila.errors import (
    AccessDenied,
    ControllerConnectFailed,
    Disconnected,
    IquilaError,
    SwitchNotFound,
    VENError,
)
from iquila.link.commands import (
    VERSION,
    Heartbeat,
    Hello,
    IssueTicket,
    Join,
    Leave,
    MemberFacts,
    Operate,
    Page,
    ReplacePage,
    Replicate,
    Report,
    Revision,
    TicketOrder,
)
from iquila.link.protocol import LinkLocator, LinkProtocol, refusal, refusing
from iquila.link.replication import Replica

REPORT_INTERVAL = 1.0
REPORT_SOON = 0.1
REVISION_SECONDS = 1.5
"""How long a ticket waits for its revision; less than the controller waits for the answer."""
LEAVE_SECONDS = 1.0
BRIEF = 5.0
"""A connection shorter than this is not followed by another one at once."""
TRYING = 47
"""The error number that is shown while a connection is being made (reference §10.2)."""


class MemberHandler(Shape):
    """What a member answers its controller with."""

    replica: Database

    def facts(self) -> MemberFacts:
        """Return what the controller has to know."""

    def password_hash(self) -> bytes:
        """Return the hash of the controller's administration password."""

    def sign(self, data: bytes) -> bytes:
        """Sign with the key of the member's certificate."""

    def load(self) -> LoadReport:
        """Return the load; tickets redeemed are told once."""

    def issue_ticket(self, ticket: bytes, grant: Grant) -> None:
        """
        Write a ticket in the book.

        :raises VENError: it cannot be redeemed here.
        """

    async def operate(self, operation: str, request: bytes) -> bytes:
        """Run an administrative operation on what this member carries."""

    def online(self) -> None:
        """The member has joined."""

    def offline(self, reason: str) -> None:
        """The cluster connection is lost."""


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


class _Locator(LinkLocator):
    """Answers the controller's commands."""

    def __init__(self, handler: MemberHandler, replica: Replica) -> None:
        super().__init__()
        self._handler = handler
        self._replica = replica

    @Replicate.responder
    @refusing
    async def replicate(self, revisions: tuple[Revision, ...]) -> dict[str, Any]:
        return {"revision": await self._replica.apply(revisions)}

    @ReplacePage.responder
    @refusing
    async def replace_page(self, page: Page) -> dict[str, Any]:
        await self._replica.take(page)
        return {}

    def locateResponder(self, name: bytes) -> Any:
        """Return the responder of a command."""
        if name == IssueTicket.commandName and self.protocol.trusted:
            return self._ordered
        return super().locateResponder(name)

    def _ordered(self, box: amp.AmpBox) -> amp.AmpBox | Deferred[amp.AmpBox]:
        order = _ORDERS.decode(box[b"order"])
        if not self._replica.has(order.revision):
            return Deferred.fromCoroutine(self._issue_later(order))
        return self._issue(order)

    def _issue(self, order: TicketOrder) -> amp.AmpBox:
        try:
            self._handler.issue_ticket(order.ticket, order.grant)
        except VENError as error:
            raise refusal(error) from None
        return amp.AmpBox()

    async def _issue_later(self, order: TicketOrder) -> amp.AmpBox:
        reached = Deferred.fromCoroutine(self._replica.reaches(order.revision))
        try:
            await reached.addTimeout(REVISION_SECONDS, self.protocol.clock)
        except (TimeoutError, CancelledError):
            raise refusal(
                SwitchNotFound(
                    f"The Virtual Switch '{order.grant.switch}' is not ready on this member yet."
                )
            ) from None
        return self._issue(order)

    @Operate.responder
    @refusing
    async def operate(self, operation: str, request: bytes) -> dict[str, Any]:
        return {"reply": await self._handler.operate(operation, request)}

    @Heartbeat.responder
    def heartbeat(self) -> dict[str, Any]:
        return {}


_ORDERS = msgspec.json.Decoder(TicketOrder)


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
        self.status = LinkStatus(host, port, _wall())
        self._endpoint = endpoint
        self._protocol: LinkProtocol | None = None
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
        return LinkProtocol(_Locator(self._handler, self._replica), self._clock, self._closed)

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
        answer = await protocol.call(
            Join,
            proof=member_proof(password, transcript),
            facts=self._handler.facts(),
            signature=self._handler.sign(identity_statement(transcript)),
        )
        if not holds(answer["proof"], controller_proof(password, transcript)):
            raise AccessDenied(
                "The server at the controller's address does not know the administration "
                "password: somebody may be in the middle."
            )
        if protocol.transport is None:
            raise Disconnected

    def _joined(self, protocol: LinkProtocol) -> None:
        now = _wall()
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


def _wall() -> int:
    return int(time.time() * 1000)
