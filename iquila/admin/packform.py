"""
Requests and replies as PACKs, for the administration RPC (reference §7.9, §10.2).

The same fields as in JSON (:mod:`.jsonform`) without the suffixes; a list of records is one
array for each field, all of the same length.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from attrs import fields

from iquila.admin.fields import WIRE, Wire
from iquila.admin.jsonform import check_length
from iquila.errors import InvalidParameter
from iquila.wire.pack import Pack, Type

T = TypeVar("T")
EPOCH_SHIFT = 9 * 3600 * 1000
"""
Milliseconds that a time in the RPC is behind the one since 1970, UTC. Debian's tool shows times
nine hours late without it, and prints a time of zero as nine o'clock (reference jsonrpc).
"""
_TYPES = {
    "u32": Type.INT,
    "bool": Type.INT,
    "u64": Type.INT64,
    "dt": Type.INT64,
    "str": Type.STR,
    "utf": Type.UNISTR,
    "bin": Type.DATA,
}
_TEXTS = {"str": Type.STR, "utf": Type.UNISTR}
_ADDERS: dict[str, Callable[..., Pack]] = {
    "u32": Pack.add_int,
    "bool": Pack.add_bool,
    "u64": Pack.add_int64,
    "str": Pack.add_str,
    "utf": Pack.add_unistr,
    "bin": Pack.add_data,
}


def _wires(cls: type[Any]) -> Iterator[tuple[str, Wire]]:
    for attribute in fields(cls):
        wire: Wire | None = attribute.metadata.get(WIRE)
        if wire is not None:
            yield attribute.name, wire


# -- writing


def to_pack(record: Any) -> Pack:
    """Return a record as a pack."""
    pack = Pack()
    _add(pack, type(record), [record], "")
    return pack


def _add(pack: Pack, cls: type[Any], records: list[Any], prefix: str) -> None:
    """Add the fields of records of one class, a value of each."""
    for name, wire in _wires(cls):
        values = [getattr(record, name) for record in records]
        if wire.kind == "embed":
            assert wire.item is not None
            _add(pack, wire.item, values, prefix + wire.name)
        elif wire.kind == "list":
            # Lists inside lists do not exist in this protocol.
            assert wire.item is not None and len(records) == 1
            _add(pack, wire.item, list(values[0]), "")
            if wire.each:
                _add_each(pack, wire, values[0])
        else:
            _add_values(pack, wire, prefix + wire.name, values[0] if wire.array else values)


def _swapped(number: int) -> int:
    return int.from_bytes(number.to_bytes(4, "big"), "little")


def _add_values(pack: Pack, wire: Wire, name: str, values: Any) -> None:
    if not values or name in pack:
        # No reader takes an empty array. A record and the items of its list may have a field
        # of one name: the record's comes first and is meant.
        return
    if wire.sparse and not any(values):
        return
    if wire.kind == "dt":
        pack.add_int64(name, *(max(0, value - EPOCH_SHIFT) for value in values))
    elif wire.swapped:
        pack.add_int(name, *map(_swapped, values))
    elif wire.kind == "ip":
        pack.add_ip(name, *(ipaddress.ip_address(value) for value in values))
    else:
        _ADDERS[wire.kind](pack, name, *values)


def _add_each(pack: Pack, wire: Wire, items: Any) -> None:
    """Add the items of a list as elements of their own, by their first two fields."""
    assert wire.item is not None
    (name, _), (number, _), *_rest = _wires(wire.item)
    for item in items:
        pack.add_int(wire.each + getattr(item, name), getattr(item, number))


# -- reading


def from_pack(cls: type[T], pack: Pack) -> T:
    """
    Read a record; unknown elements are ignored, missing ones have their defaults.

    :raises InvalidParameter: an element has another type than its field, or arrays of one list
        differ in length.
    """
    return _read(cls, pack, "", 0)


def _read(cls: type[T], pack: Pack, prefix: str, index: int) -> T:
    values: dict[str, Any] = {}
    for name, wire in _wires(cls):
        if wire.kind == "embed":
            assert wire.item is not None
            values[name] = _read(wire.item, pack, prefix + wire.name, index)
        elif wire.kind == "list":
            assert wire.item is not None
            count = _length(wire.item, pack)
            values[name] = tuple(_read(wire.item, pack, "", i) for i in range(count))
        elif (prefix + wire.name) in pack:
            if wire.array:
                count = pack.count(wire.name)
                values[name] = tuple(_value(wire, pack, wire.name, i) for i in range(count))
            elif index < pack.count(prefix + wire.name):
                values[name] = _value(wire, pack, prefix + wire.name, index)
    return cls(**values)


def _length(cls: type[Any], pack: Pack) -> int:
    counts = {
        count
        for _name, wire in _wires(cls)
        if wire.kind != "embed" and (count := pack.count(wire.name))
    }
    if len(counts) > 1:
        names = ", ".join(wire.name for _name, wire in _wires(cls))
        raise InvalidParameter(f"The arrays {names[:200]} must have the same length.")
    return counts.pop() if counts else 0


def _value(wire: Wire, pack: Pack, name: str, index: int) -> Any:
    value = _read_value(wire.kind, pack, name, index)
    if wire.swapped:
        value = _swapped(value)
    try:
        check_length(wire, value)
    except ValueError as error:
        raise InvalidParameter(f"The value of {name} is not valid: {error}.") from error
    return value


def _read_value(kind: str, pack: Pack, name: str, index: int) -> Any:
    if kind == "ip":
        address = pack.get_ip(name, index)
        if address is None:
            raise InvalidParameter(f"The value of {name} is not an address.")
        return str(address)
    if kind in _TEXTS and pack.kind(name) in _TEXTS.values():
        # Clients that others wrote mix the two kinds of text up.
        return pack.get_str(name, index) or pack.get_unistr(name, index)
    wanted = _TYPES[kind]
    if pack.kind(name) is not wanted:
        raise InvalidParameter(f"The value of {name} has the wrong type: {wanted.name} is right.")
    if kind == "bool":
        return pack.get_bool(name, index)
    if wanted is Type.INT:
        return pack.get_int(name, index)
    if kind == "dt":
        moment = pack.get_int64(name, index)
        return moment + EPOCH_SHIFT if moment else 0
    if wanted is Type.INT64:
        return pack.get_int64(name, index)
    return pack.get_data(name, index)
