"""What is done to a server itself while its sessions go on, in one reactor."""

from __future__ import annotations

import hashlib
import socket
import ssl
from base64 import b64decode, b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from iquila.database.directory import DataDirectory
from iquila.database.records import KeepAlive, ServerMode
from iquila.interfaces import Purpose
from iquila.service.keepalive import KeepAliveSender
from iquila.service.options import ControllerOptions, MemberOptions, ServerOptions
from iquila.service.server import Server, Setup
from iquila.session.certificate import Identity, certificate_pem, key_pem, make_identity
from iquila.session.verification import Pinned
from iquila.wire.passwords import administration_hash

from ..session.test_identity import certificate
from .test_embedding import ADDRESS, PASSWORD, EmbeddedTestCase

reactor: Any = _reactor
NEW = make_identity("new.example")
PAIR = {
    "Cert_bin": b64encode(certificate_pem(NEW)).decode(),
    "Key_bin": b64encode(key_pem(NEW)).decode(),
}


def shown(port: int) -> tuple[str, str]:
    """Return the fingerprint of the certificate on a port, and the cipher of TLS 1.2."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    with socket.create_connection((ADDRESS, port), 10) as plain:
        connection = SSL.Connection(context, plain)
        connection.set_connect_state()
        plain.settimeout(None)
        connection.do_handshake()
        certificate = connection.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        der = certificate.public_bytes(Encoding.DER)
        return hashlib.sha256(der).hexdigest(), str(connection.get_cipher_name())


class ServerTestCase(EmbeddedTestCase):
    """Servers that can be stopped and started again."""

    async def again(self, server: Server) -> Server:
        """Stop a server if it runs, and start another one on its data."""
        if server.running:
            await server.stopService()
        return await self.resume(server)

    async def resume(self, server: Server) -> Server:
        """Start another server on the data of a stopped one."""
        directory = DataDirectory(server.directory.path)
        other = Server(reactor, directory, Setup(), ADDRESS, server.host_name)
        self.servers.append(other)
        other.startService()
        await other.when_started()
        return other


class CertificateTests(ServerTestCase):
    """Another certificate."""

    async def test_live(self) -> None:
        """On all listeners for who comes, while a session goes on; and after a restart."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        one, other = self.station(server, "lab"), self.station(server, "lab")
        await self.flows(one, other)
        session = one.client.session
        first = server.core.ports()[0]
        second = _free_port()
        await self.call(server, "CreateListener", Port_u32=second, Enable_bool=True)
        old = server.core.identity.fingerprint
        answer = await self.call(server, "SetServerCert", **PAIR)
        self.assertEqual(answer["Key_bin"], "")
        for port in (first, second):
            self.assertEqual((await deferToThread(shown, port))[0], NEW.fingerprint)
        await self.flows(one, other)
        self.assertIs(one.client.session, session)
        self.assertEqual((one.losses, other.losses), (0, 0))
        late = self.station(server, "lab", verification=Pinned(NEW.fingerprint))
        await self.flows(late, one)
        early = self.station(server, "lab", verification=Pinned(old))
        await self.until(lambda: early.client.last_refusal is not None)
        told = await self.call(server, "GetServerCert")
        self.assertEqual(b64decode(told["Cert_bin"]), NEW.der)
        self.assertEqual(server.core.settings.fingerprint, NEW.fingerprint)
        # Without a controller nobody needs the old one.
        self.assertEqual(list(server.directory.path.glob("identity-*")), [])
        for station in (one, other, late, early):
            await station.client.stopService()
        server = await self.again(server)
        self.assertEqual((await deferToThread(shown, first))[0], NEW.fingerprint)

    async def test_what_was_told_can_be_set(self) -> None:
        """GetServerCert's answer is SetServerCert's question, on another server."""
        server, other = await self.server(), await self.server()
        told = await self.call(server, "GetServerCert")
        await self.call(other, "SetServerCert", **told)
        port = other.core.ports()[0]
        self.assertEqual((await deferToThread(shown, port))[0], server.core.identity.fingerprint)

    async def test_refused(self) -> None:
        """By numbers; the old one is still shown, and its key still works."""
        server = await self.server()
        before = server.core.identity
        other = b64encode(key_pem(make_identity("x"))).decode()
        for code, pair in (
            (4, {}),
            (4, {**PAIR, "Key_bin": other}),
            (38, {**PAIR, "Cert_bin": "AAAA"}),
            (38, {**PAIR, "Key_bin": "AAAA"}),
        ):
            self.assertEqual(await self.refused(server, "SetServerCert", **pair), code)
        self.assertEqual(await self.refused(server, "RegenerateServerCert", StrValue_str="é"), 38)
        self.assertIs(server.core.identity, before)
        port = server.core.ports()[0]
        self.assertEqual((await deferToThread(shown, port))[0], before.fingerprint)

    async def test_regenerated(self) -> None:
        """A new one for a name."""
        server = await self.server()
        before = server.core.identity
        await self.call(server, "RegenerateServerCert", StrValue_str="vpn.example")
        subject = server.core.identity.certificate.subject.rfc4514_string()
        self.assertEqual(subject, "CN=vpn.example")
        self.assertNotEqual(server.core.identity.key.public_key(), before.key.public_key())

    async def test_two_at_once(self) -> None:
        """Files and contexts are of one identity afterwards."""
        server = await self.server()
        calls = [self.call(server, "RegenerateServerCert") for _ in range(3)]
        await gatherResults([Deferred.fromCoroutine(call) for call in calls])
        fingerprint, _cipher = await deferToThread(shown, server.core.ports()[0])
        server = await self.again(server)
        self.assertEqual(server.core.identity.fingerprint, fingerprint)


