"""
JSON-RPC 2.0 without HTTP: a body in, the answer out (reference jsonrpc).

Errors are objects with the protocol's own numbers. A request without an id is a notification:
it is done and not answered. Batches are done one after the other. A reply with a list may be
asked for in pages, with `PageOffset_u32` and `PageSize_u32`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic

from attrs import fields
from twisted.logger import Logger

from iquila.admin.fields import WIRE
from iquila.admin.jsonform import from_json, to_json, wire_names
from iquila.admin.operation import Caller, M, Operation, Table
from iquila.admin.table import OPERATIONS
from iquila.errors import (
    Conflict,
    InternalError,
    InvalidParameter,
    IquilaError,
    NotSupported,
    TooManyItems,
    VENError,
)

MAX_BATCH = 100
MAX_ROWS = 65_536
"""Items in the lists of all answers to a batch; what comes after is refused."""
MAX_PAGE = 10_000
PAGE_OFFSET, PAGE_SIZE, PAGE_TOTAL = "PageOffset_u32", "PageSize_u32", "PageTotal_u32"


async def _at_once() -> None:
    """Give nobody else a turn."""


class JSONCalls(Generic[M]):
    """
    A table of operations for whoever sends JSON.

    :param managed: what is administered.
    :param operations: a server's, where nothing else is said.
    :param pause: called between the requests of a batch, so that others have their turn.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        managed: M,
        operations: Table[M] = OPERATIONS,  # type: ignore[assignment]
        pause: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self._pause = pause
        self._managed = managed
        self._operations = operations

    async def call(self, caller: Caller, body: bytes) -> Any:
        """Return the answer to a request or to a batch of them; None for no answer."""
        try:
            question = json.loads(body)
        except (ValueError, RecursionError):
            return failure("0", InvalidParameter("Parameter is invalid: JSON-RPC Parse Error"))
        if not isinstance(question, list):
            return await self._one(caller, question)
        if not 1 <= len(question) <= MAX_BATCH:
            return failure("0", InvalidParameter(f"A batch has 1 to {MAX_BATCH} requests."))
        return await self._batch(caller, question) or None

    async def _batch(self, caller: Caller, questions: list[Any]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        rows = 0
        for question in questions:
            if rows > MAX_ROWS:
                error = TooManyItems("The answers to this batch are too long: ask for less.")
                answers.append(failure("0", error))
                break
            answer = await self._one(caller, question)
            if answer is not None:
                answers.append(answer)
                rows += _rows(answer)
            await self._pause()
        return answers

    async def _one(self, caller: Caller, question: Any) -> dict[str, Any] | None:
        if not isinstance(question, dict):
            return failure("0", InvalidParameter("A JSON-RPC request is an object."))
        id = question.get("id")
        if not _is_id(id):
            return failure("0", InvalidParameter("The id of a request is a string or a number."))
        if question.get("jsonrpc") != "2.0":
            return failure(question.get("id", "0"), InvalidParameter("JSON-RPC version is invalid"))
        try:
            answer = await self._answer(caller, question, id)
        except RecursionError:
            answer = failure(id, InvalidParameter("The request is nested too deeply."))
        return answer if "id" in question else None

    async def _answer(self, caller: Caller, question: dict[str, Any], id: Any) -> dict[str, Any]:
        try:
            result = await self._run(caller, question)
        except Conflict:
            return failure(id, InvalidParameter("Somebody else changed this: try again."))
        except VENError as error:
            return failure(id, error)
        except IquilaError as error:
            return failure(id, InternalError(str(error)))
        except Exception:
            self._log.failure("{method} failed", method=str(question.get("method"))[:64])
            return failure(id, InternalError())
        return {"result": result, "jsonrpc": "2.0", "id": id}

    async def _run(self, caller: Caller, question: dict[str, Any]) -> dict[str, Any]:
        parameters = question.get("params")
        if not isinstance(parameters, dict):
            raise InvalidParameter("JSON-RPC parameter is empty")
        operation = self._operations.get(str(question.get("method")))
        if operation is None:
            raise NotSupported
        page = _page(operation, parameters)
        if operation.served:
            _check_names(operation, parameters)
        request = from_json(operation.request, parameters)
        return _cut(to_json(await operation.run(self._managed, caller, request)), page)


def encoded(answer: Any) -> bytes:
    """Return an answer as it is sent."""
    # A refusal may repeat a name that is no text in Unicode: escaped, it is JSON still.
    text = json.dumps(answer, indent=4, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace")


def _is_id(id: Any) -> bool:
    if isinstance(id, float):
        return math.isfinite(id)
    return isinstance(id, str | int | None) and not isinstance(id, bool)


def _rows(answer: dict[str, Any]) -> int:
    values = answer.get("result", {}).values()
    return sum(len(value) for value in values if isinstance(value, list))


def failure(id: Any, error: VENError) -> dict[str, Any]:
    """Return the answer that carries an error."""
    message = f"Error code {error.code}: {error}"
    return {"error": {"code": error.code, "message": message}, "jsonrpc": "2.0", "id": id}


def _check_names(operation: Operation[M], parameters: dict[str, Any]) -> None:
    """
    Refuse what neither the request nor the reply has: clients send replies back, changed.

    :raises InvalidParameter: a name is unknown.
    """
    known = wire_names(operation.request) | wire_names(operation.reply)
    for name in parameters:
        if name not in known and name not in (PAGE_OFFSET, PAGE_SIZE):
            raise InvalidParameter(
                f"{operation.name} has no parameter '{name[:64]}': check its name and its suffix."
            )


def _page(operation: Operation[M], parameters: dict[str, Any]) -> tuple[int, int] | None:
    """Return the first item and the number of items that are asked for; None for all."""
    if PAGE_OFFSET not in parameters and PAGE_SIZE not in parameters:
        return None
    if not any(a.metadata[WIRE].kind == "list" for a in fields(operation.reply) if a.metadata):
        raise InvalidParameter(f"The reply of {operation.name} has no list, so it has no pages.")
    offset, size = parameters.get(PAGE_OFFSET, 0), parameters.get(PAGE_SIZE, MAX_PAGE)
    for name, value, low in ((PAGE_OFFSET, offset, 0), (PAGE_SIZE, size, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise InvalidParameter(f"{name} is a number from {low} on.")
    return offset, min(size, MAX_PAGE)


def _cut(reply: dict[str, Any], page: tuple[int, int] | None) -> dict[str, Any]:
    """Return a reply with a part of its first list, and how long the whole is."""
    if page is None:
        return reply
    offset, size = page
    name = next(n for n, value in reply.items() if isinstance(value, list))
    whole = reply[name]
    return reply | {name: whole[offset : offset + size], PAGE_TOTAL: len(whole)}
