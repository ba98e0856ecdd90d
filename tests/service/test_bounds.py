"""What a Virtual Switch asks of logins: a role on a database, without a network."""

from __future__ import annotations

from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from iquila.cluster.roster import MemberDescription
from iquila.database.belongings import AddressList, AddressRule, SwitchOptions
from iquila.database.records import AuthKind, Record, ServerSettings, Switch, SwitchKind, User
from iquila.database.store import Database, delete, put
from iquila.errors import OldPasswordWrong, VENError
from iquila.service.controller import redirect_to
from iquila.service.role import Standalone
from iquila.service.statistics import Statistics
from iquila.session.gate import Peer
from iquila.session.server import ServerSession
from iquila.session.table import SessionTable
from iquila.wire.login import (
    Anonymous,
    Auth,
    ClientIdentity,
    Login,
    LoginOptions,
    PasswordProof,
    PlainPassword,
)
from iquila.wire.passwords import secure_password, switch_hashes, user_hash
from iquila.wire.request import PasswordChange

OFFICE = Switch("Office", SwitchKind.STANDALONE)
CHALLENGE = b"c" * 20
NEAR, FAR, SIX = "127.0.0.1", "192.0.2.7", "2001:db8::7"


class RoleTestCase(SynchronousTestCase):
    """A standalone role with one switch and one user who needs no password."""

    def setUp(self) -> None:
        """Let it run."""
        clock = Clock()
        self.system = Database.in_memory()
        self.store(OFFICE, User("Office", "guest"))
        core: Any = SimpleNamespace(
            reactor=clock,
            now=clock.seconds,
            sessions=SessionTable(clock),
            settings=ServerSettings("one"),
            statistics=Statistics(clock),
            host_name="here",
        )
        self.role = Standalone(core, self.system)
        self.successResultOf(Deferred.fromCoroutine(self.role.start()))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.role.stop()))
        self.clients = 0

    def store(self, *records: Record) -> None:
        """Write records."""
        self.successResultOf(self.system.transact([put(record) for record in records]))

    def options(self, extended: dict[str, int] | None = None, **administrator: int) -> None:
        """Set options of the office."""
        self.store(SwitchOptions("Office", administrator, extended or {}))

    def login(
        self,
        user: str = "guest",
        auth: Auth | None = None,
        address: str = FAR,
        build: int = 9674,
        **options: Any,
    ) -> Deferred[Any]:
        """Log a new client in."""
        self.clients += 1
        wanted = LoginOptions(unique_id=self.clients.to_bytes(20, "big"), **options)
        login = Login(
            "office", user, auth or Anonymous(), ClientIdentity("client", 501, build), wanted
        )
        peer = Peer(ip_address(address), 1234, 5555)
        return Deferred.fromCoroutine(self.role.login(login, CHALLENGE, peer))

    def enter(self, *arguments: Any, **options: Any) -> ServerSession:
        """Log in; return the session."""
        session: ServerSession = self.successResultOf(self.login(*arguments, **options))
        return session

    def refusal(self, *arguments: Any, **options: Any) -> int:
        """Return the number with which a login is refused."""
        failure = self.failureResultOf(self.login(*arguments, **options), VENError)
        code: int = failure.value.code
        return code


class SourceTests(RoleTestCase):
    """From where clients may come."""

    def setUp(self) -> None:
        """Nobody but a network."""
        super().setUp()
        self.store(
            AddressList(
                "Office",
                (
                    AddressRule(1, 1, False, "192.0.2.0", "255.255.255.0"),
                    AddressRule(2, 2, True, "0.0.0.0", "0.0.0.0"),
                    AddressRule(3, 3, True, SIX),
                ),
            )
        )

    def test_denied(self) -> None:
        """Error 109, for IPv4 and for IPv6, and for the switch's administrator."""
        self.enter(address=FAR)
        self.enter(address="2001:db8::8")
        for address in (NEAR, "192.0.3.1", SIX):
            self.assertEqual(self.refusal(address=address), 109)
            self.assertEqual(self.refusal("administrator", address=address), 109)
        self.store(AddressList("Office"))
        self.enter(address=SIX)

    def test_before_everything_about_the_user(self) -> None:
        """But an unknown switch is told first; an offline one after."""
        self.store(evolve(OFFICE, online=False))
        self.assertEqual(self.refusal("nobody", address=SIX), 109)
        self.assertEqual(self.refusal("nobody", address=FAR), 10)


class NumberTests(RoleTestCase):
    """How many sessions there may be."""

    def test_of_the_switch(self) -> None:
        """MaxSession: not for its administrator."""
        hashed, secure = switch_hashes("secret")
        office = evolve(OFFICE, max_sessions=1, hashed_password=hashed, secure_password=secure)
        self.store(office)
        self.enter()
        self.assertEqual(self.refusal(), 16)
        self.enter("administrator", PasswordProof(secure_password(secure, CHALLENGE)))

    def test_by_option(self) -> None:
        """max_sessions: for everybody."""
        self.options(max_sessions=2)
        first = self.enter()
        self.enter()
        self.assertEqual(self.refusal(), 16)
        first.end()
        self.enter()
        self.options(max_sessions=0)
        self.enter()

    def test_of_clients_and_bridges(self) -> None:
        """Each has a number of its own, which counts only where it is said to."""
        self.options(max_sessions_client=1, max_sessions_bridge=0)
        self.enter(bridge_mode=True)
        self.enter()
        self.enter()
        self.options(
            max_sessions_client_bridge_apply=1, max_sessions_client=3, max_sessions_bridge=1
        )
        self.assertEqual(self.refusal(bridge_mode=True), 16)
        self.enter()
        self.assertEqual(self.refusal(), 16)
        self.options(max_sessions_client_bridge_apply=1, max_sessions_bridge=2)
        self.enter(bridge_mode=True)
        self.assertEqual(self.refusal(), 16)

    def test_of_one_user(self) -> None:
        """max_multilogins_per_user: error 20, another user comes in."""
        self.store(User("Office", "other"))
        self.options(max_multilogins_per_user=1)
        session = self.enter()
        transport: Any = SimpleNamespace()
        session.connections.append(transport)
        self.assertEqual(self.refusal(), 20)
        self.enter("other")
        session.connections.remove(transport)


