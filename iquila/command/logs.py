"""Commands on logs: the files of the cluster, and what a Virtual Switch writes down."""

from __future__ import annotations

import base64
from typing import Any

from iquila.command.calls import ON_SWITCH, change, operation
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Items,
    Shown,
    Text,
    about,
    one_of,
)
from iquila.command.files import write_file
from iquila.command.output import moment
from iquila.errors import ObjectNotFound

SWITCH_CYCLES = ("none", "sec", "min", "hour", "day", "month")
_CYCLE_LABELS = (
    "No Switching",
    *(f"Switch in Every {w}" for w in ("Second", "Minute", "Hour", "Day", "Month")),
)
PACKETS = ("tcpconn", "tcpdata", "dhcp", "udp", "icmp", "ip", "arp", "ether")
_PACKET_LABELS = (
    "TCP Connection Log",
    "TCP Packet Log",
    "DHCP Log",
    "UDP Log",
    "ICMP Log",
    "IP Log",
    "ARP Log",
    "Ethernet Log",
)
SAVES = ("none", "header", "full")
_SAVE_LABELS = ("Do not Save", "Header Only", "All Packet Contents")
# Of the two logs of a Virtual Switch: whether it is written, and how often there is a new file.
_FIELDS = {
    "security": ("SaveSecurityLog_bool", "SecurityLogSwitchType_u32"),
    "packet": ("SavePacketLog_bool", "PacketLogSwitchType_u32"),
}


def _files(answer: dict[str, Any]) -> Shown:
    blocks = tuple(
        (
            ("Log File Name", file["FilePath_str"]),
            ("File Size", _size(file["FileSize_u32"])),
            ("Updated on", moment(file["UpdatedTime_dt"], weekday=False)),
            ("Location", file["ServerName_str"]),
        )
        for file in answer["LogFiles"]
    )
    return Items(blocks, many=True)


def _size(count: int) -> str:
    if count < 1024:
        return f"{count} Bytes"
    size, unit = count / 1024, "KBytes"
    for larger in ("MBytes", "GBytes"):
        if size >= 1024:
            size, unit = size / 1024, larger
    return f"{size:.2f} {unit}"


def _fetch(caller: Caller, given: dict[str, Any]) -> Answer:
    path, server = given["name"], given["server"]
    found = [
        file
        for file in caller.call("EnumLogFile", {})["LogFiles"]
        if file["FilePath_str"] == path
        and (not server or file["ServerName_str"].lower() == server.lower())
    ]
    if not found:
        raise ObjectNotFound(f"There is no log file '{path}': LogFileList shows them.")
    where = {"FilePath_str": path, "ServerName_str": found[0]["ServerName_str"]}
    content = _read(caller, where, found[0]["FileSize_u32"])
    answer = {**where, "Buffer_bin": base64.b64encode(content).decode()}
    if given["savepath"]:
        write_file(given["savepath"], content, private=True)
        return answer, None
    return answer, Text(content.decode("utf-8", "replace"))


def _read(caller: Caller, where: dict[str, Any], size: int) -> bytes:
    """Return the `size` bytes that a log file had when it was listed: more may follow meanwhile."""
    content = bytearray()
    while len(content) < size:
        part = caller.call("ReadLogFile", {**where, "Offset_u32": len(content)})
        piece = base64.b64decode(part.get("Buffer_bin", ""))
        if not piece:
            break
        content += piece
    return bytes(content)


def _settings(answer: dict[str, Any]) -> Shown:
    rows = list(_log_rows(answer, "Save Security Log", "security"))
    rows.append(("", ""))
    rows += _log_rows(answer, "Save Packet Log", "packet")
    if answer["SavePacketLog_bool"]:
        kinds = answer["PacketLogConfig_u32"]
        rows += [
            (label, _SAVE_LABELS[kind]) for label, kind in zip(_PACKET_LABELS, kinds, strict=False)
        ]
    return Items((tuple(rows),))


def _log_rows(answer: dict[str, Any], label: str, log: str) -> list[tuple[str, str]]:
    save, cycle = _FIELDS[log]
    rows = [(label, "Enable" if answer[save] else "Disable")]
    if answer[save]:
        rows.append(("Log File Switch Cycle", _CYCLE_LABELS[answer[cycle]]))
    return rows


def _enable(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {_FIELDS[given["log"]][0]: True}


def _disable(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {_FIELDS[given["log"]][0]: False}


def _cycle(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {_FIELDS[given["log"]][1]: SWITCH_CYCLES.index(given["switch_cycle"])}


def _packets(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    kinds = list(record["PacketLogConfig_u32"])
    kinds += [0] * (len(PACKETS) - len(kinds))
    kinds[PACKETS.index(given["type"])] = SAVES.index(given["save"])
    return {"PacketLogConfig_u32": kinds}


_LOG = Argument("LOG", "security or packet", positional=True, convert=one_of("security", "packet"))


def _setting(name: str, help: str, changes: Any, *arguments: Argument, example: str) -> Command:
    run = change("GetHubLog", "SetHubLog", ON_SWITCH, changes)
    return Command(name, help, run, arguments, on_switch=True, examples=(example,))


COMMANDS = about(
    "Logs",
    Command(
        "LogFileList",
        "List the log files of the server or cluster",
        operation("EnumLogFile", show=_files),
        examples=("",),
    ),
    Command(
        "LogFileGet",
        "Print a log file, or save it",
        _fetch,
        (
            Argument("NAME", "Name in the LogFileList", positional=True),
            Argument("SERVER", "Its location, where several have one of that name", required=False),
            Argument("SAVEPATH", "File to write", required=False),
        ),
        examples=("server/20261122.jsonl /SAVEPATH:server.jsonl",),
    ),
    Command(
        "LogGet",
        "Show what a Virtual Switch writes down",
        operation("GetHubLog", ON_SWITCH, _settings),
        on_switch=True,
        examples=("",),
    ),
    _setting("LogEnable", "Write a log of a Virtual Switch", _enable, _LOG, example="packet"),
    _setting(
        "LogDisable", "Write a log of a Virtual Switch no more", _disable, _LOG, example="packet"
    ),
    _setting(
        "LogSwitchSet",
        "Choose how often a log gets a new file",
        _cycle,
        _LOG,
        Argument(
            "SWITCH", ", ".join(SWITCH_CYCLES), convert=one_of(*SWITCH_CYCLES), into="switch_cycle"
        ),
        example="packet /SWITCH:hour",
    ),
    _setting(
        "LogPacketSaveType",
        "Choose what the packet log keeps",
        _packets,
        Argument("TYPE", ", ".join(PACKETS), convert=one_of(*PACKETS)),
        Argument("SAVE", ", ".join(SAVES), convert=one_of(*SAVES)),
        example="/TYPE:arp /SAVE:header",
    ),
)
