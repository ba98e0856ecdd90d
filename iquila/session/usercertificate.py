"""
Does a certificate prove who a user is? The rules of reference §3.5, without any I/O.

Also the client's half: a certificate with its key, and what proves that one has it. Not for the
certificates that servers show; see :mod:`.certificate` and :mod:`.verification`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

from iquila.database.belongings import RevokedCertificate, TrustedCA
from iquila.database.record import user_key
from iquila.database.records import AuthKind, User
from iquila.database.store import Database
from iquila.errors import AuthenticationFailed, ConfigurationError
from iquila.wire.login import CertificateProof

MAX_CERTIFICATE = 65_536
"""Bytes of a certificate that is looked at."""
KEY_BITS = range(1024, 8193)
_NAMES: dict[str, ObjectIdentifier] = {
    "common_name": NameOID.COMMON_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "unit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "state": NameOID.STATE_OR_PROVINCE_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "country": NameOID.COUNTRY_NAME,
}
# What reading a certificate raises: much of it is only read when it is asked for.
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)


@frozen
class Trust:
    """Whose certificates a switch takes, and which it refuses."""

    system: Database
    switch: str

    def authorities(self) -> list[x509.Certificate]:
        """Return the certificates of the trusted CAs."""
        records = self.system.all(TrustedCA, user_key(self.switch, ""))
        return [_loaded(record.certificate) for record in records]

    def revoked(self) -> list[RevokedCertificate]:
        """Return what is refused."""
        return self.system.all(RevokedCertificate, user_key(self.switch, ""))


# The same authorities serve many logins, and reading one takes long.
@lru_cache(maxsize=4096)
def _loaded(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


class NotRSA(ValueError):
    """A certificate of another kind of key, or of a key that is too small or too large."""


def read_certificate(der: bytes) -> x509.Certificate:
    """
    Read a certificate that a user can prove to have: of an RSA key, as the protocol has it.

    :raises NotRSA: it has another key.
    :raises ValueError: it cannot be read.
    """
    if not der or len(der) > MAX_CERTIFICATE:
        raise ValueError("it is no X.509 certificate in DER")
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        _ = certificate.subject, certificate.issuer, certificate.not_valid_after_utc
    except UNREADABLE as error:
        raise ValueError("it is no X.509 certificate in DER") from error
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size not in KEY_BITS:
        raise NotRSA("its key is not RSA of 1024 bits or more, as the protocol needs")
    return certificate


def authenticate_certificate(
    user: User, proof: CertificateProof, challenge: bytes, trust: Trust, now: float | None = None
) -> None:
    """
    Check a login by certificate.

    :param user: of the kind CERTIFICATE or SIGNED.
    :param now: seconds since 1970; None for the present.
    :raises AuthenticationFailed: it does not hold; the text says why, for the log.
    """
    moment = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    try:
        certificate = read_certificate(proof.certificate)
        _check_dates(certificate, moment)
        if user.auth is AuthKind.CERTIFICATE:
            _check_individual(user, proof.certificate)
        else:
            _check_signed(user, certificate, trust, moment)
        if any(matches(record, certificate) for record in trust.revoked()):
            raise AuthenticationFailed("The certificate is revoked.")
        _check_signature(certificate, proof.signature, challenge)
    except UNREADABLE as error:
        raise AuthenticationFailed(f"The certificate is not accepted: {error}.") from error


def _check_dates(certificate: x509.Certificate, now: datetime) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise AuthenticationFailed("The certificate has expired, or is not valid yet.")


def _check_individual(user: User, der: bytes) -> None:
    if not user.certificate or not hmac.compare_digest(user.certificate, der):
        raise AuthenticationFailed("The certificate is not the user's.")


def _check_signed(user: User, certificate: x509.Certificate, trust: Trust, now: datetime) -> None:
    if user.common_name and not _has_name(certificate, "common_name", user.common_name):
        raise AuthenticationFailed("The certificate has another common name than the user.")
    if any(user.serial) and int.from_bytes(user.serial, "big") != certificate.serial_number:
        raise AuthenticationFailed("The certificate has another serial number than the user.")
    if not any(_issued(certificate, authority, now) for authority in trust.authorities()):
        raise AuthenticationFailed("No CA that the Virtual Switch trusts signed the certificate.")


def _issued(certificate: x509.Certificate, authority: x509.Certificate, now: datetime) -> bool:
    if certificate.issuer != authority.subject:
        return False
    try:
        certificate.verify_directly_issued_by(authority)
        _check_dates(authority, now)
        return is_authority(authority)
    except (InvalidSignature, AuthenticationFailed, *UNREADABLE):
        return False


def is_authority(certificate: x509.Certificate) -> bool:
    """Return whether a certificate may sign others; old ones do not say."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return True
    return constraints.value.ca


