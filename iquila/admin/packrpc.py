"""
The administration RPC of the system's own tools (reference §7.9): a length and a PACK each way.

One request at a time: the next one is read when the answer to the last has gone out.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from iquila.admin.authority import AUDITOR, Standing, prove
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller
from iquila.admin.packform import from_pack, to_pack
from iquila.admin.table import OPERATIONS
from iquila.admin.telling import journal_of
from iquila.errors import (
    AccessDenied,
    Conflict,
    InternalError,
    InvalidParameter,
    IquilaError,
    NotSupported,
    PackError,
    TooManyConnections,
    VENError,
)
from iquila.interfaces import Purpose
from iquila.session.gate import Peer
from iquila.wire.pack import RPC_LIMITS, Pack
from iquila.wire.request import Administration

MAX_CONNECTIONS = 256
"""Administrators at the same time."""
RESERVED = 32
"""Of these, for the server's administrator: nobody else keeps them out."""
MAX_EACH = 32
"""Connections of the administrators of one switch, or of auditors, at the same time."""
MESSAGE_SECONDS = 60.0
"""Time for a request to arrive completely, once it has begun."""
WRONG_PASSWORD_SECONDS = 1.0
"""What a wrong password costs its sender."""
DOOR = "pack-rpc"
OWN_CHANGES = ("SetServerPassword", "SetHub")
"""With what callers change their own passwords: their connections go on."""
_LENGTH = struct.Struct(">I")
Answer = Callable[[Pack], Awaitable[Pack]]


