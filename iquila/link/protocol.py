"""
What both ends of a cluster connection share: AMP with bounded boxes, deadlines, heartbeats.

Which commands an end answers is its locator's business (:mod:`.controller`, :mod:`.member`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ClassVar, TypeVar

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols import amp
from twisted.python.failure import Failure

from iquila.cluster.health import INTERVAL, Health
from iquila.cluster.health import Heartbeat as Silence
from iquila.errors import ControllerConnectFailed, Disconnected, VENError
from iquila.interfaces import Purpose
from iquila.link.commands import REFUSED, Heartbeat, LinkCommand, Refused

T = TypeVar("T")

DEADLINE = 2.0
"""Seconds that an ordinary call may take."""
JOIN_SECONDS = 10.0
BOX_LIMIT = 5_000_000
STRANGER_BOX_LIMIT = 64 * 1024
"""Bytes of one box: of a peer that has joined, and of one that has not."""


class LinkProtocol(amp.AMP):
    """
    One end.

    :param locator: answers commands.
    :param clock: `IReactorTime`.
    :param closed: called once with the reason when the connection is lost.
    """

    _log: ClassVar[Logger] = Logger()
    noisy = False

    def __init__(
        self, locator: Any, clock: Any, closed: Callable[[LinkProtocol, Failure], None]
    ) -> None:
        super().__init__(locator=locator)
        locator.protocol = self
        self.clock = clock
        self.trusted = False
        """Whether the peer has proved itself."""
        self._closed = closed
        self._box_size = 0
        self._silence = Silence(0.0)
        self._last_beat = 0.0
        self._beats = LoopingCall(self._beat)
        self._beats.clock = clock
        self._join_timer: Any = None
        self._waiting: set[Deferred[Any]] = set()

    # -- the connection

    def connectionMade(self) -> None:
        """Give the peer its time to join."""
        super().connectionMade()
        self._silence = Silence(self.clock.seconds())
        self._join_timer = self.clock.callLater(JOIN_SECONDS, self._too_late)

    def _too_late(self) -> None:
        self._log.warn("The cluster connection with {peer} took too long", peer=self.peer)
        self.abort()

    @property
    def peer(self) -> str:
        """The address of the other end."""
        transport: Any = self.transport
        return str(getattr(transport.getPeer(), "host", "")) if transport is not None else ""

    def channel_binding(self) -> bytes:
        """Return the 32 bytes that bind a proof to this channel."""
        transport: Any = self.transport
        if transport is None:
            raise Disconnected
        return bytes(transport.channel_binding())

    def joined(self) -> None:
        """The peer has proved itself: it may be silent only briefly from now on."""
        self.trusted = True
        transport: Any = self.transport
        # Its signs of life must not wait behind a burst of logins.
        transport.exempt()
        transport.purpose = Purpose.CLUSTER
        self._cancel_timer()
        self._last_beat = self.clock.seconds()
        self._silence = Silence(self._last_beat)
        self._beats.start(INTERVAL, now=True)

    def dataReceived(self, data: bytes) -> None:
        """Any byte is a sign of life."""
        self._silence.heard(self.clock.seconds())
        super().dataReceived(data)

    def stringReceived(self, string: bytes) -> None:
        """Bound the size of a box before it is complete."""
        # AMP ends a box with an empty key; it bounds each string, but not their number.
        self._box_size = self._box_size + len(string) + 2 if string else 0
        if self._box_size > (BOX_LIMIT if self.trusted else STRANGER_BOX_LIMIT):
            self._log.warn("{peer} sends a box that is too large", peer=self.peer)
            self.abort()
            return
        super().stringReceived(string)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Fail what waits for an answer, and say so."""
        self._cancel_timer()
        if self._beats.running:
            self._beats.stop()
        super().connectionLost(reason)
        self._closed(self, reason)

    def unhandledError(self, failure: Failure) -> None:
        """A command could not be understood or answered: close this connection alone."""
        self._log.failure("The cluster connection with {peer} failed", failure, peer=self.peer)
        self.abort()

    def abort(self) -> None:
        """Close at once."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def close(self) -> None:
        """Close cleanly."""
        transport: Any = self.transport
        if transport is not None:
            transport.loseConnection()

    def _cancel_timer(self) -> None:
        if self._join_timer is not None and self._join_timer.active():
            self._join_timer.cancel()

    # -- heartbeat

    def _beat(self) -> None:
        now = self.clock.seconds()
        late = now - self._last_beat - INTERVAL
        self._last_beat = now
        if late > INTERVAL:
            # We were asleep ourselves: what the peer sent meanwhile is not read yet.
            self._silence.heard(now)
        if self._silence.state(now) is Health.DEAD:
            self._log.warn("{peer} is silent: the cluster connection is closed", peer=self.peer)
            self.abort()
            return
        self.send(Heartbeat)

    def health(self) -> Health:
        """Return what the peer's silence says."""
        return self._silence.state(self.clock.seconds())

    # -- calls

    def sendBox(self, box: amp.AmpBox) -> None:
        """Send a box at once: most wait for nothing but their answer."""
        transport: Any = self.transport
        if transport is None:
            raise ConnectionLost
        with memoryview(box.serialize()) as view:
            transport.write_through(view)

    def send(self, command: type[LinkCommand], **arguments: Any) -> None:
        """Send a command that has no answer."""
        if self.transport is not None:
            self.callRemote(command, **arguments)

    async def call(
        self, command: type[LinkCommand], deadline: float = DEADLINE, **arguments: Any
    ) -> dict[str, Any]:
        """
        Send a command and return its answer.

        :raises VENError: the peer's refusal; :class:`Disconnected` when the connection is
            lost; :class:`ControllerConnectFailed` when the deadline passes.
        """
        if self.transport is None:
            raise Disconnected
        return await self._answer(self.callRemote(command, **arguments), deadline)

    async def call_plain(
        self, command: type[LinkCommand], deadline: float = DEADLINE, **arguments: bytes
    ) -> dict[bytes, bytes]:
        """Send a command whose arguments are as they travel, and return its answer likewise."""
        if self.transport is None:
            raise Disconnected
        return await self._answer(self.callRemoteString(command.commandName, **arguments), deadline)

    async def _answer(self, answer: Deferred[T], deadline: float) -> T:
        try:
            return await answer.addTimeout(deadline, self.clock)
        except Refused as error:
            raise error.error() from None
        except TimeoutError:
            raise ControllerConnectFailed(
                f"The other server of the cluster did not answer in {deadline:g} seconds."
            ) from None
        except amp.RemoteAmpError as error:
            if error.errorCode == REFUSED:
                raise Refused(error.description).error() from None
            raise Disconnected(f"The other server of the cluster failed: {error}") from None
        except amp.UnhandledCommand as error:
            raise Disconnected(f"The other server of the cluster failed: {error}") from None
        except VENError:
            raise
        except Exception as error:
            raise Disconnected(f"The cluster connection was lost: {error}") from None


class LinkLocator(amp.CommandLocator):
    """Answers nothing but what joins, before the peer has joined."""

    before: ClassVar[frozenset[bytes]] = frozenset()
    """The commands that a stranger may send."""
    protocol: LinkProtocol

    def locateResponder(self, name: bytes) -> Any:
        """Return the responder of a command; a stranger that asks for another is cut off."""
        if not self.protocol.trusted and name not in self.before:
            self.protocol.abort()
            return None
        return super().locateResponder(name)


def refusal(error: VENError) -> amp.RemoteAmpError:
    """Return what a responder of plain boxes raises for a refusal."""
    return amp.RemoteAmpError(REFUSED, str(Refused.of(error)))


def refusing(responder: Callable[..., Awaitable[Any]]) -> Callable[..., Deferred[Any]]:
    """Make an AMP responder of a coroutine function whose VEN errors travel as such."""

    @wraps(responder)
    def respond(*arguments: Any, **named: Any) -> Deferred[Any]:
        return Deferred.fromCoroutine(run(*arguments, **named))

    async def run(*arguments: Any, **named: Any) -> Any:
        try:
            return await responder(*arguments, **named)
        except VENError as error:
            raise Refused.of(error) from None

    return respond
