"""Operations on the configuration of a server as a file, and on what makes it durable."""

from __future__ import annotations

import json

from attrs import asdict, frozen

import iquila
from iquila.admin.facts import Test
from iquila.admin.fields import data, text
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Nothing, Table
from iquila.database.records import RECORD_TYPES

TABLE = Table()


@frozen
class ConfigFile:
    """The configuration as a file."""

    name: str = text("FileName")
    content: bytes = data("FileData")


@TABLE.operation("GetConfig", Nothing, ConfigFile, effect=Effect.SECRET)
async def get_config(server: ManagedServer, caller: Caller, request: Nothing) -> ConfigFile:
    """Return the whole configuration as JSON: settings, listeners, switches, users."""
    records: dict[str, list[object]] = {
        kind: [_plain(asdict(r)) for r in server.system.all(cls)]
        for kind, cls in RECORD_TYPES.items()
    }
    records["server"] = [_plain(asdict(server.settings))]
    records["listener"] = [{"port": row.port, "enabled": row.enabled} for row in server.listeners()]
    content = {"version": iquila.__version__, "records": records}
    return ConfigFile("iquila.json", json.dumps(content, indent=2, default=str).encode())


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value.hex() if isinstance(value, bytes) else value


TABLE.unserved(
    "SetConfig",
    "Replace the whole configuration by a file.",
    "The configuration is not replaced as a whole while the server runs: `iquila plan FILE` shows "
    "what a file would change, and `iquila apply FILE` makes the change in one transaction.",
    request=ConfigFile,
)


@TABLE.operation("Flush", Nothing, Test, effect=Effect.READ)
async def flush(server: ManagedServer, caller: Caller, request: Nothing) -> Test:
    """Do nothing: every change is durable before it is acknowledged."""
    return Test()
