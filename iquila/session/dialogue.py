"""
The client's half of the VEN handshake on one connection, up to the data phase.

One :class:`Dialogue` asks one pack at a time; :mod:`.login` says what is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from iquila.errors import Disconnected, NotAVENServer, PackError, ProtocolError
from iquila.session.connection import BlockConnection
from iquila.wire.hello import Hello
from iquila.wire.http import (
    PACK_TYPE,
    AnswerParser,
    HTTPAnswer,
    pack_request,
    signature_request,
)
from iquila.wire.pack import ANSWER_LIMITS, Pack

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

ANSWER_SECONDS = 15.0
"""Between two pieces of an answer."""
LONGEST_SECONDS = 150.0
"""For all of it: somebody may have to confirm the login on a phone."""
BODY_LIMIT = 1024 * 1024


class Dialogue(Protocol):
    """
    The HTTP connection of a client before its data phase.

    :param clock: `IReactorTime`, for the time an answer may take.
    """

    def __init__(self, clock: Any, host: str) -> None:
        self._clock = clock
        self._host = host
        self._parser: AnswerParser | None = None
        self._waiting: Deferred[HTTPAnswer] | None = None
        self._io: Any = None
        self.greeting: Hello | None = None
        """What the server said of itself."""
        self._timer: IDelayedCall | None = None
        self._longest = 0.0

    def connectionMade(self) -> None:
        """Keep the transport with its own type."""
        self._io = self.transport

    async def hello(self) -> Hello:
        """
        Send the signature and return the server's Hello.

        :raises NotAVENServer: something else answers on this port.
        """
        answer = await self._exchange(signature_request(self._host))
        if answer.status != 200:
            raise NotAVENServer
        self.greeting = Hello.from_pack(_decode(answer))
        return self.greeting

    async def ask(self, pack: Pack) -> Pack:
        """
        Send a pack and return the answer, whatever error it carries.

        :raises ProtocolError: the answer is not one of the protocol.
        :raises Disconnected: the server closed or took too long.
        """
        answer = await self._exchange(pack_request(self._host, pack.add_padding()))
        if answer.status != 200 or answer.headers.get("content-type") != PACK_TYPE.decode():
            raise ProtocolError(f"The server answered with HTTP status {answer.status}.")
        return _decode(answer)

    def tell(self, pack: Pack) -> None:
        """Send a pack without waiting for an answer."""
        if self._io is not None:
            self._io.write(pack_request(self._host, pack.add_padding()))

    def hand_over(self, connection: BlockConnection) -> None:
        """
        Leave HTTP: give the connection to the data phase.

        :raises Disconnected: it is lost already.
        """
        if self._io is None:
            raise Disconnected
        rest = self._parser.rest if self._parser is not None else b""
        io, self._io = self._io, None
        io.switch_protocol(connection)
        if rest:
            io.preload(rest)

    @property
    def certificate(self) -> bytes:
        """The server's certificate, DER."""
        return bytes(self._io.peer_certificate()) if self._io is not None else b""

    def close(self) -> None:
        """Close the connection cleanly."""
        if self._io is not None:
            self._io.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """Collect an answer."""
        if self._parser is None:
            return
        left = self._longest - self._clock.seconds()
        if self._timer is not None and self._timer.active() and left > 0:
            self._timer.reset(min(ANSWER_SECONDS, left))
        try:
            self._parser.feed(data)
        except ProtocolError:
            self._finish(Failure())
            self.close()
            return
        if self._parser.answer is not None:
            self._finish(self._parser.answer)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail a question that waits for its answer."""
        self._io = None
        self._finish(Failure(Disconnected()))

    async def _exchange(self, request: bytes) -> HTTPAnswer:
        if self._io is None:
            raise Disconnected
        self._parser = AnswerParser(BODY_LIMIT)
        waiting: Deferred[HTTPAnswer] = Deferred()
        self._waiting = waiting
        self._io.write(request)
        self._longest = self._clock.seconds() + LONGEST_SECONDS
        self._timer = timer = self._clock.callLater(
            ANSWER_SECONDS,
            lambda: self._finish(Failure(Disconnected("The server did not answer in time."))),
        )
        try:
            return await waiting
        finally:
            self._timer = None
            if timer.active():
                timer.cancel()

    def _finish(self, result: HTTPAnswer | Failure) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(result)  # a Failure makes it fail


def _decode(answer: HTTPAnswer) -> Pack:
    try:
        return Pack.decode(answer.body, ANSWER_LIMITS)
    except PackError as error:
        raise ProtocolError(f"The server's answer cannot be read: {error}") from error


class DialogueFactory(Factory):
    """Builds a :class:`Dialogue` for an endpoint."""

    noisy = False

    def __init__(self, clock: Any, host: str) -> None:
        self._clock = clock
        self._host = host

    def buildProtocol(self, addr: Any) -> Any:
        """Build the dialogue of one connection."""
        return Dialogue(self._clock, self._host)
