"""
The controller's role: it authenticates every client, chooses a server, and sends it there.

See :mod:`.placements` for dynamic switches and :mod:`iquila.link` for the members.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address
from typing import Any

from attrs import evolve
from twisted.internet.task import LoopingCall

import iquila
from iquila.cluster.ledger import machine_of
from iquila.cluster.roster import LoadReport, MemberDescription, Roster
from iquila.cluster.selector import select_member
from iquila.cluster.tickets import Grant, new_ticket, ticket_hash
from iquila.database.records import Member, ServerMode, SwitchKind
from iquila.database.store import put
from iquila.errors import AccessDenied, NoMemberAvailable, VENError
from iquila.link.commands import MemberFacts
from iquila.link.controller import ControllerFactory, MemberHandle, RefusingFactory, shown_key
from iquila.service.core import Core
from iquila.service.load import measure
from iquila.service.placements import Placed, Placements
from iquila.service.role import Passed, Role
from iquila.session.authentication import ADMINISTRATOR
from iquila.session.gate import Peer
from iquila.session.server import ServerSession
from iquila.wire.login import Login
from iquila.wire.redirect import Redirect

OWN_REPORT = 0.5
"""Seconds between two looks at the controller's own load."""
TRIES = 3
"""Servers that are tried for one login before it is refused."""


