"""What the program itself logs, from information on, into the server log."""

from __future__ import annotations

from typing import Any

from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from iquila.journal.journal import ERROR, INFORMATION, WARNING, Journal

NAMESPACE = "iquila"
_SEVERITIES = {
    LogLevel.info: INFORMATION,
    LogLevel.warn: WARNING,
    LogLevel.error: ERROR,
    LogLevel.critical: 2,
}


@implementer(ILogObserver)
class ServerLogObserver:
    """Hands the events of this program on."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __call__(self, event: Any) -> None:
        """Take an event, if it is ours and worth keeping."""
        severity = _SEVERITIES.get(event.get("log_level"))
        namespace = str(event.get("log_namespace", ""))
        if severity is None or namespace.split(".")[0] != NAMESPACE:
            return
        fields = {"level": event["log_level"].name, "from": namespace, "text": formatEvent(event)}
        failure = event.get("log_failure")
        if failure is not None:
            fields["reason"] = failure.getErrorMessage()
        self._journal.server("log", severity, **fields)

    def start(self) -> None:
        """Begin."""
        globalLogPublisher.addObserver(self)

    def stop(self) -> None:
        """End."""
        globalLogPublisher.removeObserver(self)
