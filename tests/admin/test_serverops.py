"""Operations on a server itself: what they refuse, and what they never tell."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin import configuration, foreign
from iquila.admin.facts import operating_system
from iquila.admin.jsonform import to_json
from iquila.admin.managed import ConnectionRow, ServerRow
from iquila.admin.operation import Caller, Effect
from iquila.admin.table import OPERATIONS
from iquila.cluster.roster import InstanceLoad, LoadReport, MemberDescription
from iquila.database.belongings import Group
from iquila.database.records import KeepAlive, ServerMode
from iquila.database.store import put
from iquila.errors import (
    CipherUnsupported,
    InvalidParameter,
    ListenerExists,
    ListenerNotFound,
    NotEnoughRights,
    NotSupported,
    ObjectNotFound,
)
from iquila.interfaces import Purpose
from iquila.session.certificate import certificate_pem, key_pem, make_identity
from iquila.session.ciphers import DEFAULT
from iquila.wire.passwords import administration_hash

from .ownserver import IDENTITY, OwnServer

AUDITOR, SWITCH = Caller(auditor=True), Caller("office")


class ServerTestCase(SynchronousTestCase):
    """Has a server."""

    def setUp(self) -> None:
        """Make one."""
        self.server = OwnServer()

    def refused(self, error: type[Exception], name: str, /, **fields: Any) -> str:
        """Assert that an operation is refused; return the sentence."""
        sentence = str(self.assertRaises(error, self.server.run, name, **fields))
        self.assertTrue(sentence.endswith("."), sentence)
        return sentence


class AuthorityTests(ServerTestCase):
    """Who may do what."""

    def test_the_private_key(self) -> None:
        """Is told to the server's administrator only."""
        self.assertNotEqual(self.server.run("GetServerCert").key, b"")
        for caller in (AUDITOR, SWITCH):
            self.assertRaises(NotEnoughRights, self.server.run, "GetServerCert", caller)

    def test_auditors_change_nothing(self) -> None:
        """Of all operations they may call those that read, and none that tells secrets."""
        for operation in OPERATIONS:
            allowed = operation.allows(self.server, AUDITOR, operation.request())
            self.assertEqual(allowed, operation.effect is Effect.READ, operation.name)
        for name in ("RebootServer", "SetServerCipher", "DisconnectConnection", "SetKeep", "Crash"):
            self.assertRaises(NotEnoughRights, self.server.run, name, AUDITOR)

    def test_switch_administrators(self) -> None:
        """They read facts, and change nothing of the server."""
        for name in ("GetServerInfo", "GetCaps", "GetServerCipher", "GetServerCipherList"):
            self.server.run(name, SWITCH)
        for name in ("GetKeep", "EnumConnection", "RebootServer", "SetServerCert", "EnumListener"):
            self.assertRaises(NotEnoughRights, self.server.run, name, SWITCH)

    def test_a_member_serves_its_own_settings(self) -> None:
        """Encryption, communication, configuration and status; not what the cluster has."""
        self.server.become(ServerMode.MEMBER)
        for name in (
            "GetServerInfo",
            "GetServerStatus",
            "GetServerCert",
            "GetServerCipher",
            "EnumListener",
            "EnumConnection",
            "GetCaps",
            "GetKeep",
            "GetServerLimits",
            "GetConfig",
            "GetFarmSetting",
        ):
            self.server.run(name)
        self.refused(Exception, "ForgetFarmMember", id=1)


class CertificateTests(ServerTestCase):
    """What is told of it."""

    def test_the_key_is_shown_nowhere_else(self) -> None:
        """Neither in the answer to a change, nor where values are printed."""
        other = make_identity("other")
        answer = self.server.run(
            "SetServerCert", certificate=certificate_pem(other), key=key_pem(other)
        )
        self.assertEqual((answer.certificate, answer.key), (other.der, b""))
        self.assertNotIn("key=", repr(self.server.run("GetServerCert")))
        self.assertNotIn("PrivateKey", repr(self.server.identity))

    def test_names(self) -> None:
        """Those that a certificate can have; without one, the host's."""
        for name in ("x" * 65, "a\nb", "é"):
            self.refused(InvalidParameter, "RegenerateServerCert", string=name)
        self.assertIs(self.server.identity, IDENTITY)
        self.assertEqual(self.server.run("RegenerateServerCert").string, "host")
        self.assertIsNot(self.server.identity, IDENTITY)

    def test_complete(self) -> None:
        """A self-signed one has nothing missing."""
        self.assertTrue(self.server.run("GetServerCert").complete)


class CipherTests(ServerTestCase):
    """Names of cipher suites."""

    def test_set(self) -> None:
        """What is told can be set; the policy has a name of its own."""
        names = self.server.run("GetServerCipherList").names.split(";")
        self.assertEqual(names[0], DEFAULT)
        for name in names:
            self.assertEqual(self.server.run("SetServerCipher", names=name).names, name)
            self.assertEqual(self.server.run("GetServerCipher").names, name)
        self.refused(CipherUnsupported, "SetServerCipher", names="RC4-MD5")
        self.assertEqual(self.server.run("GetServerCipher").names, names[-1])


