"""Both ends of the cluster connection over an in-memory transport, with a clock of their own."""

from __future__ import annotations

import hashlib
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from iquila.cluster.roster import LoadReport, MemberDescription
from iquila.cluster.tickets import Grant
from iquila.database.belongings import AccessRule
from iquila.database.records import Switch, SwitchKind, User
from iquila.database.store import Database, put
from iquila.errors import AccessDenied, Disconnected, ObjectNotFound, VENError
from iquila.link.commands import MemberFacts
from iquila.link.controller import ControllerFactory, MemberHandle, RefusingFactory
from iquila.link.member import MemberLink
from iquila.link.signature import is_signed, sign
from iquila.session.certificate import Identity, make_identity
from iquila.wire.policy import DEFAULT_POLICY

IDENTITY = make_identity("member")
GRANT = Grant("office", "alice", "SID-ALICE-1", DEFAULT_POLICY)


class Wire(StringTransport):
    """One end of a connection; the binding stands for the keys of its channel."""

    def __init__(self, binding: bytes) -> None:
        super().__init__()
        self.binding = binding
        self.other: Wire
        self.protocol: Any = None
        self.gone = False
        self.inbox: list[bytes] = []

    def channel_binding(self) -> bytes:
        """Return the binding of this end."""
        return self.binding

    def write(self, data: bytes) -> None:
        """Carry bytes to the other end, unless it is cut."""
        if not self.gone:
            self.other.inbox.append(data)

    def writeSequence(self, data: Any) -> None:
        """Carry bytes."""
        self.write(b"".join(data))

    def write_through(self, view: memoryview) -> bool:
        """Carry bytes."""
        self.write(bytes(view))
        return True

    def exempt(self) -> None:
        """Nothing is paced here."""

    def loseConnection(self) -> None:
        """Close both ends."""
        for end in (self, self.other):
            end.gone = True

    abortConnection = loseConnection


class Net:
    """Connects members to the controller's factory; pumps bytes until nothing moves."""

    def __init__(self, clock: Clock, factory: Any) -> None:
        self.clock = clock
        self.factory = factory
        self.wires: list[Wire] = []
        self.bindings = (b"k" * 32, b"k" * 32)
        self.silent = False

    def connect(self, factory: Any) -> Any:
        """Connect a member."""
        ends = [Wire(binding) for binding in self.bindings]
        ends[0].other, ends[1].other = ends[1], ends[0]
        protocols = [factory.buildProtocol(None), self.factory.buildProtocol(None)]
        for end, protocol in zip(ends, protocols, strict=True):
            end.protocol = protocol
            protocol.makeConnection(end)
        self.wires += ends
        return protocols[0]

    def pump(self, seconds: float = 0.0) -> None:
        """Deliver everything, and let time pass in small steps."""
        end = self.clock.seconds() + seconds
        while True:
            moved = True
            while moved:
                moved = self.deliver()
                self.clock.advance(0)
            if self.clock.seconds() >= end:
                return
            self.clock.advance(min(0.25, end - self.clock.seconds()))

    def deliver(self) -> bool:
        """Deliver what waits once; return whether anything did."""
        moved = False
        for wire in list(self.wires):
            while wire.inbox and not wire.gone and not self.silent:
                wire.protocol.dataReceived(wire.inbox.pop(0))
                moved = True
            if wire.gone and wire in self.wires:
                self.wires.remove(wire)
                wire.protocol.connectionLost(Failure(Disconnected()))
                moved = True
        return moved

    def cut(self) -> None:
        """Cut every connection."""
        for wire in self.wires:
            wire.gone = True


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Leads to the net."""

    def __init__(self, net: Net) -> None:
        self.net = net

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Connect."""
        done: Deferred[Any] = Deferred()
        done.callback(self.net.connect(protocolFactory))
        return done


