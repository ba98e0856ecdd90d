"""What has no engine yet: authority, refusals by mode, and empty lists."""

from __future__ import annotations

from typing import Any

from iquila.admin.operation import Who
from iquila.database.records import ServerMode, SwitchKind

from .rig import ALICE, AUDITOR, OFFICE, AdministrationTestCase

CASCADES = (
    "GetLink",
    "SetLink",
    "SetLinkOnline",
    "SetLinkOffline",
    "DeleteLink",
    "RenameLink",
    "GetLinkStatus",
)
VIRTUAL_HOST = (
    "EnableSecureNAT",
    "DisableSecureNAT",
    "SetSecureNATOption",
    "GetSecureNATOption",
    "EnumNAT",
    "EnumDHCP",
    "GetSecureNATStatus",
)
OF_THE_SERVER = (
    "AddLocalBridge",
    "DeleteLocalBridge",
    "AddL3Switch",
    "DelL3Switch",
    "StartL3Switch",
    "StopL3Switch",
    "AddL3If",
    "DelL3If",
    "EnumL3If",
    "AddL3Table",
    "DelL3Table",
    "EnumL3Table",
)
CLUSTER = ServerMode.CONTROLLER, ServerMode.MEMBER


class UnbuiltTests(AdministrationTestCase):
    """The operations."""

    def test_cascades(self) -> None:
        """33, with a sentence; creating one in a cluster 60."""
        for name in ("CreateLink", *CASCADES):
            error = self.refusal(name, ALICE)
            self.assertEqual((error.code, "cascade" in str(error)), (33, True))
        self.assertEqual(self.run_it("EnumLink", ALICE), {"LinkList": [], "HubName_str": OFFICE})
        self.assertEqual(self.refusal("EnumLink", HubName_str="other").code, 8)
        for mode in CLUSTER:
            self.become(mode)
            self.assertEqual(self.refusal("CreateLink").code, 60)
            for name in ("EnumLink", *CASCADES):
                self.assertEqual(self.refusal(name).code, 33)

    def test_virtual_host(self) -> None:
        """33; at a member 46, but for a static switch, as a real member answers."""
        for name in VIRTUAL_HOST:
            self.become(ServerMode.STANDALONE, SwitchKind.STANDALONE)
            error = self.refusal(name, ALICE)
            self.assertEqual((error.code, "NAT" in str(error)), (33, True))
            self.assertEqual(self.call(name, RpcHubName_str=OFFICE)["error"]["code"], 33)
            for mode, kind, code in (
                (ServerMode.CONTROLLER, SwitchKind.STATIC, 33),
                (ServerMode.CONTROLLER, SwitchKind.DYNAMIC, 33),
                (ServerMode.MEMBER, SwitchKind.STATIC, 33),
                (ServerMode.MEMBER, SwitchKind.DYNAMIC, 46),
            ):
                self.become(mode, kind)
                error = self.refusal(name)
                self.assertEqual(error.code, code, (name, mode, kind))
                # Nobody is sent to a controller that refuses it as well.
                self.assertEqual("controller" in str(error), code == 46, (name, mode, kind))

    def test_of_the_server(self) -> None:
        """Bridges and layer 3 switches are local to each server, whatever its mode."""
        for name in OF_THE_SERVER:
            self.assertIs(self.operation(name).who, Who.SERVER)
            self.assertEqual(self.refusal(name, ALICE).code, 52)
            for mode in ServerMode:
                self.become(mode)
                self.assertEqual(self.refusal(name).code, 33)

    def test_empty_lists(self) -> None:
        """There are none, and the tools that ask first may go on."""
        for mode in ServerMode:
            self.become(mode)
            for name, group in (
                ("EnumLocalBridge", "LocalBridgeList"),
                ("EnumEthernet", "EthList"),
                ("EnumL3Switch", "L3SWList"),
            ):
                self.assertEqual(self.call(name)["result"], {group: []})
                self.assertEqual(self.run_it(name, AUDITOR), {group: []})
                self.assertEqual(self.refusal(name, ALICE).code, 52)
        support = self.run_it("GetBridgeSupport", ALICE)
        self.assertEqual(
            support, {"IsBridgeSupportedOs_bool": False, "IsWinPcapNeeded_bool": False}
        )

    def test_wrong_kinds(self) -> None:
        """A parameter that is not what it should be is refused by name first."""
        wrong: tuple[tuple[str, str, Any], ...] = (
            ("AddLocalBridge", "DeviceName_str", 5),
            ("AddL3If", "IpAddress_ip", "10.0.0"),
            ("AddL3Table", "Metric_u32", -1),
        )
        for name, field, value in wrong:
            error = self.refusal(name, **{field: value})
            self.assertEqual((error.code, field in str(error)), (38, True))

    def test_learned_addresses(self) -> None:
        """No IP address is learned yet, so none can be forgotten; nor a MAC that is not there."""
        self.assertEqual(self.run_it("EnumIpTable", ALICE), {"IpTable": [], "HubName_str": OFFICE})
        self.assertEqual(self.run_it("EnumMacTable", ALICE)["MacTable"], [])
        for name in ("DeleteIpTable", "DeleteMacTable"):
            self.assertEqual(self.call(name, Key_u32=5)["error"]["code"], 29)
            self.assertEqual(self.refusal(name, HubName_str="other", Key_u32=5).code, 8)
            self.assertEqual(self.refusal(name, Key_u32="x").code, 38)
            self.assertEqual(self.refusal(name, AUDITOR).code, 52)
