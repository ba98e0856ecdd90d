"""All operations of a VEN client."""

from __future__ import annotations

from iquila.admin.client import about, accounts, adapters, connections
from iquila.admin.client.managed import ManagedClient
from iquila.admin.operation import Caller, Table

CLIENT_OPERATIONS: Table[ManagedClient] = Table()
for _module in (about, accounts, connections, adapters):
    CLIENT_OPERATIONS.add(_module.TABLE)


def owner_of_socket(client: ManagedClient, switch: str, password: str) -> Caller:
    """Return the caller on the control socket: who may open it may do everything."""
    return Caller(name="owner", door="json-rpc")
