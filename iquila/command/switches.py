"""Commands on Virtual Switches, which the tools of the protocol call hubs."""

from __future__ import annotations

import base64
from typing import Any

from iquila.command.calls import ON_SWITCH, Changes, change, from_arguments, operation, setting
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Items,
    Run,
    Shown,
    about,
    number,
)
from iquila.command.output import moment, thousands, total, traffic
from iquila.wire.passwords import switch_hashes

KINDS = ("Standalone", "Static Hub", "Dynamic Hub")
STANDALONE, STATIC, DYNAMIC = range(3)


def _create(kind: int | None) -> Run:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        chosen = kind
        if chosen is None:
            # HubCreate makes a dynamic switch on a controller (reference §10.1).
            server = caller.call("GetFarmSetting", {})["ServerType_u32"]
            chosen = DYNAMIC if server == 1 else STANDALONE
        parameters = {
            "HubName_str": given["name"],
            "AdminPasswordPlainText_str": given["password"],
            "Online_bool": True,
            "HubType_u32": chosen,
        }
        return caller.call("CreateHub", parameters), None

    return run


def _retype(kind: int) -> Run:
    return change("GetHub", "SetHub", {"HubName_str": "name"}, setting(HubType_u32=kind))


def _change(changes: Changes) -> Run:
    return change("GetHub", "SetHub", ON_SWITCH, changes)


