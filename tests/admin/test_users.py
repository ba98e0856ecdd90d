"""Users, groups, CAs and revocations through the operations table, on a database in memory."""

from __future__ import annotations

import base64
from typing import Any, cast

from attrs import fields
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.fields import WIRE, Wire
from iquila.admin.jsonform import from_json, to_json
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller
from iquila.admin.table import OPERATIONS
from iquila.database.belongings import Group, SwitchOptions, TrustedCA
from iquila.database.lookups import policy_of
from iquila.database.records import (
    AuthKind,
    LoginCount,
    ServerMode,
    ServerSettings,
    Switch,
    SwitchKind,
    User,
)
from iquila.database.store import Database, delete, put
from iquila.errors import (
    GroupExists,
    GroupNotFound,
    InvalidParameter,
    NotEnoughRights,
    NotRSA1024,
    ObjectNotFound,
    SwitchNotFound,
    TooManyGroups,
    TooManyUsers,
    UserExists,
    VENError,
)
from iquila.wire.passwords import nt_hash, user_hash
from iquila.wire.policy import DEFAULT_POLICY, Policy
from tests.certificates import elliptic_key, make, rsa_key

ROOT = make("Root", rsa_key(0), authority=True)
ALICE = make("alice", rsa_key(2), ROOT)
BY_SWITCH = Caller("office")
AUDITOR = Caller(auditor=True, name="auditor")

RECORDED_USER: dict[str, Any] = {
    "HubName_str": "j1",
    "Name_str": "alice",
    "Realname_utf": "Al",
    "Note_utf": "",
    "ExpireTime_dt": "2030-01-01T00:00:00.000Z",
    "AuthType_u32": 1,
    "Auth_Password_str": "pw",
    "UsePolicy_bool": True,
    "policy:Access_bool": True,
    "policy:MaxConnection_u32": 8,
    "policy:TimeOut_u32": 20,
}


def binary(data: bytes) -> str:
    """Return bytes as JSON has them."""
    return base64.b64encode(data).decode()


class FakeServer:
    """What these operations need of a server."""

    def __init__(self) -> None:
        self.system = Database.in_memory()
        self.settings = ServerSettings("id")

    def logins(self, switch: str, user: str = "") -> LoginCount:
        """Return that nobody logged in."""
        return LoginCount(switch, user, 0, 0)


class AdminTestCase(SynchronousTestCase):
    """A server with a switch."""

    def setUp(self) -> None:
        """One switch."""
        self.server = FakeServer()
        self.system = self.server.system
        self.write(Switch("office", SwitchKind.STANDALONE))

    def write(self, *records: Any) -> None:
        """Put records into the database."""
        self.successResultOf(self.system.transact([put(record) for record in records]))

    def call(self, name: str, caller: Caller | None = None, **parameters: Any) -> dict[str, Any]:
        """Run an operation with JSON, on the switch office if nothing else is said."""
        operation = OPERATIONS.get(name)
        assert operation is not None
        request = from_json(operation.request, {"HubName_str": "office", **parameters})
        run = operation.run(cast(ManagedServer, self.server), caller or Caller(), request)
        return to_json(self.successResultOf(Deferred.fromCoroutine(run)))

    def refused(self, error: type[VENError], name: str, *words: str, **parameters: Any) -> None:
        """See that an operation is refused with an error and words, and changes nothing."""
        operation = OPERATIONS.get(name)
        assert operation is not None
        revision = self.system.revision

        async def run() -> None:
            request = from_json(operation.request, {"HubName_str": "office", **parameters})
            caller = parameters.get("caller", Caller())
            await operation.run(cast(ManagedServer, self.server), caller, request)

        failure = self.failureResultOf(Deferred.fromCoroutine(run()), error)
        for word in words:
            self.assertIn(word, failure.getErrorMessage())
        self.assertEqual(self.system.revision, revision)

    def user(self, name: str = "alice") -> User:
        """Return a user as the database has it."""
        user = self.system.get(User, f"office/{name}")
        assert user is not None
        return user


