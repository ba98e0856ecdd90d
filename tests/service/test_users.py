"""Logins of users in running servers: certificates, groups, and limits over a whole cluster."""

from __future__ import annotations

import base64
from ipaddress import IPv4Address
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from iquila.database.belongings import Group, SwitchOptions
from iquila.database.directory import DataDirectory
from iquila.database.records import User
from iquila.database.store import put
from iquila.errors import (
    AccessDenied,
    EmptyPasswordRemote,
    NotEnoughRights,
    OldPasswordWrong,
    VENError,
)
from iquila.service import member
from iquila.service.server import Server, Setup
from iquila.session.account import Account
from iquila.session.gate import Peer
from iquila.session.server import ServerSession
from iquila.session.verification import Pinned
from iquila.wire.login import ClientIdentity, Login, PasswordProof
from iquila.wire.passwords import nt_hash, secure_password, user_hash
from iquila.wire.policy import Policy
from iquila.wire.request import PasswordChange
from tests.certificates import Made, make, rsa_key
from tests.service.test_embedding import ADDRESS, EmbeddedTestCase, Station, reactor

ROOT = make("Root", rsa_key(0), authority=True)
ALICE = make("alice", rsa_key(2), ROOT, serial=7)
BOB = make("bob", rsa_key(3), ROOT, serial=8)


def binary(data: bytes) -> str:
    """Return bytes as JSON has them."""
    return base64.b64encode(data).decode()


class UsersTestCase(EmbeddedTestCase):
    """Servers with a switch called lab."""

    async def login(self, server: Server, **changes: Any) -> int:
        """Return the number of the refusal, 0 where a session was opened; it goes on then."""
        station = self.station(server, "lab", **changes)
        await self.until(lambda: station.client.session or station.client.last_refusal)
        error = station.client.last_refusal
        if error is None:
            return 0
        await station.client.stopService()
        self.stations.remove(station)
        assert isinstance(error, VENError)
        return int(error.code)

    async def user(self, server: Server, name: str, kind: int, **changes: Any) -> None:
        """Create a user."""
        await self.call(
            server, "CreateUser", HubName_str="lab", Name_str=name, AuthType_u32=kind, **changes
        )

    async def limit(self, server: Server, number: int) -> None:
        """Let each user be logged in so often, by the policy of a group."""
        await self.call(
            server,
            "CreateGroup",
            HubName_str="lab",
            Name_str="few",
            UsePolicy_bool=True,
            **{"policy:Access_bool": True, "policy:MultiLogins_u32": number},
        )
        user = await self.call(server, "GetUser", HubName_str="lab", Name_str="alice")
        await self.call(server, "SetUser", **{**user, "GroupName_str": "few"})


