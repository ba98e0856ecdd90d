"""
PACK, the serialization of the handshake and of the administration RPC (reference §2).

Integers are big-endian. Every count and size is checked against the limits and against the
bytes that are there before anything is allocated.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar, cast

from attrs import frozen

from iquila.errors import PackError

IPAddress = IPv4Address | IPv6Address
Value = int | bytes | str
V = TypeVar("V", int, bytes, str)

MAX_NAME = 63
MAX_PADDING = 1000
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_PAIR = struct.Struct(">II")
_INT_ELEMENT = struct.Struct(">III")
_read_u32 = _U32.unpack_from


class Type(IntEnum):
    """The type of an element's values."""

    INT = 0
    """u32."""
    DATA = 1
    STR = 2
    """Bytes without NUL; UTF-8 here, undecodable bytes replaced."""
    UNISTR = 3
    """UTF-8 with one trailing NUL, which readers may miss."""
    INT64 = 4
    """u64."""


# Looking a member up in its class costs more than the comparisons it is for.
_INT, _INT64, _DATA = Type.INT, Type.INT64, Type.DATA
_STR, _UNISTR = Type.STR, Type.UNISTR


@frozen
class Limits:
    """The most a decoder takes: bytes in all, elements, values in all, bytes of one value."""

    total: int
    elements: int
    values: int
    value_size: int


LOGIN_LIMITS = Limits(64 * 1024, 512, 1024, 64 * 1024)
ANSWER_LIMITS = Limits(1024 * 1024, 1024, 8192, 1024 * 1024)
RPC_LIMITS = Limits(16 * 1024 * 1024, 4096, 2_000_000, 16 * 1024 * 1024)
"""For administrators only: room for a whole access list, 32 768 rules of 49 values."""


Element = tuple[str, Type, list[Value]]
"""Name, type and values. A plain tuple: a login makes a hundred of them."""


