"""The identity that a server shows: what an administrator brings, and its files."""

from __future__ import annotations

import contextlib
import datetime
import os
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import (
    ConfigurationError,
    InvalidParameter,
    NotRSA1024,
    ProtocolError,
    ServerCertificateExpired,
    VENError,
)
from iquila.session.certificate import (
    Identity,
    certificate_pem,
    key_der,
    key_pem,
    make_identity,
    read_identity,
)
from iquila.session.contexts import usable_contexts
from iquila.session.identityfiles import IdentityFiles

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
ONE, OTHER = make_identity("one"), make_identity("other")


def certificate(key: Any, issuer: Identity | None = None, days: tuple[int, int] = (-1, 1)) -> Any:
    """Return a certificate for a key, self-signed or by an authority."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vpn.example")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .sign(
            key if issuer is None else issuer.key,
            None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256(),
        )
    )


def pem(key: Any, password: bytes = b"") -> bytes:
    """Return any private key, PEM."""
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    data: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return data


class ReadingTests(SynchronousTestCase):
    """Bytes that somebody brings."""

    def test_both_encodings(self) -> None:
        """PEM and DER, of RSA and of elliptic curves."""
        large = rsa.generate_private_key(65537, 2048)
        for identity in (ONE, Identity(certificate(large), large)):
            for cert in (identity.der, certificate_pem(identity)):
                for key in (key_der(identity), key_pem(identity)):
                    read = read_identity(cert, key, NOW)
                    self.assertEqual(read.der, identity.der)
                    self.assertEqual(read.key.public_key(), identity.key.public_key())

    def test_a_chain(self) -> None:
        """The authorities that follow in PEM are kept, and shown to clients."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = Identity(certificate(key, ONE), key, (ONE.certificate,))
        read = read_identity(certificate_pem(own), key_pem(own), NOW)
        self.assertEqual(read.chain, (ONE.certificate,))
        server = SSL.Connection(usable_contexts(read).modern)
        client = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
        server.set_accept_state()
        client.set_connect_state()
        for _ in range(4):
            for end, other in ((client, server), (server, client)):
                with contextlib.suppress(SSL.WantReadError):
                    end.do_handshake()
                with contextlib.suppress(SSL.WantReadError):
                    other.bio_write(end.bio_read(65536))
        shown = client.get_peer_cert_chain()
        assert shown is not None
        self.assertEqual(len(shown), 2)

    def test_refusals(self) -> None:
        """Each with its number, and a sentence."""
        young = rsa.generate_private_key(65537, 2048)
        expired = certificate(young, days=(-9, -2)).public_bytes(serialization.Encoding.PEM)
        coming = certificate(young, days=(2, 9)).public_bytes(serialization.Encoding.PEM)
        edwards = ed25519.Ed25519PrivateKey.generate()
        old = dsa.generate_private_key(1024)
        cases: list[tuple[bytes, bytes, type[VENError]]] = [
            (b"", key_pem(ONE), ProtocolError),
            (ONE.der, b"", ProtocolError),
            (ONE.der, key_der(OTHER), ProtocolError),
            (b"x", key_der(ONE), InvalidParameter),
            (ONE.der, b"x", InvalidParameter),
            (ONE.der, pem(young, b"secret"), InvalidParameter),
            (certificate_pem(ONE) * 10, key_pem(ONE), InvalidParameter),
            (ONE.der * 999, key_pem(ONE), InvalidParameter),
            (expired, pem(young), ServerCertificateExpired),
            (coming, pem(young), ServerCertificateExpired),
            (
                certificate(edwards).public_bytes(serialization.Encoding.DER),
                pem(edwards),
                NotRSA1024,
            ),
            (certificate(old).public_bytes(serialization.Encoding.DER), pem(old), NotRSA1024),
        ]
        for cert, key, error in cases:
            caught = self.assertRaises(error, read_identity, cert, key, NOW)
            self.assertTrue(str(caught).endswith("."), str(caught))

    @given(st.binary(max_size=300), st.binary(max_size=300))
    def test_garbage(self, cert: bytes, key: bytes) -> None:
        """Any bytes are refused, whatever they are."""
        for pair in ((cert, key), (ONE.der, key), (b"-----BEGIN " + cert, b"-----BEGIN " + key)):
            self.assertRaises(VENError, read_identity, *pair, NOW)

    @given(st.integers(0, len(ONE.der) - 1), st.integers(0, 255))
    def test_a_damaged_certificate(self, at: int, byte: int) -> None:
        """Whatever a byte does to it: it is refused or taken, nothing else."""
        damaged = bytearray(ONE.der)
        damaged[at] = byte
        try:
            read_identity(bytes(damaged), key_der(ONE), NOW)
        except VENError:
            return

    def test_a_key_that_is_too_small(self) -> None:
        """It is read, but no client could connect."""
        small = rsa.generate_private_key(65537, 1024)
        identity = Identity(certificate(small), small)
        error = self.assertRaises(InvalidParameter, usable_contexts, identity)
        self.assertIn("too small", str(error))


