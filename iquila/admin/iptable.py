"""Operations on the IP addresses that a Virtual Switch has learned: it learns none yet."""

from __future__ import annotations

from attrs import frozen

from iquila.admin.fields import address, flag, items, text, time, u32
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who
from iquila.admin.sessions import MacKey
from iquila.admin.switches import Hub, known
from iquila.errors import ObjectNotFound

TABLE = Table()


@frozen
class IpItem:
    """A learned IP address; told under three names, as the protocol has it."""

    key: int = u32("Key")
    session: str = text("SessionName")
    address4: str = address("Ip")
    address6: str = address("IpV6")
    ip: str = address("IpAddress")
    dhcp: bool = flag("DhcpAllocated")
    created: int = time("CreatedTime")
    updated: int = time("UpdatedTime")
    remote: bool = flag("RemoteItem")
    remote_host: str = text("RemoteHostname")


@frozen
class IpList:
    """The learned IP addresses of a switch."""

    hub_name: str = text("HubName")
    entries: tuple[IpItem, ...] = items("IpTable", IpItem)


@TABLE.operation("EnumIpTable", Hub, IpList, Who.SWITCH)
async def enum_ip_table(server: ManagedServer, caller: Caller, request: Hub) -> IpList:
    """List the IP addresses that a Virtual Switch has learned: it learns none yet."""
    return IpList(known(server, request.hub_name).name)


@TABLE.operation("DeleteIpTable", MacKey, MacKey, Who.SWITCH, denied_by="no_delete_iptable")
async def delete_ip_table(server: ManagedServer, caller: Caller, request: MacKey) -> MacKey:
    """Forget a learned IP address; as none is learned yet, there is never one."""
    known(server, request.hub_name)
    raise ObjectNotFound("There is no such IP address: list the table again.")
