"""
The resource ``/api``: JSON-RPC over HTTP (reference jsonrpc), and what describes it.

Each answer to an authenticated call is ``200 OK``, errors too, and ``204`` where there is no
answer. ``/api/openrpc.json`` describes the operations to programs, ``GET /api`` to people.
"""

from __future__ import annotations

import html
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from iquila.admin.credentials import DOOR, caller_of, claimed
from iquila.admin.jsoncall import JSONCalls, encoded, failure
from iquila.admin.managed import ManagedServer
from iquila.admin.openrpc import document
from iquila.admin.table import OPERATIONS
from iquila.admin.telling import journal_of
from iquila.errors import AccessDenied, VENError
from iquila.interfaces import Purpose

MAX_PROGRAM = 128
WRONG_PASSWORD_SECONDS = 1.0
"""What a wrong password costs its sender."""
_REALM = (
    b"Basic realm=\"Username 'administrator' for the whole server, or the name of a Virtual "
    b'Switch for that switch"'
)


class JSONRPC(Resource):
    """
    The resource for ``/api``.

    :param server: what is administered.
    :param reactor: for the delay of a wrong password.
    """

    isLeaf = True
    _log: ClassVar[Logger] = Logger()

    def __init__(self, server: ManagedServer, reactor: Any) -> None:
        super().__init__()
        self._server = server
        self._reactor = reactor
        self._calls = JSONCalls(server, pause=self._pause)

    def render(self, request: Request) -> int | bytes:
        """Answer any method."""
        request.setHeader(b"cache-control", b"no-cache")
        request.setHeader(b"access-control-allow-methods", b"OPTIONS,GET,POST")
        request.setHeader(
            b"access-control-allow-headers", b"X-VPNADMIN-HUBNAME,X-VPNADMIN-PASSWORD,Authorization"
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
            caller = caller_of(self._server, request)
            journal_of(self._server).administrator(
                caller.name, caller.switch, caller.address, caller.door
            )
        except AccessDenied as error:
            self._tell_refusal(request, error)
            await deferLater(self._reactor, WRONG_PASSWORD_SECONDS)
            request.setResponseCode(401)
            request.setHeader(b"www-authenticate", _REALM)
            request.setHeader(b"content-type", b"text/html; charset=utf-8")
            request.write(b"<html><body><h1>401 Unauthorized</h1></body></html>")
            request.finish()
            return
        except VENError as error:
            self._send(request, failure("0", error))
            return
        _note(request)
        if request.method == b"GET":
            self._describe(request)
            return
        answer = await self._calls.call(caller, request.content.read())
        if answer is None:
            request.setResponseCode(204)
            request.finish()
        else:
            self._send(request, answer)

    async def _pause(self) -> None:
        await deferLater(self._reactor, 0)

    def _tell_refusal(self, request: Any, error: VENError) -> None:
        switch = claimed(request)
        if switch is not None:
            address = str(request.getClientAddress().host)
            journal_of(self._server).administrator_refused(switch, address, DOOR, str(error))

    def _describe(self, request: Any) -> None:
        if request.postpath == [b"openrpc.json"]:
            self._send(request, document())
            return
        request.setHeader(b"content-type", b"text/html; charset=utf-8")
        request.write(_listing())
        request.finish()

    def _send(self, request: Any, answer: Any) -> None:
        request.setHeader(b"content-type", b"application/json")
        body = encoded(answer)
        request.setHeader(b"content-length", str(len(body)).encode())
        request.write(body)
        request.finish()


def _note(request: Any) -> None:
    """Have the connection listed as an administrator's."""
    transport = request.channel.transport
    transport.purpose = Purpose.ADMINISTRATION
    program: bytes = request.requestHeaders.getRawHeaders(b"user-agent", [b""])[0]
    transport.peer_program = program.decode("utf-8", "replace").strip()[:MAX_PROGRAM]


def _listing() -> bytes:
    rows = "".join(
        f"<tr><td><code>{html.escape(o.name)}</code></td><td>{html.escape(o.purpose)}</td>"
        f"<td>{html.escape(o.who.value)}</td></tr>"
        for o in OPERATIONS
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>iquila: operations'
        "</title></head><body><h1>Operations</h1><p>POST JSON-RPC 2.0 here.</p><table><tr>"
        f"<th>Method</th><th>Purpose</th><th>Who</th></tr>{rows}</table></body></html>"
    ).encode()