class FilesTests(SynchronousTestCase):
    """The files, and what a power failure leaves of them."""

    def setUp(self) -> None:
        """Make a directory."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.files = self.opened()

    def opened(self) -> IdentityFiles:
        """Return the files as a new process sees them."""
        return IdentityFiles(self.folder / "certificate.pem", self.folder / "key.pem")

    def test_made_once(self) -> None:
        """The second start has the same; keys are their owner's only."""
        first, second = self.files.load_or_make("host"), self.opened().load_or_make("other")
        self.assertEqual(first.der, second.der)
        self.assertEqual((self.folder / "key.pem").stat().st_mode & 0o777, 0o600)
        self.assertIsNone(self.files.previous())

    def test_unreadable(self) -> None:
        """One sentence says so."""
        self.files.load_or_make("host")
        (self.folder / "key.pem").write_text("no key")
        self.assertRaises(ConfigurationError, self.opened().load_or_make, "host")
        (self.folder / "key.pem").write_bytes(key_pem(OTHER))
        self.assertRaises(ConfigurationError, self.opened().load_or_make, "host")

    def test_replaced(self) -> None:
        """The new one is loaded; the first before is kept until it is forgotten."""
        first = self.files.load_or_make("host")
        self.files.replace(first, ONE)
        self.files.replace(ONE, OTHER)
        files = self.opened()
        self.assertEqual(files.load_or_make("host").der, OTHER.der)
        previous = files.previous()
        assert previous is not None
        self.assertEqual(previous.der, first.der)
        for path in self.folder.glob("*.pem"):
            mode = 0o644 if path.name == "certificate.pem" else 0o600
            self.assertEqual(path.stat().st_mode & 0o777, mode, path.name)
        files.forget_previous()
        self.assertIsNone(files.previous())
        self.assertEqual(
            sorted(p.name for p in self.folder.iterdir()), ["certificate.pem", "key.pem"]
        )

    def test_power_failures(self) -> None:
        """Wherever replacing stops, the next start has one whole identity or the other."""
        first = self.files.load_or_make("host")
        kept = {p.name: p.read_bytes() for p in self.folder.iterdir()}
        seen = set()
        for steps in range(30):
            for path in list(self.folder.iterdir()):
                path.unlink()
            for name, data in kept.items():
                (self.folder / name).write_bytes(data)
            done = self.interrupted(first, steps)
            loaded = self.opened().load_or_make("host")
            self.assertEqual(loaded.key.public_key(), loaded.certificate.public_key())
            self.assertIn(loaded.der, (first.der, ONE.der))
            seen.add(loaded.der)
            if done:
                self.assertEqual(loaded.der, ONE.der)
                break
        else:
            raise self.failureException("it never ends")
        self.assertEqual(len(seen), 2)

    def interrupted(self, first: Identity, steps: int) -> bool:
        """Replace the identity, but for so many renames only; return whether it was enough."""
        left = steps
        real = os.replace

        def rename(source: Any, target: Any) -> None:
            nonlocal left
            if not left:
                raise OSError("the power fails")
            left -= 1
            real(source, target)

        self.patch(os, "replace", rename)
        try:
            self.files.replace(first, ONE)
        except OSError:
            return False
        finally:
            os.replace = real
        return True
