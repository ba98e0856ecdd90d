"""
Operations on the configuration as a document: write it, compare it, make it so.

The document itself is :mod:`.document`'s. Listeners are kept by each server for itself, so they
cannot be in the transaction of the rest: new ones are opened before it, others closed after it.
"""

from __future__ import annotations

import time as clock
import zlib

from attrs import frozen

from iquila.admin.document.content import Content, stored
from iquila.admin.document.difference import (
    CHANGE,
    CREATE,
    DELETE,
    Difference,
    Step,
    fingerprint,
    step,
)
from iquila.admin.document.reading import MAX_CHARACTERS, read
from iquila.admin.document.writing import write
from iquila.admin.fields import data, flag, items, text, u32, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Nothing, Table
from iquila.database.records import ListenerRecord, ServerMode, Switch
from iquila.database.store import Compare
from iquila.errors import (
    ConfigurationError,
    Conflict,
    InvalidParameter,
    NotController,
    NotSupported,
)

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotController}


@frozen
class Exported:
    """A document: TOML in UTF-8. It travels as bytes: texts lose line ends on the way."""

    secrets: bool = flag("Secrets")
    document: bytes = data("Document", MAX_CHARACTERS)


@frozen
class DifferenceItem:
    """One line of a plan."""

    kind: str = text("Kind")
    place: str = utf("Key")
    action: str = text("Action")
    field: str = text("Field")
    before: str = utf("Before")
    after: str = utf("After")


@frozen
class Plan:
    """
    A document, and what it would change.

    :ivar seen: what the plan was made against; an application that names it is refused when
        anything changed since.
    """

    document: bytes = data("Document", MAX_CHARACTERS)
    compressed: bool = flag("Compressed")
    """Whether the document is in zlib's format, so that a large one fits into a request."""
    keep: bool = flag("Keep")
    """Whether what the document does not name stays; without it the document is everything."""
    allow_delete: bool = flag("AllowDelete")
    seen: str = text("Seen")
    changes: int = u32("NumChanges")
    differences: tuple[DifferenceItem, ...] = items("DifferenceList", DifferenceItem)


def _here(server: ManagedServer) -> Content:
    rows = [ListenerRecord(row.port, row.enabled) for row in server.listeners()]
    return stored(server.system, rows)


@TABLE.operation(
    "ExportConfiguration", Nothing, Exported, refused=NOT_ON_MEMBER, effect=Effect.READ
)
async def export_configuration(server: ManagedServer, caller: Caller, request: Nothing) -> Exported:
    """Write the configuration as a TOML document, without password hashes and secrets."""
    return Exported(False, write(_here(server), secrets=False).encode())


@TABLE.operation(
    "ExportConfigurationWithSecrets",
    Nothing,
    Exported,
    refused=NOT_ON_MEMBER,
    effect=Effect.SECRET,
)
async def export_with_secrets(server: ManagedServer, caller: Caller, request: Nothing) -> Exported:
    """Write the configuration as a TOML document, with password hashes and RADIUS secrets."""
    return Exported(True, write(_here(server)).encode())


def _text(request: Plan) -> str:
    """
    Return the document of a request.

    :raises InvalidParameter: it is not compressed as it says, too large, or no text.
    """
    written = request.document
    try:
        if request.compressed:
            unpacking = zlib.decompressobj()
            written = unpacking.decompress(written, MAX_CHARACTERS)
            if not unpacking.eof:
                raise InvalidParameter(
                    f"The document is not complete, or has more than {MAX_CHARACTERS} bytes."
                )
        return written.decode("utf-8-sig")
    except zlib.error as error:
        raise InvalidParameter("The document is not in zlib's format: send it plain.") from error
    except UnicodeDecodeError as error:
        raise InvalidParameter(f"The document is not text in UTF-8: {error}.") from error


def _step(server: ManagedServer, request: Plan) -> Step:
    document = read(_text(request), server.settings.mode)
    planned = step(_here(server), document, int(clock.time() * 1000), prune=not request.keep)
    _check_kinds(planned)
    return planned


def _check_kinds(planned: Step) -> None:
    there = {switch.key: switch for switch in planned.before.all(Switch)}
    wrong = [
        f'switch."{switch.name}".kind: the kind of a Virtual Switch cannot be changed: delete it '
        "first, or give the new one another name."
        for switch in planned.wanted.all(Switch)
        if switch.key in there and there[switch.key].kind is not switch.kind
    ]
    if wrong:
        raise NotSupported("\n".join(wrong))


