"""Printing answers: tables on a terminal, plain text into a pipe, CSV, JSON."""

from __future__ import annotations

import csv
import json
import re
import sys
from datetime import datetime
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from iquila.command.definition import Grid, Items, Several, Shown, Text

HIDDEN = "(hidden)"
_SECRET_FIELD = re.compile(
    r"Password|Secret|\AToken_str\Z|HashedKey|NtLmSecureHash|SessionKey|\AClientK_|\AKey_bin\Z"
)
_SECRET_ROW = re.compile(r"Secret|Pre-Shared Key|Session Key")


def show(answer: dict[str, Any], shown: Shown, format: str, out: TextIO | None = None) -> None:
    """Print an answer in a format: table, csv or json."""
    stream = out or sys.stdout
    if format == "json":
        stream.write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
        return
    for part in shown.parts if isinstance(shown, Several) else (shown,):
        if isinstance(part, Text):
            stream.write(part.text)
        elif format == "csv":
            _csv(part, stream)
        elif part is not None and stream.isatty():
            _rich(part, stream)
        elif part is not None:
            _plain(part, stream)


def without_secrets(answer: dict[str, Any], shown: Shown) -> tuple[dict[str, Any], Shown]:
    """Return an answer as it may be written to a file that others read."""
    return _hidden(answer), _hidden_shown(shown)


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: HIDDEN if item and _SECRET_FIELD.search(name) else _hidden(item)
            for name, item in value.items()
        }
    return [_hidden(item) for item in value] if isinstance(value, list) else value


def _hidden_shown(shown: Shown) -> Shown:
    if isinstance(shown, Several):
        return Several(tuple(_hidden_shown(part) for part in shown.parts))  # type: ignore[misc]
    if not isinstance(shown, Items):
        return shown
    blocks = tuple(
        tuple((k, HIDDEN if v and _SECRET_ROW.search(k) else v) for k, v in block)
        for block in shown.blocks
    )
    return Items(blocks, shown.many)


def _csv(shown: Items | Grid | None, stream: TextIO) -> None:
    if shown is None:
        return
    writer = csv.writer(stream)
    if isinstance(shown, Grid):
        writer.writerow(shown.columns)
        writer.writerows(shown.rows)
    elif not shown.many:
        writer.writerow(("Item", "Value"))
        for block in shown.blocks:
            writer.writerows(block)
    elif shown.blocks:
        writer.writerow([item for item, _ in shown.blocks[0]])
        writer.writerows([value for _, value in block] for block in shown.blocks)


def _plain(shown: Items | Grid, stream: TextIO) -> None:
    if isinstance(shown, Grid):
        columns: tuple[str, ...] = shown.columns
        groups: list[list[tuple[str, ...]]] = [list(shown.rows)]
    else:
        columns = ("Item", "Value")
        groups = [list(block) for block in shown.blocks]
    rows = [row for group in groups for row in group]
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    rule = "+".join("-" * width for width in widths)
    stream.write(_line(columns, widths) + "\n" + rule + "\n")
    for number, group in enumerate(groups):
        if number:
            stream.write(rule + "\n")
        for row in group:
            stream.write(_line(row, widths) + "\n")


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return "|".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _rich(shown: Items | Grid, stream: TextIO) -> None:
    console = Console(file=stream, markup=False, highlight=False)
    if isinstance(shown, Grid):
        table = Table(*shown.columns)
        for row in shown.rows:
            table.add_row(*row)
    else:
        table = Table("Item", "Value")
        for block in shown.blocks:
            for item, value in block:
                table.add_row(item, value)
            table.add_section()
    console.print(table)


# -- values as vpncmd prints them


def moment(text: str, *, weekday: bool = True, clock: bool = True, never: str = "(None)") -> str:
    """Return a time of the API (RFC 3339) as local time, ``2026-11-22 (Sun) 14:39:01``."""
    if not text:
        return never
    when = datetime.fromisoformat(text)
    if when.year < 1971:
        return never
    form = f"%Y-%m-%d{' (%a)' if weekday else ''}{' %H:%M:%S' if clock else ''}"
    return when.astimezone().strftime(form)


def version(number: int) -> str:
    """Return a version (501) as ``5.01``."""
    return f"{number // 100}.{number % 100:02d}"


def milliseconds(text: str) -> int:
    """Return a time of the API (RFC 3339) as milliseconds since 1970; 0 for never."""
    return round(datetime.fromisoformat(text).timestamp() * 1000) if text else 0


def thousands(number: int) -> str:
    """Return a number with commas."""
    return f"{number:,}"


_DIRECTIONS = (("Outgoing", "Send"), ("Incoming", "Recv"))


def traffic(answer: dict[str, Any], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Return the eight rows of traffic counters."""
    rows = []
    for label, direction in _DIRECTIONS:
        for kind in ("Unicast", "Broadcast"):
            name = f"{prefix}{direction}.{kind}"
            rows.append(
                (f"{label} {kind} Packets", f"{thousands(answer[name + 'Count_u64'])} packets")
            )
            rows.append(
                (f"{label} {kind} Total Size", f"{thousands(answer[name + 'Bytes_u64'])} bytes")
            )
    return tuple(rows)


def total(answer: dict[str, Any], what: str, prefix: str = "Ex.") -> str:
    """Return the sum of the counters of all kinds (`what` is Bytes or Count)."""
    names = [f"{prefix}{way}.{kind}{what}_u64" for way in ("Recv", "Send") for kind in _KINDS]
    return thousands(sum(answer[name] for name in names))


_KINDS = ("Unicast", "Broadcast")
