"""Messages: kept, told, refused when they are none."""

from __future__ import annotations

import base64

from iquila.database.records import ServerMode, Switch

from .rig import ALICE, AUDITOR, OFFICE, AdministrationTestCase


def b64(text: str | bytes) -> str:
    """Return text as JSON has it."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


class MessageTests(AdministrationTestCase):
    """The operations."""

    def message(self) -> str:
        """Return what is stored."""
        switch = self.server.system.get(Switch, OFFICE)
        assert switch is not None
        return str(switch.message)

    def test_set_and_get(self) -> None:
        """In UTF-8, through JSON; an empty one is none."""
        self.assertEqual(self.run_it("GetHubMsg"), {"HubName_str": OFFICE, "Msg_bin": ""})
        wanted = b64("Grüße,\n世界")
        self.assertEqual(self.call("SetHubMsg", Msg_bin=wanted)["result"]["Msg_bin"], wanted)
        self.assertEqual(self.message(), "Grüße,\n世界")
        self.assertEqual(self.run_it("GetHubMsg")["Msg_bin"], wanted)
        self.run_it("SetHubMsg", Msg_bin=b64("end of a C string\0"))
        self.assertEqual(self.message(), "end of a C string")
        self.run_it("SetHubMsg")
        self.assertEqual(self.message(), "")

    def test_refused(self) -> None:
        """By name: too long, not UTF-8, NUL, not base64."""
        self.run_it("SetHubMsg", Msg_bin=b64("ü" * 20_000))
        for wrong in (b64("x" * 20_001), b64(b"\xff\xfe"), b64("a\0b"), "*", 5):
            error = self.refusal("SetHubMsg", Msg_bin=wrong)
            self.assertEqual(error.code, 38)
            self.assertIn("Msg", str(error))
        self.assertEqual(self.refusal("SetHubMsg", HubName_str="other").code, 8)

    def test_at_a_member(self) -> None:
        """33."""
        self.become(ServerMode.MEMBER)
        for name in ("GetHubMsg", "SetHubMsg"):
            self.assertEqual(self.refusal(name).code, 33)

    def test_who(self) -> None:
        """The switch's administrator, unless an option says no; an auditor reads."""
        self.run_it("SetHubMsg", ALICE, Msg_bin=b64("hello"))
        self.run_it("GetHubMsg", AUDITOR)
        self.assertEqual(self.refusal("SetHubMsg", AUDITOR).code, 52)
        self.options(no_change_msg=1)
        self.assertEqual(self.refusal("SetHubMsg", ALICE).code, 52)
        self.run_it("GetHubMsg", ALICE)

    def test_for_administrators(self) -> None:
        """The server has none for them, and says so to each."""
        for caller in (ALICE, AUDITOR):
            self.assertEqual(self.run_it("GetAdminMsg", caller)["Msg_bin"], "")
