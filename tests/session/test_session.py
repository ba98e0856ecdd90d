"""The VEN handshake and sessions without a network: a fake role, transport and clock."""

from __future__ import annotations

import gc
import os
import weakref
from ipaddress import IPv4Address
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import AccessDenied, AuthenticationFailed, ConfigurationError, SessionTimedOut
from iquila.session.account import RetryPolicy
from iquila.session.certificate import make_identity, normal_fingerprint
from iquila.session.connection import QUEUE_LIMIT, BlockConnection
from iquila.session.contexts import ALPN_VEN
from iquila.session.gate import Peer
from iquila.session.login import Server, members
from iquila.session.negotiation import Negotiation, Reply, Stage
from iquila.session.server import ServerSession, SessionFacts
from iquila.session.table import Presence, SessionTable
from iquila.session.tunnel import CONFIRM_SECONDS, PAUSE_SECONDS, State
from iquila.session.verification import Unverified
from iquila.switch.switch import VirtualSwitch
from iquila.wire.additional import AdditionalAnswer, AdditionalConnect, Direction
from iquila.wire.blocks import control_message, group
from iquila.wire.gone import NAME_SIZE, gone_message
from iquila.wire.hello import Hello
from iquila.wire.login import Anonymous, ClientIdentity, Login
from iquila.wire.node import NodeInformation
from iquila.wire.pack import Pack
from iquila.wire.policy import Policy
from iquila.wire.redirect import Redirect
from iquila.wire.request import Administration, PasswordChange
from iquila.wire.scan import MARK

HEADROOM = 64
CLIENT = ClientIdentity("client", 501, 9674)
KEY = b"k" * 20
ADDRESS = IPv4Address("10.0.0.9")
FRAME = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"x" * 48


class Transport(StringTransport):
    """A transport that takes what it is told to take."""

    negotiatedProtocol = ALPN_VEN

    def __init__(self, name: bytes = b"") -> None:
        super().__init__()
        self._name = name or os.urandom(32)
        self.room = 1 << 30
        self.waiting = b""
        self.closed = ""

    def channel_binding(self, label: bytes) -> bytes:
        """Return what both ends know."""
        return self._name

    def pending(self) -> int:
        """Return what waits."""
        return len(self.waiting)

    def write_through(self, view: memoryview) -> bool:
        """Take as much as there is room for."""
        taken = 0 if self.waiting else min(self.room, len(view))
        self.write(bytes(view[:taken]))
        self.room -= taken
        self.waiting += bytes(view[taken:])
        return not self.waiting

    def loseConnection(self) -> None:
        """Close cleanly."""
        self.closed = self.closed or "closed"

    def abortConnection(self) -> None:
        """Close at once."""
        self.closed = self.closed or "aborted"


class SessionTestCase(SynchronousTestCase):
    """A switch, a table and sessions on it."""

    def setUp(self) -> None:
        """An empty table."""
        self.clock = Clock()
        self.table = SessionTable(self.clock)
        self.switch = VirtualSwitch("lab", now=0.0)
        self.ended: list[str] = []

    def session(self, name: str = "SID-A-1", key: bytes = KEY, **changes: Any) -> ServerSession:
        """Return a session in the table."""
        facts: dict[str, Any] = {
            "name": name,
            "connection_name": "CID-1",
            "key": key,
            "switch": "lab",
            "user": "a",
            "policy": Policy(no_broadcast_limiter=True),
            "address": ADDRESS,
            "port": 1,
            "client": CLIENT,
            "node": NodeInformation(),
            "created": 0,
            "timeout": 20_000,
            **changes,
        }

        def over(session: ServerSession) -> None:
            self.table.discard(session)
            self.ended.append(session.facts.name)

        session = ServerSession(
            self.clock, self.table.flusher, SessionFacts(**facts), self.switch, over
        )
        self.table.add(session)
        return session

    def connect(self, connection: BlockConnection) -> Transport:
        """Give a connection a transport."""
        transport = Transport()
        connection.makeConnection(transport)
        return transport

    def receive(self, connection: BlockConnection, data: bytes) -> None:
        """Let bytes arrive."""
        buffer = bytearray(HEADROOM) + data
        connection.buffer_received(buffer, HEADROOM, len(buffer))


