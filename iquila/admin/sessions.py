"""Operations on sessions and learned addresses, over all servers of a cluster."""

from __future__ import annotations

import time as clock
import zlib
from typing import Any

from attrs import evolve, frozen

from iquila.admin.fields import (
    TrafficCounts,
    address,
    data,
    embed,
    flag,
    items,
    text,
    time,
    told_u32,
    u32,
    u64,
)
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who
from iquila.admin.parts import Part, Parts
from iquila.admin.switches import Hub, known
from iquila.errors import ObjectNotFound
from iquila.session.server import ServerSession
from iquila.wire.hello import BUILD, VERSION

TABLE = Table()
PARTS = Parts()


@frozen
class SessionItem:
    """A session in the list."""

    name: str = text("Name")
    remote: bool = flag("RemoteSession")
    remote_host: str = text("RemoteHostname")
    user: str = text("Username")
    ip: str = address("Ip")
    client_ip: str = address("ClientIP")
    host_name: str = text("Hostname")
    max_connections: int = u32("MaxNumTcp")
    connections: int = u32("CurrentNumTcp")
    size: int = u64("PacketSize")
    frames: int = u64("PacketNum")
    link_mode: bool = flag("LinkMode")
    secure_nat: bool = flag("SecureNATMode")
    bridge: bool = flag("BridgeMode")
    layer3: bool = flag("Layer3Mode")
    client_bridge: bool = flag("Client_BridgeMode")
    client_monitor: bool = flag("Client_MonitorMode")
    vlan: int = u32("VLanId")
    unique_id: bytes = data("UniqueId")
    dormant_enabled: bool = flag("IsDormantEnabled")
    dormant: bool = flag("IsDormant")
    last_dormant: int = time("LastCommDormant")
    created: int = time("CreatedTime")
    last_communication: int = time("LastCommTime")


@frozen
class SessionList:
    """The sessions of a switch."""

    hub_name: str = text("HubName")
    sessions: tuple[SessionItem, ...] = items("SessionList", SessionItem)


def _wall(server: ManagedServer, moment: float) -> int:
    """Return monotonic seconds as ms since 1970."""
    return int((clock.time() - (server.now() - moment)) * 1000)


def _totals(session: ServerSession) -> tuple[int, int]:
    """Return frames and bytes of a session, both ways."""
    came, went = session.port.received, session.port.sent
    frames = came.unicast_frames + came.broadcast_frames + went.unicast_frames
    size = came.unicast_bytes + came.broadcast_bytes + went.unicast_bytes
    return frames + went.broadcast_frames, size + went.broadcast_bytes


def _item(server: ManagedServer, session: ServerSession) -> SessionItem:
    facts = session.facts
    frames, size = _totals(session)
    return SessionItem(
        name=facts.name,
        remote_host=server.host_name,
        user=facts.user,
        ip=str(facts.address),
        client_ip=str(facts.address),
        host_name=str(facts.address),
        max_connections=facts.max_connections,
        connections=len(session.connections),
        size=size,
        frames=frames,
        client_bridge=facts.bridge,
        client_monitor=facts.monitor,
        vlan=facts.policy.vlan_id,
        unique_id=facts.node.unique_id,
        created=facts.created,
        last_communication=_wall(server, session.last_active()),
    )


@PARTS.part("EnumSession", Hub, SessionList)
def sessions_here(server: ManagedServer, request: Hub) -> SessionList:
    """Return the sessions of a switch on this server."""
    found = server.sessions(request.hub_name)
    return SessionList(request.hub_name, tuple(_item(server, session) for session in found))


@TABLE.operation("EnumSession", Hub, SessionList, Who.SWITCH, denied_by="no_enum_session")
async def enum_session(server: ManagedServer, caller: Caller, request: Hub) -> SessionList:
    """List the sessions of a Virtual Switch, and on which server each is."""
    switch = known(server, request.hub_name)
    rows: list[SessionItem] = []
    for row, part in await sessions_here.everywhere(server, request, switch.name):
        host = row.description.host_name
        rows += [evolve(s, remote=not row.own, remote_host=host) for s in part.sessions]
    return SessionList(switch.name, tuple(rows))


@frozen
class SessionName:
    """A session by name."""

    hub_name: str = text("HubName")
    name: str = text("Name")


