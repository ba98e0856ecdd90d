"""A network without sockets, with RADIUS servers on it that do what a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from pyrad.packet import AccessAccept, AcctPacket, AuthPacket  # type: ignore[import-untyped]
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

SECRET = b"secret between two"
Answer = Callable[[bytes], list[bytes]]


@define(eq=False)
class Transport:
    """A UDP transport: what is written is answered at once, or later by the test."""

    network: RadiusNetwork
    protocol: Any
    number: int
    interface: str

    def write(self, data: bytes, address: tuple[str, int]) -> None:
        """Send a datagram."""
        self.network.sent.append((self.number, data, address))
        answer = self.network.servers.get(address)
        for reply in answer(data) if answer is not None else []:
            self.protocol.datagramReceived(reply, address)

    def stopListening(self) -> None:
        """Close."""
        self.network.closed += 1


class RadiusNetwork(Clock):
    """A reactor with time, UDP, and names."""

    def __init__(self) -> None:
        super().__init__()
        self.servers: dict[tuple[str, int], Answer] = {}
        self.sent: list[tuple[int, bytes, tuple[str, int]]] = []
        self.transports: list[Transport] = []
        self.closed = 0
        self.names = {"radius.example": "10.0.0.9"}
        self.nameResolver = self

    def listenUDP(self, port: int, protocol: Any, interface: str = "") -> None:
        """Open a socket."""
        transport = Transport(self, protocol, len(self.transports), interface)
        self.transports.append(transport)
        protocol.makeConnection(transport)

    def resolveHostName(self, receiver: Any, host: str) -> None:
        """Resolve a name; ``slow`` never."""
        if host == "slow":
            return
        if host in self.names:
            receiver.addressResolved(IPv4Address("UDP", self.names[host], 0))
        receiver.resolutionComplete()

    def identifiers(self) -> list[int]:
        """Return the identifier of each datagram that was sent."""
        return [data[1] for _, data, _ in self.sent]


@define
class RadiusServer:
    """A RADIUS server: keeps the requests, and answers each as it is told."""

    secret: bytes = SECRET
    code: int = AccessAccept
    attributes: dict[int, list[bytes]] = field(factory=dict)
    signed: bool = True
    silent: bool = False
    requests: list[Any] = field(factory=list)

    def __call__(self, data: bytes) -> list[bytes]:
        """Take a request."""
        kind = AuthPacket if data[0] == 1 else AcctPacket
        request = kind(packet=data, secret=self.secret)
        self.requests.append(request)
        return [] if self.silent else [self.reply(request)]

    def reply(self, request: Any) -> bytes:
        """Return a reply to a request."""
        if isinstance(request, AcctPacket):
            return bytes(request.CreateReply().ReplyPacket())
        reply = request.CreateReply(message_authenticator=self.signed)
        reply.code = self.code
        for number, values in self.attributes.items():
            reply[number] = values
        return bytes(reply.ReplyPacket())