class ServerSessionTests(SessionTestCase):
    """Keep-alives, time-outs, connections, queues."""

    def test_frames_reach_the_other_session(self) -> None:
        """Through the switch, flushed once per turn."""
        one, other = self.session(), self.session("SID-B-2", b"o" * 20)
        first, second = one.first_connection(), other.first_connection()
        self.connect(first)
        transport = self.connect(second)
        transport.clear()
        self.receive(first, group([FRAME, FRAME]))
        self.assertEqual(transport.value(), b"")
        self.clock.advance(0)
        self.assertEqual(transport.value(), group([FRAME, FRAME]))

    def test_keepalives(self) -> None:
        """One at once, then one in each fifth of the time-out while nothing else is sent."""
        connection = self.session().first_connection()
        transport = self.connect(connection)
        self.assertTrue(transport.value().startswith(b"\xff\xff\xff\xff"))
        transport.clear()
        self.clock.pump([0.125] * 24)
        self.assertEqual(transport.value(), b"")
        for _ in range(32):
            connection.last_received = self.clock.seconds()
            self.clock.advance(0.125)
        self.assertTrue(transport.value().startswith(b"\xff\xff\xff\xff"))

    def test_silence_ends_a_session(self) -> None:
        """After the time-out, not before."""
        session = self.session()
        transport = self.connect(session.first_connection())
        self.clock.pump([0.125] * int(19.5 * 8))
        self.assertEqual(self.ended, [])
        self.clock.pump([0.125] * 16)
        self.assertEqual(self.ended, ["SID-A-1"])
        self.assertTrue(transport.closed)
        self.assertEqual((len(self.table), len(self.switch.ports)), (0, 0))

    def test_a_lost_connection_keeps_the_session(self) -> None:
        """Until the time-out; another one continues it."""
        session = self.session()
        connection = session.first_connection()
        self.connect(connection)
        connection.connectionLost(Failure(ConnectionLost()))
        self.assertIs(session.state, State.WAITING)
        self.assertIn("SID-A-1", self.switch.ports)
        self.clock.pump([0.125] * 80)
        self.assertIs(self.table.resume(KEY), session)
        _direction, again = session.additional_connection()
        self.connect(again)
        self.assertIs(session.state, State.ACTIVE)
        self.assertRaises(SessionTimedOut, self.table.resume, b"x" * 20)

    def test_presence(self) -> None:
        """Who watches the table hears of sessions that come, go, and have no connection."""
        heard: list[tuple[str, Presence]] = []
        self.table.observers += [
            lambda session, presence: heard.append((session.facts.name, presence)),
            lambda session, presence: others.append(presence),
        ]
        others: list[Presence] = []
        session = self.session(max_connections=2)
        name = session.facts.name
        self.assertEqual(heard, [(name, Presence.NEW)])
        first = session.first_connection()
        self.connect(first)
        second = session.additional_connection()[1]
        self.connect(second)
        first.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(heard, [(name, Presence.NEW)])
        second.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(heard[1:], [(name, Presence.AWAY)])
        self.connect(session.additional_connection()[1])
        self.assertEqual(heard[2:], [(name, Presence.BACK)])
        session.end()
        self.assertEqual(heard[3:], [(name, Presence.OVER)])
        self.assertEqual(others, [presence for _name, presence in heard])
        self.table.discard(session)
        self.assertEqual(len(heard), 4)

    def test_goodbye(self) -> None:
        """Our own client ends its session by closing cleanly; others have no such word."""
        for version, clean, ended in ((1, True, True), (1, False, False), (0, True, False)):
            key = bytes((version, clean)) * 10
            session = self.session(f"SID-{version}-{clean}", key, iquila=version)
            connection = session.first_connection()
            self.connect(connection)
            reason = ConnectionDone() if clean else ConnectionLost()
            connection.connectionLost(Failure(reason))
            self.assertEqual(session.state is State.ENDED, ended)

    def test_half_duplex_directions(self) -> None:
        """The first sends to the server, then as many each way (reference §6.5)."""
        session = self.session(half_duplex=True, max_connections=4)
        self.connect(session.first_connection())
        directions = []
        for _ in range(3):
            direction, connection = session.additional_connection()
            directions.append(direction)
            self.connect(connection)
        there, back = Direction.CLIENT_TO_SERVER, Direction.SERVER_TO_CLIENT
        self.assertEqual(directions[0], back)
        self.assertEqual(sorted(directions[1:]), sorted([there, back]))

    def test_kinds_of_frames_share_a_lane(self) -> None:
        """A conversation stays in order when its sender begins or ends to use super-frames."""
        session = self.session(max_connections=8)
        self.connect(session.first_connection())
        for _ in range(7):
            self.connect(session.additional_connection()[1])
        for number in range(40):
            key = bytes([number]) * 12
            self.assertIs(session.lane(key), session.lane(key + MARK))

    def paused(self, ours: bool = True) -> tuple[ServerSession, list[Transport], bytes]:
        """Return a session that has lost the connection of a conversation, and its key."""
        session = self.session(max_connections=3)
        key = b"k" * 12
        connections = [session.first_connection()]
        connections += [session.additional_connection()[1] for _ in range(2)]
        transports = []
        for connection in connections:
            transport = Transport()
            transport.negotiatedProtocol = ALPN_VEN if ours else b""
            connection.makeConnection(transport)
            transports.append(transport)
        lost = session.lane(key)
        number = next(n for n, c in enumerate(connections) if c is lost)
        connections.pop(number).connectionLost(Failure(ConnectionLost()))
        transports.append(transports.pop(number))
        self.connections = connections
        self.assertIs(session.lane(key), session.nowhere)
        self.assertTrue(session.congested)
        return session, transports, key

    def test_a_conversation_waits_for_the_other_end(self) -> None:
        """It pauses until a client of ours has lost its connection too."""
        session, transports, key = self.paused()
        name = transports[-1].channel_binding(b"")[:NAME_SIZE]
        self.assertIn(control_message(gone_message([name])), transports[1].value())
        self.clock.advance(CONFIRM_SECONDS / 2)
        self.assertIs(session.lane(key), session.nowhere)
        self.receive(self.connections[0], control_message(gone_message([b"x" * NAME_SIZE])))
        self.assertIs(session.lane(key), session.nowhere)
        self.receive(self.connections[0], control_message(gone_message([name])))
        self.assertIn(session.lane(key), self.connections)
        self.assertFalse(session.congested)

    def test_nobody_waits_for_ever(self) -> None:
        """Where no word comes, or none is to be expected, the pause ends by the clock."""
        for ours, seconds in ((True, CONFIRM_SECONDS), (False, PAUSE_SECONDS)):
            session, _transports, key = self.paused(ours)
            self.clock.advance(0.9 * seconds)
            self.assertIs(session.lane(key), session.nowhere)
            self.clock.advance(0.2 * seconds)
            self.assertIn(session.lane(key), self.connections)
            self.assertFalse(session.congested)
            session.end()

    def test_the_other_end_may_notice_first(self) -> None:
        """Then there is no pause, and its word that is repeated changes nothing."""
        session = self.session(max_connections=2)
        key = b"k" * 12
        connections = [session.first_connection(), session.additional_connection()[1]]
        names = [self.connect(c).channel_binding(b"")[:NAME_SIZE] for c in connections]
        lost = connections.index(session.lane(key))  # type: ignore[arg-type]
        for _ in range(2):
            message = control_message(gone_message([names[lost]]))
            self.receive(connections[1 - lost], message)
        connections[lost].connectionLost(Failure(ConnectionLost()))
        self.assertIs(session.lane(key), connections[1 - lost])

    def test_losses_are_told_on_the_next_connection(self) -> None:
        """Where no other was left."""
        session = self.session(max_connections=2)
        first = session.first_connection()
        name = self.connect(first).channel_binding(b"")[:NAME_SIZE]
        first.connectionLost(Failure(ConnectionLost()))
        self.assertTrue(session.congested)
        transport = self.connect(session.additional_connection()[1])
        self.assertIn(control_message(gone_message([name])), transport.value())
        self.assertFalse(session.congested)

    def test_a_slow_client_loses_whole_runs(self) -> None:
        """What does not fit in the queue is dropped; the rest arrives whole when there is room."""
        connection = self.session().first_connection()
        transport = self.connect(connection)
        transport.room = 10
        blocks = group([FRAME] * 100)[4:]
        for _ in range(2 * QUEUE_LIMIT // len(blocks)):
            connection.queue_blocks(blocks, 100)
        self.clock.advance(0)
        self.assertLessEqual(connection.queue.size, QUEUE_LIMIT)
        self.assertGreater(connection.queue.dropped_frames, 0)
        self.assertEqual(connection.queue.dropped_frames % 100, 0)
        transport.room, waiting = 1 << 30, transport.waiting
        transport.waiting = b""
        transport.write(waiting)
        connection.resumeProducing()
        self.assertEqual(connection.queue.size, 0)

    def test_a_violated_stream_closes_that_connection(self) -> None:
        """And no other."""
        session = self.session(max_connections=2)
        first = session.first_connection()
        one = self.connect(first)
        _direction, second = session.additional_connection()
        other = self.connect(second)
        self.receive(first, b"\x7f\xff\xff\xff" + b"x" * 100)
        self.assertEqual((one.closed, other.closed), ("aborted", ""))

    def test_connections_are_counted(self) -> None:
        """While they are open, whatever their sessions do."""
        session = self.session(max_connections=2)
        first, (_direction, second) = session.first_connection(), session.additional_connection()
        for connection in (first, second):
            self.connect(connection)
        self.assertEqual(self.table.tcp_connections(), 2)
        first.connectionLost(Failure(ConnectionLost()))
        first.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.table.tcp_connections(), 1)
        session.end()
        second.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.table.tcp_connections(), 0)

    def test_an_ended_session_is_no_garbage(self) -> None:
        """Python's cycle collector is not needed to free it."""
        gone: list[int] = []
        session = self.session()
        connection = session.first_connection()
        transport = self.connect(connection)
        weakref.finalize(session, gone.append, 1)
        gc.disable()
        self.addCleanup(gc.enable)
        session.end()
        transport.unregisterProducer()
        connection.connectionLost(Failure(ConnectionDone()))
        del session, connection, transport
        self.assertEqual(gone, [1])

    def test_finding_sessions(self) -> None:
        """By switch and name, in any case."""
        session = self.session()
        self.assertIs(self.table.named("LAB", "sid-a-1"), session)
        self.assertIsNone(self.table.named("lab", "other"))
        self.assertEqual((self.table.count("Lab"), self.table.count("other")), (1, 0))


