"""RADIUS packets and the asking of servers, without a network."""

from __future__ import annotations

import hashlib
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from pyrad.packet import (  # type: ignore[import-untyped]
    AccessChallenge,
    AccessReject,
    AcctPacket,
    AuthPacket,
)
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import ConnectFailed, ServerCannotAccept
from iquila.session.radius import IDENTIFIERS, SULK_SECONDS, RadiusClient, Servers
from iquila.session.radiuspacket import Attribute, BadReply, Code, Reply
from iquila.session.radiusquestion import Event, Login, Report, Traffic

from ..radius import SECRET, RadiusNetwork, RadiusServer

LOGIN = Login("alice", "correct horse", "gateway", "192.0.2.7")
REPORT = Report(Event.STOP, "SID-1", "alice", "gateway", "192.0.2.7", 1_700_000_000, 61, cause=5)
ONE = ("10.0.0.1", 1812)
TWO = ("10.0.0.2", 1812)


def sign(data: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """Give a reply the Response Authenticator that belongs to it."""
    signed = hashlib.md5(data[:4] + authenticator + data[20:] + secret).digest()
    return data[:4] + signed + data[20:]


class RequestTests(SynchronousTestCase):
    """What is sent, as a server reads it."""

    @given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=32))
    def test_password(self, password: str) -> None:
        """Any password arrives, hidden, and the packet is signed before all other attributes."""
        data = evolve(LOGIN, password=password).request(7, SECRET).data
        packet = AuthPacket(packet=data, secret=SECRET)
        self.assertEqual(packet.PwDecrypt(packet[Attribute.USER_PASSWORD][0]), password)
        self.assertTrue(packet.verify_message_authenticator())
        self.assertEqual(data[20:22], bytes((80, 18)))
        # A short one, or one that is part of another attribute, says nothing.
        if len(password) > 3 and password not in LOGIN.user:
            self.assertNotIn(password.encode(), data)

    def test_attributes(self) -> None:
        """The others are those of RFC 2865 for a session on a virtual port."""
        packet = AuthPacket(packet=evolve(LOGIN, state=b"s").request(9, SECRET).data)
        self.assertEqual(packet.id, 9)
        self.assertEqual(packet[Attribute.USER_NAME], [b"alice"])
        self.assertEqual(packet[Attribute.NAS_IDENTIFIER], [b"gateway"])
        self.assertEqual(packet[Attribute.CALLING_STATION_ID], [b"192.0.2.7"])
        self.assertEqual(packet[Attribute.NAS_PORT_TYPE], [b"\0\0\0\5"])
        self.assertEqual(packet[Attribute.SERVICE_TYPE], [b"\0\0\0\2"])
        self.assertEqual(packet[Attribute.STATE], [b"s"])

    def test_authenticators_are_random(self) -> None:
        """No two requests have the same one: it hides the password."""
        made = {LOGIN.request(1, SECRET).data[4:20] for _ in range(64)}
        self.assertEqual(len(made), 64)

    def test_what_no_packet_can_carry(self) -> None:
        """Too long a name or password, an empty name, and a NUL."""
        self.assertTrue(evolve(LOGIN, password="x" * 128).is_sendable())
        for login in (
            evolve(LOGIN, password="x" * 129),
            evolve(LOGIN, password="a\0"),
            evolve(LOGIN, user=""),
            evolve(LOGIN, user="x" * 254),
        ):
            self.assertFalse(login.is_sendable())

    @given(st.integers(0, 2**48), st.integers(0, 2**48), st.text(max_size=300))
    def test_accounting(self, received: int, sent: int, name: str) -> None:
        """Counts over 32 bits go into two attributes; the packet proves that we know the secret."""
        report = evolve(REPORT, traffic=Traffic(received, 1, sent, 2), session=name)
        data = report.request(3, SECRET).data
        packet = AcctPacket(packet=data, secret=SECRET)
        self.assertTrue(packet.VerifyAcctRequest())

        def number(attribute: Attribute) -> int:
            return int.from_bytes(packet[attribute][0], "big")

        self.assertEqual(
            number(Attribute.ACCT_INPUT_GIGAWORDS) << 32 | number(Attribute.ACCT_INPUT_OCTETS),
            received,
        )
        self.assertEqual(
            number(Attribute.ACCT_OUTPUT_GIGAWORDS) << 32 | number(Attribute.ACCT_OUTPUT_OCTETS),
            sent,
        )
        self.assertEqual(number(Attribute.ACCT_SESSION_TIME), 61)
        self.assertEqual(number(Attribute.ACCT_TERMINATE_CAUSE), 5)

    def test_a_start_counts_nothing(self) -> None:
        """Counts and a cause belong to what comes later."""
        packet = AcctPacket(packet=evolve(REPORT, event=Event.START).request(1, SECRET).data)
        self.assertNotIn(Attribute.ACCT_SESSION_TIME, packet)
        self.assertNotIn(Attribute.ACCT_TERMINATE_CAUSE, packet)