class CertificateTests(UsersTestCase):
    """A standalone server."""

    async def test_kinds(self) -> None:
        """An individual certificate, a signed one, a revoked one, and a plain password."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        await self.user(server, "own", 2, UserX_bin=binary(ALICE.der))
        await self.user(server, "signed", 3, CommonName_utf="bob")

        async def code(user: str, made: Made) -> int:
            return await self.login(server, user=user, password=None, certificate=made.client)

        self.assertEqual(await code("own", ALICE), 0)
        self.assertEqual(await code("own", BOB), 9)
        self.assertEqual(await code("signed", BOB), 9)
        await self.call(server, "AddCa", HubName_str="lab", Cert_bin=binary(ROOT.der))
        self.assertEqual(await code("signed", BOB), 0)
        self.assertEqual(await code("signed", ALICE), 9)
        await self.call(server, "AddCrl", HubName_str="lab", Serial_bin=binary(b"\7"))
        self.assertEqual(await code("own", ALICE), 9)
        self.assertEqual(await code("signed", BOB), 0)
        self.assertEqual(await self.login(server, plain_password=True), 0)
        self.assertEqual(await self.login(server, plain_password=True, password="wrong"), 9)

    async def test_kinds_that_are_not_checked(self) -> None:
        """Users of an NT domain are kept, and refused with error 7."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        await self.user(server, "nt", 5, NtUsername_utf="NT")
        self.assertEqual(await self.login(server, user="nt", plain_password=True), 7)

    async def test_groups(self) -> None:
        """A group's policy keeps a member out; a policy of one's own replaces it."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        await self.limit(server, 0)
        group = await self.call(server, "GetGroup", HubName_str="lab", Name_str="few")
        await self.call(server, "SetGroup", **{**group, "policy:Access_bool": False})
        self.assertEqual(await self.login(server), 12)
        user = await self.call(server, "GetUser", HubName_str="lab", Name_str="alice")
        own = {**user, "UsePolicy_bool": True, "policy:Access_bool": True}
        await self.call(server, "SetUser", **own)
        self.assertEqual(await self.login(server), 0)
        (row,) = (await self.call(server, "EnumHub"))["HubList"]
        self.assertEqual((row["NumUsers_u32"], row["NumGroups_u32"]), (1, 1))
        status = await self.call(server, "GetHubStatus", HubName_str="lab")
        self.assertEqual((status["NumUsers_u32"], status["NumGroups_u32"]), (1, 1))
        whole = await self.call(server, "GetServerStatus")
        self.assertEqual((whole["NumUsers_u32"], whole["NumGroups_u32"]), (1, 1))

    async def test_empty_passwords(self) -> None:
        """With the switch's option they let in from the same machine only: error 51."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        await self.user(server, "eve", 1, HashedKey_bin=binary(user_hash("", "eve")))
        remote = Peer(IPv4Address("10.0.0.9"), 1, 5555)
        challenge = bytes(20)
        proof = PasswordProof(secure_password(user_hash("", "eve"), challenge))
        login = Login("lab", "eve", proof, ClientIdentity("client"))
        assert server.role is not None
        session = await server.role.login(login, challenge, remote)
        self.assertIsInstance(session, ServerSession)
        options = SwitchOptions("lab", {"deny_empty_password": 1})
        await server.core.system.transact([put(options)])
        with self.assertRaises(EmptyPasswordRemote):
            await server.role.login(login, challenge, remote)
        self.assertEqual(await self.login(server, user="eve", password=""), 0)

    async def test_changing_the_own_password(self) -> None:
        """Both hashes change; a policy of the group, or the switch's option, forbids it."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        challenge = bytes(20)
        role = server.role
        assert role is not None

        def change(old: str, new: str) -> PasswordChange:
            proof = secure_password(user_hash(old, "alice"), challenge)
            return PasswordChange("lab", "alice", proof, user_hash(new, "alice"), nt_hash(new))

        peer = Peer(IPv4Address("10.0.0.9"), 1, 5555)
        await role.change_password(change("secret", "new"), challenge, peer)
        user = server.core.system.get(User, "lab/alice")
        assert user is not None
        self.assertEqual(user.password_hash, user_hash("new", "alice"))
        self.assertEqual(user.nt_hash, nt_hash("new"))
        with self.assertRaises(OldPasswordWrong):
            await role.change_password(change("secret", "x"), challenge, peer)
        await self.limit(server, 0)
        for forbidden in (
            Group("lab", "few", policy=Policy(fix_password=True)),
            SwitchOptions("lab", {"deny_change_user_password": 1}),
        ):
            await server.core.system.transact([put(forbidden)])
            with self.assertRaises((AccessDenied, NotEnoughRights)):
                await role.change_password(change("new", "x"), challenge, peer)
            await server.core.system.transact([put(Group("lab", "few"))])

    async def test_multiple_logins(self) -> None:
        """Counted without bridges and without the same machine."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        await self.limit(server, 1)
        self.assertEqual(await self.login(server, bridge=True), 0)
        self.assertEqual(await self.login(server), 0)
        self.assertEqual(await self.login(server), 20)
        again = self.again(server, self.stations[-1])
        await self.until(lambda: again.client.session)
        await self.stations[1].client.stopService()
        self.assertEqual(await self.login(server), 20)
        await again.client.stopService()
        await self.until(lambda: len(server.core.sessions) == 1)
        self.assertEqual(await self.login(server), 0)

    def again(self, server: Server, other: Station) -> Station:
        """Return another client of the same machine."""
        account = Account(
            ADDRESS,
            "lab",
            user="alice",
            password="secret",
            verification=Pinned(server.core.identity.fingerprint),
            port=server.core.ports()[0],
        )
        station = Station(account, len(self.stations) + 1)
        station.client.unique_id = other.client.unique_id
        self.stations.append(station)
        station.client.startService()
        return station


