"""
SHA-0, which the protocol's password rules are built on (reference §3.5).

It is SHA-1 (FIPS 180-4 §6.1) without the rotation in the message schedule. Broken as a hash
in general; here it only hides passwords in the way that existing clients need.
"""

from __future__ import annotations

import struct

_BLOCK = struct.Struct(">16I")
_DIGEST = struct.Struct(">5I")
_START: tuple[int, ...] = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
_MASK = 0xFFFFFFFF


def sha0(data: bytes) -> bytes:
    """Return the 20-byte SHA-0 digest of `data`."""
    size = len(data)
    padded = data + b"\x80" + bytes((55 - size) % 64) + struct.pack(">Q", size * 8)
    state = _START
    for offset in range(0, len(padded), 64):
        state = _compress(state, list(_BLOCK.unpack_from(padded, offset)))
    return _DIGEST.pack(*state)


def _compress(state: tuple[int, ...], w: list[int]) -> tuple[int, ...]:
    append = w.append
    for i in range(16, 80):
        append(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16])
    a, b, c, d, e = state
    for word in w[:20]:
        t = ((a << 5 | a >> 27) + (d ^ (b & (c ^ d))) + e + 0x5A827999 + word) & _MASK
        e, d, c, b, a = d, c, (b << 30 | b >> 2) & _MASK, a, t
    for word in w[20:40]:
        t = ((a << 5 | a >> 27) + (b ^ c ^ d) + e + 0x6ED9EBA1 + word) & _MASK
        e, d, c, b, a = d, c, (b << 30 | b >> 2) & _MASK, a, t
    for word in w[40:60]:
        t = ((a << 5 | a >> 27) + (b & c | d & (b | c)) + e + 0x8F1BBCDC + word) & _MASK
        e, d, c, b, a = d, c, (b << 30 | b >> 2) & _MASK, a, t
    for word in w[60:]:
        t = ((a << 5 | a >> 27) + (b ^ c ^ d) + e + 0xCA62C1D6 + word) & _MASK
        e, d, c, b, a = d, c, (b << 30 | b >> 2) & _MASK, a, t
    return tuple((x + y) & _MASK for x, y in zip(state, (a, b, c, d, e), strict=True))
