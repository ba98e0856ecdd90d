"""The controller's end of cluster connections: who may join, and what is asked of members."""

from __future__ import annotations

import hashlib
import time
from typing import Any, ClassVar
from typing import Protocol as Shape

import msgspec
from attrs import evolve
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

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
from iquila.cluster.roster import LoadReport, MemberDescription
from iquila.cluster.tickets import Grant
from iquila.database.store import Database
from iquila.errors import AccessDenied, NotController, ProtocolError
from iquila.link.commands import (
    VERSION,
    Describe,
    Heartbeat,
    Hello,
    IssueTicket,
    Join,
    Leave,
    MemberFacts,
    Operate,
    Report,
    TicketOrder,
)
from iquila.link.protocol import LinkLocator, LinkProtocol, refusing
from iquila.link.replication import Replicator
from iquila.link.signature import is_signed

OPERATE_SECONDS = 5.0
MAX_LINKS = 4096
"""Cluster connections at a time, of members and of strangers."""


class ControllerHandler(Shape):
    """What a controller decides about its members."""

    system: Database

    def password_hash(self) -> bytes:
        """Return the hash that members have to know."""

    def server_id(self) -> str:
        """Return the controller's own id."""

    async def pin(self, facts: MemberFacts, fingerprint: bytes, previous: bytes) -> None:
        """
        Remember a member's certificate (its SHA-256) when it joins first.

        :param previous: of the certificate whose key the member has proved to own, too; it may
            be replaced. Empty for none.
        :raises VENError: another certificate is known for this member.
        """

    def joined(self, member: MemberHandle) -> None:
        """A member is connected; one of the same id that was there is gone."""

    def left(self, member: MemberHandle, reason: str) -> None:
        """A member's connection is lost."""

    def reported(self, member: MemberHandle, report: LoadReport) -> None:
        """A member told its load."""

    def described(self, member: MemberHandle) -> None:
        """A member's description has changed."""


class MemberHandle:
    """A member that has joined, for the controller to ask things of."""

    def __init__(
        self, description: MemberDescription, protocol: LinkProtocol, replicator: Replicator
    ) -> None:
        self.description = description
        self._protocol = protocol
        self._replicator = replicator

    def __repr__(self) -> str:
        return f"<member {self.description.host_name} {self.description.address}>"

    @property
    def id(self) -> str:
        """The member's own id."""
        return self.description.id

    @property
    def revision(self) -> int | None:
        """The revision of the system database that the member has."""
        return self._replicator.revision

    async def issue_ticket(self, ticket: bytes, grant: Grant, revision: int) -> None:
        """
        Have the member let in who brings a ticket, once it has a revision of the database.

        :raises VENError: it refused, or did not answer in time.
        """
        order = msgspec.json.encode(TicketOrder(ticket, grant, revision))
        await self._protocol.call_plain(IssueTicket, order=order)

    async def operate(self, operation: str, request: bytes) -> bytes:
        """
        Run an administrative operation there; request and reply are JSON.

        :raises VENError: its refusal, or it did not answer in time.
        """
        answer = await self._protocol.call(
            Operate, OPERATE_SECONDS, operation=operation, request=request
        )
        return bytes(answer["reply"])

    def disconnect(self) -> None:
        """Cut the cluster connection."""
        self._protocol.abort()


