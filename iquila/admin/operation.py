"""What an operation is: name, request, reply, who may call it, which modes refuse it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Generic

from attrs import frozen
from typing_extensions import TypeVar

from iquila.admin.managed import Administered, ManagedServer
from iquila.admin.telling import journal_of
from iquila.database.actor import Actor, acting
from iquila.database.administratoroptions import ADMINISTRATOR
from iquila.database.options import administrator_option
from iquila.database.records import ServerMode
from iquila.errors import NotEnoughRights, NotSupported, VENError

M = TypeVar("M", bound=Administered, default=ManagedServer)
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
OptionName = str | Callable[[Any], str]
"""An administrator option, or what tells from a request which one it is."""


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
    denied_by: OptionName = ""
    """The administrator option of the switch that takes this from the switch's administrator."""
    allowed_by: str = ""
    """The administrator option without which the switch's administrator may not do this."""
    served: bool = True
    """False where all that is answered is a refusal; parameters may be any then."""

    async def run(self, server: M, caller: Caller, request: Any) -> Any:
        """
        Check the caller and the mode, then do it.

        :raises VENError: why not.
        """
        if self.effect is Effect.READ:
            return await self._run(server, caller, request)
        switch = str(getattr(request, "hub_name", "")) if self.who is Who.SWITCH else ""
        tell = partial(
            journal_of(server).operation,
            caller,
            self.name,
            switch,
            str(getattr(request, "name", "") or getattr(request, "hub_name", "")),
        )
        try:
            answer = await self._run(server, caller, request)
        except VENError as error:
            tell(refused=str(error))
            raise
        tell()
        return answer

    async def _run(self, server: M, caller: Caller, request: Any) -> Any:
        if not self.allows(server, caller, request):
            raise NotEnoughRights
        refusal = self.refused.get(server.settings.mode)
        if refusal is not None:
            raise self._refusal(server.settings.mode, refusal)
        with acting(Actor(caller.name, caller.address, caller.door, self.name)):
            return await self.handler(server, caller, request)

    def _refusal(self, mode: ServerMode, kind: type[VENError]) -> VENError:
        """Return what refuses this in a mode; a member says where it is served."""
        elsewhere = self.served and ServerMode.CONTROLLER not in self.refused
        if kind is NotSupported and mode is ServerMode.MEMBER and elsewhere:
            return NotSupported("A cluster member does not serve this: connect to the controller.")
        return kind()

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
        denied = self.denied_by(request) if callable(self.denied_by) else self.denied_by
        if denied and administrator_option(server.system, request.hub_name, denied):
            return False
        return not self.allowed_by or bool(
            administrator_option(server.system, request.hub_name, self.allowed_by)
        )


def withheld(server: ManagedServer, caller: Caller, switch: str, option: str) -> bool:
    """Return whether a switch's administrator calls, and an option takes something from them."""
    return bool(caller.switch) and bool(administrator_option(server.system, switch, option))


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
        denied_by: OptionName = "",
        allowed_by: str = "",
        served: bool = True,
    ) -> Callable[[Handler[M]], Handler[M]]:
        """
        Define the operation that the decorated function does; its docstring is its purpose.

        :param effect: None to tell it from the name: ``Enum…`` and ``Get…`` read.
        """
        if effect is None:
            reads = name.startswith(("Enum", "Get"))
            effect = Effect.READ if reads else Effect.CHANGE
        for option in (denied_by, allowed_by):
            if isinstance(option, str) and option and option not in ADMINISTRATOR:
                raise ValueError(f"there is no administrator option {option}")

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
                allowed_by,
                served,
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
        denied_by: str = "",
    ) -> None:
        """Define an operation that this server does not do: it answers error 33 and says why."""

        async def refuse(server: M, caller: Caller, request: Any) -> Any:
            raise NotSupported(why)

        refuse.__doc__ = purpose
        asked = request or Nothing
        self.operation(name, asked, Nothing, who, refused, denied_by=denied_by, served=False)(
            refuse
        )


@frozen
class Nothing:
    """A request or a reply without fields."""
