"""
Logins of users whom a RADIUS server checks: whom to ask, and what its reply gives.

Not how the question travels: see :mod:`iquila.session.radius`.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any, ClassVar

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from iquila.cluster.tickets import RadiusSession
from iquila.database.belongings import RadiusServer, SwitchOptions
from iquila.database.records import ANYBODY, AuthKind, Switch, User, user_key
from iquila.database.store import Database
from iquila.errors import (
    AuthenticationFailed,
    ConnectFailed,
    ServerCannotAccept,
    SwitchNotFound,
    SwitchOffline,
)
from iquila.session.gate import Peer
from iquila.session.radius import RadiusClient, Servers
from iquila.session.radiuspacket import Code, Reply
from iquila.session.radiusquestion import Login as Question
from iquila.wire.login import Login, PlainPassword
from iquila.wire.names import valid_user_name
from iquila.wire.policy import Policy

IPAddress = IPv4Address | IPv6Address
MAX_TIMEOUT = 120.0
MAX_HOSTS = 8
INTERIM, MIN_INTERIM = 600, 60
"""Seconds between two accounting reports where the RADIUS server does not say, and at least."""
CHALLENGE_SECONDS = 120.0
MAX_CHALLENGES = 1024
MAX_FROM_ONE = 64
"""Logins of one source that wait at a time, so that it cannot take all the room there is."""
IPV6_SITE = 64
"""Bits of an IPv6 address that count as one source: the rest is its holder's choice."""


@frozen
class Granted:
    """What a RADIUS server gave; nothing for users whom it does not check."""

    session: RadiusSession | None = None
    vlan: int = 0

    def policy(self, policy: Policy) -> Policy:
        """Return a policy with the VLAN that was assigned, unless it has one of its own."""
        return evolve(policy, vlan_id=self.vlan) if self.vlan and not policy.vlan_id else policy


NOTHING = Granted()


@frozen
class _Challenge:
    """A challenge that waits for the answer of a person."""

    state: bytes = field(repr=False)
    server: str
    password: bytes = field(repr=False)
    """Digest of what was answered with the challenge."""
    until: float


def source_of(address: IPAddress) -> IPAddress | IPv6Network:
    """Return what counts as one source of logins: an IPv4 address, or an IPv6 network."""
    if isinstance(address, IPv6Address):
        return IPv6Network((address, IPV6_SITE), strict=False)
    return address


def option(system: Database, switch: str, name: str) -> bool:
    """Return whether an extended option of a switch is set."""
    options = system.get(SwitchOptions, switch)
    return options is not None and bool(options.extended.get(name))


def nas_name(system: Database, switch: str, host_name: str) -> str:
    """Return the name that a server has at the RADIUS servers of a switch."""
    return switch if option(system, switch, "UseHubNameAsRadiusNasId") else host_name


def hosts_of(record: RadiusServer) -> tuple[str, ...]:
    """Return the servers of a record."""
    hosts = (host.strip() for host in record.host.split(";"))
    return tuple(host for host in hosts if host)[:MAX_HOSTS]


