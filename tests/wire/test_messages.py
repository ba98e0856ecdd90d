"""The handshake's messages as records: what is sent is read again."""

from __future__ import annotations

from ipaddress import IPv4Address

from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import (
    AuthenticationFailed,
    NotAVENServer,
    ProtocolError,
    UnknownError,
    VENError,
    error_for,
)
from iquila.wire.additional import AdditionalAnswer, AdditionalConnect, Direction
from iquila.wire.hello import Hello
from iquila.wire.login import (
    Anonymous,
    Auth,
    CertificateProof,
    ClientIdentity,
    Login,
    LoginOptions,
    PasswordProof,
    PlainPassword,
    TicketProof,
    UnknownAuth,
)
from iquila.wire.node import NodeInformation
from iquila.wire.pack import Pack
from iquila.wire.policy import WIRE_NAMES, Policy
from iquila.wire.redirect import Redirect
from iquila.wire.refusal import error_pack, raise_for_error
from iquila.wire.request import EnumSwitches, Noop, parse_request
from iquila.wire.welcome import Welcome

CLIENT = ClientIdentity("A client", 501, 9674)
PROOFS: tuple[Auth, ...] = (
    Anonymous(),
    PasswordProof(b"p" * 20),
    PlainPassword("secret"),
    CertificateProof(b"cert", b"sign"),
    TicketProof(b"t" * 20),
    UnknownAuth(77),
)


def again(pack: Pack) -> Pack:
    """Return a pack after its way over the wire."""
    return Pack.decode(pack.add_padding().encode())


class MessageTests(SynchronousTestCase):
    """Round trips, and what is refused."""

    def test_login(self) -> None:
        """Every kind of proof, the options and the node information."""
        options = LoginOptions(max_connection=8, half_connection=True, unique_id=b"u" * 20)
        node = NodeInformation(client_host_name="pc", client_port=4711, unique_id=b"n" * 16)
        for proof in PROOFS:
            login = Login("office", "alice", proof, CLIENT, options, node, 1)
            read = Login.from_pack(again(login.to_pack()))
            self.assertEqual((read.auth, read.options), (proof, options))
            self.assertEqual((read.switch, read.user, read.client), ("office", "alice", CLIENT))
            self.assertEqual(read.node.client_port, 4711)
            self.assertEqual(parse_request(again(login.to_pack())), read)

    def test_secrets_are_not_shown(self) -> None:
        """Proofs, keys and tickets do not appear where records are printed."""
        shown = repr((PROOFS, Redirect(IPv4Address("10.0.0.1"), (443,), b"t" * 20, b"")))
        for secret in ("pppp", "secret", "tttt", "sign"):
            self.assertNotIn(secret, shown)

    def test_node_integers_are_little_endian(self) -> None:
        """Unlike all others of the protocol (reference §3.3)."""
        pack = NodeInformation(client_port=0x1234).add_to(Pack())
        self.assertEqual(pack.get_int("ClientPort"), 0x34120000)

    def test_incomplete_logins(self) -> None:
        """No switch, or a proof of the wrong size."""
        self.assertRaises(ProtocolError, Login.from_pack, Pack().add_str("username", "x"))
        short = Pack().add_str("hubname", "h").add_int("authtype", 1)
        self.assertRaises(ProtocolError, Login.from_pack, short.add_data("secure_password", b"x"))

    def test_bridges(self) -> None:
        """A product name tells a bridge, as does the option."""
        for product, bridge in (("Some Bridge", True), ("VPN Server", True), ("A client", False)):
            login = Login("h", "u", Anonymous(), ClientIdentity(product))
            self.assertIs(login.is_bridge, bridge)

    def test_hello(self) -> None:
        """The greeting and its challenge."""
        hello = Hello("iquila", 501, 9674, bytes(range(20)))
        self.assertEqual(Hello.from_pack(again(hello.to_pack())), hello)
        self.assertRaises(NotAVENServer, Hello.from_pack, Pack())

    def test_welcome(self) -> None:
        """The whole policy travels with it."""
        policy = Policy(max_connection=3, no_bridge=True, vlan_id=7)
        welcome = Welcome("SID-A-1", "CID-1", b"k" * 20, 3, 20_000, policy=policy, message="hi")
        self.assertEqual(Welcome.from_pack(again(welcome.to_pack())), welcome)
        self.assertEqual(len(WIRE_NAMES), 38)
        self.assertRaises(ProtocolError, Welcome.from_pack, Pack())

    def test_policy_ranges(self) -> None:
        """Numbers out of range are brought inside."""
        clamped = Policy(max_connection=99, time_out=1, vlan_id=5000).clamp()
        values = (clamped.max_connection, clamped.time_out, clamped.vlan_id)
        self.assertEqual(values, (32, 5, 4095))

    def test_redirect(self) -> None:
        """Address, ports, ticket, certificate and our own hosts."""
        redirect = Redirect(IPv4Address("10.0.0.1"), (443, 5555), b"t" * 20, b"DER", hosts=("a.b",))
        pack = again(redirect.to_pack())
        self.assertEqual(Redirect.from_pack(pack), redirect)
        self.assertNotIn("error", pack)
        self.assertRaises(ProtocolError, Redirect.from_pack, Pack().add_int("Redirect", 1))

    def test_additional_connections(self) -> None:
        """Request and answer."""
        request = AdditionalConnect(b"k" * 20, CLIENT)
        self.assertEqual(parse_request(again(request.to_pack())), request)
        for direction in Direction:
            answer = AdditionalAnswer(direction)
            self.assertEqual(AdditionalAnswer.from_pack(again(answer.to_pack())), answer)

    def test_other_requests(self) -> None:
        """The list of switches, patience, and nonsense."""
        listed = parse_request(Pack().add_str("method", "enum_hub"))
        self.assertIsInstance(listed, EnumSwitches)
        self.assertIsInstance(parse_request(Pack().add_int("noop", 1)), Noop)
        self.assertRaises(VENError, parse_request, Pack().add_str("method", "no-such"))

    def test_errors_travel_by_number(self) -> None:
        """A refusal comes out as the exception of its number."""
        pack = again(error_pack(AuthenticationFailed()))
        self.assertEqual(pack.error, 9)
        self.assertRaises(AuthenticationFailed, raise_for_error, pack)
        raise_for_error(Pack())
        unknown = error_for(4711)
        self.assertIsInstance(unknown, UnknownError)
        self.assertEqual(unknown.code, 4711)
