"""JSON-RPC 2.0 on the control socket of a VEN client: whoever may open it may do everything."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from iquila.admin.client.managed import ManagedClient
from iquila.admin.client.table import CLIENT_OPERATIONS
from iquila.admin.jsoncall import JSONCalls, encoded
from iquila.admin.operation import Caller

OWNER = Caller(name="owner", door="json-rpc")


class ControlResource(Resource):
    """The resource for ``/api``, as a server has it."""

    isLeaf = True
    _log: ClassVar[Logger] = Logger()

    def __init__(self, client: ManagedClient) -> None:
        super().__init__()
        self._calls = JSONCalls(client, CLIENT_OPERATIONS)

    def render_POST(self, request: Request) -> int:
        """Answer."""
        done = Deferred.fromCoroutine(self._answer(request))
        finished = request.notifyFinish()
        finished.addErrback(lambda _f: done.cancel())
        done.addErrback(self._failed, request)
        return NOT_DONE_YET

    async def _answer(self, request: Any) -> None:
        answer = await self._calls.call(OWNER, request.content.read())
        if answer is None:
            request.setResponseCode(204)
        else:
            request.setHeader(b"content-type", b"application/json")
            request.write(encoded(answer))
        request.finish()

    def _failed(self, failure: Any, request: Any) -> None:
        if request._disconnected:
            return
        self._log.failure("An administrative request failed", failure)
        request.setResponseCode(500)
        request.finish()
