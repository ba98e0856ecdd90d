"""The command on the audit: who changed what, and whether the record of it was tampered with."""

from __future__ import annotations

from collections import deque
from typing import Any

from iquila.command.definition import Argument, Caller, Command, Grid, about, number, yes
from iquila.command.output import moment
from iquila.errors import IquilaError

PAGES = 10_000
"""Pages that one command asks for at most."""


class AuditBroken(IquilaError):
    """The audit was tampered with."""


def _audit(caller: Caller, given: dict[str, Any]) -> tuple[dict[str, Any], Grid]:
    if given["verify"]:
        return _verify(caller, given)
    return _list(caller, given)


def _list(caller: Caller, given: dict[str, Any]) -> tuple[dict[str, Any], Grid]:
    """Show the newest entries that match, the oldest of them first."""
    database = given["database"] or "system"
    question: dict[str, Any] = {"Database_str": database, "Limit_u32": 1000}
    for key, name in (("hub", "HubName_str"), ("actor", "Actor_str"), ("kind", "Kind_str")):
        question[name] = given[key]
    filtered = any(given[key] for key in ("hub", "actor", "kind"))
    after, limit = given["after"], given["limit"]
    if not filtered and not after:
        last = caller.call("EnumAudit", question | {"Limit_u32": 1})["Last_u64"]
        after = max(last - limit, 0)
    entries: deque[dict[str, Any]] = deque(maxlen=limit)
    answer: dict[str, Any] = {}
    for _ in range(PAGES):
        answer = caller.call("EnumAudit", question | {"After_u64": after})
        entries.extend(answer["AuditList"])
        after = answer["Next_u64"]
        if not after:
            break
    rows = tuple(_row(entry) for entry in entries)
    columns = ("No.", "Time", "Who", "From", "Door", "Operation", "Record", "Before", "After")
    return answer | {"AuditList": list(entries)}, Grid(columns, rows)


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(entry["Number_u64"]),
        moment(entry["Time_dt"], weekday=False),
        entry["Actor_utf"],
        entry["Address_str"] or "-",
        entry["Door_str"] or "-",
        entry["Operation_str"],
        f"{entry['Kind_str']} {entry['Key_utf']}",
        entry["Before_utf"],
        entry["After_utf"],
    )


def _verify(caller: Caller, given: dict[str, Any]) -> tuple[dict[str, Any], Grid]:
    """
    Verify the chains.

    :raises AuditBroken: an entry is not as it was written; the sentence names it.
    """
    question = {"Database_str": given["database"], "Expect_str": given["expect"]}
    if given["expect"] and not given["database"]:
        question["Database_str"] = "system"
    answer = caller.call("VerifyAudit", question)
    broken = [v for v in answer["VerdictList"] if not v["Good_bool"]]
    if broken:
        told = " ".join(f"{v['Problem_utf']} (database: {v['Database_str']})" for v in broken)
        raise AuditBroken(f"The audit was tampered with. {told}")
    rows = tuple(
        (v["Database_str"], str(v["Entries_u64"]), str(v["First_u64"]), v["Head_str"])
        for v in answer["VerdictList"]
    )
    return answer, Grid(("Database", "Entries", "From No.", "Head"), rows)


def _limit(text: str) -> int:
    limit = number(text)
    if not 1 <= limit <= 1_000_000:
        raise ValueError("a limit is a number from 1 to 1000000")
    return limit


def _optional(key: str, help: str, **more: Any) -> Argument:
    return Argument(key, help, required=False, **more)


COMMANDS = about(
    "Audit",
    Command(
        "Audit",
        "List who changed what, or verify that nobody tampered with that list",
        _audit,
        (
            _optional("VERIFY", "Verify instead of listing", convert=yes, flag=True),
            _optional("EXPECT", "Digest, noted before, that an entry has to have (verify)"),
            _optional("DATABASE", "system (the default; verify: both) or server"),
            _optional("AFTER", "Entries after this number", default="0", convert=number),
            _optional("LIMIT", "The newest so many of them", default="100", convert=_limit),
            _optional("HUB", "On this Virtual Switch only"),
            _optional("ACTOR", "By this administrator only"),
            _optional("KIND", "On records of this kind only (user, switch, ...)"),
        ),
        examples=("", "/LIMIT:1000 /HUB:office /KIND:user", "/VERIFY"),
    ),
)
