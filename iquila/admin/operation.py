"""What an operation is: name, request, reply, who may call it, which modes refuse it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Generic

from attrs import frozen
from typing_extensions import TypeVar

from iquila.admin.managed import Managed, ManagedServer
from iquila.database.actor import Actor, acting
from iquila.database.belongings import SwitchOptions
from iquila.database.records import ServerMode
from iquila.errors import NotEnoughRights, NotSupported, VENError

M = TypeVar("M", bound=Managed, default=ManagedServer)
"""What is administered: a server, where nothing else is said."""


@frozen
class Caller:
    """
    Who calls: the server's administrator, the one of a Virtual Switch (its name), or an auditor.

    :ivar name: how the audit names the caller.
    :ivar address: where the call came from, as text.
    :ivar door: through which encoding it came.
    """

    switch: str = ""
    auditor: bool = False
    name: str = "administrator"
    address: str = ""
    door: str = ""

    @property
    def is_server_administrator(self) -> bool:
        """Whether nothing is out of reach."""
        return not self.switch and not self.auditor

    def may_see(self, switch: str) -> bool:
        """Return whether a switch is this caller's business."""
        return not self.switch or self.switch.lower() == switch.lower()


class Who(Enum):
    """Who may call an operation."""

    SERVER = "server administrator"
    SWITCH = "administrator of the Virtual Switch in the request"
    ANY = "any administrator"


class Effect(Enum):
    """What an operation does to the system; an auditor may call those that read."""

    READ = "reads"
    CHANGE = "changes"
    SECRET = "reads secrets"
    """Keys, or hashes that could be tried offline: no auditor needs them."""


Handler = Callable[[M, Caller, Any], Awaitable[Any]]


@frozen
class Operation(Generic[M]):
    """One administrative verb."""

    name: str
    purpose: str
    request: type[Any]
    reply: type[Any]
    who: Who
    refused: Mapping[ServerMode, type[VENError]]
    handler: Handler[M]
    effect: Effect = Effect.CHANGE
    denied_by: str = ""
    """The administrator option of the switch that takes this from the switch's administrator."""

    async def run(self, server: M, caller: Caller, request: Any) -> Any:
        """
        Check the caller and the mode, then do it.

        :raises VENError: why not.
        """
        if not self.allows(server, caller, request):
            raise NotEnoughRights
        refusal = self.refused.get(server.settings.mode)
        if refusal is not None:
            raise refusal
        with acting(Actor(caller.name, caller.address, caller.door, self.name)):
            return await self.handler(server, caller, request)

    def allows(self, server: M, caller: Caller, request: Any) -> bool:
        """Return whether this caller may have this done to what the request names."""
        if caller.is_server_administrator:
            return True
        if caller.auditor:
            return self.effect is Effect.READ
        if self.who is not Who.SWITCH:
            return self.who is Who.ANY
        if not request.hub_name or not caller.may_see(request.hub_name):
            return False
        if not self.denied_by:
            return True
        options = server.system.get(SwitchOptions, request.hub_name)
        return options is None or not options.administrator.get(self.denied_by)


class Table(Generic[M]):
    """Operations by name, in the order of their definition."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation[M]] = {}

    def __iter__(self) -> Any:
        return iter(self._operations.values())

    def get(self, name: str) -> Operation[M] | None:
        """Return an operation by its exact name."""
        return self._operations.get(name)

    def add(self, other: Table[M]) -> None:
        """Take another table's operations in."""
        self._operations.update(other._operations)

    def operation(
        self,
        name: str,
        request: type[Any],
        reply: type[Any],
        who: Who = Who.SERVER,
        refused: Mapping[ServerMode, type[VENError]] | None = None,
        effect: Effect | None = None,
        denied_by: str = "",
    ) -> Callable[[Handler[M]], Handler[M]]:
        """
        Define the operation that the decorated function does; its docstring is its purpose.

        :param effect: None to tell it from the name: ``Enum…`` and ``Get…`` read.
        """
        if effect is None:
            reads = name.startswith(("Enum", "Get"))
            effect = Effect.READ if reads else Effect.CHANGE

        def define(handler: Handler[M]) -> Handler[M]:
            if name in self._operations:
                raise ValueError(f"there is an operation {name} already")
            self._operations[name] = Operation(
                name,
                (handler.__doc__ or "").strip(),
                request,
                reply,
                who,
                refused or {},
                handler,
                effect,
                denied_by,
            )
            return handler

        return define

    def unserved(
        self,
        name: str,
        purpose: str,
        why: str,
        request: type[Any] | None = None,
        who: Who = Who.SERVER,
        refused: Mapping[ServerMode, type[VENError]] | None = None,
    ) -> None:
        """Define an operation that this server does not do: it answers error 33 and says why."""

        async def refuse(server: M, caller: Caller, request: Any) -> Any:
            raise NotSupported(why)

        refuse.__doc__ = purpose
        self.operation(name, request or Nothing, Nothing, who, refused)(refuse)


@frozen
class Nothing:
    """A request or a reply without fields."""
