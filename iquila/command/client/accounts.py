"""Commands on the connection settings of a client."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import Fields, change, from_arguments, operation
from iquila.command.client.rows import shown_account, shown_list
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    about,
    number,
    yes,
)
from iquila.command.loginsettings import connections
from iquila.command.values import destination_or

SUBJECT = "Connection settings"
FOR_EVER, WITHOUT_END = 0xFFFFFFFF, 999
"""What stands for retries without an end: in the API, and as it is typed."""
NAMED: Fields = {"AccountName_utf": "name"}
NAME = Argument("NAME", "Name of the connection setting", positional=True, names="account")
_NEW_NAME = Argument("NAME", "Name of the connection setting", positional=True)
_SERVER = Argument("SERVER", "Server, HOST[:PORT]", convert=destination_or(5555))
_HUB = Argument("HUB", "Virtual Switch there")
_ADAPTER = Argument("NICNAME", "Name of the virtual adapter", names="adapter")
_DETAIL: Fields = {
    "MaxConnection_u32": "maxtcp",
    "AdditionalConnectionInterval_u32": "interval",
    "ConnectionDisconnectSpan_u32": "ttl",
    "HalfConnection_bool": "half",
    "RequireBridgeRoutingMode_bool": "bridge",
    "RequireMonitorMode_bool": "monitor",
    "NoRoutingTracking_bool": "notrack",
    "DisableQoS_bool": "noqos",
    "NoUdpAcceleration_bool": "disableudp",
}


def target(given: dict[str, Any]) -> dict[str, Any]:
    """Return where a connection setting goes, from SERVER and HUB."""
    host, port = given["server"]
    return {"Hostname_str": host, "Port_u32": port, "HubName_str": given["hub"]}


def _create(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {
        "AccountName_utf": given["name"],
        **target(given),
        "Username_str": given["username"],
        "DeviceName_str": given["nicname"],
        "AuthType_u32": 0,
    }
    return caller.call("CreateAccount", parameters), None


def _retries(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    count = FOR_EVER if given["num"] == WITHOUT_END else given["num"]
    return {"NumRetry_u32": count, "RetryInterval_u32": given["interval"]}


def _option(key: str, help: str, convert: Any) -> Argument:
    return Argument(key, help, required=False, default=None, convert=convert)


COMMANDS = about(
    SUBJECT,
    Command(
        "AccountList",
        "List the connection settings",
        operation("EnumAccount", show=shown_list),
        examples=("",),
    ),
    Command(
        "AccountCreate",
        "Make a connection setting",
        _create,
        (
            _NEW_NAME,
            _SERVER,
            _HUB,
            Argument("USERNAME", "User to log in as"),
            _ADAPTER,
        ),
        examples=("office /SERVER:vpn.example:443 /HUB:office /USERNAME:alice /NICNAME:vpn",),
    ),
    Command(
        "AccountSet",
        "Change where a connection setting goes",
        change("GetAccount", "SetAccount", NAMED, lambda given, _record: target(given)),
        (NAME, _SERVER, _HUB),
        examples=("office /SERVER:vpn.example:443 /HUB:office",),
    ),
    Command(
        "AccountGet",
        "Show a connection setting",
        operation("GetAccount", NAMED, shown_account),
        (NAME,),
        examples=("office",),
    ),
    Command(
        "AccountDelete",
        "Delete a connection setting",
        operation("DeleteAccount", NAMED),
        (NAME,),
        examples=("office",),
    ),
    Command(
        "AccountRename",
        "Give a connection setting another name",
        operation("RenameAccount", {"OldName_utf": "name", "NewName_utf": "new"}),
        (NAME, Argument("NEW", "New name")),
        examples=("office /NEW:berlin",),
    ),
    Command(
        "AccountNicSet",
        "Change the virtual adapter of a connection setting",
        change("GetAccount", "SetAccount", NAMED, from_arguments({"DeviceName_str": "nicname"})),
        (NAME, _ADAPTER),
        examples=("office /NICNAME:vpn2",),
    ),
    Command(
        "AccountDetailSet",
        "Change how a connection setting communicates",
        change("GetAccount", "SetAccount", NAMED, from_arguments(_DETAIL)),
        (
            NAME,
            _option("MAXTCP", "TCP connections, 1 to 32", connections),
            _option("INTERVAL", "Seconds between opening two of them; only 1", number),
            _option("TTL", "Seconds that each one lives; only 0, for ever", number),
            _option("HALF", "Half duplex, yes or no", yes),
            _option("BRIDGE", "Bridge mode: other computers behind this one, yes or no", yes),
            _option("MONITOR", "Monitoring mode: see every frame, yes or no", yes),
            _option("NOTRACK", "Taken from vpncmd: routes are never changed here", yes),
            _option("NOQOS", "Taken from vpncmd: there is no priority here", yes),
            _option("DISABLEUDP", "Taken from vpncmd: UDP is never used here", yes),
        ),
        examples=("office /MAXTCP:8 /BRIDGE:yes",),
    ),
    Command(
        "AccountRetrySet",
        "Change how often and how soon a connection setting tries again",
        change("GetAccount", "SetAccount", NAMED, _retries),
        (
            NAME,
            Argument(
                "NUM", f"Retries in a row; {WITHOUT_END} for ever, 0 for none", convert=number
            ),
            Argument("INTERVAL", "Longest wait in seconds, 5 to 300", convert=number),
        ),
        examples=("office /NUM:999 /INTERVAL:15",),
    ),
)
