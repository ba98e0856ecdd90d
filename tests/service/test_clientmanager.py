"""The managed VEN client: its operations through JSON-RPC, with devices and servers of its own."""

from __future__ import annotations

import base64
import json
from typing import Any

from attrs import evolve
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.client.checks import MAX_ACCOUNTS, MAX_ADAPTERS
from iquila.admin.client.resource import OWNER
from iquila.admin.client.table import CLIENT_OPERATIONS
from iquila.admin.jsoncall import JSONCalls
from iquila.database.client import AccountRecord, AdapterRecord, ClientAuth
from iquila.database.records import decode, encode
from iquila.database.store import Database, put
from iquila.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ServerCertificateUntrusted,
)
from iquila.service.accountclient import count_runs, session_account, verification
from iquila.service.clientmanager import Client
from iquila.session.certificate import make_identity
from iquila.session.verification import Authorities, Pinned, Unverified
from iquila.switch.port import Traffic
from iquila.wire.hello import Hello
from iquila.wire.login import Anonymous, CertificateProof, PasswordProof, PlainPassword
from iquila.wire.passwords import secure_password, user_hash
from iquila.wire.scan import MARK
from iquila.wire.welcome import Welcome
from tests.certificates import Key, elliptic_key, make, rsa_key

OFFICE = {
    "AccountName_utf": "Office",
    "Hostname_str": "192.0.2.1",
    "Port_u32": 5555,
    "HubName_str": "office",
    "DeviceName_str": "vpn",
    "AuthType_u32": 1,
    "Username_str": "alice",
    "PlainPassword_str": "secret",
}
NAMED = {"AccountName_utf": "office"}


def der_of(key: Key) -> bytes:
    """Return a key as this system's own client sends it."""
    form = PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(Encoding.DER, form, NoEncryption())


class Device:
    """A network device that only remembers."""

    super_frames = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.received: Any = None
        self.closed = False
        self.written: list[bytes] = []
        self.calm: list[tuple[str, bool]] = []

    def close(self) -> None:
        """Note."""
        self.closed = True

    def set_offload(self, on: bool) -> None:
        """Note."""
        self.calm.append(("offload", on))

    def set_congested(self, congested: bool) -> None:
        """Note."""
        self.calm.append(("congested", congested))

    def send_blocks(self, buffer: bytearray, start: int, end: int) -> None:
        """Note."""
        self.written.append(bytes(buffer[start:end]))