class ListenerTests(ServerTestCase):
    """TCP ports."""

    def test_refusals(self) -> None:
        """53 for one that is not there, 54 for one that is, 38 for what is no port."""
        self.server.run("CreateListener", port=5555, enabled=True)
        self.refused(ListenerExists, "CreateListener", port=5555, enabled=True)
        for name in ("DeleteListener", "EnableListener"):
            self.refused(ListenerNotFound, name, port=443)
        for port in (0, 65_536):
            self.refused(InvalidParameter, "CreateListener", port=port)

    def test_the_last_one(self) -> None:
        """Stays; one that is closed is no way in."""
        self.server.run("CreateListener", port=5555, enabled=True)
        self.server.run("CreateListener", port=443, enabled=False)
        for name in ("DeleteListener", "EnableListener"):
            self.refused(InvalidParameter, name, port=5555)
        self.server.run("DeleteListener", port=443)
        self.server.run("CreateListener", port=992, enabled=True)
        self.server.ports[992] = evolve(self.server.ports[992], error="taken")
        self.refused(InvalidParameter, "DeleteListener", port=5555)
        self.server.run("EnableListener", port=992, enabled=True)
        self.server.run("DeleteListener", port=5555)


class ConnectionTests(ServerTestCase):
    """TCP connections."""

    def test_addresses(self) -> None:
        """Are told as people write them, in JSON, too."""
        for number, address in enumerate(("::ffff:10.0.0.9", "fe80::1%eth0", "10.0.0.1")):
            row = ConnectionRow(f"CID-{number}", address, 7, 1000, Purpose.OTHER, "curl")
            self.server.rows.append(row)
        listed = to_json(self.server.run("EnumConnection"))["ConnectionList"]
        self.assertEqual([c["Ip_ip"] for c in listed], ["10.0.0.9", "fe80::1", "10.0.0.1"])
        self.assertEqual(listed[0]["Type_u32"], 0xFFFF_FFFF)
        info = self.server.run("GetConnectionInfo", name="cid-1")
        self.assertEqual((info.client, info.host), ("curl", "fe80::1"))
        self.server.run("DisconnectConnection", name="CID-1")
        self.refused(ObjectNotFound, "DisconnectConnection", name="CID-1")
        self.assertLess(len(self.refused(ObjectNotFound, "GetConnectionInfo", name="x" * 999)), 200)

    def test_bounded(self) -> None:
        """A flood does not make an answer without end."""
        row = ConnectionRow("CID-1", "10.0.0.1", 7, 1000, Purpose.BEGINNING, "")
        self.server.rows = [row] * 10_001
        self.assertEqual(len(self.server.run("EnumConnection").connections), 10_000)


class RestartTests(ServerTestCase):
    """Beginning anew."""

    def test_without_losing_the_configuration(self) -> None:
        """It restarts; asked to forget everything it refuses, and does neither."""
        self.refused(NotSupported, "RebootServer", number=1)
        self.assertEqual(self.server.restarts, 0)
        self.server.run("RebootServer")
        self.assertEqual(self.server.restarts, 1)


class PasswordTests(ServerTestCase):
    """The administration password."""

    def test_as_text_and_as_a_hash(self) -> None:
        """Both are taken; neither is told again."""
        hashed = administration_hash("new")
        for fields in (
            {"password": "new"},
            {"hashed": hashed},
            {"password": "new", "hashed": b"x"},
        ):
            self.server.settings = evolve(self.server.settings, password_hash=b"")
            answer = self.server.run("SetServerPassword", **fields)
            self.assertEqual(self.server.settings.password_hash, hashed)
            self.assertEqual((answer.password, answer.hashed), ("", b""))

    def test_refused(self) -> None:
        """None, an empty one however it is told, and what is no hash."""
        for hashed in (b"", bytes(20), administration_hash(""), b"short"):
            self.refused(InvalidParameter, "SetServerPassword", hashed=hashed)
        self.assertEqual(self.server.settings.password_hash, b"h" * 20)


