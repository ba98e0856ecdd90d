"""
What a change did to a record, as the audit shows it: fields that changed, and no secrets.

A field is secret where its record does not show it either (``repr=False``), or where its name
says so: a record that somebody adds without thinking of the audit must not give anything away.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from typing import Any

from attrs import NOTHING, Attribute, Factory, fields, has

from iquila.database.record import Record

SECRET = "(secret)"
EMPTY = "(none)"
LONGEST_TEXT = 1024
LONGEST_BYTES = 64
"""What is shown as it is; of longer ones the SHA-256."""
MOST = 1000
"""Items of a list that are shown."""
_SECRET_NAME = re.compile(r"password|secret|private|hash|token", re.IGNORECASE)
_FACTORY: Any = type(Factory(list))
Shown = dict[str, Any] | None


def difference(old: Record | None, new: Record | None) -> tuple[Shown, Shown]:
    """
    Return what differs between two states of a record, before and after, ready for JSON.

    Of a record that appears or goes, what differs from the defaults is shown. None stands for
    a record that is not there; both sides are empty where nothing changed.
    """
    if old is None or new is None:
        return _whole(old), _whole(new)
    return _compared(old, new)


def _whole(record: Any) -> Shown:
    if record is None:
        return None
    return {
        attribute.name: _shown(attribute, getattr(record, attribute.name))
        for attribute in fields(type(record))
        if getattr(record, attribute.name) != _default(attribute)
    }


def _default(attribute: Attribute[Any]) -> Any:
    default: Any = attribute.default
    if isinstance(default, _FACTORY):
        return NOTHING if default.takes_self else default.factory()
    return default


def _compared(old: Any, new: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    before, after = {}, {}
    for attribute in fields(type(old)):
        name = attribute.name
        a, b = getattr(old, name), getattr(new, name)
        if a == b:
            continue
        if not _is_secret(attribute) and type(a) is type(b) and has(type(a)):
            before[name], after[name] = _compared(a, b)
            continue
        if isinstance(a, tuple) and isinstance(b, tuple) and not _is_secret(attribute):
            # Of thousands of rules, those that came or went; all where only the order differs.
            gone, come = _without(a, b), _without(b, a)
            a, b = (gone, come) if gone or come else (a, b)
        before[name], after[name] = _shown(attribute, a), _shown(attribute, b)
    return before, after


def _without(items: tuple[Any, ...], others: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the records of a list that are not in another one; a list of others as a whole."""
    if not all(has(type(item)) for item in (*items, *others)):
        return items
    try:
        known: Any = set(others)
        return tuple(item for item in items if item not in known)
    except TypeError:
        return items


def _is_secret(attribute: Attribute[Any]) -> bool:
    return attribute.repr is False or bool(_SECRET_NAME.search(attribute.name))


def _shown(attribute: Attribute[Any], value: Any) -> Any:
    if _is_secret(attribute):
        return SECRET if value else EMPTY
    return _plain(value)


def _plain(value: Any) -> Any:
    if has(type(value)):
        return _whole(value)
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, bytes):
        return value.hex() if len(value) <= LONGEST_BYTES else _digest(value)
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:64]}... {_digest(value.encode())}"
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in list(value.items())[:MOST]}
    if isinstance(value, tuple | list | frozenset):
        shown = [_plain(item) for item in list(value)[:MOST]]
        return [*shown, f"... {len(value)} in all"] if len(value) > MOST else shown
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def _digest(value: bytes) -> str:
    return f"sha256:{hashlib.sha256(value).hexdigest()}"
