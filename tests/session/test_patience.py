"""Logins that wait for somebody: the client is kept patient, and noticed when it leaves."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import Disconnected
from iquila.session.connection import BlockConnection
from iquila.session.dialogue import ANSWER_SECONDS, LONGEST_SECONDS, Dialogue
from iquila.session.gate import Peer
from iquila.session.patience import LINE_SECONDS
from iquila.wire.http import AnswerParser
from iquila.wire.login import Anonymous, Login
from iquila.wire.pack import Pack
from iquila.wire.requests import ANSWER_BEGIN, WAIT_LINE, answer

from .test_handshake import SIGNATURE, HandshakeTestCase, SlowRole
from .test_session import CLIENT, KEY, Transport


class PatientRole(SlowRole):
    """Says that its answer may take long."""

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> Any:
        return await peer.wait(self.decided)


class PatienceTests(HandshakeTestCase):
    """The server's end."""

    def setUp(self) -> None:
        """A client waits."""
        super().setUp()
        self.begin(PatientRole())
        self.hurried = 0
        wire: Any = self.wire
        wire.connected, wire.reactor, wire.hurry = True, self.clock, self.hurry
        self.send(SIGNATURE)
        self.hello = len(self.wire.value())
        self.send(self.login())

    def hurry(self) -> None:
        """Note that the connection has a deadline again."""
        self.hurried += 1

    def said(self) -> bytes:
        """Return what was sent after the Hello."""
        return bytes(self.wire.value()[self.hello :])

    def test_no_deadline_while_it_lasts(self) -> None:
        """The connection may last; it has a deadline again when the decision is there."""
        self.assertEqual((self.wire.relaxed, self.hurried), (True, 0))
        self.role.decided.callback(self.session())
        self.assertEqual(self.hurried, 1)

    def test_a_quick_answer_is_as_always(self) -> None:
        """Nothing was said before it."""
        self.clock.advance(LINE_SECONDS - 0.1)
        self.assertEqual(self.said(), b"")
        self.role.decided.callback(self.session())
        self.line.move_up()
        self.assertEqual(self.packs()[1].get_data("session_key"), KEY)
        self.assertEqual(self.clock.getDelayedCalls()[1:], [])

    def test_a_slow_answer(self) -> None:
        """Its head comes in pieces, and with the welcome it is one answer."""
        for _ in range(3):
            self.clock.advance(LINE_SECONDS)
        self.assertEqual(self.said(), ANSWER_BEGIN + WAIT_LINE * 2)
        self.role.decided.callback(self.session())
        self.line.move_up()
        pack = self.packs()[1]
        self.assertEqual((pack.error, pack.get_data("session_key")), (0, KEY))
        self.assertIsInstance(self.wire.handed, BlockConnection)

    def test_a_slow_refusal(self) -> None:
        """A refusal is a pack, too."""
        self.clock.advance(LINE_SECONDS)
        self.role.decided.errback(Disconnected())
        self.line.move_up()
        self.assertEqual(self.packs()[1].error, Disconnected.code)

    def test_the_client_leaves(self) -> None:
        """What it waited for is cancelled; nothing is left behind."""
        cancelled: list[Deferred[Any]] = []
        self.begin(PatientRole())
        wire: Any = self.wire
        wire.connected, wire.reactor, wire.hurry = True, self.clock, self.hurry
        self.role.decided = Deferred(cancelled.append)
        self.send(SIGNATURE, self.login())
        wire.connected = False
        self.connection.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(cancelled, [self.role.decided])
        self.line.move_up()
        self.assertEqual((len(self.packs()), self.hurried), (1, 0))
        self.assertEqual(self.flushLoggedErrors(CancelledError), [])


class DialogueTests(SynchronousTestCase):
    """The client's end."""

    def setUp(self) -> None:
        """It waits for the answer to its login."""
        self.clock = Clock()
        self.dialogue = Dialogue(self.clock, "host")
        self.dialogue.makeConnection(Transport())
        login = Login("lab", "a", Anonymous(), CLIENT).to_pack()
        self.done = Deferred.fromCoroutine(self.dialogue.ask(login))

    def test_silence(self) -> None:
        """After 15 seconds of it the client gives up."""
        self.clock.advance(ANSWER_SECONDS - 0.1)
        self.assertNoResult(self.done)
        self.clock.advance(0.2)
        self.failureResultOf(self.done, Disconnected)

    def test_lines(self) -> None:
        """While lines come it waits, for the longest login that there may be."""
        self.dialogue.dataReceived(ANSWER_BEGIN)
        for _ in range(12):
            self.clock.advance(10.0)
            self.dialogue.dataReceived(WAIT_LINE)
        self.dialogue.dataReceived(answer(Pack().encode(), begun=True))
        self.assertEqual(self.successResultOf(self.done).error, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_not_for_ever(self) -> None:
        """A server cannot hold a client with lines."""
        self.dialogue.dataReceived(ANSWER_BEGIN)
        for _ in range(int(LONGEST_SECONDS / 10)):
            self.clock.advance(10.0)
            self.dialogue.dataReceived(WAIT_LINE)
        self.failureResultOf(self.done, Disconnected)


class AnswerTests(SynchronousTestCase):
    """The HTTP of it."""

    def test_the_same_answer(self) -> None:
        """With or without lines, begun or not."""
        whole = answer(b"body", close=True)
        pieces = ANSWER_BEGIN + WAIT_LINE * 24 + answer(b"body", close=True, begun=True)
        self.assertEqual(whole, ANSWER_BEGIN + answer(b"body", close=True, begun=True))
        parser = AnswerParser(100)
        parser.feed(pieces)
        assert parser.answer is not None
        self.assertEqual((parser.answer.status, parser.answer.body), (200, b"body"))
        self.assertEqual(parser.answer.headers["connection"], "close")
