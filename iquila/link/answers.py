"""What a member answers its controller: its locator, and the handler behind it."""

from __future__ import annotations

from typing import Any
from typing import Protocol as Shape

import msgspec
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.protocols import amp

from iquila.cluster.roster import LoadReport
from iquila.cluster.tickets import Grant
from iquila.database.store import Database
from iquila.errors import SwitchNotFound, VENError
from iquila.link.commands import (
    Heartbeat,
    IssueTicket,
    MemberFacts,
    Operate,
    Page,
    ReplacePage,
    Replicate,
    Revision,
    TicketOrder,
)
from iquila.link.protocol import LinkLocator, refusal, refusing
from iquila.link.replication import Replica

REVISION_SECONDS = 1.5
"""How long a ticket waits for its revision; less than the controller waits for the answer."""


class MemberHandler(Shape):
    """What a member answers its controller with."""

    replica: Database

    def facts(self) -> MemberFacts:
        """Return what the controller has to know."""

    def password_hash(self) -> bytes:
        """Return the hash of the controller's administration password."""

    def sign(self, data: bytes) -> bytes:
        """Sign with the key of the member's certificate."""

    def sign_previous(self, data: bytes) -> bytes:
        """Sign with the key of the certificate that the facts name as the previous one."""

    def known_by(self, facts: MemberFacts) -> None:
        """The controller knows this member by these facts from now on."""

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


class MemberLocator(LinkLocator):
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
