"""
Operations on what this server does not have yet: cascades, virtual NAT and DHCP, local bridges,
layer 3 switches.

Each has its authority and its refusals of reference §7.8, and answers error 33 otherwise. Lists
are empty: that is the truth, and the tools ask for them when they open a window.
"""

from __future__ import annotations

from attrs import frozen

from iquila.admin.fields import address, flag, items, text, time, u32, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Nothing, Table, Who
from iquila.admin.switches import Hub, known
from iquila.database.records import ServerMode, SwitchKind
from iquila.errors import CascadeInCluster, NotController, NotSupported

TABLE = Table()
NOT_IN_CLUSTER = {ServerMode.CONTROLLER: NotSupported, ServerMode.MEMBER: NotSupported}

# -- cascades

NO_CASCADE = "This server makes no cascade connections yet."


@frozen
class LinkHub:
    """A switch by its name, as the operations that define a cascade write it."""

    hub_name: str = text("HubName_Ex")


@frozen
class LinkItem:
    """A cascade in the list."""

    name: str = utf("AccountName")
    online: bool = flag("Online")
    connected: bool = flag("Connected")
    last_error: int = u32("LastError")
    connected_at: int = time("ConnectedTime")
    host_name: str = text("Hostname")
    target: str = text("TargetHubName")


@frozen
class LinkList:
    """The cascades of a switch."""

    hub_name: str = text("HubName")
    links: tuple[LinkItem, ...] = items("LinkList", LinkItem)


@TABLE.operation("EnumLink", Hub, LinkList, Who.SWITCH, NOT_IN_CLUSTER)
async def enum_link(server: ManagedServer, caller: Caller, request: Hub) -> LinkList:
    """List the cascade connections of a Virtual Switch: there are none."""
    return LinkList(known(server, request.hub_name).name)


TABLE.unserved(
    "CreateLink",
    "Create a cascade connection to another Virtual Switch.",
    NO_CASCADE,
    LinkHub,
    Who.SWITCH,
    {ServerMode.CONTROLLER: CascadeInCluster, ServerMode.MEMBER: CascadeInCluster},
    denied_by="no_cascade",
)
for _name, _purpose, _hub in (
    ("GetLink", "Return what is defined of a cascade connection.", LinkHub),
    ("SetLink", "Change a cascade connection.", LinkHub),
    ("SetLinkOnline", "Start a cascade connection.", Hub),
    ("SetLinkOffline", "Stop a cascade connection.", Hub),
    ("DeleteLink", "Delete a cascade connection.", Hub),
    ("RenameLink", "Give a cascade connection another name.", Hub),
    ("GetLinkStatus", "Tell how a cascade connection is.", LinkHub),
):
    TABLE.unserved(
        _name,
        _purpose,
        NO_CASCADE,
        _hub,
        Who.SWITCH,
        NOT_IN_CLUSTER,
        denied_by="" if _name.startswith("Get") else "no_cascade",
    )

# -- virtual NAT and DHCP


@frozen
class VirtualHostHub:
    """A switch by its name, as the settings of the virtual host write it."""

    hub_name: str = text("RpcHubName")


def _virtual_host(name: str, purpose: str, request: type[Hub] | type[VirtualHostHub]) -> None:
    changes = not name.startswith(("Enum", "Get"))

    async def refuse(server: ManagedServer, caller: Caller, asked: Hub | VirtualHostHub) -> Nothing:
        static = known(server, asked.hub_name).kind is SwitchKind.STATIC
        if server.settings.mode is ServerMode.MEMBER and not static:
            raise NotController
        raise NotSupported("This server has no virtual NAT and no virtual DHCP server yet.")

    refuse.__doc__ = purpose
    denied_by = "no_securenat" if changes else ""
    TABLE.operation(name, request, Nothing, Who.SWITCH, denied_by=denied_by, served=False)(refuse)


_virtual_host("EnableSecureNAT", "Start virtual NAT and DHCP on a Virtual Switch.", Hub)
_virtual_host("DisableSecureNAT", "Stop virtual NAT and DHCP on a Virtual Switch.", Hub)
_virtual_host("SetSecureNATOption", "Change virtual NAT and DHCP.", VirtualHostHub)
_virtual_host("GetSecureNATOption", "Return how virtual NAT and DHCP are set.", VirtualHostHub)
_virtual_host("EnumNAT", "List the connections that virtual NAT carries.", Hub)
_virtual_host("EnumDHCP", "List the addresses that virtual DHCP gave out.", Hub)
_virtual_host("GetSecureNATStatus", "Tell how virtual NAT and DHCP are.", Hub)

