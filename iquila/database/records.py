"""
What the databases hold: small frozen records, each with a key that is unique for its type.

Names are compared without regard to case, so keys are lower-cased. Times are milliseconds
since 1970, UTC; 0 means never.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

import msgspec
from attrs import field, frozen

from iquila.database.accounts import Auditor, Token
from iquila.database.belongings import BELONGINGS
from iquila.database.keep import KeepAlive
from iquila.database.record import R, Record, user_key
from iquila.errors import DatabaseCorrupt
from iquila.wire.policy import Policy

MAX_SESSIONS = 100_000
"""Sessions that any server may be told to carry."""


class SwitchKind(IntEnum):
    """The type of a Virtual Switch; it cannot change."""

    STANDALONE = 0
    STATIC = 1
    """An instance on every server of the cluster."""
    DYNAMIC = 2
    """One instance, on one server, while it has sessions."""


class AuthKind(IntEnum):
    """How a user proves who they are."""

    ANONYMOUS = 0
    PASSWORD = 1
    CERTIFICATE = 2
    SIGNED = 3
    RADIUS = 4
    NT = 5


class ServerMode(IntEnum):
    """What a server is."""

    STANDALONE = 0
    CONTROLLER = 1
    MEMBER = 2


@frozen
class Switch(Record):
    """A Virtual Switch. The hashes are those of reference §3.5, 20 bytes."""

    kind_name: ClassVar[str] = "switch"
    name: str
    kind: SwitchKind
    online: bool = True
    max_sessions: int = 0
    hashed_password: bytes = field(default=b"", repr=False)
    secure_password: bytes = field(default=b"", repr=False)
    no_enum: bool = False
    created: int = 0
    message: str = ""

    @property
    def key(self) -> str:
        """The name."""
        return self.name.lower()


@frozen
class User(Record):
    """A user of one Virtual Switch."""

    kind_name: ClassVar[str] = "user"
    switch: str
    name: str
    auth: AuthKind = AuthKind.ANONYMOUS
    password_hash: bytes = field(default=b"", repr=False)
    nt_hash: bytes = field(default=b"", repr=False)
    group: str = ""
    real_name: str = ""
    note: str = ""
    created: int = 0
    updated: int = 0
    expires: int = 0
    policy: Policy | None = None
    certificate: bytes = b""
    """CERTIFICATE: the only one that is accepted, X.509 DER."""
    common_name: str = ""
    """SIGNED: what the certificate's subject must have; empty for any."""
    serial: bytes = b""
    """SIGNED: the certificate's serial number, big-endian; empty for any."""
    alias: str = ""
    """RADIUS, NT: the name at that server; empty for the user's own."""

    @property
    def key(self) -> str:
        """``switch/name``."""
        return user_key(self.switch, self.name)


@frozen
class Placement(Record):
    """Where a dynamic switch runs: the server's id, and the epoch since which it does."""

    kind_name: ClassVar[str] = "placement"
    audited: ClassVar[bool] = False
    switch: str
    member: str
    epoch: int

    @property
    def key(self) -> str:
        """The switch's name."""
        return self.switch.lower()


@frozen
class Member(Record):
    """A member as it joined first; its certificate is pinned by the SHA-256 fingerprint."""

    kind_name: ClassVar[str] = "member"
    id: str
    host_name: str
    fingerprint: bytes
    first_joined: int

    @property
    def key(self) -> str:
        """The id."""
        return self.id


@frozen
class LoginCount(Record):
    """How often a user (or, with an empty user, anybody on a switch) logged in."""

    kind_name: ClassVar[str] = "logins"
    audited: ClassVar[bool] = False
    switch: str
    user: str
    logins: int
    last_login: int

    @property
    def key(self) -> str:
        """``switch/user``."""
        return user_key(self.switch, self.user)


@frozen
class ServerSettings(Record):
    """What one server is; never replicated."""

    kind_name: ClassVar[str] = "server"
    server_id: str
    mode: ServerMode = ServerMode.STANDALONE
    password_hash: bytes = field(default=b"", repr=False)
    weight: int = 100
    controller_only: bool = False
    controller_host: str = ""
    controller_port: int = 0
    member_password_hash: bytes = field(default=b"", repr=False)
    public_address: str = ""
    public_ports: tuple[int, ...] = ()
    max_sessions: int = 4096
    ciphers: str = ""
    """The cipher suites of TLS 1.2, as a list of OpenSSL; empty for the policy."""
    fingerprint: str = ""
    """SHA-256 of the certificate that an administrator set last, hexadecimal: so that who
    follows the changes sees this one, too. What is shown is what the files hold."""

    @property
    def key(self) -> str:
        """There is one only."""
        return "settings"


@frozen
class ListenerRecord(Record):
    """A TCP port that one server listens on; never replicated."""

    kind_name: ClassVar[str] = "listener"
    port: int
    enabled: bool = True

    @property
    def key(self) -> str:
        """The port, with leading zeros, so that keys sort as ports do."""
        return f"{self.port:05d}"


@frozen
class SyslogSettings(Record):
    """
    Where the servers of a cluster send their logs besides keeping them.

    :ivar save_type: 0 nothing, 1 the server log, 2 the security logs too, 3 the packet logs too.
    """

    kind_name: ClassVar[str] = "syslog"
    save_type: int = 0
    host: str = ""
    port: int = 514

    @property
    def key(self) -> str:
        """There is one only."""
        return "syslog"


_ALL: tuple[type[Record], ...] = (
    Switch,
    User,
    *BELONGINGS,
    Placement,
    Member,
    LoginCount,
    Token,
    Auditor,
    ServerSettings,
    ListenerRecord,
    KeepAlive,
    SyslogSettings,
)
RECORD_TYPES: dict[str, type[Record]] = {cls.kind_name: cls for cls in _ALL}


def encode(record: Record) -> bytes:
    """Return a record as JSON; bytes are base64."""
    return msgspec.json.encode(record)


def decode(kind_name: str, data: bytes) -> Record | None:
    """
    Return the record in some JSON, None for a type that is not known here.

    :raises DatabaseCorrupt: the JSON does not fit its type.
    """
    cls = RECORD_TYPES.get(kind_name)
    if cls is None:
        return None
    try:
        return msgspec.json.decode(data, type=cls)
    except msgspec.MsgspecError as error:
        raise DatabaseCorrupt(
            f"The database has a {kind_name} record that cannot be read ({error}): restore a "
            "copy from the directory of backups."
        ) from error


__all__ = [
    "MAX_SESSIONS",
    "RECORD_TYPES",
    "AuthKind",
    "KeepAlive",
    "ListenerRecord",
    "LoginCount",
    "Member",
    "Placement",
    "R",
    "Record",
    "ServerMode",
    "ServerSettings",
    "Switch",
    "SwitchKind",
    "SyslogSettings",
    "User",
    "decode",
    "encode",
    "user_key",
]