@frozen
class SessionStatus:
    """Everything known of a session."""

    hub_name: str = text("HubName")
    name: str = text("Name")
    user: str = text("Username")
    real_user: str = text("RealUsername")
    group: str = text("GroupName")
    link_mode: bool = flag("LinkMode")
    client_address: str = address("Client_Ip_Address")
    client_ip: str = address("SessionStatus_ClientIp")
    """The same, under the name that the system's tools look for."""
    client_host: str = text("SessionStatus_ClientHostName")
    active: bool = flag("Active")
    connected: bool = flag("Connected")
    status: int = u32("SessionStatus")
    server_name: str = text("ServerName")
    server_port: int = u32("ServerPort")
    server_product: str = text("ServerProductName")
    server_version: int = u32("ServerProductVer")
    server_build: int = u32("ServerProductBuild")
    started: int = time("StartTime")
    # The misspelt names are those of the protocol.
    first_connected: int = time("FirstConnectionEstablisiedTime")
    current_connected: int = time("CurrentConnectionEstablishTime")
    connections_made: int = u32("NumConnectionsEatablished")
    half_duplex: bool = flag("HalfConnection")
    qos: bool = flag("QoS")
    max_connections: int = u32("MaxTcpConnections")
    connections: int = u32("NumTcpConnections")
    connections_up: int = u32("NumTcpConnectionsUpload")
    connections_down: int = u32("NumTcpConnectionsDownload")
    encrypted: bool = flag("UseEncrypt")
    cipher: str = text("CipherName")
    compressed: bool = flag("UseCompress")
    rudp: bool = flag("IsRUDPSession")
    underlay: str = text("UnderlayProtocol")
    udp_acceleration: bool = flag("IsUdpAccelerationEnabled")
    using_udp_acceleration: bool = flag("IsUsingUdpAcceleration")
    session_name: str = text("SessionName")
    connection_name: str = text("ConnectionName")
    sent: int = u64("TotalSendSize")
    received: int = u64("TotalRecvSize")
    sent_real: int = u64("TotalSendSizeReal")
    received_real: int = u64("TotalRecvSizeReal")
    bridge: bool = flag("IsBridgeMode")
    monitor: bool = flag("IsMonitorMode")
    vlan: int = u32("VLanId")
    traffic: TrafficCounts = embed(TrafficCounts)
    client_product: str = text("ClientProductName")
    client_version: int = told_u32("ClientProductVer")
    client_build: int = told_u32("ClientProductBuild")
    client_os: str = text("ClientOsName")
    client_os_version: str = text("ClientOsVer")
    client_os_product: str = text("ClientOsProductId")
    client_host_name: str = text("ClientHostname")
    told_client_address: str = address("ClientIpAddress")
    told_client_port: int = told_u32("ClientPort")
    told_server_name: str = text("ServerHostname")
    told_server_address: str = address("ServerIpAddress")
    told_server_port: int = told_u32("ServerPort2")
    unique_id: bytes = data("UniqueId")


def _here(server: ManagedServer, request: SessionName) -> ServerSession:
    session = server.session(request.hub_name, request.name)
    if session is None:
        raise ObjectNotFound(
            f"There is no session '{request.name[:64]}' on '{request.hub_name[:64]}'."
        )
    return session


@PARTS.part("GetSessionStatus", SessionName, SessionStatus)
def session_here(server: ManagedServer, request: SessionName) -> SessionStatus:
    """Return everything known of a session on this server."""
    session = _here(server, request)
    facts, node = session.facts, session.facts.node
    came, went = session.port.received, session.port.sent
    received, sent = came.unicast_bytes + came.broadcast_bytes, went.unicast_bytes
    sent += went.broadcast_bytes
    return SessionStatus(
        hub_name=facts.switch,
        name=facts.name,
        user=facts.user,
        real_user=facts.real_name or facts.user,
        group=facts.group,
        client_address=str(facts.address),
        client_ip=str(facts.address),
        client_host=str(facts.address),
        active=True,
        connected=bool(session.connections),
        status=3,  # established
        server_name=server.host_name,
        server_product="iquila VEN Server",
        server_version=VERSION,
        server_build=BUILD,
        started=facts.created,
        first_connected=facts.created,
        current_connected=facts.created,
        connections_made=session.connections_made,
        half_duplex=facts.half_duplex,
        qos=facts.qos,
        max_connections=facts.max_connections,
        connections=len(session.connections),
        connections_up=sum(c.receives for c in session.connections),
        connections_down=sum(c.sends for c in session.connections),
        encrypted=True,
        cipher=facts.cipher,
        underlay=f"Standard TCP/IP (IPv{facts.address.version})",
        session_name=facts.name,
        connection_name=facts.connection_name,
        sent=sent,
        received=received,
        sent_real=sent,
        received_real=received,
        bridge=facts.bridge,
        monitor=facts.monitor,
        vlan=facts.policy.vlan_id,
        traffic=TrafficCounts.of(came, went),
        client_product=facts.client.product,
        client_version=facts.client.version,
        client_build=facts.client.build,
        client_os=node.client_os_name,
        client_os_version=node.client_os_version,
        client_os_product=node.client_os_product_id,
        client_host_name=node.client_host_name,
        told_client_address=str(node.client_address),
        told_client_port=node.client_port,
        told_server_name=node.server_host_name,
        told_server_address=str(node.server_address),
        told_server_port=node.server_port,
        unique_id=node.unique_id,
    )