# -- local bridges


@frozen
class Adapter:
    """A network adapter that can be bridged."""

    device: str = text("DeviceName")
    name: str = utf("NetworkConnectionName")


@frozen
class AdapterList:
    """Network adapters."""

    adapters: tuple[Adapter, ...] = items("EthList", Adapter)


@frozen
class Bridge:
    """A local bridge: a network adapter, or a TAP device, at a port of a switch."""

    device: str = text("DeviceName")
    switch: str = text("HubNameLB")
    online: bool = flag("Online")
    active: bool = flag("Active")
    tap: bool = flag("TapMode")


@frozen
class BridgeList:
    """The local bridges of a server."""

    bridges: tuple[Bridge, ...] = items("LocalBridgeList", Bridge)


@frozen
class BridgeSupport:
    """Whether local bridges are possible."""

    supported: bool = flag("IsBridgeSupportedOs")
    driver_needed: bool = flag("IsWinPcapNeeded")


@TABLE.operation("EnumEthernet", Nothing, AdapterList)
async def enum_ethernet(server: ManagedServer, caller: Caller, request: Nothing) -> AdapterList:
    """List the network adapters that can be bridged: there are none yet."""
    return AdapterList()


@TABLE.operation("EnumLocalBridge", Nothing, BridgeList)
async def enum_local_bridge(server: ManagedServer, caller: Caller, request: Nothing) -> BridgeList:
    """List the local bridges of this server: there are none yet."""
    return BridgeList()


@TABLE.operation("GetBridgeSupport", Nothing, BridgeSupport, Who.ANY)
async def get_bridge_support(
    server: ManagedServer, caller: Caller, request: Nothing
) -> BridgeSupport:
    """Tell whether this server makes local bridges: not yet."""
    return BridgeSupport()


NO_BRIDGE = "This server makes no local bridges yet."
TABLE.unserved("AddLocalBridge", "Bridge a Virtual Switch to a network adapter.", NO_BRIDGE, Bridge)
TABLE.unserved("DeleteLocalBridge", "End a local bridge.", NO_BRIDGE, Bridge)

# -- layer 3 switches


@frozen
class Layer3Name:
    """A layer 3 switch by its name."""

    name: str = text("Name")


@frozen
class Layer3Item:
    """A layer 3 switch in the list."""

    name: str = text("Name")
    interfaces: int = u32("NumInterfaces")
    routes: int = u32("NumTables")
    active: bool = flag("Active")
    online: bool = flag("Online")


@frozen
class Layer3List:
    """The layer 3 switches of a server."""

    switches: tuple[Layer3Item, ...] = items("L3SWList", Layer3Item)


@frozen
class Layer3Interface:
    """The address of a layer 3 switch on a Virtual Switch."""

    name: str = text("Name")
    switch: str = text("HubName")
    ip: str = address("IpAddress")
    mask: str = address("SubnetMask")


@frozen
class Layer3Route:
    """A route of a layer 3 switch."""

    name: str = text("Name")
    network: str = address("NetworkAddress")
    mask: str = address("SubnetMask")
    gateway: str = address("GatewayAddress")
    metric: int = u32("Metric")


@TABLE.operation("EnumL3Switch", Nothing, Layer3List)
async def enum_l3_switch(server: ManagedServer, caller: Caller, request: Nothing) -> Layer3List:
    """List the layer 3 switches of this server: there are none yet."""
    return Layer3List()


NO_LAYER3 = "This server has no layer 3 switches yet."
_LAYER3: tuple[tuple[str, str, type[object]], ...] = (
    ("AddL3Switch", "Define a layer 3 switch.", Layer3Name),
    ("DelL3Switch", "Delete a layer 3 switch.", Layer3Name),
    ("StartL3Switch", "Start a layer 3 switch.", Layer3Name),
    ("StopL3Switch", "Stop a layer 3 switch.", Layer3Name),
    ("AddL3If", "Give a layer 3 switch an address on a Virtual Switch.", Layer3Interface),
    ("DelL3If", "Take a layer 3 switch off a Virtual Switch.", Layer3Interface),
    ("EnumL3If", "List the addresses of a layer 3 switch.", Layer3Name),
    ("AddL3Table", "Add a route to a layer 3 switch.", Layer3Route),
    ("DelL3Table", "Delete a route of a layer 3 switch.", Layer3Route),
    ("EnumL3Table", "List the routes of a layer 3 switch.", Layer3Name),
)
for _name, _purpose, _request in _LAYER3:
    TABLE.unserved(_name, _purpose, NO_LAYER3, _request)
