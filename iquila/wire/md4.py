"""
MD4 (RFC 1320), which the NT hash of a password is.

Broken as a hash in general, and for that reason missing from many builds of OpenSSL; only what
other systems call an NT hash needs it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

_BLOCK = struct.Struct("<16I")
_DIGEST = struct.Struct("<4I")
_START: tuple[int, ...] = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_MASK = 0xFFFFFFFF

Mix = Callable[[int, int, int], int]
_ROUNDS: tuple[tuple[Mix, int, tuple[int, ...], tuple[int, ...]], ...] = (
    (lambda x, y, z: (x & y) | (~x & z), 0, tuple(range(16)), (3, 7, 11, 19)),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
    ),
)
"""Each round: how it mixes, its constant, the order of the words, the rotations in turn."""


def md4(data: bytes) -> bytes:
    """Return the 16-byte MD4 digest of `data`."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    state = _START
    for offset in range(0, len(padded), 64):
        state = _compress(state, _BLOCK.unpack_from(padded, offset))
    return _DIGEST.pack(*state)


def _compress(state: tuple[int, ...], words: tuple[int, ...]) -> tuple[int, ...]:
    a, b, c, d = state
    for mix, constant, order, rotations in _ROUNDS:
        for position, index in enumerate(order):
            t = (a + mix(b, c, d) + words[index] + constant) & _MASK
            turn = rotations[position % 4]
            a, b, c, d = d, (t << turn | t >> (32 - turn)) & _MASK, b, c
    return tuple((x + y) & _MASK for x, y in zip(state, (a, b, c, d), strict=True))
