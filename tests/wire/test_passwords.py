"""SHA-0, MD4 and the password rules, against the vectors of reference §3.5 and RFC 1320."""

from __future__ import annotations

from base64 import b64decode

from twisted.trial.unittest import SynchronousTestCase

from iquila.wire.md4 import md4
from iquila.wire.passwords import (
    administration_hash,
    check,
    nt_hash,
    secure_password,
    switch_hashes,
    user_hash,
)
from iquila.wire.sha0 import sha0

VECTORS = {
    b"": "f96cea198ad1dd5617ac084a3d92c6107708c0ef",
    b"abc": "0164b8a914cd2a5e74c4f7ff082c4d97f1edf880",
    b"secretALICE": "0e782dacdb78918d73007999da81bc408906d451",
    b"ctlpass": "a2ca7d7309dca0ca93c9b13ab02dfc22074a3148",
}


class SHA0Tests(SynchronousTestCase):
    """The digest."""

    def test_vectors(self) -> None:
        """The known digests come out."""
        for data, digest in VECTORS.items():
            self.assertEqual(sha0(data).hex(), digest)

    def test_every_padding(self) -> None:
        """Messages of all lengths around a block have digests of their own."""
        digests = {sha0(b"x" * size) for size in range(130)}
        self.assertEqual(len(digests), 130)
        self.assertEqual({len(digest) for digest in digests}, {20})


class MD4Tests(SynchronousTestCase):
    """The digest of NT hashes."""

    def test_vectors(self) -> None:
        """The known digests of RFC 1320 come out, of one block and of two."""
        for data, digest in (
            (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
            (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
            (b"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
            (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
        ):
            self.assertEqual(md4(data).hex(), digest)


class PasswordTests(SynchronousTestCase):
    """What is stored, and what proves it."""

    def test_user_names_are_upper_cased(self) -> None:
        """A user's hash ignores the case of the name."""
        self.assertEqual(user_hash("secret", "alice").hex(), VECTORS[b"secretALICE"])
        self.assertEqual(user_hash("secret", "AlIcE"), user_hash("secret", "alice"))

    def test_only_ascii_is_upper_cased(self) -> None:
        """Other letters stay as they are."""
        self.assertNotEqual(user_hash("p", "\u00e9"), user_hash("p", "\u00c9"))

    def test_administration(self) -> None:
        """The administration password is hashed without a name."""
        self.assertEqual(administration_hash("ctlpass").hex(), VECTORS[b"ctlpass"])

    def test_nt(self) -> None:
        """The NT hash that a live server stored for the password pw."""
        self.assertEqual(nt_hash("pw"), b64decode("jMGbaoz+rCmcKHHIazjeKA=="))

    def test_switch(self) -> None:
        """A switch has two hashes, as the live server stored for the password x."""
        hashed, secure = switch_hashes("x")
        self.assertEqual(hashed, b64decode("AUU+ezPUcjkYZ6+OBEBenMcEmMY="))
        self.assertEqual(secure, b64decode("t995QAhd3DNMePht/bn8AvitrOM="))

    def test_proof(self) -> None:
        """A proof holds for its own hash and challenge only."""
        stored, challenge = user_hash("secret", "alice"), bytes(range(20))
        proof = secure_password(stored, challenge)
        self.assertTrue(check(proof, stored, challenge))
        self.assertFalse(check(proof, stored, bytes(20)))
        self.assertFalse(check(proof, user_hash("other", "alice"), challenge))
