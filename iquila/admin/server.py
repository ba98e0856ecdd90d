"""Operations on one server itself: facts, password, listeners, configuration."""

from __future__ import annotations

import json
import platform
import time as clock
from collections import Counter

from attrs import asdict, evolve, frozen

import iquila
from iquila.admin.fields import (
    TrafficCounts,
    data,
    embed,
    flag,
    items,
    secret,
    text,
    time,
    u32,
    u64,
    utf,
)
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Nothing, Table, Who
from iquila.database.belongings import Group
from iquila.database.records import RECORD_TYPES, Switch, SwitchKind, User
from iquila.errors import ConfigurationError, InvalidParameter
from iquila.switch.port import Traffic
from iquila.wire.passwords import administration_hash

TABLE = Table()
PRODUCT = "iquila VEN Server"


@frozen
class Test:
    """An echo."""

    number: int = u32("IntValue")
    long_number: int = u64("Int64Value")
    string: str = text("StrValue")
    unicode: str = utf("UniStrValue")


@TABLE.operation("Test", Test, Test, Who.ANY, effect=Effect.READ)
async def test(server: ManagedServer, caller: Caller, request: Test) -> Test:
    """Echo a number."""
    return evolve(request, string=str(request.number))


@frozen
class ServerInfo:
    """What a server is."""

    product: str = text("ServerProductName")
    version: str = text("ServerVersionString")
    build_info: str = text("ServerBuildInfoString")
    version_number: int = u32("ServerVerInt")
    build: int = u32("ServerBuildInt")
    host_name: str = text("ServerHostName")
    server_type: int = u32("ServerType")
    build_date: int = time("ServerBuildDate")
    family: str = text("ServerFamilyName")
    os_type: int = u32("OsType")
    os_service_pack: int = u32("OsServicePack")
    os_system: str = text("OsSystemName")
    os_product: str = text("OsProductName")
    os_vendor: str = text("OsVendorName")
    os_version: str = text("OsVersion")
    kernel: str = text("KernelName")
    kernel_version: str = text("KernelVersion")


@TABLE.operation("GetServerInfo", Nothing, ServerInfo, Who.ANY)
async def get_server_info(server: ManagedServer, caller: Caller, request: Nothing) -> ServerInfo:
    """Tell the product, its version and the operating system."""
    major, minor = iquila.__version__.split(".")[:2]
    return ServerInfo(
        product=PRODUCT,
        version=f"Version {iquila.__version__}",
        build_info=f"Python {platform.python_version()}",
        version_number=int(major) * 100 + int(minor),
        host_name=server.host_name,
        server_type=int(server.settings.mode),
        family="iquila",
        os_type=3100,  # Linux, reference jsonrpc "Recorded exchanges"
        os_system=platform.system(),
        os_product=platform.system(),
        os_version=platform.release(),
        kernel=platform.system(),
        kernel_version=platform.version(),
    )


@frozen
class ServerStatus:
    """The counters of a server; on a controller, of the cluster."""

    server_type: int = u32("ServerType")
    tcp_connections: int = u32("NumTcpConnections")
    tcp_connections_local: int = u32("NumTcpConnectionsLocal")
    tcp_connections_remote: int = u32("NumTcpConnectionsRemote")
    hubs: int = u32("NumHubTotal")
    hubs_standalone: int = u32("NumHubStandalone")
    hubs_static: int = u32("NumHubStatic")
    hubs_dynamic: int = u32("NumHubDynamic")
    sessions: int = u32("NumSessionsTotal")
    sessions_local: int = u32("NumSessionsLocal")
    sessions_remote: int = u32("NumSessionsRemote")
    mac_tables: int = u32("NumMacTables")
    ip_tables: int = u32("NumIpTables")
    users: int = u32("NumUsers")
    groups: int = u32("NumGroups")
    bridge_licenses: int = u32("AssignedBridgeLicenses")
    client_licenses: int = u32("AssignedClientLicenses")
    bridge_licenses_total: int = u32("AssignedBridgeLicensesTotal")
    client_licenses_total: int = u32("AssignedClientLicensesTotal")
    traffic: TrafficCounts = embed(TrafficCounts)
    current_time: int = time("CurrentTime")
    current_tick: int = u64("CurrentTick")
    start_time: int = time("StartTime")
    total_memory: int = u64("TotalMemory")
    used_memory: int = u64("UsedMemory")
    free_memory: int = u64("FreeMemory")
    total_physical: int = u64("TotalPhys")
    used_physical: int = u64("UsedPhys")
    free_physical: int = u64("FreePhys")


@TABLE.operation("GetServerStatus", Nothing, ServerStatus)
async def get_server_status(
    server: ManagedServer, caller: Caller, request: Nothing
) -> ServerStatus:
    """Count connections, switches, sessions, users and traffic."""
    rows = server.servers()
    own = [row.report for row in rows if row.own]
    others = [row.report for row in rows if not row.own]
    switches = server.system.all(Switch)
    kinds = Counter(switch.kind for switch in switches)
    received, sent = Traffic(), Traffic()
    for switch in switches:
        instance = server.switch(switch.name)
        if instance is not None:
            came, went = instance.traffic()
            received.add(came)
            sent.add(went)
    total, available = _memory()
    return ServerStatus(
        server_type=int(server.settings.mode),
        tcp_connections=sum(r.tcp_connections for r in own + others),
        tcp_connections_local=sum(r.tcp_connections for r in own),
        tcp_connections_remote=sum(r.tcp_connections for r in others),
        hubs=len(switches),
        hubs_standalone=kinds[SwitchKind.STANDALONE],
        hubs_static=kinds[SwitchKind.STATIC],
        hubs_dynamic=kinds[SwitchKind.DYNAMIC],
        sessions=sum(r.sessions for r in own + others),
        sessions_local=sum(r.sessions for r in own),
        sessions_remote=sum(r.sessions for r in others),
        mac_tables=sum(i.macs for r in own + others for i in r.instances),
        users=server.system.count(User),
        groups=server.system.count(Group),
        traffic=TrafficCounts.of(received, sent),
        current_time=int(clock.time() * 1000),
        current_tick=int(server.now() * 1000),
        start_time=server.started,
        total_memory=total,
        used_memory=total - available,
        free_memory=available,
        total_physical=total,
        used_physical=total - available,
        free_physical=available,
    )


