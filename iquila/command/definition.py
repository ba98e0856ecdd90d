"""What a command is: its words, its arguments, the operation it calls and how it shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import field, frozen

Row = tuple[str, str]


@frozen
class Items:
    """An answer of rows ``Item | Value``; several blocks for several things."""

    blocks: tuple[tuple[Row, ...], ...]
    many: bool = False
    """Whether it is a list: as CSV a line for each block, then."""


@frozen
class Grid:
    """An answer with columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@frozen
class Text:
    """An answer that is text as it is."""

    text: str


Shown = Items | Grid | Text | None


class Caller(Protocol):
    """What a command asks: a :class:`.connection.Connection`."""

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Run an operation and return its result."""


@frozen
class Argument:
    """
    One argument.

    :ivar key: its name in ``/KEY:value`` and ``--key value``; the positional one has it too.
    :ivar secret: asked for without echo.
    :ivar convert: reads the value; raises ValueError with a sentence.
    :ivar flag: whether ``--key`` alone says yes.
    """

    key: str
    help: str
    positional: bool = False
    required: bool = True
    secret: bool = False
    default: str = ""
    convert: Callable[[str], Any] = str
    flag: bool = False


@frozen
class Command:
    """
    One command. `run` gets a caller and the arguments (and ``switch``).

    :ivar status: what the exit status is for an answer; 0 for every one unless said otherwise.
    """

    name: str
    help: str
    run: Callable[[Caller, dict[str, Any]], tuple[dict[str, Any], Shown]]
    arguments: Sequence[Argument] = field(default=())
    on_switch: bool = False
    status: Callable[[dict[str, Any]], int] = lambda _answer: 0


def number(text: str) -> int:
    """Return a number that is not negative."""
    if not text.isascii() or not text.isdecimal():
        raise ValueError(f"'{text}' is not a number")
    return int(text)


def yes(text: str) -> bool:
    """Return whether a text says yes."""
    lower = text.strip().lower()
    if lower in ("yes", "y", "true", "1"):
        return True
    if lower in ("no", "n", "false", "0", ""):
        return False
    raise ValueError(f"'{text}' is neither yes nor no")
