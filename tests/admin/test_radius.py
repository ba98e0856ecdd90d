"""The RADIUS server of a switch, by JSON-RPC."""

from __future__ import annotations

from typing import Any

from iquila.admin.operation import Caller
from iquila.admin.rules import MAX_RADIUS_HOSTS as MAX_HOSTS
from iquila.database.belongings import RadiusServer
from iquila.database.records import LoginCount, ServerMode, ServerSettings

from .test_jsoncall import CallTestCase

GIVEN = {
    "HubName_str": "OFFICE",
    "RadiusServerName_str": "radius.example; 10.0.0.2",
    "RadiusPort_u32": 1812,
    "RadiusSecret_str": "secret",
    "RadiusRetryInterval_u32": 700,
}
NONE = {
    "HubName_str": "office",
    "RadiusServerName_str": "",
    "RadiusPort_u32": 1812,
    "RadiusSecret_str": "",
    "RadiusRetryInterval_u32": 500,
    "RadiusTimeout_u32": 15,
    "AcctPort_u32": 0,
}
OFFICE, OTHER, AUDITOR = Caller("office"), Caller("other"), Caller(auditor=True)


class RadiusTests(CallTestCase):
    """One switch."""

    def set(self, caller: Caller | None = None, **changes: Any) -> Any:
        """Set the server, with some fields changed."""
        return self.ask("SetHubRadius", caller, **(GIVEN | changes))

    def get(self, caller: Caller | None = None) -> Any:
        """Return it."""
        return self.ask("GetHubRadius", caller, HubName_str="office")

    def record(self) -> RadiusServer | None:
        """Return what is in the database."""
        return self.server.system.get(RadiusServer, "office")

    def test_set_get_delete(self) -> None:
        """What is set is returned; an empty name deletes it."""
        self.assertEqual(self.get(), NONE)
        answer = self.set(RadiusTimeout_u32=120, AcctPort_u32=1813)
        self.assertEqual(self.get(), answer)
        self.assertEqual(
            self.record(),
            RadiusServer("office", "radius.example;10.0.0.2", 1812, "secret", 700, 120, 1813),
        )
        for _ in range(2):
            self.assertEqual(self.set(RadiusServerName_str=" "), NONE)
            self.assertIsNone(self.record())

    def test_callers_that_do_not_know_our_fields(self) -> None:
        """The system's own tools change neither the time-out nor the accounting."""
        self.set(RadiusTimeout_u32=90, AcctPort_u32=1813)
        answer = self.set(RadiusSecret_str="other")
        self.assertEqual((answer["RadiusTimeout_u32"], answer["AcctPort_u32"]), (90, 1813))
        answer = self.set(AcctPort_u32=0)
        self.assertEqual((answer["RadiusTimeout_u32"], answer["AcctPort_u32"]), (90, 0))

    def test_usual_values(self) -> None:
        """0 stands for them."""
        answer = self.set(RadiusPort_u32=0, RadiusRetryInterval_u32=0, RadiusTimeout_u32=0)
        self.assertEqual(answer["RadiusPort_u32"], 1812)
        self.assertEqual(answer["RadiusRetryInterval_u32"], 500)
        self.assertEqual(answer["RadiusTimeout_u32"], 15)

    def test_bad_values(self) -> None:
        """Each is refused, and nothing is changed."""
        for changes in (
            {"RadiusPort_u32": 65_536},
            {"RadiusRetryInterval_u32": 99},
            {"RadiusRetryInterval_u32": 10_001},
            {"RadiusTimeout_u32": 121},
            {"AcctPort_u32": 65_536},
            {"RadiusSecret_str": ""},
            {"RadiusSecret_str": "x" * 256},
            {"RadiusServerName_str": "two names"},
            {"RadiusServerName_str": "a\nb"},
            {"RadiusServerName_str": ";"},
            {"RadiusServerName_str": "x" * 256},
            {"RadiusServerName_str": ";".join(["a"] * (MAX_HOSTS + 1))},
        ):
            self.assertEqual(self.set(**changes), 38, changes)
            self.assertIsNone(self.record())

    def test_who(self) -> None:
        """The switch's administrator, too; nobody else learns the secret."""
        self.assertNotIsInstance(self.set(OFFICE), int)
        self.assertEqual(self.get(OFFICE)["RadiusSecret_str"], "secret")
        for caller in (OTHER, AUDITOR):
            self.assertEqual((self.get(caller), self.set(caller)), (52, 52))

    def test_modes_and_switches(self) -> None:
        """A member answers 33; an unknown switch 8."""
        self.assertEqual(self.set(HubName_str="nowhere"), 8)
        server: Any = self.server
        server.settings = ServerSettings("id", ServerMode.MEMBER)
        self.assertEqual((self.get(), self.set()), (33, 33))


class UserTests(CallTestCase):
    """Users whom the RADIUS server checks."""

    def setUp(self) -> None:
        super().setUp()
        server: Any = self.server
        server.logins = lambda switch, user="": LoginCount(switch, user, 0, 0)

    def create(self, name: str, kind: int, **more: Any) -> Any:
        """Create a user."""
        return self.ask(
            "CreateUser", HubName_str="office", Name_str=name, AuthType_u32=kind, **more
        )

    def test_alias(self) -> None:
        """The name at the RADIUS server, for users of that kind."""
        user = self.create("bob", 4, RadiusUsername_utf="robert")
        self.assertEqual((user["AuthType_u32"], user["RadiusUsername_utf"]), (4, "robert"))
        user = self.create("carol", 1, RadiusUsername_utf="robert", Auth_Password_str="pw")
        self.assertEqual(user["RadiusUsername_utf"], "")

    def test_anybody(self) -> None:
        """Only a RADIUS server knows them all."""
        self.assertEqual(self.create("*", 1, Auth_Password_str="pw"), 38)
        self.assertEqual(self.create("*", 0), 38)
        self.assertEqual(self.create("*", 4)["Name_str"], "*")
        self.assertIsInstance(self.create("**", 4), int)  # the number of a refusal
