"""The operations table as PACKs: the form, the proof of the password, the connection."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import Any, cast

from attrs import fields
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.authority import prove
from iquila.admin.facts import ServerStatus, Test
from iquila.admin.fields import WIRE
from iquila.admin.listeners import ListenerItem, ListenerList
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller
from iquila.admin.packform import EPOCH_SHIFT, from_pack, to_pack
from iquila.admin.packrpc import (
    MAX_CONNECTIONS,
    MAX_EACH,
    MESSAGE_SECONDS,
    RESERVED,
    WRONG_PASSWORD_SECONDS,
    PackConnection,
    PackRPC,
)
from iquila.admin.sessions import SessionItem, SessionList
from iquila.admin.table import OPERATIONS
from iquila.database.accounts import Auditor
from iquila.database.records import ServerMode, ServerSettings, Switch, SwitchKind
from iquila.database.store import Database, delete, put
from iquila.errors import (
    AccessDenied,
    EmptyPasswordRemote,
    InvalidParameter,
    NotEnoughRights,
    SwitchNotFound,
    TooManyConnections,
)
from iquila.session.gate import Peer
from iquila.wire.pack import RPC_LIMITS, Pack
from iquila.wire.passwords import administration_hash, secure_password, switch_hashes
from iquila.wire.request import Administration

CHALLENGE = b"c" * 20
ELSEWHERE, HERE = IPv4Address("10.0.0.9"), IPv4Address("127.0.0.1")


def again(record: Any) -> Any:
    """Return a record after a journey as bytes."""
    return from_pack(type(record), Pack.decode(to_pack(record).encode(), RPC_LIMITS))


class FormTests(SynchronousTestCase):
    """Records and packs."""

    def test_every_operation_travels(self) -> None:
        """Each request and reply of the table with its defaults."""
        for operation in OPERATIONS:
            for cls in (operation.request, operation.reply):
                self.assertEqual(again(cls()), cls(), operation.name)

    @given(
        st.lists(
            st.builds(
                SessionItem,
                name=st.text("abcXYZ-09", max_size=9),
                remote=st.booleans(),
                client_ip=st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str),
                size=st.integers(0, 2**64 - 1),
                unique_id=st.binary(max_size=20),
                created=st.integers(EPOCH_SHIFT + 1, 2**50),
            ),
            max_size=5,
        )
    )
    def test_lists(self, rows: list[SessionItem]) -> None:
        """A list is an array for each field."""
        record = SessionList("office", tuple(rows))
        self.assertEqual(again(record), record)

    def test_names_have_no_suffix(self) -> None:
        """The arrays of a real server's list of listeners."""
        pack = to_pack(ListenerList((ListenerItem(443, True), ListenerItem(992, False))))
        self.assertEqual(pack.names(), ["Ports", "Enables", "Errors"])
        self.assertEqual(pack.all_ints("Ports"), [443, 992])

    def test_times_are_nine_hours_behind(self) -> None:
        """As the system's tools expect; never stays never."""
        pack = to_pack(ServerStatus(current_time=1_795_545_310_384))
        self.assertEqual(pack.get_int64("CurrentTime"), 1_795_545_310_384 - 32_400_000)
        self.assertEqual(pack.get_int64("StartTime"), 0)

    def test_wrong_types(self) -> None:
        """They are refused by name."""
        with self.assertRaisesRegex(InvalidParameter, "IntValue"):
            from_pack(Test, Pack().add_str("IntValue", "1"))
        with self.assertRaisesRegex(InvalidParameter, "same length"):
            from_pack(ListenerList, Pack().add_int("Ports", 1, 2).add_int("Enables", 1))

    def test_unknown_elements(self) -> None:
        """They do no harm: the tools send whole structures."""
        self.assertEqual(from_pack(Test, Pack().add_int("Other", 1)), Test())

    def test_no_two_fields_of_one_name(self) -> None:
        """Neither in a record nor in its lists: one of them would be lost."""
        for operation in OPERATIONS:
            for cls in (operation.request, operation.reply):
                names = [
                    a.metadata[WIRE].name.lower()
                    for a in fields(cls)
                    if WIRE in a.metadata and a.metadata[WIRE].kind != "list"
                ]
                self.assertEqual(len(names), len(set(names)), cls)


class _Server:
    """What the doors need of a server."""

    def __init__(self, mode: ServerMode = ServerMode.STANDALONE) -> None:
        self.settings = ServerSettings("id", mode, administration_hash("top"))
        self.system = Database.in_memory()
        for name, password in (("office", "hub"), ("open", "")):
            hashed, secure = switch_hashes(password)
            record = Switch(
                name, SwitchKind.STANDALONE, hashed_password=hashed, secure_password=secure
            )
            self.system.transact([put(record)])
        self.system.transact([put(Auditor(administration_hash("eyes")))])


