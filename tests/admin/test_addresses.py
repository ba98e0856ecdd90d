"""The source address list: stored in its order, refused by name, held at once."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from iquila.admin import addresses
from iquila.database.belongings import AddressList
from iquila.database.records import ServerMode
from iquila.session.addresses import address_allowed

from .rig import ALICE, AUDITOR, OFFICE, AdministrationTestCase

LAN = {
    "Priority_u32": 10,
    "Masked_bool": True,
    "IpAddress_ip": "192.168.0.0",
    "SubnetMask_ip": "255.255.0.0",
}
HOST = {"Priority_u32": 5, "Deny_bool": True, "IpAddress_ip": "192.168.0.7"}
REST = {"Priority_u32": 99, "Deny_bool": True, "Masked_bool": True, "IpAddress_ip": "0.0.0.0"}
REST6 = REST | {"IpAddress_ip": "::", "SubnetMask_ip": "::"}


class AddressesTests(AdministrationTestCase):
    """The operations."""

    def allowed(self, *clients: str) -> list[bool]:
        """Return which clients may come."""
        record = self.server.system.get(AddressList, OFFICE)
        rules = record.rules if record is not None else ()
        return [address_allowed(rules, ip_address(client)) for client in clients]

    def test_set_and_get(self) -> None:
        """By priority, with the places as ids; through JSON as well."""
        self.assertEqual(self.run_it("GetAcList"), {"ACList": [], "HubName_str": OFFICE})
        lines = [REST, LAN, HOST]
        answer = self.call("SetAcList", ACList=lines)["result"]
        self.assertEqual(answer, self.run_it("GetAcList"))
        listed = answer["ACList"]
        self.assertEqual([line["Id_u32"] for line in listed], [1, 2, 3])
        for line, sent in zip(listed, (HOST, LAN, REST), strict=True):
            self.assertEqual(line, line | sent)
        self.assertEqual(listed[0]["SubnetMask_ip"], "0.0.0.0")
        self.run_it("SetAcList", ACList=listed[1:])
        self.assertEqual(len(self.run_it("GetAcList")["ACList"]), 2)

    def test_what_follows(self) -> None:
        """The first line that matches decides; IPv4 and IPv6 are two things."""
        clients = "192.168.0.7", "192.168.3.4", "10.0.0.1", "2001:db8::1"
        self.assertEqual(self.allowed(*clients), [True] * 4)
        self.run_it("SetAcList", ACList=[REST, LAN, HOST])
        self.assertEqual(self.allowed(*clients), [False, True, False, True])
        self.run_it("SetAcList", ACList=[REST6])
        self.assertEqual(self.allowed(*clients), [True, True, True, False])

    def test_refused_by_name(self) -> None:
        """Each wrong value, and nothing is changed."""
        self.run_it("SetAcList", ACList=[LAN])
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"IpAddress_ip": "10.0.0"}, "IpAddress"),
            ({"IpAddress_ip": 12}, "IpAddress"),
            ({"IpAddress_ip": "2001:db8::"}, "SubnetMask"),
            ({"SubnetMask_ip": "ffff::"}, "SubnetMask"),
            ({"Priority_u32": 2**32}, "Priority"),
            ({"Deny_bool": []}, "Deny"),
            ({"IpAddress_ip": "0.0.0.0", "Masked_bool": False}, "IpAddress"),
        ]
        for changes, name in wrong:
            error = self.refusal("SetAcList", ACList=[HOST, LAN | changes])
            self.assertEqual(error.code, 38, changes)
            self.assertIn(name, str(error))
        self.assertIn("ACList", self.call("SetAcList", ACList="all")["error"]["message"])
        self.assertEqual(self.refusal("GetAcList", HubName_str="other").code, 8)

    def test_too_many(self) -> None:
        """Error 110."""
        self.patch(addresses, "MAX_LINES", 2)
        self.run_it("SetAcList", ACList=[LAN] * 2)
        self.assertEqual(self.refusal("SetAcList", ACList=[LAN] * 3).code, 110)

    def test_at_a_member(self) -> None:
        """33."""
        self.become(ServerMode.MEMBER)
        for name in ("GetAcList", "SetAcList"):
            self.assertEqual(self.refusal(name).code, 33)

    def test_who(self) -> None:
        """The switch's administrator, unless an option says no; an auditor reads."""
        self.run_it("SetAcList", ALICE, ACList=[LAN])
        self.run_it("GetAcList", AUDITOR)
        self.assertEqual(self.refusal("SetAcList", AUDITOR).code, 52)
        self.options(no_change_access_control_list=1)
        self.assertEqual(self.refusal("SetAcList", ALICE).code, 52)
        self.run_it("GetAcList", ALICE)
        self.run_it("SetAcList", ACList=[])
