"""Operations on logs: what a switch keeps, the files on all servers, syslog."""

from __future__ import annotations

from attrs import evolve, frozen

from iquila.admin.fields import data, flag, items, numbers, text, time, u32
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Nothing, Table, Who
from iquila.admin.parts import Parts
from iquila.admin.switches import Hub, known
from iquila.database.belongings import LogSettings
from iquila.database.options import administrator_option
from iquila.database.records import ServerMode, Switch, SyslogSettings
from iquila.database.store import put
from iquila.errors import (
    Conflict,
    InvalidParameter,
    NotEnoughRights,
    NotSupported,
    ObjectNotFound,
    VENError,
)
from iquila.journal.names import SERVER, Cycle, LogPath, log_path
from iquila.journal.packets import Kind
from iquila.journal.tap import ALL

TABLE = Table()
PARTS = Parts()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}
CHUNK = 65_536
"""Bytes of a log file in one answer, at most."""
MOST_OFFSET = 2**32 - 1
NO_CONFIG, NO_CYCLE, NO_READ = (
    "no_change_log_config",
    "no_change_log_switch_type",
    "no_read_log_file",
)
"""Administrator options of a switch (reference §10.2)."""


@frozen
class HubLog:
    """What a switch logs."""

    hub_name: str = text("HubName")
    save_security: bool = flag("SaveSecurityLog")
    security_cycle: int = u32("SecurityLogSwitchType")
    save_packets: bool = flag("SavePacketLog")
    packet_cycle: int = u32("PacketLogSwitchType")
    packets: tuple[int, ...] = numbers("PacketLogConfig")


def _settings(server: ManagedServer, switch: Switch) -> LogSettings:
    return server.system.get(LogSettings, switch.name) or LogSettings(switch.name)


def _described(settings: LogSettings) -> HubLog:
    return HubLog(
        settings.switch,
        settings.save_security,
        settings.security_cycle,
        settings.save_packets,
        settings.packet_cycle,
        settings.packets,
    )


@TABLE.operation("GetHubLog", Hub, HubLog, Who.SWITCH, NOT_ON_MEMBER)
async def get_hub_log(server: ManagedServer, caller: Caller, request: Hub) -> HubLog:
    """Return what a Virtual Switch logs."""
    return _described(_settings(server, known(server, request.hub_name)))


@TABLE.operation("SetHubLog", HubLog, HubLog, Who.SWITCH, NOT_ON_MEMBER, denied_by=NO_CONFIG)
async def set_hub_log(server: ManagedServer, caller: Caller, request: HubLog) -> HubLog:
    """Set what a Virtual Switch logs, and how often it begins another file."""
    switch = known(server, request.hub_name)
    old = _settings(server, switch)
    new = evolve(
        old,
        save_security=request.save_security,
        security_cycle=_cycle(request.security_cycle),
        save_packets=request.save_packets,
        packet_cycle=_cycle(request.packet_cycle),
        packets=_levels(request.packets, old.packets),
    )
    cycles_changed = (old.security_cycle, old.packet_cycle) != (
        new.security_cycle,
        new.packet_cycle,
    )
    if cycles_changed and _denied(server, caller, switch.name, NO_CYCLE):
        raise NotEnoughRights
    if new != old:
        unchanged = server.system.unchanged
        compare = [unchanged(LogSettings, old.key), unchanged(Switch, switch.key)]
        try:
            await server.system.transact([put(new)], compare)
        except Conflict:
            raise InvalidParameter("Somebody else changed this: try again.") from None
    return _described(new)


def _cycle(number: int) -> int:
    try:
        return int(Cycle(number))
    except ValueError:
        raise InvalidParameter(
            "The cycle of a log is 0 (none), 1 (second), 2 (minute), 3 (hour), 4 (day), 5 (month)."
        ) from None


def _levels(wanted: tuple[int, ...], old: tuple[int, ...]) -> tuple[int, ...]:
    """Return the levels of all kinds; without any wanted, those there are."""
    if not wanted:
        return old
    if len(wanted) > len(old) or any(level > ALL for level in wanted):
        raise InvalidParameter(
            f"The packet log has up to {len(old)} kinds, of which {len(Kind)} mean something: "
            "each is 0 (nothing), 1 (headers) or 2 (everything)."
        )
    return wanted + (0,) * (len(old) - len(wanted))


def _denied(server: ManagedServer, caller: Caller, switch: str, option: str) -> bool:
    """Return whether a switch's options take something from this caller."""
    return bool(caller.switch) and bool(administrator_option(server.system, switch, option))


# -- files


@frozen
class LogFileItem:
    """A log file on some server."""

    server: str = text("ServerName")
    path: str = text("FilePath")
    size: int = u32("FileSize")
    updated: int = time("UpdatedTime")


