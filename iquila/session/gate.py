"""
What the handshake asks of the role behind it: may this client in, and where does it go?

The roles (standalone, controller, member) implement :class:`Gate`; nothing here decides.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from attrs import frozen
from twisted.internet.interfaces import IProtocol

from iquila.session.server import ServerSession
from iquila.wire.hello import Hello
from iquila.wire.login import Login
from iquila.wire.redirect import Redirect
from iquila.wire.request import Administration, PasswordChange


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

    async def change_password(self, change: PasswordChange, challenge: bytes) -> None:
        """Let a user replace their own password (reference §1.6)."""

    async def administrate(
        self, request: Administration, challenge: bytes, peer: Peer
    ) -> IProtocol:
        """Return the protocol that serves an administrator who proved the right (§7.9)."""
