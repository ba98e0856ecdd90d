"""Commands on the users of a Virtual Switch; how they prove who they are is in :mod:`.proofs`."""

from __future__ import annotations

import secrets
from typing import Any

from iquila.command.calls import NAMED, ON_SWITCH, change, from_arguments, operation
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Items,
    Several,
    Shown,
    about,
)
from iquila.command.files import describe_certificate
from iquila.command.output import moment, thousands, total, traffic
from iquila.command.policies import (
    NAME_OF_POLICY,
    VALUE,
    policy_table,
    remove_policy,
    set_policy,
)
from iquila.command.values import expiry, show_bytes

METHODS = (
    "Anonymous Authentication",
    "Password Authentication",
    "Individual Certificate Authentication",
    "Signed Certificate Authentication",
    "RADIUS Authentication",
    "NT Domain Authentication",
)
OF_POLICY = {"HubName_str": "switch", "Name_str": "user"}


def _create(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {
        "HubName_str": given["switch"],
        "Name_str": given["name"],
        "GroupName_str": given["group"],
        "Realname_utf": given["realname"],
        "Note_utf": given["note"],
        "AuthType_u32": 1,
        # Nobody knows it: the user comes in once UserPasswordSet or another has set something.
        "Auth_Password_str": secrets.token_urlsafe(24),
    }
    return caller.call("CreateUser", parameters), None


def _expires(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {"ExpireTime_dt": given["expires"] or 0}


def _list(answer: dict[str, Any]) -> Shown:
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
    return Items(blocks, many=True)


def _proof(user: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows on how a user proves who they are."""
    kind = user["AuthType_u32"]
    rows = [("Auth Type", METHODS[kind])]
    if kind == 2 and user.get("UserX_bin"):
        rows.append(
            ("Registered User Individual Certificate", describe_certificate(user["UserX_bin"]))
        )
    elif kind == 3:
        if user.get("CommonName_utf"):
            rows.append(("Limit of Certificate CN Value", user["CommonName_utf"]))
        if user.get("Serial_bin"):
            rows.append(("Limit of Certificate Serial Number", show_bytes(user["Serial_bin"])))
    elif kind in (4, 5):
        alias = user.get("RadiusUsername_utf" if kind == 4 else "NtUsername_utf", "")
        if alias:
            rows.append(("External Authentication Server Authentication User Name", alias))
    return rows


def _get(user: dict[str, Any]) -> Shown:
    group = user.get("GroupName_str", "")
    who = (
        ("User Name", user["Name_str"]),
        ("Full Name", user["Realname_utf"]),
        ("Description", user["Note_utf"]),
        *((("Group Name", group),) if group else ()),
        ("Expiration Date", moment(user["ExpireTime_dt"])),
        *_proof(user),
    )
    counts = (
        ("Created on", moment(user["CreatedTime_dt"])),
        ("Updated on", moment(user["UpdatedTime_dt"])),
        *traffic(user),
        ("Number of Logins", thousands(user["NumLogin_u32"])),
    )
    shown = Items((who, counts))
    return Several((shown, policy_table(user))) if user.get("UsePolicy_bool") else shown


USER = Argument("NAME", "Name of the user", positional=True, names="user")
_NEW_NAME = Argument("NAME", "Name of the user", positional=True)
_OF_POLICY = Argument("USER", "Name of the user", positional=True, names="user")
_SET = from_arguments({"GroupName_str": "group", "Realname_utf": "realname", "Note_utf": "note"})


def description(default: str | None) -> tuple[Argument, ...]:
    """Return what people write about a user or a group."""
    return (
        Argument("REALNAME", "Full name", required=False, default=default),
        Argument("NOTE", "Description", required=False, default=default),
    )


def _description(default: str | None) -> tuple[Argument, ...]:
    return (
        Argument("GROUP", "Group", required=False, default=default, names="group"),
        *description(default),
    )


COMMANDS = about(
    "Users and groups",
    Command(
        "UserList",
        "List the users",
        operation("EnumUser", ON_SWITCH, _list),
        on_switch=True,
        examples=("",),
    ),
    Command(
        "UserCreate",
        "Create a user, who can log in once UserPasswordSet or another was used",
        _create,
        (_NEW_NAME, *_description("")),
        on_switch=True,
        examples=("alice", 'alice /GROUP:staff /REALNAME:"Alice Adams" /NOTE:"Room 7"'),
    ),
    Command(
        "UserSet",
        "Change the group, full name or description of a user",
        change("GetUser", "SetUser", NAMED, _SET),
        (USER, *_description(None)),
        on_switch=True,
        examples=("alice /GROUP:staff", "alice /GROUP: /NOTE:"),
    ),
    Command(
        "UserDelete",
        "Delete a user",
        operation("DeleteUser", NAMED),
        (USER,),
        on_switch=True,
        examples=("alice",),
    ),
    Command(
        "UserGet",
        "Show a user",
        operation("GetUser", NAMED, _get),
        (USER,),
        on_switch=True,
        examples=("alice",),
    ),
    Command(
        "UserExpiresSet",
        "Set when a user can log in no more",
        change("GetUser", "SetUser", NAMED, _expires),
        (USER, Argument("EXPIRES", "Local time as 2030/12/31 23:59:59, or none", convert=expiry)),
        on_switch=True,
        examples=('alice /EXPIRES:"2030/12/31 23:59:59"', "alice /EXPIRES:none"),
    ),
    Command(
        "UserPolicySet",
        "Set one security policy of a user",
        change("GetUser", "SetUser", OF_POLICY, set_policy),
        (_OF_POLICY, NAME_OF_POLICY, VALUE),
        on_switch=True,
        examples=("alice /NAME:MaxUpload /VALUE:10000000",),
    ),
    Command(
        "UserPolicyRemove",
        "Leave a user without a security policy of their own",
        change("GetUser", "SetUser", NAMED, remove_policy),
        (USER,),
        on_switch=True,
        examples=("alice",),
    ),
)
