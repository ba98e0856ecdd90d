"""The security policies by name (reference §9.3), and how one of them is set."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from iquila.command.arguments import UsageError
from iquila.command.definition import Answer, Argument, Caller, Command, Grid, Text, about, yes
from iquila.wire.policy import DEFAULT_POLICY, NUMBERS, WIRE_NAMES

# Name, label and, for numbers, least and greatest value and unit; + after the range: never 0.
_TABLE = """
Access|Allow Access
DHCPFilter|Filter DHCP Packets (IPv4)
DHCPNoServer|Disallow DHCP Server Operation (IPv4)
DHCPForce|Enforce DHCP Allocated IP Addresses (IPv4)
NoBridge|Deny Bridge Operation
NoRouting|Deny Routing Operation (IPv4)
CheckMac|Deny MAC Addresses Duplication
CheckIP|Deny IP Address Duplication (IPv4)
ArpDhcpOnly|Deny Non-ARP / Non-DHCP / Non-ICMPv6 broadcasts
PrivacyFilter|Privacy Filter Mode
NoServer|Deny Operation as TCP/IP Server (IPv4)
NoBroadcastLimiter|Unlimited Number of Broadcasts
MonitorPort|Allow Monitoring Mode
MaxConnection|Maximum Number of TCP Connections|1|32||+
TimeOut|Time-out Period|5|60|seconds|+
MaxMac|Maximum Number of MAC Addresses|1|65535|
MaxIP|Maximum Number of IP Addresses (IPv4)|1|65535|
MaxUpload|Upload Bandwidth|1|4294967295|bps
MaxDownload|Download Bandwidth|1|4294967295|bps
FixPassword|Deny Changing Password
MultiLogins|Maximum Number of Multiple Logins|1|65535|
NoQoS|Deny VoIP / QoS Function
RSandRAFilter|Filter RS / RA Packets (IPv6)
RAFilter|Filter RA Packets (IPv6)
DHCPv6Filter|Filter DHCP Packets (IPv6)
DHCPv6NoServer|Disallow DHCP Server Operation (IPv6)
NoRoutingV6|Deny Routing Operation (IPv6)
CheckIPv6|Deny IP Address Duplication (IPv6)
NoServerV6|Deny Operation as TCP/IP Server (IPv6)
MaxIPv6|Maximum Number of IP Addresses (IPv6)|1|65535|
NoSavePassword|Disallow Password Save in VPN Client
AutoDisconnect|VPN Client Automatic Disconnect|1|4294967295|seconds
FilterIPv4|Filter All IPv4 Packets
FilterIPv6|Filter All IPv6 Packets
FilterNonIP|Filter All Non-IP Packets
NoIPv6DefaultRouterInRA|No Default-Router on IPv6 RA
NoIPv6DefaultRouterInRAWhenIPv6|No Default-Router on IPv6 RA (physical IPv6)
VLanId|VLAN ID (IEEE802.1Q)|1|4095|
"""
# What a cascade's own side may be told (reference §9.3).
NOT_FOR_CASCADES = (
    "Access NoBridge NoRouting MonitorPort MaxConnection TimeOut FixPassword MultiLogins NoQoS "
    "NoRoutingV6 NoSavePassword AutoDisconnect NoIPv6DefaultRouterInRAWhenIPv6"
).split()


@frozen
class Kind:
    """One policy; `least` is 0 for one that is yes or no."""

    name: str
    label: str
    least: int = 0
    most: int = 0
    unit: str = ""
    never_zero: bool = False

    @property
    def field(self) -> str:
        """Its name in requests and replies."""
        return f"policy:{self.name}_{'u32' if self.least else 'bool'}"

    @property
    def range(self) -> str:
        """What may be set, for people."""
        if not self.least:
            return "yes or no"
        unit = f" {self.unit}" if self.unit else ""
        zero = "" if self.never_zero else ", or 0 for no limit"
        return f"{self.least} to {self.most}{unit}{zero}"

    def read(self, text: str) -> bool | int:
        """
        Return the value that a text stands for.

        :raises UsageError: it is none, or out of range.
        """
        if not self.least:
            try:
                return yes(text)
            except ValueError as error:
                raise UsageError(f"VALUE: {error} ({self.name} is yes or no).") from error
        value = int(text) if text.isascii() and text.isdecimal() else -1
        if not (self.least <= value <= self.most or (value == 0 and not self.never_zero)):
            raise UsageError(f"VALUE: {self.name} is {self.range}, not '{text}'.")
        return value

    def show(self, value: Any) -> str:
        """Return a value as a table shows it."""
        if not self.least:
            return "Yes" if value else "No"
        if not value:
            return "-"
        return f"{value} {self.unit}".strip()


def _kinds() -> tuple[Kind, ...]:
    kinds = []
    for line in _TABLE.split("\n")[1:-1]:
        name, label, *rest = line.split("|")
        numbers = (int(rest[0]), int(rest[1]), rest[2], rest[3:] == ["+"]) if rest else ()
        kinds.append(Kind(name, label, *numbers))
    return tuple(kinds)


KINDS = _kinds()
_BY_WIRE_NAME = {
    wire: (getattr(DEFAULT_POLICY, name), name in NUMBERS) for name, wire in WIRE_NAMES.items()
}
DEFAULTS: dict[str, bool | int] = {kind.field: _BY_WIRE_NAME[kind.name][0] for kind in KINDS}
"""The policy of who has none, as fields of a request."""


def kind_of(name: str) -> Kind:
    """
    Return a policy by its name in any case.

    :raises UsageError: there is none.
    """
    for kind in KINDS:
        if kind.name.lower() == name.lower():
            return kind
    raise UsageError(f"There is no policy '{name}': PolicyList lists them.")


def set_policy(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return the change of one policy of a user or group; it starts from the default policy."""
    kind = kind_of(given["name"])
    start = {} if record.get("UsePolicy_bool") else DEFAULTS
    return {**start, "UsePolicy_bool": True, kind.field: kind.read(given["value"])}


