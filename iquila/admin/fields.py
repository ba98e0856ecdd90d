"""
Fields of requests and replies: an attrs field that knows its name and kind on the wire.

The JSON encoding (:mod:`.jsonform`) comes from these, and so can any other.
"""

from __future__ import annotations

from typing import Any

from attrs import Factory, field, frozen

from iquila.switch.port import Traffic

WIRE = "wire"


@frozen
class Wire:
    """
    How a field travels.

    :ivar name: without the suffix of its kind.
    :ivar kind: u32, bool, u64, dt, str, utf, bin, ip (the suffixes of the JSON encoding);
        `list` for a group of items; `embed` for a record whose fields stand among the others.
    :ivar item: the class of the items, or of the embedded record.
    :ivar array: whether it is an array of scalars.
    :ivar each: for a list whose items are a name and a number: what its items' names begin with,
        where each is an element of its own in a PACK, too.
    :ivar limit: the most characters or bytes; 0 for what its kind has.
    :ivar sparse: whether an empty one is left out of a PACK.
    :ivar swapped: whether a u32 travels little-endian in a PACK: what clients tell of their
        machine does (reference §3.3).
    """

    name: str
    kind: str
    item: type[Any] | None = None
    array: bool = False
    limit: int = 0
    each: str = ""
    sparse: bool = False
    swapped: bool = False


def _scalar(kind: str, default: Any) -> Any:
    def make(name: str, limit: int = 0) -> Any:
        return field(default=default, metadata={WIRE: Wire(name, kind, limit=limit)})

    return make


u32 = _scalar("u32", 0)


def told_u32(name: str) -> Any:
    """Return a field of a number that a client told of its machine."""
    return field(default=0, metadata={WIRE: Wire(name, "u32", swapped=True)})


flag = _scalar("bool", False)
u64 = _scalar("u64", 0)
time = _scalar("dt", 0)
"""Milliseconds since 1970, UTC; 0 for never."""
text = _scalar("str", "")
utf = _scalar("utf", "")
address = _scalar("ip", "0.0.0.0")


def data(name: str, limit: int = 0, *, sparse: bool = False) -> Any:
    """Return a field of bytes."""
    wire = Wire(name, "bin", limit=limit, sparse=sparse)
    return field(default=b"", repr=False, metadata={WIRE: wire})


def secret(name: str) -> Any:
    """Return a field of text that must not be shown in logs."""
    return field(default="", repr=False, metadata={WIRE: Wire(name, "str")})


def numbers(name: str) -> Any:
    """Return a field of an array of u32."""
    return field(default=(), metadata={WIRE: Wire(name, "u32", array=True)})


def items(name: str, item: type[Any], each: str = "") -> Any:
    """Return a field of a list of records under a group's name."""
    return field(default=(), metadata={WIRE: Wire(name, "list", item, each=each)})


def embed(item: type[Any], prefix: str = "") -> Any:
    """Return a field of a record whose fields, with a prefix, stand among the others."""
    return field(default=Factory(item), metadata={WIRE: Wire(prefix, "embed", item)})


@frozen
class TrafficCounts:
    """Frames and bytes both ways; `recv` is what came in."""

    recv_broadcast_bytes: int = u64("Recv.BroadcastBytes")
    recv_broadcast_count: int = u64("Recv.BroadcastCount")
    recv_unicast_bytes: int = u64("Recv.UnicastBytes")
    recv_unicast_count: int = u64("Recv.UnicastCount")
    send_broadcast_bytes: int = u64("Send.BroadcastBytes")
    send_broadcast_count: int = u64("Send.BroadcastCount")
    send_unicast_bytes: int = u64("Send.UnicastBytes")
    send_unicast_count: int = u64("Send.UnicastCount")

    @classmethod
    def of(cls, received: Traffic, sent: Traffic) -> TrafficCounts:
        """Return the counts of a port or a switch."""
        return cls(
            received.broadcast_bytes,
            received.broadcast_frames,
            received.unicast_bytes,
            received.unicast_frames,
            sent.broadcast_bytes,
            sent.broadcast_frames,
            sent.unicast_bytes,
            sent.unicast_frames,
        )