class Controller:
    """What the controller's end asks; keeps what it is told."""

    def __init__(self) -> None:
        self.system = Database.in_memory("system")
        self.password = b"hash"
        self.pinned: dict[str, bytes] = {}
        self.members: dict[str, MemberHandle] = {}
        self.reports: list[LoadReport] = []
        self.reasons: list[str] = []
        self.described_as: list[MemberDescription] = []

    def password_hash(self) -> bytes:
        return self.password

    def server_id(self) -> str:
        return "controller"

    async def pin(self, facts: MemberFacts, fingerprint: bytes, previous: bytes) -> None:
        if self.pinned.setdefault(facts.id, fingerprint) not in (fingerprint, previous):
            raise AccessDenied("another certificate")
        self.pinned[facts.id] = fingerprint

    def joined(self, member: MemberHandle) -> None:
        self.members[member.id] = member

    def left(self, member: MemberHandle, reason: str) -> None:
        self.reasons.append(reason)
        if self.members.get(member.id) is member:
            del self.members[member.id]

    def reported(self, member: MemberHandle, report: LoadReport) -> None:
        self.reports.append(report)

    def described(self, member: MemberHandle) -> None:
        self.described_as.append(member.description)


class Member:
    """What the member's end asks."""

    def __init__(self) -> None:
        self.replica = Database.in_memory("empty")
        self.password = b"hash"
        self.identity: Identity = IDENTITY
        self.report = LoadReport(sessions=3)
        self.tickets: list[tuple[bytes, Grant]] = []
        self.changes: list[str] = []
        self.announced = IDENTITY.der
        self.previous: Identity | None = None
        self.max_sessions = 10
        self.known: list[MemberFacts] = []

    def facts(self) -> MemberFacts:
        return MemberFacts(
            "m1",
            "host",
            "10.0.0.1",
            (5555,),
            100,
            self.announced,
            "1",
            (),
            self.max_sessions,
            self.replica.id,
            self.replica.revision,
            b"" if self.previous is None else self.previous.der,
        )

    def sign_previous(self, data: bytes) -> bytes:
        assert self.previous is not None
        return sign(self.previous.key, data)

    def known_by(self, facts: MemberFacts) -> None:
        self.known.append(facts)

    def password_hash(self) -> bytes:
        return self.password

    def sign(self, data: bytes) -> bytes:
        return sign(self.identity.key, data)

    def load(self) -> LoadReport:
        return self.report

    def issue_ticket(self, ticket: bytes, grant: Grant) -> None:
        if grant.switch != "office":
            raise ObjectNotFound("no such switch")
        self.tickets.append((ticket, grant))

    async def operate(self, operation: str, request: bytes) -> bytes:
        return operation.encode() + b":" + request[::-1]

    def online(self) -> None:
        self.changes.append("online")

    def offline(self, reason: str) -> None:
        self.changes.append("offline")


