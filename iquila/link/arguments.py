"""Types of AMP arguments: values over AMP's 65 535 bytes, and records as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.protocols import amp

from iquila.errors import ProtocolError

CHUNK = 60_000
MAX_CHUNKS = 70
"""So that a value has 4.2 MB at most."""


class Big(amp.Argument):
    """
    Bytes, in as many pieces as they need: under the key itself, then ``key.1``, ``key.2`` ...

    :raises ProtocolError: the value has more than :data:`MAX_CHUNKS` pieces.
    """

    def toBox(self, name: bytes, strings: Any, objects: Any, proto: Any) -> None:
        """Put the pieces of a value into a box."""
        data = self.to_bytes(objects.pop(_attribute(name), b""))
        pieces = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)] or [b""]
        if len(pieces) > MAX_CHUNKS:
            raise ProtocolError("A message of the cluster connection is too large.")
        strings[name] = pieces[0]
        for number, piece in enumerate(pieces[1:], 1):
            strings[b"%b.%d" % (name, number)] = piece

    def fromBox(self, name: bytes, strings: Any, objects: Any, proto: Any) -> None:
        """Join the pieces in a box."""
        pieces = [strings.pop(name)]
        while (piece := strings.pop(b"%b.%d" % (name, len(pieces)), None)) is not None:
            pieces.append(piece)
        objects[_attribute(name)] = self.from_bytes(b"".join(pieces))

    def to_bytes(self, value: Any) -> bytes:
        """Return a value as it travels."""
        return bytes(value)

    def from_bytes(self, data: bytes) -> Any:
        """Return the value that travelled."""
        return data


class Record(Big):
    """An attrs record, or a tuple or list of them, as JSON."""

    def __init__(self, type: Any) -> None:
        super().__init__()
        self._type = type

    def to_bytes(self, value: Any) -> bytes:
        """Return JSON."""
        return msgspec.json.encode(value)

    def from_bytes(self, data: bytes) -> Any:
        """
        Return the record.

        :raises msgspec.MsgspecError: the JSON does not fit the type.
        """
        return msgspec.json.decode(data, type=self._type)


def _attribute(name: bytes) -> str:
    return name.decode("ascii").replace("-", "_")
