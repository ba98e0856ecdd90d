"""Operations that connect and disconnect, and tell how a connection setting fares."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from iquila.admin.client.accounts import AccountName, known
from iquila.admin.client.managed import AccountStatus, ManagedClient
from iquila.admin.fields import TrafficCounts, data, embed, flag, text, time, u32, u64, utf
from iquila.admin.operation import Caller, Effect, Table
from iquila.errors import AccountInactive

TABLE: Table[ManagedClient] = Table()
CONNECTING, ESTABLISHED, RETRYING = 0, 3, 4
"""What a connection setting is about, as numbers of the system's own client."""


@TABLE.operation("Connect", AccountName, AccountName)
async def connect(client: ManagedClient, caller: Caller, request: AccountName) -> AccountName:
    """Begin to connect; GetAccountStatus tells what comes of it."""
    record = known(client, request.name)
    await client.connect(record)
    return AccountName(record.name)


@TABLE.operation("Disconnect", AccountName, AccountName)
async def disconnect(client: ManagedClient, caller: Caller, request: AccountName) -> AccountName:
    """End the session of a connection setting, and try no more."""
    record = known(client, request.name)
    await client.disconnect(record.name)
    return AccountName(record.name)


@frozen
class Status:
    """A connection setting in use; where there is no session, its part has nothing to say."""

    name: str = utf("AccountName")
    active: bool = flag("Active")
    connected: bool = flag("Connected")
    status: int = u32("SessionStatus")
    host: str = text("ServerName")
    port: int = u32("ServerPort")
    product: str = text("ServerProductName")
    version: int = u32("ServerProductVer")
    build: int = u32("ServerProductBuild")
    started: int = time("StartTime")
    first: int = time("FirstConnectionEstablisiedTime")
    current: int = time("CurrentConnectionEstablishTime")
    sessions: int = u32("NumConnectionsEstablished")
    half_duplex: bool = flag("HalfConnection")
    qos: bool = flag("QoS")
    max_connections: int = u32("MaxTcpConnections")
    connections: int = u32("NumTcpConnections")
    uploading: int = u32("NumTcpConnectionsUpload")
    downloading: int = u32("NumTcpConnectionsDownload")
    encrypt: bool = flag("UseEncrypt")
    cipher: str = text("CipherName")
    compress: bool = flag("UseCompress")
    rudp: bool = flag("IsRUDPSession")
    underlay: str = text("UnderlayProtocol")
    udp_enabled: bool = flag("IsUdpAccelerationEnabled")
    udp_used: bool = flag("IsUsingUdpAcceleration")
    session: str = text("SessionName")
    connection: str = text("ConnectionName")
    key: bytes = data("SessionKey")
    sent_bytes: int = u64("TotalSendSize")
    received_bytes: int = u64("TotalRecvSize")
    bridge: bool = flag("IsBridgeMode")
    monitor: bool = flag("IsMonitorMode")
    vlan: int = u32("VLanId")
    traffic: TrafficCounts = embed(TrafficCounts)
    refusal: str = utf("LastError")


@TABLE.operation("GetAccountStatus", AccountName, Status, effect=Effect.SECRET)
async def get_account_status(client: ManagedClient, caller: Caller, request: AccountName) -> Status:
    """Tell how a connection setting in use fares, with the key of its session."""
    record = known(client, request.name)
    status = client.status(record.name)
    if status is None:
        refusal = client.last_refusal(record.name)
        raise AccountInactive(f"{AccountInactive.default} {refusal}".strip())
    return _told(status)


def _told(status: AccountStatus) -> Status:
    if status.session is not None:
        number = ESTABLISHED
    else:
        number = RETRYING if status.refusal else CONNECTING
    sent, received = status.sent, status.received
    return Status(
        name=status.record.name,
        active=True,
        connected=status.session is not None,
        status=number,
        started=status.started,
        first=status.first,
        current=status.current,
        sessions=status.sessions,
        bridge=status.record.bridge,
        monitor=status.record.monitor,
        sent_bytes=sent.unicast_bytes + sent.broadcast_bytes,
        received_bytes=received.unicast_bytes + received.broadcast_bytes,
        traffic=TrafficCounts.of(received, sent),
        refusal=status.refusal,
        **_of_session(status),
    )


def _of_session(status: AccountStatus) -> dict[str, Any]:
    session = status.session
    if session is None:
        return {"host": status.record.host, "port": status.record.port}
    family = "IPv6" if ":" in session.host else "IPv4"
    return {
        "host": session.host,
        "port": session.port,
        "product": session.product,
        "version": session.version,
        "build": session.build,
        "half_duplex": session.half_duplex,
        "qos": session.qos,
        "max_connections": session.max_connections,
        "connections": session.connections,
        "uploading": session.uploading,
        "downloading": session.downloading,
        "encrypt": True,
        "cipher": session.cipher,
        "underlay": f"Standard TCP/IP ({family})",
        "session": session.name,
        "connection": session.connection,
        "key": session.key,
        "vlan": session.vlan,
    }