class Pack:
    """
    An ordered set of elements whose names are compared without regard to case.

    Readers answer a missing element, one of another type or an index beyond its values with
    the default, as the protocol does: that is never an error by itself.
    """

    __slots__ = ("_elements",)

    def __init__(self) -> None:
        self._elements: dict[str, Element] = {}

    def __repr__(self) -> str:
        # Values may be secrets.
        return f"<Pack {' '.join(self.names())}>"

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._elements

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pack) and self._elements == other._elements

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[Element]:
        return iter(self._elements.values())

    def names(self) -> list[str]:
        """Return the names of the elements, in their order."""
        return [name for name, _kind, _values in self._elements.values()]

    def count(self, name: str) -> int:
        """Return how many values an element has, 0 where it is missing."""
        element = self._elements.get(name.lower())
        return 0 if element is None else len(element[2])

    def kind(self, name: str) -> Type | None:
        """Return the type of an element, None where it is missing."""
        element = self._elements.get(name.lower())
        return None if element is None else element[1]

    # -- writing

    def _add(self, name: str, kind: Type, values: list[Value]) -> Pack:
        # An empty array makes real readers fail for the whole pack.
        if values:
            key = _own_name(name)[0]
            if key in self._elements:
                raise ValueError(f"there is an element {name!r} already")
            self._elements[key] = (name, kind, values)
        return self

    def add_all(self, other: Pack) -> Pack:
        """Add the elements of another pack, which has none of the names of this one; share them."""
        self._elements.update(other._elements)
        return self

    def add_int(self, name: str, *values: int) -> Pack:
        """Add u32 values."""
        return self._add(name, _INT, [v & 0xFFFFFFFF for v in values])

    def add_bool(self, name: str, *values: bool) -> Pack:
        """Add flags, which travel as u32."""
        return self._add(name, _INT, [int(v) for v in values])

    def add_int64(self, name: str, *values: int) -> Pack:
        """Add u64 values."""
        return self._add(name, _INT64, [v & 0xFFFFFFFFFFFFFFFF for v in values])

    def add_data(self, name: str, *values: bytes) -> Pack:
        """Add byte strings."""
        return self._add(name, _DATA, [bytes(v) for v in values])

    def add_str(self, name: str, *values: str) -> Pack:
        """Add strings, trimmed of white space at both ends."""
        return self._add(name, _STR, [v.strip() for v in values])

    def add_unistr(self, name: str, *values: str) -> Pack:
        """Add Unicode strings, trimmed of white space at both ends."""
        return self._add(name, _UNISTR, [v.strip() for v in values])

    def add_ip(self, name: str, *values: IPAddress) -> Pack:
        """Add addresses: four elements, the IPv4 one with its bytes reversed."""
        six = [v.version == 6 for v in values]
        v4 = [0 if v.version == 6 else int.from_bytes(v.packed, "little") for v in values]
        v6 = [v.packed if v.version == 6 else b"\0" * 16 for v in values]
        self.add_int(name, *v4).add_bool(f"{name}@ipv6_bool", *six)
        self.add_data(f"{name}@ipv6_array", *v6)
        return self.add_int(f"{name}@ipv6_scope_id", *([0] * len(values)))

    def add_padding(self, random: Callable[[int], bytes] = os.urandom) -> Pack:
        """Add `pencore`, 0..999 random bytes that hide the length (reference §1.4)."""
        if "pencore" in self:
            return self
        size = int.from_bytes(random(2), "big") % MAX_PADDING
        return self.add_data("pencore", random(size))

    # -- reading

    def _all(self, name: str, kind: Type) -> list[Value]:
        element = self._elements.get(name.lower())
        return element[2] if element is not None and element[1] is kind else []

    def _one(self, name: str, kind: Type, index: int) -> Value | None:
        element = self._elements.get(name.lower())
        if element is None or element[1] is not kind or not 0 <= index < len(element[2]):
            return None
        return element[2][index]

    def get_int(self, name: str, index: int = 0, default: int = 0) -> int:
        """Return a u32 value."""
        value = self._one(name, _INT, index)
        return value if isinstance(value, int) else default

    def get_bool(self, name: str, index: int = 0, default: bool = False) -> bool:
        """Return a flag."""
        return bool(self.get_int(name, index, int(default)))

    def get_int64(self, name: str, index: int = 0, default: int = 0) -> int:
        """Return a u64 value."""
        value = self._one(name, _INT64, index)
        return value if isinstance(value, int) else default

    def get_data(self, name: str, index: int = 0, default: bytes = b"") -> bytes:
        """Return a byte string."""
        value = self._one(name, _DATA, index)
        return value if isinstance(value, bytes) else default

    def get_str(self, name: str, index: int = 0, default: str = "") -> str:
        """Return a string."""
        value = self._one(name, _STR, index)
        return value if isinstance(value, str) else default

    def get_unistr(self, name: str, index: int = 0, default: str = "") -> str:
        """Return a Unicode string."""
        value = self._one(name, _UNISTR, index)
        return value if isinstance(value, str) else default

    def get_ip(self, name: str, index: int = 0) -> IPAddress | None:
        """Return an address, None where there is none."""
        if self.get_bool(f"{name}@ipv6_bool", index):
            packed = self.get_data(f"{name}@ipv6_array", index)
            return IPv6Address(packed) if len(packed) == 16 else None
        value = self._one(name, _INT, index)
        return _ipv4(value) if isinstance(value, int) else None

    def first_ints(self, keys: Sequence[str]) -> list[int]:
        """Return the first value of each u32 element; `keys` are names in lower case."""
        return [self._first(key, _INT, 0) for key in keys]

    def first_strs(self, keys: Sequence[str]) -> list[str]:
        """Return the first value of each string element; `keys` are names in lower case."""
        return [self._first(key, _STR, "") for key in keys]

    def _first(self, key: str, kind: Type, default: V) -> V:
        element = self._elements.get(key)
        if element is None or element[1] is not kind:
            return default
        return cast(V, element[2][0])

    def all_ints(self, name: str) -> list[int]:
        """Return all values of a u32 element."""
        return [v for v in self._all(name, _INT) if isinstance(v, int)]

    def all_strs(self, name: str) -> list[str]:
        """Return all values of a string element."""
        return [v for v in self._all(name, _STR) if isinstance(v, str)]

    def all_data(self, name: str) -> list[bytes]:
        """Return all values of a byte string element."""
        return [v for v in self._all(name, _DATA) if isinstance(v, bytes)]

    @property
    def error(self) -> int:
        """The error number that the pack carries, 0 for success."""
        return self.get_int("error")

    # -- bytes

    def encode(self) -> bytes:
        """Return the pack as bytes."""
        parts = [_U32.pack(len(self._elements))]
        for name, kind, values in self._elements.values():
            parts.append(_own_name(name)[1])
            if kind is _INT and len(values) == 1:
                parts.append(_INT_ELEMENT.pack(kind, 1, values[0]))
            else:
                parts.append(_PAIR.pack(kind, len(values)))
                parts += [_encode_value(kind, value) for value in values]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes | memoryview, limits: Limits = LOGIN_LIMITS) -> Pack:
        """
        Read a pack.

        :raises PackError: the bytes are not a pack, or exceed `limits`.
        """
        if len(data) > limits.total:
            raise PackError(
                f"A PACK of {len(data)} bytes is too large: {limits.total} is the most."
            )
        pack = cls()
        try:
            _Reader(bytes(data), limits).read(pack._elements)
        except struct.error:
            raise PackError("The PACK ends in the middle of an element.") from None
        return pack


