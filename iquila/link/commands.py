"""
The AMP commands of the cluster connection, by who sends them.

A switch instance has no command of its own: instances follow the records of the system
database, whose revisions :class:`Replicate` and :class:`ReplacePage` carry; so a member that
was away, one that restarts and one that listens all take the same road.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen
from twisted.protocols import amp

from iquila.cluster.roster import LoadReport
from iquila.cluster.tickets import Grant
from iquila.database.engine import Row
from iquila.errors import VENError, error_for
from iquila.link.arguments import Big, Record

VERSION = 1


class Refused(Exception):
    """A refusal as it travels: the number of the error, a space and its sentence."""

    @classmethod
    def of(cls, error: VENError) -> Refused:
        """Return what stands for an error."""
        return cls(f"{error.code} {error}")

    def error(self) -> VENError:
        """Return the error that this stands for."""
        code, _, sentence = str(self).partition(" ")
        return error_for(int(code) if code.isdecimal() else 4, sentence or None)


@frozen
class MemberFacts:
    """
    What a member says of itself when it joins.

    :ivar address: its configured public address; empty for the one it connects from.
    :ivar certificate: what its ports show, X.509 DER.
    :ivar hosts: host names and IPv6 addresses for our own clients.
    :ivar database: the id of the system database that its replica copies, and `revision`.
    :ivar previous: the certificate that the controller may still know it by; empty for none.
    """

    id: str
    host_name: str
    address: str
    ports: tuple[int, ...]
    weight: int
    certificate: bytes = field(repr=False)
    version: str
    hosts: tuple[str, ...]
    max_sessions: int
    database: str
    revision: int
    previous: bytes = field(default=b"", repr=False)


@frozen
class TicketOrder:
    """A ticket to be written, and the revision of the database that it needs."""

    ticket: bytes = field(repr=False)
    grant: Grant
    revision: int


@frozen
class Revision:
    """One revision of the system database."""

    revision: int
    rows: tuple[Row, ...] = field(repr=False)


@frozen
class Page:
    """
    A part of a whole copy of the system database; `rows` are (type, key, JSON, revision).

    The member has the copy when it has taken the page that is `last`.
    """

    database: str
    revision: int
    rows: tuple[tuple[str, str, bytes, int], ...] = field(repr=False)
    first: bool
    last: bool


REFUSED = b"REFUSED"
"""AMP's code of a refusal."""


class LinkCommand(amp.Command):
    """The root of the commands: all may be refused."""

    errors: ClassVar[dict[type[Exception], bytes]] = {Refused: REFUSED}


class Heartbeat(LinkCommand):
    """A sign of life, both ways, each second."""

    commandName = b"heartbeat"
    requiresAnswer = False


# -- from the member


class Hello(LinkCommand):
    """The first command: the member's nonce for the controller's, 32 bytes each."""

    commandName = b"hello"
    arguments: ClassVar = [(b"version", amp.Integer()), (b"nonce", amp.String())]
    response: ClassVar = [(b"nonce", amp.String())]


class Join(LinkCommand):
    """
    The member proves that it knows the password and owns its certificate, and the one it had
    before where it changed; the controller proves the password in its answer
    (:mod:`iquila.cluster.challenge`).
    """

    commandName = b"join"
    arguments: ClassVar = [
        (b"proof", amp.String()),
        (b"facts", Record(MemberFacts)),
        (b"signature", amp.String()),
        (b"previous", amp.String(optional=True)),
    ]
    response: ClassVar = [(b"proof", amp.String()), (b"controller", amp.String())]


class Report(LinkCommand):
    """The member's load, each second and when it changes."""

    commandName = b"report"
    arguments: ClassVar = [(b"load", Record(LoadReport))]
    requiresAnswer = False


class Describe(LinkCommand):
    """
    What the member said when it joined is so no more; its sessions go on.

    A changed certificate is signed for with its own key; the key of the one before has proved
    itself on this connection.
    """

    commandName = b"describe"
    arguments: ClassVar = [(b"facts", Record(MemberFacts)), (b"signature", amp.String())]


class Leave(LinkCommand):
    """The member goes on purpose: nothing more is to be placed there."""

    commandName = b"leave"


# -- from the controller


class Replicate(LinkCommand):
    """Revisions of the system database, in order, right after the ones sent before."""

    commandName = b"replicate"
    arguments: ClassVar = [(b"revisions", Record(tuple[Revision, ...]))]
    response: ClassVar = [(b"revision", amp.Integer())]


class ReplacePage(LinkCommand):
    """A page of a whole copy, for a member whose replica is of another time or place."""

    commandName = b"replace-page"
    arguments: ClassVar = [(b"page", Record(Page))]


class IssueTicket(LinkCommand):
    """
    Let a client in who brings this ticket.

    The member answers when its replica has the revision: then the instance is there. The only
    command of each login: both ends convert its argument themselves, because AMP's general way
    costs more than all else that they do for it.
    """

    commandName = b"issue-ticket"
    arguments: ClassVar = [(b"order", Record(TicketOrder))]


class Operate(LinkCommand):
    """An administrative operation on what this member carries; request and reply are JSON."""

    commandName = b"operate"
    arguments: ClassVar = [(b"operation", amp.Unicode()), (b"request", Big())]
    response: ClassVar = [(b"reply", Big())]