@TABLE.operation(
    "GetSessionStatus", SessionName, SessionStatus, Who.SWITCH, denied_by="no_query_session"
)
async def get_session_status(
    server: ManagedServer, caller: Caller, request: SessionName
) -> SessionStatus:
    """Tell everything known of one session, wherever it is."""
    status: SessionStatus = await _first(session_here, server, request)
    return status


@PARTS.part("DeleteSession", SessionName, SessionName)
def end_here(server: ManagedServer, request: SessionName) -> SessionName:
    """End a session on this server."""
    _here(server, request).end()
    return request


@TABLE.operation(
    "DeleteSession", SessionName, SessionName, Who.SWITCH, denied_by="no_disconnect_session"
)
async def delete_session(
    server: ManagedServer, caller: Caller, request: SessionName
) -> SessionName:
    """End a session, wherever it is; its client may log in again."""
    ended: SessionName = await _first(end_here, server, request)
    return ended


async def _first(part: Part, server: ManagedServer, request: SessionName) -> Any:
    """Return the answer of the one server that has a session."""
    switch = known(server, request.hub_name)
    for row, listed in await sessions_here.everywhere(server, Hub(switch.name), switch.name):
        if any(s.name.lower() == request.name.lower() for s in listed.sessions):
            return await part.at(server, row, request)
    return part.do(server, request)


@frozen
class MacItem:
    """A learned address."""

    key: int = u32("Key")
    session: str = text("SessionName")
    mac: bytes = data("MacAddress")
    vlan: int = u32("VlanId")
    created: int = time("CreatedTime")
    updated: int = time("UpdatedTime")
    remote: bool = flag("RemoteItem")
    remote_host: str = text("RemoteHostname")


@frozen
class MacList:
    """The learned addresses of a switch."""

    hub_name: str = text("HubName")
    entries: tuple[MacItem, ...] = items("MacTable", MacItem)


@PARTS.part("EnumMacTable", Hub, MacList)
def macs_here(server: ManagedServer, request: Hub) -> MacList:
    """Return what a switch has learned on this server."""
    switch = server.switch(request.hub_name)
    entries = [] if switch is None else switch.mac_table()
    return MacList(
        request.hub_name,
        tuple(
            MacItem(
                key=_mac_key(server, entry.mac),
                session=entry.port.name,
                mac=entry.mac,
                created=_wall(server, entry.created),
                updated=_wall(server, entry.updated),
                remote_host=server.host_name,
            )
            for entry in entries
        ),
    )


def _mac_key(server: ManagedServer, mac: bytes) -> int:
    # The same address may be learned on several servers: each has its own number for it.
    return zlib.crc32(server.settings.server_id.encode() + mac) or 1


@TABLE.operation("EnumMacTable", Hub, MacList, Who.SWITCH)
async def enum_mac_table(server: ManagedServer, caller: Caller, request: Hub) -> MacList:
    """List the MAC addresses that a Virtual Switch has learned, on all servers."""
    switch = known(server, request.hub_name)
    rows: list[MacItem] = []
    for row, part in await macs_here.everywhere(server, request, switch.name):
        host = row.description.host_name
        rows += [evolve(e, remote=not row.own, remote_host=host) for e in part.entries]
    return MacList(switch.name, tuple(rows))


@frozen
class MacKey:
    """A learned MAC or IP address by its number in the list."""

    hub_name: str = text("HubName")
    key: int = u32("Key")


@PARTS.part("DeleteMacTable", MacKey, MacKey)
def forget_here(server: ManagedServer, request: MacKey) -> MacKey:
    """Forget an address on this server, if it is known here."""
    switch = server.switch(request.hub_name)
    for entry in [] if switch is None else switch.mac_table():
        if _mac_key(server, entry.mac) == request.key and switch is not None:
            switch.delete_mac(entry.mac)
            return request
    raise ObjectNotFound("There is no such MAC address: list the table again.")


@TABLE.operation("DeleteMacTable", MacKey, MacKey, Who.SWITCH, denied_by="no_delete_mactable")
async def delete_mac_table(server: ManagedServer, caller: Caller, request: MacKey) -> MacKey:
    """Forget a learned MAC address."""
    switch = known(server, request.hub_name)
    for row, part in await macs_here.everywhere(server, Hub(switch.name), switch.name):
        if any(entry.key == request.key for entry in part.entries):
            await forget_here.at(server, row, request)
            return request
    raise ObjectNotFound("There is no such MAC address: list the table again.")
