"""
What belongs to one Virtual Switch besides its users, and is deleted with it.

Fields have the meaning, units and ranges of reference §9.4, §9.5 and §10.2. Times are
milliseconds since 1970, UTC; 0 means never.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from iquila.database.record import Record, numbered_key, user_key
from iquila.wire.policy import Policy

UNSET = "0.0.0.0"
MAX_PRIORITY = 2**32 - 1


@frozen
class Group(Record):
    """A group of users; its policy holds for members that have none of their own."""

    kind_name: ClassVar[str] = "group"
    switch: str
    name: str
    real_name: str = ""
    note: str = ""
    policy: Policy | None = None

    @property
    def key(self) -> str:
        """``switch/name``."""
        return user_key(self.switch, self.name)


@frozen
class RadiusServer(Record):
    """Whom a switch asks about its RADIUS users."""

    kind_name: ClassVar[str] = "radius"
    switch: str
    host: str
    """One name or address, or several with semicolons between, asked in turn."""
    port: int = 1812
    secret: str = field(default="", repr=False)
    retry_interval: int = 500
    """Milliseconds."""
    timeout: int = 15
    """Seconds for a whole authentication, up to 120: somebody may have to confirm on a phone."""
    accounting_port: int = 0
    """0 for no accounting."""

    @property
    def key(self) -> str:
        """The switch's name."""
        return self.switch.lower()


@frozen
class LogSettings(Record):
    """What a switch logs. Cycles: 0 none, 1 second, 2 minute, 3 hour, 4 day, 5 month."""

    kind_name: ClassVar[str] = "log"
    switch: str
    save_security: bool = True
    security_cycle: int = 4
    save_packets: bool = False
    packet_cycle: int = 4
    packets: tuple[int, ...] = (1, 0, 1) + (0,) * 13
    """What is kept by kind (tcpconn, tcpdata, dhcp, udp, icmp, ip, arp, ether): 0 nothing,
    1 headers, 2 all."""

    @property
    def key(self) -> str:
        """The switch's name."""
        return self.switch.lower()


@frozen
class SwitchOptions(Record):
    """Administrator options and extended options that differ from their defaults, by name."""

    kind_name: ClassVar[str] = "options"
    switch: str
    administrator: dict[str, int] = field(factory=dict)
    extended: dict[str, int] = field(factory=dict)

    @property
    def key(self) -> str:
        """The switch's name."""
        return self.switch.lower()


@frozen
class AccessRule(Record):
    """
    One rule of a switch's access list (reference §9.4). Addresses are text, MACs 6 bytes.

    Rules are looked at by priority, and by number where that is the same. Each is a record of
    its own: a list may be far longer than what one step of a replica carries.
    """

    kind_name: ClassVar[str] = "access"
    switch: str
    number: int
    note: str = ""
    active: bool = True
    priority: int = 0
    discard: bool = False
    ipv6: bool = False
    source: str = UNSET
    source_mask: str = UNSET
    """Masks are compared bit by bit: any pattern is one."""
    destination: str = UNSET
    destination_mask: str = UNSET
    protocol: int = 0
    source_port_start: int = 0
    source_port_end: int = 0
    destination_port_start: int = 0
    destination_port_end: int = 0
    source_user: str = ""
    destination_user: str = ""
    source_mac: bytes = b""
    """Empty where the rule does not look at it."""
    source_mac_mask: bytes = b""
    destination_mac: bytes = b""
    destination_mac_mask: bytes = b""
    check_tcp_state: bool = False
    established: bool = False
    delay: int = 0
    """Milliseconds."""
    jitter: int = 0
    """Per cent."""
    loss: int = 0
    """Per cent."""
    redirect_url: str = ""

    @property
    def key(self) -> str:
        """``switch/number``."""
        return numbered_key(self.switch, self.number)


@frozen
class AddressRule:
    """From where clients may log in: one line of a switch's source address list."""

    id: int
    priority: int
    deny: bool
    address: str
    mask: str = ""
    """Empty for one address only."""


@frozen
class AddressList(Record):
    """The source address list of a switch; where no line matches, the client may come."""

    kind_name: ClassVar[str] = "addresses"
    switch: str
    rules: tuple[AddressRule, ...] = ()

    @property
    def key(self) -> str:
        """The switch's name."""
        return self.switch.lower()


@frozen
class TrustedCA(Record):
    """A certificate authority that a switch trusts for its users; X.509 DER."""

    kind_name: ClassVar[str] = "ca"
    switch: str
    number: int
    certificate: bytes

    @property
    def key(self) -> str:
        """``switch/number``."""
        return numbered_key(self.switch, self.number)


@frozen
class RevokedCertificate(Record):
    """Certificates that a switch refuses: all that match every field that is not empty."""

    kind_name: ClassVar[str] = "revoked"
    switch: str
    number: int
    common_name: str = ""
    organization: str = ""
    unit: str = ""
    country: str = ""
    state: str = ""
    locality: str = ""
    serial: bytes = b""
    md5: bytes = b""
    sha1: bytes = b""

    @property
    def key(self) -> str:
        """``switch/number``."""
        return numbered_key(self.switch, self.number)


BELONGINGS: tuple[type[Record], ...] = (
    Group,
    RadiusServer,
    LogSettings,
    SwitchOptions,
    AccessRule,
    AddressList,
    TrustedCA,
    RevokedCertificate,
)
