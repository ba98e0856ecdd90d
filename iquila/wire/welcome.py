"""The pack that opens a session (reference §4)."""

from __future__ import annotations

from attrs import field, frozen

from iquila.errors import ProtocolError
from iquila.wire.pack import Pack
from iquila.wire.policy import DEFAULT_POLICY, Policy

KEY_SIZE = 20


@frozen
class Welcome:
    """
    What a session is granted.

    TLS is always kept (`use_encrypt`), compression and UDP acceleration are declined.
    """

    session_name: str
    connection_name: str
    session_key: bytes = field(repr=False)
    """20 bytes; whoever has them may continue the session."""
    max_connection: int = 1
    timeout: int = 20_000
    """Milliseconds; never 0, which makes the system's client fail."""
    half_connection: bool = False
    use_encrypt: bool = True
    use_compress: bool = False
    qos: bool = False
    vlan_id: int = 0
    policy: Policy = DEFAULT_POLICY
    message: str = ""
    controllers: tuple[str, ...] = ()
    """Own field: the addresses where our client may log in again."""
    super_frames: bool = False
    """Own field: whether the session carries super-frames (:mod:`.superframe`)."""

    def to_pack(self) -> Pack:
        """Return the pack."""
        pack = (
            Pack()
            .add_str("session_name", self.session_name)
            .add_str("connection_name", self.connection_name)
            .add_int("max_connection", self.max_connection)
            .add_bool("use_encrypt", self.use_encrypt)
            .add_bool("use_compress", self.use_compress)
            .add_bool("half_connection", self.half_connection)
            .add_int("timeout", self.timeout)
            .add_bool("qos", self.qos)
            .add_int("is_azure_session", 0)
            .add_int("vlan_id", self.vlan_id)
            .add_data("session_key", self.session_key)
            .add_int("session_key_32", int.from_bytes(self.session_key[:4], "big"))
            .add_int("enable_udp_recovery", 0)
            .add_data("Msg", self.message.encode())
        )
        self.policy.add_to(pack)
        pack.add_bool("iquila_super_frames", self.super_frames)
        return pack.add_str("iquila_controllers", *self.controllers)

    @classmethod
    def from_pack(cls, pack: Pack) -> Welcome:
        """
        Read the pack.

        :raises ProtocolError: what a session needs is missing.
        """
        key = pack.get_data("session_key")
        name, timeout = pack.get_str("session_name"), pack.get_int("timeout")
        if not name or len(key) != KEY_SIZE or not timeout:
            raise ProtocolError("The server's welcome is not complete.")
        return cls(
            session_name=name,
            connection_name=pack.get_str("connection_name"),
            session_key=key,
            max_connection=min(max(pack.get_int("max_connection"), 1), 32),
            timeout=timeout,
            half_connection=pack.get_bool("half_connection"),
            use_encrypt=pack.get_bool("use_encrypt"),
            use_compress=pack.get_bool("use_compress"),
            qos=pack.get_bool("qos"),
            vlan_id=pack.get_int("vlan_id"),
            policy=Policy.from_pack(pack),
            message=pack.get_data("Msg").decode("utf-8", "replace"),
            controllers=tuple(pack.all_strs("iquila_controllers")[:16]),
            super_frames=pack.get_bool("iquila_super_frames"),
        )
