"""The whole product inside one reactor, as an embedder has it; and the example of the manual."""

from __future__ import annotations

import runpy
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from attrs import evolve
from OpenSSL import SSL
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from iquila.command.connection import Connection
from iquila.database.actor import Actor, acting, actor
from iquila.database.directory import DataDirectory
from iquila.database.records import ServerMode
from iquila.errors import VENError
from iquila.interfaces import IFrameReceiver
from iquila.service.role import Standalone
from iquila.service.server import Server, Setup
from iquila.session import port as ports
from iquila.session.account import Account
from iquila.session.client import VENClient
from iquila.session.login import Server as Place
from iquila.session.login import client_login, open_dialogue
from iquila.session.verification import Pinned, Unverified
from iquila.testing.host import Host
from iquila.wire.hello import Hello
from iquila.wire.http import PROBE_TOKEN, AnswerParser, signature_request
from iquila.wire.pack import Pack
from iquila.wire.passwords import administration_hash
from iquila.wire.redirect import Redirect

ADDRESS = "127.0.0.1"
reactor: Any = _reactor
PASSWORD = "administration"


@implementer(IFrameReceiver)
class Station:
    """A client with a user-space host behind it."""

    def __init__(self, account: Account, number: int) -> None:
        self.host = Host(bytes((2, 0, 0, 0, 0, number)), IPv4Address(f"10.9.0.{number}"))
        self.client = VENClient(reactor, account, self)
        self.losses = 0

    def established(self, welcome: object) -> None:
        self.client.send([self.host.announce()])

    def frames_received(self, frames: list[bytes]) -> None:
        self.client.send(self.host.receive(frames, reactor.seconds()))

    def lost(self, reason: BaseException) -> None:
        self.losses += 1

    def ping(self, other: Station) -> None:
        now = reactor.seconds()
        self.client.send([self.host.ping(other.host.address, now, 1000)])


class EmbeddedTestCase(TestCase):
    """Servers and clients in the reactor of the tests."""

    timeout = 60.0

    def setUp(self) -> None:
        """Nothing runs yet."""
        self.servers: list[Server] = []
        self.stations: list[Station] = []

    async def tearDown(self) -> None:  # type: ignore[override]
        """Stop everything that was started."""
        for station in self.stations:
            if station.client.running:
                await station.client.stopService()
        for server in reversed(self.servers):
            if server.running:
                await server.stopService()

    async def server(self, **settings: Any) -> Server:
        """Return a running server on a port of its own."""
        directory = DataDirectory(Path(self.mktemp()))
        probe = reactor.listenTCP(0, _factory(), interface=ADDRESS)
        port = probe.getHost().port
        await probe.stopListening()
        setup = Setup((port,), PASSWORD, tuple(settings.items()))
        server = Server(reactor, directory, setup, ADDRESS, f"host{len(self.servers)}")
        self.servers.append(server)
        server.startService()
        await server.when_started()
        return server

    async def cluster(self, members: int = 2, weights: tuple[int, ...] = ()) -> Server:
        """Return the controller of a cluster that carries no sessions itself."""
        controller = await self.server(mode=ServerMode.CONTROLLER, controller_only=True)
        for number in range(members):
            await self.server(
                weight=weights[number] if weights else 100,
                mode=ServerMode.MEMBER,
                controller_host=ADDRESS,
                controller_port=controller.core.ports()[0],
                member_password_hash=administration_hash(PASSWORD),
            )

        async def joined() -> bool:
            listed = await self.call(controller, "EnumFarmMember")
            return len(listed["FarmMemberList"]) == members + 1

        await self.until(joined)
        return controller

    async def call(self, server: Server, method: str, **parameters: Any) -> dict[str, Any]:
        """Run an administrative operation, over HTTPS."""
        connection = Connection(ADDRESS, server.core.ports()[0], PASSWORD, None)
        answer: dict[str, Any] = await deferToThread(connection.call, method, parameters)
        return answer

    async def refused(self, server: Server, method: str, **parameters: Any) -> int:
        """Return the number of the refusal."""
        try:
            await self.call(server, method, **parameters)
        except VENError as error:
            return int(error.code)
        raise self.failureException(f"{method} was not refused")

    async def switch(self, server: Server, name: str, kind: int) -> None:
        """Create a switch with a user."""
        await self.call(
            server,
            "CreateHub",
            HubName_str=name,
            HubType_u32=kind,
            Online_bool=True,
            AdminPasswordPlainText_str="switch",
        )
        await self.call(
            server,
            "CreateUser",
            HubName_str=name,
            Name_str="alice",
            AuthType_u32=1,
            Auth_Password_str="secret",
        )

    def station(self, server: Server, switch: str, **changes: Any) -> Station:
        """Return a client that looks for its session."""
        settings: dict[str, Any] = {
            "user": "alice",
            "password": "secret",
            "verification": Pinned(server.core.identity.fingerprint),
            "port": server.core.ports()[0],
            **changes,
        }
        station = Station(Account(ADDRESS, switch, **settings), len(self.stations) + 1)
        self.stations.append(station)
        station.client.startService()
        return station

    async def until(self, check: Callable[[], Any], seconds: float = 15.0) -> None:
        """Wait until something holds."""
        end = reactor.seconds() + seconds
        while True:
            result = check()
            if hasattr(result, "__await__"):
                result = await result
            if result:
                return
            if reactor.seconds() > end:
                raise self.failureException("it did not happen in time")
            await deferLater(reactor, 0.02)

    async def flows(self, one: Station, other: Station, count: int = 5) -> None:
        """Wait until echo requests are answered."""
        wanted = len(one.host.replies) + count

        def answered() -> bool:
            one.ping(other)
            return len(one.host.replies) >= wanted

        await self.until(answered)
        self.assertEqual(one.host.corrupted, 0)


