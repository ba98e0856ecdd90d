"""A server that answers the command from a table, and a way to run the command against it."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from typing import Any
from unittest import mock

from iquila.command.commandline import Options
from iquila.command.main import main


class Server:
    """Answers calls, and keeps them."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.options: Options | None = None
        self.password = ""

    def connect(self, options: Options, password: str) -> Server:
        """Stand in for the connection."""
        self.options, self.password = options, password
        return self

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Answer a call."""
        self.calls.append((method, parameters))
        answer = self.answers.get(method, {})
        if isinstance(answer, Exception):
            raise answer
        result: dict[str, Any] = answer
        return result


def run(server: Server, line: str, typed: str = "") -> tuple[int, str, str]:
    """Run a command line with `typed` in standard input; return status, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    environment = {"IQUILA_PASSWORD": "secret", "TZ": "UTC"}
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch("sys.stdin", io.StringIO(typed)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = main(shlex.split(line), server.connect)
    return status, out.getvalue(), err.getvalue()
