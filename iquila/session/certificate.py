"""
The certificate a server presents, and the fingerprints that name certificates.

Made once, at the first start: self-signed ECDSA P-256, which every client of the protocol
accepts (reference §1.1). Not for checking a peer's certificate; see :mod:`.verification`.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from iquila.errors import ConfigurationError

LIFETIME = datetime.timedelta(days=3650)
"""Ten years, as the servers that existing clients know."""

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@frozen
class Identity:
    """A certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, 64 lower-case hexadecimal digits."""
        return fingerprint(self.der)


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a DER certificate as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(der).hexdigest()


def normal_fingerprint(text: str) -> str:
    """
    Return a fingerprint as typed by a person (any case, with or without colons) in normal form.

    :raises ConfigurationError: the text is not a SHA-256 fingerprint.
    """
    digits = text.replace(":", "").replace(" ", "").lower()
    if len(digits) != 64 or any(c not in "0123456789abcdef" for c in digits):
        raise ConfigurationError(
            f"'{text}' is not a SHA-256 fingerprint: give 64 hexadecimal digits, "
            "with or without colons."
        )
    return digits


def make_identity(common_name: str, addresses: tuple[str, ...] = ()) -> Identity:
    """
    Make a self-signed ECDSA P-256 certificate for `common_name`.

    :param addresses: IP addresses that go into the subject alternative names.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    # X.520 bounds a common name to 64 characters.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64] or "iquila")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives: list[x509.GeneralName] = [x509.DNSName(common_name or "iquila")]
    alternatives += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate, key)


def load_or_make(certificate_path: Path, key_path: Path, common_name: str) -> Identity:
    """
    Load the identity of a server from two PEM files, making both at the first start.

    :raises ConfigurationError: a file cannot be read, is not PEM, or the two do not match.
    """
    if not certificate_path.exists() and not key_path.exists():
        identity = make_identity(common_name)
        _write(key_path, _key_pem(identity.key), 0o600)
        _write(certificate_path, _certificate_pem(identity.certificate), 0o644)
        return identity
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"The server certificate {certificate_path} with its key {key_path} cannot be "
            f"loaded ({error}): restore both files, or remove both to have new ones made."
        ) from error
    if not isinstance(key, PrivateKey) or key.public_key() != certificate.public_key():
        raise ConfigurationError(
            f"The key {key_path} does not belong to the certificate {certificate_path}: "
            "restore both files, or remove both to have new ones made."
        )
    return Identity(certificate, key)


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    # Opened with its final mode: a key must not be readable by others for a moment.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