def _factory() -> Any:
    from twisted.internet.protocol import Factory

    return Factory()


class StandaloneTests(EmbeddedTestCase):
    """One server."""

    async def test_frames_flow(self) -> None:
        """Between clients with one connection and with several."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        one, other = self.station(server, "lab"), self.station(server, "lab", max_connections=4)
        await self.flows(one, other)
        session = other.client.session
        assert session is not None
        await self.until(lambda: len(session.connections) == 4)
        await self.flows(one, other)
        listed = await self.call(server, "EnumSession", HubName_str="lab")
        connections = sorted(s["CurrentNumTcp_u32"] for s in listed["SessionList"])
        self.assertEqual(connections, [1, 4])
        macs = await self.call(server, "EnumMacTable", HubName_str="lab")
        self.assertEqual(len(macs["MacTable"]), 2)

    async def test_a_lost_connection_is_replaced(self) -> None:
        """The session goes on with its key, and nobody logs in again."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        one, other = self.station(server, "lab"), self.station(server, "lab")
        await self.flows(one, other)
        session = one.client.session
        assert session is not None
        session.connections[0].abort()
        await self.flows(one, other)
        self.assertIs(one.client.session, session)
        self.assertEqual((session.connections_made, one.losses), (2, 0))

    async def test_refusals_reach_the_client(self) -> None:
        """By their numbers: unknown switch, wrong password, full, offline, wrong certificate."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        cases: list[tuple[int, dict[str, Any]]] = [
            (8, {"switch": "nowhere"}),
            (9, {"password": "wrong"}),
            (85, {"verification": Pinned("0" * 64)}),
        ]
        for code, changes in cases:
            await self.refusal(server, code, **changes)
        hub = await self.call(server, "GetHub", HubName_str="lab")
        await self.call(server, "SetHub", **{**hub, "MaxSession_u32": 1})
        first = self.station(server, "lab")
        await self.until(lambda: first.client.session)
        await self.refusal(server, 16)
        await self.call(server, "SetHubOnline", HubName_str="lab", Online_bool=False)
        await self.until(lambda: first.losses)
        await self.refusal(server, 10)

    async def refusal(self, server: Server, code: int, **changes: Any) -> None:
        """Assert that a login is refused."""
        station = self.station(server, changes.pop("switch", "lab"), **changes)
        await self.until(lambda: station.client.last_refusal is not None)
        error = station.client.last_refusal
        assert isinstance(error, VENError)
        self.assertEqual(error.code, code)
        await station.client.stopService()

    async def test_stopping_during_a_login_is_quiet(self) -> None:
        """A client that is stopped while it logs in leaves nothing behind, and logs no failure."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        for delay in (0.0, 0.002, 0.005, 0.01, 0.02):
            station = self.station(server, "lab")
            await deferLater(reactor, delay)
            await station.client.stopService()
        await self.until(lambda: not len(server.core.sessions), 25.0)

    async def test_nonsense_closes_that_connection_alone(self) -> None:
        """Malformed requests do not disturb a session."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        one, other = self.station(server, "lab"), self.station(server, "lab")
        await self.flows(one, other)
        answers = await deferToThread(_nonsense, server.core.ports()[0])
        self.assertEqual(answers, [403, 403, 400, 404])
        await self.flows(one, other)
        self.assertEqual((one.losses, other.losses), (0, 0))

    async def test_a_foreign_site_runs_beside(self) -> None:
        """The example in the manual: servers, a client and a web site in one reactor."""
        example = Path(__file__).resolve().parents[2] / "doc" / "embedding_example.py"
        main = runpy.run_path(str(example))["main"]
        lines: list[str] = []
        await Deferred.fromCoroutine(main(reactor, Path(self.mktemp()), lines.append))
        self.assertIn("ping", lines[-1])

    async def test_more_connections_resume_the_first(self) -> None:
        """A session's other connections cost no full TLS handshake, nor does the next login."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        station = self.station(server, "lab", max_connections=3)

        def resumed() -> list[bool]:
            session = station.client.session
            connections: list[Any] = [] if session is None else session.connections
            library: Any = SSL
            return [
                bool(library._lib.SSL_session_reused(c.transport.tls._ssl)) for c in connections
            ]

        await self.until(lambda: len(resumed()) == 3)
        self.assertEqual(resumed(), [False, True, True])
        await station.client.stopService()
        again = self.station(server, "lab", max_connections=1)
        await self.until(lambda: again.client.session)
        station = again
        self.assertEqual(resumed(), [True])

    async def test_time_before_the_data_phase(self) -> None:
        """Who is not at rest in time is cut off; sessions and browsers are."""
        self.patch(ports, "LOGIN_SECONDS", 1.0)
        server = await self.server()
        await self.switch(server, "lab", 0)
        port = server.core.ports()[0]
        station = self.station(server, "lab")
        await self.until(lambda: station.client.session)
        page = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

        def talk(*requests: bytes, tls: bool = True) -> bool:
            """Return whether the connection was cut."""
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with socket.create_connection((ADDRESS, port), 10) as plain:
                stream = context.wrap_socket(plain) if tls else plain
                stream.settimeout(2.0)
                try:
                    for request in requests:
                        stream.sendall(request)
                        stream.recv(65_536)
                    return not stream.recv(1)
                except TimeoutError:
                    return False
                except OSError:
                    return True
                finally:
                    stream.close()

        results = await gatherResults(
            [
                deferToThread(talk, tls=False),
                deferToThread(talk),
                deferToThread(talk, signature_request("x")),
                deferToThread(talk, page, signature_request("x")),
                deferToThread(talk, page),
            ]
        )
        self.assertEqual(results, [True, True, True, True, False])
        self.assertEqual(station.losses, 0)

    async def test_probes_and_the_handshake_share_a_connection(self) -> None:
        """HTTP, the handshake, and HTTP again, whoever serves which."""
        server = await self.server()
        port = server.core.ports()[0]
        page = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

        def talk() -> list[tuple[int, bytes]]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            found = []
            with (
                socket.create_connection((ADDRESS, port), 10) as plain,
                context.wrap_socket(plain) as tls,
            ):
                for request in (page, signature_request("x"), page, signature_request("x")):
                    tls.sendall(request)
                    parser = AnswerParser(100_000)
                    while parser.answer is None:
                        parser.feed(tls.recv(65_536))
                    found.append((parser.answer.status, parser.answer.body))
            return found

        answers = await deferToThread(talk)
        self.assertEqual([status for status, _ in answers], [200, 200, 200, 200])
        for position in (0, 2):
            self.assertIn(PROBE_TOKEN.encode(), answers[position][1])
        for position in (1, 3):
            self.assertEqual(len(Hello.from_pack(Pack.decode(answers[position][1])).random), 20)


