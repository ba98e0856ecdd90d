"""
The parts of operations that each server does for itself, and how a controller gathers them.

A member that does not answer in time is left out, and named in the log: one slow server
must not hide what the others have.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from iquila.admin.jsonform import from_json, to_json
from iquila.admin.managed import ManagedServer, ServerRow
from iquila.errors import NotSupported, VENError

_log = Logger()


@frozen
class Part:
    """What one server does of an operation; `do` may return an awaitable."""

    name: str
    request: type[Any]
    reply: type[Any]
    do: Callable[[ManagedServer, Any], Any]

    async def at(self, server: ManagedServer, row: ServerRow, request: Any) -> Any:
        """
        Do it at one server of the cluster.

        :raises VENError: that server's refusal, or it did not answer.
        """
        if row.own:
            return await self.here(server, request)
        sent = json.dumps(to_json(request)).encode()
        answer = await server.operate_at(row.description.id, self.name, sent)
        return from_json(self.reply, json.loads(answer))

    async def here(self, server: ManagedServer, request: Any) -> Any:
        """Do it at this server."""
        reply = self.do(server, request)
        return await reply if isawaitable(reply) else reply

    async def everywhere(
        self, server: ManagedServer, request: Any, switch: str = ""
    ) -> list[tuple[ServerRow, Any]]:
        """
        Do it at every server at the same time.

        :param switch: only where this switch has an instance.
        """
        rows = [row for row in server.servers() if not switch or _has(row, switch)]
        waiting = [Deferred.fromCoroutine(self.at(server, row, request)) for row in rows]
        results = await DeferredList(waiting, consumeErrors=True)
        answers = []
        for row, (good, answer) in zip(rows, results, strict=True):
            if good:
                answers.append((row, answer))
            elif answer.check(VENError):
                _log.warn(
                    "{name} at {host}: {error}",
                    name=self.name,
                    host=row.description.host_name,
                    error=answer.getErrorMessage(),
                )
            else:
                answer.raiseException()
        return answers


def _has(row: ServerRow, switch: str) -> bool:
    # A server's own report may be older than its newest instance: always ask ourselves.
    wanted = switch.lower()
    return row.own or any(load.switch.lower() == wanted for load in row.report.instances)


class Parts:
    """Parts by name."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}

    def add(self, other: Parts) -> None:
        """Take others in."""
        self._parts.update(other._parts)

    def part(
        self, name: str, request: type[Any], reply: type[Any]
    ) -> Callable[[Callable[[ManagedServer, Any], Any]], Part]:
        """Define the part that the decorated function does."""

        def define(do: Callable[[ManagedServer, Any], Any]) -> Part:
            self._parts[name] = Part(name, request, reply, do)
            return self._parts[name]

        return define

    async def run(self, server: ManagedServer, name: str, request: bytes) -> bytes:
        """
        Do a part that the controller asks for; request and reply are JSON.

        :raises VENError: it is not known, or refused.
        """
        part = self._parts.get(name)
        if part is None:
            raise NotSupported
        reply = await part.here(server, from_json(part.request, json.loads(request)))
        return json.dumps(to_json(reply)).encode()
