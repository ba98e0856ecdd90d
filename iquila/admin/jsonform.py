"""Requests and replies as JSON objects, with the suffix of its kind on each name."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import fields

from iquila.admin.fields import WIRE, Wire
from iquila.errors import InvalidParameter

T = TypeVar("T")
MAX_ITEMS = 65_536
LIMITS = {"str": 512, "utf": 1024, "bin": 65_536}
"""The most characters or bytes of a value, where its field does not say otherwise."""
_TRUE = frozenset(("1", "true", "yes"))
_FALSE = frozenset(("0", "false", "no", ""))


def to_json(record: Any) -> dict[str, Any]:
    """Return a record as a JSON object: lists first, the rest by name."""
    lists: dict[str, Any] = {}
    scalars: dict[str, Any] = {}
    _collect(record, "", lists, scalars)
    return lists | dict(sorted(scalars.items()))


def _collect(record: Any, prefix: str, lists: dict[str, Any], scalars: dict[str, Any]) -> None:
    for attribute in fields(type(record)):
        wire: Wire | None = attribute.metadata.get(WIRE)
        if wire is None:
            continue
        value = getattr(record, attribute.name)
        if wire.kind == "embed":
            _collect(value, prefix + wire.name, lists, scalars)
        elif wire.kind == "list":
            lists[wire.name] = [to_json(item) for item in value]
        elif wire.array:
            scalars[f"{prefix}{wire.name}_{wire.kind}"] = [_out(wire.kind, v) for v in value]
        else:
            scalars[f"{prefix}{wire.name}_{wire.kind}"] = _out(wire.kind, value)


def _out(kind: str, value: Any) -> Any:
    if kind == "bool":
        return bool(value)
    if kind in ("u32", "u64"):
        return int(value)
    if kind == "bin":
        return base64.b64encode(value).decode()
    if kind == "dt":
        moment = datetime.fromtimestamp(value / 1000, UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value % 1000:03d}Z"
    return str(value)


def from_json(cls: type[T], source: dict[str, Any]) -> T:
    """
    Read a record; unknown fields are ignored, missing ones have their defaults.

    :raises InvalidParameter: a field has a value that its kind does not allow.
    """
    return _read(cls, source, "")


def _read(cls: type[T], source: dict[str, Any], prefix: str) -> T:
    values: dict[str, Any] = {}
    for attribute in fields(cls):  # type: ignore[arg-type]
        wire: Wire | None = attribute.metadata.get(WIRE)
        if wire is None:
            continue
        if wire.kind == "embed":
            assert wire.item is not None
            values[attribute.name] = _read(wire.item, source, prefix + wire.name)
            continue
        name = wire.name if wire.kind == "list" else f"{prefix}{wire.name}_{wire.kind}"
        if source.get(name) is None:
            continue
        try:
            values[attribute.name] = _value(wire, source[name])
        except (ValueError, TypeError, binascii.Error, OverflowError) as error:
            raise InvalidParameter(f"The value of {name} is not valid: {error}.") from error
    return cls(**values)


def limit_of(wire: Wire) -> int:
    """Return the most characters or bytes that a field takes."""
    return wire.limit or LIMITS.get(wire.kind, 0)


def wire_names(cls: type[Any], prefix: str = "") -> frozenset[str]:
    """Return the names that a record's fields have in JSON, those of its lists without items."""
    found: set[str] = set()
    for attribute in fields(cls):
        wire: Wire | None = attribute.metadata.get(WIRE)
        if wire is None:
            continue
        if wire.kind == "embed":
            assert wire.item is not None
            found |= wire_names(wire.item, prefix + wire.name)
        else:
            kind = "" if wire.kind == "list" else f"_{wire.kind}"
            found.add(f"{prefix}{wire.name}{kind}")
    return frozenset(found)


def _value(wire: Wire, value: Any) -> Any:
    if wire.kind == "list":
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise ValueError("a list of objects is expected")
        assert wire.item is not None
        return tuple(from_json(wire.item, _object(item)) for item in value)
    if wire.array:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise ValueError("a list is expected")
        return tuple(_in(wire.kind, item) for item in value)
    found = _in(wire.kind, value)
    check_length(wire, found)
    return found


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("a list of objects is expected")
    return value


def check_length(wire: Wire, value: Any) -> None:
    """
    Look whether a value is short enough for its field.

    :raises ValueError: it is not.
    """
    limit = limit_of(wire)
    if limit and len(value) > limit:
        unit = "bytes" if wire.kind == "bin" else "characters"
        raise ValueError(f"it has {len(value)} {unit}, {limit} is the most")


def _in(kind: str, value: Any) -> Any:
    if kind in ("str", "utf"):
        if not isinstance(value, str):
            raise ValueError("a string is expected")
        if any("\ud800" <= character <= "\udfff" for character in value):
            # JSON can write half of a pair; nothing else can, neither the database nor a reply.
            raise ValueError("it is no text in Unicode")
        return value
    if kind == "bool":
        return _flag(value)
    if kind == "bin":
        return base64.b64decode(value, validate=True)
    if kind == "ip":
        if not isinstance(value, str):
            raise ValueError("an address as text is expected")
        return str(ipaddress.ip_address(value)) if value else "0.0.0.0"
    if kind == "dt":
        return _time(value)
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("a whole number is expected")
    number = int(value)
    if not 0 <= number < 2 ** (32 if kind == "u32" else 64):
        raise ValueError("the number is out of range")
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip().lower()
        if word not in _TRUE | _FALSE:
            raise ValueError("true or false is expected")
        return word in _TRUE
    if not isinstance(value, bool | int | float):
        raise ValueError("true or false is expected")
    return bool(value)


def _time(value: Any) -> int:
    if isinstance(value, int | float):
        return int(value)
    if not value:
        return 0
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, round(moment.timestamp() * 1000))
