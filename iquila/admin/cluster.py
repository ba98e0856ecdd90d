"""Operations on the cluster: the mode of a server, its members, its cluster connection."""

from __future__ import annotations

import ipaddress

from attrs import evolve, frozen

from iquila.admin.fields import address, data, flag, items, numbers, secret, text, time, u32
from iquila.admin.managed import ManagedServer, ServerRow
from iquila.admin.operation import Caller, Nothing, Table
from iquila.database.records import Member, Placement, ServerMode, Switch, SwitchKind
from iquila.database.store import delete
from iquila.errors import InvalidParameter, NotController, NotMember, ObjectNotFound
from iquila.link.controller import shown_key
from iquila.wire.passwords import administration_hash

TABLE = Table()
NOT_CONTROLLER = {ServerMode.STANDALONE: NotController, ServerMode.MEMBER: NotController}
NOT_MEMBER = {ServerMode.STANDALONE: NotMember, ServerMode.CONTROLLER: NotMember}
MAX_WEIGHT = 1_000_000
MAX_PORTS = 128
NO_PASSWORD = b"\0" * 20
"""What is told in place of a hash."""


@frozen
class FarmSetting:
    """What a server is in a cluster (reference §10.2 RPC_FARM)."""

    server_type: int = u32("ServerType")
    ports: tuple[int, ...] = numbers("Ports")
    public_address: str = address("PublicIp")
    controller: str = text("ControllerName")
    controller_port: int = u32("ControllerPort")
    password_hash: bytes = data("MemberPassword")
    password: str = secret("MemberPasswordPlaintext")
    weight: int = u32("Weight")
    controller_only: bool = flag("ControllerOnly")


@TABLE.operation("GetFarmSetting", Nothing, FarmSetting)
async def get_farm_setting(server: ManagedServer, caller: Caller, request: Nothing) -> FarmSetting:
    """Tell the mode of the server and its settings in the cluster."""
    settings = server.settings
    return FarmSetting(
        server_type=int(settings.mode),
        ports=settings.public_ports or _open_ports(server),
        public_address=settings.public_address or "0.0.0.0",
        controller=settings.controller_host,
        controller_port=settings.controller_port,
        password_hash=NO_PASSWORD,
        weight=settings.weight,
        controller_only=settings.controller_only,
    )


def _open_ports(server: ManagedServer) -> tuple[int, ...]:
    """Return the ports that clients are sent to where none are set."""
    return tuple(row.port for row in server.listeners() if row.enabled and not row.error)


@TABLE.operation("SetFarmSetting", FarmSetting, FarmSetting)
async def set_farm_setting(
    server: ManagedServer, caller: Caller, request: FarmSetting
) -> FarmSetting:
    """Change the mode of the server: its sessions end, and the databases are copied first."""
    try:
        mode = ServerMode(request.server_type)
    except ValueError:
        raise InvalidParameter("The server type is 0, 1 or 2.") from None
    if request.weight > MAX_WEIGHT:
        raise InvalidParameter(f"A weight is a number from 1 to {MAX_WEIGHT}.")
    settings = evolve(server.settings, mode=mode, weight=request.weight or 100)
    if mode is ServerMode.CONTROLLER:
        settings = evolve(settings, controller_only=request.controller_only)
    elif mode is ServerMode.MEMBER:
        if not request.controller or not 1 <= request.controller_port <= 65535:
            raise InvalidParameter("Give the controller's host name and port.")
        hashed = request.password_hash if any(request.password_hash) else b""
        if request.password:
            hashed = administration_hash(request.password)
        hashed = hashed or settings.member_password_hash
        if len(hashed) != 20:
            raise InvalidParameter("Give the controller's administration password.")
        unset = ipaddress.ip_address(request.public_address).is_unspecified
        settings = evolve(
            settings,
            controller_host=request.controller,
            controller_port=request.controller_port,
            member_password_hash=hashed,
            public_address="" if unset else request.public_address,
            public_ports=_ports(request.ports),
        )
    await server.reconfigure(settings)
    return evolve(request, weight=settings.weight, password="", password_hash=NO_PASSWORD)


def _ports(ports: tuple[int, ...]) -> tuple[int, ...]:
    if len(ports) > MAX_PORTS or any(not 1 <= port <= 65535 for port in ports):
        raise InvalidParameter(f"Give at most {MAX_PORTS} public ports, each from 1 to 65535.")
    return ports


@frozen
class FarmMember:
    """One server in the list."""

    id: int = u32("Id")
    controller: bool = flag("Controller")
    connected: int = time("ConnectedTime")
    address: str = address("Ip")
    host_name: str = text("Hostname")
    points: int = u32("Point")
    sessions: int = u32("NumSessions")
    tcp_connections: int = u32("NumTcpConnections")
    switches: int = u32("NumHubs")
    client_licenses: int = u32("AssignedClientLicense")
    bridge_licenses: int = u32("AssignedBridgeLicense")


@frozen
class FarmMembers:
    """All servers of a cluster, the controller first."""

    members: tuple[FarmMember, ...] = items("FarmMemberList", FarmMember)