def _nonsense(port: int) -> list[int]:
    """Return the HTTP status of requests that no client sends."""
    import http.client

    context = ssl._create_unverified_context()
    found = []
    for method, path, body in (
        ("POST", "/vpnsvc/vpn.cgi", b"\xff" * 100),
        ("POST", "/vpnsvc/connect.cgi", b"nonsense"),
        ("\x00", "/", b""),
        ("GET", "/no-such-page", b""),
    ):
        connection = http.client.HTTPSConnection(ADDRESS, port, timeout=10, context=context)
        connection._validate_method = lambda _m: None  # type: ignore[attr-defined]
        connection.request(method, path, body)
        found.append(connection.getresponse().status)
        connection.close()
    return found


class ClusterTests(EmbeddedTestCase):
    """A controller and members."""

    async def test_take_over(self) -> None:
        """The clients of a member that stops are on the other one, with all switches."""
        controller = await self.cluster()
        await self.switch(controller, "lab", 2)
        one, other = self.station(controller, "lab"), self.station(controller, "lab")
        await self.flows(one, other)
        session = one.client.session
        assert session is not None
        before = session.server.port
        member = next(s for s in self.servers if before in s.core.ports())
        await member.stopService()
        await self.flows(one, other)
        assert one.client.session is not None
        self.assertNotEqual(one.client.session.server.port, before)

    async def test_rules_of_the_cluster(self) -> None:
        """What is refused where, by the numbers of reference §7.8."""
        controller = await self.cluster(1)
        member = self.servers[1]
        await self.switch(controller, "lab", 2)
        await self.switch(controller, "office", 1)
        refused = self.refused
        self.assertEqual(await refused(member, "CreateHub", HubName_str="x", HubType_u32=1), 46)
        self.assertEqual(
            await refused(member, "CreateUser", HubName_str="office", Name_str="x"), 33
        )
        self.assertEqual(await refused(member, "EnumFarmMember"), 46)
        self.assertEqual(await refused(controller, "GetFarmConnectionStatus"), 55)
        self.assertEqual(await refused(controller, "GetFarmInfo", Id_u32=5), 29)
        self.assertEqual(await refused(controller, "SetHub", HubName_str="lab", HubType_u32=1), 33)
        self.assertEqual(await refused(controller, "CreateHub", HubName_str="x"), 38)
        self.assertEqual(
            await refused(controller, "CreateHub", HubName_str="lab", HubType_u32=2), 57
        )
        status = await self.call(member, "GetFarmConnectionStatus")
        self.assertTrue(status["Online_bool"])

    async def test_logins_at_a_member(self) -> None:
        """Only as administrator with the switch password, and only on a static switch."""
        controller = await self.cluster(1)
        member = self.servers[1]
        await self.switch(controller, "lab", 2)
        await self.switch(controller, "office", 1)
        await self.until(lambda: member.role and len(member.role.instances) == 1)

        async def code(switch: str, user: str, password: str) -> int:
            station = self.station(
                member, switch, user=user, password=password, verification=Unverified()
            )
            await self.until(lambda: station.client.session or station.client.last_refusal)
            error = station.client.last_refusal
            await station.client.stopService()
            return error.code if isinstance(error, VENError) else 0

        self.assertEqual(await code("office", "alice", "secret"), 12)
        self.assertEqual(await code("lab", "administrator", "switch"), 12)
        self.assertEqual(await code("office", "administrator", "wrong"), 9)
        self.assertEqual(await code("office", "administrator", "switch"), 0)

    async def test_sessions_are_listed_and_ended_from_the_controller(self) -> None:
        """Wherever they are, with the host name of their server."""
        controller = await self.cluster()
        await self.switch(controller, "lab", 2)
        station = self.station(controller, "lab")
        await self.until(lambda: station.client.session)

        async def one() -> list[dict[str, Any]]:
            listed = await self.call(controller, "EnumSession", HubName_str="lab")
            found: list[dict[str, Any]] = listed["SessionList"]
            return found

        await self.until(one)
        (session,) = await one()
        self.assertIn(session["RemoteHostname_str"], ("host1", "host2"))
        name = session["Name_str"]
        shown = await self.call(controller, "GetSessionStatus", HubName_str="lab", Name_str=name)
        self.assertEqual(shown["Username_str"], "alice")
        await self.call(controller, "DeleteSession", HubName_str="lab", Name_str=name)
        await self.until(lambda: station.losses == 1)

    async def test_mode_changes_at_run_time(self) -> None:
        """Standalone to controller: switches become dynamic, sessions end, a backup is kept."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        station = self.station(server, "lab")
        await self.until(lambda: station.client.session)
        await self.call(server, "SetFarmSetting", ServerType_u32=1, Weight_u32=50)
        setting = await self.call(server, "GetFarmSetting")
        self.assertEqual((setting["ServerType_u32"], setting["Weight_u32"]), (1, 50))
        await self.until(lambda: station.losses and station.client.session)
        hub = await self.call(server, "GetHub", HubName_str="lab")
        self.assertEqual(hub["HubType_u32"], 2)
        backups = list((server.directory.path / "backups").iterdir())
        self.assertEqual([path.name.endswith("before-controller") for path in backups], [True])

    async def test_a_role_acts_for_itself(self) -> None:
        """What it does later is not put down to whoever changed the mode."""
        server = await self.server()
        seen: list[Actor | None] = []
        start = Standalone.start

        async def watched(role: Standalone) -> None:
            seen.append(actor())
            await start(role)

        self.patch(Standalone, "start", watched)
        with acting(Actor("administrator")):
            await server.reconfigure(evolve(server.core.settings, weight=7))
        self.assertEqual(seen, [None])

    async def test_static_logins_spread(self) -> None:
        """By points: the members carry as many each."""
        controller = await self.cluster()
        await self.switch(controller, "office", 1)
        stations = [self.station(controller, "office") for _ in range(10)]
        await self.until(lambda: all(s.client.session for s in stations))
        places = [s.client.session.server.port for s in stations if s.client.session]
        self.assertEqual(sorted(places.count(p) for p in set(places)), [5, 5])

    async def test_a_burst_spreads_by_weight(self) -> None:
        """1000 logins on weights 100, 200 and 100: 250, 500 and 250 redirects, within 3 %."""
        controller = await self.cluster(3, (100, 200, 100))
        await self.switch(controller, "office", 1)
        ready = self.servers[1:]
        await self.until(lambda: all(s.role and len(s.role.instances) == 1 for s in ready))
        port = controller.core.ports()[0]
        account = Account(ADDRESS, "office", "alice", Unverified(), port=port, password="secret")
        places: list[int] = []

        async def logins(count: int) -> None:
            for _ in range(count):
                dialogue = await open_dialogue(reactor, Place(ADDRESS, port, Unverified()))
                hello = await dialogue.hello()
                login = client_login(account, account.proof(hello.random), b"u" * 20)
                redirect = Redirect.from_pack(await dialogue.ask(login.to_pack()))
                places.append(redirect.ports[0])
                dialogue.close()

        await gatherResults([Deferred.fromCoroutine(logins(50)) for _ in range(20)])
        counts = [places.count(server.core.ports()[0]) for server in self.servers[1:]]
        for count, share in zip(counts, (250, 500, 250), strict=True):
            self.assertTrue(abs(count - share) <= share * 0.03, counts)

    async def test_without_its_controller_a_member_carries_on(self) -> None:
        """Frames flow while it is away; when it is back the session is still the same."""
        controller = await self.cluster(1)
        await self.switch(controller, "lab", 2)
        one, other = self.station(controller, "lab"), self.station(controller, "lab")
        await self.flows(one, other)
        session = one.client.session
        port = controller.core.ports()[0]
        await controller.stopService()
        await self.flows(one, other)
        again = Server(reactor, DataDirectory(controller.directory.path), Setup((port,)), ADDRESS)
        self.servers.append(again)
        again.startService()
        await again.when_started()

        async def listed() -> bool:
            sessions = await self.call(again, "EnumSession", HubName_str="lab")
            return len(sessions["SessionList"]) == 2

        await self.until(listed)
        await self.flows(one, other)
        self.assertIs(one.client.session, session)
        self.assertEqual((one.losses, other.losses), (0, 0))

    async def test_everything_stops_in_time(self) -> None:
        """Within five seconds, with sessions open."""
        controller = await self.cluster()
        await self.switch(controller, "lab", 2)
        station = self.station(controller, "lab")
        await self.until(lambda: station.client.session)
        begin = reactor.seconds()
        await DeferredList([server.stopService() for server in self.servers])
        self.assertLess(reactor.seconds() - begin, 5.0)
