"""
Files of connection settings, ``.vpn``, as the system's own client exports and imports them.

The format is that of :mod:`iquila.admin.softether.file`. Here a setting is what GetAccount answers
and CreateAccount takes.
"""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from iquila.admin.softether.file import Block, FileRefused, parse
from iquila.command.output import milliseconds

LIMIT = 1024 * 1024
"""Bytes."""
PASSWORD_KEY = b"EncryptP"
"""What a plain password is hidden with; anybody can read it: the file is as secret as it is."""
_OPTIONS: dict[str, str] = {
    "AdditionalConnectionInterval": "u32",
    "ConnectionDisconnectSpan": "u32",
    "DeviceName": "str",
    "DisableQoS": "bool",
    "HalfConnection": "bool",
    "Hostname": "str",
    "HubName": "str",
    "MaxConnection": "u32",
    "NoRoutingTracking": "bool",
    "NoUdpAcceleration": "bool",
    "NumRetry": "u32",
    "Port": "u32",
    "RequireBridgeRoutingMode": "bool",
    "RequireMonitorMode": "bool",
    "RetryInterval": "u32",
    "UseCompress": "bool",
    "UseEncrypt": "bool",
}
_TYPES = {"u32": "uint", "str": "string", "bool": "bool"}


class BadFile(ValueError):
    """It is not such a file; the text says why."""


def hidden(data: bytes) -> bytes:
    """Return a password hidden, or a hidden one as it is: RC4 with a key that all know."""
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + PASSWORD_KEY[i % len(PASSWORD_KEY)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


# -- reading


def read(content: bytes) -> dict[str, Any]:
    """
    Return the connection setting in a file.

    :raises BadFile: there is none.
    """
    try:
        root = parse(content, LIMIT)
    except FileRefused as error:
        raise BadFile(str(error).rstrip(".")) from error
    if "ClientAuth" not in root.blocks or "ClientOption" not in root.blocks:
        raise BadFile("it has no ClientAuth and ClientOption")
    option = root.block("ClientOption")
    setting = {
        f"{name}_{kind}": option.values[name]
        for name, kind in _OPTIONS.items()
        if name in option.values
    }
    setting |= {
        "AccountName_utf": option.text("AccountName"),
        "ProxyType_u32": option.number("ProxyType"),
        "CheckServerCert_bool": root.flag("CheckServerCert"),
        "RetryOnServerCert_bool": root.flag("RetryOnServerCert"),
        "ServerCert_bin": _text(root.data("ServerCert")),
        "StartupAccount_bool": root.flag("StartupAccount"),
    }
    return setting | _read_auth(root.block("ClientAuth"))


def _read_auth(auth: Block) -> dict[str, Any]:
    try:
        password = hidden(auth.data("EncryptedPassword")).decode()
    except UnicodeDecodeError as error:
        raise BadFile("its password cannot be read") from error
    return {
        "AuthType_u32": auth.number("AuthType"),
        "Username_str": auth.text("Username"),
        "HashedPassword_bin": _text(auth.data("HashedPassword")),
        "PlainPassword_str": password,
        "ClientX_bin": _text(auth.data("ClientCert")),
        "ClientK_bin": _text(auth.data("ClientKey")),
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


# -- writing


def write(setting: dict[str, Any]) -> bytes:
    """Return the file of a connection setting."""
    option: list[tuple[str, str, Any]] = [
        (_TYPES[kind], name, setting[f"{name}_{kind}"]) for name, kind in _OPTIONS.items()
    ]
    option += [
        ("string", "AccountName", setting["AccountName_utf"]),
        ("string", "CustomHttpHeader", ""),
        ("bool", "HideNicInfoWindow", False),
        ("bool", "HideStatusWindow", False),
        ("uint", "PortUDP", 0),
        ("string", "ProxyName", ""),
        ("byte", "ProxyPassword", b""),
        ("uint", "ProxyPort", 0),
        ("uint", "ProxyType", 0),
        ("string", "ProxyUsername", ""),
    ]
    root: list[tuple[str, str, Any]] = [
        ("bool", "CheckServerCert", setting["CheckServerCert_bool"]),
        ("uint64", "CreateDateTime", milliseconds(setting["CreateDateTime_dt"])),
        ("uint64", "LastConnectDateTime", milliseconds(setting["LastConnectDateTime_dt"])),
        ("bool", "RetryOnServerCert", setting["RetryOnServerCert_bool"]),
        ("bool", "StartupAccount", setting["StartupAccount_bool"]),
        ("uint64", "UpdateDateTime", milliseconds(setting["UpdateDateTime_dt"])),
    ]
    if setting["ServerCert_bin"]:
        root.append(("byte", "ServerCert", base64.b64decode(setting["ServerCert_bin"])))
    lines = ["# VPN connection setting", "", "declare root", "{", *_lines(root, 1)]
    for name, rows in (("ClientAuth", _auth(setting)), ("ClientOption", option)):
        lines += ["", f"\tdeclare {name}", "\t{", *_lines(rows, 2), "\t}"]
    return b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in [*lines, "}"]).encode()


def _auth(setting: dict[str, Any]) -> list[tuple[str, str, Any]]:
    kind = setting["AuthType_u32"]
    rows: list[tuple[str, str, Any]] = [
        ("uint", "AuthType", kind),
        ("string", "Username", setting["Username_str"]),
    ]
    if kind == 1:
        rows.append(("byte", "HashedPassword", base64.b64decode(setting["HashedPassword_bin"])))
    elif kind == 2:
        rows.append(("byte", "EncryptedPassword", hidden(setting["PlainPassword_str"].encode())))
    elif kind == 3:
        rows.append(("byte", "ClientCert", base64.b64decode(setting["ClientX_bin"])))
        rows.append(("byte", "ClientKey", _key(base64.b64decode(setting["ClientK_bin"]))))
    return rows


def _key(der: bytes) -> bytes:
    key = load_der_private_key(der, None)
    return key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _lines(rows: list[tuple[str, str, Any]], depth: int) -> list[str]:
    indent = "\t" * depth
    return [f"{indent}{k} {n} {_written(k, v)}" for k, n, v in sorted(rows, key=lambda r: r[1])]


def _written(kind: str, value: Any) -> str:
    if kind == "bool":
        return "true" if value else "false"
    if kind == "byte":
        return base64.b64encode(value).decode() or "$"
    if kind == "string":
        return "".join(_escaped(c) for c in value) or "$"
    return str(value)


def _escaped(character: str) -> str:
    if character <= " " or character == "$":
        return f"${ord(character):02X}"
    return character
