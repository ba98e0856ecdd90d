"""
Run by the test beside it: a SoftEther management client of others administers a server.

Usage: management.py PEER_FOLDER HOST PORT PASSWORD SWITCH. Prints what it saw as JSON.

Both clients are of Python's days before SHA-0 left OpenSSL and `wrap_socket` left `ssl`. What they
miss of that Python is given to them here; their own code runs as it was published.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import sys
from typing import Any

from iquila.wire.sha0 import sha0


class _SHA0:
    """What ``hashlib.new("sha")`` returned."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = data

    def update(self, data: bytes) -> None:
        self._data += data

    def digest(self) -> bytes:
        return sha0(self._data)


def _new(name: str, data: bytes = b"", **options: Any) -> Any:
    return _SHA0(data) if name == "sha" else _original(name, data, **options)


def _wrap_socket(sock: socket.socket, cert_reqs: ssl.VerifyMode) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = cert_reqs
    return context.wrap_socket(sock)


_original = hashlib.new
for _module, _name, _own in ((hashlib, "new", _new), (ssl, "wrap_socket", _wrap_socket)):
    setattr(_module, _name, _own)


def main(peer: str, host: str, port: str, password: str, switch: str) -> None:
    """List switches, create a user, list users and sessions."""
    sys.path.insert(0, peer)
    from softether.api import SoftEtherAPI  # type: ignore[import-not-found]

    api = SoftEtherAPI(host, int(port), password)
    api.connect()
    api.authenticate()
    seen = {"switches": api.enum_hub(), "created": api.create_user(switch, "bob", realname="Bob")}
    seen["users"] = api.enum_user(switch)
    seen["sessions"] = api.enum_session(switch)
    seen["refused"] = api.enum_session("nowhere")
    api.disconnect()
    print(json.dumps(seen, default=repr))


if __name__ == "__main__":
    main(*sys.argv[1:])
