"""The operations table and its JSON, against the recorded exchanges of a real server."""

from __future__ import annotations

from attrs import fields
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.cluster import FarmMembers, FarmSetting
from iquila.admin.facts import Test
from iquila.admin.fields import WIRE
from iquila.admin.jsonform import from_json, to_json
from iquila.admin.operation import Caller, Operation, Who
from iquila.admin.sessions import SessionList
from iquila.admin.switches import HubSettings
from iquila.admin.table import OPERATIONS
from iquila.admin.users import UserRecord
from iquila.database.records import ServerMode
from iquila.errors import InvalidParameter, NotEnoughRights
from iquila.journal.journal import Journal

FARM_MEMBER = {
    "AssignedBridgeLicense_u32": 0,
    "AssignedClientLicense_u32": 0,
    "ConnectedTime_dt": "2026-11-22T16:10:38.259Z",
    "Controller_bool": True,
    "Hostname_str": "vm",
    "Id_u32": 1456524539,
    "Ip_ip": "127.0.0.1",
    "NumHubs_u32": 0,
    "NumSessions_u32": 0,
    "NumTcpConnections_u32": 15,
    "Point_u32": 100000,
}
SESSION = {
    "BridgeMode_bool": False,
    "ClientIP_ip": "10.66.0.103",
    "Client_BridgeMode_bool": False,
    "Client_MonitorMode_bool": False,
    "CreatedTime_dt": "2026-11-22T16:10:32.808Z",
    "CurrentNumTcp_u32": 4,
    "Hostname_str": "10.66.0.103",
    "Ip_ip": "10.66.0.103",
    "IsDormant_bool": False,
    "IsDormantEnabled_bool": False,
    "LastCommDormant_dt": "1970-01-01T00:00:00.000Z",
    "LastCommTime_dt": "2026-11-22T16:10:35.553Z",
    "Layer3Mode_bool": False,
    "LinkMode_bool": False,
    "MaxNumTcp_u32": 4,
    "Name_str": "SID-U1-3",
    "PacketNum_u64": 6,
    "PacketSize_u64": 516,
    "RemoteHostname_str": "vm",
    "RemoteSession_bool": False,
    "SecureNATMode_bool": False,
    "UniqueId_bin": "jNshnaECZeu+x/2n8eccAA==",
    "Username_str": "u1",
    "VLanId_u32": 0,
}


class JSONTests(SynchronousTestCase):
    """Names, suffixes and kinds."""

    def test_recorded(self) -> None:
        """Replies of a real server are read and written without a difference."""
        for cls, recorded in (
            (FarmMembers, {"FarmMemberList": [FARM_MEMBER]}),
            (SessionList, {"SessionList": [SESSION], "HubName_str": "h1"}),
        ):
            self.assertEqual(to_json(from_json(cls, recorded)), recorded)

    def test_recorded_settings(self) -> None:
        """Those of a switch, with its hashes."""
        recorded = {
            "AdminPasswordPlainText_str": "x",
            "HashedPassword_bin": "AUU+ezPUcjkYZ6+OBEBenMcEmMY=",
            "HubName_str": "j1",
            "HubType_u32": 0,
            "MaxSession_u32": 0,
            "NoEnum_bool": False,
            "Online_bool": True,
            "SecurePassword_bin": "t995QAhd3DNMePht/bn8AvitrOM=",
        }
        self.assertEqual(to_json(from_json(HubSettings, recorded)), recorded)

    def test_input_is_lenient(self) -> None:
        """Unknown and missing fields, numbers as text, flags as numbers."""
        setting = from_json(
            FarmSetting,
            {
                "ServerType_u32": "1",
                "ControllerOnly_bool": 1,
                "Weight": 5,
                "Ports_u32": [443, "992"],
            },
        )
        self.assertEqual(
            (setting.server_type, setting.controller_only, setting.weight, setting.ports),
            (1, True, 0, (443, 992)),
        )

    def test_bad_values(self) -> None:
        """Each is refused with the name of its field."""
        for cls, name, value in (
            (FarmSetting, "Weight_u32", -1),
            (FarmSetting, "Weight_u32", 2**32),
            (FarmSetting, "PublicIp_ip", "300.1.1.1"),
            (FarmSetting, "Ports_u32", 443),
            (HubSettings, "HubName_str", 5),
            (HubSettings, "HashedPassword_bin", "*"),
            (UserRecord, "ExpireTime_dt", "tomorrow"),
        ):
            error = self.assertRaises(InvalidParameter, from_json, cls, {name: value})
            self.assertIn(name, str(error))

    def test_policies_are_embedded(self) -> None:
        """A user's policy stands among its fields, with a prefix."""
        user = from_json(UserRecord, {"policy:MaxConnection_u32": 8, "policy:Access_bool": True})
        self.assertEqual(user.policy.policy().max_connection, 8)
        self.assertIn("policy:DHCPFilter_bool", to_json(user))

    @given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.text(max_size=20))
    def test_round_trip(self, number: int, long_number: int, text: str) -> None:
        """Any values."""
        record = Test(number, long_number, text, text)
        self.assertEqual(from_json(Test, to_json(record)), record)


class TableTests(SynchronousTestCase):
    """The definitions themselves."""

    def test_every_operation_is_complete(self) -> None:
        """Each has a purpose, and fields that all travel."""
        operations = list(OPERATIONS)
        self.assertGreater(len(operations), 30)
        for operation in operations:
            self.assertTrue(operation.purpose.endswith("."), operation.name)
            for cls in (operation.request, operation.reply):
                for attribute in fields(cls):
                    self.assertIn(WIRE, attribute.metadata, f"{cls.__name__}.{attribute.name}")
            if operation.who is Who.SWITCH:
                names = [attribute.name for attribute in fields(operation.request)]
                self.assertIn("hub_name", names)

    def test_switch_administrators(self) -> None:
        """They reach their own switch only, and nothing of the server."""
        alice = Caller("office")
        for name, allowed in (
            ("EnumSession", True),
            ("CreateUser", True),
            ("EnumHub", True),
            ("GetServerInfo", True),
            ("CreateHub", False),
            ("DeleteHub", False),
            ("SetServerPassword", False),
            ("SetFarmSetting", False),
            ("GetConfig", False),
        ):
            self.assertEqual(self.allows(name, alice, "OFFICE"), allowed, name)
        self.assertFalse(self.allows("EnumSession", alice, "other"))
        self.assertFalse(self.allows("EnumSession", alice, ""))

    def allows(self, name: str, caller: Caller, switch: str) -> bool:
        """Return whether an operation lets a caller pass its check of rights."""
        operation = OPERATIONS.get(name)
        assert operation is not None
        request = from_json(operation.request, {"HubName_str": switch})
        try:
            run = operation.run(_Reached(), caller, request)  # type: ignore[arg-type]
            run.send(None)
        except NotEnoughRights:
            return False
        except _Passed:
            return True
        raise self.failureException("it did not look at the server")

    def test_refusals_by_mode(self) -> None:
        """A member defines nothing, with the numbers of reference §7.8."""
        for name, code in (("CreateHub", 46), ("SetHubOnline", 46), ("CreateUser", 33)):
            operation = OPERATIONS.get(name)
            assert isinstance(operation, Operation)
            self.assertEqual(operation.refused[ServerMode.MEMBER].code, code)


class _Passed(Exception):
    """The check of rights was passed."""


class _Reached:
    """A server that tells when it is looked at; refusals are told to its journal."""

    journal = Journal()

    def __getattr__(self, name: str) -> object:
        raise _Passed