class MemberCertificateTests(ServerTestCase):
    """A member's certificate, which its controller has pinned."""

    async def joined(self, controller: Server, count: int = 2) -> None:
        """Wait for the members."""

        async def check() -> bool:
            listed = await self.call(controller, "EnumFarmMember")
            return len(listed["FarmMemberList"]) == count

        await self.until(check)

    async def told(self, controller: Server) -> bytes:
        """Return the certificate of the member as the controller has it."""
        listed = await self.call(controller, "EnumFarmMember")
        id = next(m["Id_u32"] for m in listed["FarmMemberList"] if not m["Controller_bool"])
        info = await self.call(controller, "GetFarmInfo", Id_u32=id)
        return b64decode(info["ServerCert_bin"])

    async def test_while_it_is_joined(self) -> None:
        """Its session goes on, the next client is redirected to the new certificate."""
        controller = await self.cluster(1)
        member = self.servers[1]
        await self.switch(controller, "lab", 2)
        one, other = self.station(controller, "lab"), self.station(controller, "lab")
        await self.flows(one, other)
        session, since = one.client.session, member.core.started
        status = await self.call(member, "GetFarmConnectionStatus")
        await self.call(member, "SetServerCert", **PAIR)
        self.assertEqual(await self.told(controller), NEW.der)
        late = self.station(controller, "lab")
        await self.flows(late, one)
        self.assertIs(one.client.session, session)
        self.assertEqual((one.losses, other.losses, late.losses), (0, 0, 0))
        after = await self.call(member, "GetFarmConnectionStatus")
        self.assertEqual(after["NumTry_u32"], status["NumTry_u32"])
        self.assertEqual(member.core.started, since)
        self.assertEqual(list(member.directory.path.glob("identity-*")), [])
        for station in (one, other, late):
            await station.client.stopService()
        await self.again(member)
        await self.joined(controller)
        self.assertEqual(await self.told(controller), NEW.der)

    async def test_while_the_controller_is_away(self) -> None:
        """It joins with the new one by the proof of the old key, and again without it."""
        controller = await self.cluster(1)
        member = self.servers[1]
        await controller.stopService()
        await self.call(member, "SetServerCert", **PAIR)
        self.assertEqual(
            [p.name for p in member.directory.path.glob("identity-*")], ["identity-previous.pem"]
        )
        controller = await self.resume(controller)
        await self.joined(controller)
        self.assertEqual(await self.told(controller), NEW.der)
        await self.until(lambda: not list(member.directory.path.glob("identity-*")))
        await self.again(member)
        await self.joined(controller)

    async def test_replaced_by_hand(self) -> None:
        """Nothing proves who it is: refused, until the controller forgets the old one."""
        controller = await self.cluster(1)
        member = self.servers[1]
        self.assertEqual(
            await self.refused(controller, "ForgetFarmMember", Hostname_str="host1"), 38
        )
        await member.stopService()
        member.directory.certificate.write_bytes(certificate_pem(NEW))
        member.directory.key.write_bytes(key_pem(NEW))
        member = await self.resume(member)

        async def refused() -> bool:
            status = await self.call(member, "GetFarmConnectionStatus")
            return bool(status["LastError_u32"] == 12)

        await self.until(refused)
        for unknown in ({}, {"Hostname_str": "nobody"}, {"Id_u32": 7}):
            self.assertEqual(await self.refused(controller, "ForgetFarmMember", **unknown), 29)
        await self.call(controller, "ForgetFarmMember", Hostname_str="HOST1")
        await self.joined(controller)
        self.assertEqual(await self.told(controller), NEW.der)

    async def test_limits_and_listeners(self) -> None:
        """The controller learns of these, too, on the connection that there is."""
        controller = await self.cluster(1)
        member = self.servers[1]
        await self.call(member, "SetServerLimits", MaxSessions_u32=7)
        port = _free_port()
        await self.call(member, "CreateListener", Port_u32=port, Enable_bool=True)
        listed = await self.call(controller, "EnumFarmMember")
        id = next(m["Id_u32"] for m in listed["FarmMemberList"] if not m["Controller_bool"])
        info = await self.call(controller, "GetFarmInfo", Id_u32=id)
        self.assertIn(port, info["Ports_u32"])
        role: Any = controller.role
        limits = {m.description.max_sessions for m in role.roster.members()}
        self.assertEqual(limits, {4096, 7})


