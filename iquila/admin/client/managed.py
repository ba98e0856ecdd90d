"""What the administration of a VEN client needs of it; the service room implements it."""

from __future__ import annotations

from typing import Protocol

from attrs import field, frozen

from iquila.database.client import AccountRecord, AdapterRecord
from iquila.database.records import ServerMode
from iquila.database.store import Database
from iquila.switch.port import Traffic


@frozen
class ClientSettings:
    """What a client is: no part of a cluster."""

    mode: ServerMode = ServerMode.STANDALONE


@frozen
class SessionStatus:
    """
    The session of a connection setting.

    :ivar version: of the server, 501 for 5.01.
    :ivar key: 20 bytes.
    """

    host: str
    port: int
    product: str
    version: int
    build: int
    name: str
    connection: str
    key: bytes = field(repr=False)
    vlan: int = 0
    half_duplex: bool = False
    qos: bool = False
    connections: int = 0
    uploading: int = 0
    downloading: int = 0
    max_connections: int = 1
    cipher: str = ""


@frozen
class AccountStatus:
    """
    A connection setting that is in use.

    :ivar started: milliseconds since 1970, UTC, as are `first` and `current`: the beginning of
        the first session and of the one there is; 0 for none.
    :ivar sessions: how many there have been.
    :ivar session: None while there is none.
    :ivar refusal: why the last attempt failed.
    """

    record: AccountRecord
    started: int
    first: int
    current: int
    sessions: int
    session: SessionStatus | None
    received: Traffic
    sent: Traffic
    refusal: str = ""


class ManagedClient(Protocol):
    """A VEN client under administration."""

    @property
    def settings(self) -> ClientSettings:
        """What it is."""

    @property
    def system(self) -> Database:
        """Its database."""

    def status(self, account: str) -> AccountStatus | None:
        """Return the state of a connection setting, None where it is not in use."""

    def last_refusal(self, account: str) -> str:
        """Return why a connection setting that is not in use was given up, or the empty string."""

    def user_of(self, adapter: str) -> str:
        """Return which connection setting uses an adapter, or the empty string."""

    async def connect(self, record: AccountRecord) -> None:
        """
        Begin to connect.

        :raises AccountActive: it does already.
        :raises AdapterMissing: or another error of the adapter.
        """

    async def disconnect(self, account: str) -> None:
        """
        End the session, and try no more.

        :raises AccountInactive: it is not in use.
        """

    def open_adapter(self, record: AdapterRecord) -> None:
        """
        Make the network device of an adapter, or give the one that is there another address.

        :raises AdapterFailed: it cannot be made.
        """

    def close_adapter(self, name: str) -> None:
        """Remove the network device of an adapter, if there is one."""
