"""What cascades and the connection settings of a client have in common: how they log in."""

from __future__ import annotations

import base64
from typing import Any

from iquila.command.definition import number
from iquila.command.files import load_certificate, load_key
from iquila.wire.passwords import user_hash


def password(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return the change to a login by password, from PASSWORD and TYPE."""
    if given["type"] == "radius":
        return {"AuthType_u32": 2, "PlainPassword_str": given["password"]}
    hashed = user_hash(given["password"], record["Username_str"])
    return {"AuthType_u32": 1, "HashedPassword_bin": base64.b64encode(hashed).decode()}


def username(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return the change of the user, from USERNAME."""
    # The hash of a password holds the name: it is of no use under another one.
    if record["AuthType_u32"] == 1:
        return {"Username_str": given["username"], "AuthType_u32": 0}
    return {"Username_str": given["username"]}


def certificate(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    """Return the change to a login by certificate, from LOADCERT and LOADKEY."""
    return {
        "AuthType_u32": 3,
        "ClientX_bin": load_certificate(given["loadcert"]),
        "ClientK_bin": load_key(given["loadkey"]),
    }


def pin(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    """Return the change that pins the server's certificate, from LOADCERT."""
    return {"ServerCert_bin": load_certificate(given["loadcert"])}


def connections(text: str) -> int:
    """Return a number of TCP connections, 1 to 32."""
    value = number(text)
    if not 1 <= value <= 32:
        raise ValueError("a session has 1 to 32 TCP connections")
    return value
