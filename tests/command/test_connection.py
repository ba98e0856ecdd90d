"""One connection for many calls, over a loopback server that closes when it likes."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from twisted.trial.unittest import SynchronousTestCase

from iquila.command.connection import Connection, ConnectionProblem

from .records import CERTIFICATE_DER, KEY_DER


class Handler(BaseHTTPRequestHandler):
    """Answers every call, and does to the connection what the test says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer, or close without a word."""
        server: Any = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server.calls.append((self.client_address[1], body["method"]))
        if server.drops > 0 and len(server.calls) > 1:
            server.drops -= 1
            self.close_connection = True
            return
        answer = json.dumps({"jsonrpc": "2.0", "id": "1", "result": {"n": len(server.calls)}})
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())
        # The answer says nothing of it: an idle connection is closed later, without notice.
        self.close_connection = server.closes

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class ServerThread(socketserver.ThreadingTCPServer):
    """A server with TLS; `closes`: after each answer; `drops`: so many calls, from the second."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.calls: list[tuple[int, str]] = []
        self.closes = False
        self.drops = 0
        self.gone = threading.Event()

    def shutdown_request(self, request: Any) -> None:
        """Tell the test that a connection is closed."""
        super().shutdown_request(request)
        self.gone.set()


class ReuseTests(SynchronousTestCase):
    """How often the connection is opened."""

    def setUp(self) -> None:
        """Start the server."""
        folder = Path(self.mktemp())
        folder.mkdir()
        certificate = x509.load_der_x509_certificate(CERTIFICATE_DER)
        key: Any = load_der_private_key(KEY_DER, None)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "pem").write_bytes(certificate.public_bytes(Encoding.PEM) + pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "pem")
        self.server = ServerThread(context)
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        self.addCleanup(thread.join, 10)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        port = self.server.server_address[1]
        self.connection = Connection("127.0.0.1", port, "", None, timeout=10)
        self.addCleanup(self.connection.close)

    def connections(self) -> int:
        """Return over how many connections calls have come."""
        return len({port for port, _ in self.server.calls})

    def test_one_for_all(self) -> None:
        """Calls share a connection."""
        for n in range(1, 4):
            self.assertEqual(self.connection.call("SetHub", {}), {"n": n})
        self.assertEqual(self.connections(), 1)

    def test_closed_while_idle(self) -> None:
        """It is opened again before the call, so that even a change can be made."""
        self.server.closes = True
        for n in range(1, 4):
            self.server.gone.clear()
            self.assertEqual(self.connection.call("SetHub", {}), {"n": n})
            self.assertTrue(self.server.gone.wait(10))
        self.assertEqual(self.connections(), 3)

    def test_closed_without_an_answer(self) -> None:
        """What changes nothing is asked once more; of a change nobody knows whether it was made."""
        self.connection.call("GetHub", {})
        self.server.drops = 1
        self.assertEqual(self.connection.call("GetHub", {}), {"n": 3})
        self.server.drops = 1
        self.assertRaises(ConnectionProblem, self.connection.call, "SetHub", {})
        self.assertEqual([m for _, m in self.server.calls], ["GetHub"] * 3 + ["SetHub"])

    def test_only_once(self) -> None:
        """A server that never answers is not asked for ever."""
        self.connection.call("GetHub", {})
        self.server.drops = 9
        self.assertRaises(ConnectionProblem, self.connection.call, "GetHub", {})
        self.assertEqual(len(self.server.calls), 3)
