"""
Super-frames: what travels between two iquila ends in place of many ordinary frames.

The block of a super-frame has the top bit of its size word set; behind the size word stand the
ten bytes of a virtio-net header (virtio 1.2 §5.1.6, little-endian, without `num_buffers`) and
an Ethernet frame of up to 64 KiB, as a TAP device with ``IFF_VNET_HDR`` gives and takes it:
its TCP or UDP payload may still have to be cut into segments, its checksum to be completed.

Here super-frames become ordinary frames again, for everybody who does not know them. That is
exact but slow (about 4 µs a segment): a switch does it only until the sender has stopped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from attrs import frozen

from iquila.errors import FrameStreamError
from iquila.wire.scan import HEADER, MARK, SUPER

MIN_SEGMENT = 512
"""Bytes of payload per segment at least: bounds what one super-frame can become (RFC 879)."""

NEEDS_CHECKSUM = 1
GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP = 0, 1, 4, 5
GSO_ECN = 0x80

_FIELDS = struct.Struct("<BBHHHH")
_U16, _U32 = struct.Struct(">H"), struct.Struct(">I")
_VLAN, _IPV4, _IPV6 = b"\x81\x00", 0x0800, 0x86DD
_TCP, _UDP = 6, 17
_FIN, _PSH, _CWR = 0x01, 0x08, 0x80


class BadSuperFrame(FrameStreamError):
    """A super-frame whose header does not fit its frame: it is dropped."""


_OFFLOAD = {b"offload off": False, b"offload on": True}


def offload_message(on: bool) -> bytes:
    """Return the control message by which a switch lets its peer send super-frames or not."""
    return b"offload on" if on else b"offload off"


def read_offload_message(payload: bytes) -> bool | None:
    """Return what a control message says of super-frames, None if it is another message."""
    return _OFFLOAD.get(payload)


@frozen
class VirtioHeader:
    """The fields of a virtio-net header; offsets count from the start of the frame."""

    flags: int = 0
    gso_type: int = GSO_NONE
    header_size: int = 0
    gso_size: int = 0
    """Payload bytes of each segment."""
    checksum_start: int = 0
    checksum_offset: int = 0

    def encode(self) -> bytes:
        """Return the ten bytes."""
        return _FIELDS.pack(
            self.flags,
            self.gso_type,
            self.header_size,
            self.gso_size,
            self.checksum_start,
            self.checksum_offset,
        )

    @classmethod
    def decode(cls, data: bytes) -> VirtioHeader:
        """Read the first ten bytes of `data`."""
        return cls(*_FIELDS.unpack_from(data))


def super_block(header: VirtioHeader, frame: bytes) -> bytes:
    """Return a frame as the block of a super-frame."""
    return _U32.pack(SUPER | (HEADER + len(frame))) + header.encode() + frame


def first_key(blocks: bytes) -> bytes:
    """Return the key of a run (:data:`.scan.Run`) that begins with the first block."""
    return blocks[14:26] + MARK if blocks[0] & 0x80 else blocks[4:16]


def payloads(blocks: bytes) -> Iterator[tuple[bool, bytes]]:
    """Return what is behind each size word of whole blocks, and whether it is a super-frame."""
    at = 0
    while at < len(blocks):
        (word,) = _U32.unpack_from(blocks, at)
        size = word & ~SUPER
        yield bool(word & SUPER), blocks[at + 4 : at + 4 + size]
        at += 4 + size


def frames_of(payload: bytes) -> list[bytes]:
    """
    Return the ordinary frames that a super-frame stands for, checksums complete.

    :param payload: virtio-net header and frame.
    :raises BadSuperFrame: the header asks for something impossible or unreasonable.
    """
    header = VirtioHeader.decode(payload)
    frame = payload[HEADER:]
    if header.gso_type & ~GSO_ECN == GSO_NONE:
        return [_completed(header, frame) if header.flags & NEEDS_CHECKSUM else frame]
    if header.gso_size < MIN_SEGMENT:
        raise BadSuperFrame(f"Segments of {header.gso_size} bytes are too small.")
    try:
        return _segments(header, frame)
    except (struct.error, IndexError) as error:
        raise BadSuperFrame("A super-frame ends within its headers.") from error


def _completed(header: VirtioHeader, frame: bytes) -> bytes:
    at = header.checksum_start + header.checksum_offset
    if at + 2 > len(frame) or header.checksum_start < 14:
        raise BadSuperFrame("The checksum of a super-frame lies outside its frame.")
    # The field holds the sum of the pseudo-header already.
    value = _U16.pack(~_sum(frame[header.checksum_start :]) & 0xFFFF or 0xFFFF)
    return frame[:at] + value + frame[at + 2 :]


def _sum(data: bytes | bytearray) -> int:
    """Return the sum of big-endian 16-bit words in ones' complement (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    # Adding with end-around carry is arithmetic modulo 0xffff.
    return int.from_bytes(data, "big") % 0xFFFF


