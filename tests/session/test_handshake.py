"""The handshake's HTTP on a connection, without a network."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from iquila.errors import AuthenticationFailed
from iquila.session.connection import BlockConnection
from iquila.session.gate import Peer
from iquila.session.handshake import HandshakeConnection
from iquila.session.server import ServerSession
from iquila.session.tunnel import State
from iquila.wire.additional import AdditionalConnect
from iquila.wire.http import AnswerParser, HTTPAnswer, pack_request, signature_request
from iquila.wire.login import Anonymous, Login
from iquila.wire.pack import ANSWER_LIMITS, Pack
from iquila.wire.redirect import Redirect

from .test_session import ADDRESS, CLIENT, KEY, Role, SessionTestCase, Transport

SIGNATURE = signature_request("vpn.example")
REDIRECT = Redirect(ADDRESS, (5555,), b"t" * 20, b"DER")


class Wire(Transport):
    """A TLS transport, which hands itself on; keeps the order of what is done to it."""

    remote = ("::ffff:10.0.0.9", 4711)
    local_port = 5555
    name = "CID-7"
    tls_version, cipher = "TLSv1.3", "TLS_AES_256_GCM_SHA384"
    connected = False

    def __init__(self) -> None:
        super().__init__()
        self.handed: Any = None
        self.cures: list[int] = []
        self.preloaded = b""
        self.relaxed = False

    def relax(self) -> None:
        """Note that the connection may last."""
        self.relaxed = True

    def switch_protocol(self, protocol: Any) -> None:
        """Hand the connection on."""
        self.handed = protocol
        protocol.makeConnection(self)

    def send_handshake_message(self) -> None:
        """Note after how many bytes it is sent."""
        self.cures.append(len(self.value()))

    def cork(self, on: bool) -> None:
        """Nothing is sent in segments."""

    def flush(self) -> None:
        """Everything is sent already."""

    def preload(self, data: bytes) -> None:
        """Keep what was read too early."""
        self.preloaded += data


class Web(Protocol):
    """An HTTP server that keeps what it gets."""

    def __init__(self) -> None:
        self.got = b""

    def dataReceived(self, data: bytes) -> None:
        self.got += data


class SlowRole(Role):
    """Answers a login when it is told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.decided: Deferred[Any] = Deferred()
        self.peers: list[Peer] = []

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> Any:
        self.peers.append(peer)
        return await self.decided


class Line:
    """A pacer in whose line everything waits until it is told to move."""

    def __init__(self) -> None:
        self.steps: list[Any] = []

    def soon(self, step: Any) -> None:
        self.steps.append(step)

    def move_up(self) -> None:
        steps, self.steps = self.steps, []
        for step in steps:
            step()


class HandshakeTestCase(SessionTestCase):
    """One connection."""

    def begin(self, role: Any) -> None:
        """Connect to a role."""
        self.role = role
        self.line: Any = Line()
        self.web = Web()
        self.connection = HandshakeConnection(lambda: self.role, self.line.soon, lambda: self.web)
        self.wire = Wire()
        self.connection.makeConnection(self.wire)

    def send(self, *requests: bytes) -> None:
        """Let requests arrive, one by one."""
        for request in requests:
            self.connection.dataReceived(request)

    def answers(self) -> list[HTTPAnswer]:
        """Return what was answered so far."""
        found, rest = [], self.wire.value()
        while rest.startswith(b"HTTP/"):
            parser = AnswerParser(100_000)
            parser.feed(rest)
            assert parser.answer is not None
            found.append(parser.answer)
            rest = parser.rest
        return found

    def packs(self) -> list[Pack]:
        """Return the packs that were answered so far."""
        return [Pack.decode(answer.body, ANSWER_LIMITS) for answer in self.answers()]

    def login(self) -> bytes:
        """Return the request of a login."""
        return pack_request("h", Login("lab", "a", Anonymous(), CLIENT).to_pack())


