"""Who is let in with a certificate, and who is not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.database.belongings import RevokedCertificate, TrustedCA
from iquila.database.records import AuthKind, User
from iquila.database.store import Database, put
from iquila.errors import (
    AuthenticationFailed,
    AuthTypeUnsupported,
    ConfigurationError,
)
from iquila.session.authentication import authenticate_user
from iquila.session.usercertificate import (
    Trust,
    authenticate_certificate,
    load_client_certificate,
    matches,
    read_certificate,
)
from iquila.wire.login import (
    Anonymous,
    Auth,
    CertificateProof,
    Login,
    PasswordProof,
    PlainPassword,
    UnknownAuth,
)
from iquila.wire.pack import Pack
from iquila.wire.passwords import secure_password, user_hash
from tests.certificates import Made, elliptic_key, make, rsa_key

CHALLENGE = bytes(range(20))
ROOT = make("Root", rsa_key(0), authority=True, serial=1)
MIDDLE = make("Middle", rsa_key(1), ROOT, authority=True, serial=2)
ALICE = make("alice", rsa_key(2), ROOT, serial=0x1234)
BELOW = make("below", rsa_key(3), MIDDLE)


class CertificateTestCase(SynchronousTestCase):
    """A database, and logins checked against it."""

    def setUp(self) -> None:
        """An empty database."""
        self.system = Database.in_memory()
        self.trust = Trust(self.system, "Office")
        self.individual = User("office", "alice", auth=AuthKind.CERTIFICATE, certificate=ALICE.der)
        self.signed = User("office", "alice", auth=AuthKind.SIGNED)

    def rely_on(self, made: Made, number: int = 1, switch: str = "office") -> None:
        """Have a switch trust a CA."""
        record = TrustedCA(switch, number, made.der)
        self.successResultOf(self.system.transact([put(record)]))

    def revoke(self, switch: str = "office", **names: Any) -> None:
        """Have a switch refuse certificates."""
        record = RevokedCertificate(switch, 1, **names)
        self.successResultOf(self.system.transact([put(record)]))

    def passes(self, user: User, auth: Auth, challenge: bytes = CHALLENGE) -> bool:
        """Return whether a login is let in."""
        try:
            authenticate_user(user, auth, challenge, self.trust)
        except AuthenticationFailed:
            return False
        return True


class IndividualTests(CertificateTestCase):
    """Users with a certificate of their own."""

    def test_own(self) -> None:
        """The very certificate, with a proof of its key, and no CA is needed."""
        self.assertTrue(self.passes(self.individual, ALICE.client.proof(CHALLENGE)))

    def test_through_the_pack(self) -> None:
        """As it travels."""
        pack = Pack().add_str("method", "login").add_str("hubname", "office")
        proof = ALICE.client.proof(CHALLENGE)
        pack.add_int("authtype", 3)
        pack.add_data("cert", proof.certificate).add_data("sign", proof.signature)
        self.assertTrue(self.passes(self.individual, Login.from_pack(pack).auth))

    def test_another(self) -> None:
        """One of the same key and names, but not the same bytes."""
        again = make("alice", rsa_key(2), ROOT, serial=0x1235)
        self.assertFalse(self.passes(self.individual, again.client.proof(CHALLENGE)))
        none = evolve(self.individual, certificate=b"")
        self.assertFalse(self.passes(none, CertificateProof(b"", b"")))

    def test_proofs(self) -> None:
        """Of another challenge, another key, another hash, or none."""
        old = ALICE.client.proof(os.urandom(20))
        self.assertFalse(self.passes(self.individual, old))
        other = BELOW.client.proof(CHALLENGE).signature
        self.assertFalse(self.passes(self.individual, CertificateProof(ALICE.der, other)))
        assert isinstance(ALICE.key, rsa.RSAPrivateKey)
        long = ALICE.key.sign(CHALLENGE, padding.PKCS1v15(), hashes.SHA256())
        self.assertFalse(self.passes(self.individual, CertificateProof(ALICE.der, long)))
        self.assertFalse(self.passes(self.individual, CertificateProof(ALICE.der, b"")))

    def test_dates(self) -> None:
        """Neither an old one nor a future one."""
        for days in ((-9, -1), (1, 9)):
            made = make("alice", rsa_key(2), ROOT, days=days)
            user = evolve(self.individual, certificate=made.der)
            self.assertFalse(self.passes(user, made.client.proof(CHALLENGE)))

    def test_revoked(self) -> None:
        """Also a certificate of one's own."""
        self.revoke("lab", serial=b"\x12\x34")
        self.assertTrue(self.passes(self.individual, ALICE.client.proof(CHALLENGE)))
        self.revoke(serial=b"\x12\x34")
        self.assertFalse(self.passes(self.individual, ALICE.client.proof(CHALLENGE)))

    def test_other_proofs(self) -> None:
        """A certificate's user needs a certificate, and a password's user a password."""
        password = PasswordProof(secure_password(user_hash("", "alice"), CHALLENGE))
        for auth in (password, PlainPassword(""), Anonymous()):
            self.assertFalse(self.passes(self.individual, auth))
        by_password = User("office", "alice", AuthKind.PASSWORD, user_hash("x", "alice"))
        self.assertFalse(self.passes(by_password, ALICE.client.proof(CHALLENGE)))
        self.assertTrue(self.passes(by_password, PlainPassword("x")))
        anonymous = User("office", "alice")
        self.assertTrue(self.passes(anonymous, CertificateProof(b"", b"")))

    @settings(max_examples=50)
    @given(st.binary(max_size=80), st.binary(max_size=300), st.integers(0, 700))
    def test_nonsense(self, certificate: bytes, signature: bytes, cut: int) -> None:
        """Is refused like anything else that is no proof."""
        for der in (certificate, ALICE.der[:cut] + certificate, ALICE.der[cut:]):
            user = evolve(self.individual, certificate=der)
            self.assertFalse(self.passes(user, CertificateProof(der, signature)))
            self.assertFalse(self.passes(self.signed, CertificateProof(der, signature)))


