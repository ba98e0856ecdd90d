"""Commands on Virtual Switches, which the tools of the protocol call hubs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from iquila.command.definition import Argument, Caller, Command, Items, Shown, number
from iquila.command.output import moment, thousands, total, traffic
from iquila.wire.passwords import switch_hashes

Answer = tuple[dict[str, Any], Shown]
KINDS = ("Standalone", "Static Hub", "Dynamic Hub")
STANDALONE, STATIC, DYNAMIC = range(3)


def _create(kind: int | None) -> Callable[[Caller, dict[str, Any]], Answer]:
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


def _delete(caller: Caller, given: dict[str, Any]) -> Answer:
    return caller.call("DeleteHub", {"HubName_str": given["name"]}), None


def _change(caller: Caller, switch: str, **changes: Any) -> Answer:
    settings = caller.call("GetHub", {"HubName_str": switch})
    return caller.call("SetHub", {**settings, **changes}), None


def _retype(kind: int) -> Callable[[Caller, dict[str, Any]], Answer]:
    return lambda caller, given: _change(caller, given["name"], HubType_u32=kind)


def _max_sessions(caller: Caller, given: dict[str, Any]) -> Answer:
    return _change(caller, given["switch"], MaxSession_u32=given["max_session"])


def _password(caller: Caller, given: dict[str, Any]) -> Answer:
    # As hashes, so that an empty password can be set too.
    hashed, secure = (base64.b64encode(h).decode() for h in switch_hashes(given["password"]))
    return _change(caller, given["switch"], HashedPassword_bin=hashed, SecurePassword_bin=secure)


def _online(online: bool) -> Callable[[Caller, dict[str, Any]], Answer]:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        parameters = {"HubName_str": given["switch"], "Online_bool": online}
        return caller.call("SetHubOnline", parameters), None

    return run


def _list(caller: Caller, _given: dict[str, Any]) -> Answer:
    answer = caller.call("EnumHub", {})
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
    return answer, Items(blocks, many=True)


def _status(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetHubStatus", {"HubName_str": given["switch"]})
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
    return answer, Items(((*rows, *traffic(answer)),))


_NAME = Argument("NAME", "Name of the Virtual Switch", positional=True)
_NEW_PASSWORD = Argument("PASSWORD", "Password of the Virtual Switch", secret=True)

COMMANDS = (
    Command(
        "HubCreate",
        "Create a Virtual Switch (a dynamic one on a controller)",
        _create(None),
        (_NAME, _NEW_PASSWORD),
    ),
    Command(
        "HubCreateStatic",
        "Create a static Virtual Switch",
        _create(STATIC),
        (_NAME, _NEW_PASSWORD),
    ),
    Command(
        "HubCreateDynamic",
        "Create a dynamic Virtual Switch",
        _create(DYNAMIC),
        (_NAME, _NEW_PASSWORD),
    ),
    Command("HubDelete", "Delete a Virtual Switch", _delete, (_NAME,)),
    Command("HubSetStatic", "Make a Virtual Switch static", _retype(STATIC), (_NAME,)),
    Command("HubSetDynamic", "Make a Virtual Switch dynamic", _retype(DYNAMIC), (_NAME,)),
    Command("HubList", "List the Virtual Switches", _list),
    Command("StatusGet", "Show how a Virtual Switch is", _status, on_switch=True),
    Command("Online", "Let a Virtual Switch run", _online(True), on_switch=True),
    Command("Offline", "Stop a Virtual Switch", _online(False), on_switch=True),
    Command(
        "SetMaxSession",
        "Limit the sessions of a Virtual Switch (0: no limit)",
        _max_sessions,
        (Argument("MAX_SESSION", "Sessions at most", positional=True, convert=number),),
        on_switch=True,
    ),
    Command(
        "SetHubPassword",
        "Change the password of a Virtual Switch",
        _password,
        (Argument("PASSWORD", "New password", positional=True, secret=True),),
        on_switch=True,
    ),
)
