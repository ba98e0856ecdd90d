"""
The certificate a server presents, and the fingerprints that name certificates.

Made at the first start: self-signed ECDSA P-256, which every client of the protocol accepts
(reference §1.1); an administrator may bring another one. The files are :mod:`.identityfiles`'
business. Not for checking a peer's certificate; see :mod:`.verification`.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress

from attrs import field, frozen
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from iquila.errors import (
    ConfigurationError,
    InvalidParameter,
    NotRSA1024,
    ProtocolError,
    ServerCertificateExpired,
)

LIFETIME = datetime.timedelta(days=3650)
"""Ten years, as the servers that existing clients know."""
MAX_CHAIN = 8
"""Certificates of authorities that may follow the server's own."""
MAX_PEM = 64 * 1024

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@frozen
class Identity:
    """
    A certificate and the private key that belongs to it.

    :ivar chain: the authorities between the certificate and a root that peers know, in order.
    """

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

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


def read_identity(certificate: bytes, key: bytes, now: datetime.datetime) -> Identity:
    """
    Return the identity that an administrator brings, PEM or DER; PEM may have a chain.

    :param now: has to lie in the certificate's validity.
    :raises ProtocolError: one of the two is missing, or they do not belong together.
    :raises InvalidParameter: one cannot be read.
    :raises NotRSA1024: the key is neither RSA nor on an elliptic curve.
    :raises ServerCertificateExpired: the certificate is not valid now.
    """
    if not certificate or not key:
        raise ProtocolError("Give both the certificate and its private key.")
    first, *chain = _certificates(certificate)
    identity = Identity(first, _key(key), tuple(chain))
    if identity.key.public_key() != first.public_key():
        raise ProtocolError(
            "The private key does not belong to the certificate: give the two that do."
        )
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        raise ServerCertificateExpired(
            f"The certificate is valid from {first.not_valid_before_utc:%Y-%m-%d} to "
            f"{first.not_valid_after_utc:%Y-%m-%d} only: bring one that is valid now."
        )
    return identity


def _certificates(data: bytes) -> list[x509.Certificate]:
    if len(data) > MAX_PEM:
        raise InvalidParameter(f"A certificate file has at most {MAX_PEM} bytes.")
    try:
        if b"-----BEGIN" in data:
            found = x509.load_pem_x509_certificates(data)
        else:
            found = [x509.load_der_x509_certificate(data)]
        # A certificate is parsed piece by piece: what is used later is looked at now.
        for each in found:
            each.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise InvalidParameter(
            f"The certificate cannot be read ({error}): give X.509 in PEM or DER."
        ) from None
    if len(found) > 1 + MAX_CHAIN:
        raise InvalidParameter(f"At most {MAX_CHAIN} certificates may follow the server's own.")
    return found


def _key(data: bytes) -> PrivateKey:
    if len(data) > MAX_PEM:
        raise InvalidParameter(f"A key file has at most {MAX_PEM} bytes.")
    load = (
        serialization.load_pem_private_key
        if b"-----BEGIN" in data
        else serialization.load_der_private_key
    )
    try:
        key = load(data, None)
    except TypeError:
        raise InvalidParameter("The private key is encrypted: decrypt it first.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidParameter(
            "The private key cannot be read: give it in PEM or DER, not encrypted."
        ) from None
    if not isinstance(key, PrivateKey):
        raise NotRSA1024("Only RSA and elliptic curve keys are supported: bring one of these.")
    return key


def certificate_pem(identity: Identity) -> bytes:
    """Return the certificate and its chain, PEM."""
    return b"".join(
        each.public_bytes(serialization.Encoding.PEM)
        for each in (identity.certificate, *identity.chain)
    )


def key_pem(identity: Identity) -> bytes:
    """Return the private key, PKCS #8 PEM, not encrypted."""
    return identity.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def key_der(identity: Identity) -> bytes:
    """
    Return the private key, DER, not encrypted.

    In the traditional form of its kind, which all programs of the protocol read.
    """
    return identity.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