@frozen
class LogFileList:
    """The log files that the caller may read. The system's tools look at their number first."""

    number: int = u32("NumItem")
    files: tuple[LogFileItem, ...] = items("LogFiles", LogFileItem)


def _listed(files: tuple[LogFileItem, ...]) -> LogFileList:
    return LogFileList(len(files), files)


@PARTS.part("EnumLogFile", Hub, LogFileList)
async def log_files_here(server: ManagedServer, request: Hub) -> LogFileList:
    """Return the log files of this server, or those of one switch."""
    found = await server.log_files(request.hub_name)
    return _listed(
        tuple(
            LogFileItem(
                server.host_name,
                file.path.text,
                min(file.size, MOST_OFFSET),
                int(file.updated * 1000),
            )
            for file in found
        )
    )


@TABLE.operation("EnumLogFile", Nothing, LogFileList, Who.ANY)
async def enum_log_file(server: ManagedServer, caller: Caller, request: Nothing) -> LogFileList:
    """List the log files of all servers."""
    _check_reading(server, caller)
    rows: list[LogFileItem] = []
    for row, part in await log_files_here.everywhere(server, Hub(caller.switch)):
        host = row.description.host_name
        rows += [evolve(file, server=host) for file in part.files]
    return _listed(tuple(rows))


def _check_reading(server: ManagedServer, caller: Caller) -> None:
    if _denied(server, caller, caller.switch, NO_READ):
        raise NotEnoughRights


@frozen
class LogFilePart:
    """
    A part of a log file. At the end of the file there is nothing in `content`.

    The system's tool takes a part that is there but empty for one more, and asks for ever.
    """

    server: str = text("ServerName")
    path: str = text("FilePath")
    offset: int = u32("Offset")
    content: bytes = data("Buffer", sparse=True)


@PARTS.part("ReadLogFile", LogFilePart, LogFilePart)
async def log_part_here(server: ManagedServer, request: LogFilePart) -> LogFilePart:
    """Return a part of a log file on this server."""
    path = log_path(request.path)
    content = await server.read_log(path, request.offset, CHUNK)
    return LogFilePart(server.host_name, path.text, request.offset, content)


@TABLE.operation("ReadLogFile", LogFilePart, LogFilePart, Who.ANY, effect=Effect.READ)
async def read_log_file(server: ManagedServer, caller: Caller, request: LogFilePart) -> LogFilePart:
    """Return up to 64 KiB of a log file, from an offset on; of the first server that has it."""
    _check_reading(server, caller)
    path = log_path(request.path)
    if not _may_read(caller, path):
        raise NotEnoughRights
    wanted = request.server.lower()
    rows = [
        row for row in server.servers() if not wanted or row.description.host_name.lower() == wanted
    ]
    problem: VENError = ObjectNotFound(f"There is no server '{request.server[:64]}'.")
    for row in rows:
        try:
            found: LogFilePart = await log_part_here.at(server, row, request)
            return evolve(found, server=row.description.host_name)
        except VENError as error:
            problem = error
    raise problem


def _may_read(caller: Caller, path: LogPath) -> bool:
    if path.log == SERVER:
        return not caller.switch
    return caller.may_see(path.switch)


# -- syslog


@frozen
class SysLog:
    """Where logs are sent: 0 nowhere, 1 the server log, 2 security logs too, 3 packet logs too."""

    save_type: int = u32("SaveType")
    host: str = text("Hostname")
    port: int = u32("Port")


@TABLE.operation("GetSysLog", Nothing, SysLog, refused=NOT_ON_MEMBER)
async def get_syslog(server: ManagedServer, caller: Caller, request: Nothing) -> SysLog:
    """Return where logs are sent."""
    found = server.system.get(SyslogSettings, "syslog") or SyslogSettings()
    return SysLog(found.save_type, found.host, found.port)


@TABLE.operation("SetSysLog", SysLog, SysLog, refused=NOT_ON_MEMBER)
async def set_syslog(server: ManagedServer, caller: Caller, request: SysLog) -> SysLog:
    """Have the servers of the cluster send their logs by syslog, or stop it."""
    if request.save_type > 3:
        raise InvalidParameter(
            "What is sent is 0 (nothing), 1 (server log), 2 (security logs too) or 3 (all)."
        )
    host, port = request.host.strip(), request.port or SyslogSettings().port
    if request.save_type and (not host or len(host) > 255 or not host.isprintable()):
        raise InvalidParameter("Give the host that collects logs, by name or address.")
    if port > 65_535:
        raise InvalidParameter("A port is a number from 1 to 65535.")
    await server.system.transact([put(SyslogSettings(request.save_type, host, port))])
    return SysLog(request.save_type, host, port)
