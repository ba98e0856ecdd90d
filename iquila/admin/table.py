"""All operations, and all their parts."""

from __future__ import annotations

from iquila.admin import (
    access,
    addresses,
    audit,
    authorities,
    capabilities,
    certificates,
    ciphers,
    cluster,
    configuration,
    connections,
    documents,
    facts,
    foreign,
    groups,
    iptable,
    listeners,
    logs,
    message,
    options,
    radius,
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
    facts,
    server,
    listeners,
    certificates,
    ciphers,
    connections,
    configuration,
    documents,
    cluster,
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
    radius,
    unbuilt,
    tokens,
    foreign,
    audit,
    logs,
):
    OPERATIONS.add(_module.TABLE)
OPERATIONS.add(capabilities.table(OPERATIONS))

PARTS = Parts()
for _parts in (switches.PARTS, sessions.PARTS, logs.PARTS):
    PARTS.add(_parts)
