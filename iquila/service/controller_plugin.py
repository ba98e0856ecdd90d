"""What ``twistd iquila-controller`` runs: a cluster controller."""

from __future__ import annotations

from typing import Any

from twisted.application.service import MultiService

from iquila.database.records import ServerMode
from iquila.service.assembly import assemble, told
from iquila.service.options import ControllerOptions as Options

__all__ = ["Options", "makeService"]


@told
def makeService(options: Options) -> MultiService:
    """Return the service."""
    from twisted.internet import reactor

    settings: dict[str, Any] = {
        "mode": ServerMode.CONTROLLER,
        "controller_only": bool(options["only"]),
    }
    if options["weight"] is not None:
        settings["weight"] = options["weight"]
    return assemble(options, reactor, settings)
