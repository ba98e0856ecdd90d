"""How a connection setting travels, with the names of the system's own client."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from iquila.admin.fields import WIRE, Wire, data, flag, secret, text, time, u32, utf
from iquila.database.client import FOR_EVER, AccountRecord, ClientAuth
from iquila.errors import InvalidParameter


def _with(kind: str, name: str, default: Any) -> Any:
    return field(default=default, metadata={WIRE: Wire(name, kind)})


@frozen
class AccountForm:
    """A connection setting; the last fields are there because others send them."""

    name: str = utf("AccountName")
    host: str = text("Hostname")
    port: int = u32("Port")
    switch: str = text("HubName")
    adapter: str = text("DeviceName")
    auth: int = u32("AuthType")
    user: str = text("Username")
    password_hash: bytes = data("HashedPassword")
    password: str = secret("PlainPassword")
    certificate: bytes = data("ClientX")
    key_data: bytes = data("ClientK")
    check_server: bool = _with("bool", "CheckServerCert", True)
    server_certificate: bytes = data("ServerCert")
    retry_untrusted: bool = flag("RetryOnServerCert")
    max_connections: int = _with("u32", "MaxConnection", 1)
    half_duplex: bool = flag("HalfConnection")
    bridge: bool = flag("RequireBridgeRoutingMode")
    monitor: bool = flag("RequireMonitorMode")
    retries: int = _with("u32", "NumRetry", FOR_EVER)
    retry_interval: int = _with("u32", "RetryInterval", 15)
    startup: bool = flag("StartupAccount")
    created: int = time("CreateDateTime")
    updated: int = time("UpdateDateTime")
    last_connected: int = time("LastConnectDateTime")
    encrypt: bool = _with("bool", "UseEncrypt", True)
    compress: bool = flag("UseCompress")
    proxy: int = _with("u32", "ProxyType", 0)
    interval: int = _with("u32", "AdditionalConnectionInterval", 1)
    life: int = u32("ConnectionDisconnectSpan")
    no_tracking: bool = _with("bool", "NoRoutingTracking", True)
    no_qos: bool = _with("bool", "DisableQoS", True)
    no_udp: bool = _with("bool", "NoUdpAcceleration", True)


_SAME = (
    "name host port switch adapter user password_hash password certificate key_data check_server "
    "server_certificate retry_untrusted max_connections half_duplex bridge monitor retries "
    "retry_interval startup created updated last_connected"
).split()
"""Fields that a form and a record share."""


def form_of(record: AccountRecord) -> AccountForm:
    """Return a record as it travels."""
    same = {name: getattr(record, name) for name in _SAME}
    return AccountForm(auth=int(record.auth), **same)


def record_of(form: AccountForm) -> AccountRecord:
    """
    Return the record of a form, its values not checked yet.

    :raises InvalidParameter: the kind of authentication is not one that this client knows.
    """
    try:
        auth = ClientAuth(form.auth)
    except ValueError as error:
        raise InvalidParameter(
            "This client logs in anonymously (0), by password (1), by a plain password for RADIUS "
            "(2) or by certificate (3): smart cards are not supported."
        ) from error
    return AccountRecord(auth=auth, **{name: getattr(form, name) for name in _SAME})