class RequestTests(HandshakeTestCase):
    """What is answered with what."""

    def test_welcome(self) -> None:
        """The session has the connection; the cure comes before the answer."""
        session = self.session()
        self.begin(Role(session))
        self.send(SIGNATURE)
        hello = len(self.wire.value())
        self.send(self.login())
        self.assertEqual(self.packs()[0].get_data("random"), b"c" * 20)
        self.assertEqual(self.packs()[1].get_data("session_key"), KEY)
        self.assertIsInstance(self.wire.handed, BlockConnection)
        self.assertEqual(self.wire.cures, [hello])
        self.assertIs(session.state, State.ACTIVE)

    def test_additional(self) -> None:
        """The cure comes after the answer; what was sent too early is not lost."""
        session = self.session(max_connections=2)
        self.begin(Role(session))
        request = pack_request("h", AdditionalConnect(KEY, CLIENT).to_pack())
        self.send(SIGNATURE, request + b"early")
        self.assertEqual(self.packs()[1].error, 0)
        self.assertGreater(self.wire.cures[0], len(self.answers()[0].body))
        self.assertEqual(self.wire.preloaded, b"early")

    def test_redirect(self) -> None:
        """Its acknowledgement is not answered; the client closes, or its time will be over."""
        self.begin(Role(REDIRECT))
        acknowledgement = pack_request("h", Pack())
        self.send(SIGNATURE, self.login() + acknowledgement, acknowledgement)
        self.assertEqual(len(self.packs()), 2)
        self.assertTrue(self.packs()[1].get_bool("Redirect"))
        self.assertEqual((self.wire.closed, self.wire.relaxed), ("", False))

    def test_refused_login(self) -> None:
        """By its number; the client closes."""
        self.begin(Role(AuthenticationFailed()))
        self.send(SIGNATURE, self.login())
        self.assertEqual((self.packs()[1].error, self.wire.closed), (9, ""))

    def test_refused_requests(self) -> None:
        """A wrong signature, packs without one, nonsense: answered by HTTP, and closed."""
        bad_type = self.login().replace(b"octet-stream", b"x-www-form-urlencoded")
        for status, requests in (
            (403, [SIGNATURE.replace(b"VPNCONNECT", b"VPNCONNEXT")]),
            (403, [self.login()]),
            (403, [SIGNATURE, bad_type]),
            (404, [SIGNATURE.replace(b"connect.cgi", b"connect.xyz")]),
            (400, [b"POST /vpnsvc/vpn.cgi HTTP/1.1\r\n\r\n"]),
        ):
            self.begin(Role(None))
            self.send(*requests)
            self.assertEqual((self.answers()[-1].status, self.wire.closed), (status, "closed"))

    def test_malformed_pack(self) -> None:
        """Answered with an error pack, and closed; a role that fails, too."""
        self.begin(Role(None))
        self.send(SIGNATURE, pack_request("h", Pack()).replace(b"\0\0\0\0", b"\xff\xff\xff\xff"))
        self.assertEqual((self.packs()[1].error, self.wire.closed), (4, "closed"))
        self.begin(Role(ZeroDivisionError()))
        self.send(SIGNATURE, self.login())
        self.assertEqual((self.packs()[1].error, self.wire.closed), (23, "closed"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_peer(self) -> None:
        """Its address is plain IPv4 where the socket has it mapped."""
        self.begin(SlowRole())
        self.send(SIGNATURE, self.login())
        self.assertEqual(
            self.role.peers,
            [Peer(ADDRESS, 4711, 5555, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "CID-7")],
        )


class LateAnswerTests(HandshakeTestCase):
    """A role that has to ask another server first."""

    def setUp(self) -> None:
        """Let a login wait."""
        super().setUp()
        self.begin(SlowRole())
        self.send(SIGNATURE, self.login())

    def test_in_line(self) -> None:
        """The answer is sent when its turn comes."""
        self.role.decided.callback(REDIRECT)
        self.assertEqual(len(self.packs()), 1)
        self.line.move_up()
        self.assertTrue(self.packs()[1].get_bool("Redirect"))

    def test_gone(self) -> None:
        """A session whose welcome cannot be delivered ends: nobody has its key."""
        self.connection.connectionLost(Failure(ConnectionLost()))
        session: ServerSession = self.session()
        self.role.decided.callback(session)
        self.line.move_up()
        self.assertIs(session.state, State.ENDED)

    def test_flooding(self) -> None:
        """What comes before the answer is bounded."""
        for _ in range(5):
            self.send(b"x" * 16_000)
        self.assertEqual(self.wire.closed, "aborted")


class SortingTests(HandshakeTestCase):
    """What is not the handshake is the HTTP server's."""

    def test_at_once(self) -> None:
        """With everything that arrived, and without a deadline."""
        self.begin(Role(None))
        self.send(b"P", b"OST /api/ HTTP/1.1\r\n")
        self.assertIs(self.wire.handed, self.web)
        self.assertEqual(self.web.got, b"POST /api/ HTTP/1.1\r\n")
        self.assertEqual((self.wire.closed, self.wire.relaxed), ("", True))

    def test_in_the_middle(self) -> None:
        """After a request of the handshake, too."""
        self.begin(Role(None))
        self.send(SIGNATURE, b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(self.web.got, b"GET / HTTP/1.1\r\n\r\n")