class LinkTestCase(SynchronousTestCase):
    """A controller and a member."""

    def setUp(self) -> None:
        """Connect nothing yet."""
        self.clock = Clock()
        self.controller, self.member = Controller(), Member()
        self.net = Net(self.clock, ControllerFactory(self.controller, self.clock))
        self.link = MemberLink(
            self.member, Endpoint(self.net), self.clock, "ctl", 5555, lambda low, _high: low
        )
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Stop the member."""
        if self.link.running:
            self.link.stopService()
            self.net.pump(2.0)

    def join(self) -> None:
        """Start the member."""
        self.link.startService()
        self.net.pump(0.5)

    def ask(self, coroutine: Any) -> Any:
        """Return the result of a call."""
        done = Deferred.fromCoroutine(coroutine)
        self.net.pump(6.0)
        return self.successResultOf(done)

    def refused(self, coroutine: Any) -> VENError:
        """Return the refusal of a call."""
        done = Deferred.fromCoroutine(coroutine)
        self.net.pump(6.0)
        error = self.failureResultOf(done, VENError).value
        assert isinstance(error, VENError)
        return error


class JoinTests(LinkTestCase):
    """Who may join."""

    def test_join(self) -> None:
        """With the password; reports follow, and the certificate is pinned."""
        self.join()
        self.net.pump(2.0)
        self.assertEqual(list(self.controller.members), ["m1"])
        self.assertTrue(self.link.status.online)
        self.assertGreaterEqual(len(self.controller.reports), 3)
        self.assertEqual(self.controller.reports[0].sessions, 3)
        digest = hashlib.sha256(IDENTITY.der).digest()
        self.assertEqual(self.controller.pinned, {"m1": digest})
        self.assertEqual((self.link.status.tries, self.link.status.failed), (1, 0))

    def test_wrong_password(self) -> None:
        """Refused with 12, and tried for ever."""
        self.member.password = b"other"
        self.join()
        self.net.pump(20.0)
        self.assertEqual(self.controller.members, {})
        self.assertEqual(self.link.status.last_error, 12)
        self.assertGreater(self.link.status.tries, 5)
        self.member.password = b"hash"
        self.net.pump(4.0)
        self.assertTrue(self.link.status.online)

    def test_man_in_the_middle(self) -> None:
        """Two channels have two bindings: no proof holds across them."""
        self.net.bindings = (b"a" * 32, b"b" * 32)
        self.join()
        self.assertEqual(self.controller.members, {})
        self.assertEqual(self.link.status.last_error, 12)

    def test_another_certificate(self) -> None:
        """A member whose certificate changed is refused."""
        self.controller.pinned["m1"] = b"x" * 32
        self.join()
        self.assertEqual(self.controller.members, {})
        self.assertEqual(self.link.status.last_error, 12)

    def test_a_certificate_of_somebody_else(self) -> None:
        """Announcing one without its key is refused."""
        self.member.announced = make_identity("victim").der
        self.join()
        self.assertEqual(self.controller.members, {})
        self.assertEqual(self.link.status.last_error, 4)

    def test_not_a_controller(self) -> None:
        """Another server says so, with 46."""
        self.net.factory = RefusingFactory(self.clock)
        self.join()
        self.assertEqual(self.link.status.last_error, 46)

    def test_strangers_have_ten_seconds(self) -> None:
        """Who says nothing is cut off; so is who asks for anything else first."""
        from twisted.internet.protocol import Factory, Protocol

        self.net.connect(Factory.forProtocol(Protocol))
        self.net.pump(9.0)
        self.assertEqual(len(self.net.wires), 2)
        self.net.pump(2.0)
        self.assertEqual(self.net.wires, [])
        stranger = self.net.connect(Factory.forProtocol(Protocol))
        stranger.transport.write(b"\0\x08_command\0\x06report\0\x04load\0\x02{}\0\0")
        self.net.pump(0.1)
        self.assertEqual(self.net.wires, [])
        self.flushLoggedErrors()
        huge = self.net.connect(Factory.forProtocol(Protocol))
        for number in range(5):
            huge.transport.write(b"\0\x02k%d\xff\xff" % number + b"x" * 65_535)
        self.net.pump(0.1)
        self.assertEqual(self.net.wires, [])

    def test_joining_again_replaces(self) -> None:
        """A member whose old connection lingers is there once."""
        self.join()
        first = self.controller.members["m1"]
        other = MemberLink(self.member, Endpoint(self.net), self.clock, "ctl", 5555)
        other.startService()
        self.net.pump(0.2)
        self.assertIsNot(self.controller.members["m1"], first)
        other.stopService()
        self.net.pump(1.5)

    def test_signatures(self) -> None:
        """A signature holds for its data and certificate only."""
        signature = sign(IDENTITY.key, b"data")
        self.assertTrue(is_signed(IDENTITY.der, signature, b"data"))
        self.assertFalse(is_signed(IDENTITY.der, signature, b"other"))
        self.assertFalse(is_signed(b"no certificate", signature, b"data"))


class LifeTests(LinkTestCase):
    """After the join."""

    def setUp(self) -> None:
        """Join."""
        super().setUp()
        self.join()
        self.handle = self.controller.members["m1"]

    def change(self, *records: Any) -> None:
        """Change the controller's database."""
        self.successResultOf(self.controller.system.transact([put(r) for r in records]))
        self.net.pump(0.1)

    def test_replication(self) -> None:
        """Every revision arrives, in order; the first ones too."""
        self.change(Switch("office", SwitchKind.STATIC))
        self.change(User("office", "alice"))
        self.assertEqual(self.member.replica.id, "system")
        self.assertEqual(self.member.replica.revision, 2)
        self.assertEqual(len(self.member.replica.all(User)), 1)
        self.assertEqual(self.handle.revision, 2)

    def test_replication_after_absence(self) -> None:
        """What changed while the member was away is sent when it is back."""
        self.change(Switch("office", SwitchKind.STATIC))
        self.net.cut()
        self.net.deliver()
        self.successResultOf(self.controller.system.transact([put(User("office", "bob"))]))
        self.net.pump(5.0)
        self.assertEqual(self.member.replica.revision, 2)
        self.assertEqual(self.member.changes, ["online", "offline", "online"])

    def test_a_revision_that_fits_in_no_message(self) -> None:
        """It comes as a copy, page by page; the next one as a revision again."""
        self.change(Switch("office", SwitchKind.STATIC))
        rules = [AccessRule("office", n, note="n" * 200) for n in range(8_000)]
        self.change(*rules)
        self.assertEqual(self.member.replica.revision, 2)
        self.assertEqual(len(self.member.replica.all(AccessRule)), 8_000)
        self.change(User("office", "alice"))
        self.change(*(AccessRule("office", n) for n in range(8_000)))
        self.assertEqual(
            self.member.replica.all(AccessRule), self.controller.system.all(AccessRule)
        )
        self.assertEqual(self.member.changes, ["online"])

    def test_tickets(self) -> None:
        """A ticket is acknowledged when it is written, refusals keep their number."""
        self.ask(self.handle.issue_ticket(b"t" * 20, GRANT, 0))
        self.assertEqual(self.member.tickets, [(b"t" * 20, GRANT)])
        other = evolve(GRANT, switch="other")
        error = self.refused(self.handle.issue_ticket(b"t" * 20, other, 0))
        self.assertEqual((error.code, str(error)), (29, "no such switch"))

    def test_tickets_wait_for_their_revision(self) -> None:
        """A ticket for an instance that is not there yet waits, for a bounded time."""
        done = Deferred.fromCoroutine(self.handle.issue_ticket(b"t" * 20, GRANT, 1))
        self.net.pump(0.5)
        self.assertNoResult(done)
        self.change(Switch("office", SwitchKind.STATIC))
        self.successResultOf(done)
        self.assertEqual(self.refused(self.handle.issue_ticket(b"u" * 20, GRANT, 9)).code, 8)

    def test_tickets_wait_for_the_instance_too(self) -> None:
        """Not only for the revision: whatever else follows the replica has followed it then."""
        running: list[str] = []
        seen: list[list[str]] = []
        self.member.replica.watch(lambda event: running.append("office"))
        self.member.issue_ticket = (  # type: ignore[method-assign]
            lambda ticket, grant: seen.append(list(running))
        )
        done = Deferred.fromCoroutine(self.handle.issue_ticket(b"t" * 20, GRANT, 1))
        self.net.pump(0.5)
        self.change(Switch("office", SwitchKind.STATIC))
        self.successResultOf(done)
        self.assertEqual(seen, [["office"]])

    def test_operations_of_a_megabyte(self) -> None:
        """Values over AMP's limit go through whole."""
        request = bytes(range(256)) * 4096
        answer = self.ask(self.handle.operate("echo", request))
        self.assertEqual(answer, b"echo:" + request[::-1])

    def test_silence(self) -> None:
        """A silent peer is dead after six seconds, at both ends; then it is looked for again."""
        self.net.silent = True
        self.net.pump(5.0)
        self.assertEqual(list(self.controller.members), ["m1"])
        self.net.pump(3.0)
        self.assertEqual(self.controller.members, {})
        self.assertFalse(self.link.status.online)
        self.net.silent = False
        self.net.pump(5.0)
        self.assertEqual(list(self.controller.members), ["m1"])
        self.assertTrue(self.link.status.online)

    def test_deadlines(self) -> None:
        """A member that does not answer fails the call in two seconds."""
        self.net.silent = True
        done = Deferred.fromCoroutine(self.handle.issue_ticket(b"t" * 20, GRANT, 0))
        self.net.pump(2.1)
        self.assertEqual(self.failureResultOf(done, VENError).value.code, 48)

    def test_leaving(self) -> None:
        """A member that stops is gone at once, with a reason."""
        self.link.stopService()
        self.net.pump(1.0)
        self.assertEqual(self.controller.members, {})
        self.assertEqual(self.controller.reasons, ["it left"])

    def test_nonsense_closes_the_connection_alone(self) -> None:
        """A malformed command costs its sender the connection, nothing else."""
        wire = next(w for w in self.net.wires if w.protocol is not self.link._protocol)
        wire.inbox.append(b"\0\x08_command\0\x06report\0\x04load\0\x02no\0\0")
        self.net.deliver()
        self.net.deliver()
        self.assertEqual(self.controller.members, {})
        self.flushLoggedErrors()
        self.net.pump(4.0)
        self.assertEqual(list(self.controller.members), ["m1"])
