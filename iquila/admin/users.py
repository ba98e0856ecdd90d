"""Operations on the users of a Virtual Switch."""

from __future__ import annotations

import time as clock

from attrs import evolve, frozen

from iquila.admin import rules
from iquila.admin.checks import checked
from iquila.admin.fields import TrafficCounts, embed, flag, items, text, time, u32, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who
from iquila.admin.switches import Hub, known
from iquila.admin.userrecord import UserRecord, changed_user, described
from iquila.database.belongings import Group
from iquila.database.lookups import group_of, policy_of
from iquila.database.options import administrator_option
from iquila.database.records import LoginCount, ServerMode, Switch, User, user_key
from iquila.database.store import Compare, delete, put
from iquila.errors import (
    Conflict,
    GroupNotFound,
    InvalidParameter,
    NotSupported,
    ObjectNotFound,
    TooManyUsers,
    UserExists,
)

__all__ = ["TABLE", "UserItem", "UserList", "UserName", "UserRecord"]

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}
DENIED_BY = "no_change_users"


@frozen
class UserName:
    """A user by name."""

    hub_name: str = text("HubName")
    name: str = text("Name")


def _user(server: ManagedServer, hub_name: str, name: str) -> User:
    known(server, hub_name)
    user = server.system.get(User, user_key(hub_name, name))
    if user is None:
        raise ObjectNotFound(f"There is no user '{name[:64]}' on '{hub_name}'.")
    return user


def _group(server: ManagedServer, user: User, name: str) -> tuple[User, list[Compare]]:
    """Return a user in another group, and what must still hold when this is written."""
    if not name:
        return evolve(user, group=""), []
    group = server.system.get(Group, user_key(user.switch, name))
    if group is None:
        raise GroupNotFound(f"There is no group '{name[:64]}' on '{user.switch}' (GroupName).")
    return evolve(user, group=group.name), [server.system.unchanged(Group, group.key)]


def _for_caller(caller: Caller, record: UserRecord) -> UserRecord:
    """Return a record without hashes for who could only try them offline."""
    return evolve(record, password_hash=b"", nt_hash=b"") if caller.auditor else record


@TABLE.operation(
    "CreateUser", UserRecord, UserRecord, Who.SWITCH, NOT_ON_MEMBER, denied_by=DENIED_BY
)
async def create_user(server: ManagedServer, caller: Caller, request: UserRecord) -> UserRecord:
    """Create a user, with any kind of authentication."""
    switch = known(server, request.hub_name)
    checked("Name", rules.user_name, request.name)
    key = user_key(switch.name, request.name)
    if server.system.get(User, key) is not None:
        raise UserExists(f"There is a user '{request.name}' already.")
    _check_number(server, switch)
    now = int(clock.time() * 1000)
    user = changed_user(User(switch.name, request.name, created=now), request)
    user, compares = _group(server, user, request.group)
    compares.append(server.system.unchanged(User, key))
    compares.append(server.system.unchanged(Switch, switch.key))
    try:
        await server.system.transact([put(user)], compares)
    except Conflict:
        if server.system.get(User, key) is not None:
            raise UserExists(f"There is a user '{request.name}' already.") from None
        raise _changed_meanwhile("The Virtual Switch or the group") from None
    return described(server, user)


def _changed_meanwhile(what: str) -> InvalidParameter:
    return InvalidParameter(f"{what} was changed by somebody else at the same time: try again.")


def _check_number(server: ManagedServer, switch: Switch) -> None:
    option = administrator_option(server.system, switch.name, "max_users")
    limit = min(option or rules.MAX_USERS, rules.MAX_USERS)
    if server.system.count(User, user_key(switch.name, "")) >= limit:
        raise TooManyUsers(
            f"The Virtual Switch has {limit} users, as many as it may: delete one first."
        )


@TABLE.operation("SetUser", UserRecord, UserRecord, Who.SWITCH, NOT_ON_MEMBER, denied_by=DENIED_BY)
async def set_user(server: ManagedServer, caller: Caller, request: UserRecord) -> UserRecord:
    """Change a user; what proves the user stays where nothing new is given."""
    old = _user(server, request.hub_name, request.name)
    user, compares = _group(server, changed_user(old, request), request.group)
    compares.append(server.system.unchanged(User, user.key))
    try:
        await server.system.transact([put(user)], compares)
    except Conflict:
        raise _changed_meanwhile("The user or the group") from None
    return described(server, user)


@TABLE.operation("GetUser", UserName, UserRecord, Who.SWITCH, NOT_ON_MEMBER)
async def get_user(server: ManagedServer, caller: Caller, request: UserName) -> UserRecord:
    """Return what is known of a user."""
    user = _user(server, request.hub_name, request.name)
    return _for_caller(caller, described(server, user))


@TABLE.operation("DeleteUser", UserName, UserName, Who.SWITCH, NOT_ON_MEMBER, denied_by=DENIED_BY)
async def delete_user(server: ManagedServer, caller: Caller, request: UserName) -> UserName:
    """Delete a user; open sessions go on."""
    user = _user(server, request.hub_name, request.name)
    await server.system.transact([delete(User, user.key), delete(LoginCount, user.key)])
    return request


@frozen
class UserItem:
    """A user in the list."""

    name: str = text("Name")
    group: str = text("GroupName")
    real_name: str = utf("Realname")
    note: str = utf("Note")
    auth: int = u32("AuthType")
    logins: int = u32("NumLogin")
    last_login: int = time("LastLoginTime")
    deny_access: bool = flag("DenyAccess")
    traffic_filled: bool = flag("IsTrafficFilled")
    traffic: TrafficCounts = embed(TrafficCounts, "Ex.")
    expires_filled: bool = flag("IsExpiresFilled")
    expires: int = time("Expires")


@frozen
class UserList:
    """The users of a switch."""

    hub_name: str = text("HubName")
    users: tuple[UserItem, ...] = items("UserList", UserItem)


@TABLE.operation("EnumUser", Hub, UserList, Who.SWITCH, NOT_ON_MEMBER)
async def enum_user(server: ManagedServer, caller: Caller, request: Hub) -> UserList:
    """List the users of a Virtual Switch."""
    switch = known(server, request.hub_name)
    users = server.system.all(User, user_key(switch.name, ""))
    return UserList(switch.name, tuple(_item(server, user) for user in users))


def _item(server: ManagedServer, user: User) -> UserItem:
    count = server.logins(user.switch, user.name)
    group = group_of(server.system, user)
    return UserItem(
        name=user.name,
        group="" if group is None else group.name,
        real_name=user.real_name,
        note=user.note,
        auth=int(user.auth),
        logins=count.logins,
        last_login=count.last_login,
        deny_access=not policy_of(server.system, user).access,
        traffic_filled=True,
        expires_filled=True,
        expires=user.expires,
    )
