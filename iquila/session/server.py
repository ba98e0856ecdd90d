"""
The server's end of a VEN session: one port of a Virtual Switch.

Made by a role after the login; see :mod:`.table` for finding it again by its key.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from attrs import field, frozen

from iquila.cluster.tickets import RadiusSession
from iquila.errors import TooManyConnections
from iquila.session.connection import BlockConnection, sides
from iquila.session.flusher import Flusher
from iquila.session.tunnel import State, Tunnel
from iquila.switch.port import Lane, Port
from iquila.switch.switch import VirtualSwitch
from iquila.wire.additional import Direction
from iquila.wire.blocks import Run
from iquila.wire.login import ClientIdentity
from iquila.wire.node import NodeInformation
from iquila.wire.policy import Policy
from iquila.wire.superframe import offload_message
from iquila.wire.welcome import Welcome


class EndCause(IntEnum):
    """Why a session ended, with the numbers of RFC 2866 §5.10."""

    USER_REQUEST = 1
    LOST_CARRIER = 2
    SESSION_TIMEOUT = 5
    ADMIN_RESET = 6
    ADMIN_REBOOT = 7


@frozen
class SessionFacts:
    """What is fixed for the life of a session."""

    name: str
    connection_name: str
    key: bytes = field(repr=False)
    """20 random bytes; whoever knows them may continue the session. Never logged."""
    switch: str
    user: str
    policy: Policy
    address: IPv4Address | IPv6Address
    port: int
    client: ClientIdentity
    node: NodeInformation
    created: int
    """Milliseconds since 1970, UTC."""
    max_connections: int = 1
    half_duplex: bool = False
    bridge: bool = False
    monitor: bool = False
    qos: bool = False
    timeout: int = 20_000
    """Milliseconds."""
    group: str = ""
    real_name: str = ""
    """The name of the user record that let the client in."""
    unique_id: bytes = b""
    tls_version: str = ""
    cipher: str = ""
    iquila: int = 0
    """Version of our own extensions that the client speaks, 0 for other clients."""
    super_frames: bool = False
    """Whether both ends take super-frames."""
    radius: RadiusSession | None = None
    message: str = ""
    """What the switch shows its clients."""


class _Unplugged:
    """
    The outlet of the port of a session that has ended.

    Without it session and port would hold each other, and only Python's cycle collector would
    free them: it stops the whole process for long where there are very many objects.
    """

    def lane(self, key: bytes) -> Lane:
        """Return this."""
        return self

    def send_run(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Lose frames."""

    def queue_blocks(self, blocks: bytes, count: int) -> None:
        """Lose frames."""

    def set_offload(self, on: bool) -> None:
        """Tell nobody."""


_UNPLUGGED = _Unplugged()


class ServerSession(Tunnel):
    """
    A session that this server carries.

    :param switch: the instance whose port this is; the port is plugged in by the first
        connection and stays until the session ends.
    :param ended: called once, when the session is over.
    """

    cause = EndCause.ADMIN_RESET
    """Why it ends; to be set before, by whoever ends it for another reason."""

    def __init__(
        self,
        clock: Any,
        flusher: Flusher,
        facts: SessionFacts,
        switch: VirtualSwitch,
        ended: Callable[[ServerSession], None],
    ) -> None:
        super().__init__(
            clock,
            flusher,
            timeout=facts.timeout / 1000,
            max_connections=facts.max_connections,
            super_frames=facts.super_frames,
        )
        self.facts = facts
        self.switch = switch
        self.port = Port(
            facts.name,
            self,
            facts.policy,
            monitor=facts.monitor,
            bridge=facts.bridge,
            super_frames=facts.super_frames,
        )
        self._ended = ended
        switch.add_port(self.port)

    def __repr__(self) -> str:
        return f"<session {self.facts.name} of {self.facts.user} on {self.facts.switch}>"

    def has_key(self, key: bytes) -> bool:
        """Compare a presented session key, in constant time."""
        return hmac.compare_digest(self.facts.key, key)

    def welcome(self, controllers: tuple[str, ...] = ()) -> Welcome:
        """Return the welcome that opens this session at the client."""
        facts = self.facts
        return Welcome(
            session_name=facts.name,
            connection_name=facts.connection_name,
            session_key=facts.key,
            max_connection=facts.max_connections,
            timeout=facts.timeout,
            half_connection=facts.half_duplex,
            qos=facts.qos,
            policy=facts.policy,
            message=facts.message,
            controllers=controllers,
            super_frames=facts.super_frames,
        )

    def first_connection(self) -> BlockConnection:
        """Return the protocol of the connection that logged in."""
        direction = Direction.CLIENT_TO_SERVER if self.facts.half_duplex else Direction.BOTH
        return self._connection(direction)

    def additional_connection(self) -> tuple[Direction, BlockConnection]:
        """
        Return the direction and the protocol of one more connection (reference §6.6).

        :raises TooManyConnections: the session has as many as it was granted.
        """
        if len(self.connections) >= self.max_connections:
            raise TooManyConnections
        direction = self._next_direction()
        return direction, self._connection(direction)

    def _next_direction(self) -> Direction:
        if not self.facts.half_duplex:
            return Direction.BOTH
        sending = sum(c.sends for c in self.connections)
        receiving = sum(c.receives for c in self.connections)
        more_sending = sending > receiving
        return Direction.CLIENT_TO_SERVER if more_sending else Direction.SERVER_TO_CLIENT

    def _connection(self, direction: Direction) -> BlockConnection:
        receives, sends = sides(direction, server=True)
        return BlockConnection(self, receives=receives, sends=sends)

    def attached(self, connection: BlockConnection) -> None:
        """Take a connection in, and tell a client of our own kind what it may send."""
        super().attached(connection)
        if self.super_frames and self.state is State.ACTIVE:
            self.set_offload(self.port.offload)

    def lanes_changed(self) -> None:
        """Let the switch ask again."""
        self.switch.lanes_changed()

    def set_offload(self, on: bool) -> None:
        """Tell the client whether it may send super-frames."""
        for connection in self._senders[:1]:
            connection.send_control(offload_message(on))

    def all_connections_lost(self, *, clean: bool) -> None:
        """
        Wait for another connection, unless our own client has said goodbye.

        It closes its connections cleanly only when it ends the session. The system's clients
        cannot say it: their session stays until the time-out.
        """
        if clean and self.facts.iquila:
            self.cause = EndCause.USER_REQUEST
            self.end()

    def timed_out(self) -> None:
        """Nothing was heard for the whole time-out."""
        self.cause = EndCause.LOST_CARRIER
        super().timed_out()

    def runs_received(self, buffer: bytearray, runs: list[Run]) -> None:
        """Hand runs to the switch."""
        if self.state is State.ACTIVE:
            self.switch.receive(self.port, buffer, runs, self.now())

    def end(self) -> None:
        """End the session: unplug its port, close its connections cleanly."""
        if self.state is State.ENDED:
            return
        super().end()
        self.switch.remove_port(self.port)
        self.port.outlet = _UNPLUGGED
        self._ended(self)