class CipherTests(ServerTestCase):
    """The cipher suites of TLS 1.2."""

    async def test_chosen(self) -> None:
        """For who connects from now on; durable; sessions go on, TLS 1.3 is as it was."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        one, other = self.station(server, "lab"), self.station(server, "lab")
        await self.flows(one, other)
        port = server.core.ports()[0]
        before = await self.call(server, "GetServerCipher")
        self.assertEqual(before["String_str"], "~DEFAULT~")
        names = (await self.call(server, "GetServerCipherList"))["String_str"].split(";")
        chosen = "ECDHE-ECDSA-AES256-SHA384"
        self.assertIn(chosen, names)
        await self.call(server, "SetServerCipher", String_str=chosen.lower())
        self.assertEqual((await deferToThread(shown, port))[1], chosen)
        await self.flows(one, other)
        self.assertEqual(one.losses, 0)
        late = self.station(server, "lab")
        await self.flows(late, one)
        for text in ("RC4-MD5", "", "AES128-SHA"):
            self.assertEqual(await self.refused(server, "SetServerCipher", String_str=text), 56)
        for station in (one, other, late):
            await station.client.stopService()
        server = await self.again(server)
        self.assertEqual((await deferToThread(shown, port))[1], chosen)
        after = await self.call(server, "GetServerCipher")
        self.assertEqual(after["String_str"], chosen)
        await self.call(server, "SetServerCipher", String_str="~DEFAULT~")
        self.assertNotEqual((await deferToThread(shown, port))[1], chosen)

    async def test_a_certificate_that_does_not_fit(self) -> None:
        """Is refused where no suite that was chosen could be used with it."""
        server = await self.server()
        await self.call(server, "SetServerCipher", String_str="ECDHE-ECDSA-AES128-SHA")
        pair = await deferToThread(_rsa_pair)
        self.assertEqual(await self.refused(server, "SetServerCert", **pair), 38)
        await self.call(server, "SetServerCipher", String_str="~DEFAULT~")
        await self.call(server, "SetServerCert", **pair)
        cipher = (await deferToThread(shown, server.core.ports()[0]))[1]
        self.assertIn("RSA", cipher)


class ConnectionTests(ServerTestCase):
    """TCP connections that carry no session."""

    async def listed(self, server: Server) -> list[dict[str, Any]]:
        """Return the list."""
        found: list[dict[str, Any]] = (await self.call(server, "EnumConnection"))["ConnectionList"]
        return found

    async def test_listed_and_cut(self) -> None:
        """A silent one and the administrator's own are listed, sessions are not."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        station = self.station(server, "lab")
        await self.until(lambda: station.client.session)
        silent = socket.create_connection((ADDRESS, server.core.ports()[0]))
        self.addCleanup(silent.close)
        silent.setblocking(False)
        port = silent.getsockname()[1]

        async def three() -> bool:
            return any(c["Port_u32"] == port for c in await self.listed(server))

        await self.until(three)
        found = await self.listed(server)
        kinds = {c["Port_u32"]: c["Type_u32"] for c in found}
        self.assertEqual(kinds[port], Purpose.BEGINNING)
        self.assertIn(Purpose.ADMINISTRATION, kinds.values())
        # Connections of earlier calls may not be gone yet; the session's is not among them.
        self.assertLessEqual(set(kinds.values()), {Purpose.BEGINNING, Purpose.ADMINISTRATION})
        item = next(c for c in found if c["Port_u32"] == port)
        self.assertEqual(item["Ip_ip"], ADDRESS)
        sessions = await self.call(server, "EnumSession", HubName_str="lab")
        status = await self.call(
            server,
            "GetSessionStatus",
            HubName_str="lab",
            Name_str=sessions["SessionList"][0]["Name_str"],
        )
        self.assertRegex(status["ConnectionName_str"], r"\ACID-\d+\Z")
        self.assertNotEqual(status["ConnectionName_str"], item["Name_str"])
        info = await self.call(server, "GetConnectionInfo", Name_str=item["Name_str"].lower())
        self.assertEqual((info["Port_u32"], info["Hostname_str"]), (port, ADDRESS))
        await self.call(server, "DisconnectConnection", Name_str=item["Name_str"])
        await self.until(lambda: _closed(silent))
        for name in (item["Name_str"], status["ConnectionName_str"], "", "CID-0"):
            for method in ("GetConnectionInfo", "DisconnectConnection"):
                self.assertEqual(await self.refused(server, method, Name_str=name), 29)
        self.assertEqual(station.losses, 0)

    async def test_cluster_connections(self) -> None:
        """They are listed as such at the controller."""
        controller = await self.cluster(1)
        kinds = [c["Type_u32"] for c in await self.listed(controller)]
        self.assertEqual(kinds.count(Purpose.CLUSTER), 1)


