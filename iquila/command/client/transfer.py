"""Commands that write connection settings to files and read them."""

from __future__ import annotations

from typing import Any

from iquila.command.arguments import UsageError
from iquila.command.client import vpnfile
from iquila.command.client.accounts import NAME, SUBJECT
from iquila.command.definition import Answer, Argument, Caller, Command, Text, about
from iquila.command.files import read_file, write_file


def _export(caller: Caller, given: dict[str, Any]) -> Answer:
    setting = caller.call("GetAccount", {"AccountName_utf": given["name"]})
    write_file(given["savepath"], vpnfile.write(setting), private=True)
    return {}, None


def _import(caller: Caller, given: dict[str, Any]) -> Answer:
    path = given["path"]
    try:
        setting = vpnfile.read(read_file(path))
    except vpnfile.BadFile as error:
        raise UsageError(f"The file {path} holds no connection setting: {error}.") from error
    if given["name"]:
        setting["AccountName_utf"] = given["name"]
    answer = caller.call("CreateAccount", setting)
    return answer, Text(f"The connection setting '{answer['AccountName_utf']}' was made.\n")


COMMANDS = about(
    SUBJECT,
    Command(
        "AccountExport",
        "Write a connection setting, with its secrets, to a file",
        _export,
        (NAME, Argument("SAVEPATH", "File to write; its owner only may read it")),
        examples=("office /SAVEPATH:office.vpn",),
    ),
    Command(
        "AccountImport",
        "Make a connection setting from a file that this client or SoftEther's wrote",
        _import,
        (
            Argument("PATH", "File to read", positional=True),
            Argument("NAME", "Name of the connection setting; else the file says", required=False),
        ),
        examples=("office.vpn", "office.vpn /NAME:berlin"),
    ),
)