def _memory() -> tuple[int, int]:
    """Return the machine's memory and what is available of it, in bytes."""
    found = {"MemTotal": 0, "MemAvailable": 0}
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in found:
                    found[name] = int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return found["MemTotal"], found["MemAvailable"]


@frozen
class Password:
    """A new administration password."""

    password: str = secret("PlainTextPassword")


@TABLE.operation("SetServerPassword", Password, Password)
async def set_server_password(server: ManagedServer, caller: Caller, request: Password) -> Password:
    """Change the administration password; members need the new one from then on."""
    if not request.password:
        raise InvalidParameter("The administration password must not be empty: give one.")
    settings = evolve(server.settings, password_hash=administration_hash(request.password))
    await server.reconfigure(settings)
    return request


@frozen
class Certificate:
    """A certificate, X.509 DER; a private key is never told."""

    certificate: bytes = data("Cert")


@TABLE.operation("GetServerCert", Nothing, Certificate)
async def get_server_cert(server: ManagedServer, caller: Caller, request: Nothing) -> Certificate:
    """Return the certificate that the server shows."""
    return Certificate(server.certificate)


# -- listeners


@frozen
class Listener:
    """A TCP port to listen on."""

    port: int = u32("Port")
    enabled: bool = flag("Enable")


@frozen
class ListenerItem:
    """A listener and whether it failed."""

    port: int = u32("Ports")
    enabled: bool = flag("Enables")
    failed: bool = flag("Errors")


@frozen
class ListenerList:
    """All listeners."""

    listeners: tuple[ListenerItem, ...] = items("ListenerList", ListenerItem)


@TABLE.operation("EnumListener", Nothing, ListenerList)
async def enum_listener(server: ManagedServer, caller: Caller, request: Nothing) -> ListenerList:
    """List the TCP ports that the server listens on."""
    return ListenerList(
        tuple(ListenerItem(r.port, r.enabled, bool(r.error)) for r in server.listeners())
    )


@TABLE.operation("CreateListener", Listener, Listener)
async def create_listener(server: ManagedServer, caller: Caller, request: Listener) -> Listener:
    """Listen on one more TCP port."""
    try:
        await server.add_listener(_port(request), request.enabled)
    except ConfigurationError as error:
        raise InvalidParameter(str(error)) from error
    return request


@TABLE.operation("DeleteListener", Listener, Listener)
async def delete_listener(server: ManagedServer, caller: Caller, request: Listener) -> Listener:
    """Listen on a TCP port no more."""
    enabled = [r.port for r in server.listeners() if r.enabled]
    if enabled == [request.port]:
        raise InvalidParameter(
            "This is the last listener: create another one first, or nobody can reach the server."
        )
    await server.remove_listener(request.port)
    return request


@TABLE.operation("EnableListener", Listener, Listener)
async def enable_listener(server: ManagedServer, caller: Caller, request: Listener) -> Listener:
    """Open or close a listener."""
    enabled = [r.port for r in server.listeners() if r.enabled]
    if not request.enabled and enabled == [request.port]:
        raise InvalidParameter(
            "This is the last open listener: open another one first, or nobody can reach the "
            "server."
        )
    try:
        await server.enable_listener(request.port, request.enabled)
    except ConfigurationError as error:
        raise InvalidParameter(str(error)) from error
    return request


def _port(request: Listener) -> int:
    if not 1 <= request.port <= 65535:
        raise InvalidParameter("A port is a number from 1 to 65535.")
    return request.port


# -- configuration


@frozen
class ConfigFile:
    """The configuration as a file."""

    name: str = text("FileName")
    content: bytes = data("FileData")


@TABLE.operation("GetConfig", Nothing, ConfigFile, effect=Effect.SECRET)
async def get_config(server: ManagedServer, caller: Caller, request: Nothing) -> ConfigFile:
    """Return the whole configuration as JSON: settings, listeners, switches, users."""
    records: dict[str, list[object]] = {
        kind: [_plain(asdict(r)) for r in server.system.all(cls)]
        for kind, cls in RECORD_TYPES.items()
    }
    records["server"] = [_plain(asdict(server.settings))]
    records["listener"] = [{"port": row.port, "enabled": row.enabled} for row in server.listeners()]
    content = {"version": iquila.__version__, "records": records}
    return ConfigFile("iquila.json", json.dumps(content, indent=2, default=str).encode())


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value.hex() if isinstance(value, bytes) else value


@TABLE.operation("Flush", Nothing, Test, effect=Effect.READ)
async def flush(server: ManagedServer, caller: Caller, request: Nothing) -> Test:
    """Do nothing: every change is durable before it is acknowledged."""
    return Test()
