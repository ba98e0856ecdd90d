"""The keys that each kind of record has in a document: their words, forms and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import NOTHING, Factory, evolve, fields, frozen

from iquila.admin import rules
from iquila.admin.document.forms import (
    Certificate,
    Choice,
    Flag,
    Form,
    Hexadecimal,
    Moment,
    Number,
    Text,
)
from iquila.admin.document.network import MAC, Network, Ports, Source
from iquila.database.belongings import (
    MAX_PRIORITY,
    UNSET,
    AccessRule,
    AddressRule,
    Group,
    LogSettings,
    RadiusServer,
    RevokedCertificate,
    TrustedCA,
)
from iquila.database.records import AuthKind, ListenerRecord, Switch, SwitchKind, User
from iquila.wire.policy import NUMBERS, RANGES, WIRE_NAMES, Policy

ANY = Number(range(2**32))
CYCLES = {"never": 0, "second": 1, "minute": 2, "hour": 3, "day": 4, "month": 5}
KINDS = {kind.name.lower(): kind for kind in SwitchKind}
PACKETS = ("tcp_connections", "tcp", "dhcp", "udp", "icmp", "ip", "arp", "ethernet")
"""The kinds of packets that a log may keep, in the order of the record."""
PORT = Number(rules.PORTS)


@frozen
class Key:
    """
    One key.

    :ivar word: what it is called in a document.
    :ivar attributes: what it says of the record; two where one text holds both.
    :ivar kept: whether what is there stays where a document leaves it out: secrets, and times
        that nobody writes by hand.
    """

    word: str
    attributes: tuple[str, ...]
    form: Form
    required: bool = False
    secret: bool = False
    kept: bool = False

    def get(self, record: Any) -> Any:
        """Return what a record says."""
        values = tuple(getattr(record, name) for name in self.attributes)
        return values if len(values) > 1 else values[0]

    def given(self, value: Any) -> dict[str, Any]:
        """Return attributes by name for a value that was read."""
        values = value if len(self.attributes) > 1 else (value,)
        return dict(zip(self.attributes, values, strict=True))

    def default(self, cls: type[Any]) -> Any:
        """Return what a record says where nobody did."""
        found = []
        for name in self.attributes:
            value = getattr(fields(cls), name).default
            # The factories make what is left out anyway.
            found.append(None if value is NOTHING or isinstance(value, Factory) else value)  # type: ignore[arg-type]
        return tuple(found) if len(found) > 1 else found[0]


def _key(word: str, form: Form, *attributes: str, required: bool = False) -> Key:
    return Key(word, attributes or (word,), form, required)


def _secret(word: str, form: Form, attribute: str) -> Key:
    return Key(word, (attribute,), form, secret=True, kept=True)


def _time(word: str) -> Key:
    return Key(word, (word,), Moment(), kept=True)


def _bytes(size: int) -> Hexadecimal:
    return Hexadecimal(lambda value: rules.sized(value, size))


def _message(value: str) -> str:
    return rules.text(value, rules.MAX_MESSAGE)


def _group(value: str) -> str:
    return rules.group_name(value) if value else ""


def _trimmed(value: str) -> str:
    return rules.text(value).strip()


def _access(name: str) -> Number:
    return Number(rules.ACCESS_NUMBERS[name])


def _policy(name: str) -> Form:
    if name not in NUMBERS:
        return Flag()
    return Number(RANGES[name]) if name in RANGES else ANY


_DIGEST = _bytes(rules.DIGEST)
_SERIAL = Hexadecimal(rules.serial)
_LINE = Text(rules.line)
_NOTE = Text(limit=rules.MAX_TEXT)

KEYS: Mapping[type[Any], tuple[Key, ...]] = {
    ListenerRecord: (_key("port", PORT, required=True), _key("enabled", Flag())),
    Switch: (
        _key("kind", Choice(KINDS)),
        _key("online", Flag()),
        _key("max_sessions", ANY),
        _key("hidden", Flag(), "no_enum"),
        _time("created"),
        _key("message", Text(_message, rules.MAX_MESSAGE)),
        _secret("administration_hash", _DIGEST, "hashed_password"),
        _secret("login_hash", _DIGEST, "secure_password"),
    ),
    Group: (_key("real_name", _NOTE), _key("note", _NOTE)),
    User: (
        _key(
            "login", Choice({kind.name.lower(): kind for kind in AuthKind}), "auth", required=True
        ),
        _key("group", Text(_group)),
        _key("real_name", _NOTE),
        _key("note", _NOTE),
        _key("expires", Moment()),
        _time("created"),
        _time("updated"),
        _secret("password_hash", _DIGEST, "password_hash"),
        _secret("nt_hash", _bytes(rules.NT_DIGEST), "nt_hash"),
        _key("common_name", Text()),
        _key("serial", _SERIAL),
        _key("alias", Text()),
        _key("certificate", Certificate(rules.user_certificate)),
    ),
    RadiusServer: (
        _key("host", Text(rules.radius_hosts), required=True),
        _key("port", PORT),
        _key("retry_interval", Number(rules.RADIUS_RETRIES)),
        _key("timeout", Number(rules.RADIUS_TIMEOUTS)),
        _key("accounting_port", Number(range(65_536))),
        _secret("secret", Text(rules.radius_secret), "secret"),
    ),
    LogSettings: (
        _key("security", Flag(), "save_security"),
        _key("security_cycle", Choice(CYCLES)),
        _key("packets", Flag(), "save_packets"),
        _key("packet_cycle", Choice(CYCLES)),
    ),
    AccessRule: (
        _key("priority", Number(range(MAX_PRIORITY + 1)), required=True),
        _key("action", Choice({"pass": False, "discard": True}), "discard", required=True),
        _key("note", _NOTE),
        _key("active", Flag()),
        _key("ipv6", Flag()),
        _key("source", Network(), "source", "source_mask"),
        _key("destination", Network(), "destination", "destination_mask"),
        _key("protocol", _access("protocol")),
        _key("source_ports", Ports(), "source_port_start", "source_port_end"),
        _key("destination_ports", Ports(), "destination_port_start", "destination_port_end"),
        _key("source_user", _LINE),
        _key("destination_user", _LINE),
        _key("source_mac", MAC(), "source_mac", "source_mac_mask"),
        _key("destination_mac", MAC(), "destination_mac", "destination_mac_mask"),
        _key(
            "tcp_state",
            Choice({"established": (True, True), "unestablished": (True, False)}),
            "check_tcp_state",
            "established",
        ),
        _key("delay", _access("delay")),
        _key("jitter", _access("jitter")),
        _key("loss", _access("loss")),
        _key("redirect_url", _LINE),
    ),
    AddressRule: (
        _key("priority", Number(range(MAX_PRIORITY + 1)), required=True),
        _key("action", Choice({"allow": False, "deny": True}), "deny", required=True),
        _key("address", Source(), "address", "mask", required=True),
    ),
    TrustedCA: (_key("certificate", Certificate(rules.authority), required=True),),
    RevokedCertificate: (
        *(
            _key(word, Text(_trimmed))
            for word in "common_name organization unit country state locality".split()
        ),
        _key("serial", _SERIAL),
        _key("md5", _bytes(rules.MD5)),
        _key("sha1", _bytes(rules.SHA1)),
    ),
    Policy: tuple(_key(name, _policy(name)) for name in WIRE_NAMES),
}

PACKET_LEVELS = Choice({"none": 0, "headers": 1, "all": 2})


def normal_rule(rule: AccessRule) -> AccessRule:
    """Return a rule as a document tells it: two rules that mean the same are equal."""
    changes: dict[str, Any] = {}
    if rule.ipv6:
        for name in ("source", "source_mask", "destination", "destination_mask"):
            if getattr(rule, name) == UNSET:
                changes[name] = "::"
    if not rule.check_tcp_state:
        changes["established"] = False
    for side in ("source", "destination"):
        if not getattr(rule, f"{side}_mac"):
            changes[f"{side}_mac_mask"] = b""
    return evolve(rule, **changes)


__all__ = ["KEYS", "KINDS", "PACKETS", "PACKET_LEVELS", "PORT", "Key", "normal_rule"]
