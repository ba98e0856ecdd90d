"""
Tickets: the one-time proof by which a redirected client is let in at a member.

The controller makes them; the book of a member redeems them, once, within 60 seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable

from attrs import frozen

from iquila.errors import AuthenticationFailed, TooManyItems
from iquila.wire.policy import Policy
from iquila.wire.redirect import TICKET_SIZE

LIFE = 60.0
BOOK_LIMIT = 65_536


@frozen
class RadiusSession:
    """
    What a RADIUS server said of a session, for the server that carries it.

    :ivar user: the name to account under.
    :ivar classes: to be repeated in the accounting (RFC 2865 §5.25).
    :ivar interim: seconds between two reports.
    :ivar seconds: how long the session may last, 0 for ever.
    """

    user: str
    classes: tuple[bytes, ...] = ()
    interim: int = 600
    seconds: int = 0


@frozen
class Grant:
    """What a ticket gives: everything the member has to know of the session."""

    switch: str
    user: str
    session_name: str
    policy: Policy
    group: str = ""
    epoch: int = 0
    """The epoch of the instance it is for; 0 for a static switch."""
    real_name: str = ""
    administrator: bool = False
    """Whether the switch's own limit of sessions does not count."""
    radius: RadiusSession | None = None


def new_ticket(random: Callable[[int], bytes] = os.urandom) -> bytes:
    """Return a ticket: 20 random bytes."""
    return random(TICKET_SIZE)


def ticket_hash(ticket: bytes) -> bytes:
    """Return 8 bytes that name a ticket where the ticket itself must not be seen."""
    return hashlib.sha256(b"iquila ticket" + ticket).digest()[:8]


@frozen
class _Issued:
    ticket: bytes
    grant: Grant
    expires: float


class TicketBook:
    """
    The tickets that a member may redeem.

    :param limit: tickets at a time.
    :param life: seconds; the age is checked when a ticket is redeemed.
    """

    def __init__(self, limit: int = BOOK_LIMIT, life: float = LIFE) -> None:
        self._limit = limit
        self._life = life
        # By hash, so that finding one does not compare secrets; in the order of expiry.
        self._tickets: dict[bytes, _Issued] = {}

    def __len__(self) -> int:
        return len(self._tickets)

    def issue(self, ticket: bytes, grant: Grant, now: float) -> None:
        """
        Write a ticket in.

        :raises TooManyItems: the book is full.
        """
        self.purge(now)
        if len(self._tickets) >= self._limit:
            raise TooManyItems("Too many tickets wait to be redeemed: try again later.")
        self._tickets[ticket_hash(ticket)] = _Issued(ticket, grant, now + self._life)

    def redeem(self, ticket: bytes, switch: str, user: str, now: float) -> Grant:
        """
        Take a ticket out and return what it grants.

        It is used up whatever the outcome.

        :raises AuthenticationFailed: unknown, used, expired, or for another switch or user.
        """
        issued = self._tickets.pop(ticket_hash(ticket), None)
        if issued is None or not hmac.compare_digest(issued.ticket, ticket):
            raise AuthenticationFailed("The ticket is not known: log in at the controller.")
        if now >= issued.expires:
            raise AuthenticationFailed("The ticket has expired: log in at the controller.")
        grant = issued.grant
        if grant.switch.lower() != switch.lower() or grant.user.lower() != user.lower():
            raise AuthenticationFailed("The ticket is for another user or Virtual Switch.")
        return grant

    def purge(self, now: float) -> None:
        """Forget what has expired."""
        while self._tickets:
            name, issued = next(iter(self._tickets.items()))
            if now < issued.expires:
                break
            del self._tickets[name]