def proof(password: str) -> bytes:
    """Return what a tool sends."""
    return secure_password(administration_hash(password), CHALLENGE)


class ProofTests(SynchronousTestCase):
    """Who may come in."""

    def prove(self, name: str, password: str, mode: ServerMode = ServerMode.STANDALONE) -> Caller:
        server = cast(ManagedServer, _Server(mode))
        return prove(server, name, proof(password), CHALLENGE, ELSEWHERE)

    def test_who(self) -> None:
        """The server's password, a switch's, the auditor's."""
        self.assertTrue(self.prove("", "top").is_server_administrator)
        self.assertTrue(self.prove("office", "top").is_server_administrator)
        self.assertEqual(self.prove("OFFICE", "hub").switch, "office")
        self.assertTrue(self.prove("auditor", "eyes").auditor)

    def test_refusals(self) -> None:
        """Each with the number that the tools know."""
        for name, password, error in (
            ("", "wrong", AccessDenied),
            ("", "hub", AccessDenied),
            ("", "", AccessDenied),
            ("office", "wrong", AccessDenied),
            ("auditor", "wrong", AccessDenied),
            ("nowhere", "hub", SwitchNotFound),
            ("open", "", EmptyPasswordRemote),
        ):
            self.assertRaises(error, self.prove, name, password)
        self.assertRaises(NotEnoughRights, self.prove, "office", "hub", ServerMode.MEMBER)
        short = cast(ManagedServer, _Server())
        self.assertRaises(AccessDenied, prove, short, "", b"", CHALLENGE, HERE)


