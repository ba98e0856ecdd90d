"""
The format of SoftEther's configuration files.

Text in UTF-8, a statement on each line: ``declare NAME`` with a block in braces after it, or
``TYPE NAME VALUE`` with the types bool, byte, int, uint, uint64, ip and string. In names and
strings ``$`` and two hexadecimal digits stand for a byte, and ``$`` alone for an empty string;
bytes are base64. Lines that begin with ``#`` are comments.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from attrs import define, field

from iquila.errors import ConfigurationError

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
MAX_STATEMENTS = 4_000_000
_ESCAPE = re.compile(rb"\$(.{0,2})", re.DOTALL)
_NUMBERS = {"int": (-(2**31), 2**31), "uint": (0, 2**32), "uint64": (0, 2**64)}


class FileRefused(ConfigurationError):
    """A file is no configuration file of a SoftEther server; the sentence has the line."""


@define
class Block:
    """What stands between two braces: values and blocks by name."""

    name: str
    line: int
    values: dict[str, Any] = field(factory=dict)
    blocks: dict[str, Block] = field(factory=dict)

    def block(self, *names: str) -> Block:
        """Return a block inside, an empty one where there is none."""
        found = self
        for name in names:
            found = found.blocks.get(name) or Block(name, found.line)
        return found

    def text(self, name: str) -> str:
        """Return a string, empty where there is none."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str, default: int = 0) -> int:
        """Return a number."""
        value = self.values.get(name)
        return value if isinstance(value, int) else default

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a bool."""
        value = self.values.get(name)
        return bool(value) if isinstance(value, int) else default

    def data(self, name: str) -> bytes:
        """Return bytes."""
        value = self.values.get(name)
        return value if isinstance(value, bytes) else b""


def parse(content: bytes) -> Block:
    """
    Return the root of a file.

    :raises FileRefused: it is malformed, or too large or too deep to be one.
    """
    if len(content) > MAX_BYTES:
        raise FileRefused(f"The file has more than {MAX_BYTES} bytes: it is no configuration file.")
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if len(lines) > MAX_STATEMENTS:
        raise FileRefused(f"The file has more than {MAX_STATEMENTS} lines: it is no such file.")
    parser = _Parser()
    for number, line in enumerate(lines, 1):
        parser.line(number, line)
    return parser.end(len(lines))


class _Parser:
    def __init__(self) -> None:
        self._open: list[Block] = []
        self._declared: Block | None = None
        """A block whose brace has not come yet."""
        self._root: Block | None = None

    def line(self, number: int, raw: bytes) -> None:
        line = raw.strip()
        if not line or line.startswith(b"#"):
            return
        if self._declared is not None:
            if line != b"{":
                raise FileRefused(f"Line {number}: a '{{' is expected here.")
            self._open.append(self._declared)
            self._declared = None
        elif line == b"}":
            if not self._open:
                raise FileRefused(f"Line {number}: there is no block that this '}}' could end.")
            self._open.pop()
        else:
            self._statement(number, line)

    def _statement(self, number: int, line: bytes) -> None:
        words = line.split(None, 2)
        kind = words[0].decode("latin-1")
        if kind == "declare" and len(words) >= 2:
            brace = len(words) == 3 and words[2] == b"{"
            if len(words) == 3 and not brace:
                raise FileRefused(f"Line {number}: 'declare' has one name.")
            self._declare(number, _text(number, words[1]))
            if brace:
                self.line(number, b"{")
            return
        if len(words) < 2 or kind not in ("bool", "byte", "string", "ip", *_NUMBERS):
            raise FileRefused(
                f"Line {number}: this is neither 'declare NAME', a brace, nor a value "
                "('TYPE NAME VALUE')."
            )
        if not self._open:
            raise FileRefused(f"Line {number}: a value stands outside of every block.")
        values = self._open[-1].values
        name = _text(number, words[1])
        if name in values:
            raise FileRefused(f"Line {number}: '{name[:64]}' is there twice.")
        values[name] = _value(number, kind, words[2] if len(words) == 3 else b"")

    def _declare(self, number: int, name: str) -> None:
        block = Block(name, number)
        if not self._open:
            if self._root is not None or name != "root":
                raise FileRefused(f"Line {number}: everything is in one block 'declare root'.")
            self._root = block
        elif len(self._open) >= MAX_DEPTH:
            raise FileRefused(f"Line {number}: blocks are nested more than {MAX_DEPTH} deep.")
        elif name in self._open[-1].blocks:
            raise FileRefused(f"Line {number}: the block '{name[:64]}' is there twice.")
        else:
            self._open[-1].blocks[name] = block
        self._declared = block

    def end(self, last: int) -> Block:
        missing = self._declared or (self._open[-1] if self._open else None)
        if missing is not None:
            raise FileRefused(
                f"Line {last}: the file ends inside the block '{missing.name[:64]}' of line "
                f"{missing.line}: it is not complete."
            )
        if self._root is None:
            raise FileRefused(f"Line {last}: the file has no block 'declare root'.")
        return self._root


def _value(number: int, kind: str, raw: bytes) -> Any:
    if kind in ("string", "ip"):
        return _text(number, raw)
    if kind == "byte":
        try:
            return base64.b64decode(b"" if raw == b"$" else raw, validate=True)
        except binascii.Error:
            raise FileRefused(f"Line {number}: this value is not base64.") from None
    word = raw.decode("latin-1")
    if kind == "bool":
        if word.lower() not in ("true", "false", "0", "1"):
            raise FileRefused(f"Line {number}: a bool is true or false.")
        return word.lower() in ("true", "1")
    low, high = _NUMBERS[kind]
    if not re.fullmatch(r"-?[0-9]{1,20}", word) or not low <= int(word) < high:
        raise FileRefused(f"Line {number}: this is no number of the type {kind}.")
    return int(word)


def _text(number: int, raw: bytes) -> str:
    if raw in (b"$", b""):
        return ""

    def byte(match: re.Match[bytes]) -> bytes:
        if not re.fullmatch(rb"[0-9A-Fa-f]{2}", match[1]):
            raise FileRefused(f"Line {number}: '$' stands before two hexadecimal digits.")
        return bytes.fromhex(match[1].decode())

    try:
        return _ESCAPE.sub(byte, raw).decode("utf-8")
    except UnicodeDecodeError:
        raise FileRefused(f"Line {number}: this is not text in UTF-8.") from None