class ReplyTests(SynchronousTestCase):
    """Which replies are believed."""

    def setUp(self) -> None:
        """A request, and a server that answers it."""
        self.request = LOGIN.request(5, SECRET)
        self.server = RadiusServer()

    def reply(self) -> bytes:
        """Return the server's reply to the request."""
        return self.server(self.request.data)[0]

    def refused(self, data: bytes) -> str:
        """Return why a reply is not believed."""
        return str(self.assertRaises(BadReply, self.request.read, data))

    def test_attributes(self) -> None:
        """What an accept gives."""
        self.server.attributes = {
            18: [b"Welcome, ", "Zoë".encode()],
            25: [b"one", b"two"],
            27: [(3600).to_bytes(4, "big")],
            81: [b"\x01" + b"77"],
            85: [(300).to_bytes(4, "big")],
            1: [b"Alice"],
        }
        self.assertEqual(
            self.request.read(self.reply()),
            Reply(Code.ACCEPT, "Welcome, Zoë", b"", 3600, 300, (b"one", b"two"), 77, "Alice"),
        )

    def test_vlans(self) -> None:
        """With a tag or without; what is no VLAN is none."""
        for value, vlan in (
            (b"12", 12),
            (b"\x0012", 12),
            (b"4094", 4094),
            (b"4095", 0),
            (b"0", 0),
            (b"guests", 0),
            (b"", 0),
            (b"\x1f", 0),
            (b"1" * 200, 0),
        ):
            self.server.attributes = {81: [value]}
            self.assertEqual(self.request.read(self.reply()).vlan, vlan, value)

    def test_challenge_and_reject(self) -> None:
        """They are told apart."""
        self.server.code, self.server.attributes = AccessChallenge, {24: [b"state"]}
        self.assertEqual(self.request.read(self.reply()), Reply(Code.CHALLENGE, state=b"state"))
        self.server.code, self.server.attributes = AccessReject, {}
        self.assertEqual(self.request.read(self.reply()).code, Code.REJECT)

    def test_without_message_authenticator(self) -> None:
        """It is dropped although its Response Authenticator is right."""
        self.server.signed = False
        self.assertIn("no Message-Authenticator", self.refused(self.reply()))

    def test_wrong_message_authenticator(self) -> None:
        """So is one whose Message-Authenticator was made up, or comes twice."""
        data = self.reply()
        forged = data[:22] + bytes(16) + data[38:]
        forged = sign(forged, SECRET, self.request.data[4:20])
        self.assertIn("Message-Authenticator is wrong", self.refused(forged))
        twice = bytearray(data + data[20:38])
        twice[2:4] = len(twice).to_bytes(2, "big")
        twice = bytearray(sign(bytes(twice), SECRET, self.request.data[4:20]))
        self.assertIn("Message-Authenticator is wrong", self.refused(bytes(twice)))

    def test_proxy_state(self) -> None:
        """It was not sent: the known attack needs it in a reply."""
        self.server.attributes = {33: [b"collision"]}
        self.assertIn("Proxy-State", self.refused(self.reply()))

    def test_another_secret_identifier_or_code(self) -> None:
        """Nothing of these is for us."""
        self.server.secret = b"another"
        self.assertIn("Response Authenticator", self.refused(self.reply()))
        data = bytearray(self.reply())
        data[1] ^= 1
        self.assertIn("identifier", self.refused(bytes(data)))
        self.server.secret, self.server.code = SECRET, 5
        self.assertIn("code 5", self.refused(self.reply()))

    def test_padding(self) -> None:
        """Bytes behind the packet do not count (RFC 2865 §3)."""
        self.assertEqual(self.request.read(self.reply() + b"padding").code, Code.ACCEPT)

    @given(st.data())
    def test_any_change_is_noticed(self, data: Any) -> None:
        """A reply with any byte changed is dropped, however it was changed."""
        good = self.reply()
        position = data.draw(st.integers(0, len(good) - 1))
        bad = bytearray(good)
        bad[position] ^= data.draw(st.integers(1, 255))
        self.assertRaises(BadReply, self.request.read, bytes(bad))

    @given(st.binary(max_size=200))
    def test_attributes_that_do_not_fit(self, attributes: bytes) -> None:
        """Even a server that knows the secret cannot make the reading fail in another way."""
        head = bytes((2, 5)) + (20 + len(attributes)).to_bytes(2, "big") + self.request.data[4:20]
        data = sign(head + attributes, SECRET, self.request.data[4:20])
        self.assertRaises(BadReply, self.request.read, data)

    def test_accounting(self) -> None:
        """An Accounting-Response is one; an accept is none."""
        request = REPORT.request(5, SECRET)
        self.assertEqual(request.read(self.server(request.data)[0]).code, Code.ACCOUNTED)
        accept = sign(self.reply(), SECRET, request.data[4:20])
        self.assertIn("code 2", str(self.assertRaises(BadReply, request.read, accept)))


