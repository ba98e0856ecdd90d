"""Commands on bearer tokens for programs, and on the auditor's password."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import NAME, operation
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Grid,
    Items,
    Shown,
    about,
)
from iquila.command.output import moment
from iquila.command.values import expiry

NEVER = "No Expiration"
SWITCH = "switch:"


def _scope(text: str) -> str:
    """Return a scope; the name of a switch stays as it was typed."""
    lower = text.strip().lower()
    if lower in ("server", "auditor"):
        return lower
    if lower.startswith(SWITCH) and len(lower) > len(SWITCH):
        return SWITCH + text.strip()[len(SWITCH) :]
    raise ValueError(f"'{text}' is none of server, auditor, switch:NAME")


def _create(caller: Caller, given: dict[str, Any]) -> Answer:
    asked = {"Name_str": given["name"], "Scope_str": given["scope"]}
    if given["expires"]:
        asked["ExpireTime_dt"] = given["expires"]
    answer = caller.call("CreateToken", asked)
    rows = (
        ("Token Name", answer["Name_str"]),
        ("Scope", answer["Scope_str"]),
        ("Expiration Date", moment(answer["ExpireTime_dt"], never=NEVER)),
        ("Token (Secret, shown this once)", answer["Token_str"]),
    )
    return answer, Items((rows,))


def _list(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (
            token["Name_str"],
            token["Scope_str"],
            moment(token["CreatedTime_dt"]),
            moment(token["ExpireTime_dt"], never=NEVER),
        )
        for token in answer["TokenList"]
    )
    return Grid(("Token Name", "Scope", "Created on", "Expiration Date"), rows)


_TOKEN = Argument("NAME", "Name of the token", positional=True)

COMMANDS = about(
    "Tokens and the auditor",
    Command(
        "TokenCreate",
        "Make a bearer token for a program; it is shown this once",
        _create,
        (
            _TOKEN,
            Argument("SCOPE", "server, auditor (reads only) or switch:NAME", convert=_scope),
            Argument(
                "EXPIRES",
                "Local time as 2030/12/31 23:59:59, or none",
                required=False,
                convert=expiry,
            ),
        ),
        examples=(
            "backup /SCOPE:auditor",
            'robot /SCOPE:switch:office /EXPIRES:"2030/12/31 23:59:59"',
        ),
    ),
    Command(
        "TokenList",
        "List the bearer tokens, without what proves them",
        operation("EnumToken", show=_list),
        examples=("",),
    ),
    Command(
        "TokenDelete",
        "Take a bearer token back: it proves nothing from then on",
        operation("DeleteToken", NAME),
        (_TOKEN,),
        examples=("robot",),
    ),
    Command(
        "AuditorPasswordSet",
        "Let an auditor in, who reads everything and changes nothing; an empty password: nobody",
        operation("SetAuditorPassword", {"PlainTextPassword_str": "password"}),
        (Argument("PASSWORD", "New password", positional=True, secret=True, new=True),),
        examples=("",),
    ),
)