class Controller(Role):
    """
    A cluster controller.

    :param selectors: `IMemberSelector` plug-ins, asked in turn before the points.
    """

    mode = ServerMode.CONTROLLER

    def __init__(self, core: Core, selectors: Sequence[Any] = ()) -> None:
        super().__init__(core, core.system)
        self.roster = Roster()
        self.links: dict[str, MemberHandle] = {}
        self.placements = Placements(core.reactor, core.system, self.roster, self._choose)
        self._selectors = tuple(selectors)
        self._factory = ControllerFactory(self, core.reactor)
        self._own = LoopingCall(self._measure)
        self._own.clock = core.reactor

    async def start(self) -> None:
        """Begin: members may join, clients may log in."""
        self.core.statistics.start(self.system)
        self.roster.add(self._description())
        await super().start()
        self.placements.start()
        self._own.start(OWN_REPORT, now=True)
        self.core.factory.cluster = self._factory

    async def stop(self) -> None:
        """End: members lose their cluster connection, and keep their sessions."""
        self.core.factory.cluster = RefusingFactory(self.core.reactor)
        self.placements.stop()
        if self._own.running:
            self._own.stop()
        await super().stop()
        self._factory.close()
        await self.core.statistics.stop()

    def _description(self) -> MemberDescription:
        settings = self.core.settings
        return MemberDescription(
            id=settings.server_id,
            key=shown_key(settings.server_id),
            host_name=self.core.host_name,
            address="127.0.0.1",
            ports=self.core.ports(),
            weight=settings.weight,
            certificate=self.core.identity.der,
            connected_at=self.core.started,
            version=iquila.__version__,
            max_sessions=settings.max_sessions,
        )

    def _measure(self) -> None:
        self.roster.report(self.server_id(), measure(self.core, self.instances))

    def session_ended(self, session: ServerSession) -> None:
        """Count it out at once."""
        super().session_ended(session)
        self._measure()

    # -- the handler of cluster connections

    def password_hash(self) -> bytes:
        """Return the hash of the administration password."""
        return self.core.settings.password_hash

    def server_id(self) -> str:
        """Return this server's id."""
        return self.core.settings.server_id

    async def described_anew(self) -> None:
        """Note it in the roster."""
        self.roster.describe(self._description())

    async def pin(self, facts: MemberFacts, fingerprint: bytes, previous: bytes) -> None:
        """Remember a member's certificate, or compare it with what is remembered."""
        if facts.id == self.server_id():
            raise AccessDenied("This member is the controller itself: give another address.")
        known = self.system.get(Member, facts.id)
        if known is None:
            now = int(time.time() * 1000)
            record = Member(facts.id, facts.host_name, fingerprint, now)
            await self.system.transact([put(record)])
        elif known.fingerprint == fingerprint:
            return
        elif known.fingerprint == previous:
            # Who owns the key that is known may bring another one.
            await self.system.transact([put(evolve(known, fingerprint=fingerprint))])
        else:
            raise AccessDenied(
                f"The member {facts.host_name} has another certificate than when it joined "
                "first: restore its certificate, or let the controller forget the one it knows "
                "(ForgetFarmMember)."
            )

    def joined(self, member: MemberHandle) -> None:
        """Take a member in."""
        self.links[member.id] = member
        self.ledger.lost(member.id)
        self.roster.add(member.description)
        self._log.info("{member} has joined", member=member)

    def left(self, member: MemberHandle, reason: str) -> None:
        """Forget a member: its clients come back and are sent elsewhere."""
        if self.links.get(member.id) is not member:
            return
        del self.links[member.id]
        self.roster.remove(member.id)
        self.ledger.lost(member.id)
        self._log.warn("{member} is gone: {reason}", member=member, reason=reason)

    def described(self, member: MemberHandle) -> None:
        """Note what has changed of a member."""
        if self.links.get(member.id) is member:
            self.roster.describe(member.description)

    def reported(self, member: MemberHandle, report: LoadReport) -> None:
        """Note a member's load."""
        if self.links.get(member.id) is not member:
            return
        self.roster.report(member.id, report)
        self.ledger.told(member.id, report.came, report.went)
        for ticket in report.redeemed:
            self.ledger.settled(ticket)

    # -- logins

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> ServerSession | Redirect:
        """Authenticate a client, and choose the server that carries its session."""
        passed = self.authenticate(login, challenge, peer)
        if passed.administrator:
            name = f"SID-{ADMINISTRATOR.upper()}-{secrets.token_hex(3).upper()}"
        else:
            name = self.next_session_name(passed.switch.name, passed.user)
        if passed.switch.kind is SwitchKind.DYNAMIC:
            return await self._on_dynamic(passed, login, peer, name)
        if passed.administrator:
            # The administrator of a static switch is with the controller (reference §7.4).
            return self._here(passed, login, peer, name)
        return await self._on_static(passed, login, peer, name)

    def _choose(self, switch: str, without: frozenset[str] = frozenset()) -> str | None:
        """Return the id of the server for one more session."""
        now = float(self.core.reactor.seconds())
        only = self.core.settings.controller_only
        candidates = [
            candidate
            for candidate in self.roster.candidates(now)
            if candidate.id not in without and not (only and candidate.id == self.server_id())
        ]
        chosen, problems = select_member(self._selectors, candidates, switch)
        for problem in problems:
            self._log.error("A member selector failed: {problem!r}", problem=problem)
        return None if chosen is None else chosen.id

    async def _on_static(
        self, passed: Passed, login: Login, peer: Peer, name: str
    ) -> ServerSession | Redirect:
        tried: frozenset[str] = frozenset()
        for _ in range(TRIES):
            member = self._choose(passed.switch.name, tried)
            if member is None:
                break
            if member == self.server_id():
                return self._here(passed, login, peer, name)
            try:
                return await self._send(member, passed, login, peer, name, new_ticket())
            except VENError as error:
                self._log.warn("No ticket at {member}: {error}", member=member, error=error)
                tried |= {member}
        raise NoMemberAvailable

    async def _on_dynamic(
        self, passed: Passed, login: Login, peer: Peer, name: str
    ) -> ServerSession | Redirect:
        ticket = new_ticket()
        here: list[ServerSession] = []

        def taken(placed: Placed) -> None:
            if placed.member == self.server_id():
                here.append(self._here(passed, login, peer, name))
            else:
                self._count(placed.member, ticket, passed, login)

        # Others may log in while the switch is being placed.
        self._expect(ticket, passed, login)
        try:
            placed = await self.placements.place(passed.switch.name, taken)
        except BaseException:
            self.ledger.settled(ticket_hash(ticket))
            raise
        if here:
            self.ledger.settled(ticket_hash(ticket))
            return here[0]
        return await self._send(
            placed.member, passed, login, peer, name, ticket, placed.epoch, placed.revision
        )

    def _here(self, passed: Passed, login: Login, peer: Peer, name: str) -> ServerSession:
        session = self.admit(passed, login, peer, name)
        self._measure()
        return session

    def _count(self, member: str, ticket: bytes, passed: Passed, login: Login) -> None:
        self.roster.issued(member, ticket_hash(ticket), passed.switch.name, self.core.now())
        self._expect(ticket, passed, login, member)

    def _expect(self, ticket: bytes, passed: Passed, login: Login, member: str = "") -> None:
        if not login.is_bridge:
            self.ledger.expect(
                ticket_hash(ticket),
                passed.switch.name,
                passed.user,
                machine_of(login.node.unique_id),
                self.core.now(),
                member,
            )

    async def _send(
        self,
        member: str,
        passed: Passed,
        login: Login,
        peer: Peer,
        name: str,
        ticket: bytes,
        epoch: int = 0,
        revision: int = 0,
    ) -> Redirect:
        """Have a ticket written at a member, and return the redirect to it."""
        self._count(member, ticket, passed, login)
        link = self.links.get(member)
        grant = Grant(
            switch=passed.switch.name,
            user=passed.user,
            session_name=name,
            policy=passed.policy,
            group=passed.group,
            epoch=epoch,
            real_name=passed.real_name,
            administrator=passed.administrator,
        )
        try:
            if link is None:
                raise NoMemberAvailable
            # A static switch may be younger than what the member has: wait for its revision.
            await link.issue_ticket(ticket, grant, revision or self.system.revision)
        except VENError:
            self.roster.withdrawn(member, ticket_hash(ticket))
            self.ledger.settled(ticket_hash(ticket))
            raise
        return redirect_to(link.description, peer, ticket, passed.switch.message)


def redirect_to(
    member: MemberDescription, peer: Peer, ticket: bytes, message: str = ""
) -> Redirect:
    """
    Return the redirect to a member, with the switch's message.

    The port that the client came in on goes first where the member has it, because clients of
    the protocol take the first (reference §5.2).
    """
    ports = tuple(sorted(member.ports, key=lambda port: port != peer.local_port))
    address, hosts = _ipv4(member.address), member.hosts
    if address is None:
        address, hosts = IPv4Address(0), (*hosts, member.address)
    return Redirect(address, ports, ticket, member.certificate, message, hosts)


@lru_cache(maxsize=1024)
def _ipv4(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ipaddress.AddressValueError:
        return None
