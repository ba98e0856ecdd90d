"""What administration tells the logs of a server."""

from __future__ import annotations

from typing import Any

from iquila.journal.journal import Journal

_SILENT = Journal()


def journal_of(server: Any) -> Journal:
    """Return where the events of a server are told; one that has no logs is told nothing."""
    found = getattr(server, "journal", _SILENT)
    return found if isinstance(found, Journal) else _SILENT
