"""
How commands are made of operations: one call, or reading a record, changing and writing it.

An operation's parameters are given as ``{"HubName_str": "switch"}``: the field, and the argument
of the command that it takes its value from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iquila.command.definition import Answer, Caller, Run, Shown

Fields = Mapping[str, str]
Show = Callable[[dict[str, Any]], Shown]
Changes = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
"""From the arguments and the record, what is to be changed in it."""

ON_SWITCH: Fields = {"HubName_str": "switch"}
NAMED: Fields = {"HubName_str": "switch", "Name_str": "name"}
NAME: Fields = {"Name_str": "name"}
KEYED: Fields = {"HubName_str": "switch", "Key_u32": "id"}
NOTHING: Fields = {}


def parameters(fields: Fields, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a call."""
    return {field: given[argument] for field, argument in fields.items()}


def operation(
    method: str, fields: Fields = NOTHING, show: Show | None = None, **constants: Any
) -> Run:
    """Return what a command does that is one operation; without `show` nothing is printed."""

    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        answer = caller.call(method, {**parameters(fields, given), **constants})
        return answer, show(answer) if show is not None else None

    return run


def change(read: str, write: str, fields: Fields, changes: Changes) -> Run:
    """Return what a command does that reads a record, changes something and writes it back."""

    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        which = parameters(fields, given)
        record = without_empty_times(caller.call(read, which))
        return caller.call(write, {**record, **which, **changes(given, record)}), None

    return run


def without_empty_times(record: dict[str, Any]) -> dict[str, Any]:
    """
    Return a record without times that are not set, so that it can be written back.

    SoftEther's servers print those as a time in 1970, and would take it for one when it comes back.
    """
    return {
        name: value
        for name, value in record.items()
        if not (name.endswith("_dt") and str(value).startswith("1970-"))
    }


def setting(**values: Any) -> Changes:
    """Return the change that sets fields to fixed values."""
    return lambda _given, _record: dict(values)


def from_arguments(fields: Fields) -> Changes:
    """Return the change that sets fields from arguments; those that were not given stay."""
    return lambda given, _record: {
        name: value for name, value in parameters(fields, given).items() if value is not None
    }