class _Locator(LinkLocator):
    """Answers a member's commands."""

    before = frozenset({Hello.commandName, Join.commandName})
    _log: ClassVar[Logger] = Logger()

    def __init__(self, handler: ControllerHandler, factory: ControllerFactory) -> None:
        super().__init__()
        self._handler = handler
        self._factory = factory
        self._nonces: tuple[bytes, bytes] | None = None
        self.member: MemberHandle | None = None
        self.replicator: Replicator | None = None

    @Hello.responder
    @refusing
    async def hello(self, version: int, nonce: bytes) -> dict[str, Any]:
        if version != VERSION:
            raise ProtocolError(
                f"The cluster connection has version {VERSION} here and {version} there: "
                "run the same version of iquila on all servers."
            )
        if len(nonce) != NONCE_SIZE or self._nonces is not None:
            raise ProtocolError
        own = _fresh_nonce()
        self._nonces = (own, nonce)
        return {"nonce": own}

    @Join.responder
    @refusing
    async def join(
        self, proof: bytes, facts: MemberFacts, signature: bytes, previous: bytes | None
    ) -> dict[str, Any]:
        if self._nonces is None:
            raise ProtocolError
        # Each nonce serves one attempt.
        (own, theirs), self._nonces = self._nonces, None
        transcript = Transcript(own, theirs, self.protocol.channel_binding())
        password = self._handler.password_hash()
        if not holds(proof, member_proof(password, transcript)):
            raise AccessDenied(
                "The controller's administration password is another one: give the member the "
                "right one."
            )
        statement = identity_statement(transcript)
        if not is_signed(facts.certificate, signature, statement):
            raise ProtocolError("The member does not own the certificate that it announces.")
        if facts.previous and not is_signed(facts.previous, previous or b"", statement):
            raise ProtocolError("The member does not own the certificate that it had before.")
        if not facts.ports or not facts.host_name or not facts.id:
            raise ProtocolError("The member's host name, id or public ports are missing.")
        before = _digest(facts.previous) if facts.previous else b""
        await self._handler.pin(facts, _digest(facts.certificate), before)
        self.protocol.clock.callLater(0, self._joined, facts)
        return {
            "proof": controller_proof(password, transcript),
            "controller": self._handler.server_id().encode(),
        }

    def _joined(self, facts: MemberFacts) -> None:
        # In a turn of its own, so that the answer is sent before anything else.
        if self.protocol.transport is None:
            return
        self._factory.replace(facts.id, self.protocol)
        self.protocol.joined()
        self.replicator = Replicator(
            self._handler.system, self.protocol, facts.database, facts.revision
        )
        description = describe(facts, self.protocol.peer)
        self.member = MemberHandle(description, self.protocol, self.replicator)
        self._log.info("{member} has joined", member=self.member)
        self._handler.joined(self.member)
        self.replicator.start()

    @Report.responder
    def report(self, load: LoadReport) -> dict[str, Any]:
        if self.member is not None:
            self._handler.reported(self.member, load)
        return {}

    @Describe.responder
    @refusing
    async def describe(self, facts: MemberFacts, signature: bytes) -> dict[str, Any]:
        member = self.member
        if member is None or facts.id != member.id or not facts.ports or not facts.host_name:
            raise ProtocolError
        before = member.description
        if facts.certificate != before.certificate:
            statement = renewal_statement(self.protocol.channel_binding(), facts.certificate)
            if not is_signed(facts.certificate, signature, statement):
                raise ProtocolError("The member does not own the certificate that it announces.")
            await self._handler.pin(facts, _digest(facts.certificate), _digest(before.certificate))
        if self.member is member:
            after = describe(facts, self.protocol.peer)
            member.description = evolve(after, connected_at=before.connected_at)
            self._handler.described(member)
        return {}

    @Leave.responder
    def leave(self) -> dict[str, Any]:
        self.lost("it left")
        return {}

    @Heartbeat.responder
    def heartbeat(self) -> dict[str, Any]:
        return {}

    def lost(self, reason: str) -> None:
        if self.replicator is not None:
            self.replicator.stop()
        member, self.member = self.member, None
        if member is not None:
            self._handler.left(member, reason)


_fresh_nonce = nonce


def _digest(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()


def describe(facts: MemberFacts, seen: str) -> MemberDescription:
    """Return a member as the roster has it; `seen` is the address it connects from."""
    seen = seen.split("%")[0].removeprefix("::ffff:")
    address, hosts = facts.address or seen, facts.hosts
    if ":" in address:
        address, hosts = "0.0.0.0", (*hosts, address)
    return MemberDescription(
        id=facts.id,
        key=shown_key(facts.id),
        host_name=facts.host_name,
        address=address,
        ports=facts.ports,
        weight=facts.weight,
        certificate=facts.certificate,
        connected_at=int(time.time() * 1000),
        version=facts.version,
        hosts=hosts,
        max_sessions=facts.max_sessions,
    )


def shown_key(id: str) -> int:
    """Return the number under which administrators see a server, u32 and not 0."""
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:4], "big") or 1


class _Refuser(LinkLocator):
    """Tells members that this is no controller."""

    before = frozenset({Hello.commandName})

    @Hello.responder
    @refusing
    async def hello(self, version: int, nonce: bytes) -> dict[str, Any]:
        raise NotController(
            "The server is not a cluster controller: check the controller's address, or make "
            "that server a controller first."
        )


class RefusingFactory(Factory):
    """Answers cluster connections at a server that is no controller."""

    noisy = False

    def __init__(self, clock: Any) -> None:
        self._clock = clock

    def buildProtocol(self, addr: Any) -> LinkProtocol:
        """Build the end of one connection."""
        return LinkProtocol(_Refuser(), self._clock, lambda _protocol, _reason: None)


class ControllerFactory(Factory):
    """
    Answers cluster connections.

    :param handler: the controller.
    :param clock: `IReactorTime`.
    """

    noisy = False

    def __init__(self, handler: ControllerHandler, clock: Any) -> None:
        self._handler = handler
        self._clock = clock
        self._by_id: dict[str, LinkProtocol] = {}
        self._locators: dict[LinkProtocol, _Locator] = {}

    def buildProtocol(self, addr: Any) -> LinkProtocol | None:
        """Build the end of one connection; None where there are too many."""
        if len(self._locators) >= MAX_LINKS:
            return None
        locator = _Locator(self._handler, self)
        protocol = LinkProtocol(locator, self._clock, self._closed)
        self._locators[protocol] = locator
        return protocol

    def replace(self, id: str, protocol: LinkProtocol) -> None:
        """Let the connection of a member go before it is known by another one."""
        old = self._by_id.get(id)
        if old is not None and old is not protocol:
            self._locators[old].lost("it joined again")
            old.abort()
        self._by_id[id] = protocol

    def _closed(self, protocol: LinkProtocol, reason: Failure) -> None:
        locator = self._locators.pop(protocol, None)
        for id, known in list(self._by_id.items()):
            if known is protocol:
                del self._by_id[id]
        if locator is not None:
            locator.lost(reason.getErrorMessage())

    def close(self) -> None:
        """Close every cluster connection."""
        for protocol in list(self._locators):
            protocol.close()
