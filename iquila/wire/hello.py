"""The server's first pack, with the challenge (reference §1.5)."""

from __future__ import annotations

from attrs import frozen

from iquila.errors import NotAVENServer
from iquila.wire.pack import Pack

CHALLENGE_SIZE = 20
VERSION, BUILD = 501, 9674
"""The protocol's version and build that we speak."""


@frozen
class Hello:
    """What a server says of itself; `random` is the challenge, 20 bytes."""

    product: str
    version: int
    build: int
    random: bytes

    def to_pack(self) -> Pack:
        """Return the pack."""
        return (
            Pack()
            .add_str("hello", self.product)
            .add_int("version", self.version)
            .add_int("build", self.build)
            .add_data("random", self.random)
        )

    @classmethod
    def from_pack(cls, pack: Pack) -> Hello:
        """
        Read the pack.

        :raises NotAVENServer: it is not a Hello.
        """
        random = pack.get_data("random")
        if "hello" not in pack or len(random) != CHALLENGE_SIZE:
            raise NotAVENServer
        return cls(pack.get_str("hello"), pack.get_int("version"), pack.get_int("build"), random)
