"""
The server's half of the VEN handshake, one PACK in and one PACK out (reference §1.4-§1.6).

Knows no HTTP: :mod:`.web` carries the packs, and gives the connection to the session when a
reply says so.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from attrs import frozen
from twisted.internet.interfaces import IProtocol

from iquila.database.actor import Actor, acting
from iquila.errors import NotSupported, ProtocolError, VENError
from iquila.session.connection import BlockConnection
from iquila.session.gate import Gate, Peer
from iquila.session.server import ServerSession
from iquila.wire.additional import AdditionalAnswer, AdditionalConnect
from iquila.wire.login import Login
from iquila.wire.pack import Pack
from iquila.wire.redirect import Redirect
from iquila.wire.refusal import error_pack
from iquila.wire.request import Administration, EnumSwitches, Noop, PasswordChange, parse_request

MAX_NOOPS = 30
"""How often a client may ask for patience while a person is asked something."""


class Stage(Enum):
    """How far a connection has come."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    """The signature was accepted and a Hello sent."""
    ANSWERED = "answered"
    """A request was answered for good: what may still follow only acknowledges that."""


@frozen
class Reply:
    """What to send, and what becomes of the connection then."""

    pack: Pack
    takes_over: BlockConnection | None = None
    """The protocol that has the connection once the pack is sent."""
    administration: IProtocol | None = None
    """The same, for a connection that carries no blocks."""
    session: ServerSession | None = None
    """A session that was made for this reply: to be ended if it cannot be delivered."""
    cure_before: bool = False
    cure_after: bool = False
    close: bool = False


class Negotiation:
    """
    The handshake of one connection.

    :param gate: the role that decides.
    :param peer: called when the peer's addresses are needed.
    """

    def __init__(self, gate: Gate, peer: Callable[[], Peer]) -> None:
        self._gate = gate
        self._peer = peer
        self._challenge = b""
        self._noops = 0
        self.stage = Stage.UNSIGNED

    def signed(self) -> Pack:
        """Answer an accepted signature with a Hello (reference §1.5)."""
        hello = self._gate.hello()
        self._challenge = hello.random
        self.stage = Stage.SIGNED
        return hello.to_pack().add_padding()

    async def answer(self, pack: Pack) -> Reply:
        """Answer a request, not more than one; refusals are replies too."""
        try:
            if self.stage is not Stage.SIGNED:
                raise ProtocolError("A request came before the signature.")
            request = parse_request(pack)
            if isinstance(request, Noop):
                return self._noop()
            self.stage = Stage.ANSWERED
            return await self._dispatch(request)
        except VENError as error:
            self.stage = Stage.ANSWERED
            return Reply(error_pack(error).add_padding())

    async def _dispatch(self, request: object) -> Reply:
        if isinstance(request, Login):
            return await self._login(request)
        if isinstance(request, AdditionalConnect):
            return self._additional(request)
        if isinstance(request, EnumSwitches):
            return Reply(_switch_list(self._gate.switch_names()))
        if isinstance(request, PasswordChange):
            return await self._change_password(request)
        if isinstance(request, Administration):
            served = await self._gate.administrate(request, self._challenge, self._peer())
            # Without an error, not with the error 0: some clients look for the name alone.
            return Reply(Pack().add_padding(), administration=served)
        raise NotSupported

    async def _change_password(self, change: PasswordChange) -> Reply:
        who, peer = f"{change.user}@{change.switch}", self._peer()
        with acting(Actor(who, str(peer.address), "ven", "ChangePassword")):
            await self._gate.change_password(change, self._challenge, peer)
        return Reply(_error_zero())

    def _noop(self) -> Reply:
        self._noops += 1
        if self._noops > MAX_NOOPS:
            raise ProtocolError("Too many requests for patience.")
        return Reply(_error_zero().add_int("noop", 1))

    async def _login(self, login: Login) -> Reply:
        outcome = await self._gate.login(login, self._challenge, self._peer())
        if isinstance(outcome, Redirect):
            return Reply(outcome.to_pack().add_padding())
        return Reply(
            outcome.welcome().to_pack().add_padding(),
            takes_over=outcome.first_connection(),
            session=outcome,
            cure_before=True,
        )

    def _additional(self, request: AdditionalConnect) -> Reply:
        session = self._gate.resume(request.session_key)
        direction, connection = session.additional_connection()
        # After the answer: it is read by another thread of Debian's client than the one
        # that has to process the message (reference bets §2).
        return Reply(
            AdditionalAnswer(direction).to_pack().add_padding(),
            takes_over=connection,
            cure_after=True,
        )


def _error_zero() -> Pack:
    return Pack().add_int("error", 0).add_bool("no_save_password", False).add_padding()


def _switch_list(names: list[str]) -> Pack:
    return Pack().add_str("HubName", *names).add_int("NumHub", len(names)).add_padding()
