"""Calls to a VEN client on this machine: HTTP over its control socket."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path

from iquila.command.connection import Connection, ConnectionProblem

DEFAULT = Path("/var/lib/iquila-client/control")


def socket_path(given: str) -> Path:
    """Return where the socket is: as given, ``$IQUILA_CLIENT_SOCKET``, or the usual place."""
    return Path(given or os.environ.get("IQUILA_CLIENT_SOCKET") or DEFAULT).expanduser()


class _SocketHTTP(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """
        Connect.

        :raises ConnectionProblem: there is no client at the socket, or it is somebody else's.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError as error:
            self.close()
            raise ConnectionProblem(
                f"There is no client to ask at {self._path} ({error.strerror or error}): start "
                "'twistd iquila-client --directory DIR' and give --socket DIR/control, as the "
                "user who runs it."
            ) from error


class SocketConnection(Connection):
    """A client to ask; whoever may open its socket may do everything."""

    def __init__(self, path: Path, *, timeout: float) -> None:
        super().__init__("localhost", 1, "", None, timeout=timeout)
        self.name = str(path)
        self._http = _SocketHTTP(path, timeout)
