"""Commands on the options of a Virtual Switch, and on the RADIUS server that it asks."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import ON_SWITCH, operation
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
from iquila.command.values import destination_or
from iquila.errors import ObjectNotFound


def _options(answer: dict[str, Any]) -> Shown:
    blocks = tuple(
        (
            ("Item", option["Name_str"]),
            ("Value", str(option["Value_u32"])),
            ("Description", option.get("Descrption_utf", "")),
        )
        for option in answer["AdminOptionList"]
    )
    return Items(blocks, many=True)


def _set(what: str) -> Run:
    """Return the change of one option: all are read and written, as the operation wants it."""

    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        hub = {"HubName_str": given["switch"]}
        options = caller.call(f"GetHub{what}Options", hub)["AdminOptionList"]
        wanted = given["name"].lower()
        if not any(option["Name_str"].lower() == wanted for option in options):
            raise ObjectNotFound(f"There is no option '{given['name']}'.")
        changed = [
            {**o, "Value_u32": given["value"]} if o["Name_str"].lower() == wanted else o
            for o in options
        ]
        return caller.call(f"SetHub{what}Options", {**hub, "AdminOptionList": changed}), None

    return run


def _radius(answer: dict[str, Any]) -> Shown:
    host = answer["RadiusServerName_str"]
    rows = [("Use RADIUS Server", "Enable" if host else "Disable")]
    if host:
        rows += [
            ("RADIUS Server Host Name or IP Address: ", host),
            ("RADIUS Server Port Number", str(answer["RadiusPort_u32"])),
            ("Shared Secret", answer["RadiusSecret_str"]),
            ("Retry Interval (in milliseconds)", str(answer["RadiusRetryInterval_u32"])),
        ]
    return Items((tuple(rows),))


def _set_radius(caller: Caller, given: dict[str, Any]) -> Answer:
    host, port = given["server"]
    parameters = {
        "HubName_str": given["switch"],
        "RadiusServerName_str": host,
        "RadiusPort_u32": port,
        "RadiusSecret_str": given["secret"],
        "RadiusRetryInterval_u32": given["retry_interval"],
    }
    return caller.call("SetHubRadius", parameters), None


def _interval(text: str) -> int:
    value = number(text)
    if not 500 <= value <= 10_000:
        raise ValueError("the retry interval is 500 to 10000 milliseconds")
    return value


_NAME = Argument("NAME", "Name of the option", positional=True)
_VALUE = Argument("VALUE", "Its value", convert=number)


def _command(name: str, help: str, run: Run, *arguments: Argument, example: str = "") -> Command:
    return Command(name, help, run, arguments, on_switch=True, examples=(example,))


COMMANDS = about(
    "Virtual Switches: options and RADIUS",
    _command(
        "AdminOptionList",
        "List what limits the administrator of a Virtual Switch",
        operation("GetHubAdminOptions", ON_SWITCH, _options),
    ),
    _command(
        "AdminOptionSet",
        "Set one limit for the administrator of a Virtual Switch",
        _set("Admin"),
        _NAME,
        _VALUE,
        example="max_users /VALUE:100",
    ),
    _command(
        "ExtOptionList",
        "List the extended options of a Virtual Switch",
        operation("GetHubExtOptions", ON_SWITCH, _options),
    ),
    _command(
        "ExtOptionSet",
        "Set one extended option of a Virtual Switch",
        _set("Ext"),
        _NAME,
        _VALUE,
        example="NoIpTable /VALUE:1",
    ),
    _command(
        "RadiusServerGet",
        "Show the RADIUS server of a Virtual Switch",
        operation("GetHubRadius", ON_SWITCH, _radius),
    ),
    _command(
        "RadiusServerSet",
        "Let a Virtual Switch ask a RADIUS server",
        _set_radius,
        Argument(
            "SERVER",
            "HOST[:PORT]; several separated with ;",
            positional=True,
            convert=destination_or(1812),
        ),
        Argument("SECRET", "Shared secret", secret=True, new=True),
        Argument(
            "RETRY_INTERVAL",
            "Milliseconds between attempts, 500 to 10000",
            required=False,
            default="500",
            convert=_interval,
        ),
        example="radius.example:1812 /RETRY_INTERVAL:500",
    ),
    _command(
        "RadiusServerDelete",
        "Let a Virtual Switch ask no RADIUS server",
        operation(
            "SetHubRadius",
            ON_SWITCH,
            RadiusServerName_str="",
            RadiusPort_u32=0,
            RadiusSecret_str="",
            RadiusRetryInterval_u32=0,
        ),
    ),
)
