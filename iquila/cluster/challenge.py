"""
The mutual proof at joining: both ends know the hash of the controller's administration
password, neither tells it, and the proof holds on this one TLS channel only.

HMAC-SHA256 (RFC 2104) over a label, both nonces and 32 bytes of exported keying material
(RFC 5705): who relays it between two channels, or reflects it, has no valid proof.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from attrs import frozen

NONCE_SIZE = 32
BINDING_SIZE = 32


@frozen
class Transcript:
    """What both ends have seen. All 32 bytes."""

    controller_nonce: bytes
    member_nonce: bytes
    binding: bytes

    def data(self, label: bytes) -> bytes:
        """Return the bytes that a proof covers."""
        return label + b"\0" + self.controller_nonce + self.member_nonce + self.binding


def nonce() -> bytes:
    """Return 32 random bytes."""
    return os.urandom(NONCE_SIZE)


def member_proof(password_hash: bytes, transcript: Transcript) -> bytes:
    """Return the member's proof, 32 bytes."""
    return _proof(password_hash, transcript, b"iquila member")


def controller_proof(password_hash: bytes, transcript: Transcript) -> bytes:
    """Return the controller's proof, 32 bytes."""
    return _proof(password_hash, transcript, b"iquila controller")


def identity_statement(transcript: Transcript) -> bytes:
    """Return what a member signs with the key of its certificate."""
    return transcript.data(b"iquila member certificate")


def renewal_statement(binding: bytes, certificate: bytes) -> bytes:
    """
    Return what a member signs with the key of a certificate that it changes to.

    :param binding: of the cluster connection on which it says so, 32 bytes.
    """
    return b"iquila member renewal\0" + binding + hashlib.sha256(certificate).digest()


def holds(proof: bytes, expected: bytes) -> bool:
    """Compare two proofs in constant time."""
    return hmac.compare_digest(proof, expected)


def _proof(password_hash: bytes, transcript: Transcript, label: bytes) -> bytes:
    return hmac.new(password_hash, transcript.data(label), hashlib.sha256).digest()