@TABLE.operation("EnumFarmMember", Nothing, FarmMembers, refused=NOT_CONTROLLER)
async def enum_farm_member(server: ManagedServer, caller: Caller, request: Nothing) -> FarmMembers:
    """List the servers of the cluster with their points."""
    return FarmMembers(
        tuple(
            FarmMember(
                id=row.description.key,
                controller=row.own,
                connected=row.description.connected_at,
                address=row.description.address,
                host_name=row.description.host_name,
                points=row.points,
                sessions=row.report.sessions,
                tcp_connections=row.report.tcp_connections,
                switches=len(_switches_of(server, row)),
            )
            for row in server.servers()
        )
    )


@frozen
class FarmSwitch:
    """A switch that runs on a server."""

    name: str = text("HubName")
    dynamic: bool = flag("DynamicHub")


@frozen
class FarmInfo:
    """One server of the cluster."""

    id: int = u32("Id")
    controller: bool = flag("Controller")
    connected: int = time("ConnectedTime")
    address: str = address("Ip")
    host_name: str = text("Hostname")
    points: int = u32("Point")
    ports: tuple[int, ...] = numbers("Ports")
    certificate: bytes = data("ServerCert")
    switches: tuple[FarmSwitch, ...] = items("HubsList", FarmSwitch)
    sessions: int = u32("NumSessions")
    tcp_connections: int = u32("NumTcpConnections")
    weight: int = u32("Weight")


@TABLE.operation("GetFarmInfo", FarmInfo, FarmInfo, refused=NOT_CONTROLLER)
async def get_farm_info(server: ManagedServer, caller: Caller, request: FarmInfo) -> FarmInfo:
    """Tell everything of one server of the cluster, by its id in the list."""
    row = next((r for r in server.servers() if r.description.key == request.id), None)
    if row is None:
        raise ObjectNotFound(
            f"There is no server with the id {request.id}: list the members again."
        )
    description = row.description
    return FarmInfo(
        id=request.id,
        controller=row.own,
        connected=description.connected_at,
        address=description.address,
        host_name=description.host_name,
        points=row.points,
        ports=description.ports,
        certificate=description.certificate,
        switches=_switches_of(server, row),
        sessions=row.report.sessions,
        tcp_connections=row.report.tcp_connections,
        weight=description.weight,
    )


def _switches_of(server: ManagedServer, row: ServerRow) -> tuple[FarmSwitch, ...]:
    """Return the switches that run on a server, as the database places them."""
    switches = []
    for switch in server.system.all(Switch):
        if not switch.online:
            continue
        if switch.kind is SwitchKind.STATIC:
            switches.append(FarmSwitch(switch.name, False))
        else:
            placement = server.system.get(Placement, switch.key)
            if placement is not None and placement.member == row.description.id:
                switches.append(FarmSwitch(switch.name, True))
    return tuple(switches)


@frozen
class KnownMember:
    """A member that has joined once, by its id in the list or by its host name."""

    id: int = u32("Id")
    host_name: str = text("Hostname")


@TABLE.operation("ForgetFarmMember", KnownMember, KnownMember, refused=NOT_CONTROLLER)
async def forget_farm_member(
    server: ManagedServer, caller: Caller, request: KnownMember
) -> KnownMember:
    """Forget the certificate of a member that is away: it may come back with another one."""
    found = [
        member
        for member in server.system.all(Member)
        if (shown_key(member.id) == request.id or not request.id)
        and (member.host_name.lower() == request.host_name.lower() or not request.host_name)
    ]
    if not (request.id or request.host_name) or not found:
        raise ObjectNotFound("No member with this id and host name has ever joined.")
    if len(found) > 1:
        keys = ", ".join(str(shown_key(member.id)) for member in found)
        raise InvalidParameter(f"Several members have this host name: give one of the ids {keys}.")
    member = found[0]
    if any(row.description.id == member.id for row in server.servers()):
        raise InvalidParameter("This member is connected: its certificate is the right one.")
    await server.system.transact([delete(Member, member.key)])
    return KnownMember(shown_key(member.id), member.host_name)


@frozen
class FarmConnection:
    """A member's connection to its controller (reference §10.2)."""

    address: str = address("Ip")
    port: int = u32("Port")
    online: bool = flag("Online")
    last_error: int = u32("LastError")
    started: int = time("StartedTime")
    first_connected: int = time("FirstConnectedTime")
    current_connected: int = time("CurrentConnectedTime")
    tries: int = u32("NumTry")
    connected: int = u32("NumConnected")
    failed: int = u32("NumFailed")


@TABLE.operation("GetFarmConnectionStatus", Nothing, FarmConnection, refused=NOT_MEMBER)
async def get_farm_connection_status(
    server: ManagedServer, caller: Caller, request: Nothing
) -> FarmConnection:
    """Tell how this member's connection to its controller is."""
    status = server.link_status()
    if status is None:
        raise NotMember
    return FarmConnection(
        address=status.address or "0.0.0.0",
        port=status.port,
        online=status.online,
        last_error=status.last_error,
        started=status.started,
        first_connected=status.first_connected,
        current_connected=status.current_connected if status.online else 0,
        tries=status.tries,
        connected=status.connected,
        failed=status.failed,
    )
