"""
The policy of a user, a group or a session, and how it travels (reference §4.3, §9.3).

Only the values; the switch enforces them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from attrs import evolve, fields, frozen

from iquila.wire.pack import Pack

MIN_CONNECTIONS, MAX_CONNECTIONS = 1, 32
MIN_TIME_OUT, MAX_TIME_OUT = 5, 60
RANGES = {
    "max_connection": range(MIN_CONNECTIONS, MAX_CONNECTIONS + 1),
    "time_out": range(MIN_TIME_OUT, MAX_TIME_OUT + 1),
    "multi_logins": range(65_536),
    "max_mac": range(65_536),
    "max_ip": range(65_536),
    "max_ipv6": range(65_536),
    "vlan_id": range(4096),
}
"""The ranges of reference §9.3; other numbers are 0 to 2^32 - 1."""


@frozen
class Policy:
    """
    Every policy of the protocol, in the order of its tools.

    Numbers of 0 mean no limit unless said otherwise; rates are bit/s, times seconds.
    """

    access: bool = True
    dhcp_filter: bool = False
    dhcp_no_server: bool = False
    dhcp_force: bool = False
    no_bridge: bool = False
    no_routing: bool = False
    check_mac: bool = False
    check_ip: bool = False
    arp_dhcp_only: bool = False
    privacy_filter: bool = False
    no_server: bool = False
    no_broadcast_limiter: bool = False
    monitor_port: bool = False
    max_connection: int = 32
    time_out: int = 20
    max_mac: int = 0
    max_ip: int = 0
    max_upload: int = 0
    max_download: int = 0
    fix_password: bool = False
    multi_logins: int = 0
    no_qos: bool = False
    rs_and_ra_filter: bool = False
    ra_filter: bool = False
    dhcpv6_filter: bool = False
    dhcpv6_no_server: bool = False
    no_routing_v6: bool = False
    check_ipv6: bool = False
    no_server_v6: bool = False
    max_ipv6: int = 0
    no_save_password: bool = False
    auto_disconnect: int = 0
    filter_ipv4: bool = False
    filter_ipv6: bool = False
    filter_non_ip: bool = False
    no_ipv6_default_router_in_ra: bool = False
    no_ipv6_default_router_in_ra_when_ipv6: bool = False
    vlan_id: int = 0

    def add_to(self, pack: Pack) -> Pack:
        """Add every policy to a pack, as ``policy:NAME`` elements."""
        return pack.add_all(_pack(self))

    @classmethod
    def from_pack(cls, pack: Pack) -> Policy:
        """Read the policies of a pack; a missing one is 0, as the protocol has it."""
        values: dict[str, bool | int] = {}
        for name, wire in WIRE_NAMES.items():
            number = pack.get_int(f"policy:{wire}")
            values[name] = number if name in NUMBERS else bool(number)
        return cls(**values)  # type: ignore[arg-type]

    def clamp(self) -> Policy:
        """Return the policy with its numbers inside the ranges of reference §9.3."""
        whole = evolve(self, max_connection=self.max_connection or 32, time_out=self.time_out or 20)
        values: dict[str, Any] = {
            name: min(max(getattr(whole, name), numbers[0]), numbers[-1])
            for name, numbers in RANGES.items()
        }
        return evolve(whole, **values)

    def administrator(self) -> Policy:
        """Return this policy as a switch administrator's session has it (reference §3.6)."""
        return evolve(self, no_broadcast_limiter=True, monitor_port=True)

    def as_client(self) -> Policy:
        """Return this policy for a session that did not ask to bridge (reference §3.6)."""
        return _as_client(self)


# Few policies serve very many logins, and making one takes long.


@lru_cache(maxsize=256)
def _pack(policy: Policy) -> Pack:
    """Return the elements of a policy, for other packs to share."""
    pack = Pack()
    for name, wire in WIRE_NAMES.items():
        pack.add_int(f"policy:{wire}", int(getattr(policy, name)))
    return pack.add_int("policy:Ver3", 1)


@lru_cache(maxsize=256)
def _as_client(policy: Policy) -> Policy:
    return evolve(policy, no_bridge=True, no_routing=True)


_WIRE = (
    "Access DHCPFilter DHCPNoServer DHCPForce NoBridge NoRouting CheckMac CheckIP ArpDhcpOnly "
    "PrivacyFilter NoServer NoBroadcastLimiter MonitorPort MaxConnection TimeOut MaxMac MaxIP "
    "MaxUpload MaxDownload FixPassword MultiLogins NoQoS RSandRAFilter RAFilter DHCPv6Filter "
    "DHCPv6NoServer NoRoutingV6 CheckIPv6 NoServerV6 MaxIPv6 NoSavePassword AutoDisconnect "
    "FilterIPv4 FilterIPv6 FilterNonIP NoIPv6DefaultRouterInRA "
    "NoIPv6DefaultRouterInRAWhenIPv6 VLanId"
).split()

_FIELDS = fields(Policy)
WIRE_NAMES: dict[str, str] = dict(zip((f.name for f in _FIELDS), _WIRE, strict=True))
"""Field name -> name on the wire."""

NUMBERS = frozenset(f.name for f in _FIELDS if f.type in ("int", int))
"""The fields that are numbers; the others are flags."""

DEFAULT_POLICY = Policy()
