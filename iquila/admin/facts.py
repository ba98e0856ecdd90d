"""Operations that tell what a server is: product, counters, and an echo."""

from __future__ import annotations

import platform
import time as clock
from collections import Counter
from functools import lru_cache

from attrs import evolve, frozen

import iquila
from iquila.admin.fields import TrafficCounts, embed, text, time, u32, u64, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Nothing, Table, Who
from iquila.cluster.roster import LoadReport
from iquila.database.belongings import Group
from iquila.database.records import Switch, SwitchKind, User

TABLE = Table()
PRODUCT = "iquila VEN Server"
LINUX = 3100
"""The number of the operating system (reference jsonrpc "Recorded exchanges")."""


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
    system = operating_system()
    return ServerInfo(
        product=PRODUCT,
        version=f"Version {iquila.__version__}",
        build_info=f"Python {platform.python_version()}",
        version_number=version_number(),
        host_name=server.host_name,
        server_type=int(server.settings.mode),
        family="iquila",
        os_type=LINUX,
        os_system=platform.system(),
        os_product=system.get("NAME", platform.system()),
        os_vendor=system.get("HOME_URL", ""),
        os_version=system.get("VERSION", system.get("VERSION_ID", platform.release())),
        kernel=platform.system(),
        kernel_version=f"{platform.release()} {platform.version()}",
    )


def version_number() -> int:
    """Return the version as programs of the protocol compare it: 26.11 is 2611."""
    major, minor = iquila.__version__.split(".")[:2]
    return int(major) * 100 + int(minor)


@lru_cache(maxsize=1)
def operating_system() -> dict[str, str]:
    """Return what the operating system says of itself; nothing where it says nothing."""
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


@lru_cache(maxsize=1)
def processor_flags() -> frozenset[str]:
    """Return the names of what the processor can do, as Linux has them; maybe nothing."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name.strip().lower() in ("flags", "features"):
                    return frozenset(rest.split())
    except OSError:
        pass
    return frozenset()


@frozen
class ServerStatus:
    """The counters of a server; on a controller, of the cluster."""

    server_type: int = u32("ServerType")
    tcp_connections: int = u32("NumTcpConnections")
    tcp_connections_local: int = u32("NumTcpConnectionsLocal")
    tcp_connections_remote: int = u32("NumTcpConnectionsRemote")
    switches: int = u32("NumHubTotal")
    standalone_switches: int = u32("NumHubStandalone")
    static_switches: int = u32("NumHubStatic")
    dynamic_switches: int = u32("NumHubDynamic")
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
    every = own + others
    switches = server.system.all(Switch)
    kinds = Counter(switch.kind for switch in switches)
    total, available = _memory()
    return ServerStatus(
        server_type=int(server.settings.mode),
        tcp_connections=sum(r.tcp_connections for r in every),
        tcp_connections_local=sum(r.tcp_connections for r in own),
        tcp_connections_remote=sum(r.tcp_connections for r in others),
        switches=len(switches),
        standalone_switches=kinds[SwitchKind.STANDALONE],
        static_switches=kinds[SwitchKind.STATIC],
        dynamic_switches=kinds[SwitchKind.DYNAMIC],
        sessions=sum(r.sessions for r in every),
        sessions_local=sum(r.sessions for r in own),
        sessions_remote=sum(r.sessions for r in others),
        mac_tables=sum(i.macs for r in every for i in r.instances),
        ip_tables=sum(i.ips for r in every for i in r.instances),
        users=server.system.count(User),
        groups=server.system.count(Group),
        traffic=_traffic(every),
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


def _traffic(reports: list[LoadReport]) -> TrafficCounts:
    """Sum up what servers report; the order of the counts is the same on both sides."""
    told = [r.traffic for r in reports if len(r.traffic) == COUNTS]
    return TrafficCounts(*(sum(counts) for counts in zip(*told, strict=True)))


COUNTS = 8


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
