"""All operations of a VEN client."""

from __future__ import annotations

from iquila.admin.client import about, accounts, adapters, connections
from iquila.admin.client.managed import ManagedClient
from iquila.admin.operation import Table

CLIENT_OPERATIONS: Table[ManagedClient] = Table()
for _module in (about, accounts, connections, adapters):
    CLIENT_OPERATIONS.add(_module.TABLE)
