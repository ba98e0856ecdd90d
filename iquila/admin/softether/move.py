"""
Our configuration, made of that of a SoftEther server.

Hashes of passwords are the same in both, so every password goes on working. What cannot be
carried over is told, a line each. SoftEther's files count milliseconds from 1970-01-01 09:00 UTC.
"""

from __future__ import annotations

from attrs import frozen

from iquila.admin import rules
from iquila.admin.document.content import Content, content
from iquila.admin.softether.belongings import Belongings
from iquila.admin.softether.elsewhere import elsewhere
from iquila.admin.softether.file import Block
from iquila.admin.softether.report import Report
from iquila.database.record import Record
from iquila.database.records import ListenerRecord, Switch, SwitchKind

KINDS = {0: SwitchKind.STANDALONE, 1: SwitchKind.STATIC, 2: SwitchKind.DYNAMIC}


@frozen
class Moved:
    """
    What was made of a file.

    :ivar left: what could not be carried over, a sentence each.
    """

    content: Content
    left: tuple[str, ...]


def move(root: Block, kind: SwitchKind | None = None) -> Moved:
    """
    Return our configuration for a file.

    :param kind: what all switches become; None for what they are.
    """
    report = Report()
    records: list[Record] = []
    seen: set[str] = set()
    for name, block in root.block("VirtualHUB").blocks.items():
        path = ("switch", name[:300])
        if report.takes(path, name, rules.switch_name, seen, rules.MAX_SWITCHES):
            records.append(_switch(name, block, kind, report))
            records += Belongings(name, block, report).records()
    elsewhere(root, report)
    return Moved(content(records, _listeners(root, report)), tuple(report.sentences))


def _switch(name: str, block: Block, kind: SwitchKind | None, report: Report) -> Switch:
    options = block.block("Option")
    given = {
        "online": block.flag("Online", True),
        "max_sessions": options.number("MaxSession"),
        "no_enum": options.flag("NoEnum"),
        "created": report.time(block.number("CreatedTime")),
        "message": block.block("Message").text("MessageText"),
        "hashed_password": block.data("HashedPassword"),
        "secure_password": block.data("SecurePassword"),
    }
    found = KINDS.get(block.number("Type"), SwitchKind.STANDALONE) if kind is None else kind
    fitted = report.fit(Switch, ("switch", name), given)
    fitted.pop("kind", None)
    return Switch(name, found, **fitted)


def _listeners(root: Block, report: Report) -> list[ListenerRecord] | None:
    """Return the listeners; None where there is none, or none is enabled."""
    found: dict[int, ListenerRecord] = {}
    for block in root.block("ListenerList").blocks.values():
        port = block.number("Port")
        if port in rules.PORTS and len(found) < rules.MAX_LISTENERS:
            found[port] = ListenerRecord(port, block.flag("Enabled", True))
        else:
            report.add(("listener",), f"port {port} is not allowed: left out")
    return list(found.values()) if any(row.enabled for row in found.values()) else None
