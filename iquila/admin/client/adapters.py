"""Operations on virtual adapters: TAP devices of this machine. On the wire they are VLANs."""

from __future__ import annotations

import os

from attrs import evolve, frozen

import iquila
from iquila.admin.client.checks import MAX_ADAPTERS, check_adapter_name
from iquila.admin.client.managed import ManagedClient
from iquila.admin.fields import flag, items, text
from iquila.admin.operation import Caller, Nothing, Table
from iquila.database.client import AdapterRecord
from iquila.database.store import delete, put
from iquila.errors import (
    AdapterExists,
    AdapterInUse,
    InvalidParameter,
    ObjectNotFound,
    TooManyItems,
)
from iquila.wire.names import format_mac, parse_mac

TABLE: Table[ManagedClient] = Table()
FIRST_BYTE = 0x5E
"""Of the addresses that are made here: one of those that anybody may use (IEEE 802)."""


def device_name(adapter: str) -> str:
    """Return what the network device of an adapter is called."""
    return f"vpn_{adapter.lower()}"


@frozen
class AdapterName:
    """An adapter by its name."""

    name: str = text("DeviceName")


@frozen
class AdapterForm:
    """An adapter; `mac` as ``5E-00-00-00-00-01``, `device` is what ``ip link`` calls it."""

    name: str = text("DeviceName")
    enabled: bool = flag("Enabled")
    mac: str = text("MacAddress")
    version: str = text("Version")
    device: str = text("InterfaceName")
    account: str = text("UsedBy")


def known(client: ManagedClient, name: str) -> AdapterRecord:
    """
    Return an adapter.

    :raises ObjectNotFound: there is none of this name.
    """
    record = client.system.get(AdapterRecord, name)
    if record is None:
        raise ObjectNotFound("There is no virtual adapter of this name.")
    return record


def _form(client: ManagedClient, record: AdapterRecord) -> AdapterForm:
    return AdapterForm(
        record.name,
        record.enabled,
        format_mac(record.mac),
        f"Version {iquila.__version__}",
        device_name(record.name),
        client.user_of(record.name),
    )


def _address(written: str) -> bytes:
    if not written:
        return bytes((FIRST_BYTE,)) + os.urandom(5)
    try:
        mac = parse_mac(written)
    except ValueError as error:
        raise InvalidParameter(f"{error}.") from error
    if mac[0] & 1 or not any(mac):
        raise InvalidParameter("An adapter cannot have a multicast address, or none but zeros.")
    return mac


@TABLE.operation("CreateVLan", AdapterForm, AdapterForm)
async def create_adapter(
    client: ManagedClient, caller: Caller, request: AdapterForm
) -> AdapterForm:
    """Make a virtual adapter; its network device is there as long as the client runs."""
    check_adapter_name(request.name)
    if client.system.get(AdapterRecord, request.name) is not None:
        raise AdapterExists
    if len(client.system.all(AdapterRecord)) >= MAX_ADAPTERS:
        raise TooManyItems(f"A client has up to {MAX_ADAPTERS} virtual adapters: delete one.")
    record = AdapterRecord(request.name, _address(request.mac))
    client.open_adapter(record)
    try:
        compare = client.system.unchanged(AdapterRecord, record.name)
        await client.system.transact([put(record)], [compare])
    except BaseException:
        if client.system.get(AdapterRecord, record.name) is None:
            client.close_adapter(record.name)
        raise
    return _form(client, record)


@TABLE.operation("DeleteVLan", AdapterName, AdapterName)
async def delete_adapter(
    client: ManagedClient, caller: Caller, request: AdapterName
) -> AdapterName:
    """Delete a virtual adapter that is not in use."""
    record = known(client, request.name)
    _require_idle(client, record)
    await client.system.transact([delete(AdapterRecord, record.key)])
    client.close_adapter(record.name)
    return AdapterName(record.name)


def _require_idle(client: ManagedClient, record: AdapterRecord) -> None:
    user = client.user_of(record.name)
    if user:
        raise AdapterInUse(
            f"The connection setting '{user}' is using the virtual adapter: disconnect it first."
        )


@TABLE.operation("EnableVLan", AdapterName, AdapterName)
async def enable_adapter(
    client: ManagedClient, caller: Caller, request: AdapterName
) -> AdapterName:
    """Enable a virtual adapter: its network device is made."""
    record = known(client, request.name)
    client.open_adapter(record)
    await _change(client, record, enabled=True)
    return AdapterName(record.name)


@TABLE.operation("DisableVLan", AdapterName, AdapterName)
async def disable_adapter(
    client: ManagedClient, caller: Caller, request: AdapterName
) -> AdapterName:
    """Disable a virtual adapter that is not in use: its network device goes."""
    record = known(client, request.name)
    _require_idle(client, record)
    await _change(client, record, enabled=False)
    client.close_adapter(record.name)
    return AdapterName(record.name)


@TABLE.operation("SetVLan", AdapterForm, AdapterForm)
async def set_adapter(client: ManagedClient, caller: Caller, request: AdapterForm) -> AdapterForm:
    """Give a virtual adapter another MAC address."""
    record = known(client, request.name)
    if not request.mac:
        raise InvalidParameter("Give the MAC address.")
    changed = evolve(record, mac=_address(request.mac))
    if record.enabled:
        client.open_adapter(changed)
    await _change(client, record, mac=changed.mac)
    return _form(client, changed)


async def _change(client: ManagedClient, record: AdapterRecord, **changes: object) -> None:
    compare = client.system.unchanged(AdapterRecord, record.name)
    await client.system.transact([put(evolve(record, **changes))], [compare])  # type: ignore[arg-type]


@TABLE.operation("GetVLan", AdapterName, AdapterForm)
async def get_adapter(client: ManagedClient, caller: Caller, request: AdapterName) -> AdapterForm:
    """Tell a virtual adapter."""
    return _form(client, known(client, request.name))


@frozen
class AdapterList:
    """The virtual adapters."""

    adapters: tuple[AdapterForm, ...] = items("VLanList", AdapterForm)


@TABLE.operation("EnumVLan", Nothing, AdapterList)
async def enum_adapter(client: ManagedClient, caller: Caller, request: Nothing) -> AdapterList:
    """List the virtual adapters."""
    return AdapterList(tuple(_form(client, r) for r in client.system.all(AdapterRecord)))