class ClientTests(SynchronousTestCase):
    """Retransmission, servers in turn, bounds."""

    def setUp(self) -> None:
        """A client, two servers."""
        self.network = RadiusNetwork()
        self.one, self.two = RadiusServer(), RadiusServer()
        self.network.servers = {ONE: self.one, TWO: self.two}
        self.client = RadiusClient(self.network, limit=600)
        self.servers = Servers((ONE[0],), 1812, SECRET, 0.5, 10.0)

    def ask(self, question: Login | Report = LOGIN, **changes: Any) -> Deferred[Any]:
        """Ask."""
        return Deferred.fromCoroutine(self.client.ask(question, evolve(self.servers, **changes)))

    def test_accept(self) -> None:
        """One request, one reply."""
        reply, host = self.successResultOf(self.ask())
        self.assertEqual((reply.code, host), (Code.ACCEPT, ONE[0]))
        self.assertEqual(len(self.network.sent), 1)
        self.assertEqual(self.network.getDelayedCalls(), [])

    def test_retransmission(self) -> None:
        """The very same packet goes out again, until somebody answers it."""
        self.one.silent = True
        done = self.ask()
        self.network.pump([0.5] * 3)
        self.assertEqual(len({data for _, data, _ in self.network.sent}), 1)
        self.assertEqual(len(self.network.sent), 4)
        self.one.silent = False
        self.network.advance(0.5)
        self.assertEqual(self.successResultOf(done)[0].code, Code.ACCEPT)
        self.network.advance(30)
        self.assertEqual(len(self.network.sent), 5)

    def test_silence(self) -> None:
        """Nobody answers: an error after the time-out, and nothing is left."""
        self.one.silent = True
        done = self.ask()
        self.network.pump([0.5] * 19)
        self.assertNoResult(done)
        self.network.advance(0.5)
        self.failureResultOf(done, ConnectFailed)
        self.assertEqual(self.network.getDelayedCalls(), [])
        self.assertEqual(len(self.client), 0)

    def test_a_bad_reply_is_as_none(self) -> None:
        """The good one that comes later counts; the log is told once."""
        self.one.signed = False
        done = self.ask()
        self.network.pump([0.5] * 4)
        self.assertNoResult(done)
        self.one.signed = True
        self.network.advance(0.5)
        self.assertEqual(self.successResultOf(done)[0].code, Code.ACCEPT)

    def test_a_reply_from_elsewhere(self) -> None:
        """Another address, or another port, does not answer for the server."""
        self.one.silent = True
        done = self.ask()
        good = self.one.reply(self.one.requests[0])
        transport = self.network.transports[0]
        for address in (TWO, (ONE[0], 1813)):
            transport.protocol.datagramReceived(good, address)
        for garbage in (b"", b"\2", bytes(20)):
            transport.protocol.datagramReceived(garbage, ONE)
        self.assertNoResult(done)
        transport.protocol.datagramReceived(good, ONE)
        self.assertEqual(self.successResultOf(done)[0].code, Code.ACCEPT)
        transport.protocol.datagramReceived(good, ONE)

    def test_in_turn(self) -> None:
        """The second server is asked with another packet when the first one's time is over."""
        self.one.silent = True
        hosts = (ONE[0], TWO[0])
        done = self.ask(hosts=hosts)
        self.network.pump([0.5] * 9)
        self.assertEqual(self.two.requests, [])
        self.network.advance(0.5)
        self.assertEqual(self.successResultOf(done)[1], TWO[0])
        first, second = self.network.sent[0][1], self.network.sent[-1][1]
        self.assertNotEqual(first[4:20], second[4:20])
        # The silent one comes last for a while, and is asked first again then.
        before = len(self.one.requests)
        self.successResultOf(self.ask(hosts=hosts))
        self.assertEqual(len(self.one.requests), before)
        self.network.advance(SULK_SECONDS)
        self.one.silent = False
        self.assertEqual(self.successResultOf(self.ask(hosts=hosts))[1], ONE[0])

    def test_names(self) -> None:
        """A name is resolved; one that cannot be is a server that does not answer."""
        self.network.servers["10.0.0.9", 1812] = self.two
        self.successResultOf(self.ask(hosts=("radius.example",)))
        self.failureResultOf(self.ask(hosts=("unknown.example",)), ConnectFailed)
        done = self.ask(hosts=("slow", ONE[0]))
        self.network.advance(5.0)
        self.assertEqual(self.successResultOf(done)[1], ONE[0])

    def test_ipv6(self) -> None:
        """Over a socket of its own, however the address is written."""
        self.network.servers["2001:db8::1", 1812] = self.two
        self.successResultOf(self.ask())
        reply, _ = self.successResultOf(self.ask(hosts=("2001:DB8:0::1",)))
        self.assertEqual(reply.code, Code.ACCEPT)
        self.assertEqual([t.interface for t in self.network.transports], ["", "::"])

    def test_cancel(self) -> None:
        """Who asked has left: nothing is sent any more, the identifier is free."""
        self.one.silent = True
        done = self.ask()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.network.advance(5)
        self.assertEqual(len(self.network.sent), 1)
        self.assertEqual((len(self.client), self.network.getDelayedCalls()), (0, []))

    def test_bounds(self) -> None:
        """Each socket has its identifiers, each waiting request its own; the rest is refused."""
        self.one.silent = True
        asked = [self.ask() for _ in range(600)]
        pairs = {(number, data[1]) for number, data, _ in self.network.sent}
        self.assertEqual(len(pairs), 600)
        self.assertEqual(len(self.network.transports), -(-600 // IDENTIFIERS))
        self.failureResultOf(self.ask(), ServerCannotAccept)
        asked[300].cancel()
        self.failureResultOf(asked[300], CancelledError)
        last = self.ask()
        self.assertNoResult(last)
        self.assertEqual(len(self.network.transports), 3)
        self.network.advance(10.0)
        for done in [*asked[:300], *asked[301:], last]:
            self.failureResultOf(done, ConnectFailed)

    def test_identifiers_go_round(self) -> None:
        """One that was just used is not used again at once: its late reply would be confusing."""
        for _ in range(IDENTIFIERS + 2):
            self.successResultOf(self.ask())
        self.assertEqual(self.network.identifiers(), [*range(IDENTIFIERS), 0, 1])

    def test_closed(self) -> None:
        """Who waits is told, sockets are closed, and nothing is asked any more."""
        self.one.silent = True
        waiting = self.ask()
        self.successResultOf(Deferred.fromCoroutine(self.client.close()))
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual((self.network.closed, self.network.getDelayedCalls()), (1, []))
        self.failureResultOf(self.ask(), ServerCannotAccept)
