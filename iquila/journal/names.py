"""
Names of log files, and nothing else: no file is touched here.

    server/20261124.jsonl             of the whole server
    security/office/20261124.jsonl    of one Virtual Switch, its name in lower case
    packet/office/20261124~2.jsonl    the second file of that day: the first was full
"""

from __future__ import annotations

import re
import time
from enum import IntEnum

from attrs import frozen

from iquila.errors import ObjectNotFound
from iquila.wire.names import valid_switch_name

SERVER, SECURITY, PACKET = "server", "security", "packet"
SUFFIX = ".jsonl"
_NAME = re.compile(r"(all|\d{6}|\d{8}|\d{8}_\d{2,6})(?:~(\d{1,6}))?\.jsonl\Z", re.ASCII)


class Cycle(IntEnum):
    """When a log goes on in another file (reference §10.2, LogSwitchSet)."""

    NONE = 0
    SECOND = 1
    MINUTE = 2
    HOUR = 3
    DAY = 4
    MONTH = 5


_FORMATS = {
    Cycle.NONE: "all",
    Cycle.SECOND: "%Y%m%d_%H%M%S",
    Cycle.MINUTE: "%Y%m%d_%H%M",
    Cycle.HOUR: "%Y%m%d_%H",
    Cycle.DAY: "%Y%m%d",
    Cycle.MONTH: "%Y%m",
}


def stamp(cycle: Cycle, moment: float) -> str:
    """Return what the files of a moment (seconds since 1970) are called, in UTC."""
    return time.strftime(_FORMATS[cycle], time.gmtime(moment))


def file_name(stamp: str, part: int = 1) -> str:
    """Return the name of a file; the second of one stamp is part 2."""
    return f"{stamp}{SUFFIX}" if part == 1 else f"{stamp}~{part}{SUFFIX}"


def part_of(name: str, stamp: str) -> int:
    """Return which part of a stamp a file is; 0 where it is none of it."""
    match = _NAME.match(name)
    if match is None or match[1] != stamp:
        return 0
    return int(match[2] or 1)


def folder(log: str, switch: str = "") -> str:
    """Return the folder of a log."""
    return f"{log}/{switch.lower()}" if switch else log


@frozen
class LogPath:
    """A path of a log file that is safe to open: nothing in it leads elsewhere."""

    log: str
    switch: str
    name: str

    @property
    def text(self) -> str:
        """The path as it is written."""
        return f"{folder(self.log, self.switch)}/{self.name}"


def log_path(text: str) -> LogPath:
    """
    Read the path of a log file.

    :raises ObjectNotFound: no log file is called so.
    """
    parts = text.split("/")
    if len(parts) == 2 and parts[0] == SERVER:
        path = LogPath(SERVER, "", parts[1])
    elif len(parts) == 3 and parts[0] in (SECURITY, PACKET) and valid_switch_name(parts[1]):
        path = LogPath(parts[0], parts[1].lower(), parts[2])
    else:
        raise _unknown(text)
    if not _NAME.match(path.name):
        raise _unknown(text)
    return path


def _unknown(text: str) -> ObjectNotFound:
    return ObjectNotFound(f"There is no log file '{text[:128]}': LogFileList lists them.")