class KeepTests(ServerTestCase):
    """The keep-alive to the Internet."""

    GOOD = {"enabled": True, "host": "h", "port": 80, "protocol": 1, "interval": 50}  # noqa: RUF012

    def test_set(self) -> None:
        """What is set is told; turning it off keeps the rest."""
        self.assertFalse(self.server.run("GetKeep").enabled)
        self.server.run("SetKeep", **self.GOOD)
        self.assertEqual(self.server.keep_alive, KeepAlive(True, "h", 80, False, 50))
        self.server.run("SetKeep", enabled=False)
        self.assertEqual(self.server.keep_alive, KeepAlive(False, "h", 80, False, 50))

    def test_refused(self) -> None:
        """Each bound, and nothing changes."""
        for name, value in (
            ("host", ""),
            ("host", "x" * 256),
            ("host", "a\nb"),
            ("port", 0),
            ("port", 65_536),
            ("protocol", 2),
            ("interval", 4),
            ("interval", 601),
        ):
            self.refused(InvalidParameter, "SetKeep", **{**self.GOOD, name: value})
        self.assertEqual(self.server.keep_alive, KeepAlive())


class StatusTests(ServerTestCase):
    """Counters."""

    def test_of_the_cluster(self) -> None:
        """Sessions, tables and traffic are sums over all servers; an old member tells none."""
        reports = (
            LoadReport(
                1, 2, (InstanceLoad("a", 0, 1, True, macs=3, ips=4),), traffic=tuple(range(8))
            ),
            LoadReport(10, 20, (InstanceLoad("a", 0, 1, True, macs=30),), traffic=(1,) * 8),
            LoadReport(100, 200),
        )
        for number, report in enumerate(reports):
            description = MemberDescription(
                str(number), number, "h", "10.0.0.1", (5555,), 100, b"", 1
            )
            self.server.cluster.append(ServerRow(description, 0, report, number == 0))
        self.successResultOf(self.server.system.transact([put(Group("lab", "g"))]))
        status = self.server.run("GetServerStatus")
        self.assertEqual((status.sessions, status.sessions_local), (111, 1))
        self.assertEqual((status.tcp_connections, status.tcp_connections_remote), (222, 220))
        self.assertEqual((status.mac_tables, status.ip_tables, status.groups), (33, 4, 1))
        traffic = to_json(status)
        self.assertEqual(traffic["Recv.BroadcastBytes_u64"], 1)
        self.assertEqual(traffic["Send.UnicastCount_u64"], 8)

    def test_nothing_yet(self) -> None:
        """A server without reports has counted nothing."""
        self.assertEqual(self.server.run("GetServerStatus").traffic.recv_unicast_bytes, 0)

    def test_the_operating_system(self) -> None:
        """Is told by the names that its own file has."""
        info = self.server.run("GetServerInfo")
        self.assertEqual(info.os_product, operating_system().get("NAME", "Linux"))
        self.assertEqual(info.os_vendor, operating_system().get("HOME_URL", ""))
        self.assertEqual(info.server_type, 0)


class ForeignTests(ServerTestCase):
    """What iquila does not serve."""

    def test_all_is_off(self) -> None:
        """Asking says so, and setting what was told is no change."""
        for get, set in (
            ("GetIPsecServices", "SetIPsecServices"),
            ("GetOpenVpnSstpConfig", "SetOpenVpnSstpConfig"),
            ("GetSpecialListener", "SetSpecialListener"),
            ("GetAzureStatus", "SetAzureStatus"),
            ("GetPortsUDP", "SetPortsUDP"),
        ):
            told = to_json(self.server.run(get))
            self.assertFalse(any(told.values()), get)
            self.assertEqual(to_json(self.server.run(set)), told)

    def test_nothing_can_be_switched_on(self) -> None:
        """33, with a sentence that says what to do instead."""
        for name, field, value in (
            ("SetIPsecServices", "raw_l2tp", True),
            ("SetIPsecServices", "l2tp_over_ipsec", True),
            ("SetIPsecServices", "etherip_over_ipsec", True),
            ("SetOpenVpnSstpConfig", "openvpn", True),
            ("SetOpenVpnSstpConfig", "sstp", True),
            ("SetSpecialListener", "icmp", True),
            ("SetSpecialListener", "dns", True),
            ("SetAzureStatus", "enabled", True),
            ("SetPortsUDP", "ports", (1194,)),
        ):
            self.refused(NotSupported, name, **{field: value})

    def test_unserved(self) -> None:
        """They are in the table, and each says why not."""
        own = (*foreign.TABLE, *configuration.TABLE)
        names = [operation.name for operation in own if not operation.served]
        self.assertTrue(all(OPERATIONS.get(name) for name in names))
        self.assertGreater(len(names), 15)
        for name in names:
            sentence = self.refused(NotSupported, name)
            self.assertNotEqual(sentence, NotSupported.default)
        self.assertIn("iquila apply", self.refused(NotSupported, "SetConfig"))

    def test_refused_in_a_cluster(self) -> None:
        """As a real cluster refuses them, also to be read (the recorded transcript)."""
        names = ("GetIPsecServices", "EnumEtherIpId", "GetAzureStatus", "SetAzureStatus")
        for mode in (ServerMode.CONTROLLER, ServerMode.MEMBER):
            self.server.become(mode)
            for name in names:
                self.refused(NotSupported, name)
            self.server.run("GetSpecialListener")
