"""What a server says that it can do, against what it does."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.capabilities import LIMITED_BY, NEVER, SERVED_BY, capabilities
from iquila.admin.facts import Test
from iquila.admin.jsonform import to_json
from iquila.admin.operation import Nothing, Table
from iquila.admin.packform import to_pack
from iquila.admin.table import OPERATIONS
from iquila.database.records import ServerMode
from iquila.errors import NotSupported

from .ownserver import OwnServer

RECORDED = 80
"""Rows that a real cluster's controller shows."""


async def nothing(*_arguments: object) -> Test:
    """Do an operation."""
    return Test()


class CapabilityTests(SynchronousTestCase):
    """Names and values."""

    def test_all_that_programs_ask_for(self) -> None:
        """At least as many as a real server tells; flags are 0 or 1."""
        told = capabilities(OPERATIONS, ServerMode.CONTROLLER, 4096)
        self.assertGreaterEqual(len(told), RECORDED)
        for name, value in told.items():
            self.assertRegex(name, r"\A[bi]_[a-z0-9_]+\Z")
            self.assertIn(value, (0, 1) if name.startswith("b_") else range(2**32))

    def test_the_mode(self) -> None:
        """One of three; a member defines nothing."""
        modes = ("b_standalone", "b_cluster_controller", "b_cluster_member")
        for number, mode in enumerate(ServerMode):
            told = capabilities(OPERATIONS, mode, 4096)
            self.assertEqual([told[name] for name in modes], [int(i == number) for i in range(3)])
            member = mode is ServerMode.MEMBER
            self.assertEqual(told["b_support_config_hub"], int(not member))
            self.assertEqual(told["i_max_users_per_hub"], 0 if member else 10_000)
            self.assertEqual(told["b_virtual_nat_disabled"], int(number > 0))

    def test_told_from_the_table(self) -> None:
        """A capability is there when its operation is served, not when it only has a name."""
        table = Table()
        self.assertEqual(capabilities(table, ServerMode.STANDALONE, 1)["b_support_crl"], 0)
        table.unserved("AddCrl", "Add one.", "Not yet.")
        self.assertEqual(capabilities(table, ServerMode.STANDALONE, 1)["b_support_crl"], 0)
        for name in {*SERVED_BY.values(), *(name for name, _ in LIMITED_BY.values())} - {"AddCrl"}:
            table.operation(name, Nothing, Test)(nothing)
        other = Table()
        refused = {ServerMode.MEMBER: NotSupported}
        other.operation("AddCrl", Nothing, Test, refused=refused)(nothing)
        table.add(other)
        told = capabilities(table, ServerMode.STANDALONE, 1)
        for name in SERVED_BY:
            self.assertEqual(told[name], 1, name)
        for name, (_operation, limit) in LIMITED_BY.items():
            self.assertEqual(told[name], limit, name)
        self.assertEqual(capabilities(table, ServerMode.MEMBER, 1)["b_support_crl"], 0)

    def test_never(self) -> None:
        """Other protocols are not promised in any mode."""
        for mode in ServerMode:
            told = capabilities(OPERATIONS, mode, 4096)
            for name in NEVER:
                self.assertEqual(told[name], 0, name)

    def test_the_operation(self) -> None:
        """Tells them as a list, with the server's own limit."""
        server = OwnServer()
        server.run("SetServerLimits", max_sessions=77)
        listed = to_json(server.run("GetCaps"))["CapsList"]
        values = {item["CapsName_str"]: item["CapsValue_u32"] for item in listed}
        self.assertEqual(values["i_max_sessions"], 77)
        self.assertEqual(values["b_standalone"], 1)

    def test_in_a_pack(self) -> None:
        """Each is an element of its own, too: the tools read only these."""
        pack = to_pack(OwnServer().run("GetCaps"))
        self.assertEqual(pack.get_int("caps_i_max_sessions"), 4096)
        self.assertEqual(pack.get_int("caps_b_standalone"), 1)
        self.assertEqual(pack.get_str("CapsName"), "b_beta_version")
