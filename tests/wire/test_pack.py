"""The PACK codec: round trips, limits, and refusal of anything else."""

from __future__ import annotations

import contextlib
import struct
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import PackError
from iquila.wire.pack import Pack

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_:", min_size=1, max_size=20)
TEXT = st.text(max_size=30).map(str.strip).filter(lambda t: "\0" not in t and t == t.strip())


class RoundTripTests(SynchronousTestCase):
    """What is encoded is decoded as it was."""

    @given(st.dictionaries(NAMES, st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=5)))
    def test_integers(self, values: dict[str, list[int]]) -> None:
        """Arrays of u32."""
        pack = Pack()
        for name, numbers in values.items():
            pack.add_int(name, *numbers)
        decoded = Pack.decode(pack.encode())
        self.assertEqual({n: decoded.all_ints(n) for n in decoded.names()}, values)

    @given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
    def test_data(self, values: list[bytes]) -> None:
        """Arrays of bytes."""
        decoded = Pack.decode(Pack().add_data("d", *values).encode())
        self.assertEqual(decoded.all_data("D"), values)

    @given(st.lists(TEXT.filter(lambda t: t.isprintable()), min_size=1, max_size=5))
    def test_strings(self, values: list[str]) -> None:
        """Arrays of both kinds of strings."""
        decoded = Pack.decode(Pack().add_str("s", *values).add_unistr("u", *values).encode())
        self.assertEqual(decoded.all_strs("s"), values)
        self.assertEqual(decoded.get_unistr("u"), values[0])

    def test_addresses(self) -> None:
        """IPv4 and IPv6."""
        four, six = IPv4Address("10.1.2.3"), IPv6Address("2001:db8::1")
        decoded = Pack.decode(Pack().add_ip("a", four).add_ip("b", six).encode())
        self.assertEqual(decoded.get_ip("a"), four)
        self.assertEqual(decoded.get_ip("b"), six)
        self.assertIsNone(decoded.get_ip("c"))

    def test_live_bytes(self) -> None:
        """The encoding of a small pack is exact, byte for byte."""
        encoded = Pack().add_int("error", 9).encode()
        self.assertEqual(encoded.hex(), "00000001000000066572726f72000000000000000100000009")

    def test_wrong_type_or_missing_gives_the_default(self) -> None:
        """A reader never fails because of a surprising element."""
        pack = Pack().add_str("a", "x")
        self.assertEqual(pack.get_int("a", default=7), 7)
        self.assertEqual(pack.get_data("b", default=b"d"), b"d")

    def test_names_ignore_case_and_are_single(self) -> None:
        """A second element of a name is a mistake of ours."""
        pack = Pack().add_int("HubName", 1)
        self.assertIn("hubname", pack)
        self.assertRaises(ValueError, pack.add_int, "HUBNAME", 2)

    def test_empty_arrays_are_omitted(self) -> None:
        """Real readers fail for the whole pack otherwise."""
        self.assertEqual(Pack().add_int("a").add_str("b").names(), [])

    def test_padding_is_bounded(self) -> None:
        """0 to 999 bytes."""
        pack = Pack().add_padding(lambda size: b"\xff" * size)
        self.assertLess(len(pack.get_data("pencore")), 1000)


class LimitTests(SynchronousTestCase):
    """Nothing is allocated for a claim."""

    @given(st.binary(max_size=400))
    def test_any_bytes(self, data: bytes) -> None:
        """Arbitrary bytes are a pack or a PackError, nothing else."""
        with contextlib.suppress(PackError):
            Pack.decode(data)

    @given(st.binary(min_size=1, max_size=60), st.integers(0, 200))
    def test_damaged_packs(self, noise: bytes, where: int) -> None:
        """So are packs with some bytes replaced."""
        good = bytearray(
            Pack().add_int("a", 1, 2).add_str("b", "text").add_data("c", b"d").encode()
        )
        at = where % len(good)
        good[at : at + len(noise)] = noise
        with contextlib.suppress(PackError):
            Pack.decode(bytes(good))

    def test_huge_counts(self) -> None:
        """Claims of two thousand million elements, values or bytes are refused."""
        huge = struct.pack(">I", 2**31)
        element = struct.pack(">I", 1) + struct.pack(">I", 2) + b"a"
        for data in (
            huge,
            element + struct.pack(">I", 0) + huge,
            element + struct.pack(">II", 1, 1) + huge,
        ):
            self.assertRaises(PackError, Pack.decode, data)

    def test_truncated(self) -> None:
        """Every beginning of a pack is refused."""
        good = Pack().add_int("a", 1).add_str("b", "text").encode()
        for size in range(1, len(good)):
            self.assertRaises(PackError, Pack.decode, good[:size])
