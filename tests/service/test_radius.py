"""RADIUS logins and accounting of one role, without a network."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address
from typing import Any

from attrs import evolve
from pyrad.packet import AccessChallenge, AccessReject  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from iquila.cluster.tickets import RadiusSession
from iquila.database.belongings import RadiusServer as Record
from iquila.database.belongings import SwitchOptions
from iquila.database.records import AuthKind, Switch, SwitchKind, User
from iquila.database.store import Database, delete, put
from iquila.errors import AuthenticationFailed, ServerCannotAccept, SwitchOffline
from iquila.service.accounting import Accounting
from iquila.service.radius import CHALLENGE_SECONDS, MAX_FROM_ONE, Granted, RadiusLogins
from iquila.session.flusher import Flusher
from iquila.session.gate import Peer
from iquila.session.radiuspacket import Attribute
from iquila.session.server import EndCause, ServerSession, SessionFacts
from iquila.switch.switch import VirtualSwitch
from iquila.wire.login import (
    Anonymous,
    ClientIdentity,
    Login,
    LoginOptions,
    PlainPassword,
)
from iquila.wire.node import NodeInformation
from iquila.wire.policy import Policy

from ..radius import SECRET, RadiusNetwork, RadiusServer

OFFICE = Switch("Office", SwitchKind.STANDALONE)
ALICE = User("Office", "Alice", AuthKind.RADIUS, alias="alice@example")
PEER = Peer(IPv4Address("192.0.2.7"), 4711, 5555)
ADDRESS = "10.0.0.1"
CLIENT = ClientIdentity("client")


def login(password: str, unique_id: bytes = b"u" * 20) -> Login:
    """Return a login with a password."""
    options = LoginOptions(unique_id=unique_id)
    return Login("office", "alice", PlainPassword(password), CLIENT, options)


class RadiusTestCase(SynchronousTestCase):
    """A switch with a RADIUS server."""

    def setUp(self) -> None:
        """It accepts everybody."""
        self.network = RadiusNetwork()
        self.server = RadiusServer()
        self.network.servers = {(ADDRESS, 1812): self.server, (ADDRESS, 1813): self.server}
        self.system = Database.in_memory()
        self.record = Record("Office", ADDRESS, 1812, SECRET.decode(), 500, 15, 1813)
        self.change(put(OFFICE), put(ALICE), put(self.record))

    def change(self, *changes: Any) -> None:
        """Change the database."""
        self.successResultOf(self.system.transact(list(changes)))

    def set_options(self, **options: int) -> None:
        """Set extended options."""
        self.change(put(SwitchOptions("Office", {}, options)))

    def attribute(self, number: Attribute, request: int = -1) -> list[bytes]:
        """Return an attribute of a request that the server got."""
        return list(self.server.requests[request].get(number, []))


class LoginTests(RadiusTestCase):
    """Who may come in."""

    def setUp(self) -> None:
        """A role that is called gateway."""
        super().setUp()
        self.logins = RadiusLogins(self.network, self.system, "gateway")

    def authenticate(
        self,
        password: str = "pw",
        user: User = ALICE,
        unique_id: bytes = b"u" * 20,
        address: str = "192.0.2.7",
    ) -> Deferred[Granted]:
        """Ask about a user."""
        peer = evolve(PEER, address=ip_address(address))
        asked = self.logins.authenticate(OFFICE, user, login(password, unique_id), peer)
        return Deferred.fromCoroutine(asked)

    def refused(self, *arguments: Any, **options: Any) -> None:
        """Ask, and be refused."""
        self.failureResultOf(self.authenticate(*arguments, **options), AuthenticationFailed)

    def test_accepted(self) -> None:
        """Under the alias; what the accept says is for the server that carries the session."""
        self.server.attributes = {25: [b"class"], 27: [b"\0\0\0\x3c"], 85: [b"\0\0\0\1"]}
        granted = self.successResultOf(self.authenticate())
        self.assertEqual(granted.session, RadiusSession("alice@example", (b"class",), 60, 60))
        self.assertEqual(self.attribute(Attribute.USER_NAME), [b"alice@example"])
        self.assertEqual(self.attribute(Attribute.NAS_IDENTIFIER), [b"gateway"])
        self.assertEqual(self.attribute(Attribute.CALLING_STATION_ID), [b"192.0.2.7"])

    def test_own_name_and_name_of_the_switch(self) -> None:
        """Without an alias it is the user's own; an option has the switch's as ours."""
        self.set_options(UseHubNameAsRadiusNasId=1)
        user = evolve(ALICE, alias="")
        self.change(put(user))
        granted = self.successResultOf(self.authenticate(user=user))
        self.assertEqual(granted.session, RadiusSession("Alice"))
        self.assertEqual(self.attribute(Attribute.USER_NAME), [b"Alice"])
        self.assertEqual(self.attribute(Attribute.NAS_IDENTIFIER), [b"Office"])

    def test_refused(self) -> None:
        """By the server; or there is nobody to ask, no password, or none that can be sent."""
        self.server.code = AccessReject
        self.refused()
        self.server.requests.clear()
        self.refused("x" * 129)
        nobody = evolve(login(""), auth=Anonymous())
        done = Deferred.fromCoroutine(self.logins.authenticate(OFFICE, ALICE, nobody, PEER))
        self.failureResultOf(done, AuthenticationFailed)
        self.change(delete(Record, "office"))
        self.refused()
        self.assertEqual(self.server.requests, [])

    def test_one_source_cannot_take_all_the_room(self) -> None:
        """Of an address, and of an IPv6 network, a number of logins wait; others still may."""
        self.server.silent = True
        for near, same, other in (
            ("192.0.2.8", "192.0.2.8", "192.0.2.9"),
            ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"),
        ):
            waiting = [self.authenticate(address=near) for _ in range(MAX_FROM_ONE)]
            self.failureResultOf(self.authenticate(address=same), ServerCannotAccept)
            self.assertNoResult(elsewhere := self.authenticate(address=other))
            self.network.pump([0.5] * 30)
            for done in (*waiting, elsewhere):
                self.failureResultOf(done, AuthenticationFailed)
            self.assertEqual(len(self.logins), 0)
            self.server.silent = False
            self.successResultOf(self.authenticate(address=same))
            self.server.silent = True

    def test_silence(self) -> None:
        """Nobody says anything, in all the time there is."""
        self.server.silent = True
        done = self.authenticate()
        self.network.pump([0.5] * 29)
        self.assertNoResult(done)
        self.network.advance(0.5)
        self.failureResultOf(done, AuthenticationFailed)

    def test_changed_meanwhile(self) -> None:
        """An accept does not help a user who was deleted, nor at a switch that went offline."""
        for change, error in (
            (delete(User, ALICE.key), AuthenticationFailed),
            (put(evolve(ALICE, auth=AuthKind.PASSWORD)), AuthenticationFailed),
            (put(evolve(OFFICE, online=False)), SwitchOffline),
        ):
            self.change(put(OFFICE), put(ALICE))
            self.server.silent = True
            done = self.authenticate()
            self.change(change)
            self.server.silent = False
            self.network.advance(0.5)
            self.failureResultOf(done, error)

    def test_anybody(self) -> None:
        """The user ``*`` stands for names that are not defined; for no others."""
        self.assertIsNone(self.logins.anybody(OFFICE, "bob"))
        star = User("Office", "*", AuthKind.RADIUS, policy=Policy(max_connection=3))
        self.change(put(star))
        bob = self.logins.anybody(OFFICE, "bob")
        assert bob is not None
        self.assertEqual((bob.name, bob.policy), ("bob", star.policy))
        granted = self.successResultOf(self.authenticate(user=bob))
        self.assertEqual(granted.session, RadiusSession("bob"))
        for name in ("", "administrator", "a\nb", "x" * 256):
            self.assertIsNone(self.logins.anybody(OFFICE, name))
        self.change(put(evolve(star, auth=AuthKind.ANONYMOUS)))
        self.assertIsNone(self.logins.anybody(OFFICE, "bob"))

    def test_vlan(self) -> None:
        """Assigned where the option says so and the policy has none; needed with another."""
        self.server.attributes = {81: [b"77"]}
        self.assertEqual(self.successResultOf(self.authenticate()).vlan, 0)
        self.set_options(AssignVLanIdByRadiusAttribute=1, DenyAllRadiusLoginWithNoVlanAssign=1)
        granted = self.successResultOf(self.authenticate())
        self.assertEqual(granted.policy(Policy()).vlan_id, 77)
        self.assertEqual(granted.policy(Policy(vlan_id=5)).vlan_id, 5)
        self.server.attributes = {}
        self.refused()
        self.set_options(DenyAllRadiusLoginWithNoVlanAssign=1)
        self.successResultOf(self.authenticate())

    def challenge(self) -> None:
        """Be challenged."""
        self.server.code, self.server.attributes = AccessChallenge, {24: [b"state"]}
        self.refused("first")
        self.server.code, self.server.attributes = 2, {}

    def test_challenge(self) -> None:
        """The next password answers it, at the server that asked, with its state, once."""
        self.challenge()
        self.change(put(evolve(self.record, host=f"10.0.0.8;{ADDRESS}")))
        self.successResultOf(self.authenticate("123456"))
        request = self.server.requests[-1]
        self.assertEqual(self.attribute(Attribute.STATE), [b"state"])
        self.assertEqual(request.PwDecrypt(request[2][0]), "123456")
        self.assertEqual({address[0] for _, _, address in self.network.sent}, {ADDRESS})
        self.change(put(self.record))
        self.successResultOf(self.authenticate("123456"))
        self.assertEqual(self.attribute(Attribute.STATE), [])

    def test_a_client_that_only_tries_again(self) -> None:
        """The same password asks nobody, so that no second message is sent; for a time."""
        self.challenge()
        asked = len(self.server.requests)
        self.refused("first")
        self.assertEqual(len(self.server.requests), asked)
        self.network.advance(CHALLENGE_SECONDS)
        self.successResultOf(self.authenticate("first"))
        self.assertEqual(self.attribute(Attribute.STATE), [])

    def test_the_challenge_of_another(self) -> None:
        """Another client, or one without an id, does not answer it."""
        self.challenge()
        self.successResultOf(self.authenticate("123456", unique_id=b"v" * 20))
        self.assertEqual(self.attribute(Attribute.STATE), [])
        self.server.code, self.server.attributes = AccessChallenge, {24: [b"state"]}
        self.refused("first", unique_id=bytes(20))
        self.refused("123456", unique_id=bytes(20))
        self.assertEqual(self.attribute(Attribute.STATE), [])


class AccountingTests(RadiusTestCase):
    """The account of a session."""

    def setUp(self) -> None:
        """A role that is called gateway."""
        super().setUp()
        self.accounting = Accounting(self.network, self.system, "gateway")

    def session(self, radius: RadiusSession | None) -> ServerSession:
        """Return a session whose account has begun."""
        facts = SessionFacts(
            "SID-ALICE-1", "CID-1", b"k" * 20, "Office", "alice", Policy(), PEER.address, 1,
            CLIENT, NodeInformation(), 0, radius=radius,
        )  # fmt: skip
        session = ServerSession(
            self.network,
            Flusher(self.network),
            facts,
            VirtualSwitch("Office", now=0.0),
            self.accounting.end,
        )
        self.accounting.begin(session)
        return session

    def events(self) -> list[int]:
        """Return the kinds of the reports that the server got."""
        return [request[Attribute.ACCT_STATUS_TYPE][0][3] for request in self.server.requests]

    def number(self, attribute: Attribute) -> int:
        """Return a number in the latest report."""
        return int.from_bytes(self.attribute(attribute)[0], "big")

    def test_start_interim_stop(self) -> None:
        """One account from begin to end, with the counts and the reason."""
        session = self.session(RadiusSession("alice@example", (b"c1", b"c2"), 60))
        self.network.advance(60)
        session.port.received.unicast_bytes = 2**32 + 5
        session.port.sent.broadcast_frames = 7
        self.network.advance(30)
        session.cause = EndCause.USER_REQUEST
        session.end()
        self.assertEqual(self.events(), [1, 3, 2])
        self.assertEqual(len({bytes(r[44][0]) for r in self.server.requests}), 1)
        self.assertEqual(self.attribute(Attribute.CLASS), [b"c1", b"c2"])
        self.assertEqual(self.attribute(Attribute.USER_NAME), [b"alice@example"])
        self.assertEqual(self.number(Attribute.ACCT_SESSION_TIME), 90)
        self.assertEqual(self.number(Attribute.ACCT_INPUT_OCTETS), 5)
        self.assertEqual(self.number(Attribute.ACCT_INPUT_GIGAWORDS), 1)
        self.assertEqual(self.number(Attribute.ACCT_OUTPUT_PACKETS), 7)
        self.assertEqual(self.number(Attribute.ACCT_TERMINATE_CAUSE), 1)
        self.assertEqual(self.network.getDelayedCalls(), [])

    def test_two_sessions_of_a_name(self) -> None:
        """They have accounts of their own: names come again when a server is made anew."""
        for _ in range(2):
            self.session(RadiusSession("a")).end()
        self.assertEqual(len({bytes(r[44][0]) for r in self.server.requests}), 2)

    def test_session_timeout(self) -> None:
        """The session ends when its time is over, with or without accounting."""
        self.session(RadiusSession("a", seconds=100))
        self.network.advance(99)
        self.assertEqual(self.events(), [1])
        self.network.advance(1)
        self.assertEqual(self.events(), [1, 2])
        self.assertEqual(self.number(Attribute.ACCT_TERMINATE_CAUSE), 5)
        self.change(put(evolve(self.record, accounting_port=0)))
        session = self.session(RadiusSession("a", seconds=100))
        self.network.advance(100)
        self.assertEqual((session.state.value, self.events()), ("ended", [1, 2]))

    def test_others_have_no_account(self) -> None:
        """Users with a password here."""
        self.session(None).end()
        self.assertEqual(self.network.sent, [])

    def test_a_silent_server(self) -> None:
        """Reports are repeated for a minute, and then lost; the session never waits."""
        self.server.silent = True
        session = self.session(RadiusSession("a"))
        self.network.pump([2.0] * 29)
        self.assertEqual(self.events(), [1] * 30)
        self.network.pump([2.0] * 5)
        self.assertEqual(len(self.events()), 30)
        session.end()
        self.assertEqual(session.state.value, "ended")

    def test_stopping(self) -> None:
        """The last reports get a second to be answered."""
        self.server.silent = True
        self.session(RadiusSession("a")).end()
        self.session(RadiusSession("b"))
        done = Deferred.fromCoroutine(self.accounting.close())
        self.assertNoResult(done)
        self.network.advance(1.0)
        self.successResultOf(done)
        self.assertEqual(self.network.getDelayedCalls(), [])
        self.assertEqual(self.network.closed, 1)
