"""
A client that waits long for the answer to its login: kept patient, and noticed when it leaves.

Clients of the protocol give up when a server says nothing for 15 seconds; somebody who has to
confirm a login on a phone may need more.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall

from iquila.errors import Disconnected
from iquila.wire.requests import ANSWER_BEGIN, WAIT_LINE

LINE_SECONDS = 5.0


class Patience:
    """
    One wait.

    :param transport: of the client; it is not cut while this lasts.
    :ivar begun: whether the HTTP answer has begun.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._answer: Deferred[Any] | None = None
        self.begun = False

    async def wait(self, answer: Deferred[Any]) -> Any:
        """
        Wait for an answer, which has to end by itself.

        :raises Disconnected: the client left; the answer is cancelled.
        """
        self._answer = answer
        self._transport.relax()
        lines = LoopingCall(self._say)
        lines.clock = self._transport.reactor
        lines.start(LINE_SECONDS, now=False)
        try:
            return await answer
        except CancelledError:
            raise Disconnected from None
        finally:
            lines.stop()
            self._answer = None
            if self._transport.connected:
                self._transport.hurry()

    def abandon(self) -> None:
        """Give up: the client has left."""
        if self._answer is not None:
            self._answer.cancel()

    def _say(self) -> None:
        line = WAIT_LINE if self.begun else ANSWER_BEGIN
        self.begun = True
        self._transport.write_through(memoryview(line))
