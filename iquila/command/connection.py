"""
Calls to a server's JSON-RPC over HTTPS, and the certificates that were seen at first contact.

Synchronous: commands come one after the other. One HTTPS connection carries them all; when the
server has closed it meanwhile, the next call opens it again.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import select
import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any

from iquila.errors import AccessDenied, IquilaError, error_for

TIMEOUT = 30.0
ANSWER_LIMIT = 64 * 1024 * 1024
_READING = ("Get", "Enum", "Read", "Test")


class ConnectionProblem(IquilaError):
    """The server could not be asked; there is no error number."""

    default = "The server could not be asked."


class KnownServers:
    """
    Which certificate each server showed first: lines of ``HOST:PORT SHA256``.

    :param path: the file; its directory is made for its owner only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, server: str) -> str | None:
        """Return the fingerprint of a server, None where it was never met."""
        return self._read().get(server)

    def remember(self, server: str, fingerprint: str) -> None:
        """Write a server's fingerprint; the file is replaced as a whole."""
        known = self._read() | {server: fingerprint}
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=self._path.parent, delete=False, encoding="utf-8"
        ) as file:
            file.writelines(f"{name} {value}\n" for name, value in sorted(known.items()))
        os.replace(file.name, self._path)

    def _read(self) -> dict[str, str]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise ConnectionProblem(
                f"The file of known servers {self._path} cannot be read ({error}): correct its "
                "rights, or give --insecure."
            ) from error
        return {parts[0]: parts[1] for line in lines if len(parts := line.split()) == 2}


def known_servers_path() -> Path:
    """Return the file of known servers: ``$IQUILA_KNOWN_SERVERS``, or in the user's config."""
    chosen = os.environ.get("IQUILA_KNOWN_SERVERS")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "iquila" / "known-servers"


class Connection:
    """
    A server to ask.

    :param known: None to check nothing.
    :param switch: a Virtual Switch, to log in as its administrator; empty for the server's.
    :param timeout: seconds to wait for an answer.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        known: KnownServers | None,
        switch: str = "",
        *,
        timeout: float = TIMEOUT,
    ) -> None:
        self._timeout = timeout
        self.name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        # Not SoftEther's own headers: its servers close the connection when one is empty, and
        # a header has no place for letters beyond Latin-1.
        pair = f"{switch or 'administrator'}:{password}"
        self._credentials = base64.b64encode(pair.encode()).decode()
        self._known = known
        # The certificate is compared with the one of the first contact, as ssh does with keys.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["http/1.1"])
        self._http = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """
        Run an operation and return its result.

        :raises VENError: the server's refusal.
        :raises ConnectionProblem: it could not be asked.
        """
        question = {"jsonrpc": "2.0", "id": "1", "method": method, "params": parameters}
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Basic {self._credentials}",
        }
        body = json.dumps(question).encode()
        try:
            status, content = self._exchange(body, headers, method.startswith(_READING))
        except TimeoutError as error:
            self._http.close()
            raise ConnectionProblem(
                f"The server {self.name} did not answer in {self._timeout:g} seconds: try again."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self._http.close()
            raise ConnectionProblem(
                f"The server {self.name} cannot be reached ({error}): check the address, and "
                "that the server runs."
            ) from error
        return self._result(status, content)

    def close(self) -> None:
        """Close the connection; another call would open it again."""
        self._http.close()

    def _exchange(
        self, body: bytes, headers: dict[str, str], may_repeat: bool
    ) -> tuple[int, bytes]:
        """Send a request and return status and body of the answer."""
        if self._is_closed():
            self._http.close()
        reused = self._http.sock is not None
        try:
            return self._send(body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # It closed while we wrote. Nobody knows whether a change was made: only what changes
            # nothing is asked again.
            self._http.close()
            if not (reused and may_repeat):
                raise
            return self._send(body, headers)

    def _send(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self._http.sock is None:
            self._http.connect()
            self._check_certificate()
        self._http.request("POST", "/api/", body, headers)
        response = self._http.getresponse()
        return response.status, response.read(ANSWER_LIMIT)

    def _is_closed(self) -> bool:
        """Return whether an idle connection has something to read: that is its end."""
        socket = self._http.sock
        if socket is None:
            return False
        poll = select.poll()
        poll.register(socket, select.POLLIN)
        return bool(poll.poll(0))

    def _check_certificate(self) -> None:
        if self._known is None:
            return
        socket: Any = self._http.sock
        shown = hashlib.sha256(socket.getpeercert(binary_form=True)).hexdigest()
        expected = self._known.get(self.name)
        if expected is None:
            print(
                f"First contact with {self.name}: the SHA-256 fingerprint of its certificate is "
                f"{shown}; it is remembered.",
                file=sys.stderr,
            )
            self._known.remember(self.name, shown)
        elif expected != shown:
            self._http.close()
            raise ConnectionProblem(
                f"The certificate of {self.name} has changed: its fingerprint is {shown}, not "
                f"{expected}. Somebody may be in the middle. If the server has a new "
                f"certificate, remove its line from {known_servers_path()}."
            )

    def _result(self, status: int, body: bytes) -> dict[str, Any]:
        if status == 401:
            raise AccessDenied("The password is wrong, or the Virtual Switch does not exist.")
        try:
            answer = json.loads(body)
            if "error" in answer:
                code, message = int(answer["error"]["code"]), str(answer["error"]["message"])
                raise error_for(code, message.removeprefix(f"Error code {code}: "))
            result = answer["result"]
        except (ValueError, KeyError, TypeError) as error:
            raise ConnectionProblem(
                f"The server {self.name} is not an iquila or SoftEther server (HTTP status "
                f"{status}): check the address and the port."
            ) from error
        return dict(result)
