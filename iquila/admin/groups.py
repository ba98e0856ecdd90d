"""Operations on the groups of users of a Virtual Switch."""

from __future__ import annotations

from collections import Counter

from attrs import evolve, frozen

from iquila.admin import rules
from iquila.admin.checks import checked
from iquila.admin.fields import TrafficCounts, embed, flag, items, text, u32, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who
from iquila.admin.policyform import PolicyFields
from iquila.admin.switches import Hub, known
from iquila.database.belongings import Group
from iquila.database.options import administrator_option
from iquila.database.records import ServerMode, Switch, User, user_key
from iquila.database.store import Change, Compare, delete, put
from iquila.errors import (
    Conflict,
    GroupExists,
    InvalidParameter,
    NotController,
    NotSupported,
    ObjectNotFound,
    TooManyGroups,
)

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}
NO_CREATION_ON_MEMBER = {ServerMode.MEMBER: NotController}
DENIED_BY = "no_change_groups"
TRIES = 8
"""How often a deletion is begun while others change the members."""


@frozen
class GroupName:
    """A group by name."""

    hub_name: str = text("HubName")
    name: str = text("Name")


@frozen
class GroupRecord:
    """What an administrator defines of a group."""

    hub_name: str = text("HubName")
    name: str = text("Name")
    real_name: str = utf("Realname")
    note: str = utf("Note")
    traffic: TrafficCounts = embed(TrafficCounts)
    use_policy: bool = flag("UsePolicy")
    policy: PolicyFields = embed(PolicyFields, "policy:")


def _group(server: ManagedServer, hub_name: str, name: str) -> Group:
    known(server, hub_name)
    group = server.system.get(Group, user_key(hub_name, name))
    if group is None:
        raise ObjectNotFound(f"There is no group '{name[:64]}' on '{hub_name}'.")
    return group


def _described(group: Group) -> GroupRecord:
    return GroupRecord(
        hub_name=group.switch,
        name=group.name,
        real_name=group.real_name,
        note=group.note,
        use_policy=group.policy is not None,
        policy=PolicyFields.of(group.policy),
    )


def _changed(group: Group, request: GroupRecord) -> Group:
    return evolve(
        group,
        real_name=checked("Realname", rules.text, request.real_name),
        note=checked("Note", rules.text, request.note),
        policy=request.policy.policy().clamp() if request.use_policy else None,
    )


@TABLE.operation(
    "CreateGroup",
    GroupRecord,
    GroupRecord,
    Who.SWITCH,
    NO_CREATION_ON_MEMBER,
    denied_by=DENIED_BY,
)
async def create_group(server: ManagedServer, caller: Caller, request: GroupRecord) -> GroupRecord:
    """Create a group; its policy holds for members that have none of their own."""
    switch = known(server, request.hub_name)
    group = _changed(Group(switch.name, checked("Name", rules.group_name, request.name)), request)
    if server.system.get(Group, group.key) is not None:
        raise GroupExists(f"There is a group '{group.name}' already.")
    _check_number(server, switch)
    compares = [
        server.system.unchanged(Group, group.key),
        server.system.unchanged(Switch, switch.key),
    ]
    try:
        await server.system.transact([put(group)], compares)
    except Conflict:
        if server.system.get(Group, group.key) is not None:
            raise GroupExists(f"There is a group '{group.name}' already.") from None
        raise InvalidParameter(
            "The Virtual Switch was changed by somebody else at the same time: try again."
        ) from None
    return _described(group)


def _check_number(server: ManagedServer, switch: Switch) -> None:
    option = administrator_option(server.system, switch.name, "max_groups")
    limit = min(option or rules.MAX_GROUPS, rules.MAX_GROUPS)
    if server.system.count(Group, user_key(switch.name, "")) >= limit:
        raise TooManyGroups(
            f"The Virtual Switch has {limit} groups, as many as it may: delete one first."
        )


@TABLE.operation(
    "SetGroup", GroupRecord, GroupRecord, Who.SWITCH, NOT_ON_MEMBER, denied_by=DENIED_BY
)
async def set_group(server: ManagedServer, caller: Caller, request: GroupRecord) -> GroupRecord:
    """Change a group; new sessions of its members have its new policy."""
    group = _group(server, request.hub_name, request.name)
    changed = _changed(group, request)
    try:
        await server.system.transact([put(changed)], [server.system.unchanged(Group, group.key)])
    except Conflict:
        raise InvalidParameter(
            "The group was changed by somebody else at the same time: try again."
        ) from None
    return _described(changed)


@TABLE.operation("GetGroup", GroupName, GroupRecord, Who.SWITCH, NOT_ON_MEMBER)
async def get_group(server: ManagedServer, caller: Caller, request: GroupName) -> GroupRecord:
    """Return what an administrator defined of a group."""
    return _described(_group(server, request.hub_name, request.name))


@TABLE.operation(
    "DeleteGroup", GroupName, GroupName, Who.SWITCH, NOT_ON_MEMBER, denied_by=DENIED_BY
)
async def delete_group(server: ManagedServer, caller: Caller, request: GroupName) -> GroupName:
    """Delete a group; its members leave it, and stay users."""
    group = _group(server, request.hub_name, request.name)
    for _ in range(TRIES):
        changes, compares = _leaving(server, group)
        compares.append(server.system.unchanged(Group, group.key))
        try:
            await server.system.transact([delete(Group, group.key), *changes], compares)
        except Conflict:
            continue
        # Who joined while this was being written has a group that is gone: that is none.
        changes, compares = _leaving(server, group)
        if not changes or server.system.get(Group, group.key) is not None:
            return request
    raise InvalidParameter("The members of the group are being changed: try again.")


def _leaving(server: ManagedServer, group: Group) -> tuple[list[Change], list[Compare]]:
    """Return what takes the members out of a group, and what must still hold then."""
    members = [
        user
        for user in server.system.all(User, user_key(group.switch, ""))
        if user.group.lower() == group.name.lower()
    ]
    changes = [put(evolve(user, group="")) for user in members]
    return changes, [server.system.unchanged(User, user.key) for user in members]


@frozen
class GroupItem:
    """A group in the list."""

    name: str = text("Name")
    real_name: str = utf("Realname")
    note: str = utf("Note")
    users: int = u32("NumUsers")
    deny_access: bool = flag("DenyAccess")


@frozen
class GroupList:
    """The groups of a switch."""

    hub_name: str = text("HubName")
    groups: tuple[GroupItem, ...] = items("GroupList", GroupItem)


@TABLE.operation("EnumGroup", Hub, GroupList, Who.SWITCH, NOT_ON_MEMBER)
async def enum_group(server: ManagedServer, caller: Caller, request: Hub) -> GroupList:
    """List the groups of a Virtual Switch."""
    switch = known(server, request.hub_name)
    prefix = user_key(switch.name, "")
    members = Counter(user.group.lower() for user in server.system.all(User, prefix))
    rows = tuple(
        GroupItem(
            name=group.name,
            real_name=group.real_name,
            note=group.note,
            users=members[group.name.lower()],
            deny_access=group.policy is not None and not group.policy.access,
        )
        for group in server.system.all(Group, prefix)
    )
    return GroupList(switch.name, rows)