def _check_signature(certificate: x509.Certificate, signature: bytes, challenge: bytes) -> None:
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(signature, challenge, padding.PKCS1v15(), hashes.SHA1())
    except InvalidSignature:
        raise AuthenticationFailed("The key of the certificate was not proved.") from None


def matches(record: RevokedCertificate, certificate: x509.Certificate) -> bool:
    """Return whether a certificate has all that a revocation names; an empty one names none."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    found = [
        _has_name(certificate, name, getattr(record, name))
        for name in _NAMES
        if getattr(record, name)
    ]
    if any(record.serial):
        found.append(int.from_bytes(record.serial, "big") == certificate.serial_number)
    if record.md5:
        found.append(hashlib.md5(der, usedforsecurity=False).digest() == record.md5)
    if record.sha1:
        found.append(hashlib.sha1(der, usedforsecurity=False).digest() == record.sha1)
    return bool(found) and all(found)


def shown_name(name: x509.Name) -> str:
    """Return a subject or an issuer as the protocol's tools show it: ``Root, Example, US``."""
    found = (name.get_attributes_for_oid(identifier) for identifier in _NAMES.values())
    return ", ".join(str(value.value) for values in found for value in values)


def _has_name(certificate: x509.Certificate, name: str, wanted: str) -> bool:
    values: Iterable[x509.NameAttribute[str | bytes]]
    values = certificate.subject.get_attributes_for_oid(_NAMES[name])
    return any(str(value.value).strip().lower() == wanted.strip().lower() for value in values)


@frozen
class ClientCertificate:
    """A certificate that a client logs in with, X.509 DER, and its key."""

    certificate: bytes = field(repr=False)
    key: rsa.RSAPrivateKey = field(repr=False)

    def proof(self, challenge: bytes) -> CertificateProof:
        """Return what proves that one has the key, for a challenge of 20 bytes."""
        signature = self.key.sign(challenge, padding.PKCS1v15(), hashes.SHA1())
        return CertificateProof(self.certificate, signature)


def load_client_certificate(certificate: Path, key: Path) -> ClientCertificate:
    """
    Read a certificate and its key, both PEM and the key without a password.

    :raises ConfigurationError: a file cannot be read, or the two do not belong together.
    """
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        der = found.public_bytes(serialization.Encoding.DER)
        public = read_certificate(der).public_key()
    except (OSError, *UNREADABLE) as error:
        raise ConfigurationError(
            f"The certificate {certificate} cannot be used ({error}): give a PEM certificate of "
            "an RSA key."
        ) from error
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), None)
    except (OSError, *UNREADABLE) as error:
        raise ConfigurationError(
            f"The key {key} cannot be read ({error}): give a PEM file of an RSA key without a "
            "password."
        ) from error
    if not isinstance(private, rsa.RSAPrivateKey) or private.public_key() != public:
        raise ConfigurationError(
            f"The key {key} does not belong to the certificate {certificate}: give the two that "
            "were made together."
        )
    return ClientCertificate(der, private)
