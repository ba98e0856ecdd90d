"""
The hashes that stand for passwords, and their proof against a challenge (reference §3.5).

All hashes are 20 bytes, except the NT hash, which is 16.
"""

from __future__ import annotations

import hmac

from iquila.wire.md4 import md4
from iquila.wire.sha0 import sha0


def user_hash(password: str, user: str) -> bytes:
    """Return what is stored for a user's password."""
    return sha0(password.encode() + _upper(user).encode())


def nt_hash(password: str) -> bytes:
    """Return the NT hash of a password, 16 bytes: MD4 of its UTF-16."""
    return md4(password.encode("utf-16-le"))


def switch_hashes(password: str) -> tuple[bytes, bytes]:
    """
    Return what is stored for a switch's own password.

    :returns: the hash for its administration, and the one for logins as ``administrator``.
    """
    return sha0(password.encode()), user_hash(password, "ADMINISTRATOR")


def administration_hash(password: str) -> bytes:
    """Return what is stored for a server's administration password."""
    return sha0(password.encode())


def secure_password(stored: bytes, challenge: bytes) -> bytes:
    """Return the proof that one knows a stored hash, for a challenge of 20 bytes."""
    return sha0(stored + challenge)


def check(proof: bytes, stored: bytes, challenge: bytes) -> bool:
    """Return whether a proof holds, compared in constant time."""
    return hmac.compare_digest(proof, secure_password(stored, challenge))


def _upper(name: str) -> str:
    # The system's own upper-casing is ASCII only.
    return "".join(c.upper() if c.isascii() else c for c in name)