class ClientCase(SynchronousTestCase):
    """A client whose devices and connections are made of nothing."""

    def setUp(self) -> None:
        """One client."""
        self.reactor = MemoryReactorClock()
        self.devices: dict[str, Device] = {}
        self.addresses: dict[str, bytes] = {}
        self.broken = ""
        self.database = Database.in_memory()
        self.client = self.start()

    def start(self) -> Client:
        """Start a client on the database there is."""
        client = Client(self.reactor, self.database, self.make_device, self.set_up)
        self.calls = JSONCalls(client, CLIENT_OPERATIONS)
        client.startService()
        return client

    def make_device(self, reactor: Any, name: str) -> Any:
        """Make a device, unless the machine is broken."""
        if self.broken:
            raise ConfigurationError(self.broken)
        self.devices[name] = Device(name)
        return self.devices[name]

    def set_up(self, name: str, mac: bytes) -> None:
        """Note the address."""
        self.addresses[name] = mac

    def answer(self, method: str, **parameters: Any) -> Any:
        """Call, and return the whole answer."""
        question = {"jsonrpc": "2.0", "id": "1", "method": method, "params": parameters}
        body = json.dumps(question).encode()
        return self.successResultOf(Deferred.fromCoroutine(self.calls.call(OWNER, body)))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call, and return the result."""
        answer = self.answer(method, **parameters)
        self.assertIn("result", answer, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def refused(self, code: int, method: str, **parameters: Any) -> str:
        """Call, expecting a refusal; return its sentence."""
        answer = self.answer(method, **parameters)
        self.assertEqual(answer.get("error", {}).get("code"), code, answer)
        sentence: str = answer["error"]["message"]
        self.assertTrue(sentence.endswith("."), sentence)
        return sentence


class AdapterTests(ClientCase):
    """Virtual adapters."""

    def test_life(self) -> None:
        """Made, disabled, enabled with its old address, deleted."""
        made = self.call("CreateVLan", DeviceName_str="VPN")
        self.assertEqual(made["InterfaceName_str"], "vpn_vpn")
        self.assertEqual(made["MacAddress_str"][:2], "5E")
        mac = self.addresses["vpn_vpn"]
        self.call("DisableVLan", DeviceName_str="vpn")
        self.assertTrue(self.devices.pop("vpn_vpn").closed)
        self.assertFalse(self.call("GetVLan", DeviceName_str="vpn")["Enabled_bool"])
        self.addresses.clear()
        self.call("EnableVLan", DeviceName_str="vpn")
        self.assertEqual(self.addresses["vpn_vpn"], mac)
        self.call("DeleteVLan", DeviceName_str="vpn")
        self.assertTrue(self.devices["vpn_vpn"].closed)
        self.assertEqual(self.call("EnumVLan")["VLanList"], [])

    def test_address(self) -> None:
        """Another one is taken by the device that is there; no multicast."""
        self.call("CreateVLan", DeviceName_str="vpn", MacAddress_str="5E-00-00-00-00-01")
        self.call("SetVLan", DeviceName_str="vpn", MacAddress_str="5e:00:00:00:00:02")
        self.assertEqual(self.addresses["vpn_vpn"], bytes.fromhex("5e0000000002"))
        self.assertEqual(len(self.devices), 1)
        for wrong in ("01-00-5E-00-00-01", "00-00-00-00-00-00", "x", ""):
            self.refused(38, "SetVLan", DeviceName_str="vpn", MacAddress_str=wrong)

    def test_refusals(self) -> None:
        """Names, doubles, unknown ones, too many, a machine that has no TAP devices."""
        self.call("CreateVLan", DeviceName_str="vpn")
        self.refused(30, "CreateVLan", DeviceName_str="VPN")
        for name in ("", "a b", "twelve-chars", "a/b", "\u00e9"):
            self.refused(32, "CreateVLan", DeviceName_str=name)
        self.refused(29, "DeleteVLan", DeviceName_str="other")
        self.broken = "TAP devices cannot be used: run as root."
        self.assertIn("run as root", self.refused(31, "CreateVLan", DeviceName_str="new"))
        self.broken = ""
        self.assertEqual(len(self.call("EnumVLan")["VLanList"]), 1)
        for number in range(MAX_ADAPTERS - 1):
            self.call("CreateVLan", DeviceName_str=f"a{number}")
        self.refused(110, "CreateVLan", DeviceName_str="onemore")


class AccountTests(ClientCase):
    """Connection settings that do not connect."""

    def test_life(self) -> None:
        """Made, read, changed, renamed, deleted; only the hash of the password is kept."""
        self.call("CreateAccount", **OFFICE)
        record = self.database.get(AccountRecord, "office")
        assert record is not None
        self.assertEqual(record.password_hash, user_hash("secret", "alice"))
        self.assertEqual(record.password, "")
        self.assertTrue(record.check_server)
        found = self.call("GetAccount", **NAMED)
        self.assertEqual(found["AccountName_utf"], "Office")
        self.call("SetAccount", **{**found, "MaxConnection_u32": 8})
        changed = self.call("GetAccount", **NAMED)
        self.assertEqual(changed["MaxConnection_u32"], 8)
        self.assertEqual(changed["HashedPassword_bin"], found["HashedPassword_bin"])
        self.assertEqual(changed["CreateDateTime_dt"], found["CreateDateTime_dt"])
        self.call("RenameAccount", OldName_utf="office", NewName_utf="Berlin")
        self.refused(36, "GetAccount", **NAMED)
        self.call("RenameAccount", OldName_utf="berlin", NewName_utf="BERLIN")
        listed = self.call("EnumAccount")["AccountList"]
        self.assertEqual([a["AccountName_utf"] for a in listed], ["BERLIN"])
        self.call("DeleteAccount", AccountName_utf="berlin")
        self.assertEqual(self.call("EnumAccount")["AccountList"], [])

    def test_names(self) -> None:
        """Doubles and unknown ones."""
        self.call("CreateAccount", **OFFICE)
        self.refused(34, "CreateAccount", **{**OFFICE, "AccountName_utf": "OFFICE"})
        self.call("CreateAccount", **{**OFFICE, "AccountName_utf": "other"})
        self.refused(34, "RenameAccount", OldName_utf="office", NewName_utf="Other")
        self.refused(36, "SetAccount", **{**OFFICE, "AccountName_utf": "nobody"})
        for method in ("GetAccount", "DeleteAccount", "Connect", "Disconnect"):
            self.refused(36, method, AccountName_utf="nobody")
        self.refused(37, "Disconnect", **NAMED)
        self.refused(37, "GetAccountStatus", **NAMED)

    def test_bad_values(self) -> None:
        """Each is refused by name, and nothing is made."""
        for change, word in (
            ({"AccountName_utf": ""}, "connection setting"),
            ({"AccountName_utf": "a\nb"}, "connection setting"),
            ({"AccountName_utf": "x" * 256}, "connection setting"),
            ({"HubName_str": ""}, "Virtual Switch"),
            ({"Username_str": " "}, "user"),
            ({"DeviceName_str": ""}, "adapter"),
            ({"Hostname_str": "a b"}, "host"),
            ({"Port_u32": 0}, "port"),
            ({"Port_u32": 65536}, "port"),
            ({"MaxConnection_u32": 33}, "TCP connections"),
            ({"RetryInterval_u32": 4}, "retry interval"),
            ({"AuthType_u32": 4}, "certificate"),
            ({"PlainPassword_str": ""}, "password"),
            ({"AuthType_u32": 2, "PlainPassword_str": ""}, "password"),
            ({"AuthType_u32": 3}, "certificate"),
            ({"ServerCert_bin": "AAAA"}, "certificate of the server"),
            ({"Port_u32": "x"}, "Port_u32"),
        ):
            self.assertIn(word, self.refused(38, "CreateAccount", **{**OFFICE, **change}))
        for field, value in (
            ("UseEncrypt_bool", False),
            ("UseCompress_bool", True),
            ("ProxyType_u32", 1),
            ("AdditionalConnectionInterval_u32", 2),
            ("ConnectionDisconnectSpan_u32", 60),
        ):
            self.refused(33, "CreateAccount", **{**OFFICE, field: value})
        self.assertEqual(self.database.all(AccountRecord), [])

    def test_certificates(self) -> None:
        """A certificate comes with its own key, of RSA; other secrets are forgotten then."""
        self.call("CreateAccount", **OFFICE)
        for key, other, word in (
            (rsa_key(), rsa_key(1), "does not belong"),
            (elliptic_key(), elliptic_key(), "RSA"),
        ):
            sent = {
                "AuthType_u32": 3,
                "ClientX_bin": base64.b64encode(make("alice", key).der).decode(),
                "ClientK_bin": base64.b64encode(der_of(other)).decode(),
            }
            self.assertIn(word, self.refused(38, "SetAccount", **{**OFFICE, **sent}))
        sent["ClientX_bin"] = base64.b64encode(make("alice", rsa_key()).der).decode()
        sent["ClientK_bin"] = base64.b64encode(der_of(rsa_key())).decode()
        self.call("SetAccount", **{**OFFICE, **sent})
        record = self.database.get(AccountRecord, "office")
        assert record is not None
        self.assertEqual((record.password_hash, record.password), (b"", ""))
        account = session_account(record)
        assert account.certificate is not None
        self.assertEqual(account.certificate.key.private_numbers(), rsa_key().private_numbers())

    def test_bound(self) -> None:
        """There is an end to it."""
        records = [
            put(AccountRecord(f"a{n}", "h", 1, "s", "u", "vpn")) for n in range(MAX_ACCOUNTS)
        ]
        self.successResultOf(self.database.transact(records))
        self.refused(110, "CreateAccount", **OFFICE)

    def test_settings_of_the_client(self) -> None:
        """Both are off, and stay so."""
        self.assertEqual(
            self.call("GetClientVersion")["ClientProductName_str"], "iquila VEN Client"
        )
        self.call("SetClientConfig", AllowRemoteConfig_bool=False)
        self.refused(33, "SetClientConfig", AllowRemoteConfig_bool=True)
        self.refused(33, "SetClientConfig", UseKeepConnect_bool=True)
        self.refused(33, "CreateHub", HubName_str="x")


class ConnectTests(ClientCase):
    """Connecting, as far as it goes without a server."""

    def setUp(self) -> None:
        """An adapter and a connection setting."""
        super().setUp()
        self.call("CreateVLan", DeviceName_str="vpn")
        self.call("CreateAccount", **OFFICE)

    def running(self) -> Any:
        """Return the client of the connection setting."""
        return self.client._clients["office"]

    def test_adapters(self) -> None:
        """A setting needs an adapter of its own that is enabled."""
        self.call("CreateAccount", **{**OFFICE, "AccountName_utf": "b", "DeviceName_str": "none"})
        self.refused(42, "Connect", AccountName_utf="b")
        self.call("DisableVLan", DeviceName_str="vpn")
        self.refused(44, "Connect", **NAMED)
        self.call("EnableVLan", DeviceName_str="vpn")
        self.call("Connect", **NAMED)
        self.call("CreateAccount", **{**OFFICE, "AccountName_utf": "c"})
        self.refused(43, "Connect", AccountName_utf="c")
        for method in ("DeleteVLan", "DisableVLan"):
            self.assertIn("Office", self.refused(41, method, DeviceName_str="vpn"))
        self.assertEqual(self.call("GetVLan", DeviceName_str="vpn")["UsedBy_str"], "Office")

    def test_in_use(self) -> None:
        """It can be changed, and neither deleted nor renamed; then it is disconnected."""
        self.call("Connect", **NAMED)
        self.refused(35, "Connect", **NAMED)
        self.refused(35, "DeleteAccount", **NAMED)
        self.refused(35, "RenameAccount", OldName_utf="office", NewName_utf="x")
        self.call("SetAccount", **{**OFFICE, "DeviceName_str": "other"})
        self.assertEqual(self.client.user_of("vpn"), "Office")
        status = self.call("GetAccountStatus", **NAMED)
        self.assertEqual((status["Connected_bool"], status["SessionStatus_u32"]), (False, 0))
        self.call("Disconnect", **NAMED)
        self.refused(37, "GetAccountStatus", **NAMED)
        self.assertEqual(self.client.user_of("vpn"), "")

    def test_retries(self) -> None:
        """After so many failures in a row it is given up, and the reason is told."""
        found = self.call("GetAccount", **NAMED)
        self.call("SetAccount", **{**found, "NumRetry_u32": 2})
        self.call("Connect", **NAMED)
        running = self.running()
        for _ in range(2):
            running._refused(AuthenticationFailed())
            self.reactor.advance(0)
        status = self.call("GetAccountStatus", **NAMED)
        self.assertEqual(status["SessionStatus_u32"], 4)
        self.assertEqual(status["LastError_utf"], str(AuthenticationFailed()))
        running._refused(AuthenticationFailed())
        self.reactor.advance(0)
        self.assertIn(AuthenticationFailed.default, self.refused(37, "GetAccountStatus", **NAMED))
        self.assertIn(AuthenticationFailed.default, str(self.call("EnumAccount")))
        self.call("DeleteAccount", **NAMED)
        self.call("CreateAccount", **OFFICE)
        self.assertNotIn(AuthenticationFailed.default, str(self.call("EnumAccount")))

    def test_for_ever(self) -> None:
        """Without a number it goes on."""
        self.call("Connect", **NAMED)
        for _ in range(100):
            self.running()._refused(AuthenticationFailed())
            self.reactor.advance(0)
        self.call("GetAccountStatus", **NAMED)

    def test_untrusted(self) -> None:
        """A server that is not the right one is tried again only where that is wanted."""
        self.call("Connect", **NAMED)
        self.running()._refused(ServerCertificateUntrusted())
        self.reactor.advance(0)
        self.refused(37, "GetAccountStatus", **NAMED)
        found = self.call("GetAccount", **NAMED)
        self.call("SetAccount", **{**found, "RetryOnServerCert_bool": True})
        self.call("Connect", **NAMED)
        self.running()._refused(ServerCertificateUntrusted())
        self.reactor.advance(0)
        self.call("GetAccountStatus", **NAMED)

    def test_disconnect_while_giving_up(self) -> None:
        """Both at once: it is told once, and ended once."""
        found = self.call("GetAccount", **NAMED)
        self.call("SetAccount", **{**found, "NumRetry_u32": 0})
        self.call("Connect", **NAMED)
        self.running()._refused(AuthenticationFailed())
        self.call("Disconnect", **NAMED)
        self.reactor.advance(1)
        self.refused(37, "Disconnect", **NAMED)

    def test_status_of_a_session(self) -> None:
        """What the server said, the counters, the times."""
        self.call("Connect", **NAMED)
        running = self.running()
        running.client.session = FakeSession()
        running.established(running.client.session.welcome)
        block = (60).to_bytes(4, "big") + b"\xff" * 6 + b"\x02" * 54
        running.send_blocks(bytearray(b"....") + block, 4, 68, 1)
        unicast = (100).to_bytes(4, "big") + b"\x02" * 100
        running.blocks_received(bytearray(unicast * 2), [(0, 208, 2, b"\x02" * 12)])
        self.assertEqual(self.devices["vpn_vpn"].written, [unicast * 2])
        self.assertEqual(running.client.session.sent, 1)
        status = self.call("GetAccountStatus", **NAMED)
        for name, value in (
            ("Connected_bool", True),
            ("SessionStatus_u32", 3),
            ("ServerProductName_str", "a server"),
            ("ServerProductVer_u32", 501),
            ("SessionName_str", "SID-ALICE-1"),
            ("NumConnectionsEstablished_u32", 1),
            ("Send.BroadcastCount_u64", 1),
            ("Send.BroadcastBytes_u64", 60),
            ("Recv.UnicastCount_u64", 2),
            ("Recv.UnicastBytes_u64", 200),
            ("TotalRecvSize_u64", 200),
            ("UnderlayProtocol_str", "Standard TCP/IP (IPv4)"),
        ):
            self.assertEqual(status[name], value, name)
        running.client.session = None
        running.lost(AuthenticationFailed())
        status = self.call("GetAccountStatus", **NAMED)
        self.assertFalse(status["Connected_bool"])
        self.assertEqual(status["NumConnectionsEstablished_u32"], 1)

    def test_startup(self) -> None:
        """What is marked connects when the client starts; an adapter that fails stops nobody."""
        self.call("SetStartupAccount", **NAMED)
        self.call("CreateAccount", **{**OFFICE, "AccountName_utf": "later"})
        self.client = self.start()
        self.assertEqual(list(self.client._clients), ["office"])
        self.call("Disconnect", **NAMED)
        self.broken = "TAP devices cannot be used: run as root."
        self.client = self.start()
        self.assertEqual(self.client._clients, {})
        self.assertIn("run as root", self.refused(37, "GetAccountStatus", **NAMED))
        self.call("RemoveStartupAccount", **NAMED)
        self.broken = ""
        self.client = self.start()
        self.assertEqual(self.client._clients, {})

    def test_stop(self) -> None:
        """Sessions end and devices go."""
        self.call("Connect", **NAMED)
        self.successResultOf(self.client.stopService())
        self.assertTrue(self.devices["vpn_vpn"].closed)
        self.assertEqual(self.client._clients, {})


class FakeConnection:
    """A connection both ways."""

    sends = receives = True
    cipher = "TLS_AES_256_GCM_SHA384"


class FakeSession:
    """A session that only counts."""

    def __init__(self) -> None:
        self.welcome = Welcome("SID-ALICE-1", "CID-1", b"k" * 20)
        self.hello = Hello("a server", 501, 9674, b"r" * 20)
        self.server = type("Server", (), {"host": "192.0.2.1", "port": 5555})
        self.connections = [FakeConnection()]
        self.max_connections = 1
        self.sent = 0

    def send_blocks(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Count."""
        self.sent += count