class SignedTests(CertificateTestCase):
    """Users whose certificates a CA signed."""

    def test_direct(self) -> None:
        """By a CA of this switch."""
        proof = ALICE.client.proof(CHALLENGE)
        self.assertFalse(self.passes(self.signed, proof))
        self.rely_on(ROOT, switch="lab")
        self.assertFalse(self.passes(self.signed, proof))
        self.rely_on(ROOT)
        self.assertTrue(self.passes(self.signed, proof))

    def test_intermediate(self) -> None:
        """One between counts only where it is in the list itself."""
        proof = BELOW.client.proof(CHALLENGE)
        self.rely_on(ROOT)
        self.assertFalse(self.passes(self.signed, proof))
        self.rely_on(MIDDLE, 2)
        self.assertTrue(self.passes(self.signed, proof))

    def test_the_same_name_is_not_enough(self) -> None:
        """A CA of the same name and another key signed it."""
        self.rely_on(make("Root", rsa_key(3), authority=True))
        self.assertFalse(self.passes(self.signed, ALICE.client.proof(CHALLENGE)))

    def test_who_may_sign(self) -> None:
        """One that is no CA, or has expired, signs for nobody."""
        for changes in ({"authority": False}, {"authority": True, "days": (-9, -1)}):
            issuer = make("Other", rsa_key(1), **changes)
            made = make("bob", rsa_key(2), issuer)
            self.rely_on(issuer)
            self.assertFalse(self.passes(self.signed, made.client.proof(CHALLENGE)))
        issuer = make("Other", elliptic_key())
        self.rely_on(issuer)
        made = make("bob", rsa_key(2), issuer)
        self.assertTrue(self.passes(self.signed, made.client.proof(CHALLENGE)))

    def test_name_and_serial(self) -> None:
        """Where they are given they have to be right."""
        self.rely_on(ROOT)
        proof = ALICE.client.proof(CHALLENGE)
        for name, serial, right in (
            ("Alice", b"", True),
            ("bob", b"", False),
            ("", b"\x12\x34", True),
            ("", b"\0\0\x12\x34", True),
            ("", b"\x12\x35", False),
            ("alice", b"\x12\x34", True),
            ("alice", b"\x34", False),
        ):
            user = evolve(self.signed, common_name=name, serial=serial)
            self.assertEqual(self.passes(user, proof), right, (name, serial))

    def test_the_key_has_to_be_proved(self) -> None:
        """A certificate alone is public."""
        self.rely_on(ROOT)
        self.assertFalse(self.passes(self.signed, CertificateProof(ALICE.der, b"x" * 256)))

    def test_revoked(self) -> None:
        """By what its subject says."""
        self.rely_on(ROOT)
        self.assertTrue(self.passes(self.signed, ALICE.client.proof(CHALLENGE)))
        self.revoke(common_name="ALICE", organization="example")
        self.assertFalse(self.passes(self.signed, ALICE.client.proof(CHALLENGE)))
        other = make("bob", rsa_key(3), ROOT)
        self.assertTrue(self.passes(self.signed, other.client.proof(CHALLENGE)))

    def test_expiry_during_the_life_of_a_list(self) -> None:
        """The present counts, not when it was read."""
        self.rely_on(ROOT)
        end = ALICE.certificate.not_valid_after_utc.timestamp()
        proof = ALICE.client.proof(CHALLENGE)
        authenticate_certificate(self.signed, proof, CHALLENGE, self.trust, end - 1)
        self.assertRaises(
            AuthenticationFailed,
            authenticate_certificate,
            *(self.signed, proof, CHALLENGE, self.trust, end + 1),
        )


