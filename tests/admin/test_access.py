"""Access lists: what is stored, in which order, and what is refused."""

from __future__ import annotations

import base64
from ipaddress import IPv6Address
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin import access
from iquila.admin.accessform import AccessItem, described, to_rule
from iquila.admin.jsonform import from_json, to_json
from iquila.database.belongings import AccessRule
from iquila.database.records import ServerMode, Switch, SwitchKind
from iquila.database.store import delete
from iquila.errors import InvalidParameter

from .rig import ALICE, AUDITOR, OFFICE, AdministrationTestCase

WEB = {
    "Note_utf": "the web",
    "Active_bool": True,
    "Priority_u32": 20,
    "Discard_bool": True,
    "SrcIpAddress_ip": "10.0.0.0",
    "SrcSubnetMask_ip": "255.0.0.0",
    "Protocol_u32": 6,
    "DestPortStart_u32": 80,
    "DestPortEnd_u32": 443,
    "SrcUsername_str": "alice",
}


def b64(value: bytes) -> str:
    """Return bytes as JSON has them."""
    return base64.b64encode(value).decode()


NEIGHBOURS = {
    "IsIPv6_bool": True,
    "Active_bool": True,
    "Priority_u32": 10,
    "SrcIpAddress6_bin": b64(IPv6Address("2001:db8::").packed),
    "SrcSubnetMask6_bin": b64(IPv6Address("ffff:ffff::").packed),
    "DestIpAddress6_bin": b64(bytes(16)),
    "DestSubnetMask6_bin": b64(bytes(16)),
    "Protocol_u32": 58,
}


