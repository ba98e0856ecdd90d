"""A client's session without a network: what it does after a loss, and what its receiver hears."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import TooManyConnections
from iquila.session import client as module
from iquila.session.client import ClientSession
from iquila.session.connection import BlockConnection
from iquila.session.flusher import Flusher
from iquila.session.login import Admission, Server
from iquila.session.opener import FIRST_SECONDS
from iquila.session.tunnel import State
from iquila.session.verification import Unverified
from iquila.wire.additional import AdditionalAnswer, Direction
from iquila.wire.welcome import Welcome

from .test_session import KEY, Transport


class Dialogue:
    """Hands a connection over to a transport that takes everything."""

    def hand_over(self, connection: BlockConnection) -> None:
        """Do so."""
        self.connection = connection
        connection.makeConnection(Transport())

    def close(self) -> None:
        """Nothing is open."""


class Receiver:
    """Keeps what it is told."""

    super_frames = False

    def __init__(self) -> None:
        self.congested: list[bool] = []

    def set_congested(self, congested: bool) -> None:
        """Keep it, if it is news."""
        if self.congested[-1:] != [congested]:
            self.congested.append(congested)


class ClientSessionTests(SynchronousTestCase):
    """One session with one connection."""

    def setUp(self) -> None:
        """It is open."""
        self.clock = Clock()
        self.receiver = Receiver()
        self.attempts: list[Deferred[Any]] = []
        self.patch(module, "open_additional", self.open_additional)
        self.dialogue = Dialogue()
        dialogue: Any = self.dialogue
        welcome = Welcome("SID-A-1", "CID-1", KEY, max_connection=1, timeout=20_000)
        admission = Admission(dialogue, welcome, Server("host", 1, Unverified()))
        receiver: Any = self.receiver
        self.session = ClientSession(self.clock, Flusher(self.clock), admission, receiver)
        self.session.open(admission)

    async def open_additional(self, *_: object) -> tuple[Dialogue, AdditionalAnswer]:
        """Begin an attempt; what it leads to is up to the test."""
        self.attempts.append(Deferred())
        await self.attempts[-1]
        return self.dialogue, AdditionalAnswer(Direction.BOTH)

    def lose(self) -> None:
        """Lose the connection."""
        self.dialogue.connection.connectionLost(Failure(ConnectionLost()))

    def test_a_loss(self) -> None:
        """Another connection is opened at once; frames had better wait until it is there."""
        self.assertEqual(self.receiver.congested, [False])
        self.lose()
        self.assertEqual(self.receiver.congested, [False, True])
        self.assertEqual(len(self.attempts), 1)
        self.attempts[-1].callback(None)
        self.assertEqual(self.receiver.congested, [False, True, False])
        self.assertIs(self.session.state, State.ACTIVE)

    def test_a_server_that_does_not_know_yet(self) -> None:
        """It refuses, and is soon asked again."""
        self.lose()
        self.attempts[-1].errback(TooManyConnections())
        self.assertEqual(len(self.attempts), 1)
        self.clock.advance(FIRST_SECONDS)
        self.assertEqual(len(self.attempts), 2)
        self.attempts[-1].callback(None)
        self.assertIs(self.session.state, State.ACTIVE)

    def test_the_end(self) -> None:
        """What its connections do afterwards concerns nobody: there may be another session."""
        self.session.end()
        self.lose()
        self.assertEqual((self.receiver.congested, self.attempts), ([False], []))
        self.assertEqual(self.clock.getDelayedCalls(), [])
