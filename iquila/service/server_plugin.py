"""What ``twistd iquila-server`` runs: a server in whatever mode its database says."""

from __future__ import annotations

from twisted.application.service import MultiService

from iquila.service.assembly import assemble, told
from iquila.service.options import ServerOptions as Options

__all__ = ["Options", "makeService"]


@told
def makeService(options: Options) -> MultiService:
    """Return the service."""
    from twisted.internet import reactor

    return assemble(options, reactor, {})
