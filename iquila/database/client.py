"""
What a VEN client keeps: its connection settings and its virtual adapters.

They are in a small database of the client's own, ``client.db``, readable by its owner only: a
stored hash is as good as the password where a challenge is to be answered.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from attrs import field, frozen

from iquila.database.record import Record

FOR_EVER = 0xFFFFFFFF
"""As the number of retries: without an end."""


class ClientAuth(IntEnum):
    """How a client proves who its user is; the numbers are those of the protocol."""

    ANONYMOUS = 0
    PASSWORD = 1
    PLAIN_PASSWORD = 2
    """The password itself, for users whom RADIUS or another system knows."""
    CERTIFICATE = 3


@frozen
class AccountRecord(Record):
    """
    A connection setting.

    :ivar adapter: the name of a virtual adapter; there need not be one until it connects.
    :ivar password_hash: PASSWORD: 20 bytes, reference §3.5.
    :ivar password: PLAIN_PASSWORD: the password.
    :ivar certificate: CERTIFICATE: X.509 DER, with its `key_data`, PKCS #8 DER.
    :ivar check_server: whether the server's certificate is checked: by `server_certificate`
        (X.509 DER) if there is one, else by the CA certificates of the operating system.
    :ivar retry_untrusted: whether to go on trying when that check fails.
    :ivar retries: attempts after one that failed, or :data:`FOR_EVER`.
    :ivar retry_interval: seconds, the longest wait between two attempts.
    :ivar startup: whether it connects when the client starts.
    :ivar created: milliseconds since 1970, UTC, as are `updated` and `last_connected`.
    """

    kind_name: ClassVar[str] = "account"
    name: str
    host: str
    port: int
    switch: str
    user: str
    adapter: str
    auth: ClientAuth = ClientAuth.ANONYMOUS
    password_hash: bytes = field(default=b"", repr=False)
    password: str = field(default="", repr=False)
    certificate: bytes = field(default=b"", repr=False)
    key_data: bytes = field(default=b"", repr=False)
    check_server: bool = True
    server_certificate: bytes = field(default=b"", repr=False)
    retry_untrusted: bool = False
    max_connections: int = 1
    half_duplex: bool = False
    bridge: bool = False
    monitor: bool = False
    retries: int = FOR_EVER
    retry_interval: int = 15
    startup: bool = False
    created: int = 0
    updated: int = 0
    last_connected: int = 0

    @property
    def key(self) -> str:
        """The name."""
        return self.name.lower()


@frozen
class AdapterRecord(Record):
    """A virtual adapter: a TAP device. `mac` is 6 bytes."""

    kind_name: ClassVar[str] = "adapter"
    name: str
    mac: bytes
    enabled: bool = True

    @property
    def key(self) -> str:
        """The name."""
        return self.name.lower()


CLIENT_RECORDS: tuple[type[Record], ...] = (AccountRecord, AdapterRecord)
