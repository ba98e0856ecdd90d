"""
The member's role: it carries the sessions that its controller sends, and lives by a replica.

Losing the controller cuts no session; instances and replica stay as they are (DESIGN §5).
"""

from __future__ import annotations

import secrets
from typing import Any

from attrs import evolve

import iquila
from iquila.cluster.ledger import NEWS_LIMIT, News, SessionNote
from iquila.cluster.roster import LoadReport
from iquila.cluster.tickets import Grant, TicketBook, ticket_hash
from iquila.database.records import ServerMode, SwitchKind
from iquila.database.store import Database
from iquila.errors import AccessDenied, NotController, NotSupported, SwitchNotFound, SwitchOffline
from iquila.link.commands import MemberFacts
from iquila.link.member import MemberLink
from iquila.link.signature import sign
from iquila.service.core import Core
from iquila.service.load import measure
from iquila.service.role import Passed, Role, note_of
from iquila.session.authentication import ADMINISTRATOR, is_administrator
from iquila.session.contexts import ALPN_CLUSTER
from iquila.session.endpoint import TLSClientEndpoint
from iquila.session.gate import Peer
from iquila.session.server import ServerSession
from iquila.session.verification import Unverified
from iquila.wire.login import Login, TicketProof
from iquila.wire.redirect import Redirect
from iquila.wire.request import PasswordChange

REDEEMED_LIMIT = 65_536


class Member(Role):
    """A cluster member."""

    mode = ServerMode.MEMBER

    def __init__(self, core: Core, replica: Database) -> None:
        super().__init__(core, replica)
        self.replica = replica
        self.tickets = TicketBook()
        self._redeemed: list[bytes] = []
        self._news = News()
        self._online = False
        settings = core.settings
        # No certificate is checked here: both ends prove by the password that they are the
        # two ends of this very channel (iquila.cluster.challenge).
        endpoint = TLSClientEndpoint(
            core.reactor,
            settings.controller_host,
            settings.controller_port,
            ALPN_CLUSTER,
            Unverified(),
        )
        self.link = MemberLink(
            self, endpoint, core.reactor, settings.controller_host, settings.controller_port
        )

    async def start(self) -> None:
        """Begin with what the replica says, and look for the controller."""
        await super().start()
        self.link.startService()

    async def stop(self) -> None:
        """Leave the cluster; then every session is closed cleanly."""
        self.admission.accepting = False
        await self.link.stopService()
        await super().stop()
        await self.replica.close()

    def session_ended(self, session: ServerSession) -> None:
        """Tell the controller soon."""
        super().session_ended(session)
        self.link.report_soon()

    def presence_changed(self, note: SessionNote, present: bool) -> None:
        """Have the controller told, who counts; without one there is nothing to keep."""
        if not self._online:
            return
        if present:
            self._news.came(note)
        else:
            self._news.went(note.id)
        self.link.report_soon()

    # -- the handler of the cluster connection

    def facts(self) -> MemberFacts:
        """Return what the controller has to know."""
        settings = self.core.settings
        return MemberFacts(
            id=settings.server_id,
            host_name=self.core.host_name,
            address=settings.public_address,
            ports=settings.public_ports or self.core.ports(),
            weight=settings.weight,
            certificate=self.core.identity.der,
            version=iquila.__version__,
            hosts=(),
            max_sessions=settings.max_sessions,
            database=self.replica.id,
            revision=self.replica.revision,
            previous=b"" if self.core.previous is None else self.core.previous.der,
        )

    def password_hash(self) -> bytes:
        """Return the hash of the controller's administration password."""
        return self.core.settings.member_password_hash

    def sign(self, data: bytes) -> bytes:
        """Sign with the key of this server's certificate."""
        return sign(self.core.identity.key, data)

    def sign_previous(self, data: bytes) -> bytes:
        """Sign with the key of the certificate before."""
        return b"" if self.core.previous is None else sign(self.core.previous.key, data)

    def known_by(self, facts: MemberFacts) -> None:
        """Forget the certificate before, once the controller knows the one of now."""
        if facts.certificate == self.core.identity.der:
            self.core.forget_previous_identity()

    async def described_anew(self) -> None:
        """Tell the controller."""
        await self.link.describe()

    def load(self) -> LoadReport:
        """Return the load, with the tickets redeemed and the sessions changed since last time."""
        redeemed, self._redeemed = tuple(self._redeemed), []
        came, went = self._news.take(NEWS_LIMIT)
        if self._news:
            self.link.report_soon()
        return evolve(measure(self.core, self.instances, redeemed), came=came, went=went)

    def issue_ticket(self, ticket: bytes, grant: Grant) -> None:
        """Write a ticket in the book, if it can be redeemed here."""
        instance = self.instances.get(grant.switch)
        if instance is None or instance.epoch != grant.epoch:
            raise SwitchNotFound(f"The Virtual Switch '{grant.switch}' does not run here.")
        self.tickets.issue(ticket, grant, self.core.now())

    async def operate(self, operation: str, request: bytes) -> bytes:
        """Run an operation that the controller asks for on what is here."""
        if self.core.operate is None:
            raise NotSupported
        return await self.core.operate(operation, request)

    def online(self) -> None:
        """Tell nothing twice: what was redeemed before is counted as a session now."""
        self._redeemed.clear()
        self._online = True
        self._news.start(
            note_of(session.facts)
            for session in self.core.sessions
            if not session.facts.bridge and (session.connections or not session.connections_made)
        )

    def offline(self, reason: str) -> None:
        """Carry on; the link tries again by itself."""
        self._online = False
        self._news.start()

    # -- logins

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> ServerSession | Redirect:
        """Let in who brings a ticket, or the administrator of a static switch."""
        if isinstance(login.auth, TicketProof):
            return self._redeem(login, login.auth, peer)
        if not is_administrator(login.user):
            raise AccessDenied(
                "This server is a member of a cluster: connect to the cluster controller."
            )
        passed = await self.authenticate(login, challenge, peer)
        if passed.switch.kind is not SwitchKind.STATIC:
            raise AccessDenied(
                "Only static Virtual Switches can be entered at a member: connect to the "
                "cluster controller."
            )
        name = f"SID-{ADMINISTRATOR.upper()}-{secrets.token_hex(3).upper()}"
        session = self.admit(passed, login, peer, name)
        self.link.report_soon()
        return session

    def _redeem(self, login: Login, proof: TicketProof, peer: Peer) -> ServerSession:
        grant = self.tickets.redeem(proof.ticket, login.switch, login.user, self.core.now())
        self._note_redeemed(proof.ticket)
        instance = self.instances.get(grant.switch)
        if instance is None:
            raise SwitchOffline
        if instance.epoch != grant.epoch:
            raise SwitchNotFound("The Virtual Switch has moved: log in at the controller.")
        passed = Passed(
            instance.record,
            grant.user,
            grant.policy,
            administrator=grant.administrator,
            group=grant.group,
            real_name=grant.real_name,
            radius=grant.radius,
        )
        return self.admit(passed, login, peer, grant.session_name)

    def _note_redeemed(self, ticket: bytes) -> None:
        if len(self._redeemed) < REDEEMED_LIMIT:
            self._redeemed.append(ticket_hash(ticket))
        self.link.report_soon()

    async def change_password(self, change: PasswordChange, challenge: bytes, peer: Peer) -> None:
        """Refuse: users live at the controller."""
        raise NotController

    def switch_names(self) -> list[str]:
        """Return nothing: clients choose a switch at the controller."""
        return []

    def status(self) -> Any:
        """Return the state of the cluster connection."""
        return self.link.status