class LifeTests(ServerTestCase):
    """Limits, restarts, changes of mode, counters."""

    async def test_limits(self) -> None:
        """One session more than allowed is refused; those there are stay."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        one, other = self.station(server, "lab"), self.station(server, "lab")
        await self.flows(one, other)
        await self.call(server, "SetServerLimits", MaxSessions_u32=1)
        caps = (await self.call(server, "GetCaps"))["CapsList"]
        values = {c["CapsName_str"]: c["CapsValue_u32"] for c in caps}
        self.assertEqual(values["i_max_sessions"], 1)
        late = self.station(server, "lab")
        await self.until(lambda: late.client.last_refusal is not None)
        self.assertEqual(late.client.last_refusal.code, 16)  # type: ignore[union-attr]
        await self.flows(one, other)
        for number in (0, 100_001):
            self.assertEqual(
                await self.refused(server, "SetServerLimits", MaxSessions_u32=number), 38
            )
        self.assertEqual((await self.call(server, "GetServerLimits"))["MaxSessions_u32"], 1)

    async def test_restart(self) -> None:
        """It is answered; then sessions end, and the client opens another one by itself."""
        server = await self.server()
        await self.switch(server, "lab", 0)
        station = self.station(server, "lab")
        await self.until(lambda: station.client.session)
        session, role = station.client.session, server.role
        await self.call(server, "RebootServer")
        self.assertIs(server.role, role)
        await self.until(lambda: server.role not in (role, None))
        await self.until(lambda: station.client.session not in (session, None))
        self.assertGreaterEqual(station.losses, 1)

    async def test_mode_over_an_administrators_connection(self) -> None:
        """The change is answered on the connection that asked for it, which lives on."""
        server = await self.server()

        def talk() -> list[bytes]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            answers = []
            address = (ADDRESS, server.core.ports()[0])
            with context.wrap_socket(socket.create_connection(address, 10)) as stream:
                for method, parameters in (
                    ("SetFarmSetting", b'{"ServerType_u32":1}'),
                    ("EnumFarmMember", b"{}"),
                    ("SetFarmSetting", b'{"ServerType_u32":0}'),
                ):
                    body = b'{"jsonrpc":"2.0","id":"1","method":"%s","params":%s}' % (
                        method.encode(),
                        parameters,
                    )
                    stream.sendall(
                        b"POST /api/ HTTP/1.1\r\nHost: x\r\nX-VPNADMIN-PASSWORD: %s\r\n"
                        b"Content-Length: %d\r\n\r\n%s" % (PASSWORD.encode(), len(body), body)
                    )
                    answers.append(stream.recv(65_536))
            return answers

        changed, listed, back = await deferToThread(talk)
        self.assertIn(b'"ServerType_u32": 1', changed)
        self.assertIn(b'"Controller_bool": true', listed)
        self.assertIn(b'"ServerType_u32": 0', back)
        self.assertIs(server.core.settings.mode, ServerMode.STANDALONE)

    async def test_traffic_of_the_cluster(self) -> None:
        """The controller counts what members carried, also of switches that stopped."""
        controller = await self.cluster(1)
        await self.switch(controller, "lab", 2)
        one, other = self.station(controller, "lab"), self.station(controller, "lab")
        await self.flows(one, other)

        async def counted() -> bool:
            status = await self.call(controller, "GetServerStatus")
            return bool(status["Recv.UnicastCount_u64"] >= 10)

        await self.until(counted)
        await self.call(controller, "DeleteHub", HubName_str="lab")
        await self.until(lambda: one.losses)
        await deferLater(reactor, 1.2)
        self.assertTrue(await counted())

    async def test_the_password_is_told_nowhere(self) -> None:
        """Neither in the answer nor in the log."""
        server = await self.server()
        with capturedLogs() as logs:
            answer = await self.call(
                server, "SetServerPassword", PlainTextPassword_str="new-secret-password"
            )
        self.assertEqual(answer, {"HashedPassword_bin": "", "PlainTextPassword_str": ""})
        self.assertNotIn("new-secret-password", repr(logs))
        self.assertEqual(
            server.core.settings.password_hash, administration_hash("new-secret-password")
        )


class OptionTests(SynchronousTestCase):
    """What the plugins take."""

    def test_max_sessions(self) -> None:
        """A number that a server can be told, nothing else."""
        for options in (ServerOptions(), ControllerOptions(), MemberOptions()):
            options.parseOptions(["--max-sessions", "10000"])
            self.assertEqual(options["max-sessions"], 10_000)
            for bad in ("0", "100001", "many"):
                self.assertRaises(UsageError, type(options)().parseOptions, ["--max-sessions", bad])


class KeepTests(ServerTestCase):
    """The keep-alive to a host on the Internet; here to this one."""

    async def test_udp(self) -> None:
        """Datagrams come while it is on."""
        received: list[bytes] = []

        class Receiver(DatagramProtocol):
            def datagramReceived(self, datagram: bytes, addr: Any) -> None:
                received.append(datagram)

        port = reactor.listenUDP(0, Receiver(), interface=ADDRESS)
        self.addCleanup(port.stopListening)
        server = await self.server()
        self.assertFalse((await self.call(server, "GetKeep"))["UseKeepConnect_bool"])
        await self.set(server, port.getHost().port, 1)
        await self.until(lambda: received)
        answer = await self.call(server, "SetKeep", UseKeepConnect_bool=False)
        self.assertEqual(
            (answer["UseKeepConnect_bool"], answer["KeepConnectHost_str"]), (False, ADDRESS)
        )

    async def test_tcp_after_a_restart(self) -> None:
        """The setting is durable."""
        made: list[Any] = []

        class Acceptor(Protocol):
            def connectionMade(self) -> None:
                made.append(self)

        port = reactor.listenTCP(0, Factory.forProtocol(Acceptor), interface=ADDRESS)
        self.addCleanup(port.stopListening)
        server = await self.server()
        await self.set(server, port.getHost().port, 0)
        await self.until(lambda: made)
        await self.again(server)
        await self.until(lambda: len(made) >= 2)

    async def test_nobody_there(self) -> None:
        """It is logged once, however often it is tried; what was begun ends with the sender."""
        sender = KeepAliveSender(reactor)
        with capturedLogs() as logs:
            sender.apply(KeepAlive(True, ADDRESS, _free_port(), True, 5))
            await self.until(lambda: len(logs) >= 1)
            for _ in range(2):
                sender._send()
                await deferLater(reactor, 0.1)
            sender.apply(KeepAlive(True, ADDRESS, _free_port(), True, 5))
            sender.stop()
        self.assertEqual([log["log_format"][:14] for log in logs], ["The keep-alive"])

    async def set(self, server: Server, port: int, protocol: int) -> None:
        """Turn it on."""
        await self.call(
            server,
            "SetKeep",
            UseKeepConnect_bool=True,
            KeepConnectHost_str=ADDRESS,
            KeepConnectPort_u32=port,
            KeepConnectProtocol_u32=protocol,
            KeepConnectInterval_u32=5,
        )


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind((ADDRESS, 0))
        number: int = trial.getsockname()[1]
        return number


def _closed(skt: socket.socket) -> bool:
    try:
        return not skt.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _rsa_pair() -> dict[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    identity = Identity(certificate(key), key)
    return {
        "Cert_bin": b64encode(identity.der).decode(),
        "Key_bin": b64encode(key_pem(identity)).decode(),
    }
