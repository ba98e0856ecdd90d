"""Options: their defaults, what a change stores, and what they take from an administrator."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from iquila.admin.facts import Test
from iquila.admin.operation import Table, Who
from iquila.admin.table import OPERATIONS
from iquila.database.administratoroptions import ADMINISTRATOR
from iquila.database.belongings import SwitchOptions
from iquila.database.extendedoptions import EXTENDED
from iquila.database.options import KEPT
from iquila.database.records import ServerMode, Switch, SwitchKind

from .rig import ALICE, AUDITOR, OFFICE, ROOT, AdministrationTestCase

DEFAULTS = {
    "NoMacAddressLog": 1,
    "ManageOnlyPrivateIP": 1,
    "ManageOnlyLocalUnicastIPv6": 1,
    "NoIPv6DefaultRouterInRAWhenIPv6": 1,
    "VlanTypeId": 33024,
    "NoDhcpPacketLogOutsideHub": 1,
    "RemoveDefGwOnDhcpForLocalhost": 1,
    "AccessListIncludeFileCacheLifetime": 30,
    "DropBroadcastsInPrivacyFilterMode": 1,
    "DropArpInPrivacyFilterMode": 1,
    "FloodingSendQueueBufferQuota": 33554432,
}
"""What the reference server lists as not 0 for a new switch."""
HELD_ELSEWHERE = {
    "allow_hub_admin_change_option",
    "max_users",
    "max_multilogins_per_user",
    "max_groups",
    "max_accesslists",
    "max_sessions_client_bridge_apply",
    "max_sessions",
    "max_sessions_client",
    "max_sessions_bridge",
    "max_bitrates_download",
    "max_bitrates_upload",
    "deny_empty_password",
    "deny_bridge",
    "deny_routing",
    "no_change_log_switch_type",
    "no_read_log_file",
    "deny_qos",
    "deny_change_user_password",
    "no_online",
    "no_offline",
    "no_change_admin_password",
    "no_delay_jitter_packet_loss",
    "no_access_list_include_file",
}
"""Options that work, and not by keeping a whole operation from the switch's administrator."""


class OptionsTests(AdministrationTestCase):
    """The operations."""

    def values(self, name: str, caller: Any = ROOT) -> dict[str, int]:
        """Return the options that an operation lists."""
        listed = self.run_it(name, caller)["AdminOptionList"]
        return {item["Name_str"]: item["Value_u32"] for item in listed}

    def change(self, name: str, caller: Any = ROOT, **values: int) -> dict[str, Any]:
        """Change options through JSON; return the answer."""
        listed = [{"Name_str": n, "Value_u32": value} for n, value in values.items()]
        return self.call(name, caller, AdminOptionList=listed)

    def test_defaults(self) -> None:
        """All 41 administrator options are 0; the extended ones as those of a real server."""
        for name in ("GetHubAdminOptions", "GetDefaultHubAdminOptions"):
            values = self.values(name)
            self.assertEqual((len(values), set(values.values())), (41, {0}))
            self.assertEqual(list(values) == sorted(values), name == "GetHubAdminOptions")
        values = self.values("GetHubExtOptions")
        self.assertEqual(len(values), 58)
        self.assertEqual({n: v for n, v in values.items() if v}, DEFAULTS)

    def test_described(self) -> None:
        """Each in words; those that do nothing yet say so."""
        for name, options in (
            ("GetHubAdminOptions", ADMINISTRATOR),
            ("GetHubExtOptions", EXTENDED),
        ):
            for item in self.run_it(name)["AdminOptionList"]:
                option = options[item["Name_str"].lower()]
                self.assertGreater(len(item["Descrption_utf"]), 10)
                self.assertEqual(item["Descrption_utf"].endswith(KEPT), not option.works)

    def test_only_differences_are_stored(self) -> None:
        """What is not named stays, names are in any case, and no difference is no record."""
        answer = self.change("SetHubAdminOptions", max_sessions=7, NO_ONLINE=1)["result"]
        told = {i["Name_str"]: i["Value_u32"] for i in answer["AdminOptionList"]}
        self.assertEqual({n: v for n, v in told.items() if v}, {"max_sessions": 7, "no_online": 1})
        self.change("SetHubAdminOptions", no_online=0)
        self.change("SetHubExtOptions", vlantypeid=0x88A8, NoMacAddressLog=0)
        self.assertEqual(
            self.stored(SwitchOptions),
            [
                {
                    "switch": OFFICE,
                    "administrator": {"max_sessions": 7},
                    "extended": {"NoMacAddressLog": 0, "VlanTypeId": 0x88A8},
                }
            ],
        )
        self.assertEqual(self.values("GetHubExtOptions")["NoMacAddressLog"], 0)
        self.change("SetHubAdminOptions", max_sessions=0)
        self.change("SetHubExtOptions", **DEFAULTS)
        self.assertEqual(self.stored(SwitchOptions), [])

    @settings(deadline=None)
    @given(st.dictionaries(st.sampled_from(sorted(EXTENDED)), st.integers(0, 2**32 - 1)))
    def test_any_change(self, wanted: dict[str, int]) -> None:
        """All of it is taken, or nothing."""
        self.setUp()
        before = self.values("GetHubExtOptions")
        answer = self.change("SetHubExtOptions", **wanted)
        after = self.values("GetHubExtOptions")
        if all(value <= EXTENDED[name].highest for name, value in wanted.items()):
            named = {EXTENDED[name].name: value for name, value in wanted.items()}
            self.assertEqual(after, before | named)
        else:
            self.assertEqual((answer["error"]["code"], after), (38, before))

    def test_refused_by_name(self) -> None:
        """Unknown names, values out of range, an option twice; nothing is changed."""
        for name, good in (("SetHubAdminOptions", "max_users"), ("SetHubExtOptions", "VlanTypeId")):
            for option, value in (
                ("nonsense", 1),
                ("", 0),
                (good, -1),
                (good, 2**32),
                (good, "many"),
                (good.upper(), 5),
                ("no_online", 2),
                ("FilterIPv4", 2),
            ):
                listed = [
                    {"Name_str": good, "Value_u32": 5},
                    {"Name_str": option, "Value_u32": value},
                ]
                error = self.refusal(name, AdminOptionList=listed)
                self.assertEqual(error.code, 38)
                wanted = "Value" if value in (-1, 2**32, "many") else option.lower()
                self.assertIn(wanted.lower(), str(error).lower())
        self.assertEqual(self.refusal("GetHubExtOptions", HubName_str="other").code, 8)

    def test_at_a_member(self) -> None:
        """33 for administrator options, and for changing extended ones."""
        self.become(ServerMode.MEMBER)
        for name in ("GetHubAdminOptions", "SetHubAdminOptions", "SetHubExtOptions"):
            self.assertEqual(self.refusal(name).code, 33)
        self.run_it("GetHubExtOptions")
        self.run_it("GetDefaultHubAdminOptions")

    def test_who_changes_administrator_options(self) -> None:
        """The server's administrator; the switch's where one of the options says so."""
        option = [{"Name_str": "max_users", "Value_u32": 5}]
        self.assertEqual(self.values("GetHubAdminOptions", ALICE)["max_users"], 0)
        for caller in (ALICE, AUDITOR):
            error = self.refusal("SetHubAdminOptions", caller, AdminOptionList=option)
            self.assertEqual(error.code, 52)
        self.options(allow_hub_admin_change_option=1)
        self.run_it("SetHubAdminOptions", ALICE, AdminOptionList=option)
        error = self.refusal("SetHubAdminOptions", ALICE, HubName_str="other")
        self.assertEqual(error.code, 52)

    def test_who_changes_extended_options(self) -> None:
        """The switch's administrator, unless an option says no."""
        option = [{"Name_str": "FilterBPDU", "Value_u32": 1}]
        self.run_it("SetHubExtOptions", ALICE, AdminOptionList=option)
        self.assertEqual(self.refusal("SetHubExtOptions", AUDITOR).code, 52)
        self.options(deny_hub_admin_change_ext_option=1)
        self.assertEqual(self.refusal("SetHubExtOptions", ALICE).code, 52)
        self.run_it("SetHubExtOptions", AdminOptionList=option)