def _password(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    # As hashes, so that an empty password can be set too.
    hashed, secure = (base64.b64encode(h).decode() for h in switch_hashes(given["password"]))
    return {"HashedPassword_bin": hashed, "SecurePassword_bin": secure}


def _select(caller: Caller, given: dict[str, Any]) -> Answer:
    if not given["name"]:
        return {}, None
    answer = caller.call("GetHubStatus", {"HubName_str": given["name"]})
    return answer, None


def _options(answer: dict[str, Any]) -> Shown:
    limit = answer["MaxSession_u32"]
    rows = (
        (
            "Enumeration of Virtual Hub for Anonymous User",
            "Deny" if answer["NoEnum_bool"] else "Allow",
        ),
        ("Max Number of Sessions", str(limit) if limit else "Infinite"),
        ("Status", "Online" if answer["Online_bool"] else "Offline"),
        ("Virtual Hub Type", KINDS[answer["HubType_u32"]]),
    )
    return Items((rows,))


def _list(answer: dict[str, Any]) -> Shown:
    blocks = tuple(
        (
            ("Virtual Hub Name", hub["HubName_str"]),
            ("Status", "Online" if hub["Online_bool"] else "Offline"),
            ("Type", KINDS[hub["HubType_u32"]]),
            ("Users", thousands(hub["NumUsers_u32"])),
            ("Groups", thousands(hub["NumGroups_u32"])),
            ("Sessions", thousands(hub["NumSessions_u32"])),
            ("MAC Tables", thousands(hub["NumMacTables_u32"])),
            ("IP Tables", thousands(hub["NumIpTables_u32"])),
            ("Num Logins", thousands(hub["NumLogin_u32"])),
            ("Last Login", moment(hub["LastLoginTime_dt"], weekday=False)),
            ("Last Communication", moment(hub["LastCommTime_dt"], weekday=False)),
            ("Transfer Bytes", total(hub, "Bytes")),
            ("Transfer Packets", total(hub, "Count")),
        )
        for hub in answer["HubList"]
    )
    return Items(blocks, many=True)


def _status(answer: dict[str, Any]) -> Shown:
    kind = answer["HubType_u32"]
    rows = [
        ("Virtual Hub Name", answer["HubName_str"]),
        ("Status", "Online" if answer["Online_bool"] else "Offline"),
        ("Type", KINDS[kind]),
    ]
    if kind != STATIC:
        enabled = answer["SecureNATEnabled_bool"]
        rows.append(("SecureNAT", "Enabled" if enabled else "Disabled"))
    for label, name in (
        ("Sessions", "NumSessions"),
        ("Sessions (Client)", "NumSessionsClient"),
        ("Sessions (Bridge)", "NumSessionsBridge"),
        ("Access Lists", "NumAccessLists"),
        ("Users", "NumUsers"),
        ("Groups", "NumGroups"),
        ("MAC Tables", "NumMacTables"),
        ("IP Tables", "NumIpTables"),
        ("Num Logins", "NumLogin"),
    ):
        rows.append((label, thousands(answer[f"{name}_u32"])))
    rows += [
        ("Last Login", moment(answer["LastLoginTime_dt"], weekday=False)),
        ("Last Communication", moment(answer["LastCommTime_dt"], weekday=False)),
        ("Created at", moment(answer["CreatedTime_dt"], weekday=False)),
    ]
    return Items(((*rows, *traffic(answer)),))


_NEW_NAME = Argument("NAME", "Name of the Virtual Switch", positional=True)
_NAME = Argument("NAME", "Name of the Virtual Switch", positional=True, names="switch")
_NEW_PASSWORD = Argument("PASSWORD", "Password of the Virtual Switch", secret=True, new=True)
_SELECTED = Argument(
    "NAME", "Name of the Virtual Switch", positional=True, required=False, names="switch"
)


def _creation(name: str, help: str, kind: int | None) -> Command:
    arguments = (_NEW_NAME, _NEW_PASSWORD)
    return Command(name, help, _create(kind), arguments, examples=("office",))


def _command(name: str, help: str, run: Run, *arguments: Argument, example: str = "") -> Command:
    return Command(name, help, run, arguments, on_switch=True, examples=(example,))


COMMANDS = about(
    "Virtual Switches",
    Command(
        "HubList", "List the Virtual Switches", operation("EnumHub", show=_list), examples=("",)
    ),
    _creation("HubCreate", "Create a Virtual Switch (a dynamic one on a controller)", None),
    _creation("HubCreateStatic", "Create a static Virtual Switch", STATIC),
    _creation("HubCreateDynamic", "Create a dynamic Virtual Switch", DYNAMIC),
    Command(
        "HubDelete",
        "Delete a Virtual Switch",
        operation("DeleteHub", {"HubName_str": "name"}),
        (_NAME,),
        examples=("office",),
    ),
    Command(
        "HubSetStatic",
        "Make a Virtual Switch static",
        _retype(STATIC),
        (_NAME,),
        examples=("office",),
    ),
    Command(
        "HubSetDynamic",
        "Make a Virtual Switch dynamic",
        _retype(DYNAMIC),
        (_NAME,),
        examples=("office",),
    ),
    Command(
        "Hub",
        "Select the Virtual Switch that the next commands work on; without a name, none",
        _select,
        (_SELECTED,),
        examples=("office", ""),
        selects=True,
    ),
    _command(
        "StatusGet", "Show how a Virtual Switch is", operation("GetHubStatus", ON_SWITCH, _status)
    ),
    _command(
        "Online", "Let a Virtual Switch run", operation("SetHubOnline", ON_SWITCH, Online_bool=True)
    ),
    _command(
        "Offline", "Stop a Virtual Switch", operation("SetHubOnline", ON_SWITCH, Online_bool=False)
    ),
    _command(
        "OptionsGet",
        "Show what is set for a Virtual Switch",
        operation("GetHub", ON_SWITCH, _options),
    ),
    _command(
        "SetMaxSession",
        "Limit the sessions of a Virtual Switch (0: no limit)",
        _change(from_arguments({"MaxSession_u32": "max_session"})),
        Argument("MAX_SESSION", "Sessions at most", positional=True, convert=number),
        example="100",
    ),
    _command(
        "SetEnumAllow",
        "Name a Virtual Switch to everybody who asks",
        _change(setting(NoEnum_bool=False)),
    ),
    _command(
        "SetEnumDeny",
        "Name a Virtual Switch to nobody who asks",
        _change(setting(NoEnum_bool=True)),
    ),
    _command(
        "SetHubPassword",
        "Change the password of a Virtual Switch",
        _change(_password),
        Argument("PASSWORD", "New password", positional=True, secret=True, new=True),
    ),
)
