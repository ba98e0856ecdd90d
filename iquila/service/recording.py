"""
What is told of clients: logins, changes of passwords, sessions. Decides nothing.

The gate of the moment is wrapped, so that no role has to think of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocol

from iquila.errors import VENError
from iquila.journal.journal import Journal
from iquila.session.gate import Gate, Peer
from iquila.session.server import ServerSession
from iquila.session.table import Presence
from iquila.wire.hello import Hello
from iquila.wire.login import Login, TicketProof
from iquila.wire.redirect import Redirect
from iquila.wire.request import Administration, PasswordChange

LONGEST_NAME = 255


class RecordingGate:
    """
    A gate that tells the journal who came, and who was refused and why.

    :param gate: returns the gate of the moment.
    """

    def __init__(self, gate: Callable[[], Gate], journal: Journal) -> None:
        self._gate = gate
        self._journal = journal

    def hello(self) -> Hello:
        """Greet."""
        return self._gate().hello()

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> ServerSession | Redirect:
        """Let the role decide, and tell."""
        facts: dict[str, Any] = {
            "user": login.user[:LONGEST_NAME],
            "address": str(peer.address),
            "port": peer.port,
            "proof": type(login.auth).__name__,
        }
        try:
            outcome = await self._gate().login(login, challenge, peer)
        except VENError as error:
            self._refused(login.switch, "login-refused", error, facts)
            raise
        if isinstance(outcome, Redirect):
            facts["redirected_to"] = str(outcome.address)
        elif not isinstance(login.auth, TicketProof):
            facts["session"] = outcome.facts.name
        self._journal.security(login.switch, "login-accepted", **facts)
        return outcome

    def _refused(self, switch: str, event: str, error: VENError, facts: dict[str, Any]) -> None:
        reason = {"code": error.code, "reason": str(error)}
        self._journal.refused(switch[:LONGEST_NAME], event, {**facts, **reason})

    def resume(self, session_key: bytes) -> ServerSession:
        """Find a session."""
        return self._gate().resume(session_key)

    def switch_names(self) -> list[str]:
        """Return the names of the switches."""
        return self._gate().switch_names()

    async def change_password(self, change: PasswordChange, challenge: bytes, peer: Peer) -> None:
        """Let the role decide, and tell."""
        facts: dict[str, Any] = {
            "user": change.user[:LONGEST_NAME],
            "address": str(peer.address),
        }
        try:
            await self._gate().change_password(change, challenge, peer)
        except VENError as error:
            self._refused(change.switch, "password-change-refused", error, facts)
            raise
        self._journal.security(change.switch, "password-changed", **facts)

    async def administrate(
        self, request: Administration, challenge: bytes, peer: Peer
    ) -> IProtocol:
        """Let the role decide; the door behind it tells."""
        return await self._gate().administrate(request, challenge, peer)


def session_observed(journal: Journal, session: ServerSession, presence: Presence) -> None:
    """Tell of a session on this server that begins or ends."""
    if presence is Presence.NEW:
        _started(journal, session)
    elif presence is Presence.OVER:
        _ended(journal, session)


def _started(journal: Journal, session: ServerSession) -> None:
    """Tell of a new session on this server."""
    facts = session.facts
    journal.security(
        facts.switch,
        "session-started",
        session=facts.name,
        connection=facts.connection_name,
        user=facts.user,
        address=str(facts.address),
        port=facts.port,
        client=facts.client.product,
        client_host=facts.node.client_host_name,
        max_connections=facts.max_connections,
        tls=facts.tls_version,
        cipher=facts.cipher,
    )


def _ended(journal: Journal, session: ServerSession) -> None:
    """Tell of the end of a session, with what went through it."""
    facts, came, went = session.facts, session.port.received, session.port.sent
    journal.security(
        facts.switch,
        "session-ended",
        session=facts.name,
        user=facts.user,
        started=facts.created,
        received_bytes=came.unicast_bytes + came.broadcast_bytes,
        received_frames=came.unicast_frames + came.broadcast_frames,
        sent_bytes=went.unicast_bytes + went.broadcast_bytes,
        sent_frames=went.unicast_frames + went.broadcast_frames,
    )
