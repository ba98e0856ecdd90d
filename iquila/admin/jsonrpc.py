"""
JSON-RPC 2.0 on ``/api``: the operations table for programs (reference jsonrpc).

Each answer to an authenticated call is ``200 OK``; errors are objects in it, with the
protocol's own numbers.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
from collections.abc import Callable
from typing import Any, ClassVar, Generic

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from iquila.admin.authority import authenticate
from iquila.admin.jsonform import from_json, to_json
from iquila.admin.operation import Caller, M, Table
from iquila.admin.table import OPERATIONS
from iquila.errors import (
    AccessDenied,
    Conflict,
    InternalError,
    InvalidParameter,
    IquilaError,
    NotSupported,
    VENError,
)

MAX_BATCH = 100
WRONG_PASSWORD_SECONDS = 1.0
"""What a wrong password costs its sender."""
_REALM = (
    b"Basic realm=\"Username 'administrator' for the whole server, or the name of a Virtual "
    b'Switch for that switch"'
)


class JSONRPC(Resource, Generic[M]):
    """
    The resource for ``/api``.

    :param server: what is administered.
    :param reactor: for the delay of a wrong password.
    :param operations: what it answers to.
    :param authenticate: returns the caller for a switch and a password.
    """

    isLeaf = True
    _log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        server: M,
        reactor: Any,
        operations: Table[M] = OPERATIONS,  # type: ignore[assignment]
        authenticate: Callable[[M, str, str], Caller] = authenticate,  # type: ignore[assignment]
    ) -> None:
        super().__init__()
        self._server = server
        self._reactor = reactor
        self._operations = operations
        self._authenticate = authenticate

    def render(self, request: Request) -> int | bytes:
        """Answer any method."""
        request.setHeader(b"cache-control", b"no-cache")
        request.setHeader(b"access-control-allow-methods", b"OPTIONS,GET,POST")
        request.setHeader(
            b"access-control-allow-headers", b"X-VPNADMIN-HUBNAME,X-VPNADMIN-PASSWORD"
        )
        request.setHeader(b"access-control-allow-credentials", b"true")
        if request.method == b"OPTIONS":
            request.setHeader(b"allow", b"OPTIONS, GET, POST")
            return b""
        if request.method not in (b"GET", b"POST"):
            request.setResponseCode(405)
            request.setHeader(b"allow", b"OPTIONS, GET, POST")
            return b"Method not allowed"
        done = Deferred.fromCoroutine(self._answer(request))
        finished = request.notifyFinish()
        finished.addErrback(lambda _f: done.cancel())
        done.addErrback(self._failed, request)
        return NOT_DONE_YET

    def _failed(self, failure: Any, request: Any) -> None:
        if request._disconnected:
            return
        self._log.failure("An administrative request failed", failure)
        request.setResponseCode(500)
        request.finish()

    async def _answer(self, request: Any) -> None:
        try:
            caller = self._authenticate(self._server, *credentials(request))
        except AccessDenied:
            await deferLater(self._reactor, WRONG_PASSWORD_SECONDS)
            request.setResponseCode(401)
            request.setHeader(b"www-authenticate", _REALM)
            request.setHeader(b"content-type", b"text/html; charset=utf-8")
            request.write(b"<html><body><h1>401 Unauthorized</h1></body></html>")
            request.finish()
            return
        except VENError as error:
            self._send(request, _failure("0", error))
            return
        if request.method == b"GET":
            request.setHeader(b"content-type", b"text/html; charset=utf-8")
            request.write(_listing(self._operations))
            request.finish()
            return
        answer = await self.call(caller, request.content.read())
        if answer is None:
            request.setResponseCode(204)
            request.finish()
        else:
            self._send(request, answer)

    def _send(self, request: Any, answer: Any) -> None:
        request.setHeader(b"content-type", b"application/json")
        body = json.dumps(answer, indent=4, ensure_ascii=False).encode()
        request.setHeader(b"content-length", str(len(body)).encode())
        request.write(body)
        request.finish()

    async def call(self, caller: Caller, body: bytes) -> Any:
        """Return the answer to a request or to a batch of them; None for no answer."""
        try:
            question = json.loads(body)
        except (ValueError, RecursionError):
            error = InvalidParameter("Parameter is invalid: JSON-RPC Parse Error")
            return _failure("0", error)
        if not isinstance(question, list):
            return await self._one(caller, question)
        if not 1 <= len(question) <= MAX_BATCH:
            return _failure("0", InvalidParameter(f"A batch has 1 to {MAX_BATCH} requests."))
        return [await self._one(caller, one) for one in question]

    async def _one(self, caller: Caller, question: Any) -> dict[str, Any]:
        if not isinstance(question, dict):
            return _failure("0", InvalidParameter("A JSON-RPC request is an object."))
        found = question.get("id")
        id = found if isinstance(found, str) else "0"
        try:
            result = await self._run(caller, question)
        except VENError as error:
            return _failure(id, error)
        except Conflict:
            return _failure(id, InvalidParameter("Somebody else changed this: try again."))
        except IquilaError as error:
            return _failure(id, InternalError(str(error)))
        except Exception:
            self._log.failure("{method} failed", method=str(question.get("method"))[:64])
            return _failure(id, InternalError())
        return {"result": result, "jsonrpc": "2.0", "id": id}

    async def _run(self, caller: Caller, question: dict[str, Any]) -> dict[str, Any]:
        if question.get("jsonrpc") != "2.0":
            raise InvalidParameter("JSON-RPC version is invalid")
        parameters = question.get("params")
        if not isinstance(parameters, dict):
            raise InvalidParameter("JSON-RPC parameter is empty")
        operation = self._operations.get(str(question.get("method")))
        if operation is None:
            raise NotSupported
        request = from_json(operation.request, parameters)
        return to_json(await operation.run(self._server, caller, request))


def credentials(request: Request) -> tuple[str, str]:
    """Return the switch (or the empty string) and the password of an HTTP request."""
    headers = request.requestHeaders
    password = headers.getRawHeaders(b"x-vpnadmin-password")
    if password:
        switch = headers.getRawHeaders(b"x-vpnadmin-hubname", [b""])[0]
        return _decoded(switch), _decoded(password[0])
    basic = headers.getRawHeaders(b"authorization", [b""])[0]
    scheme, _, encoded = basic.partition(b" ")
    if scheme.lower() != b"basic":
        return "", ""
    try:
        user, _, secret = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except binascii.Error:
        return "", ""
    return _decoded(user), _decoded(secret)


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()


def _failure(id: str, error: VENError) -> dict[str, Any]:
    message = f"Error code {error.code}: {error}"
    return {"error": {"code": error.code, "message": message}, "jsonrpc": "2.0", "id": id}


def _listing(operations: Table[M]) -> bytes:
    rows = "".join(
        f"<tr><td><code>{html.escape(o.name)}</code></td><td>{html.escape(o.purpose)}</td>"
        f"<td>{html.escape(o.who.value)}</td></tr>"
        for o in operations
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>iquila: operations'
        "</title></head><body><h1>Operations</h1><p>POST JSON-RPC 2.0 here.</p><table><tr>"
        f"<th>Method</th><th>Purpose</th><th>Who</th></tr>{rows}</table></body></html>"
    ).encode()
