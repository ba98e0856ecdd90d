"""Commands on the groups of a Virtual Switch and who is in them."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import NAMED, ON_SWITCH, change, from_arguments, operation, setting
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Items,
    Several,
    Shown,
    Text,
    about,
)
from iquila.command.output import thousands
from iquila.command.policies import (
    NAME_OF_POLICY,
    VALUE,
    policy_table,
    remove_policy,
    set_policy,
)
from iquila.command.users import USER, description

MEMBERS = "This is a list of user names of users who are assigned to this group."
_AS_MEMBER = {"HubName_str": "switch", "Name_str": "username"}


def _list(answer: dict[str, Any]) -> Shown:
    blocks = tuple(
        (
            ("Group Name", group["Name_str"]),
            ("Full Name", group["Realname_utf"]),
            ("Description", group["Note_utf"]),
            ("Num Users", thousands(group["NumUsers_u32"])),
        )
        for group in answer["GroupList"]
    )
    return Items(blocks, many=True)


def _get(caller: Caller, given: dict[str, Any]) -> Answer:
    hub = {"HubName_str": given["switch"]}
    group = caller.call("GetGroup", {**hub, "Name_str": given["name"]})
    users = caller.call("EnumUser", hub)["UserList"]
    members = [u["Name_str"] for u in users if u["GroupName_str"].lower() == given["name"].lower()]
    rows = (
        ("Group Name", group["Name_str"]),
        ("Full Name", group["Realname_utf"]),
        ("Description", group["Note_utf"]),
    )
    policy = (policy_table(group),) if group.get("UsePolicy_bool") else ()
    lines = "".join(f"\n {name}" for name in members)
    return group, Several((Items((rows,)), *policy, Text(f"{MEMBERS}{lines}\n")))


def _join(given: dict[str, Any], _user: dict[str, Any]) -> dict[str, Any]:
    return {"GroupName_str": given["name"]}


_GROUP = Argument("NAME", "Name of the group", positional=True, names="group")
_NEW = Argument("NAME", "Name of the group", positional=True)
_OF_POLICY = Argument("GROUP", "Name of the group", positional=True, names="group")
_SET = {"Realname_utf": "realname", "Note_utf": "note"}
_GROUP_OF_POLICY = {"HubName_str": "switch", "Name_str": "group"}


COMMANDS = about(
    "Users and groups",
    Command(
        "GroupList",
        "List the groups",
        operation("EnumGroup", ON_SWITCH, _list),
        on_switch=True,
        examples=("",),
    ),
    Command(
        "GroupCreate",
        "Create a group",
        operation("CreateGroup", {**NAMED, **_SET}),
        (_NEW, *description("")),
        on_switch=True,
        examples=('staff /REALNAME:"The staff"',),
    ),
    Command(
        "GroupSet",
        "Change the full name or description of a group",
        change("GetGroup", "SetGroup", NAMED, from_arguments(_SET)),
        (_GROUP, *description(None)),
        on_switch=True,
        examples=('staff /NOTE:"Everybody in the house"',),
    ),
    Command(
        "GroupDelete",
        "Delete a group",
        operation("DeleteGroup", NAMED),
        (_GROUP,),
        on_switch=True,
        examples=("staff",),
    ),
    Command(
        "GroupGet",
        "Show a group and who is in it",
        _get,
        (_GROUP,),
        on_switch=True,
        examples=("staff",),
    ),
    Command(
        "GroupJoin",
        "Put a user into a group",
        change("GetUser", "SetUser", _AS_MEMBER, _join),
        (_GROUP, Argument("USERNAME", "Name of the user", names="user")),
        on_switch=True,
        examples=("staff /USERNAME:alice",),
    ),
    Command(
        "GroupUnjoin",
        "Take a user out of their group",
        change("GetUser", "SetUser", NAMED, setting(GroupName_str="")),
        (USER,),
        on_switch=True,
        examples=("alice",),
    ),
    Command(
        "GroupPolicySet",
        "Set one security policy of a group",
        change("GetGroup", "SetGroup", _GROUP_OF_POLICY, set_policy),
        (_OF_POLICY, NAME_OF_POLICY, VALUE),
        on_switch=True,
        examples=("staff /NAME:MultiLogins /VALUE:2",),
    ),
    Command(
        "GroupPolicyRemove",
        "Leave a group without a security policy",
        change("GetGroup", "SetGroup", NAMED, remove_policy),
        (_GROUP,),
        on_switch=True,
        examples=("staff",),
    ),
)
