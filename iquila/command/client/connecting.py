"""Commands that connect and disconnect a client, and tell how it fares."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import operation
from iquila.command.client.accounts import NAME, NAMED, SUBJECT
from iquila.command.client.rows import shown_status
from iquila.command.definition import Command, Items, Shown, about


def _version(a: dict[str, Any]) -> Shown:
    rows = (
        ("Product Name", a["ClientProductName_str"]),
        ("Version Information", a["ClientVersionString_str"]),
        ("Build Information", a["ClientBuildInfoString_str"]),
        ("Process ID", str(a["ProcessId_u32"])),
        ("OS Type", a["OsName_str"]),
    )
    return Items((rows,))


def _simple(name: str, help: str, method: str) -> Command:
    return Command(name, help, operation(method, NAMED), (NAME,), examples=("office",))


COMMANDS = (
    *about(
        SUBJECT,
        _simple("AccountConnect", "Begin to connect", "Connect"),
        _simple("AccountDisconnect", "End the session, and try no more", "Disconnect"),
        Command(
            "AccountStatusGet",
            "Show how a connection setting in use fares",
            operation("GetAccountStatus", NAMED, shown_status),
            (NAME,),
            examples=("office",),
        ),
        _simple(
            "AccountStartupSet",
            "Have a connection setting connect when the client starts",
            "SetStartupAccount",
        ),
        _simple(
            "AccountStartupRemove",
            "Let a connection setting wait to be told when the client starts",
            "RemoveStartupAccount",
        ),
    ),
    *about(
        "The client",
        Command(
            "VersionGet",
            "Show the version of the client",
            operation("GetClientVersion", show=_version),
            examples=("",),
        ),
    ),
)
