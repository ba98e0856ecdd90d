"""
A small IPv4 host in user space: it answers ARP and ICMP echo, and pings others.

Sans-I/O: frames and `now` in, frames out, so it runs on any port that takes frames. Not an
IP stack: no fragments, no options, no routing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address

from attrs import define, field, frozen

BROADCAST = b"\xff" * 6
ETHERTYPE_ARP = b"\x08\x06"
ETHERTYPE_IPV4 = b"\x08\x00"
_ARP_HEAD = struct.Struct("!HHBBH")
_ECHO = struct.Struct("!BBHHH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_PENDING_LIMIT = 1024


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of some bytes."""
    if len(data) % 2:
        data += b"\0"
    # Adding 16-bit words end-around is arithmetic modulo 0xffff, but for which of its two
    # zeros comes out: only a sum of nothing but zeros stays 0.
    number = int.from_bytes(data, "big")
    total = number % 0xFFFF or (0xFFFF if number else 0)
    return ~total & 0xFFFF


@frozen
class EchoReplied:
    """An echo request of ours was answered, its payload byte for byte as it was sent."""

    address: IPv4Address
    sequence: int
    seconds: float


@define(eq=False)
class Host:
    """
    One host on a switch.

    :param mac: 6 bytes.
    """

    mac: bytes
    address: IPv4Address
    replies: list[EchoReplied] = field(factory=list)
    corrupted: int = 0
    """Echo replies that came back with another payload than was sent."""
    answered: int = 0
    """Echo requests of others that were answered."""
    _neighbours: dict[IPv4Address, bytes] = field(factory=dict)
    _pending: dict[int, tuple[float, bytes]] = field(factory=dict)
    _sequence: int = 0

    def announce(self) -> bytes:
        """Return a gratuitous ARP, which lets the switch learn where this host is."""
        return self._arp(1, BROADCAST, b"\0" * 6, self.address)

    def knows(self, address: IPv4Address) -> bool:
        """Return whether the MAC address of a neighbour is known."""
        return address in self._neighbours

    def ping(self, address: IPv4Address, now: float, size: int = 56) -> bytes:
        """Return an echo request to a neighbour, or the ARP request that has to go before."""
        mac = self._neighbours.get(address)
        if mac is None:
            return self._arp(1, BROADCAST, b"\0" * 6, address)
        self._sequence = (self._sequence + 1) & 0xFFFF
        payload = bytes((self._sequence + i) & 0xFF for i in range(size))
        while len(self._pending) >= _PENDING_LIMIT:
            self._pending.pop(next(iter(self._pending)))
        self._pending[self._sequence] = (now, payload)
        return self._echo(8, mac, address, self._sequence, payload)

    def receive(self, frames: Iterable[bytes], now: float) -> list[bytes]:
        """Take frames; return the frames to answer with."""
        answers = []
        for frame in frames:
            if frame[:6] not in (self.mac, BROADCAST):
                continue
            kind = frame[12:14]
            if kind == ETHERTYPE_ARP and len(frame) >= 42:
                answers += self._receive_arp(frame)
            elif kind == ETHERTYPE_IPV4 and len(frame) >= 42:
                answers += self._receive_ipv4(frame, now)
        return answers

    def _receive_arp(self, frame: bytes) -> list[bytes]:
        operation = int.from_bytes(frame[20:22], "big")
        sender_mac, sender = frame[22:28], IPv4Address(frame[28:32])
        self._neighbours[sender] = sender_mac
        if operation == 1 and frame[38:42] == self.address.packed and sender != self.address:
            return [self._arp(2, sender_mac, sender_mac, sender)]
        return []

    def _receive_ipv4(self, frame: bytes, now: float) -> list[bytes]:
        if frame[23] != 1 or frame[30:34] != self.address.packed:
            return []
        size = int.from_bytes(frame[16:18], "big")
        message = frame[34 : 14 + size]
        if len(message) < 8 or checksum(message) != 0:
            return []
        source = IPv4Address(frame[26:30])
        sequence = int.from_bytes(message[6:8], "big")
        if message[0] == 8:
            self.answered += 1
            return [self._echo(0, frame[6:12], source, sequence, message[8:])]
        if message[0] == 0 and sequence in self._pending:
            sent, payload = self._pending.pop(sequence)
            if payload == message[8:]:
                self.replies.append(EchoReplied(source, sequence, now - sent))
            else:
                self.corrupted += 1
        return []

    def _arp(
        self, operation: int, destination: bytes, target_mac: bytes, target: IPv4Address
    ) -> bytes:
        return (
            destination
            + self.mac
            + ETHERTYPE_ARP
            + _ARP_HEAD.pack(1, 0x0800, 6, 4, operation)
            + self.mac
            + self.address.packed
            + target_mac
            + target.packed
        )

    def _echo(
        self, kind: int, mac: bytes, target: IPv4Address, sequence: int, payload: bytes
    ) -> bytes:
        message = _ECHO.pack(kind, 0, 0, 1, sequence) + payload
        message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
        head = _IPV4.pack(
            0x45, 0, 20 + len(message), 0, 0, 64, 1, 0, self.address.packed, target.packed
        )
        head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
        return mac + self.mac + ETHERTYPE_IPV4 + head + message
