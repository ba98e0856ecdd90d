"""
What the roles share: who a login is, by the rules of reference §3.6 (1 to 5).

A role is the gate of its server (:class:`iquila.session.gate.Gate`) while it lasts.
"""

from __future__ import annotations

import os
import time
from typing import ClassVar

from attrs import evolve, frozen
from twisted.internet.interfaces import IProtocol
from twisted.logger import Logger

import iquila
from iquila.admin.rules import NT_DIGEST
from iquila.cluster.ledger import Ledger, SessionNote, machine_of
from iquila.cluster.tickets import RadiusSession
from iquila.database.lookups import group_of, policy_of
from iquila.database.records import AuthKind, ServerMode, Switch, User, user_key
from iquila.database.store import Database, put
from iquila.errors import (
    AccessDenied,
    AuthenticationFailed,
    Conflict,
    OldPasswordWrong,
    ServerCannotAccept,
    SessionTimedOut,
    SwitchNotFound,
    SwitchOffline,
    TooManyLogins,
    WrongAuthType,
)
from iquila.service import bounds
from iquila.service.accounting import Accounting
from iquila.service.admission import Admission
from iquila.service.core import Core
from iquila.service.instances import Instances
from iquila.service.radius import NOTHING, RadiusLogins
from iquila.session.authentication import (
    ADMINISTRATOR,
    administrator_policy,
    authenticate_administrator,
    authenticate_user,
    is_administrator,
    session_policy,
)
from iquila.session.gate import Peer
from iquila.session.server import EndCause, ServerSession, SessionFacts
from iquila.session.table import Presence
from iquila.session.usercertificate import Trust
from iquila.wire.hello import BUILD, CHALLENGE_SIZE, VERSION, Hello
from iquila.wire.login import Login
from iquila.wire.passwords import check
from iquila.wire.policy import Policy
from iquila.wire.redirect import Redirect
from iquila.wire.request import Administration, PasswordChange

PRODUCT = f"iquila VEN Server {iquila.__version__}"


@frozen
class Passed:
    """A login that proved itself."""

    switch: Switch
    user: str
    policy: Policy
    administrator: bool = False
    group: str = ""
    real_name: str = ""
    """The name of the user record that let the client in."""
    radius: RadiusSession | None = None


class Between:
    """The gate while no role is there: between two modes, and before and after all."""

    def hello(self) -> Hello:
        """Greet as always."""
        return Hello(PRODUCT, VERSION, BUILD, os.urandom(CHALLENGE_SIZE))

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> ServerSession | Redirect:
        """Refuse."""
        raise ServerCannotAccept

    def resume(self, session_key: bytes) -> ServerSession:
        """Refuse."""
        raise SessionTimedOut

    def switch_names(self) -> list[str]:
        """Return nothing."""
        return []

    async def change_password(self, change: PasswordChange, challenge: bytes, peer: Peer) -> None:
        """Refuse."""
        raise ServerCannotAccept

    async def administrate(
        self, request: Administration, challenge: bytes, peer: Peer
    ) -> IProtocol:
        """Refuse."""
        raise ServerCannotAccept