class UserTests(RoleTestCase):
    """What users may do."""

    def test_empty_passwords(self) -> None:
        """From this machine only, where the option says so."""
        users = {"empty": "", "full": "secret"}
        for name, password in users.items():
            self.store(User("Office", name, AuthKind.PASSWORD, user_hash(password, name)))
        self.enter("empty", PlainPassword(""))
        self.options(deny_empty_password=1)
        self.assertEqual(self.refusal("empty", PlainPassword("")), 51)
        self.assertEqual(self.refusal("empty", PlainPassword("wrong")), 9)
        self.enter("empty", PlainPassword(""), address=NEAR)
        self.enter("full", PlainPassword("secret"))
        self.enter()

    def test_bridging(self) -> None:
        """Neither bridging nor routing is left: error 108."""
        self.options(deny_bridge=1)
        self.assertTrue(self.enter(bridge_mode=True).facts.policy.no_bridge)
        self.options(deny_bridge=1, deny_routing=1)
        self.assertEqual(self.refusal(bridge_mode=True), 108)
        self.enter()

    def test_rates(self) -> None:
        """They are in the policy of the session."""
        self.options(max_bitrates_upload=1000, max_bitrates_download=2000, deny_qos=1)
        policy = self.enter().facts.policy
        self.assertEqual((policy.max_upload, policy.max_download), (1000, 2000))
        self.assertTrue(policy.no_qos)

    def test_old_clients(self) -> None:
        """ClientMinimumRequiredBuild: error 87."""
        self.options({"ClientMinimumRequiredBuild": 9000})
        self.assertEqual(self.refusal(build=8999), 87)
        self.enter(build=9000)

    def test_changing_a_password(self) -> None:
        """Not where the option says so: nothing is changed."""
        hashed, new = user_hash("old", "alice"), user_hash("new", "alice")
        self.store(User("Office", "alice", AuthKind.PASSWORD, hashed))
        proof = secure_password(hashed, CHALLENGE)
        change = PasswordChange("office", "alice", proof, new, b"")
        self.options(deny_change_user_password=1)
        self.assertEqual(self.failureResultOf(self.change(change), VENError).value.code, 52)
        self.enter("alice", PlainPassword("old"))
        self.options()
        self.successResultOf(self.change(change))
        self.enter("alice", PlainPassword("new"))

    def change(self, change: PasswordChange, address: str = FAR) -> Deferred[None]:
        """Change a user's password from some address."""
        peer = Peer(ip_address(address), 1, 443)
        return Deferred.fromCoroutine(self.role.change_password(change, CHALLENGE, peer))

    def own_change(self) -> PasswordChange:
        """Return the right change of a user's password."""
        hashed, new = user_hash("old", "alice"), user_hash("new", "alice")
        self.store(User("Office", "alice", AuthKind.PASSWORD, hashed))
        proof = secure_password(hashed, CHALLENGE)
        return PasswordChange("office", "alice", proof, new, b"")

    def test_changing_a_password_from_elsewhere(self) -> None:
        """Passwords are not tried either from where nobody may log in."""
        change = self.own_change()
        self.store(AddressList("Office", (AddressRule(1, 1, True, FAR),)))
        code = self.failureResultOf(self.change(change), VENError).value.code
        self.assertEqual(code, self.refusal("alice", PlainPassword("old")))
        self.successResultOf(self.change(change, NEAR))

    def test_a_deleted_user_stays_deleted(self) -> None:
        """A new password that waits for the disk behind the deletion does not bring one back."""
        change = self.own_change()
        self.system._busy = True
        self.system.transact([delete(User, "office/alice")])
        done = self.change(change)
        self.system._busy = False
        self.system._pump()
        self.failureResultOf(done, OldPasswordWrong)
        self.assertIsNone(self.system.get(User, "office/alice"))


class MessageTests(RoleTestCase):
    """What a switch shows its clients."""

    def test_in_the_welcome(self) -> None:
        """As it is at the login."""
        self.assertEqual(self.enter().welcome().message, "")
        self.store(evolve(OFFICE, message="Grüße"))
        pack = self.enter().welcome().to_pack()
        self.assertEqual(pack.get_data("Msg"), "Grüße".encode())

    def test_in_the_redirect(self) -> None:
        """And left out where there is none."""
        member = MemberDescription("m", 1, "m", "10.0.0.1", (5555,), 100, b"", 0)
        peer = Peer(ip_address(FAR), 1234, 5555)
        pack = redirect_to(member, peer, b"t" * 20, "hello").to_pack()
        self.assertEqual(pack.get_data("Msg"), b"hello")
        self.assertNotIn("Msg", redirect_to(member, peer, b"t" * 20).to_pack())

    def test_hidden_from_strangers(self) -> None:
        """The option NoEnum is a field of the switch itself."""
        self.assertEqual(self.role.switch_names(), ["Office"])
        self.store(evolve(OFFICE, no_enum=True))
        self.assertEqual(self.role.switch_names(), [])
