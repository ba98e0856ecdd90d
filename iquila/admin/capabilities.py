"""
What a server can do, by the names that administration programs know.

A program shows or hides what it offers by these. So they are told from the operations that the
table serves, and limits from what enforces them: nothing is promised that is not kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from iquila.admin.facts import processor_flags
from iquila.admin.fields import items, text, u32, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Nothing, Table, Who
from iquila.admin.rules import MAX_RULES, MAX_SWITCHES, MAX_USERS
from iquila.database.records import ServerMode
from iquila.switch.mactable import MAC_LIMIT

UNLIMITED = 0xFFFF_FFFF
MAX_FRAME = 1600
"""Bytes of an ordinary Ethernet frame on the wire (reference §6.8)."""

SERVED_BY = {
    "b_support_ac": "SetAcList",
    "b_support_acl_group": "AddAccess",
    "b_support_autodelete": "EnumLogFile",
    "b_support_cascade": "CreateLink",
    "b_support_cascade_cert": "CreateLink",
    "b_support_cascade_client_cert": "CreateLink",
    "b_support_check_mac": "AddAccess",
    "b_support_check_tcp_state": "AddAccess",
    "b_support_config_hub": "SetHub",
    "b_support_config_log": "SetHubLog",
    "b_support_config_rw": "GetConfig",
    "b_support_crl": "AddCrl",
    "b_support_ex_acl": "AddAccess",
    "b_support_hide_hub": "SetHub",
    "b_support_hub_admin_option": "SetHubAdminOptions",
    "b_support_hub_ext_options": "SetHubExtOptions",
    "b_support_ipv6_ac": "SetAcList",
    "b_support_ipv6_acl": "AddAccess",
    "b_support_layer3": "AddL3Switch",
    "b_support_msg": "SetHubMsg",
    "b_support_radius": "SetHubRadius",
    "b_support_radius_retry_interval_and_several_servers": "SetHubRadius",
    "b_support_read_log": "ReadLogFile",
    "b_support_redirect_url_acl": "AddAccess",
    "b_support_rename_cascade": "RenameLink",
    "b_support_securenat": "EnableSecureNAT",
    "b_support_syslog": "SetSysLog",
    "b_local_bridge": "AddLocalBridge",
    "b_tap_supported": "AddLocalBridge",
}
"""What a capability stands for: the operation that it is nothing without."""
ALWAYS = (
    "b_cluster_hub_type_fixed",
    "b_support_cluster",
    "b_support_cluster_admin",
    "b_support_cluster_controller",
    "b_support_limit_multilogin",
    "b_support_policy_ver_3",
    "b_vpn3",
    "b_vpn4",
    "b_vpn_client_connect",
)
NEVER = (
    "b_beta_version",
    "b_bridge",
    "b_is_softether",
    "b_must_install_pcap",
    "b_support_azure",
    "b_support_ddns",
    "b_support_ddns_proxy",
    "b_support_eth_vlan",
    "b_support_ipsec",
    "b_support_license",
    "b_support_network_connection_name",
    "b_support_openvpn",
    "b_support_qos",
    "b_support_special_listener",
    "b_support_sstp",
    "b_support_udp_acceleration",
    "b_support_vgs",
    "b_support_vgs_in_client",
    "b_support_vlan",
    # Three times p: so it is on the wire.
    "b_suppport_push_route",
    "b_suppport_push_route_config",
    "b_using_selow_driver",
)
MODES = {
    "b_standalone": ServerMode.STANDALONE,
    "b_cluster_controller": ServerMode.CONTROLLER,
    "b_cluster_member": ServerMode.MEMBER,
}
LIMITED_BY = {
    "i_max_access_lists": ("AddAccess", MAX_RULES),
    "i_max_groups_per_hub": ("CreateGroup", 10_000),
    "i_max_hubs": ("CreateHub", MAX_SWITCHES),
    "i_max_l3_if": ("AddL3If", 4096),
    "i_max_l3_sw": ("AddL3Switch", 4096),
    "i_max_l3_table": ("AddL3Table", 4096),
    "i_max_mac_tables": ("EnumMacTable", MAC_LIMIT),
    "i_max_secnat_tables": ("EnableSecureNAT", 4096),
    "i_max_users_per_hub": ("CreateUser", MAX_USERS),
}
"""How many there may be, 0 where the operation is not served in this mode."""


@frozen
class Capability:
    """One capability: 0 or 1 for ``b_…``, a number for ``i_…``."""

    name: str = text("CapsName")
    value: int = u32("CapsValue")
    description: str = utf("CapsDescrption")


@frozen
class Capabilities:
    """All of them."""

    capabilities: tuple[Capability, ...] = items("CapsList", Capability, each="caps_")


def capabilities(table: Table, mode: ServerMode, max_sessions: int) -> dict[str, int]:
    """Return the capabilities of a server that serves a table, by name."""
    return dict(sorted(_each(table, mode, max_sessions)))


def _each(table: Table, mode: ServerMode, max_sessions: int) -> Iterator[tuple[str, int]]:
    for name, operation in SERVED_BY.items():
        yield name, int(_served(table, operation, mode))
    for name, (operation, limit) in LIMITED_BY.items():
        yield name, limit if _served(table, operation, mode) else 0
    for name, own in MODES.items():
        yield name, int(mode is own)
    yield from ((name, 1) for name in ALWAYS)
    yield from ((name, 0) for name in NEVER)
    yield "b_is_in_vm", int("hypervisor" in processor_flags())
    yield "b_support_aes_ni", int("aes" in processor_flags())
    yield "b_virtual_nat_disabled", int(mode is not ServerMode.STANDALONE)
    # Switches learn no IP addresses yet.
    yield "i_max_ip_tables", 0
    yield "i_max_packet_size", MAX_FRAME
    yield "i_max_sessions", max_sessions
    yield "i_max_clients", UNLIMITED
    yield "i_max_bridges", UNLIMITED
    yield "i_max_user_creation", UNLIMITED


def _served(table: Table, name: str, mode: ServerMode) -> bool:
    operation = table.get(name)
    return operation is not None and operation.served and mode not in operation.refused


def table(operations: Table) -> Table:
    """Return the table with GetCaps, which tells what all operations together can do."""
    own = Table()

    @own.operation("GetCaps", Nothing, Capabilities, Who.ANY)
    async def get_caps(server: ManagedServer, caller: Caller, request: Nothing) -> Capabilities:
        """Tell what this server can do and how many of each it may have."""
        settings = server.settings
        found = capabilities(operations, settings.mode, settings.max_sessions)
        return Capabilities(tuple(Capability(name, value, name) for name, value in found.items()))

    return own