class AccessTests(AdministrationTestCase):
    """The operations."""

    def add(self, rule: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Add a rule; return it as it was taken."""
        reply = self.run_it("AddAccess", AccessListSingle=[rule | more])
        found: dict[str, Any] = reply["AccessListSingle"][0]
        return found

    def listed(self) -> list[dict[str, Any]]:
        """Return the list."""
        found: list[dict[str, Any]] = self.run_it("EnumAccess")["AccessList"]
        return found

    def notes(self) -> list[tuple[int, str]]:
        """Return ids and notes of the list."""
        return [(rule["Id_u32"], rule["Note_utf"]) for rule in self.listed()]

    def test_in_the_order_of_priorities(self) -> None:
        """Smaller ones first, later ones behind the equal; ids are the places."""
        for note, priority in (("c", 30), ("a", 10), ("d", 30), ("b", 20)):
            self.add(WEB, Note_utf=note, Priority_u32=priority)
        self.assertEqual(self.notes(), [(1, "a"), (2, "b"), (3, "c"), (4, "d")])
        self.assertEqual(self.add(WEB, Note_utf="x", Priority_u32=15)["Id_u32"], 2)
        self.run_it("DeleteAccess", Id_u32=1)
        self.assertEqual(self.notes(), [(1, "x"), (2, "b"), (3, "c"), (4, "d")])

    def test_unique_ids(self) -> None:
        """They stay when others go, and a rule can be deleted by its own."""
        for note in "abc":
            self.add(WEB, Note_utf=note)
        unique = {rule["Note_utf"]: rule["UniqueId_u32"] for rule in self.listed()}
        self.assertEqual(len(set(unique.values())), 3)
        self.run_it("DeleteAccess", Id_u32=1)
        self.run_it("DeleteAccess", Id_u32=unique["b"])
        self.assertEqual([r["UniqueId_u32"] for r in self.listed()], [unique["c"]])
        self.assertEqual(self.refusal("DeleteAccess", Id_u32=unique["b"]).code, 29)

    def test_through_json(self) -> None:
        """What was added is listed, every field of it."""
        added = self.call("AddAccess", AccessListSingle=[WEB])["result"]["AccessListSingle"][0]
        self.assertEqual(added, added | WEB)
        listed = self.call("EnumAccess")["result"]
        self.assertEqual(listed, {"AccessList": [added], "HubName_str": OFFICE})
        self.assertEqual(self.call("GetHubStatus")["result"]["NumAccessLists_u32"], 1)
        self.assertEqual(self.call("DeleteAccess", Id_u32=1)["result"]["Id_u32"], 1)
        self.assertEqual(self.call("DeleteAccess", Id_u32=1)["error"]["code"], 29)

    def test_ipv6(self) -> None:
        """Addresses are in fields of their own; the others say that they do not count."""
        rule = self.add(NEIGHBOURS)
        self.assertEqual(rule, rule | NEIGHBOURS)
        self.assertEqual(rule["SrcIpAddress_ip"], "223.255.255.253")
        self.assertEqual(rule["SrcSubnetMask_ip"], "255.255.255.255")
        stored = self.stored(AccessRule)[0]
        self.assertEqual((stored["source"], stored["source_mask"]), ("2001:db8::", "ffff:ffff::"))

    def test_macs(self) -> None:
        """They are kept where they are looked at, and zero elsewhere."""
        mac, mask = b64(b"\x02\0\0\0\0\x07"), b64(b"\xff" * 6)
        rule = self.add(WEB, CheckSrcMac_bool=True, SrcMacAddress_bin=mac, SrcMacMask_bin=mask)
        self.assertEqual((rule["SrcMacAddress_bin"], rule["SrcMacMask_bin"]), (mac, mask))
        self.assertEqual((rule["CheckSrcMac_bool"], rule["CheckDstMac_bool"]), (True, False))
        self.assertEqual(rule["DstMacAddress_bin"], b64(bytes(6)))

    def test_whole_list(self) -> None:
        """It replaces the one before; what stays as it is is not written again."""
        for note in "abc":
            self.add(WEB, Note_utf=note)
        events: list[Any] = []
        self.server.system.watch(lambda event: events.append(event.changes))
        rules = self.listed()
        rules[1]["Active_bool"] = False
        reply = self.run_it("SetAccessList", AccessList=rules)
        self.assertEqual(reply["AccessList"], rules)
        self.assertEqual([len(changes) for changes in events], [1])
        self.run_it("SetAccessList", AccessList=rules)
        self.assertEqual(len(events), 1)
        self.run_it(
            "SetAccessList",
            AccessList=[WEB | {"Priority_u32": 9}, NEIGHBOURS | {"Priority_u32": 3}],
        )
        self.assertEqual([r["Priority_u32"] for r in self.listed()], [3, 9])
        self.run_it("SetAccessList", AccessList=[])
        self.assertEqual(self.stored(AccessRule), [])

    def test_thousands(self) -> None:
        """A long list travels whole, as the system's tools send it for any change."""
        self.run_it("SetAccessList", AccessList=[WEB | {"Priority_u32": 6_000}] * 6_000)
        self.assertEqual(self.add(WEB, Priority_u32=6_001)["Id_u32"], 6_001)
        self.assertEqual(self.add(WEB, Priority_u32=5_999)["Id_u32"], 1)
        self.assertEqual(len(self.stored(AccessRule)), 6_002)

    def test_refused_by_name(self) -> None:
        """Each wrong value, and nothing is changed."""
        self.add(WEB)
        for name, value in (
            ("Protocol_u32", 256),
            ("Delay_u32", 10_001),
            ("Jitter_u32", 101),
            ("Loss_u32", 101),
            ("SrcPortStart_u32", 1),
            ("DestPortEnd_u32", 65_536),
            ("DestPortStart_u32", 444),
            ("Note_utf", "n" * 256),
            ("SrcUsername_str", "u" * 256),
            ("DestUsername_str", "u\nv"),
            ("RedirectUrl_str", "u" * 256),
            ("SrcIpAddress_ip", "2001:db8::1"),
            ("DestSubnetMask_ip", "ffff::"),
            ("SrcIpAddress_ip", "10.0.0"),
            ("SrcIpAddress_ip", 7),
            ("Priority_u32", -1),
            ("Priority_u32", 2**32),
            ("Active_bool", {}),
            ("Note_utf", 5),
            ("SrcMacAddress_bin", b64(b"12345")),
            ("DstMacMask_bin", b64(b"1234567")),
            ("DstMacMask_bin", "*"),
        ):
            for operation, group in (
                ("AddAccess", "AccessListSingle"),
                ("SetAccessList", "AccessList"),
            ):
                request: dict[str, Any] = {group: [WEB | {name: value}]}
                error = self.refusal(operation, **request)
                self.assertEqual(error.code, 38, name)
                self.assertIn(name.rsplit("_", 1)[0], str(error))
        for name in ("SrcMacAddress", "SrcMacMask"):
            macs = {"SrcMacAddress_bin": b64(b"m" * 6), "SrcMacMask_bin": b64(b"m" * 6)}
            wrong = WEB | macs | {"CheckSrcMac_bool": True, f"{name}_bin": ""}
            self.assertIn(name, str(self.refusal("AddAccess", AccessListSingle=[wrong])))
        for name in ("SrcIpAddress6", "SrcSubnetMask6", "DestIpAddress6", "DestSubnetMask6"):
            wrong = NEIGHBOURS | {f"{name}_bin": b64(b"4444")}
            self.assertIn(name, str(self.refusal("AddAccess", AccessListSingle=[wrong])))

    def test_lists_that_are_none(self) -> None:
        """One rule at a time is added, and rules are objects."""
        wrong: tuple[Any, ...] = ([], [WEB, WEB], {}, "rule", ["rule"], [[]], 5)
        for rules in wrong:
            answer = self.call("AddAccess", AccessListSingle=rules)
            self.assertEqual(answer["error"]["code"], 38, rules)
            self.assertIn("AccessListSingle", answer["error"]["message"])

    def test_unknown(self) -> None:
        """A switch, or a rule, that is not there."""
        self.add(WEB)
        self.assertEqual(self.refusal("EnumAccess", HubName_str="other").code, 8)
        for id in (0, 2, 2**32 - 1):
            self.assertEqual(self.refusal("DeleteAccess", Id_u32=id).code, 29)

    def test_full(self) -> None:
        """Error 62 for one rule too many."""
        self.patch(access, "MAX_RULES", 3)
        for _ in range(3):
            self.add(WEB)
        self.assertEqual(self.refusal("AddAccess", AccessListSingle=[WEB]).code, 62)
        self.assertEqual(self.refusal("SetAccessList", AccessList=[WEB] * 4).code, 62)
        self.run_it("SetAccessList", AccessList=[WEB] * 3)

    def test_at_a_member(self) -> None:
        """33, but 46 for deleting."""
        self.become(ServerMode.MEMBER)
        for name, code in (
            ("EnumAccess", 33),
            ("AddAccess", 33),
            ("SetAccessList", 33),
            ("DeleteAccess", 46),
        ):
            error = self.refusal(name)
            self.assertEqual(error.code, code)
            self.assertIn("connect to the controller", str(error))
        self.become(ServerMode.CONTROLLER)
        self.add(WEB)

    def test_who(self) -> None:
        """The switch's administrator, unless an option says no; an auditor reads."""
        self.run_it("AddAccess", ALICE, AccessListSingle=[WEB])
        self.run_it("EnumAccess", AUDITOR)
        self.assertEqual(self.refusal("AddAccess", AUDITOR, AccessListSingle=[WEB]).code, 52)
        self.options(no_change_access_list=1)
        for name in ("AddAccess", "SetAccessList", "DeleteAccess"):
            self.assertEqual(self.refusal(name, ALICE).code, 52)
        self.add(WEB)
        self.assertEqual(len(self.run_it("EnumAccess", ALICE)["AccessList"]), 2)

    def test_what_options_leave_the_administrator(self) -> None:
        """Number of rules, delays, files of users."""
        self.options(
            max_accesslists=1, no_delay_jitter_packet_loss=1, no_access_list_include_file=1
        )
        for wrong in ({"Delay_u32": 1}, {"Loss_u32": 1}, {"DestUsername_str": "Include:x"}):
            rule = [WEB | wrong]
            self.assertEqual(self.refusal("AddAccess", ALICE, AccessListSingle=rule).code, 52)
            self.assertEqual(self.refusal("SetAccessList", ALICE, AccessList=rule).code, 52)
        self.run_it("AddAccess", ALICE, AccessListSingle=[WEB])
        self.assertEqual(self.refusal("AddAccess", ALICE, AccessListSingle=[WEB]).code, 62)
        self.add(WEB, Delay_u32=1, SrcUsername_str="exclude:users.txt")

    def test_deleted_with_its_switch(self) -> None:
        """And a rule for a switch that is deleted meanwhile is not left behind."""
        self.add(WEB)
        self.run_it("DeleteHub")
        self.assertEqual(self.stored(AccessRule), [])
        self.store(Switch(OFFICE, SwitchKind.STANDALONE))
        transact = self.server.system.transact

        def deleted_before(*arguments: Any) -> Any:
            transact([delete(Switch, OFFICE)])
            return transact(*arguments)

        self.patch(self.server.system, "transact", deleted_before)
        answer = self.call("AddAccess", AccessListSingle=[WEB])
        self.assertEqual(answer["error"]["code"], 38)
        self.assertEqual(self.stored(AccessRule), [])


class FormTests(SynchronousTestCase):
    """Rules as they travel."""

    @settings(max_examples=200, deadline=None)
    @given(
        st.builds(
            AccessItem,
            note=st.text(
                st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=255
            ),
            active=st.booleans(),
            priority=st.integers(0, 2**32 - 1),
            source=st.ip_addresses(v=4).map(str),
            source_mask=st.ip_addresses(v=4).map(str),
            protocol=st.integers(0, 255),
            source_port_start=st.integers(0, 100),
            source_port_end=st.integers(100, 65535),
            check_destination_mac=st.just(True),
            destination_mac=st.binary(min_size=6, max_size=6),
            destination_mac_mask=st.binary(min_size=6, max_size=6),
            delay=st.integers(0, 10_000),
        )
    )
    def test_round_trip(self, item: AccessItem) -> None:
        """A valid rule is stored and told as it came."""
        told = described(to_rule(item, "office", 5), 0)
        unset: dict[str, Any] = dict.fromkeys(
            ("source_mac", "source_mac_mask"), bytes(6)
        ) | dict.fromkeys(
            ("source6", "source_mask6", "destination6", "destination_mask6"), bytes(16)
        )
        self.assertEqual(told, evolve(item, unique_id=told.unique_id, **unset))
        sent = from_json(AccessItem, to_json(told))
        self.assertEqual(to_rule(sent, "office", 5), to_rule(item, "office", 5))

    @given(st.binary(max_size=20))
    def test_ipv6_has_16_bytes(self, value: bytes) -> None:
        """Nothing else is taken."""
        zero = bytes(16)
        item = AccessItem(
            ipv6=True, source6=value, source_mask6=zero, destination6=zero, destination_mask6=zero
        )
        if len(value) == 16:
            self.assertEqual(described(to_rule(item, "office", 1), 1).source6, value)
        else:
            self.assertRaises(InvalidParameter, to_rule, item, "office", 1)