class WithheldTests(AdministrationTestCase):
    """What the options take from a switch's administrator, and from nobody else."""

    def test_every_option_that_says_so(self) -> None:
        """It takes the operations that name it; what no operation names is said to do nothing."""
        named: set[str] = set()
        for operation in OPERATIONS:
            if not operation.denied_by or callable(operation.denied_by):
                continue
            option = operation.denied_by
            named.add(option)
            request = self.request(operation.name, {})
            self.options()
            allowed = operation.allows(self.server, ALICE, request)
            self.assertTrue(allowed, operation.name)
            self.options(**{option: 1})
            denied = operation.allows(self.server, ALICE, request)
            self.assertFalse(denied, operation.name)
            again = operation.allows(self.server, ROOT, request)
            self.assertTrue(again, operation.name)
            self.assertIs(operation.who, Who.SWITCH)
        working = {option.name for option in ADMINISTRATOR.values() if option.works}
        self.assertEqual(working, named | HELD_ELSEWHERE)
        self.assertEqual(named & HELD_ELSEWHERE, set())

    def test_online_and_offline(self) -> None:
        """Two options for one operation, and for the same by SetHub."""
        for option, online in (("no_online", True), ("no_offline", False)):
            self.store(Switch(OFFICE, SwitchKind.STANDALONE, online=not online))
            self.options(**{option: 1})
            self.assertEqual(self.refusal("SetHubOnline", ALICE, Online_bool=online).code, 52)
            self.assertEqual(self.refusal("SetHub", ALICE, Online_bool=online).code, 52)
            # As it is already: nothing is changed that the option withholds.
            self.run_it("SetHubOnline", ALICE, Online_bool=not online)
            self.run_it("SetHub", ALICE, Online_bool=not online, MaxSession_u32=5)
            self.run_it("SetHubOnline", Online_bool=online)

    def test_password(self) -> None:
        """Of the switch."""
        self.options(no_change_admin_password=1)
        change: dict[str, Any] = {"AdminPasswordPlainText_str": "new", "Online_bool": True}
        self.assertEqual(self.refusal("SetHub", ALICE, **change).code, 52)
        self.run_it("SetHub", ALICE, Online_bool=True)
        self.run_it("SetHub", **change)
        self.options()
        self.run_it("SetHub", ALICE, **change)

    def test_unknown_options_are_noticed(self) -> None:
        """A misspelt option in a definition would withhold nothing."""
        for wrong in ({"denied_by": "no_such_thing"}, {"allowed_by": "no_such_thing"}):
            self.assertRaises(ValueError, Table().operation, "Test", Test, Test, **wrong)
