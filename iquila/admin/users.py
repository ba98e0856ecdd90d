"""Operations on the users of a Virtual Switch."""

from __future__ import annotations

import time as clock

from attrs import evolve, frozen

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
    utf,
)
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who
from iquila.admin.policyform import PolicyFields
from iquila.admin.switches import Hub, known
from iquila.database.records import ANYBODY, AuthKind, LoginCount, ServerMode, User, user_key
from iquila.database.store import delete, put
from iquila.errors import (
    Conflict,
    InvalidName,
    InvalidParameter,
    NotSupported,
    ObjectNotFound,
    TooManyUsers,
    UserExists,
)
from iquila.wire.names import valid_user_name
from iquila.wire.passwords import user_hash

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}
MAX_USERS = 10_000
DIGEST = 20


@frozen
class UserName:
    """A user by name."""

    hub_name: str = text("HubName")
    name: str = text("Name")


@frozen
class UserRecord:
    """What an administrator defines of a user, and what is known of their logins."""

    hub_name: str = text("HubName")
    name: str = text("Name")
    group: str = text("GroupName")
    real_name: str = utf("Realname")
    note: str = utf("Note")
    created: int = time("CreatedTime")
    updated: int = time("UpdatedTime")
    expires: int = time("ExpireTime")
    auth: int = u32("AuthType")
    alias: str = utf("RadiusUsername")
    password: str = secret("Auth_Password")
    password_hash: bytes = data("HashedKey")
    nt_hash: bytes = data("NtLmSecureHash")
    logins: int = u32("NumLogin")
    traffic: TrafficCounts = embed(TrafficCounts)
    use_policy: bool = flag("UsePolicy")
    policy: PolicyFields = embed(PolicyFields, "policy:")


def _user(server: ManagedServer, hub_name: str, name: str) -> User:
    known(server, hub_name)
    user = server.system.get(User, user_key(hub_name, name))
    if user is None:
        raise ObjectNotFound(f"There is no user '{name[:64]}' on '{hub_name}'.")
    return user


def _described(server: ManagedServer, user: User) -> UserRecord:
    return UserRecord(
        hub_name=user.switch,
        name=user.name,
        group=user.group,
        real_name=user.real_name,
        note=user.note,
        created=user.created,
        updated=user.updated,
        expires=user.expires,
        auth=int(user.auth),
        password_hash=user.password_hash,
        nt_hash=user.nt_hash,
        alias=user.alias,
        logins=server.logins(user.switch, user.name).logins,
        use_policy=user.policy is not None,
        policy=PolicyFields.of(user.policy),
    )


def _changed(user: User, request: UserRecord) -> User:
    """Return a user as a request defines it."""
    if request.auth not in (AuthKind.ANONYMOUS, AuthKind.PASSWORD, AuthKind.RADIUS):
        raise NotSupported(
            "This kind of authentication is not supported: use RADIUS (4), a password (1) or "
            "none (0)."
        )
    if user.name == ANYBODY and request.auth != AuthKind.RADIUS:
        raise InvalidParameter("The user '*' stands for all whom the RADIUS server knows (4).")
    if request.group:
        raise ObjectNotFound(f"There is no group '{request.group[:64]}'.")
    auth = AuthKind(request.auth)
    hashed = user.password_hash
    if auth in (AuthKind.ANONYMOUS, AuthKind.RADIUS):
        hashed = b""
    elif request.password:
        hashed = user_hash(request.password, user.name)
    elif len(request.password_hash) == DIGEST and any(request.password_hash):
        hashed = request.password_hash
    elif not hashed:
        hashed = user_hash("", user.name)
    return evolve(
        user,
        auth=auth,
        password_hash=hashed,
        alias=request.alias[:255] if auth is AuthKind.RADIUS else "",
        real_name=request.real_name[:255],
        note=request.note[:255],
        expires=request.expires,
        policy=request.policy.policy().clamp() if request.use_policy else None,
        updated=int(clock.time() * 1000),
    )


@TABLE.operation("CreateUser", UserRecord, UserRecord, Who.SWITCH, NOT_ON_MEMBER)
async def create_user(server: ManagedServer, caller: Caller, request: UserRecord) -> UserRecord:
    """Create a user, with a password, without any proof, or one whom RADIUS checks."""
    switch = known(server, request.hub_name)
    if request.name != ANYBODY and not valid_user_name(request.name):
        raise InvalidName
    key = user_key(switch.name, request.name)
    if server.system.get(User, key) is not None:
        raise UserExists(f"There is a user '{request.name}' already.")
    if len(server.system.all(User, user_key(switch.name, ""))) >= MAX_USERS:
        raise TooManyUsers
    now = int(clock.time() * 1000)
    user = _changed(User(switch.name, request.name, created=now), request)
    try:
        await server.system.transact(
            [put(user)],
            [
                server.system.unchanged(User, key),
                server.system.unchanged(type(switch), switch.key),
            ],
        )
    except Conflict:
        raise UserExists from None
    return _described(server, user)


@TABLE.operation("SetUser", UserRecord, UserRecord, Who.SWITCH, NOT_ON_MEMBER)
async def set_user(server: ManagedServer, caller: Caller, request: UserRecord) -> UserRecord:
    """Change a user; without a password the one there is stays."""
    old = _user(server, request.hub_name, request.name)
    user = _changed(old, request)
    try:
        await server.system.transact([put(user)], [server.system.unchanged(User, user.key)])
    except Conflict:
        raise InvalidParameter("Somebody else changed this user: try again.") from None
    return _described(server, user)


@TABLE.operation("GetUser", UserName, UserRecord, Who.SWITCH, NOT_ON_MEMBER)
async def get_user(server: ManagedServer, caller: Caller, request: UserName) -> UserRecord:
    """Return what is known of a user."""
    return _described(server, _user(server, request.hub_name, request.name))


@TABLE.operation("DeleteUser", UserName, UserName, Who.SWITCH, NOT_ON_MEMBER)
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
    rows = []
    for user in server.system.all(User, user_key(switch.name, "")):
        count = server.logins(switch.name, user.name)
        rows.append(
            UserItem(
                name=user.name,
                group=user.group,
                real_name=user.real_name,
                note=user.note,
                auth=int(user.auth),
                logins=count.logins,
                last_login=count.last_login,
                deny_access=user.policy is not None and not user.policy.access,
                expires_filled=True,
                expires=user.expires,
            )
        )
    return UserList(switch.name, tuple(rows))