class Role(Between):
    """
    The base of the roles.

    :param system: the system database of this role.
    """

    mode: ClassVar[ServerMode]
    _log: ClassVar[Logger] = Logger()

    def __init__(self, core: Core, system: Database) -> None:
        self.core = core
        self.system = system
        self.ledger = Ledger()
        """The sessions that this role knows of: a controller's are those of all servers."""
        self.instances = Instances(
            core.reactor, system, core.settings.server_id, self.mode, self._instance_stopped
        )
        self.admission = Admission(
            core.reactor,
            core.sessions,
            system,
            lambda: core.settings.max_sessions,
            self.session_ended,
        )
        self.radius = RadiusLogins(core.reactor, system, core.host_name)
        self.accounting = Accounting(core.reactor, system, core.host_name)

    async def start(self) -> None:
        """Begin: instances run, logins are answered."""
        self.core.sessions.observers.append(self._observed)
        self.instances.start()

    async def stop(self) -> None:
        """End: every session is closed cleanly."""
        self.admission.accepting = False
        for session in self.core.sessions:
            session.cause = EndCause.ADMIN_REBOOT
            session.end()
        if self._observed in self.core.sessions.observers:
            self.core.sessions.observers.remove(self._observed)
        self.instances.stop()
        await self.radius.close()
        await self.accounting.close()

    def _instance_stopped(self, name: str) -> None:
        for session in self.core.sessions.of_switch(name):
            session.end()

    async def described_anew(self) -> None:
        """Tell the others of the cluster what has changed of this server's description."""

    def session_ended(self, session: ServerSession) -> None:
        """Note that a session on this server is over."""
        self.accounting.end(session)

    def _observed(self, session: ServerSession, presence: Presence) -> None:
        if not session.facts.bridge:
            present = presence in (Presence.NEW, Presence.BACK)
            self.presence_changed(note_of(session.facts), present)

    def presence_changed(self, note: SessionNote, present: bool) -> None:
        """Count a session on this server in or out, for the limit of multiple logins."""
        own = self.core.settings.server_id
        if present:
            self.ledger.entered(own, note)
        else:
            self.ledger.left(own, note.id)

    # -- the gate

    def resume(self, session_key: bytes) -> ServerSession:
        """Return the live session with this key."""
        return self.core.sessions.resume(session_key)

    def switch_names(self) -> list[str]:
        """Return the names of the switches that may be shown to anybody."""
        return [s.name for s in self.system.all(Switch) if not s.no_enum]

    async def change_password(self, change: PasswordChange, challenge: bytes, peer: Peer) -> None:
        """Let a user replace their own password (reference §1.6)."""
        switch = self.system.get(Switch, change.switch)
        if switch is None:
            raise SwitchNotFound
        # Who may not log in from there may not try passwords from there either.
        bounds.check_address(self.system, switch, peer.address)
        bounds.check_password_change(self.system, change.switch)
        user = self.system.get(User, user_key(change.switch, change.user))
        if user is None:
            raise OldPasswordWrong
        if user.auth is not AuthKind.PASSWORD:
            raise WrongAuthType
        if not any(user.password_hash):
            raise OldPasswordWrong
        if not check(change.secure_old_password, user.password_hash, challenge):
            raise OldPasswordWrong
        if policy_of(self.system, user).fix_password:
            raise AccessDenied("The policy does not allow this user to change the password.")
        now = int(time.time() * 1000)
        nt_hash = change.new_password_nt if len(change.new_password_nt) == NT_DIGEST else b""
        changed = evolve(user, password_hash=change.new_password, nt_hash=nt_hash, updated=now)
        try:
            await self.system.transact([put(changed)], [self.system.unchanged(User, user.key)])
        except Conflict:
            # What an administrator does at the same time stands, a deletion above all.
            raise OldPasswordWrong from None

    async def administrate(
        self, request: Administration, challenge: bytes, peer: Peer
    ) -> IProtocol:
        """Let an administrator's tool in."""
        admit = self.core.administrate
        if admit is None:
            raise ServerCannotAccept
        return await admit(request, challenge, peer)

    # -- who it is

    async def authenticate(self, login: Login, challenge: bytes, peer: Peer) -> Passed:
        """
        Check a login against this role's database.

        :raises VENError: why it is refused.
        """
        if not self.admission.accepting:
            raise ServerCannotAccept
        switch = self.system.get(Switch, login.switch)
        if switch is None:
            raise SwitchNotFound(
                f"There is no Virtual Switch '{login.switch[:64]}' on this server: check its name."
            )
        bounds.check_address(self.system, switch, peer.address)
        if not switch.online:
            raise SwitchOffline
        if is_administrator(login.user):
            authenticate_administrator(switch, login.auth, challenge, peer.address)
            policy = session_policy(administrator_policy(), login)
            passed = Passed(switch, ADMINISTRATOR, policy, administrator=True)
        else:
            passed = await self._authenticate_user(switch, login, challenge, peer)
        bounds.check_client(self.system, switch, login)
        return passed

    async def _authenticate_user(
        self, switch: Switch, login: Login, challenge: bytes, peer: Peer
    ) -> Passed:
        user = self.system.get(User, user_key(switch.name, login.user))
        user = user or self.radius.anybody(switch, login.user)
        if user is None:
            raise AuthenticationFailed
        granted = NOTHING
        if user.auth is AuthKind.RADIUS:
            granted = await self.radius.authenticate(switch, user, login, peer)
        else:
            authenticate_user(user, login.auth, challenge, Trust(self.system, switch.name))
        bounds.check_empty_password(self.system, user, peer.address)
        if user.expires and user.expires <= time.time() * 1000:
            raise AccessDenied("The user's account has expired.")
        policy = granted.policy(policy_of(self.system, user))
        policy = session_policy(bounds.bounded(self.system, switch, policy), login)
        self._check_logins(switch, user, policy, login)
        group = group_of(self.system, user)
        return Passed(
            switch,
            user.name,
            policy,
            group="" if group is None else group.name,
            real_name=user.name,
            radius=granted.session,
        )

    def _check_logins(self, switch: Switch, user: User, policy: Policy, login: Login) -> None:
        # Sessions of the same machine do not count: a client that comes back after a crash must
        # not be kept out by its own ghost (reference §11.2).
        limit = policy.multi_logins
        machine = machine_of(login.node.unique_id)
        now = float(self.core.reactor.seconds())
        if limit and self.ledger.count(switch.name, user.name, machine, now) >= limit:
            raise TooManyLogins

    def admit(self, passed: Passed, login: Login, peer: Peer, session_name: str) -> ServerSession:
        """Make a session on this very server."""
        session = self.admission.admit(
            self.instances.get(passed.switch.name),
            login,
            peer,
            user=passed.user,
            session_name=session_name,
            policy=passed.policy,
            group=passed.group,
            real_name=passed.real_name,
            unlimited=passed.administrator,
            radius=passed.radius,
        )
        self.accounting.begin(session)
        return session

    def next_session_name(self, switch: str, user: str) -> str:
        """Count a login and return the name of its session (reference §9.6)."""
        number = self.core.statistics.count(switch, user)
        return f"SID-{user.upper()}-{number}"


def note_of(facts: SessionFacts) -> SessionNote:
    """Return what stands for a session in the count of logins."""
    return SessionNote(
        facts.connection_name, facts.switch, facts.user, machine_of(facts.node.unique_id)
    )


class Standalone(Role):
    """A server on its own."""

    mode = ServerMode.STANDALONE

    async def start(self) -> None:
        """Begin, counting logins in the own database."""
        self.core.statistics.start(self.system)
        await super().start()

    async def stop(self) -> None:
        """End, with the counts written."""
        await super().stop()
        await self.core.statistics.stop()

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> ServerSession | Redirect:
        """Authenticate a client, and have its session here."""
        passed = await self.authenticate(login, challenge, peer)
        name = self.next_session_name(passed.switch.name, passed.user)
        return self.admit(passed, login, peer, name)