class PackRPC:
    """
    The door for tools that speak the administration RPC.

    :param server: what is administered.
    :param reactor: for delays.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, server: ManagedServer, reactor: Any) -> None:
        self._server = server
        self._reactor = reactor
        self._connections: set[PackConnection] = set()

    async def admit(self, request: Administration, challenge: bytes, peer: Peer) -> PackConnection:
        """
        Return the protocol that serves an administrator.

        :raises VENError: why nobody is let in.
        """
        try:
            caller = prove(
                self._server, request.switch, request.secure_password, challenge, peer.address
            )
        except VENError as error:
            journal, named = journal_of(self._server), request.switch[:255]
            switch = "" if named.lower() in ("administrator", AUDITOR) else named
            journal.administrator_refused(switch, str(peer.address), DOOR, str(error))
            if isinstance(error, AccessDenied):
                await deferLater(self._reactor, WRONG_PASSWORD_SECONDS)
            raise
        self._check_room(caller)
        caller = evolve(caller, address=str(peer.address), door=DOOR)
        journal_of(self._server).administrator(caller.name, caller.switch, caller.address, DOOR)
        answer = partial(self._answer, Standing(self._server, caller))
        return PackConnection(self._reactor, answer, self._connections, caller)

    def _check_room(self, caller: Caller) -> None:
        there = len(self._connections)
        if caller.is_server_administrator:
            full = there >= MAX_CONNECTIONS
        else:
            same = [c for c in self._connections if _same(c.caller, caller)]
            full = there >= MAX_CONNECTIONS - RESERVED or len(same) >= MAX_EACH
        if full:
            raise TooManyConnections("Too many administrators are connected: try again later.")

    async def _answer(self, standing: Standing, request: Pack) -> Pack:
        """Answer, as long as what proved the caller still would."""
        try:
            standing.check()
        except VENError as error:
            return _failure(error)
        reply = await self.answer(standing.caller, request)
        if not reply.error and request.get_str("function_name") in OWN_CHANGES:
            standing.renew()
        return reply

    async def answer(self, caller: Caller, request: Pack) -> Pack:
        """Return the reply to a request, or the pack that says why there is none."""
        name = request.get_str("function_name")
        try:
            operation = OPERATIONS.get(name)
            if operation is None:
                raise NotSupported
            wanted = from_pack(operation.request, request)
            return to_pack(await operation.run(self._server, caller, wanted))
        except Conflict:
            return _failure(InvalidParameter("Somebody else changed this: try again."))
        except VENError as error:
            return _failure(error)
        except IquilaError as error:
            return _failure(InternalError(str(error)))
        except Exception:
            self._log.failure("{name} failed", name=name[:64])
            return _failure(InternalError())


def _same(one: Caller, other: Caller) -> bool:
    return (one.switch, one.auditor) == (other.switch, other.auditor)


def _failure(error: VENError) -> Pack:
    # Debian's tool reads the number in the first, other readers in the second; the sentence is
    # for people.
    pack = Pack().add_int("error", error.code).add_int("error_code", error.code)
    return pack.add_str("message", str(error))


class PackConnection(Protocol):
    """
    One administrator's connection.

    :param answer: called with each request; never fails.
    :param open: the connections there are; this one is among them while it is open.
    :param caller: who it is.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self, clock: Any, answer: Answer, open: set[PackConnection], caller: Caller
    ) -> None:
        self.caller = caller
        self._clock = clock
        self._answer = answer
        self._open = open
        self._buffer = bytearray()
        self._answering: Deferred[None] | None = None
        self._deadline: Any = None
        self._full = False
        self._io: Any = None

    def connectionMade(self) -> None:
        """Count among the connections; a peer that vanished is found by TCP."""
        self._io = self.transport
        self._open.add(self)
        self._io.setTcpKeepAlive(True)
        self._io.registerProducer(self, True)
        self._io.purpose = Purpose.ADMINISTRATION

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go; what is being done is finished, and its answer lost."""
        if self._io is not None:
            self._io.unregisterProducer()
        self._io = None
        self._open.discard(self)
        self._stop_deadline()

    def pauseProducing(self) -> None:
        """Answer nothing more: whoever does not read answers must not fill the memory."""
        self._full = True

    def resumeProducing(self) -> None:
        """Go on: the answers have gone out."""
        self._full = False
        self._clock.callLater(0, self._next)

    def stopProducing(self) -> None:
        """Answer nothing more: the connection is over."""
        self._full = True

    def dataReceived(self, data: bytes) -> None:
        """Collect a request."""
        if self._io is None:
            return
        self._buffer += data
        if len(self._buffer) > RPC_LIMITS.total + _LENGTH.size:
            self._io.abortConnection()
            return
        self._next()

    def _next(self) -> None:
        if self._answering is not None or self._full or self._io is None:
            return
        pack = self._take()
        if pack is None:
            return
        self._answering = Deferred.fromCoroutine(self._serve(pack))
        self._answering.addErrback(lambda f: self._log.failure("An answer failed", f))
        self._answering.addBoth(self._answered)

    def _answered(self, _result: object) -> None:
        self._answering = None
        if self._buffer:
            self._clock.callLater(0, self._next)

    def _take(self) -> Pack | None:
        """Return the next request, None where it is not complete."""
        if not self._buffer:
            return None
        if len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if not 4 <= length <= RPC_LIMITS.total:
                self._io.abortConnection()
                return None
            end = _LENGTH.size + length
            if len(self._buffer) >= end:
                self._stop_deadline()
                body = bytes(self._buffer[_LENGTH.size : end])
                del self._buffer[:end]
                return self._decoded(body)
        if self._deadline is None:
            self._deadline = self._clock.callLater(MESSAGE_SECONDS, self._io.abortConnection)
        return None

    def _decoded(self, body: bytes) -> Pack | None:
        try:
            return Pack.decode(body, RPC_LIMITS)
        except PackError as error:
            self._log.info("An administrator's connection is closed: {error}", error=error)
            self._io.abortConnection()
            return None

    async def _serve(self, request: Pack) -> None:
        reply = (await self._answer(request)).encode()
        if self._io is not None:
            self._io.write(_LENGTH.pack(len(reply)) + reply)

    def _stop_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None
