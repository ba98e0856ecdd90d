"""What an auditor is not told: whatever would let them in as somebody else."""

from __future__ import annotations

from attrs import evolve

from iquila.database.records import Switch
from iquila.wire.passwords import switch_hashes
from tests.admin.rig import ALICE, AUDITOR, OFFICE, ROOT, AdministrationTestCase


class SwitchPasswordTests(AdministrationTestCase):
    """The hashes of a switch's password, with which a challenge can be answered."""

    def test_for_administrators_only(self) -> None:
        """An auditor sees the rest."""
        hashed, secure = switch_hashes("secret")
        office = self.server.system.get(Switch, OFFICE)
        self.store(evolve(office, hashed_password=hashed, secure_password=secure, max_sessions=7))
        for caller in (ROOT, ALICE):
            told = self.run_it("GetHub", caller)
            self.assertTrue(told["HashedPassword_bin"] and told["SecurePassword_bin"])
        told = self.run_it("GetHub", AUDITOR)
        self.assertEqual((told["HashedPassword_bin"], told["SecurePassword_bin"]), ("", ""))
        self.assertEqual(told["MaxSession_u32"], 7)
