"""Operations on Virtual Switches. On the wire they are called hubs."""

from __future__ import annotations

import time as clock
from collections import Counter

from attrs import evolve, fields, frozen

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
)
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Nothing, Table, Who, withheld
from iquila.admin.parts import Parts
from iquila.admin.rules import DIGEST, MAX_SWITCHES
from iquila.cluster.roster import InstanceLoad
from iquila.database.belongings import BELONGINGS, AccessRule, Group
from iquila.database.lookups import belonging
from iquila.database.records import (
    LoginCount,
    Placement,
    Record,
    ServerMode,
    Switch,
    SwitchKind,
    User,
    user_key,
)
from iquila.database.store import Change, delete, put
from iquila.errors import (
    Conflict,
    InvalidName,
    InvalidParameter,
    NotController,
    NotEnoughRights,
    NotSupported,
    SwitchExists,
    SwitchNotFound,
    TooManySwitches,
)
from iquila.wire.names import valid_switch_name
from iquila.wire.passwords import switch_hashes

TABLE = Table()
PARTS = Parts()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotController}


@frozen
class Hub:
    """A switch by its name."""

    hub_name: str = text("HubName")


@frozen
class HubSettings:
    """What an administrator defines of a switch."""

    hub_name: str = text("HubName")
    hashed_password: bytes = data("HashedPassword")
    secure_password: bytes = data("SecurePassword")
    password: str = secret("AdminPasswordPlainText")
    online: bool = flag("Online")
    max_sessions: int = u32("MaxSession")
    no_enum: bool = flag("NoEnum")
    kind: int = u32("HubType")


def known(server: ManagedServer, name: str) -> Switch:
    """
    Return a switch by its name.

    :raises SwitchNotFound: there is none.
    """
    switch = server.system.get(Switch, name)
    if switch is None:
        raise SwitchNotFound(f"There is no Virtual Switch '{name[:64]}' on this server.")
    return switch


def _described(switch: Switch) -> HubSettings:
    return HubSettings(
        hub_name=switch.name,
        hashed_password=switch.hashed_password,
        secure_password=switch.secure_password,
        online=switch.online,
        max_sessions=switch.max_sessions,
        no_enum=switch.no_enum,
        kind=int(switch.kind),
    )


@TABLE.operation("CreateHub", HubSettings, HubSettings, refused=NOT_ON_MEMBER)
async def create_hub(server: ManagedServer, caller: Caller, request: HubSettings) -> HubSettings:
    """Create a Virtual Switch: standalone, or in a cluster static or dynamic."""
    if not valid_switch_name(request.hub_name):
        # The system's tools know this number here, not that of a bad name.
        raise InvalidParameter(str(InvalidName()))
    kind = _kind(server, request.kind)
    if server.system.get(Switch, request.hub_name) is not None:
        raise SwitchExists(f"There is a Virtual Switch '{request.hub_name}' already.")
    if len(server.system.all(Switch)) >= MAX_SWITCHES:
        raise TooManySwitches
    hashed, secure = _passwords(request) or switch_hashes("")
    switch = Switch(
        name=request.hub_name,
        kind=kind,
        online=request.online,
        max_sessions=request.max_sessions,
        hashed_password=hashed,
        secure_password=secure,
        no_enum=request.no_enum,
        created=int(clock.time() * 1000),
    )
    try:
        unchanged = server.system.unchanged(Switch, switch.key)
        await server.system.transact([put(switch)], [unchanged])
    except Conflict:
        raise SwitchExists from None
    return evolve(_described(switch), password=request.password)


def _kind(server: ManagedServer, number: int) -> SwitchKind:
    try:
        kind = SwitchKind(number)
    except ValueError:
        raise InvalidParameter("The type of a Virtual Switch is 0, 1 or 2.") from None
    standalone = server.settings.mode is ServerMode.STANDALONE
    if (kind is SwitchKind.STANDALONE) != standalone:
        raise InvalidParameter(
            "A standalone server has standalone Virtual Switches only."
            if standalone
            else "In a cluster a Virtual Switch is static or dynamic: choose one."
        )
    return kind


def _passwords(request: HubSettings) -> tuple[bytes, bytes] | None:
    if request.password:
        return switch_hashes(request.password)
    both = request.hashed_password, request.secure_password
    if all(len(value) == DIGEST and any(value) for value in both):
        return both
    return None


