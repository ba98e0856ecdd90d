"""
Writing a document: only what differs from a default, in an order that never varies.

Equal content makes equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tomli_w

from iquila.admin.document.content import (
    Content,
    ordered_authorities,
    ordered_revocations,
    ordered_rules,
)
from iquila.admin.document.keys import KEYS, PACKET_LEVELS, PACKETS
from iquila.database.belongings import (
    AccessRule,
    AddressList,
    Group,
    LogSettings,
    RadiusServer,
    RevokedCertificate,
    SwitchOptions,
    TrustedCA,
)
from iquila.database.records import ListenerRecord, Switch, SwitchKind, User
from iquila.wire.policy import Policy

HEADER = (
    "# Configuration of an iquila server. Look at what it would change with: iquila plan FILE\n\n"
)


def write(content: Content, secrets: bool = True) -> str:
    """
    Return content as TOML.

    :param secrets: whether password hashes and RADIUS secrets are in it.
    """
    document: dict[str, Any] = {}
    if content.listeners is not None:
        document["listener"] = [table(ListenerRecord, record) for record in content.listeners]
    switches = content.all(Switch)
    if switches:
        document["switch"] = {s.name: _switch(content, s, secrets) for s in switches}
    # A text over several lines reads best as such, but would lose carriage returns.
    lines = not _has_returns(document)
    return HEADER + tomli_w.dumps(document, multiline_strings=lines)


def table(cls: type[Any], record: Any, secrets: bool = True) -> dict[str, Any]:
    """Return a record's keys that differ from their defaults."""
    found = {}
    for key in KEYS[cls]:
        value = key.get(record)
        if key.secret and not secrets:
            continue
        if key.required or value != key.default(cls):
            written = key.form.write(value)
            if written is not None:
                found[key.word] = written
    return found


def _switch(content: Content, switch: Switch, secrets: bool) -> dict[str, Any]:
    name = switch.name
    found = table(Switch, switch, secrets)
    if switch.kind is SwitchKind.STANDALONE:
        del found["kind"]
    for cls, word in ((RadiusServer, "radius"), (LogSettings, "log")):
        record: Any = content.one(cls, name)
        if record is not None:
            found[word] = table(cls, record, secrets)
            if isinstance(record, LogSettings):
                found[word] |= _packets(record)
    options = content.one(SwitchOptions, name)
    if options is not None:
        for word in ("administrator", "extended"):
            if getattr(options, word):
                found[f"{word}_options"] = dict(sorted(getattr(options, word).items()))
    found |= _lists(content, name)
    for kind, word in ((Group, "group"), (User, "user")):
        records: list[Any] = content.all(kind, name)
        if records:
            found[word] = {r.name: _with_policy(kind, r, secrets) for r in records}
    return found


def _with_policy(cls: type[Any], record: Any, secrets: bool) -> dict[str, Any]:
    found = table(cls, record, secrets)
    if record.policy is not None:
        found["policy"] = table(Policy, record.policy)
    return found


def _packets(record: LogSettings) -> dict[str, Any]:
    usual = LogSettings(record.switch).packets
    kept = {
        word: PACKET_LEVELS.write(record.packets[number])
        for number, word in enumerate(PACKETS)
        if record.packets[number] != usual[number]
    }
    return {"keep": kept} if kept else {}


def _lists(content: Content, name: str) -> dict[str, Any]:
    addresses = content.one(AddressList, name)
    lists: tuple[tuple[str, Iterable[Any]], ...] = (
        ("access", ordered_rules(content.all(AccessRule, name))),
        ("address", addresses.rules if addresses is not None else ()),
        ("authority", ordered_authorities(content.all(TrustedCA, name))),
        ("revoked", ordered_revocations(content.all(RevokedCertificate, name))),
    )
    return {word: [table(type(r), r) for r in rows] for word, rows in lists if rows}


def _has_returns(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_returns(part) for part in value.values())
    if isinstance(value, list):
        return any(_has_returns(part) for part in value)
    return isinstance(value, str) and "\r" in value
