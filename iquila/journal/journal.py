"""
Where events are told, from everywhere: this is the one object that others call.

An event is a word and fields. It goes to the server log, to the security log or to the packet
log of a Virtual Switch, each a file of JSON lines, and to syslog where that is wanted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from iquila.database.belongings import LogSettings, SwitchOptions
from iquila.database.records import Switch, SyslogSettings
from iquila.database.store import Database, RevisionEvent
from iquila.journal.files import Line
from iquila.journal.names import PACKET, SECURITY, SERVER, Cycle, folder
from iquila.journal.syslog import SyslogSender, message
from iquila.journal.tap import Tap
from iquila.journal.throttle import Throttle, source_of
from iquila.journal.writer import Writer

LONGEST = 1024
"""Characters of a text in an event."""
INFORMATION, WARNING, ERROR = 6, 4, 3
QUIET = 600.0
"""Seconds in which further calls of the same administrator are not told."""
MOST_ADMINISTRATORS = 1024
_ESCAPED = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}
"""What some programs take for the end of a line, and terminals for commands."""
PACKETS_PER_MINUTE = "MaxLoggedPacketsPerMinute"


class Journal:
    """
    The logs of one server. Without a writer it forgets everything.

    :param host: the server's name, as syslog is told it.
    :param wall: the time of day, seconds since 1970.
    """

    def __init__(
        self,
        writer: Writer | None = None,
        reactor: Any = None,
        host: str = "",
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.writer = writer
        self._reactor = reactor
        self._host = host
        self._wall = wall
        self._system: Database | None = None
        self._unwatch: Callable[[], None] | None = None
        self._syslog: SyslogSender | None = None
        self._level = 0
        self._seen: dict[tuple[str, ...], float] = {}
        self._throttle = Throttle()

    # -- whose settings hold

    def follow(self, system: Database | None) -> None:
        """Go by the settings in a database from now on; None for the defaults."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        self._system = system
        if system is not None:
            self._unwatch = system.watch(self._revised)
        self._set_syslog()

    def _revised(self, event: RevisionEvent) -> None:
        if any(change[0] == SyslogSettings.kind_name for change in event.changes):
            self._set_syslog()

    def _set_syslog(self) -> None:
        if self._syslog is not None:
            self._syslog.stop()
            self._syslog = None
        settings = None
        if self._system is not None:
            settings = self._system.get(SyslogSettings, "syslog")
        self._level = settings.save_type if settings is not None and settings.host else 0
        if settings is not None and self._level and self._reactor is not None:
            self._syslog = SyslogSender(self._reactor, settings.host, settings.port)
            self._syslog.start()

    def settings(self, switch: str) -> LogSettings:
        """Return what a switch logs."""
        found = None if self._system is None else self._system.get(LogSettings, switch)
        return found or LogSettings(switch)

    def tap(self, switch: str) -> Tap | None:
        """Return what looks at a switch's frames for its packet log; None where that is off."""
        settings = self.settings(switch)
        if not settings.save_packets or not any(settings.packets):
            return None
        options = None if self._system is None else self._system.get(SwitchOptions, switch)
        limit = options.extended.get(PACKETS_PER_MINUTE, 0) if options is not None else 0
        return Tap(settings.packets, limit, lambda entry: self.packet(switch, entry))

    # -- events

    def server(self, event: str, severity: int = INFORMATION, **fields: Any) -> None:
        """Tell the server log."""
        self._tell(1, SERVER, "", Cycle.DAY, severity, {"event": event, **fields})

    def security(self, switch: str, event: str, severity: int = INFORMATION, **fields: Any) -> None:
        """Tell the security log of a switch; the server log where there is no such switch."""
        known = self._system is not None and self._system.get(Switch, switch) is not None
        if not known:
            # Anybody can ask for switches that do not exist: no files for those.
            self.server(event, severity, switch=switch, **fields)
            return
        settings = self.settings(switch)
        if settings.save_security:
            entry = {"event": event, "switch": switch.lower(), **fields}
            cycle = _cycle(settings.security_cycle)
            self._tell(2, SECURITY, switch, cycle, severity, entry)

    def packet(self, switch: str, entry: dict[str, Any]) -> None:
        """Tell the packet log of a switch."""
        cycle = _cycle(self.settings(switch).packet_cycle)
        self._tell(3, PACKET, switch, cycle, INFORMATION, {"switch": switch.lower(), **entry})

    def administrator(self, name: str, switch: str, address: str, door: str) -> None:
        """Tell that an administrator logged in: once for many calls, by :data:`QUIET`."""
        now, key = self._wall(), (name, switch.lower(), address, door)
        if now - self._seen.get(key, float("-inf")) < QUIET:
            return
        if len(self._seen) >= MOST_ADMINISTRATORS:
            self._seen.clear()
        self._seen[key] = now
        fields = {"actor": name, "address": address, "door": door}
        self._of(switch, "administrator-login", INFORMATION, fields)

    def administrator_refused(self, switch: str, address: str, door: str, reason: str) -> None:
        """Tell that somebody did not prove to be an administrator."""
        fields = {"address": address, "door": door, "reason": reason}
        self.refused(switch, "administrator-refused", fields)

    def refused(self, switch: str, event: str, fields: dict[str, Any]) -> None:
        """
        Tell that somebody was not let in; of very many from one source, some only.

        :param fields: with the `address` that it came from.
        """
        missed = self._throttle.untold(source_of(fields["address"]), self._wall())
        if missed is None:
            return
        if missed:
            fields = {**fields, "refused_untold": missed}
        self._of(switch, event, WARNING, fields)

    def operation(
        self, who: Any, operation: str, switch: str, name: str = "", refused: str = ""
    ) -> None:
        """
        Tell that an administrator changed something, or was refused to.

        :param who: has `name`, `address` and `door`.
        :param name: of what was changed, where it has one.
        """
        fields = {
            "actor": who.name,
            "address": who.address,
            "door": who.door,
            "operation": operation,
            "name": name,
        }
        if refused:
            fields["reason"] = refused
            self._of(switch, "operation-refused", WARNING, fields)
        else:
            self._of(switch, "operation", INFORMATION, fields)

    def _of(self, switch: str, event: str, severity: int, fields: dict[str, Any]) -> None:
        if switch:
            self.security(switch, event, severity, **fields)
        else:
            self.server(event, severity, **fields)

    def _tell(
        self, level: int, log: str, switch: str, cycle: Cycle, severity: int, entry: dict[str, Any]
    ) -> None:
        if self.writer is None:
            return
        moment = self._wall()
        text = encode(moment, entry)
        self.writer.add(Line(folder(log, switch), cycle, moment, text + b"\n"))
        if self._syslog is not None and level <= self._level:
            self._syslog.send(message(moment, self._host, log, severity, text))


def encode(moment: float, entry: dict[str, Any]) -> bytes:
    """Return an event as one line of JSON, without its newline; long texts are cut."""
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    told: dict[str, Any] = {"time": f"{when}.{int(moment * 1000) % 1000:03d}Z"}
    for name, value in entry.items():
        cut = isinstance(value, str) and name != "data"
        told[name] = value[:LONGEST] if cut else value
    text = json.dumps(told, ensure_ascii=False, default=str).translate(_ESCAPED)
    return text.encode("utf-8", "backslashreplace")


def _cycle(number: int) -> Cycle:
    try:
        return Cycle(number)
    except ValueError:
        return Cycle.DAY
