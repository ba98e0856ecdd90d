"""Commands on the users of a Virtual Switch."""

from __future__ import annotations

from typing import Any

from iquila.command.definition import Argument, Caller, Command, Items, Shown
from iquila.command.output import moment, thousands, total, traffic

Answer = tuple[dict[str, Any], Shown]
METHODS = (
    "Anonymous Authentication",
    "Password Authentication",
    "Individual Certificate Authentication",
    "Signed Certificate Authentication",
    "RADIUS Authentication",
    "NT Domain Authentication",
)


def _of(given: dict[str, Any]) -> dict[str, Any]:
    return {"HubName_str": given["switch"], "Name_str": given["name"]}


def _create(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {
        **_of(given),
        "GroupName_str": given["group"],
        "Realname_utf": given["realname"],
        "Note_utf": given["note"],
        "AuthType_u32": 1,
    }
    return caller.call("CreateUser", parameters), None


def _change(caller: Caller, given: dict[str, Any], **changes: Any) -> Answer:
    user = caller.call("GetUser", _of(given))
    return caller.call("SetUser", {**user, **changes}), None


def _password(caller: Caller, given: dict[str, Any]) -> Answer:
    return _change(caller, given, AuthType_u32=1, Auth_Password_str=given["password"])


def _anonymous(caller: Caller, given: dict[str, Any]) -> Answer:
    return _change(caller, given, AuthType_u32=0)


def _delete(caller: Caller, given: dict[str, Any]) -> Answer:
    return caller.call("DeleteUser", _of(given)), None


def _list(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("EnumUser", {"HubName_str": given["switch"]})
    blocks = tuple(
        (
            ("User Name", user["Name_str"]),
            ("Full Name", user["Realname_utf"]),
            ("Group Name", user["GroupName_str"] or "-"),
            ("Description", user["Note_utf"]),
            ("Auth Method", METHODS[user["AuthType_u32"]]),
            ("Num Logins", thousands(user["NumLogin_u32"])),
            ("Last Login", moment(user["LastLoginTime_dt"])),
            ("Expiration Date", moment(user["Expires_dt"], never="No Expiration")),
            ("Transfer Bytes", total(user, "Bytes")),
            ("Transfer Packets", total(user, "Count")),
        )
        for user in answer["UserList"]
    )
    return answer, Items(blocks, many=True)


def _get(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetUser", _of(given))
    about = (
        ("User Name", answer["Name_str"]),
        ("Full Name", answer["Realname_utf"]),
        ("Description", answer["Note_utf"]),
        ("Expiration Date", moment(answer["ExpireTime_dt"])),
        ("Auth Type", METHODS[answer["AuthType_u32"]]),
    )
    counts = (
        ("Created on", moment(answer["CreatedTime_dt"])),
        ("Updated on", moment(answer["UpdatedTime_dt"])),
        *traffic(answer),
        ("Number of Logins", thousands(answer["NumLogin_u32"])),
    )
    return answer, Items((about, counts))


_NAME = Argument("NAME", "Name of the user", positional=True)

COMMANDS = (
    Command(
        "UserCreate",
        "Create a user (then UserPasswordSet)",
        _create,
        (
            _NAME,
            Argument("GROUP", "Group", required=False),
            Argument("REALNAME", "Full name", required=False),
            Argument("NOTE", "Description", required=False),
        ),
        on_switch=True,
    ),
    Command("UserDelete", "Delete a user", _delete, (_NAME,), on_switch=True),
    Command("UserList", "List the users", _list, on_switch=True),
    Command("UserGet", "Show a user", _get, (_NAME,), on_switch=True),
    Command(
        "UserPasswordSet",
        "Let a user log in with a password",
        _password,
        (_NAME, Argument("PASSWORD", "Password of the user", secret=True)),
        on_switch=True,
    ),
    Command(
        "UserAnonymousSet", "Let a user log in without proof", _anonymous, (_NAME,), on_switch=True
    ),
)