class Role:
    """A role that answers as it is told."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.challenges: list[bytes] = []

    def hello(self) -> Hello:
        return Hello("iquila", 501, 1, b"c" * 20)

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> Any:
        self.challenges.append(challenge)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def resume(self, session_key: bytes) -> ServerSession:
        if not isinstance(self.outcome, ServerSession) or session_key != KEY:
            raise SessionTimedOut
        return self.outcome

    def switch_names(self) -> list[str]:
        return ["lab", "office"]

    async def change_password(self, change: PasswordChange, challenge: bytes, peer: Peer) -> None:
        raise AuthenticationFailed

    async def administrate(
        self, request: Administration, challenge: bytes, peer: Peer
    ) -> IProtocol:
        raise AccessDenied


class NegotiationTests(SessionTestCase):
    """One pack in, one pack out."""

    def ask(self, outcome: Any, pack: Pack, signed: bool = True) -> Reply:
        """Return the answer to a request."""
        self.role = Role(outcome)
        self.negotiation = Negotiation(self.role, lambda: Peer(ADDRESS, 1, 5555))
        if signed:
            self.negotiation.signed()
        return self.again(pack)

    def again(self, pack: Pack) -> Reply:
        """Return the answer to one more request."""
        return self.successResultOf(Deferred.fromCoroutine(self.negotiation.answer(pack)))

    def login(self) -> Pack:
        """Return a login."""
        return Login("lab", "a", Anonymous(), CLIENT).to_pack()

    def test_welcome(self) -> None:
        """The connection goes to the session; the cure comes before."""
        session = self.session()
        reply = self.ask(session, self.login())
        self.assertEqual(reply.pack.get_data("session_key"), KEY)
        self.assertIs(reply.session, session)
        self.assertIsInstance(reply.takes_over, BlockConnection)
        self.assertTrue(reply.cure_before and not reply.cure_after)
        self.assertEqual(self.role.challenges, [b"c" * 20])

    def test_redirect(self) -> None:
        """The connection stays, for the client's acknowledgement."""
        reply = self.ask(Redirect(ADDRESS, (5555,), b"t" * 20, b"DER"), self.login())
        self.assertTrue(reply.pack.get_bool("Redirect"))
        self.assertFalse(reply.close)
        self.assertIs(self.negotiation.stage, Stage.ANSWERED)

    def test_refusals(self) -> None:
        """By their numbers; nonsense and a missing signature too."""
        self.assertEqual(self.ask(AuthenticationFailed(), self.login()).pack.error, 9)
        self.assertEqual(self.ask(None, self.login(), signed=False).pack.error, 4)
        self.assertNotEqual(self.ask(None, Pack().add_str("method", "nonsense")).pack.error, 0)

    def test_additional_connections(self) -> None:
        """The answer, then the cure; 13 for an unknown session."""
        session = self.session(max_connections=2)
        request = AdditionalConnect(KEY, CLIENT).to_pack()
        reply = self.ask(session, request)
        self.assertIs(AdditionalAnswer.from_pack(reply.pack).direction, Direction.BOTH)
        self.assertTrue(reply.cure_after)
        unknown = AdditionalConnect(b"x" * 20, CLIENT).to_pack()
        self.assertEqual(self.ask(session, unknown).pack.error, 13)

    def test_too_many_connections(self) -> None:
        """As many as were granted."""
        session = self.session(max_connections=1)
        self.connect(session.first_connection())
        reply = self.ask(session, AdditionalConnect(KEY, CLIENT).to_pack())
        self.assertEqual(reply.pack.error, 15)

    def test_switch_names(self) -> None:
        """For who may see them."""
        reply = self.ask(None, Pack().add_str("method", "enum_hub"))
        self.assertEqual(reply.pack.all_strs("HubName"), ["lab", "office"])

    def test_patience_is_bounded(self) -> None:
        """A client may ask for it a number of times."""
        self.ask(None, Pack().add_int("noop", 1))
        for _ in range(29):
            self.assertEqual(self.again(Pack().add_int("noop", 1)).pack.error, 0)
        self.assertNotEqual(self.again(Pack().add_int("noop", 1)).pack.error, 0)


