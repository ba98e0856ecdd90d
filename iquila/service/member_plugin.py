"""What ``twistd iquila-member`` runs: a cluster member."""

from __future__ import annotations

from typing import Any

from twisted.application.service import MultiService
from twisted.python import usage

from iquila.database.records import ServerMode
from iquila.service.assembly import assemble, told
from iquila.service.options import MemberOptions as Options
from iquila.service.options import read_password
from iquila.wire.passwords import administration_hash

__all__ = ["Options", "makeService"]


@told
def makeService(options: Options) -> MultiService:
    """Return the service."""
    from twisted.internet import reactor

    for name in ("controller", "password-file"):
        if options[name] is None:
            raise usage.UsageError(f"--{name} is missing: a member has to know its controller.")
    host, port = options["controller"]
    settings: dict[str, Any] = {
        "mode": ServerMode.MEMBER,
        "controller_host": host,
        "controller_port": port,
        "member_password_hash": administration_hash(read_password(options["password-file"])),
        "public_address": options["public-address"] or "",
        "public_ports": options["public-ports"] or (),
    }
    if options["weight"] is not None:
        settings["weight"] = options["weight"]
    return assemble(options, reactor, settings)