def remove_policy(_given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    """Return the change that leaves a user or group without a policy of its own."""
    return {"UsePolicy_bool": False}


def policy_table(record: dict[str, Any], kinds: tuple[Kind, ...] = KINDS) -> Grid:
    """Return the policies of a record."""
    rows = tuple((k.name, k.label, k.show(record.get(k.field, 0))) for k in kinds)
    return Grid(("Policy name", "Simple description of policy", "Setting value"), rows)


def _list(_caller: Caller, given: dict[str, Any]) -> Answer:
    kinds = [kind_of(given["name"])] if given["name"] else list(KINDS)
    answer = {
        "PolicyList": [
            {
                "Name_str": k.name,
                "Descrption_utf": k.label,
                "Range_str": k.range,
                "Default_str": k.show(DEFAULTS[k.field]),
            }
            for k in kinds
        ]
    }
    if not given["name"]:
        rows = tuple((k.name, k.label) for k in kinds)
        return answer, Grid(("Policy name", "Simple description of policy"), rows)
    (k,) = kinds
    text = (
        f"[Policy Name]\n {k.name}\n\n[Simple Description of Policy]\n {k.label}\n\n"
        f"[Range of Settable Values]\n {k.range}\n\n"
        f"[Default Value]\n {k.show(DEFAULTS[k.field])}\n"
    )
    return answer, Text(text)


NAME_OF_POLICY = Argument("NAME", "Name of the policy")
VALUE = Argument("VALUE", "Its value: yes, no or a number")

COMMANDS = about(
    "Users and groups",
    Command(
        "PolicyList",
        "List the security policies, or what may be set for one",
        _list,
        (Argument("NAME", "Name of the policy", positional=True, required=False),),
        examples=("", "MaxUpload"),
    ),
)