class ClusterLimitTests(UsersTestCase):
    """The limit of multiple logins, over a controller and its members."""

    async def begun(self, kind: int, limit: int) -> Server:
        """Return the controller of two members."""
        controller = await self.cluster(2)
        await self.switch(controller, "lab", kind)
        await self.limit(controller, limit)
        return controller

    def ledger(self, controller: Server) -> int:
        """Return how many logins of alice the controller counts."""
        assert controller.role is not None
        return controller.role.ledger.count("lab", "alice", b"", controller.core.now())

    async def test_over_the_members(self) -> None:
        """Sessions on different members; one that ends makes room."""
        controller = await self.begun(1, 2)
        for _ in range(2):
            self.assertEqual(await self.login(controller), 0)
        carried = [len(server.core.sessions) for server in self.servers[1:]]
        self.assertEqual(carried, [1, 1])
        self.assertEqual(await self.login(controller), 20)
        await self.stations[0].client.stopService()
        await self.until(lambda: self.ledger(controller) == 1)
        self.assertEqual(await self.login(controller), 0)
        self.assertEqual(await self.login(controller), 20)

    async def test_at_the_same_time(self) -> None:
        """Of ten logins at once one gets in, although its switch does not run yet."""
        controller = await self.begun(2, 1)
        codes = await gatherResults(
            [Deferred.fromCoroutine(self.login(controller)) for _ in range(10)]
        )
        self.assertEqual(sorted(codes), [0] + [20] * 9)

    async def test_a_lost_member(self) -> None:
        """Its sessions count no more; the client that comes back elsewhere counts once."""
        controller = await self.begun(1, 1)
        self.assertEqual(await self.login(controller), 0)
        carrier = next(server for server in self.servers[1:] if len(server.core.sessions))
        await carrier.stopService()
        (station,) = self.stations
        await self.until(lambda: station.losses and station.client.session)
        await self.until(lambda: self.ledger(controller) == 1)
        self.assertEqual(await self.login(controller), 20)

    async def test_a_restarted_controller(self) -> None:
        """Is told of all sessions by the members that join it, a few at a time."""
        self.patch(member, "NEWS_LIMIT", 1)
        controller = await self.begun(1, 4)
        for _ in range(4):
            self.assertEqual(await self.login(controller), 0)
        port = controller.core.ports()[0]
        await controller.stopService()
        again = Server(reactor, DataDirectory(controller.directory.path), Setup((port,)), ADDRESS)
        self.servers.append(again)
        again.startService()
        await again.when_started()
        await self.until(lambda: self.ledger(again) == 4)
        self.assertEqual([station.losses for station in self.stations], [0] * 4)
        self.assertEqual(await self.login(again), 20)

    async def test_an_option_of_the_switch(self) -> None:
        """Limits users whose policy does not."""
        controller = await self.begun(1, 0)
        options = SwitchOptions("lab", {"max_multilogins_per_user": 1})
        await controller.core.system.transact([put(options)])
        self.assertEqual(await self.login(controller), 0)
        self.assertEqual(await self.login(controller), 20)
