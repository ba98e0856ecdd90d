"""What a command is: its words, its arguments, the operation it calls and how it shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from attrs import evolve, field, frozen

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


@frozen
class Several:
    """Answers that are shown one below the other."""

    parts: tuple[Items | Grid | Text, ...]


Shown = Items | Grid | Text | Several | None


class Caller(Protocol):
    """What a command asks: a :class:`.connection.Connection`."""

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Run an operation and return its result."""


Answer = tuple[dict[str, Any], Shown]
Run = Callable[[Caller, dict[str, Any]], Answer]


@frozen
class Argument:
    """
    One argument.

    :ivar key: its name in ``/KEY:value`` and ``--key value``; the positional one has it too.
    :ivar secret: asked for without echo, and kept out of the history.
    :ivar default: what stands for a missing one that is not required; None is passed on as it is.
    :ivar convert: reads the value; raises ValueError with a sentence.
    :ivar new: a new secret: asked for twice.
    :ivar names: what TAB completes it with: ``switch``, ``user``, ``group``, ``session``,
        ``cascade``, ``account``, ``adapter``.
    :ivar flag: may stand alone, and means ``yes`` then.
    :ivar into: its name among the arguments of `run`, where that is not the key in lower case.
    """

    key: str
    help: str
    positional: bool = False
    required: bool = True
    secret: bool = False
    default: str | None = ""
    convert: Callable[[str], Any] = str
    new: bool = False
    names: str = ""
    into: str = ""
    flag: bool = False


@frozen
class Command:
    """
    One command. `run` gets a caller and the arguments (and ``switch``).

    :ivar status: what the exit status is for an answer; 0 for every one unless said otherwise.
    :ivar examples: argument lines, as they stand after the name of the command.
    :ivar subject: the heading it is listed under.
    :ivar selects: whether its NAME is the Virtual Switch that the commands after it work on.
    :ivar client: whether it is for a VEN client.
    """

    name: str
    help: str
    run: Run
    arguments: Sequence[Argument] = field(default=())
    on_switch: bool = False
    status: Callable[[dict[str, Any]], int] = lambda _answer: 0
    examples: Sequence[str] = field(default=())
    subject: str = ""
    selects: bool = False
    client: bool = False


def about(subject: str, *commands: Command) -> tuple[Command, ...]:
    """Return commands under a heading."""
    return tuple(evolve(command, subject=subject) for command in commands)


# -- readers of values


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


def one_of(*words: str) -> Callable[[str], str]:
    """Return a reader that takes one of these words in any case, or the beginning of just one."""

    def read(text: str) -> str:
        lower = text.strip().lower()
        found = [w for w in words if w == lower]
        found = found or [w for w in words if lower and w.startswith(lower)]
        if len(found) != 1:
            raise ValueError(f"'{text}' is none of {', '.join(words)}")
        return found[0]

    return read
