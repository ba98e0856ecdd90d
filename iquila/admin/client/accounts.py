"""Operations on connection settings. In code and on the wire they are called accounts."""

from __future__ import annotations

import time as clock

from attrs import evolve, frozen

from iquila.admin.client.checks import MAX_ACCOUNTS, check_name, checked, refuse_unserved
from iquila.admin.client.forms import AccountForm, form_of, record_of
from iquila.admin.client.managed import ManagedClient
from iquila.admin.fields import flag, items, text, time, u32, utf
from iquila.admin.operation import Caller, Effect, Nothing, Table
from iquila.database.client import AccountRecord
from iquila.database.store import delete, put
from iquila.errors import (
    AccountActive,
    AccountExists,
    AccountNotFound,
    TooManyItems,
)

TABLE: Table[ManagedClient] = Table()


def known(client: ManagedClient, name: str) -> AccountRecord:
    """
    Return a connection setting.

    :raises AccountNotFound: there is none of this name.
    """
    record = client.system.get(AccountRecord, name)
    if record is None:
        raise AccountNotFound
    return record


def require_idle(client: ManagedClient, record: AccountRecord) -> None:
    """
    Return only where a connection setting is not in use.

    :raises AccountActive: it is.
    """
    if client.status(record.name) is not None:
        raise AccountActive


def _now() -> int:
    return int(clock.time() * 1000)


@frozen
class AccountName:
    """A connection setting by its name."""

    name: str = utf("AccountName")


@TABLE.operation("CreateAccount", AccountForm, AccountForm)
async def create_account(
    client: ManagedClient, caller: Caller, request: AccountForm
) -> AccountForm:
    """Make a connection setting."""
    refuse_unserved(request)
    now = _now()
    record = evolve(checked(record_of(request)), created=now, updated=now, last_connected=0)
    if client.system.get(AccountRecord, record.name) is not None:
        raise AccountExists
    if len(client.system.all(AccountRecord)) >= MAX_ACCOUNTS:
        raise TooManyItems(f"A client has up to {MAX_ACCOUNTS} connection settings: delete one.")
    compare = client.system.unchanged(AccountRecord, record.name)
    await client.system.transact([put(record)], [compare])
    return form_of(record)


@TABLE.operation("SetAccount", AccountForm, AccountForm)
async def set_account(client: ManagedClient, caller: Caller, request: AccountForm) -> AccountForm:
    """Replace a connection setting; a session that it has goes on as it began."""
    refuse_unserved(request)
    old = known(client, request.name)
    compare = client.system.unchanged(AccountRecord, old.name)
    record = evolve(
        checked(record_of(request)),
        name=old.name,
        created=old.created,
        updated=_now(),
        last_connected=old.last_connected,
    )
    await client.system.transact([put(record)], [compare])
    return form_of(record)


@TABLE.operation("GetAccount", AccountName, AccountForm, effect=Effect.SECRET)
async def get_account(client: ManagedClient, caller: Caller, request: AccountName) -> AccountForm:
    """Tell a connection setting, with its secrets."""
    return form_of(known(client, request.name))


@TABLE.operation("DeleteAccount", AccountName, AccountName)
async def delete_account(
    client: ManagedClient, caller: Caller, request: AccountName
) -> AccountName:
    """Delete a connection setting that is not in use."""
    record = known(client, request.name)
    require_idle(client, record)
    await client.system.transact([delete(AccountRecord, record.key)])
    return AccountName(record.name)


@frozen
class Names:
    """A connection setting's name, and the one that it gets."""

    old: str = utf("OldName")
    new: str = utf("NewName")


@TABLE.operation("RenameAccount", Names, Names)
async def rename_account(client: ManagedClient, caller: Caller, request: Names) -> Names:
    """Give a connection setting that is not in use another name."""
    record = known(client, request.old)
    require_idle(client, record)
    check_name("name of the connection setting", request.new)
    compare = [client.system.unchanged(AccountRecord, record.name)]
    changes = [put(evolve(record, name=request.new, updated=_now()))]
    if request.new.lower() != record.key:
        if client.system.get(AccountRecord, request.new) is not None:
            raise AccountExists
        compare.append(client.system.unchanged(AccountRecord, request.new))
        changes.insert(0, delete(AccountRecord, record.key))
    await client.system.transact(changes, compare)
    return request


@frozen
class AccountItem:
    """A connection setting in the list."""

    name: str = utf("AccountName")
    user: str = text("UserName")
    host: str = text("ServerName")
    adapter: str = text("DeviceName")
    active: bool = flag("Active")
    startup: bool = flag("StartupAccount")
    connected: bool = flag("Connected")
    port: int = u32("Port")
    switch: str = text("HubName")
    proxy: int = u32("ProxyType")
    proxy_name: str = text("ProxyName")
    created: int = time("CreateDateTime")
    updated: int = time("UpdateDateTime")
    last_connected: int = time("LastConnectDateTime")
    refusal: str = utf("LastError")


@frozen
class AccountList:
    """The connection settings."""

    accounts: tuple[AccountItem, ...] = items("AccountList", AccountItem)


@TABLE.operation("EnumAccount", Nothing, AccountList)
async def enum_account(client: ManagedClient, caller: Caller, request: Nothing) -> AccountList:
    """List the connection settings."""
    return AccountList(tuple(_item(client, r) for r in client.system.all(AccountRecord)))


def _item(client: ManagedClient, record: AccountRecord) -> AccountItem:
    status = client.status(record.name)
    return AccountItem(
        name=record.name,
        user=record.user,
        host=record.host,
        adapter=record.adapter,
        active=status is not None,
        startup=record.startup,
        connected=status is not None and status.session is not None,
        port=record.port,
        switch=record.switch,
        created=record.created,
        updated=record.updated,
        last_connected=record.last_connected,
        refusal=client.last_refusal(record.name) if status is None else status.refusal,
    )


@TABLE.operation("SetStartupAccount", AccountName, AccountName)
async def set_startup(client: ManagedClient, caller: Caller, request: AccountName) -> AccountName:
    """Have a connection setting connect when the client starts."""
    return await _set_startup(client, request, True)


@TABLE.operation("RemoveStartupAccount", AccountName, AccountName)
async def remove_startup(
    client: ManagedClient, caller: Caller, request: AccountName
) -> AccountName:
    """Let a connection setting wait to be told when the client starts."""
    return await _set_startup(client, request, False)


async def _set_startup(client: ManagedClient, request: AccountName, on: bool) -> AccountName:
    record = known(client, request.name)
    compare = client.system.unchanged(AccountRecord, record.name)
    await client.system.transact([put(evolve(record, startup=on))], [compare])
    return AccountName(record.name)
