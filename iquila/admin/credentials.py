"""What an HTTP request of an administrator proves itself with, and who that is."""

from __future__ import annotations

import base64
import binascii

from attrs import evolve
from twisted.web.server import Request

from iquila.admin.authority import AUDITOR, authenticate
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller
from iquila.admin.tokens import bearer

DOOR = "json-rpc"
LONGEST_NAME = 255


def caller_of(server: ManagedServer, request: Request) -> Caller:
    """
    Return who sends a request: by token, by the two headers, or by HTTP Basic.

    :raises AccessDenied: nobody who is known.
    :raises NotEnoughRights: a switch administrator at a member.
    """
    scheme, rest = _authorization(request)
    if scheme == "bearer":
        caller = bearer(server, rest)
    else:
        caller = authenticate(server, *credentials(request))
    return evolve(caller, address=request.getClientAddress().host, door=DOOR)


def claimed(request: Request) -> str | None:
    """
    Return which switch's administrator a request claims to be from, empty for any other.

    None where it brings no password and no token: a browser asks so how to log in.
    """
    if _authorization(request)[0] == "bearer":
        return ""
    name, password = credentials(request)
    if not password:
        return None
    return "" if name.lower() in ("administrator", AUDITOR) else name[:LONGEST_NAME]


def credentials(request: Request) -> tuple[str, str]:
    """Return the switch (or the empty string) and the password of an HTTP request."""
    headers = request.requestHeaders
    password = headers.getRawHeaders(b"x-vpnadmin-password")
    if password:
        switch = headers.getRawHeaders(b"x-vpnadmin-hubname", [b""])[0]
        return _decoded(switch), _decoded(password[0])
    scheme, encoded = _authorization(request)
    if scheme != "basic":
        return "", ""
    try:
        user, _, secret = base64.b64decode(encoded, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return "", ""
    return _decoded(user), _decoded(secret)


def _authorization(request: Request) -> tuple[str, str]:
    """Return the scheme, in lower case, and what follows."""
    header = request.requestHeaders.getRawHeaders(b"authorization", [b""])[0]
    scheme, _, rest = _decoded(header).partition(" ")
    return scheme.lower(), rest.strip()


def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()