class MatchTests(SynchronousTestCase):
    """What a revocation names."""

    def test_all_that_is_given(self) -> None:
        """Has to match."""
        sha1 = hashlib.sha1(ALICE.der, usedforsecurity=False).digest()
        md5 = hashlib.md5(ALICE.der, usedforsecurity=False).digest()
        for names, right in (
            ({}, False),
            ({"sha1": sha1}, True),
            ({"md5": md5}, True),
            ({"md5": md5, "sha1": b"x" * 20}, False),
            ({"common_name": "alice", "serial": b"\0\x12\x34"}, True),
            ({"common_name": "alice", "unit": "sales"}, False),
            ({"organization": "Example"}, True),
        ):
            record = RevokedCertificate("office", 1, **names)
            self.assertEqual(matches(record, ALICE.certificate), right, names)

    def test_which_certificates_serve(self) -> None:
        """RSA only, as the protocol has it, and the reason is said."""
        elliptic = make("alice", elliptic_key(), ROOT)
        for der, word in ((elliptic.der, "RSA"), (b"", "DER"), (b"x" * 70_000, "DER")):
            error = self.assertRaises(ValueError, read_certificate, der)
            self.assertIn(word, str(error))


class KindTests(CertificateTestCase):
    """Other kinds of proof."""

    def test_unknown(self) -> None:
        """A proof that is not known, and users that are not checked here: error 7."""
        password = User("office", "alice", AuthKind.PASSWORD, user_hash("x", "alice"))
        for user, auth in (
            (password, UnknownAuth(97)),
            (User("office", "alice", AuthKind.NT), PlainPassword("x")),
            (User("office", "alice", AuthKind.RADIUS), PlainPassword("x")),
        ):
            self.assertRaises(
                AuthTypeUnsupported, authenticate_user, user, auth, CHALLENGE, self.trust
            )

    def test_no_password_yet(self) -> None:
        """Nobody is let in by a proof of the hash that stands for none."""
        for stored in (b"", bytes(20)):
            user = User("office", "alice", AuthKind.PASSWORD, stored)
            self.assertFalse(self.passes(user, PasswordProof(secure_password(stored, CHALLENGE))))
            self.assertFalse(self.passes(user, PlainPassword("")))


class FileTests(SynchronousTestCase):
    """The client's files."""

    def write(self, name: str, content: bytes) -> Path:
        """Return a file."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        return path

    def test_read(self) -> None:
        """What was made together."""
        loaded = load_client_certificate(self.write("c", ALICE.pem), self.write("k", ALICE.key_pem))
        self.assertEqual(loaded.certificate, ALICE.der)
        self.assertEqual(loaded.proof(CHALLENGE), ALICE.client.proof(CHALLENGE))

    def test_mistakes(self) -> None:
        """Each has a sentence that names the file at fault."""
        good, key = self.write("c", ALICE.pem), self.write("k", ALICE.key_pem)
        bad = self.write("b", b"nonsense")
        elliptic = make("alice", elliptic_key())
        for certificate, private, at_fault in (
            (bad, key, bad),
            (good, bad, bad),
            (good, self.write("o", BELOW.key_pem), None),
            (self.write("e", elliptic.pem), key, None),
            (good, Path("missing"), Path("missing")),
        ):
            error = self.assertRaises(
                ConfigurationError, load_client_certificate, certificate, private
            )
            self.assertIn(str(at_fault or ""), str(error))