def _listener_lines(planned: Step) -> list[Difference]:
    wanted = planned.wanted.listeners
    if wanted is None:
        return []
    old = {listener.port: listener for listener in planned.before.listeners or ()}
    new = {listener.port: listener for listener in wanted}
    lines = []
    for port in sorted(old.keys() | new.keys()):
        where = f"listener {port}"
        if port not in new:
            lines.append(Difference("listener", where, DELETE))
        elif port not in old:
            lines.append(Difference("listener", where, CREATE))
        elif old[port].enabled is not new[port].enabled:
            told = [str(record.enabled).lower() for record in (old[port], new[port])]
            lines.append(Difference("listener", where, CHANGE, "enabled", *told))
    return lines


def _told(planned: Step, request: Plan) -> Plan:
    lines = [*_listener_lines(planned), *planned.differences]
    rows = [DifferenceItem(d.kind, d.place, d.action, d.field, d.before, d.after) for d in lines]
    return Plan(
        keep=request.keep,
        allow_delete=request.allow_delete,
        seen=fingerprint(planned.before),
        changes=len(_listener_lines(planned)) + len(planned.changes),
        differences=tuple(rows),
    )


# A plan tells whether a hash or a secret that somebody guessed is the right one, and a large
# document keeps the server busy: it is not for auditors, who can compare an export themselves.
@TABLE.operation("PlanConfiguration", Plan, Plan, refused=NOT_ON_MEMBER, effect=Effect.SECRET)
async def plan_configuration(server: ManagedServer, caller: Caller, request: Plan) -> Plan:
    """Tell what a TOML document would change; secrets are not shown."""
    return _told(_step(server, request), request)


@TABLE.operation("ApplyConfiguration", Plan, Plan, refused=NOT_ON_MEMBER)
async def apply_configuration(server: ManagedServer, caller: Caller, request: Plan) -> Plan:
    """Make the configuration what a TOML document says, in one transaction."""
    planned = _step(server, request)
    if request.seen and request.seen != fingerprint(planned.before):
        raise Conflict(
            "The configuration was changed after the plan was made: make a new plan, look at it, "
            "then apply it."
        )
    gone = planned.deleted_switches
    if gone and not request.allow_delete:
        names = ", ".join(f"'{name}'" for name in gone[:10]) + (" and more" if gone[10:] else "")
        raise InvalidParameter(
            f"The document does not have {names}, and the Virtual Switch would be deleted with all "
            "that belongs to it: allow it with AllowDelete (--allow-delete), or write it down."
        )
    opened = await _open(server, planned)
    try:
        if planned.changes:
            await server.system.transact(planned.changes, _compares(server, planned))
    except Conflict:
        for port in opened:
            await server.remove_listener(port)
        raise Conflict("Somebody else changed something meanwhile: make a new plan.") from None
    await _close(server, planned)
    return _told(planned, request)


def _compares(server: ManagedServer, planned: Step) -> list[Compare]:
    """Return the compares that all configuration is as it was read, and that new keys are free."""
    seen: set[tuple[str, str]] = set()
    compares = []
    for found in (planned.before, planned.wanted):
        for cls, rows in found.records.items():
            for key in rows:
                if (cls.kind_name, key) not in seen:
                    seen.add((cls.kind_name, key))
                    compares.append(server.system.unchanged(cls, key))
    return compares


async def _open(server: ManagedServer, planned: Step) -> list[int]:
    """
    Open the listeners that are new; return their ports.

    :raises InvalidParameter: one cannot be opened; none is open then.
    """
    there = {listener.port for listener in planned.before.listeners or ()}
    opened: list[int] = []
    for listener in planned.wanted.listeners or ():
        if listener.port in there:
            continue
        try:
            await server.add_listener(listener.port, listener.enabled)
        except ConfigurationError as error:
            for port in opened:
                await server.remove_listener(port)
            raise InvalidParameter(str(error)) from error
        opened.append(listener.port)
    return opened


async def _close(server: ManagedServer, planned: Step) -> None:
    if planned.wanted.listeners is None:
        return
    old = {listener.port: listener.enabled for listener in planned.before.listeners or ()}
    new = {listener.port: listener.enabled for listener in planned.wanted.listeners}
    # What is to be opened first: there is always one that can be reached.
    for port in sorted(old.keys() & new.keys(), key=lambda port: not new[port]):
        if old[port] is not new[port]:
            try:
                await server.enable_listener(port, new[port])
            except ConfigurationError as error:
                raise InvalidParameter(f"All but the listeners is applied: {error}") from error
    for port in sorted(old.keys() - new.keys()):
        await server.remove_listener(port)