class UserTests(AdminTestCase):
    """Users of every kind."""

    def test_recorded(self) -> None:
        """The exchange of a live server, hashes and all."""
        self.write(Switch("j1", SwitchKind.STANDALONE))
        made = self.call("CreateUser", **RECORDED_USER)
        self.assertEqual(made["HashedKey_bin"], "haraukSBf+f7MHQw3iWO4XfePMA=")
        self.assertEqual(made["NtLmSecureHash_bin"], "jMGbaoz+rCmcKHHIazjeKA==")
        self.assertEqual(made["ExpireTime_dt"], RECORDED_USER["ExpireTime_dt"])
        self.assertEqual((made["policy:MaxConnection_u32"], made["UsePolicy_bool"]), (8, True))
        self.assertEqual(made, self.call("GetUser", HubName_str="j1", Name_str="ALICE"))
        self.assertNotIn("pw", made.values())

    def test_field_names(self) -> None:
        """Exactly those of the reference, of users and their list."""
        made = self.call("CreateUser", Name_str="alice", AuthType_u32=0)
        self.assertLessEqual(
            {"UserX_bin", "Serial_bin", "CommonName_utf", "RadiusUsername_utf", "NtUsername_utf"},
            set(made),
        )
        (row,) = self.call("EnumUser")["UserList"]
        plain = {key for key in row if not key.startswith("Ex.")}
        self.assertEqual(
            plain,
            set(
                "Name_str GroupName_str Realname_utf Note_utf AuthType_u32 NumLogin_u32 "
                "LastLoginTime_dt DenyAccess_bool IsTrafficFilled_bool IsExpiresFilled_bool "
                "Expires_dt".split()
            ),
        )

    def test_every_kind(self) -> None:
        """What proves a user is what was given, and only that."""
        kinds: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"AuthType_u32": 0}, {}),
            (
                {"AuthType_u32": 1, "Auth_Password_str": "x"},
                {"password_hash": user_hash("x", "alice"), "nt_hash": nt_hash("x")},
            ),
            ({"AuthType_u32": 2, "UserX_bin": binary(ALICE.der)}, {"certificate": ALICE.der}),
            (
                {"AuthType_u32": 3, "CommonName_utf": "alice", "Serial_bin": binary(b"\0\x12")},
                {"common_name": "alice", "serial": b"\x12"},
            ),
            ({"AuthType_u32": 4, "RadiusUsername_utf": "al"}, {"alias": "al"}),
            ({"AuthType_u32": 5, "NtUsername_utf": "AL"}, {"alias": "AL"}),
        ]
        self.call("CreateUser", Name_str="alice")
        for _ in range(2):
            for given, stored in kinds:
                shown = self.call("SetUser", Name_str="alice", **given)
                user = self.user()
                self.assertEqual(user.auth, AuthKind(given["AuthType_u32"]))
                for name in ("password_hash", "nt_hash", "certificate", "serial"):
                    self.assertEqual(getattr(user, name), stored.get(name, b""), name)
                for name in ("common_name", "alias"):
                    self.assertEqual(getattr(user, name), stored.get(name, ""), name)
                # What was read may be written again, and is the same then.
                again = self.call("SetUser", **shown)
                same = {key: again[key] for key in again if key != "UpdatedTime_dt"}
                self.assertEqual(same, {key: shown[key] for key in same})

    def test_passwords_stay(self) -> None:
        """Without a new one, or with the hash that there is; a new hash drops the NT hash."""
        self.call("CreateUser", Name_str="alice", AuthType_u32=1, Auth_Password_str="x")
        before = self.user()
        hashed = binary(before.password_hash)
        same: tuple[dict[str, Any], ...] = (
            {},
            {"HashedKey_bin": hashed},
            {"HashedKey_bin": binary(bytes(20))},
        )
        for given in same:
            self.call("SetUser", Name_str="alice", AuthType_u32=1, **given)
            self.assertEqual(self.user().password_hash, before.password_hash)
            self.assertEqual(self.user().nt_hash, before.nt_hash)
        other = user_hash("y", "alice")
        self.call("SetUser", Name_str="alice", AuthType_u32=1, HashedKey_bin=binary(other))
        self.assertEqual((self.user().password_hash, self.user().nt_hash), (other, b""))

    def test_without_a_password(self) -> None:
        """The hashes of a live server then, which no password has."""
        made = self.call("CreateUser", Name_str="alice", AuthType_u32=1)
        self.assertEqual(made["HashedKey_bin"], "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        self.assertEqual(made["NtLmSecureHash_bin"], "AAAAAAAAAAAAAAAAAAAAAA==")

    def test_refusals(self) -> None:
        """Each names the parameter at fault, and changes nothing."""
        self.call("CreateUser", Name_str="alice", AuthType_u32=1)
        elliptic = make("alice", elliptic_key(), ROOT)
        bad: list[tuple[dict[str, Any], str]] = [
            ({"AuthType_u32": 6}, "AuthType"),
            ({"Realname_utf": "x" * 256}, "Realname"),
            ({"Note_utf": "x" * 256}, "Note"),
            ({"Note_utf": "a\0b"}, "Note"),
            ({"ExpireTime_dt": -5}, "ExpireTime"),
            ({"ExpireTime_dt": 10**15}, "ExpireTime"),
            ({"AuthType_u32": 2}, "UserX"),
            ({"AuthType_u32": 2, "UserX_bin": binary(b"x")}, "UserX"),
            ({"AuthType_u32": 3, "Serial_bin": binary(b"x" * 65)}, "Serial"),
            ({"AuthType_u32": 3, "CommonName_utf": "x" * 256}, "CommonName"),
            ({"AuthType_u32": 4, "RadiusUsername_utf": "x" * 256}, "RadiusUsername"),
            ({"AuthType_u32": 5, "NtUsername_utf": "x" * 256}, "NtUsername"),
            ({"AuthType_u32": 1, "HashedKey_bin": binary(b"x")}, "HashedKey"),
            ({"AuthType_u32": 1, "NtLmSecureHash_bin": binary(b"x")}, "NtLmSecureHash"),
            ({"AuthType_u32": 1, "Auth_Password_str": "x" * 256}, "Auth_Password"),
        ]
        for given, word in bad:
            self.refused(InvalidParameter, "SetUser", word, Name_str="alice", **given)
            self.refused(InvalidParameter, "CreateUser", word, Name_str="bob", **given)
        for name in ("", "a/b", "administrator", " x", "x" * 256):
            self.refused(InvalidParameter, "CreateUser", "Name", Name_str=name)
        proof = {"AuthType_u32": 2, "UserX_bin": binary(elliptic.der)}
        self.refused(NotRSA1024, "SetUser", "UserX", Name_str="alice", **proof)
        self.refused(UserExists, "CreateUser", Name_str="ALICE")
        self.refused(GroupNotFound, "CreateUser", "GroupName", Name_str="b", GroupName_str="none")
        for operation in ("SetUser", "GetUser", "DeleteUser"):
            self.refused(ObjectNotFound, operation, "nobody", Name_str="nobody")
            self.refused(SwitchNotFound, operation, HubName_str="none", Name_str="alice")

    def test_limits(self) -> None:
        """Of the administrator option; the system's own is far away."""
        self.write(SwitchOptions("office", {"max_users": 1, "max_groups": 1}))
        self.call("CreateUser", Name_str="alice")
        self.refused(TooManyUsers, "CreateUser", "1 users", Name_str="bob")
        self.call("CreateGroup", Name_str="staff")
        self.refused(TooManyGroups, "CreateGroup", "1 groups", Name_str="guests")
        users = [User("big", f"u{n}") for n in range(10_000)]
        self.write(Switch("big", SwitchKind.STANDALONE), *users)
        self.refused(TooManyUsers, "CreateUser", "10000", HubName_str="big", Name_str="bob")

    def test_deleted(self) -> None:
        """With the count of logins."""
        self.call("CreateUser", Name_str="alice")
        self.write(LoginCount("office", "alice", 3, 0))
        self.call("DeleteUser", Name_str="Alice")
        self.assertEqual(self.system.all(User), [])
        self.assertEqual(self.system.all(LoginCount), [])

    def test_auditors_see_no_hashes(self) -> None:
        """They could be tried offline."""
        self.call("CreateUser", Name_str="alice", AuthType_u32=1, Auth_Password_str="x")
        shown = self.call("GetUser", AUDITOR, Name_str="alice")
        self.assertEqual((shown["HashedKey_bin"], shown["NtLmSecureHash_bin"]), ("", ""))
        self.assertTrue(self.call("GetUser", BY_SWITCH, Name_str="alice")["HashedKey_bin"])


class GroupTests(AdminTestCase):
    """Groups, and who is in them."""

    def test_life(self) -> None:
        """Made, changed, listed, deleted."""
        made = self.call("CreateGroup", Name_str="staff", Realname_utf="Staff", Note_utf="n")
        self.assertEqual(made, self.call("GetGroup", Name_str="STAFF"))
        changed = {**made, "UsePolicy_bool": True, "policy:Access_bool": False}
        self.call("SetGroup", **changed)
        for name in ("alice", "bob"):
            self.call("CreateUser", Name_str=name, GroupName_str="Staff")
        self.call("CreateUser", Name_str="carol")
        (row,) = self.call("EnumGroup")["GroupList"]
        self.assertEqual(
            row,
            {
                "Name_str": "staff",
                "Realname_utf": "Staff",
                "Note_utf": "n",
                "NumUsers_u32": 2,
                "DenyAccess_bool": True,
            },
        )
        rows = {row["Name_str"]: row for row in self.call("EnumUser")["UserList"]}
        self.assertEqual(rows["alice"]["GroupName_str"], "staff")
        self.assertEqual([rows[n]["DenyAccess_bool"] for n in ("bob", "carol")], [True, False])
        revision = self.system.revision
        self.call("DeleteGroup", Name_str="staff")
        self.assertEqual(self.system.revision, revision + 1)
        self.assertEqual({user.group for user in self.system.all(User)}, {""})
        self.assertEqual(self.call("EnumGroup")["GroupList"], [])

    def test_policies(self) -> None:
        """A user's own replaces the group's entirely; without both the default holds."""
        self.write(Group("office", "staff", policy=Policy(max_mac=3, multi_logins=2)))
        own = Policy(max_ip=7)
        for user, policy in (
            (User("office", "a"), DEFAULT_POLICY),
            (User("office", "a", group="none"), DEFAULT_POLICY),
            (User("office", "a", group="STAFF"), Policy(max_mac=3, multi_logins=2)),
            (User("office", "a", group="staff", policy=own), own),
        ):
            self.assertEqual(policy_of(self.system, user), policy)

    def test_refusals(self) -> None:
        """By name."""
        self.call("CreateGroup", Name_str="staff")
        self.refused(GroupExists, "CreateGroup", Name_str="Staff")
        self.refused(InvalidParameter, "CreateGroup", "Name", Name_str="")
        for operation in ("SetGroup", "GetGroup", "DeleteGroup"):
            self.refused(ObjectNotFound, operation, "none", Name_str="none")
        for operation in ("SetGroup", "CreateGroup"):
            name = "staff" if operation == "SetGroup" else "other"
            self.refused(InvalidParameter, operation, "Note", Name_str=name, Note_utf="x" * 300)

    def test_who_joins_while_the_group_goes(self) -> None:
        """Is in no group afterwards, not even when there is one of that name again."""
        self.call("CreateGroup", Name_str="staff")
        original = self.system.transact
        joined = User("office", "late", group="staff")

        def late(*arguments: Any) -> Any:
            self.system.transact = original  # type: ignore[method-assign]
            self.write(joined)
            return original(*arguments)

        self.system.transact = late  # type: ignore[method-assign, assignment]
        self.call("DeleteGroup", Name_str="staff")
        self.call("CreateGroup", Name_str="staff")
        self.assertEqual(self.user("late").group, "")


class AuthorityTests(AdminTestCase):
    """Trusted CAs."""

    def test_life(self) -> None:
        """Added once, listed, read, deleted."""
        other = make("Other", rsa_key(1), authority=True)
        for made in (ROOT, ROOT, other):
            self.call("AddCa", Cert_bin=binary(made.der))
        rows = self.call("EnumCa")["CAList"]
        self.assertEqual([row["Key_u32"] for row in rows], [1, 2])
        self.assertEqual(rows[0]["SubjectName_utf"], "Root, Example")
        self.assertEqual(rows[0]["IssuerName_utf"], "Root, Example")
        end = ROOT.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%S")
        self.assertTrue(rows[0]["Expires_dt"].startswith(end))
        self.assertEqual(self.call("GetCa", Key_u32=2)["Cert_bin"], binary(other.der))
        self.call("DeleteCa", Key_u32=1)
        self.refused(ObjectNotFound, "GetCa", "Key", Key_u32=1)
        self.refused(ObjectNotFound, "DeleteCa", "Key", Key_u32=1)
        self.assertEqual([ca.number for ca in self.system.all(TrustedCA)], [2])

    def test_refusals(self) -> None:
        """What is no certificate, or no CA's."""
        user = make("alice", rsa_key(2), ROOT, authority=False)
        for der in (b"", b"nonsense", user.der, ROOT.der[:-5], bytes(70_000)):
            self.refused(InvalidParameter, "AddCa", "Cert", Cert_bin=binary(der))


class RevocationTests(AdminTestCase):
    """Certificates that are refused."""

    def test_life(self) -> None:
        """Added, listed as people read them, changed, deleted."""
        made = self.call(
            "AddCrl",
            CommonName_utf="alice",
            Country_utf="DE",
            Serial_bin=binary(b"\0\x12\xab"),
            DigestSHA1_bin=binary(b"\1" * 20),
        )
        self.assertEqual(made["Key_u32"], 1)
        self.assertEqual(made, self.call("GetCrl", Key_u32=1))
        listed = self.call("EnumCrl")
        self.assertEqual(listed["NumItem_u32"], 1)
        (row,) = listed["CRLList"]
        digest = " ".join(["01"] * 20)
        summary = f'Subject="CN=alice, C=DE", Serial="12 AB", SHA1="{digest}"'
        self.assertEqual(row, {"Key_u32": 1, "CrlInfo_utf": summary})
        changed = self.call("SetCrl", Key_u32=1, Unit_utf="sales")
        self.assertEqual((changed["CommonName_utf"], changed["Unit_utf"]), ("", "sales"))
        deleted = self.call("DelCrl", Key_u32=1)
        self.assertEqual(deleted["Unit_utf"], "sales")
        self.assertEqual(self.call("EnumCrl")["CRLList"], [])
        for operation in ("GetCrl", "SetCrl", "DelCrl"):
            self.refused(ObjectNotFound, operation, Key_u32=1, Unit_utf="x")

    def test_refusals(self) -> None:
        """Nothing given would be everybody; digests have their sizes."""
        self.call("AddCrl", CommonName_utf="alice")
        for given, word in (
            ({}, "CommonName"),
            ({"CommonName_utf": "  "}, "CommonName"),
            ({"Serial_bin": binary(bytes(4))}, "Serial"),
            ({"DigestMD5_bin": binary(b"x")}, "DigestMD5"),
            ({"DigestSHA1_bin": binary(b"x")}, "DigestSHA1"),
            ({"Local_utf": "x" * 256}, "Local"),
        ):
            self.refused(InvalidParameter, "AddCrl", word, **given)
            self.refused(InvalidParameter, "SetCrl", word, Key_u32=1, **given)

    def test_fields(self) -> None:
        """Exactly those of the reference."""
        operation = OPERATIONS.get("AddCrl")
        assert operation is not None
        wires: list[Wire] = [field.metadata[WIRE] for field in fields(operation.reply)]
        self.assertEqual(
            [f"{wire.name}_{wire.kind}" for wire in wires],
            "HubName_str Key_u32 CommonName_utf Organization_utf Unit_utf Country_utf State_utf "
            "Local_utf Serial_bin DigestMD5_bin DigestSHA1_bin".split(),
        )


class RightsTests(AdminTestCase):
    """Who may do it where."""

    OPTIONS = (
        ("no_change_users", "CreateUser SetUser DeleteUser"),
        ("no_change_groups", "CreateGroup SetGroup DeleteGroup"),
        ("no_change_cert_list", "AddCa DeleteCa"),
        ("no_change_crl_list", "AddCrl SetCrl DelCrl"),
    )

    def test_options(self) -> None:
        """Each takes its operations from the switch's administrator, and from nobody else."""
        for option, names in self.OPTIONS:
            for name in names.split():
                operation = OPERATIONS.get(name)
                assert operation is not None
                request = from_json(operation.request, {"HubName_str": "office"})
                server = cast(ManagedServer, self.server)
                self.write(SwitchOptions("office", {option: 1}))
                self.assertFalse(operation.allows(server, BY_SWITCH, request), name)
                self.assertTrue(operation.allows(server, Caller(), request), name)
                self.assertFalse(operation.allows(server, AUDITOR, request), name)
                self.write(SwitchOptions("office", {option: 0}))
                self.assertTrue(operation.allows(server, BY_SWITCH, request), name)
        self.write(SwitchOptions("office", {"no_change_users": 1}))
        self.refused(NotEnoughRights, "CreateUser", Name_str="x", caller=BY_SWITCH)

    def test_members(self) -> None:
        """The numbers of reference §7.8."""
        self.server.settings = ServerSettings("id", ServerMode.MEMBER)
        expected = {
            33: "CreateUser SetUser GetUser DeleteUser EnumUser SetGroup GetGroup DeleteGroup "
            "EnumGroup EnumCrl AddCrl DelCrl GetCrl SetCrl",
            46: "CreateGroup AddCa EnumCa GetCa DeleteCa",
        }
        for code, names in expected.items():
            for name in names.split():
                operation = OPERATIONS.get(name)
                assert operation is not None
                request = from_json(operation.request, {"HubName_str": "office"})
                run = operation.run(cast(ManagedServer, self.server), Caller(), request)
                failure = self.failureResultOf(Deferred.fromCoroutine(run), VENError)
                self.assertEqual(failure.value.code, code, name)

    def test_counts(self) -> None:
        """Deleting the switch is not hindered by what belongs to it."""
        self.call("CreateGroup", Name_str="staff")
        self.call("CreateUser", Name_str="alice", GroupName_str="staff")
        self.call("AddCa", Cert_bin=binary(ROOT.der))
        self.call("AddCrl", CommonName_utf="x")
        self.call("DeleteHub")
        for cls in (User, Group, TrustedCA):
            self.assertEqual(self.system.all(cls), [])
        self.successResultOf(self.system.transact([delete(Switch, "office")]))
