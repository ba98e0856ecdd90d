"""One more TCP connection for a session, or one in place of a lost one (reference §6.6)."""

from __future__ import annotations

from enum import IntEnum

from attrs import field, frozen

from iquila.errors import ProtocolError
from iquila.wire.login import ClientIdentity
from iquila.wire.pack import Pack
from iquila.wire.welcome import KEY_SIZE


class Direction(IntEnum):
    """Which way blocks travel on a connection (reference §6.5)."""

    BOTH = 0
    SERVER_TO_CLIENT = 1
    CLIENT_TO_SERVER = 2


@frozen
class AdditionalConnect:
    """The request. `session_key` is the 20 bytes of the welcome."""

    session_key: bytes = field(repr=False)
    client: ClientIdentity

    def to_pack(self) -> Pack:
        """Return the pack."""
        pack = Pack().add_str("method", "additional_connect")
        return self.client.add_to(pack.add_data("session_key", self.session_key))

    @classmethod
    def from_pack(cls, pack: Pack) -> AdditionalConnect:
        """
        Read the pack.

        :raises ProtocolError: the session key is not 20 bytes long.
        """
        key = pack.get_data("session_key")
        if len(key) != KEY_SIZE:
            raise ProtocolError(f"A session key is {KEY_SIZE} bytes long.")
        return cls(key, ClientIdentity.from_pack(pack))


@frozen
class AdditionalAnswer:
    """The answer of success."""

    direction: Direction

    def to_pack(self) -> Pack:
        """Return the pack."""
        return Pack().add_int("error", 0).add_int("direction", int(self.direction))

    @classmethod
    def from_pack(cls, pack: Pack) -> AdditionalAnswer:
        """
        Read the pack.

        :raises ProtocolError: the direction is not one of the three.
        """
        number = pack.get_int("direction")
        if number not in tuple(Direction):
            raise ProtocolError(f"A connection cannot have the direction {number}.")
        return cls(Direction(number))
