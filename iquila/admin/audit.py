"""Operations on the audit: reading it page by page, and verifying its chain."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen

from iquila.admin.fields import flag, items, text, time, u32, u64, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Table
from iquila.database.audit import ZERO, AuditFilter, AuditRow
from iquila.database.engine import WINDOW
from iquila.database.store import Database
from iquila.errors import InvalidParameter

TABLE = Table()
PAGE = 100
MAX_PAGE = 1000
MAX_NUMBER = 2**62
LATEST = 253_402_300_799_000
"""The last moment that can be written as a date, ms since 1970."""
DATABASES = ("system", "server")
"""What is replicated in a cluster, and what one server alone is."""


@frozen
class AuditQuestion:
    """
    Which entries are wanted, up to `limit` of them.

    They are those after the number `after`.
    """

    database: str = text("Database")
    after: int = u64("After")
    limit: int = u32("Limit")
    switch: str = text("HubName")
    actor: str = text("Actor")
    kind: str = text("Kind")


@frozen
class AuditItem:
    """One entry; what was before and after is JSON, ``null`` where there was nothing."""

    number: int = u64("Number")
    when: int = time("Time")
    actor: str = utf("Actor")
    address: str = text("Address")
    door: str = text("Door")
    operation: str = text("Operation")
    kind: str = text("Kind")
    key: str = utf("Key")
    switch: str = text("HubName")
    revision: int = u64("Revision")
    before: str = utf("Before")
    after: str = utf("After")
    digest: str = text("Digest")


@frozen
class AuditPage:
    """Some entries. `next` is what to ask for as `after` to get more; 0 at the end."""

    database: str = text("Database")
    entries: tuple[AuditItem, ...] = items("AuditList", AuditItem)
    next: int = u64("Next")
    first: int = u64("First")
    last: int = u64("Last")
    head: str = text("Head")


def _database(server: ManagedServer, name: str) -> Database:
    if name not in DATABASES:
        raise InvalidParameter(f"The database is one of: {', '.join(DATABASES)}.")
    return server.system if name == "system" else server.local


def _item(row: AuditRow) -> AuditItem:
    said = row.described()

    def word(name: str) -> str:
        return str(said.get(name, ""))

    def number(name: str) -> int:
        value = said.get(name)
        return value if isinstance(value, int) and 0 <= value < MAX_NUMBER else 0

    return AuditItem(
        number=row.number,
        when=min(number("time"), LATEST),
        actor=row.actor,
        address=word("address"),
        door=word("door"),
        operation=word("operation"),
        kind=row.kind,
        key=word("key"),
        switch=row.switch,
        revision=number("revision"),
        before=_json(said.get("before")),
        after=_json(said.get("after")),
        digest=row.digest.hex(),
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


@TABLE.operation("EnumAudit", AuditQuestion, AuditPage)
async def enum_audit(server: ManagedServer, caller: Caller, request: AuditQuestion) -> AuditPage:
    """List entries of the audit: who changed what, page by page."""
    name = request.database or DATABASES[0]
    database = _database(server, name)
    if request.after > MAX_NUMBER:
        raise InvalidParameter("There is no entry of the audit with such a number.")
    state = await database.audit_state()
    after = max(request.after, state.first - 1)
    limit = min(request.limit or PAGE, MAX_PAGE)
    wanted = AuditFilter(request.switch, request.actor, request.kind)
    rows = await database.audit_rows(after, limit, wanted)
    if len(rows) == limit:
        looked_at = rows[-1].number
    else:
        looked_at = state.number if wanted == AuditFilter() else after + WINDOW
    return AuditPage(
        name,
        tuple(map(_item, rows)),
        looked_at if looked_at < state.number else 0,
        state.first,
        state.number,
        state.head.hex(),
    )


@frozen
class AuditCheck:
    """What to verify: one database or all; and a digest that some entry has to have."""

    database: str = text("Database")
    expect: str = text("Expect")


@frozen
class AuditVerdict:
    """What was found in one database. `bad` is the first entry that is not as it was written."""

    database: str = text("Database")
    good: bool = flag("Good")
    entries: int = u64("Entries")
    first: int = u64("First")
    head: str = text("Head")
    bad: int = u64("Bad")
    problem: str = utf("Problem")


@frozen
class AuditVerdicts:
    """What was found."""

    verdicts: tuple[AuditVerdict, ...] = items("VerdictList", AuditVerdict)


@TABLE.operation("VerifyAudit", AuditCheck, AuditVerdicts, effect=Effect.READ)
async def verify_audit(server: ManagedServer, caller: Caller, request: AuditCheck) -> AuditVerdicts:
    """Verify that no entry of the audit was altered, removed or inserted."""
    expect = _digest(request.expect)
    if expect and not request.database:
        raise InvalidParameter("Name the database whose digest is expected: system or server.")
    names = (request.database,) if request.database else DATABASES
    found = []
    for name in names:
        verdict = await _database(server, name).verify_audit(expect)
        found.append(
            AuditVerdict(
                database=name,
                good=not verdict.problem,
                entries=verdict.entries,
                first=verdict.first,
                head=verdict.head.hex(),
                bad=max(verdict.bad, 0),
                problem=verdict.problem,
            )
        )
    return AuditVerdicts(tuple(found))


def _digest(written: str) -> bytes:
    try:
        digest = bytes.fromhex(written)
    except ValueError:
        digest = b"?"
    if len(digest) not in (0, len(ZERO)):
        raise InvalidParameter("The digest that is expected has 64 hexadecimal digits.")
    return digest
