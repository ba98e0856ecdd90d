"""Cutting fields out of packs, filling requests in, and adding up what many clients did."""

from __future__ import annotations

import os
import time
from ipaddress import IPv4Address

from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import SwitchFull
from iquila.wire.login import Login, PasswordProof
from iquila.wire.pack import Pack
from iquila.wire.redirect import Redirect
from iquila.wire.refusal import error_pack

from .burst import Tally, Tokens
from .handshake import Account, LoginFailed, data_field, first_number

TICKET = b"t" * 20


class FieldTests(SynchronousTestCase):
    """Cutting fields out of packs."""

    def test_redirect(self) -> None:
        """All that a redirect needs, as the codec wrote it."""
        redirect = Redirect(IPv4Address("10.77.0.2"), (443, 992), TICKET, b"certificate")
        pack = redirect.to_pack().add_padding().encode()
        self.assertEqual(data_field(pack, b"Ticket"), TICKET)
        self.assertEqual(first_number(pack, b"Port"), 443)
        self.assertEqual(first_number(pack, b"Ip").to_bytes(4, "little"), redirect.address.packed)

    def test_refusal(self) -> None:
        """A field that is missing because of an error tells the error."""
        pack = error_pack(SwitchFull()).encode()
        with self.assertRaisesRegex(LoginFailed, "error 16"):
            data_field(pack, b"Ticket")
        with self.assertRaisesRegex(LoginFailed, "error 16"):
            first_number(pack, b"Port")


class FormTests(SynchronousTestCase):
    """Requests with a gap."""

    def test_filled(self) -> None:
        """A filled form is the login that the codec reads."""
        account = Account("office", "alice", "secret")
        head, _, body = account._with_password.filled(b"p" * 20).partition(b"\r\n\r\n")
        self.assertIn(b"Content-Length: %d\r\n" % len(body), head + b"\r\n")
        login = Login.from_pack(Pack.decode(body))
        self.assertEqual((login.switch, login.user), ("office", "alice"))
        self.assertEqual(login.auth, PasswordProof(b"p" * 20))
        self.assertEqual(login.iquila, 0)


class TallyTests(SynchronousTestCase):
    """Sums of what many clients did."""

    def test_summary(self) -> None:
        """Two clients, one error."""
        total = Tally()
        for second, member in ((0.2, "a"), (0.1, "b")):
            tally = Tally([second], cpu=0.5, end=10 + second)
            tally.members[member] += 1
            total.add(tally)
        total.errors["late"] += 1
        summary = total.summary(start=8.2)
        self.assertEqual(summary["logins"], 2)
        self.assertAlmostEqual(summary["rate"], 1.0)
        self.assertEqual(summary["members"], {"a": 1, "b": 1})
        self.assertEqual(summary["errors"], {"late": 1})
        self.assertAlmostEqual(summary["p99_ms"], 200.0)
        self.assertEqual(summary["driver_cpu"], 1.0)

    def test_nothing(self) -> None:
        """No login at all is a rate of 0, not an error."""
        summary = Tally(end=3.0).summary(start=1.0)
        self.assertEqual((summary["logins"], summary["rate"], summary["p99_ms"]), (0, 0.0, 0.0))


class TokenTests(SynchronousTestCase):
    """Logins that are left."""

    def tokens(self, count: int, seconds: float) -> Tokens:
        """Return some that are closed after the test."""
        tokens = Tokens.of(count, time.monotonic() + seconds)
        self.addCleanup(os.close, tokens.read_end)
        return tokens

    def test_taken(self) -> None:
        """As many as there are."""
        tokens = self.tokens(2, 60.0)
        self.assertEqual([tokens.take() for _ in range(3)], [True, True, False])

    def test_late(self) -> None:
        """None once the time is over."""
        self.assertFalse(self.tokens(2, -1.0).take())

    def test_too_many(self) -> None:
        """More than the pipe holds is an error, not a wait."""
        with self.assertRaises(ValueError):
            Tokens.of(1 << 22, 0.0)