@lru_cache(maxsize=1024)
def _ipv4(number: int) -> IPv4Address:
    return IPv4Address(number.to_bytes(4, "little"))


@lru_cache(maxsize=1024)
def _own_name(name: str) -> tuple[str, bytes]:
    """
    Return the key of a name, and what stands before its element.

    :raises ValueError: an element cannot have this name.
    """
    raw = name.encode()
    if not 0 < len(raw) <= MAX_NAME:
        raise ValueError(f"an element's name has 1 to {MAX_NAME} bytes: {name!r}")
    # The length counts a NUL that is not sent.
    return name.lower(), _U32.pack(len(raw) + 1) + raw


@lru_cache(maxsize=1024)
def _received_name(raw: bytes) -> tuple[str, str]:
    """Return a name that arrived, and its key."""
    # Longer names are cut, as the system's own reader does.
    name = raw[:MAX_NAME].decode("utf-8", "replace")
    return name, name.lower()


def _encode_value(kind: Type, value: Value) -> bytes:
    if isinstance(value, int):
        return (_U64 if kind is Type.INT64 else _U32).pack(value)
    if isinstance(value, bytes):
        return _U32.pack(len(value)) + value
    raw = value.encode("utf-8", "surrogateescape")
    if kind is Type.UNISTR:
        raw += b"\0"
    return _U32.pack(len(raw)) + raw


class _Reader:
    """Reads a pack. Numbers beyond its end raise `struct.error`."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._size = len(data)
        self._limits = limits

    def read(self, elements: dict[str, Element]) -> None:
        # Half of a login's work in Python was here: the two shapes that most elements have are
        # read without a call.
        data, size, limits = self._data, self._size, self._limits
        (left,) = _read_u32(data, 0)
        if left > limits.elements or left * 12 > size - 4:
            raise PackError(f"The PACK announces {left} elements: that is more than it may hold.")
        at, total = 4, 0
        for _ in range(left):
            (length,) = _read_u32(data, at)
            if not 1 < length <= limits.total:
                raise PackError("The PACK has an element without a name.")
            end = at + 3 + length
            # The first word of its first value comes along.
            number, count, first = _INT_ELEMENT.unpack_from(data, end)
            name, key = _received_name(data[at + 4 : end])
            at = end + 12
            total += count
            if not count or total > limits.values or (count - 1) * 4 > size - at:
                raise PackError(f"The PACK's element {name!r} cannot have {count} values.")
            if key in elements:
                raise PackError(f"The PACK has two elements named {name!r}.")
            if count == 1 and number == _INT:
                elements[key] = (name, _INT, [first])
            elif count == 1 and number == _DATA:
                raw, at = self._bytes(at, first)
                elements[key] = (name, _DATA, [raw])
            else:
                kind = _TYPES.get(number)
                if kind is None:
                    raise PackError(f"The PACK has an element of the unknown type {number}.")
                values, at = self._values(kind, count, at - 4)
                elements[key] = (name, kind, values)

    def _bytes(self, at: int, length: int) -> tuple[bytes, int]:
        """Return bytes and the offset behind them."""
        end = at + length
        if length > self._limits.value_size:
            raise PackError(f"The PACK has a value of {length} bytes: that is too large.")
        if end > self._size:
            raise PackError("The PACK ends in the middle of an element.")
        return self._data[at:end], end

    def _values(self, kind: Type, count: int, at: int) -> tuple[list[Value], int]:
        """Return the values of an element and the offset behind them."""
        values: list[Value] = []
        for _ in range(count):
            if kind is _INT64:
                values.append(_U64.unpack_from(self._data, at)[0])
                at += 8
                continue
            (number,) = _read_u32(self._data, at)
            at += 4
            if kind is _INT:
                values.append(number)
                continue
            raw, at = self._bytes(at, number)
            if kind is _DATA:
                values.append(raw)
            else:
                if kind is _UNISTR:
                    raw = raw.split(b"\0", 1)[0]
                values.append(raw.decode("utf-8", "replace").strip())
        return values, at


_TYPES = {int(kind): kind for kind in Type}