class RadiusLogins:
    """
    Asks RADIUS servers about the logins at one role.

    :param system: the database of the role.
    :param host_name: the name of this machine.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: Any, system: Database, host_name: str) -> None:
        self._reactor = reactor
        self._system = system
        self._host_name = host_name
        self._client = RadiusClient(reactor)
        self._waiting: Counter[IPAddress | IPv6Network] = Counter()
        self._challenges: dict[tuple[str, str, bytes, str], _Challenge] = {}
        self._salt = os.urandom(32)

    def __len__(self) -> int:
        return len(self._client)

    def anybody(self, switch: Switch, name: str) -> User | None:
        """Return who a login is whose name is not defined: the user ``*`` under that name."""
        user = self._system.get(User, user_key(switch.name, ANYBODY))
        if user is None or user.auth is not AuthKind.RADIUS or not valid_user_name(name):
            return None
        return evolve(user, name=name)

    async def authenticate(self, switch: Switch, user: User, login: Login, peer: Peer) -> Granted:
        """
        Ask whether a user may come in.

        :raises AuthenticationFailed: no, or nobody can say so.
        :raises ServerCannotAccept: too many wait already.
        :raises Disconnected: the client left.
        """
        record = self._system.get(RadiusServer, switch.name)
        if record is None or not isinstance(login.auth, PlainPassword):
            raise AuthenticationFailed
        defined = self._definition(user)
        reply = await self._ask(record, switch, user, login, peer, login.auth.password)
        self._check_unchanged(switch, user, defined)
        if reply.code is not Code.ACCEPT:
            self._log.info(
                "RADIUS: {user} on {switch} from {address} is refused ({code}): {message!r}",
                user=user.name,
                switch=switch.name,
                address=str(peer.address),
                code=reply.code.name.lower(),
                message=reply.message,
            )
            raise AuthenticationFailed
        return self._granted(switch, user, reply)

    def _definition(self, user: User) -> User | None:
        anybody = user_key(user.switch, ANYBODY)
        return self._system.get(User, user.key) or self._system.get(User, anybody)

    def _check_unchanged(self, switch: Switch, user: User, defined: User | None) -> None:
        """Refuse a login for which an administrator changed something while it waited."""
        current = self._system.get(Switch, switch.name)
        if current is None:
            raise SwitchNotFound
        if not current.online:
            raise SwitchOffline
        if defined is None or self._definition(user) != defined:
            raise AuthenticationFailed("The user was changed meanwhile: log in again.")

    async def _ask(
        self,
        record: RadiusServer,
        switch: Switch,
        user: User,
        login: Login,
        peer: Peer,
        password: str,
    ) -> Reply:
        servers = servers_of(record, record.port, min(float(record.timeout), MAX_TIMEOUT))
        key = (switch.key, user.name.lower(), login.options.unique_id, str(peer.address))
        question = Question(
            user.alias or user.name,
            password,
            nas_name(self._system, switch.name, self._host_name),
            str(peer.address),
        )
        if not question.is_sendable() or not servers.hosts:
            raise AuthenticationFailed
        challenge = self._take_challenge(key, password)
        if challenge is not None:
            # The state means something to the server that made it only.
            question = evolve(question, state=challenge.state)
            servers = evolve(servers, hosts=(challenge.server,))
        try:
            reply, host = await self._answer(question, servers, peer)
        except ConnectFailed as error:
            self._log.warn(
                "RADIUS: nobody told about {user} on {switch}: {error}",
                user=user.name,
                switch=switch.name,
                error=error,
            )
            raise AuthenticationFailed from None
        if reply.code is Code.CHALLENGE:
            self._keep_challenge(key, password, reply, host)
        return reply

    async def _answer(self, question: Question, servers: Servers, peer: Peer) -> tuple[Reply, str]:
        """Wait for a reply, if not too many from the same source wait already."""
        source = source_of(peer.address)
        if self._waiting[source] >= MAX_FROM_ONE:
            raise ServerCannotAccept(
                "Too many logins from this address wait for the RADIUS server: try again in a "
                "minute."
            )
        self._waiting[source] += 1
        try:
            answer = Deferred.fromCoroutine(self._client.ask(question, servers))
            found: tuple[Reply, str] = await peer.wait(answer)
            return found
        finally:
            self._waiting[source] -= 1
            if not self._waiting[source]:
                del self._waiting[source]

    # -- challenges

    def _digest(self, password: str) -> bytes:
        return hashlib.sha256(self._salt + password.encode()).digest()

    def _take_challenge(self, key: tuple[str, str, bytes, str], password: str) -> _Challenge | None:
        """
        Return the challenge that this password answers, None where there is none.

        The protocol has no way to ask a person for more; but its clients ask for the password
        again when it was refused. So the next password of the same client is the answer.

        :raises AuthenticationFailed: it is the same password again: the client has not asked
            anybody, and another challenge (another text message) would help nobody.
        """
        challenge = self._challenges.get(key)
        if challenge is None:
            return None
        if challenge.until <= self._reactor.seconds():
            del self._challenges[key]
            return None
        if challenge.password == self._digest(password):
            raise AuthenticationFailed
        del self._challenges[key]
        return challenge

    def _keep_challenge(
        self, key: tuple[str, str, bytes, str], password: str, reply: Reply, host: str
    ) -> None:
        if not reply.state or not any(key[2]):
            # Without an id of its own, another client could not be told from this one.
            return
        self._challenges.pop(key, None)
        while len(self._challenges) >= MAX_CHALLENGES:
            del self._challenges[next(iter(self._challenges))]
        until = self._reactor.seconds() + CHALLENGE_SECONDS
        self._challenges[key] = _Challenge(reply.state, host, self._digest(password), until)

    # -- what an accept gives

    def _granted(self, switch: Switch, user: User, reply: Reply) -> Granted:
        vlan = 0
        if option(self._system, switch.name, "AssignVLanIdByRadiusAttribute"):
            vlan = reply.vlan
            deny = option(self._system, switch.name, "DenyAllRadiusLoginWithNoVlanAssign")
            if deny and not vlan:
                self._log.info(
                    "RADIUS: {user} on {switch} is refused: no VLAN was assigned",
                    user=user.name,
                    switch=switch.name,
                )
                raise AuthenticationFailed
        session = RadiusSession(
            user=reply.user or user.alias or user.name,
            classes=reply.classes,
            interim=max(reply.interim or INTERIM, MIN_INTERIM),
            seconds=reply.session_timeout,
        )
        return Granted(session, vlan)

    async def close(self) -> None:
        """Ask nobody any more."""
        await self._client.close()


def servers_of(record: RadiusServer, port: int, timeout: float) -> Servers:
    """Return whom to ask by a record."""
    secret = record.secret.encode()
    return Servers(hosts_of(record), port, secret, record.retry_interval / 1000, timeout)
