"""What an operation is: name, request, reply, who may call it, which modes refuse it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any

from attrs import frozen

from iquila.admin.managed import ManagedServer
from iquila.database.records import ServerMode
from iquila.errors import NotEnoughRights, VENError


@frozen
class Caller:
    """Who calls: the server's administrator, or the one of a Virtual Switch (its name)."""

    switch: str = ""

    @property
    def is_server_administrator(self) -> bool:
        """Whether nothing is out of reach."""
        return not self.switch

    def may_see(self, switch: str) -> bool:
        """Return whether a switch is this caller's business."""
        return not self.switch or self.switch.lower() == switch.lower()


class Who(Enum):
    """Who may call an operation."""

    SERVER = "server administrator"
    SWITCH = "administrator of the Virtual Switch in the request"
    ANY = "any administrator"


Handler = Callable[[ManagedServer, Caller, Any], Awaitable[Any]]


@frozen
class Operation:
    """One administrative verb."""

    name: str
    purpose: str
    request: type[Any]
    reply: type[Any]
    who: Who
    refused: Mapping[ServerMode, type[VENError]]
    handler: Handler

    async def run(self, server: ManagedServer, caller: Caller, request: Any) -> Any:
        """
        Check the caller and the mode, then do it.

        :raises VENError: why not.
        """
        if not caller.is_server_administrator and not self._allows(caller, request):
            raise NotEnoughRights
        refusal = self.refused.get(server.settings.mode)
        if refusal is not None:
            raise refusal
        return await self.handler(server, caller, request)

    def _allows(self, caller: Caller, request: Any) -> bool:
        if self.who is Who.SWITCH:
            return caller.may_see(request.hub_name) and bool(request.hub_name)
        return self.who is Who.ANY


class Table:
    """Operations by name, in the order of their definition."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}

    def __iter__(self) -> Any:
        return iter(self._operations.values())

    def get(self, name: str) -> Operation | None:
        """Return an operation by its exact name."""
        return self._operations.get(name)

    def add(self, other: Table) -> None:
        """Take another table's operations in."""
        self._operations.update(other._operations)

    def operation(
        self,
        name: str,
        request: type[Any],
        reply: type[Any],
        who: Who = Who.SERVER,
        refused: Mapping[ServerMode, type[VENError]] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Define the operation that the decorated function does; its docstring is its purpose."""

        def define(handler: Handler) -> Handler:
            if name in self._operations:
                raise ValueError(f"there is an operation {name} already")
            self._operations[name] = Operation(
                name, (handler.__doc__ or "").strip(), request, reply, who, refused or {}, handler
            )
            return handler

        return define


@frozen
class Nothing:
    """A request or a reply without fields."""
