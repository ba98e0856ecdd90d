"""All operations, and all their parts."""

from __future__ import annotations

from iquila.admin import (
    access,
    addresses,
    authorities,
    cluster,
    configuration,
    groups,
    iptable,
    message,
    options,
    server,
    sessions,
    switches,
    tokens,
    unbuilt,
    users,
)
from iquila.admin.operation import Table
from iquila.admin.parts import Parts

OPERATIONS = Table()
for _module in (
    server,
    cluster,
    configuration,
    switches,
    users,
    groups,
    authorities,
    sessions,
    iptable,
    access,
    addresses,
    options,
    message,
    unbuilt,
    tokens,
):
    OPERATIONS.add(_module.TABLE)

PARTS = Parts()
for _parts in (switches.PARTS, sessions.PARTS):
    PARTS.add(_parts)