class ConnectionTests(SynchronousTestCase):
    """Requests and answers on a connection."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.open: set[PackConnection] = set()
        self.questions: list[Pack] = []
        self.pending: list[Deferred[Pack]] = []
        self.connection = PackConnection(self.clock, self.answer, self.open, Caller())
        self.transport = StringTransport()
        self.transport.setTcpKeepAlive = lambda on: None  # type: ignore[attr-defined]
        self.connection.makeConnection(self.transport)

    async def answer(self, pack: Pack) -> Pack:
        self.questions.append(pack)
        done: Deferred[Pack] = Deferred()
        self.pending.append(done)
        return await done

    @staticmethod
    def framed(pack: Pack) -> bytes:
        data = pack.encode()
        return struct.pack(">I", len(data)) + data

    def test_one_at_a_time(self) -> None:
        """The second request waits for the first answer; bytes may come in any pieces."""
        both = self.framed(Pack().add_int("a", 1)) + self.framed(Pack().add_int("b", 2))
        for byte in both:
            self.connection.dataReceived(bytes([byte]))
        self.assertEqual([q.names() for q in self.questions], [["a"]])
        reply = Pack().add_int("r", 1)
        self.pending[0].callback(reply)
        self.assertEqual(self.transport.value(), self.framed(reply))
        self.clock.advance(0)
        self.assertEqual([q.names() for q in self.questions], [["a"], ["b"]])

    def test_malformed(self) -> None:
        """The connection is closed, nothing else."""
        for bad in (
            struct.pack(">I", 0),
            struct.pack(">I", RPC_LIMITS.total + 1),
            struct.pack(">I", 8) + b"\xff" * 8,
        ):
            self.setUp()
            self.connection.dataReceived(bad)
            self.assertTrue(self.transport.disconnected or self.transport.disconnecting)
            self.assertEqual(self.questions, [])

    def test_flood(self) -> None:
        """What does not wait for answers cannot fill the memory."""
        self.connection.dataReceived(self.framed(Pack().add_int("a", 1)))
        piece = b"\0" * (1 << 20)
        for _ in range(RPC_LIMITS.total // len(piece) + 1):
            self.connection.dataReceived(piece)
        self.assertTrue(self.transport.disconnected)

    def test_unread_answers(self) -> None:
        """Who does not read answers gets no more of them."""
        for number in range(3):
            self.connection.dataReceived(self.framed(Pack().add_int("n", number)))
        self.connection.pauseProducing()
        self.pending[0].callback(Pack().add_int("r", 1))
        self.clock.advance(0)
        self.assertEqual(len(self.questions), 1)
        self.connection.resumeProducing()
        self.clock.advance(0)
        self.assertEqual(len(self.questions), 2)

    def test_slow(self) -> None:
        """A request that does not arrive in time closes its connection; silence does not."""
        self.clock.advance(MESSAGE_SECONDS * 100)
        self.assertFalse(self.transport.disconnected)
        self.connection.dataReceived(b"\0")
        self.clock.advance(MESSAGE_SECONDS + 1)
        self.assertTrue(self.transport.disconnected)


class DoorTests(SynchronousTestCase):
    """From the proof to an answer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.server = _Server()
        self.door = PackRPC(cast(ManagedServer, self.server), self.clock)

    def ask(self, name: str, pack: Pack | None = None) -> Pack:
        """Return the answer to a server administrator."""
        request = (pack or Pack()).add_str("function_name", name)
        done = Deferred.fromCoroutine(self.door.answer(Caller(), request))
        return self.successResultOf(done)

    def test_answers(self) -> None:
        """An operation, an unknown one, a refused one."""
        self.assertEqual(self.ask("Test", Pack().add_int("IntValue", 7)).get_str("StrValue"), "7")
        self.assertEqual(self.ask("NoSuch").error, 33)
        self.assertEqual(self.ask("GetHub", Pack().add_str("HubName", "none")).error, 8)
        self.assertEqual(self.ask("Test", Pack().add_str("IntValue", "x")).error, 38)

    def test_wrong_passwords_take_time(self) -> None:
        """A second each."""
        request = Administration("", proof("wrong"))
        peer = Peer(ELSEWHERE, 1, 5555)
        done = Deferred.fromCoroutine(self.door.admit(request, CHALLENGE, peer))
        self.assertNoResult(done)
        self.clock.advance(WRONG_PASSWORD_SECONDS)
        self.failureResultOf(done, AccessDenied)

    def admit(self, name: str, password: str) -> Any:
        """Let an administrator in, with a connection."""
        request = Administration(name, proof(password))
        done = Deferred.fromCoroutine(self.door.admit(request, CHALLENGE, Peer(ELSEWHERE, 1, 1)))
        connection: Any = self.successResultOf(done)
        transport: Any = StringTransport()
        transport.setTcpKeepAlive = lambda on: None
        connection.makeConnection(transport)
        return connection

    def full(self, name: str, password: str) -> None:
        """See that somebody has as many connections as they may."""
        request = Administration(name, proof(password))
        done = Deferred.fromCoroutine(self.door.admit(request, CHALLENGE, Peer(ELSEWHERE, 1, 1)))
        self.failureResultOf(done, TooManyConnections)

    def test_room(self) -> None:
        """No switch's administrator, and not all of them together, keep the server's out."""
        for _ in range(MAX_EACH):
            self.admit("office", "hub")
        self.full("office", "hub")
        for number in range(MAX_CONNECTIONS // MAX_EACH):
            name = f"s{number}"
            hashed, secure = switch_hashes(name)
            switch = Switch(
                name, SwitchKind.STANDALONE, hashed_password=hashed, secure_password=secure
            )
            self.server.system.transact([put(switch)])
        count = MAX_EACH
        for number in range((MAX_CONNECTIONS - RESERVED) // MAX_EACH - 1):
            for _ in range(MAX_EACH):
                count += 1
                self.admit(f"s{number}", f"s{number}")
        self.assertEqual(count, MAX_CONNECTIONS - RESERVED)
        self.full("s7", "s7")
        self.full("auditor", "eyes")
        for _ in range(RESERVED):
            last = self.admit("", "top")
        self.full("", "top")
        last.connectionLost()
        self.admit("", "top")

    def answers(self, connection: Any, name: str, pack: Pack | None = None) -> int:
        """Return the number of the error that a connection answers with, 0 for none."""
        connection.transport.clear()
        request = (pack or Pack()).add_str("function_name", name).encode()
        connection.dataReceived(struct.pack(">I", len(request)) + request)
        self.clock.advance(0)
        return Pack.decode(connection.transport.value()[4:], RPC_LIMITS).error

    def test_a_changed_password_ends_what_the_old_one_began(self) -> None:
        """But not for whoever changed it."""
        own, other = self.admit("office", "hub"), self.admit("office", "hub")
        changed = Pack().add_str("HubName", "office").add_str("AdminPasswordPlainText", "new")
        self.assertEqual(self.answers(other, "GetHub", Pack().add_str("HubName", "office")), 0)
        self.assertEqual(self.answers(own, "SetHub", changed.add_bool("Online", True)), 0)
        for connection, number in ((own, 0), (other, 12)):
            asked = Pack().add_str("HubName", "office")
            self.assertEqual(self.answers(connection, "GetHub", asked), number)
        eyes = self.admit("auditor", "eyes")
        self.assertEqual(self.answers(eyes, "Test"), 0)
        self.server.system.transact([delete(Auditor, "auditor")])
        self.assertNotEqual(self.answers(eyes, "Test"), 0)
        self.assertEqual(self.answers(self.admit("", "top"), "Test"), 0)

    def test_another_switch_of_the_same_name(self) -> None:
        """It is nobody's who administered the one that was deleted."""
        before = self.admit("office", "hub")
        self.server.system.transact([delete(Switch, "office")])
        self.assertNotEqual(self.answers(before, "Test"), 0)
