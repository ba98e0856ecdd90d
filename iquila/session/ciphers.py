"""
Which cipher suites of TLS 1.2 a server takes: iquila's policy, and names an administrator gives.

Suites are named as OpenSSL names them. The suites of TLS 1.3 are always offered beside them.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from iquila.errors import CipherUnsupported
from iquila.session.certificate import Identity

DEFAULT = "~DEFAULT~"
"""Stands for iquila's policy, by the name that administration programs know."""
POLICY = (
    "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:"
    "ECDHE+AES256:DHE+AES256:RSA+AES"
)
# Without those that nobody can use here (no DH parameters are set) or by default offers (CCM).
_OFFERED = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:RSA+AES:!aNULL:!eNULL:!PSK:!SRP:!AESCCM"
MAX_NAMES = 32


def supported(identity: Identity) -> tuple[str, ...]:
    """Return the names that a server with this key can be told to take, best first."""
    elliptic = isinstance(identity.key, ec.EllipticCurvePrivateKey)
    return tuple(name for name in _all() if ("ECDSA" in name) is elliptic)


def _all() -> list[str]:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(_OFFERED.encode())
    names = SSL.Connection(context).get_cipher_list()
    return [name for name in names if not name.startswith("TLS_")]


def normal(text: str, identity: Identity) -> str:
    """
    Return what an administrator asks for as a list of OpenSSL, the empty string for the policy.

    :param text: names with ``:``, ``;``, ``,`` or spaces between them, or :data:`DEFAULT`.
    :raises CipherUnsupported: a name is not known, or of no use with this server's key.
    """
    names = text.upper().replace(";", ":").replace(",", ":").replace(" ", ":").split(":")
    names = [name for name in dict.fromkeys(names) if name]
    if names == [DEFAULT]:
        return ""
    known, usable = set(_all()), set(supported(identity))
    if not names or len(names) > MAX_NAMES:
        raise CipherUnsupported(
            f"Give 1 to {MAX_NAMES} names of cipher suites, or {DEFAULT}: ServerCipherGet "
            "lists them."
        )
    for name in names:
        if name not in known:
            raise CipherUnsupported(
                f"The cipher suite '{name[:64]}' is not known: ServerCipherGet lists those "
                "that are. The suites of TLS 1.3 are always offered."
            )
    if not usable.intersection(names):
        raise CipherUnsupported(
            "None of these cipher suites can be used with the key of this server's certificate: "
            "ServerCipherGet lists those that can."
        )
    return ":".join(names)
