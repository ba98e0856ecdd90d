"""What a case is: what is typed, what is asked of the server, what is shown."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

Call = tuple[str, dict[str, Any]]


@frozen
class Case:
    """
    One command line.

    :ivar calls: operations in their order, with parameters that they must have.
    :ivar shows: lines of the output, spaces at the bars left out.
    :ivar writes: what must be in ``{out}``.
    """

    line: str
    calls: tuple[Call, ...]
    shows: tuple[str, ...] = ()
    writes: bytes | None = None
    absent: tuple[str, ...] = field(default=())
    """Parameters that the last call must not have."""


def case(line: str, *calls: Call | str, shows: str = "", **more: Any) -> Case:
    full = tuple((call, {}) if isinstance(call, str) else call for call in calls)
    lines = tuple(part.strip() for part in shows.split(";;") if part.strip())
    return Case(line, full, lines, **more)


def record(line: str, what: str, **changes: Any) -> Case:
    """Return a case of a command that reads a record and writes it with changes."""
    return case(line, f"Get{what}", (f"Set{what}", changes))
