"""The login pack: who comes, how they prove it, and what they ask for (reference §3)."""

from __future__ import annotations

from attrs import field, frozen

from iquila.errors import ProtocolError
from iquila.wire.node import NodeInformation
from iquila.wire.pack import Pack

ANONYMOUS, PASSWORD, PLAIN_PASSWORD, CERTIFICATE, TICKET = 0, 1, 2, 3, 99
DIGEST = 20
_OPTION_KEYS = (
    "max_connection",
    "use_compress",
    "half_connection",
    "require_bridge_routing_mode",
    "require_monitor_mode",
    "qos",
)


@frozen
class Anonymous:
    """No proof."""


@frozen
class PasswordProof:
    """`secure_password`: 20 bytes, reference §3.5."""

    secure_password: bytes = field(repr=False)


@frozen
class PlainPassword:
    """The password itself, for users that another system checks."""

    password: str = field(repr=False)


@frozen
class CertificateProof:
    """`certificate`: X.509 DER; `signature`: RSA over the challenge."""

    certificate: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@frozen
class TicketProof:
    """`ticket`: 20 bytes, from a redirect."""

    ticket: bytes = field(repr=False)


@frozen
class UnknownAuth:
    """A kind of proof that is not known here."""

    authtype: int


Auth = Anonymous | PasswordProof | PlainPassword | CertificateProof | TicketProof | UnknownAuth


@frozen
class ClientIdentity:
    """Product name, version (501 for 5.01) and build of a client."""

    product: str
    version: int = 0
    build: int = 0

    def add_to(self, pack: Pack) -> Pack:
        """Add the three fields to a pack."""
        return (
            pack.add_str("client_str", self.product)
            .add_int("client_ver", self.version)
            .add_int("client_build", self.build)
        )

    @classmethod
    def from_pack(cls, pack: Pack) -> ClientIdentity:
        """Read the three fields of a pack."""
        return cls(
            pack.get_str("client_str")[:255],
            pack.get_int("client_ver"),
            pack.get_int("client_build"),
        )


@frozen
class LoginOptions:
    """What a client asks for (reference §3.2). `unique_id` is 20 bytes."""

    max_connection: int = 1
    use_encrypt: bool = True
    use_compress: bool = False
    half_connection: bool = False
    bridge_mode: bool = False
    monitor_mode: bool = False
    qos: bool = False
    unique_id: bytes = b"\0" * DIGEST

    def add_to(self, pack: Pack) -> Pack:
        """Add the options to a pack."""
        return (
            pack.add_int("protocol", 0)
            .add_int("client_id", 0)
            .add_int("max_connection", self.max_connection)
            .add_bool("use_encrypt", self.use_encrypt)
            .add_bool("use_compress", self.use_compress)
            .add_bool("half_connection", self.half_connection)
            .add_bool("require_bridge_routing_mode", self.bridge_mode)
            .add_bool("require_monitor_mode", self.monitor_mode)
            .add_bool("qos", self.qos)
            .add_data("unique_id", self.unique_id)
        )

    @classmethod
    def from_pack(cls, pack: Pack) -> LoginOptions:
        """Read the options of a pack."""
        unique_id = pack.get_data("unique_id")
        connections, compress, half, bridge, monitor, qos = pack.first_ints(_OPTION_KEYS)
        return cls(
            max_connection=min(max(connections, 1), 32),
            use_encrypt=pack.get_bool("use_encrypt", default=True),
            use_compress=bool(compress),
            half_connection=bool(half),
            bridge_mode=bool(bridge),
            monitor_mode=bool(monitor),
            qos=bool(qos),
            unique_id=unique_id if len(unique_id) == DIGEST else b"\0" * DIGEST,
        )


@frozen
class Login:
    """A request to open a session on a Virtual Switch."""

    switch: str
    user: str
    auth: Auth
    client: ClientIdentity
    options: LoginOptions = field(factory=LoginOptions)
    node: NodeInformation = field(factory=NodeInformation)
    iquila: int = 0
    """Version of our own extensions that the client speaks, 0 for other clients."""
    super_frames: bool = False
    """Own field: whether the client takes super-frames (:mod:`.superframe`)."""

    @property
    def is_bridge(self) -> bool:
        """Whether the session joins networks: asked for, or said by its name (§3.2)."""
        product = self.client.product.lower()
        return self.options.bridge_mode or "server" in product or "bridge" in product

    def to_pack(self) -> Pack:
        """Return the pack."""
        pack = Pack().add_str("method", "login")
        pack.add_str("hubname", self.switch).add_str("username", self.user)
        _add_auth(pack, self.auth)
        self.client.add_to(pack)
        pack.add_str("hello", self.client.product)
        pack.add_int("version", self.client.version).add_int("build", self.client.build)
        self.options.add_to(pack)
        self.node.add_to(pack)
        if self.iquila:
            pack.add_int("iquila", self.iquila)
            pack.add_bool("iquila_super_frames", self.super_frames)
        return pack

    @classmethod
    def from_pack(cls, pack: Pack) -> Login:
        """
        Read the pack.

        :raises ProtocolError: it names no switch, or a proof has the wrong size.
        """
        switch = pack.get_str("hubname")
        if not switch:
            raise ProtocolError("The login names no Virtual Switch.")
        return cls(
            switch=switch,
            user=pack.get_str("username"),
            auth=_read_auth(pack),
            client=ClientIdentity.from_pack(pack),
            options=LoginOptions.from_pack(pack),
            node=NodeInformation.from_pack(pack),
            iquila=pack.get_int("iquila"),
            super_frames=pack.get_bool("iquila_super_frames"),
        )


def _add_auth(pack: Pack, auth: Auth) -> None:
    if isinstance(auth, Anonymous):
        pack.add_int("authtype", ANONYMOUS)
    elif isinstance(auth, PasswordProof):
        pack.add_int("authtype", PASSWORD).add_data("secure_password", auth.secure_password)
    elif isinstance(auth, PlainPassword):
        pack.add_int("authtype", PLAIN_PASSWORD).add_str("plain_password", auth.password)
    elif isinstance(auth, CertificateProof):
        pack.add_int("authtype", CERTIFICATE)
        pack.add_data("cert", auth.certificate).add_data("sign", auth.signature)
    elif isinstance(auth, TicketProof):
        pack.add_int("authtype", TICKET).add_data("ticket", auth.ticket)
    else:
        pack.add_int("authtype", auth.authtype)


def _read_auth(pack: Pack) -> Auth:
    kind = pack.get_int("authtype")
    if kind == ANONYMOUS:
        return Anonymous()
    if kind == PASSWORD:
        return PasswordProof(_digest(pack, "secure_password"))
    if kind == PLAIN_PASSWORD:
        return PlainPassword(pack.get_str("plain_password"))
    if kind == CERTIFICATE:
        return CertificateProof(pack.get_data("cert"), pack.get_data("sign"))
    if kind == TICKET:
        return TicketProof(_digest(pack, "ticket"))
    return UnknownAuth(kind)


def _digest(pack: Pack, name: str) -> bytes:
    value = pack.get_data(name)
    if len(value) != DIGEST:
        raise ProtocolError(f"The login's {name} is not {DIGEST} bytes long.")
    return value