@TABLE.operation("SetHub", HubSettings, HubSettings, Who.SWITCH, NOT_ON_MEMBER)
async def set_hub(server: ManagedServer, caller: Caller, request: HubSettings) -> HubSettings:
    """Change a Virtual Switch; its type stays what it is."""
    switch = known(server, request.hub_name)
    if request.kind != switch.kind:
        raise NotSupported(
            "The type of a Virtual Switch cannot be changed: delete it and create another."
        )
    changed = evolve(
        switch,
        online=request.online,
        max_sessions=request.max_sessions,
        no_enum=request.no_enum,
    )
    passwords = _passwords(request)
    if request.online != switch.online:
        _check_right(server, caller, switch, _online_option(request))
    if passwords is not None:
        _check_right(server, caller, switch, "no_change_admin_password")
        hashed, secure = passwords
        changed = evolve(changed, hashed_password=hashed, secure_password=secure)
    await _replace(server, switch, changed)
    return evolve(_described(changed), password=request.password)


def _check_right(server: ManagedServer, caller: Caller, switch: Switch, option: str) -> None:
    if withheld(server, caller, switch.name, option):
        raise NotEnoughRights


def _online_option(request: HubSettings | HubOnline) -> str:
    """Return the option that keeps a switch's administrator from letting it run or stop."""
    return "no_online" if request.online else "no_offline"


async def _replace(server: ManagedServer, old: Switch, new: Switch) -> None:
    if new != old:
        await server.system.transact([put(new)], [server.system.unchanged(Switch, old.key)])


@TABLE.operation("GetHub", Hub, HubSettings, Who.SWITCH, NOT_ON_MEMBER)
async def get_hub(server: ManagedServer, caller: Caller, request: Hub) -> HubSettings:
    """Return what an administrator defined of a Virtual Switch."""
    described = _described(known(server, request.hub_name))
    if caller.auditor:
        # Whoever has a hash can answer a challenge with it: it is as good as the password.
        return evolve(described, hashed_password=b"", secure_password=b"")
    return described


@TABLE.operation("DeleteHub", Hub, Hub, refused=NOT_ON_MEMBER)
async def delete_hub(server: ManagedServer, caller: Caller, request: Hub) -> Hub:
    """Delete a Virtual Switch with its users; its sessions end."""
    switch = known(server, request.hub_name)
    changes: list[Change] = [delete(Switch, switch.key), delete(Placement, switch.key)]
    kinds: tuple[type[Record], ...] = (User, LoginCount, *BELONGINGS)
    for cls in kinds:
        changes += [
            delete(cls, record.key) for record in belonging(server.system, cls, switch.name)
        ]
    await server.system.transact(changes)
    return request


@frozen
class HubOnline:
    """Whether a switch is to run."""

    hub_name: str = text("HubName")
    online: bool = flag("Online")


@TABLE.operation(
    "SetHubOnline", HubOnline, HubOnline, Who.SWITCH, NOT_ON_MEMBER, denied_by=_online_option
)
async def set_hub_online(server: ManagedServer, caller: Caller, request: HubOnline) -> HubOnline:
    """Let a Virtual Switch run, or stop it: its sessions end."""
    switch = known(server, request.hub_name)
    await _replace(server, switch, evolve(switch, online=request.online))
    return request


@frozen
class HubItem:
    """A switch in the list."""

    name: str = text("HubName")
    online: bool = flag("Online")
    kind: int = u32("HubType")
    users: int = u32("NumUsers")
    groups: int = u32("NumGroups")
    sessions: int = u32("NumSessions")
    mac_tables: int = u32("NumMacTables")
    ip_tables: int = u32("NumIpTables")
    last_communication: int = time("LastCommTime")
    last_login: int = time("LastLoginTime")
    created: int = time("CreatedTime")
    logins: int = u32("NumLogin")
    traffic_filled: bool = flag("IsTrafficFilled")
    traffic: TrafficCounts = embed(TrafficCounts, "Ex.")


@frozen
class HubList:
    """The switches that the caller may see."""

    switches: tuple[HubItem, ...] = items("HubList", HubItem)


