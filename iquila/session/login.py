"""
How a client gets from its account to an open session: login, redirects, the ticket.

Each call is one attempt; :mod:`.client` says when to make one.
"""

from __future__ import annotations

import os
import platform
import socket
from ipaddress import ip_address
from typing import Any

from attrs import frozen

import iquila
from iquila.errors import ConnectFailed, Disconnected, IquilaError, ProtocolError
from iquila.session.account import Account
from iquila.session.certificate import fingerprint
from iquila.session.contexts import ALPN_VEN
from iquila.session.dialogue import Dialogue, DialogueFactory
from iquila.session.endpoint import TLSClientEndpoint
from iquila.session.verification import Pinned, Verification
from iquila.wire.additional import AdditionalAnswer, AdditionalConnect
from iquila.wire.hello import BUILD, VERSION, Hello
from iquila.wire.login import Auth, ClientIdentity, Login, LoginOptions, TicketProof
from iquila.wire.node import NodeInformation
from iquila.wire.pack import Pack
from iquila.wire.redirect import Redirect
from iquila.wire.refusal import raise_for_error
from iquila.wire.welcome import Welcome

PRODUCT = "iquila VEN Client"
"""The protocol's version and build that we speak (reference §1.5)."""
MAX_REDIRECTS = 3


@frozen
class Server:
    """A server as a client reaches it."""

    host: str
    port: int
    verification: Verification


@frozen
class Admission:
    """An accepted login: its connection is still with the dialogue."""

    dialogue: Dialogue
    welcome: Welcome
    server: Server
    """Where the session lives: additional connections go to this very server."""
    hello: Hello | None = None
    """What that server said of itself."""


def identity() -> ClientIdentity:
    """Return what we say of ourselves."""
    return ClientIdentity(f"{PRODUCT} {iquila.__version__}", VERSION, BUILD)


def client_login(
    account: Account, auth: Auth, unique_id: bytes, *, super_frames: bool = False
) -> Login:
    """Return the login record of an account, with a proof."""
    return Login(
        switch=account.switch,
        user=account.user,
        auth=auth,
        client=identity(),
        options=LoginOptions(
            max_connection=account.max_connections,
            half_connection=account.half_duplex,
            bridge_mode=account.bridge,
            monitor_mode=account.monitor,
            unique_id=unique_id,
        ),
        node=NodeInformation(
            client_product_name=PRODUCT,
            client_product_version=VERSION,
            client_product_build=BUILD,
            client_os_name=platform.system(),
            client_os_version=platform.release(),
            client_host_name=socket.gethostname(),
            server_host_name=account.host,
            server_port=account.port,
            switch=account.switch,
            unique_id=unique_id[:16],
        ),
        iquila=1,
        super_frames=super_frames,
    )


class LoginAttempt:
    """
    Log in once.

    :param reactor: `IReactorTime`, with name resolution and TCP.
    :param unique_id: 20 bytes that stay the same for this client (reference §3.2).
    :param super_frames: whether the session may carry super-frames.
    """

    def __init__(
        self,
        reactor: Any,
        account: Account,
        unique_id: bytes | None = None,
        *,
        super_frames: bool = False,
    ) -> None:
        self._reactor = reactor
        self._account = account
        self._unique_id = unique_id or os.urandom(20)
        self._super_frames = super_frames

    async def run(self, start: Server) -> Admission:
        """
        Log in at `start` and follow its redirects.

        :raises VENError: the refusal, or what went wrong on the way.
        """
        servers, auth = [start], None
        for _ in range(1 + MAX_REDIRECTS):
            server, dialogue, pack = await self._first_answer(servers, auth)
            if not pack.get_bool("Redirect"):
                return self._admitted(server, dialogue, pack)
            redirect = Redirect.from_pack(pack)
            dialogue.tell(Pack())
            dialogue.close()
            servers = members(redirect, server)
            auth = TicketProof(redirect.ticket)
        raise ProtocolError("The servers redirect in a circle: check the cluster's addresses.")

    async def _first_answer(
        self, servers: list[Server], auth: Auth | None
    ) -> tuple[Server, Dialogue, Pack]:
        """Ask the first of some equivalent servers that can be reached."""
        for position, server in enumerate(servers):
            try:
                dialogue = await open_dialogue(self._reactor, server)
            except (ConnectFailed, Disconnected):
                if position == len(servers) - 1:
                    raise
                continue
            try:
                return server, dialogue, await self._ask(dialogue, auth)
            except BaseException:
                dialogue.close()
                raise
        raise ConnectFailed

    async def _ask(self, dialogue: Dialogue, auth: Auth | None) -> Pack:
        hello = await dialogue.hello()
        proof = auth if auth is not None else self._account.proof(hello.random)
        login = client_login(self._account, proof, self._unique_id, super_frames=self._super_frames)
        return await dialogue.ask(login.to_pack())

    def _admitted(self, server: Server, dialogue: Dialogue, pack: Pack) -> Admission:
        try:
            raise_for_error(pack)
            welcome = Welcome.from_pack(pack)
        except IquilaError:
            dialogue.close()
            raise
        pinned = Server(server.host, server.port, Pinned(fingerprint(dialogue.certificate)))
        return Admission(dialogue, welcome, pinned, dialogue.greeting)


def members(redirect: Redirect, origin: Server) -> list[Server]:
    """
    Return where a redirect leads, in the order to try (reference §5.2).

    The port that the client came in on goes first where the member has it: a firewall lets it
    through. Host names and IPv6 addresses of our own field go before the IPv4 address.
    """
    verification = Pinned(fingerprint(redirect.certificate))
    ports = sorted(redirect.ports, key=lambda port: port != origin.port)
    hosts = list(redirect.hosts)
    if int(redirect.address):
        hosts.append(str(redirect.address))
    if not hosts or not ports:
        raise ProtocolError("The redirect names no server.")
    return [Server(host, port, verification) for host in hosts for port in ports][:8]


async def open_dialogue(reactor: Any, server: Server) -> Dialogue:
    """
    Connect to a server.

    :raises ConnectFailed: it cannot be reached.
    :raises ServerCertificateUntrusted: it is not the right one.
    """
    endpoint = TLSClientEndpoint(reactor, server.host, server.port, ALPN_VEN, server.verification)
    protocol = await endpoint.connect(DialogueFactory(reactor, host_header(server.host)))
    assert isinstance(protocol, Dialogue)
    return protocol


def host_header(host: str) -> str:
    """Return a host as HTTP writes it: IPv6 literals in brackets (RFC 3986 §3.2.2)."""
    try:
        return f"[{host}]" if ip_address(host).version == 6 else host
    except ValueError:
        return host


async def open_additional(
    reactor: Any, server: Server, session_key: bytes
) -> tuple[Dialogue, AdditionalAnswer]:
    """
    Open one more connection for a session.

    :raises SessionTimedOut: the server does not know the session (any more).
    :raises ConnectFailed: the server cannot be reached.
    """
    dialogue = await open_dialogue(reactor, server)
    try:
        await dialogue.hello()
        pack = await dialogue.ask(AdditionalConnect(session_key, identity()).to_pack())
        raise_for_error(pack)
        return dialogue, AdditionalAnswer.from_pack(pack)
    except BaseException:
        dialogue.close()
        raise
