"""
What the handshake asks of the role behind it: may this client in, and where does it go?

The roles (standalone, controller, member) implement :class:`Gate`; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Protocol

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol

from iquila.session.server import ServerSession
from iquila.wire.hello import Hello
from iquila.wire.login import Login
from iquila.wire.redirect import Redirect
from iquila.wire.request import Administration, PasswordChange


async def wait(answer: Deferred[Any]) -> Any:
    """Wait for an answer and do nothing else."""
    return await answer


@frozen
class Peer:
    """The other end of a connection that asks to log in."""

    address: IPv4Address | IPv6Address
    port: int
    local_port: int
    """The port of ours that it reached: a redirect keeps it where the member has it."""
    tls_version: str = ""
    cipher: str = ""
    connection: str = ""
    """The name of the connection, ``CID-…``."""
    wait: Callable[[Deferred[Any]], Awaitable[Any]] = field(default=wait, eq=False, repr=False)
    """Waits for an answer that may take minutes, and ends by itself: keeps the client patient
    meanwhile, and cancels the answer if the client leaves (`Disconnected` is raised then)."""


class Gate(Protocol):
    """A role, as the VEN handshake sees it. All refusals are raised as `VENError`."""

    def hello(self) -> Hello:
        """Return a Hello with a fresh challenge of 20 random bytes."""

    async def login(self, login: Login, challenge: bytes, peer: Peer) -> ServerSession | Redirect:
        """Authenticate and place a client: a session here, or a redirect to a member."""

    def resume(self, session_key: bytes) -> ServerSession:
        """
        Return the live session with this key.

        :raises SessionTimedOut: there is none.
        """

    def switch_names(self) -> list[str]:
        """Return the names of the Virtual Switches that may be shown to anybody."""

    async def change_password(self, change: PasswordChange, challenge: bytes, peer: Peer) -> None:
        """Let a user replace their own password (reference §1.6)."""

    async def administrate(
        self, request: Administration, challenge: bytes, peer: Peer
    ) -> IProtocol:
        """Return the protocol that serves an administrator who proved the right (§7.9)."""
