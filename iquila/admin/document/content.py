"""The records of a database that are configuration, in their normal form and order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve, frozen

from iquila.admin.document.keys import normal_rule
from iquila.database.administratoroptions import ADMINISTRATOR
from iquila.database.belongings import (
    BELONGINGS,
    AccessRule,
    AddressList,
    LogSettings,
    RevokedCertificate,
    SwitchOptions,
    TrustedCA,
)
from iquila.database.extendedoptions import EXTENDED
from iquila.database.options import Option
from iquila.database.record import R, Record
from iquila.database.records import ListenerRecord, Switch, User
from iquila.database.store import Database

CONFIGURED: tuple[type[Record], ...] = (Switch, *BELONGINGS, User)
"""The types of records that a document speaks of, in its order."""


@frozen
class Content:
    """
    What is configured.

    :ivar records: by type, then by key.
    :ivar listeners: the server's own; None where nothing is said of them.
    """

    records: dict[type[Record], dict[str, Any]]
    listeners: tuple[ListenerRecord, ...] | None = None

    def all(self, cls: type[R], switch: str = "") -> list[R]:
        """Return the records of a type, those of one switch if it is given, by key."""
        found = self.records.get(cls, {})
        wanted = switch.lower()
        return [
            found[key]
            for key in sorted(found)
            if not switch or key == wanted or key.startswith(wanted + "/")
        ]

    def one(self, cls: type[R], key: str) -> R | None:
        """Return a record."""
        found: R | None = self.records.get(cls, {}).get(key.lower())
        return found


def content(
    records: Iterable[Record], listeners: Iterable[ListenerRecord] | None = None
) -> Content:
    """Return records as content: normal, and without what says nothing."""
    found: dict[type[Record], dict[str, Any]] = {}
    for record in records:
        settled = normal(record)
        if settled is not None:
            found.setdefault(type(settled), {})[settled.key] = settled
    listed = None if listeners is None else tuple(sorted(listeners, key=lambda row: row.port))
    return Content(found, listed)


def stored(system: Database, listeners: Iterable[ListenerRecord] | None = None) -> Content:
    """Return what is configured in a system database."""
    return content((record for cls in CONFIGURED for record in system.all(cls)), listeners)


def normal(record: Record) -> Record | None:
    """Return a record in its normal form, None for one that says no more than a missing one."""
    if isinstance(record, AccessRule):
        return normal_rule(record)
    if isinstance(record, LogSettings):
        return None if record == LogSettings(record.switch) else record
    if isinstance(record, AddressList):
        ordered = sorted(record.rules, key=lambda rule: rule.priority)
        rules = tuple(evolve(rule, id=id) for id, rule in enumerate(ordered, 1))
        return evolve(record, rules=rules) if rules else None
    if isinstance(record, SwitchOptions):
        record = evolve(
            record,
            administrator=_options(ADMINISTRATOR, record.administrator),
            extended=_options(EXTENDED, record.extended),
        )
        return record if record.administrator or record.extended else None
    return record


def _options(known: dict[str, Option], given: dict[str, int]) -> dict[str, int]:
    found = {}
    for name in sorted(given):
        option = known.get(name.lower())
        if option is not None and given[name] != option.default:
            found[option.name] = given[name]
    return found


def ordered_rules(rules: Iterable[AccessRule]) -> list[AccessRule]:
    """Return rules in the order in which frames are held against them."""
    return sorted(rules, key=lambda rule: (rule.priority, rule.number))


def ordered_authorities(found: Iterable[TrustedCA]) -> list[TrustedCA]:
    """Return CAs in an order that does not depend on when they were added."""
    return sorted(found, key=lambda ca: ca.certificate)


def ordered_revocations(found: Iterable[RevokedCertificate]) -> list[RevokedCertificate]:
    """Return revocations in an order that does not depend on when they were added."""
    return sorted(found, key=lambda r: (r.common_name, r.organization, r.unit, repr(anonymous(r))))


def anonymous(record: R) -> R:
    """Return a numbered record without its number."""
    return evolve(record, number=0)  # type: ignore[call-arg]