class AccountClientTests(SynchronousTestCase):
    """From a record to what sessions know."""

    record = AccountRecord("n", "h", 5555, "s", "alice", "vpn")

    def test_verification(self) -> None:
        """By CA, by one certificate, or not at all."""
        identity = make_identity("server")
        self.assertEqual(verification(self.record), Authorities())
        pinned = evolve(self.record, server_certificate=identity.der)
        self.assertEqual(verification(pinned), Pinned(identity.fingerprint))
        self.assertEqual(verification(evolve(pinned, check_server=False)), Unverified())

    def test_stored_hash(self) -> None:
        """It answers a challenge as the password would."""
        hashed = user_hash("secret", "alice")
        record = evolve(self.record, auth=ClientAuth.PASSWORD, password_hash=hashed)
        proof = session_account(record).proof(b"c" * 20)
        self.assertEqual(proof, PasswordProof(secure_password(hashed, b"c" * 20)))

    def test_other_proofs(self) -> None:
        """Nothing, the password itself, or a certificate with its key."""
        self.assertEqual(session_account(self.record).proof(b"c" * 20), Anonymous())
        plain = evolve(self.record, auth=ClientAuth.PLAIN_PASSWORD, password="secret")
        self.assertEqual(session_account(plain).proof(b"c" * 20), PlainPassword("secret"))
        made = make("alice", rsa_key())
        kind = ClientAuth.CERTIFICATE
        record = evolve(self.record, auth=kind, certificate=made.der, key_data=der_of(rsa_key()))
        proof = session_account(record).proof(b"c" * 20)
        assert isinstance(proof, CertificateProof)
        self.assertEqual(proof.certificate, made.der)
        public = rsa_key().public_key()
        public.verify(proof.signature, b"c" * 20, padding.PKCS1v15(), hashes.SHA1())

    def test_secrets_are_not_shown(self) -> None:
        """In logs and tracebacks."""
        record = AccountRecord(
            "n", "h", 1, "s", "u", "v", password="hidden", password_hash=b"hidden"
        )
        self.assertNotIn("hidden", repr(record))
        self.assertNotIn("hidden", repr(session_account(record)))

    def test_counting(self) -> None:
        """Bytes of frames only, super-frames without their header."""
        traffic = Traffic()
        count_runs(
            traffic,
            [
                (0, 128, 2, b"\xff" * 12),
                (128, 192, 1, b"\x02" * 12),
                (192, 192 + 4 + 10 + 3000, 1, b"\x02" * 12 + MARK),
            ],
        )
        self.assertEqual((traffic.broadcast_frames, traffic.broadcast_bytes), (2, 120))
        self.assertEqual((traffic.unicast_frames, traffic.unicast_bytes), (2, 3060))


class RecordTests(SynchronousTestCase):
    """What is kept."""

    def test_round_trip(self) -> None:
        """Records come back as they were."""
        for record in (
            AccountRecord(
                "n", "h", 1, "s", "u", "v", ClientAuth.CERTIFICATE, certificate=b"c", key_data=b"k"
            ),
            AdapterRecord("vpn", bytes(6), enabled=False),
        ):
            self.assertEqual(decode(record.kind_name, encode(record)), record)