class ClientRulesTests(SynchronousTestCase):
    """Where a redirect leads, and when to try again."""

    def test_redirects_keep_the_port(self) -> None:
        """The client's own port first, names before the address."""
        redirect = Redirect(ADDRESS, (443, 5555), b"t" * 20, b"DER", hosts=("vpn.example",))
        found = members(redirect, Server("ctl", 5555, Unverified()))
        self.assertEqual(
            [(server.host, server.port) for server in found],
            [
                ("vpn.example", 5555),
                ("vpn.example", 443),
                ("10.0.0.9", 5555),
                ("10.0.0.9", 443),
            ],
        )

    def test_retries(self) -> None:
        """The first at once, then full jitter, bounded; brief sessions count as failures."""
        bounds: list[float] = []

        def draw(low: float, high: float) -> float:
            bounds.append(high)
            return high

        policy = RetryPolicy(0.2, 15.0, draw)
        self.assertEqual(policy(1), 0.0)
        self.assertEqual([policy(n) for n in (2, 3, 100)], [0.4, 0.8, 15.0])
        policy.session_ended(0.5)
        self.assertGreater(policy(1), 0.0)
        policy.session_ended(100.0)
        self.assertEqual(policy(1), 0.0)


class CertificateTests(SynchronousTestCase):
    """Identities and fingerprints."""

    def test_fingerprints_as_typed(self) -> None:
        """Any case, with colons or without; anything else is refused."""
        fingerprint = make_identity("x").fingerprint
        pairs = ":".join(fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
        self.assertEqual(normal_fingerprint(pairs), fingerprint)
        self.assertRaises(ConfigurationError, normal_fingerprint, "12:34")
