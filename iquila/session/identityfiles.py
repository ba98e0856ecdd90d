"""
The files of a server's identity: its certificate, its key, and the one that it had before.

Replacing is all or nothing, whenever the power fails: the new identity is written whole to a
file of its own first, and a start finishes what was begun. What a certificate is:
:mod:`.certificate`.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from iquila.errors import ConfigurationError
from iquila.session.certificate import (
    Identity,
    PrivateKey,
    certificate_pem,
    key_pem,
    make_identity,
)


class IdentityFiles:
    """
    The identity of one server.

    :param certificate: PEM; authorities may follow the server's own certificate.
    :param key: PEM. The other two files stand beside it.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate = certificate
        self._key = key
        self._coming = key.with_name("identity-coming.pem")
        self._previous = key.with_name("identity-previous.pem")

    def load_or_make(self, common_name: str) -> Identity:
        """
        Load the identity, making one at the first start.

        :raises ConfigurationError: a file cannot be read, is not PEM, or the two do not match.
        """
        try:
            if self._coming.exists():
                self._arrive(_both(self._coming.read_bytes()))
            if not self._certificate.exists() and not self._key.exists():
                identity = make_identity(common_name)
                self._write_both(identity)
                return identity
            identity = _parse(self._certificate.read_bytes(), self._key.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(
                f"The server certificate {self._certificate} with its key {self._key} cannot be "
                f"loaded ({error}): restore both files, or remove both to have new ones made."
            ) from error
        if identity.key.public_key() != identity.certificate.public_key():
            raise ConfigurationError(
                f"The key {self._key} does not belong to the certificate {self._certificate}: "
                "restore both files, or remove both to have new ones made."
            )
        return identity

    def replace(self, old: Identity, new: Identity) -> None:
        """
        Make another identity durable.

        The old one is kept until :meth:`forget_previous`; so is one that was kept before.

        :raises OSError: the disk refuses; the old identity is still there.
        """
        if not self._previous.exists():
            _write(self._previous, key_pem(old) + certificate_pem(old), 0o600)
        _write(self._coming, key_pem(new) + certificate_pem(new), 0o600)
        self._arrive(new)

    def previous(self) -> Identity | None:
        """Return the identity that others may still know this server by."""
        try:
            return _both(self._previous.read_bytes())
        except (OSError, ValueError, TypeError):
            return None

    def forget_previous(self) -> None:
        """Everybody knows the new identity."""
        self._previous.unlink(missing_ok=True)

    def _arrive(self, identity: Identity) -> None:
        self._write_both(identity)
        self._coming.unlink(missing_ok=True)
        _sync(self._key.parent)

    def _write_both(self, identity: Identity) -> None:
        _write(self._key, key_pem(identity), 0o600)
        _write(self._certificate, certificate_pem(identity), 0o644)


def _both(data: bytes) -> Identity:
    return _parse(data, data)


def _parse(certificate: bytes, key: bytes) -> Identity:
    first, *chain = x509.load_pem_x509_certificates(certificate)
    loaded = serialization.load_pem_private_key(key, None)
    if not isinstance(loaded, PrivateKey):
        raise ValueError("the key is neither RSA nor on an elliptic curve")
    return Identity(first, loaded, tuple(chain))


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all, durable when this returns."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    # Opened with its final mode: a key must not be readable by others for a moment.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
