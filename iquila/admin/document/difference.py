"""What has to be done to a database so that it is as a document says, and how that is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from attrs import evolve, fields, frozen

from iquila.admin.document.content import (
    CONFIGURED,
    Content,
    anonymous,
    content,
    ordered_rules,
)
from iquila.admin.document.keys import KEYS
from iquila.admin.document.problems import Path, shown
from iquila.admin.document.reading import Document
from iquila.admin.document.writing import write
from iquila.database.belongings import (
    AccessRule,
    AddressList,
    LogSettings,
    RevokedCertificate,
    SwitchOptions,
    TrustedCA,
)
from iquila.database.record import Record
from iquila.database.records import AuthKind, LoginCount, Placement, Switch, User
from iquila.database.store import Change, delete, put
from iquila.wire.policy import DEFAULT_POLICY, Policy

CREATE, CHANGE, DELETE, NOTE = "create", "change", "delete", "note"
WORDS = {
    "switch": "switch",
    "user": "user",
    "group": "group",
    "radius": "radius",
    "log": "log",
    "options": "options",
    "access": "access",
    "addresses": "address",
    "ca": "authority",
    "revoked": "revoked",
}
SECRET = "(secret)"
LONGEST = 200
"""Characters of a value that are shown."""


@frozen
class Difference:
    """One line of a plan; `field` is empty where a whole thing comes or goes."""

    kind: str
    place: str
    action: str
    field: str = ""
    before: str = ""
    after: str = ""


@frozen
class Step:
    """
    The way from what is there to what a document says.

    :ivar wanted: what will be there.
    """

    before: Content
    wanted: Content
    differences: tuple[Difference, ...]
    changes: tuple[Change, ...]

    @property
    def deleted_switches(self) -> list[str]:
        """The switches that are to go."""
        names = {s.key: s.name for s in self.before.all(Switch)}
        gone = names.keys() - {s.key for s in self.wanted.all(Switch)}
        return [names[key] for key in sorted(gone)]


def fingerprint(found: Content) -> str:
    """Return a short text that is another one when anything of the configuration changes."""
    return hashlib.sha256(write(found).encode()).hexdigest()[:32]


def step(there: Content, document: Document, now: int, prune: bool = True) -> Step:
    """
    Return what a document changes.

    :param now: ms since 1970, the time of what is created or changed.
    :param prune: whether what the document does not name is deleted.
    """
    wanted = _settled(there, document, now)
    if not prune:
        wanted = _kept(there, wanted)
    changes: list[Change] = []
    differences: list[Difference] = []
    for cls in CONFIGURED:
        old, new = there.records.get(cls, {}), wanted.records.get(cls, {})
        for key in sorted(old.keys() | new.keys()):
            before, after = old.get(key), new.get(key)
            if before == after:
                continue
            changes.append(delete(cls, key) if after is None else put(after))
            if cls in (Switch, User) and after is None:
                changes += _traces(cls, key)
            if cls is not AccessRule:
                differences += compared(before, after)
    differences += _rules(there, wanted)
    return Step(there, wanted, tuple(differences), tuple(changes))


def _traces(cls: type[Record], key: str) -> list[Change]:
    """Return what else goes with a deleted switch or user."""
    if cls is User:
        return [delete(LoginCount, key)]
    return [delete(Placement, key), delete(LoginCount, f"{key}/")]


# -- what a document leaves open


def _settled(there: Content, document: Document, now: int) -> Content:
    records: list[Record] = []
    numbered: dict[tuple[type[Any], str], list[Any]] = {}
    for cls in CONFIGURED:
        for key, record in document.content.records.get(cls, {}).items():
            if isinstance(record, AccessRule | TrustedCA | RevokedCertificate):
                numbered.setdefault((cls, record.switch.lower()), []).append(record)
            else:
                left_out = document.left_out.get((cls, key), frozenset())
                records.append(_filled(there.one(cls, key), record, left_out, now))
    for (cls, switch), rows in numbered.items():
        give = _rule_numbers if cls is AccessRule else _numbers
        records += give(there.all(cls, switch), rows)
    return content(records, document.content.listeners)


def _filled(old: Any, new: Any, left_out: Iterable[str], now: int) -> Any:
    names = set(left_out)
    if old is not None:
        values = {name: getattr(old, name) for name in names}
        if isinstance(new, User) and old.auth is not AuthKind.PASSWORD:
            values = {n: v for n, v in values.items() if not n.endswith("_hash")}
        # A name keeps the case that it was created with, where nothing else is said of it.
        filled = evolve(new, **values)
        if filled != old and "updated" in names:
            filled = evolve(filled, updated=now)
        return filled
    return evolve(new, **{name: now for name in ("created", "updated") if name in names})


def _numbers(there: list[Any], rows: list[Any]) -> list[Any]:
    """Give rows the numbers that equal ones have, and others the next free ones."""
    free: dict[Any, list[int]] = {}
    for record in there:
        free.setdefault(anonymous(record), []).append(record.number)
    last = max((record.number for record in there), default=0)
    found = []
    for row in rows:
        numbers = free.get(anonymous(row))
        if numbers:
            number = numbers.pop(0)
        else:
            number = last = last + 1
        found.append(evolve(row, number=number))
    return found


def _rule_numbers(there: list[AccessRule], rows: list[AccessRule]) -> list[AccessRule]:
    """As :func:`_numbers`; among rules of one priority the order of the rows holds."""
    free: dict[AccessRule, list[int]] = {}
    for record in ordered_rules(there):
        free.setdefault(anonymous(record), []).append(record.number)
    last = max((record.number for record in there), default=0)
    reached: dict[int, int] = {}
    found = []
    for row in ordered_rules(rows):
        least = reached.get(row.priority, 0)
        numbers = [n for n in free.get(anonymous(row), []) if n > least]
        if numbers:
            number = numbers[0]
            free[anonymous(row)].remove(number)
        else:
            number = last = last + 1
        reached[row.priority] = number
        found.append(evolve(row, number=number))
    return found


def _kept(there: Content, wanted: Content) -> Content:
    """Return what is wanted, with all that a document does not name as it is."""
    told = {(cls, row.switch.lower()) for cls in _LISTS for row in wanted.all(cls)}
    records: list[Record] = []
    for cls in CONFIGURED:
        for key, record in there.records.get(cls, {}).items():
            replaced = (cls, getattr(record, "switch", "").lower()) in told
            if wanted.one(cls, key) is None and not replaced:
                records.append(record)
    named = [record for rows in wanted.records.values() for record in rows.values()]
    listeners = wanted.listeners
    if listeners is not None:
        ports = {listener.port for listener in listeners}
        listeners += tuple(row for row in there.listeners or () if row.port not in ports)
    return content([*records, *named], listeners)


_LISTS: tuple[Any, ...] = (AccessRule, TrustedCA, RevokedCertificate)


# -- how it is shown


def place(record: Record) -> str:
    """Return where a record stands in a document."""
    return shown(_path(record))


def _path(record: Any) -> Path:
    word = WORDS[record.kind_name]
    if isinstance(record, Switch):
        return ("switch", record.name)
    base: Path = ("switch", record.switch, word)
    name = getattr(record, "name", None)
    return (*base, name) if name is not None else base


def compared(before: Any, after: Any) -> list[Difference]:
    """Return the lines for one record that comes, goes or changes."""
    record = after if after is not None else before
    kind, where = WORDS[record.kind_name], place(record)
    if isinstance(record, AddressList | TrustedCA | RevokedCertificate):
        return _rows(kind, where, _listed(before), _listed(after))
    lines = []
    if before is None or after is None:
        lines.append(Difference(kind, where, CREATE if before is None else DELETE))
    else:
        old, new = _values(before), _values(after)
        lines += [
            Difference(kind, where, CHANGE, word, old.get(word, ""), new.get(word, ""))
            for word in sorted(old.keys() | new.keys())
            if old.get(word) != new.get(word)
        ]
        lines += _secrets(kind, where, before, after)
    if isinstance(after, User) and after.auth is AuthKind.PASSWORD and not any(after.password_hash):
        sentence = "has no password: nobody can log in until one is set"
        lines.append(Difference(kind, where, NOTE, "password_hash", "", sentence))
    return lines


def _secrets(kind: str, where: str, before: Any, after: Any) -> list[Difference]:
    lines = []
    for key in KEYS.get(type(after), ()):
        old, new = key.get(before), key.get(after)
        if key.secret and old != new:
            told = (SECRET if old else "", f"another {SECRET}" if old and new else SECRET)
            lines.append(Difference(kind, where, CHANGE, key.word, told[0], told[1] if new else ""))
    return lines


def _values(record: Any) -> dict[str, str]:
    """Return the values of a record by the words of a document, without secrets."""
    if isinstance(record, SwitchOptions):
        both = {**record.administrator, **record.extended}
        return {name: str(value) for name, value in both.items()}
    found: dict[str, str] = {}
    for key in KEYS.get(type(record), ()):
        if not key.secret and key.word != "updated":
            found[key.word] = _text(key.form.write(key.get(record)))
    if isinstance(record, LogSettings):
        found["keep"] = " ".join(map(str, record.packets))
    if hasattr(record, "name"):
        found["name"] = record.name
    if hasattr(record, "policy"):
        found |= _policy(record.policy)
    return found


def _policy(policy: Policy | None) -> dict[str, str]:
    told = {"policy": "none" if policy is None else "own"}
    for attribute in fields(Policy):
        value = getattr(policy or DEFAULT_POLICY, attribute.name)
        told[f"policy.{attribute.name}"] = _text(value)
    return told


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip()
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _listed(record: Any) -> list[str]:
    if record is None:
        return []
    rows = record.rules if isinstance(record, AddressList) else (record,)
    return [_row(row) for row in rows]


def _row(row: Any) -> str:
    """Return a row of a list in one line."""
    told = []
    for key in KEYS[type(row)]:
        value = key.get(row)
        if key.required or value != key.default(type(row)):
            written = key.form.write(value)
            if written is not None:
                text = " ".join(_text(written).split("\n")[:2])
                told.append(f"{key.word} {text}")
    return ", ".join(told)


def _rows(kind: str, where: str, old: list[str], new: list[str]) -> list[Difference]:
    return [
        *(Difference(kind, where, DELETE, "", row, "") for row in old if row not in new),
        *(Difference(kind, where, CREATE, "", "", row) for row in new if row not in old),
    ]


def _rules(there: Content, wanted: Content) -> list[Difference]:
    """Return the lines for access lists, a list at a time; a new order alone is told too."""
    switches = {
        rule.switch.lower(): rule.switch for c in (there, wanted) for rule in c.all(AccessRule)
    }
    lines = []
    for key in sorted(switches):
        old = [_row(rule) for rule in ordered_rules(there.all(AccessRule, key))]
        new = [_row(rule) for rule in ordered_rules(wanted.all(AccessRule, key))]
        where = shown(("switch", switches[key], "access"))
        if old != new:
            found = _rows("access", where, old, new)
            moved = Difference("access", where, CHANGE, "order", "", "as in the document")
            lines += found or [moved]
    return lines
