"""Certificates for tests: authorities, and what they sign for users."""

from __future__ import annotations

import datetime
from functools import lru_cache

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from iquila.session.usercertificate import ClientCertificate

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@lru_cache(maxsize=8)
def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the same key for the same number: making one takes long."""
    return rsa.generate_private_key(65537, bits)


def elliptic_key() -> ec.EllipticCurvePrivateKey:
    """Return a key that the protocol has no use for."""
    return ec.generate_private_key(ec.SECP256R1())


@frozen
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    @property
    def client(self) -> ClientCertificate:
        """What a client logs in with."""
        assert isinstance(self.key, rsa.RSAPrivateKey)
        return ClientCertificate(self.der, self.key)


def make(
    common_name: str,
    key: Key,
    issuer: Made | None = None,
    *,
    serial: int = 4711,
    authority: bool | None = None,
    days: tuple[int, int] = (-1, 30),
    organization: str = "Example",
) -> Made:
    """
    Make a certificate, signed by itself without an issuer.

    :param authority: what it says of being a CA; None to say nothing.
    :param days: from when to when it is valid.
    """
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, None), True)
    signer = key if issuer is None else issuer.key
    return Made(builder.sign(signer, hashes.SHA256()), key)