@TABLE.operation("EnumHub", Nothing, HubList, Who.ANY)
async def enum_hub(server: ManagedServer, caller: Caller, request: Nothing) -> HubList:
    """List the Virtual Switches."""
    loads = _loads(server)
    users = Counter(user.switch.lower() for user in server.system.all(User))
    groups = Counter(group.switch.lower() for group in server.system.all(Group))
    rows = []
    for switch in server.system.all(Switch):
        if not caller.may_see(switch.name):
            continue
        own = _own_status(server, switch)
        found = loads.get(switch.key, [])
        rows.append(
            HubItem(
                name=switch.name,
                online=switch.online,
                kind=int(switch.kind),
                users=users[switch.key],
                groups=groups[switch.key],
                sessions=sum(load.sessions for load in found),
                mac_tables=sum(load.macs for load in found),
                last_communication=own.last_communication,
                last_login=own.last_login,
                created=switch.created,
                logins=own.logins,
                traffic_filled=True,
                traffic=own.traffic,
            )
        )
    return HubList(tuple(rows))


def _loads(server: ManagedServer) -> dict[str, list[InstanceLoad]]:
    loads: dict[str, list[InstanceLoad]] = {}
    for row in server.servers():
        for load in row.report.instances:
            loads.setdefault(load.switch.lower(), []).append(load)
    return loads


@frozen
class HubStatus:
    """How a switch is."""

    hub_name: str = text("HubName")
    online: bool = flag("Online")
    kind: int = u32("HubType")
    sessions: int = u32("NumSessions")
    sessions_client: int = u32("NumSessionsClient")
    sessions_bridge: int = u32("NumSessionsBridge")
    access_lists: int = u32("NumAccessLists")
    users: int = u32("NumUsers")
    groups: int = u32("NumGroups")
    mac_tables: int = u32("NumMacTables")
    ip_tables: int = u32("NumIpTables")
    traffic: TrafficCounts = embed(TrafficCounts)
    secure_nat: bool = flag("SecureNATEnabled")
    last_communication: int = time("LastCommTime")
    last_login: int = time("LastLoginTime")
    created: int = time("CreatedTime")
    logins: int = u32("NumLogin")


def _own_status(server: ManagedServer, switch: Switch) -> HubStatus:
    """Return what this server knows of a switch."""
    count = server.logins(switch.name)
    instance = server.switch(switch.name)
    status = HubStatus(
        hub_name=switch.name,
        online=switch.online,
        kind=int(switch.kind),
        last_communication=switch.created,
        last_login=count.last_login or switch.created,
        created=switch.created,
        logins=count.logins,
    )
    if instance is None:
        return status
    silence = server.now() - instance.last_activity
    bridges = instance.bridges
    sessions = len(server.sessions(switch.name))
    return evolve(
        status,
        sessions=sessions,
        sessions_client=sessions - bridges,
        sessions_bridge=bridges,
        mac_tables=instance.stations,
        traffic=TrafficCounts.of(*instance.traffic()),
        last_communication=int((clock.time() - silence) * 1000),
    )


@PARTS.part("GetHubStatus", Hub, HubStatus)
def hub_status_here(server: ManagedServer, request: Hub) -> HubStatus:
    """Return what this server knows of a switch."""
    return _own_status(server, known(server, request.hub_name))


@TABLE.operation("GetHubStatus", Hub, HubStatus, Who.SWITCH)
async def get_hub_status(server: ManagedServer, caller: Caller, request: Hub) -> HubStatus:
    """Tell how a Virtual Switch is, on all servers together."""
    switch = known(server, request.hub_name)
    prefix = user_key(switch.name, "")
    status = evolve(
        _own_status(server, switch),
        access_lists=server.system.count(AccessRule, prefix),
        users=server.system.count(User, prefix),
        groups=server.system.count(Group, prefix),
    )
    for row, part in await hub_status_here.everywhere(server, request, request.hub_name):
        if not row.own:
            status = _sum(status, part)
    return status


def _sum(a: HubStatus, b: HubStatus) -> HubStatus:
    traffic = TrafficCounts(
        *(
            getattr(a.traffic, name) + getattr(b.traffic, name)
            for name in (attribute.name for attribute in fields(TrafficCounts))
        )
    )
    return evolve(
        a,
        sessions=a.sessions + b.sessions,
        sessions_client=a.sessions_client + b.sessions_client,
        sessions_bridge=a.sessions_bridge + b.sessions_bridge,
        mac_tables=a.mac_tables + b.mac_tables,
        traffic=traffic,
        last_communication=max(a.last_communication, b.last_communication),
    )