def _segments(header: VirtioHeader, frame: bytes) -> list[bytes]:
    ip_at = 18 if frame[12:14] == _VLAN else 14
    (ethertype,) = _U16.unpack_from(frame, ip_at - 2)
    kind, at = header.gso_type & ~GSO_ECN, header.checksum_start
    if (kind, ethertype) not in (
        (GSO_TCPV4, _IPV4),
        (GSO_TCPV6, _IPV6),
        (GSO_UDP, _IPV4),
        (GSO_UDP, _IPV6),
    ):
        raise BadSuperFrame(f"A super-frame of type {kind} cannot carry {ethertype:#06x}.")
    if at < ip_at + (20 if ethertype == _IPV4 else 40):
        raise BadSuperFrame("The transport header of a super-frame starts within its IP header.")
    size = 8 if kind == GSO_UDP else (frame[at + 12] >> 4) * 4
    head, payload = frame[: at + size], frame[at + size :]
    if size < 8 or len(head) < at + size or (kind != GSO_UDP and size < 20):
        raise BadSuperFrame("A super-frame ends within its transport header.")
    cut = _UDPCutter if kind == GSO_UDP else _TCPCutter
    cutter = cut(head, ip_at, at, ethertype == _IPV4)
    step = header.gso_size
    offsets = range(0, max(len(payload), 1), step)
    return [cutter.segment(payload[o : o + step], o, o + step >= len(payload)) for o in offsets]


class _Cutter:
    """Makes the headers of segments from those of the whole."""

    protocol: int
    checksum_offset: int

    def __init__(self, head: bytes, ip_at: int, at: int, ipv4: bool) -> None:
        self.head = head
        self.ip_at = ip_at
        self.at = at
        self.ipv4 = ipv4
        self.identification = _U16.unpack_from(head, ip_at + 4)[0]
        addresses = head[ip_at + 12 : ip_at + 20] if ipv4 else head[ip_at + 8 : ip_at + 40]
        self.pseudo = _sum(addresses) + self.protocol
        self.number = 0

    def transport(self, head: bytearray, offset: int, size: int, last: bool) -> None:
        """Set the fields of one segment's transport header but for the checksum."""
        raise NotImplementedError

    def segment(self, payload: bytes, offset: int, last: bool) -> bytes:
        """Return one segment as a frame."""
        head, ip_at, at = bytearray(self.head), self.ip_at, self.at
        size = len(head) - at + len(payload)
        if self.ipv4:
            _U16.pack_into(head, ip_at + 2, at - ip_at + size)
            _U16.pack_into(head, ip_at + 4, (self.identification + self.number) & 0xFFFF)
            head[ip_at + 10 : ip_at + 12] = b"\0\0"
            _U16.pack_into(head, ip_at + 10, ~_sum(head[ip_at:at]) & 0xFFFF)
        else:
            _U16.pack_into(head, ip_at + 4, at - ip_at - 40 + size)
        self.number += 1
        self.transport(head, offset, size, last)
        field = at + self.checksum_offset
        head[field : field + 2] = b"\0\0"
        total = (self.pseudo + size + _sum(head[at:]) + _sum(payload)) % 0xFFFF
        _U16.pack_into(head, field, ~total & 0xFFFF or 0xFFFF)
        return bytes(head) + payload


class _TCPCutter(_Cutter):
    protocol = _TCP
    checksum_offset = 16

    def transport(self, head: bytearray, offset: int, size: int, last: bool) -> None:
        (sequence,) = _U32.unpack_from(self.head, self.at + 4)
        _U32.pack_into(head, self.at + 4, (sequence + offset) & 0xFFFFFFFF)
        if not last:
            head[self.at + 13] &= ~(_FIN | _PSH) & 0xFF
        if offset:
            head[self.at + 13] &= ~_CWR & 0xFF


class _UDPCutter(_Cutter):
    protocol = _UDP
    checksum_offset = 6

    def transport(self, head: bytearray, offset: int, size: int, last: bool) -> None:
        _U16.pack_into(head, self.at + 4, size)
