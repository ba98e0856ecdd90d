"""The cipher suites that a server can be told to take."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import CipherUnsupported, InvalidParameter
from iquila.session.certificate import Identity, make_identity
from iquila.session.ciphers import DEFAULT, normal, supported
from iquila.session.contexts import usable_contexts

from .test_identity import certificate

ELLIPTIC = make_identity("vpn.example")
_KEY = rsa.generate_private_key(65537, 2048)
RSA = Identity(certificate(_KEY), _KEY)


class CipherTests(SynchronousTestCase):
    """Names, as people write them."""

    def test_each_that_is_listed_can_be_used(self) -> None:
        """Alone, with a handshake of each kind."""
        for identity in (ELLIPTIC, RSA):
            names = supported(identity)
            self.assertGreater(len(names), 5)
            for name in names:
                usable_contexts(identity, normal(name, identity))

    def test_all_ways_to_write_a_list(self) -> None:
        """Any case, any separator; twice is once; the default is the empty string."""
        first, second = supported(ELLIPTIC)[:2]
        for text in (
            f"{first}:{second}",
            f"{first}; {second}",
            f"{first},{second.lower()} {first}",
        ):
            self.assertEqual(normal(text, ELLIPTIC), f"{first}:{second}")
        self.assertEqual(normal(DEFAULT, ELLIPTIC), "")
        self.assertEqual(normal(DEFAULT.lower(), ELLIPTIC), "")

    def test_refused(self) -> None:
        """Unknown ones, rules of OpenSSL, ciphers that encrypt nothing, and none at all."""
        for text in (
            "",
            ":",
            "RC4-MD5",
            "NULL-SHA256",
            "ALL",
            "DEFAULT:!AES",
            "aNULL",
            "@SECLEVEL=0",
            "TLS_AES_128_GCM_SHA256",
            f"{DEFAULT}:{supported(ELLIPTIC)[0]}",
            "X" * 5000,
        ):
            error = self.assertRaises(CipherUnsupported, normal, text, ELLIPTIC)
            self.assertLess(len(str(error)), 300)

    def test_of_no_use_with_the_key(self) -> None:
        """A known suite that needs another kind of key would keep everybody out."""
        self.assertRaises(CipherUnsupported, normal, "AES128-SHA", ELLIPTIC)
        self.assertRaises(CipherUnsupported, normal, "ECDHE-ECDSA-AES128-SHA", RSA)
        self.assertRaises(InvalidParameter, usable_contexts, ELLIPTIC, "AES128-SHA")

    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """Gives a list that works, or is refused."""
        try:
            usable_contexts(ELLIPTIC, normal(text, ELLIPTIC))
        except CipherUnsupported:
            return
