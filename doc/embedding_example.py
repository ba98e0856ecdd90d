"""
Embedding: a server, a client and an ordinary web site in one reactor.

Run it with ``python doc/embedding_example.py``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react
from twisted.web.server import Site
from twisted.web.static import Data
from zope.interface import implementer

from iquila.database.directory import DataDirectory
from iquila.database.records import AuthKind, Switch, SwitchKind, User
from iquila.database.store import put
from iquila.interfaces import IFrameReceiver
from iquila.service.server import Server, Setup
from iquila.session.account import Account
from iquila.session.client import VENClient
from iquila.session.verification import Pinned
from iquila.testing.host import Host
from iquila.wire.passwords import user_hash


@implementer(IFrameReceiver)
class Echo:
    """What an embedder gives a client: it gets frames and session events."""

    def __init__(self, reactor: Any, account: Account, number: int) -> None:
        self.reactor = reactor
        self.host = Host(bytes((2, 0, 0, 0, 0, number)), IPv4Address(f"10.0.0.{number}"))
        self.client = VENClient(reactor, account, self)

    def established(self, welcome: object) -> None:
        """A session is open."""
        self.client.send([self.host.announce()])

    def frames_received(self, frames: list[bytes]) -> None:
        """Ethernet frames arrived; here a small host answers ARP and ping."""
        self.client.send(self.host.receive(frames, self.reactor.seconds()))

    def lost(self, reason: BaseException) -> None:
        """The session is over; the client goes on trying."""


async def main(reactor: Any, folder: Path, say: Callable[[str], Any] = print) -> None:
    """Start two servers and a site, let two clients ping each other, stop everything."""
    servers = []
    for name in ("one", "two"):
        server = Server(reactor, DataDirectory(folder / name), Setup(_port(reactor)), "127.0.0.1")
        server.startService()
        await server.when_started()
        servers.append(server)
    site = reactor.listenTCP(0, Site(Data(b"hello", "text/plain")), interface="127.0.0.1")

    first = servers[0]
    await first.core.system.transact(
        [
            put(Switch("lab", SwitchKind.STANDALONE)),
            put(User("lab", "alice", AuthKind.PASSWORD, user_hash("secret", "alice"))),
        ]
    )
    account = Account(
        "127.0.0.1",
        "lab",
        "alice",
        Pinned(first.core.identity.fingerprint),
        port=first.core.ports()[0],
        password="secret",
    )
    one, two = Echo(reactor, account, 1), Echo(reactor, account, 2)
    for echo in (one, two):
        echo.client.startService()
        await echo.client.when_connected()
    while not one.host.replies:
        one.client.send([one.host.ping(two.host.address, reactor.seconds())])
        await deferLater(reactor, 0.05)
    say(f"ping answered in {one.host.replies[0].seconds * 1000:.1f} ms")

    for echo in (one, two):
        await echo.client.stopService()
    await site.stopListening()
    for server in servers:
        await server.stopService()


def _port(reactor: Any) -> tuple[int, ...]:
    """Return a port that is free now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return (probe.getsockname()[1],)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        react(lambda reactor: Deferred.fromCoroutine(main(reactor, Path(directory))))
