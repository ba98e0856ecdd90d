"""
Files of connection settings, ``.vpn``, as the system's own client exports and imports them.

Text in UTF-8: nested ``declare NAME { ... }`` with lines ``TYPE NAME VALUE``. In strings a space, a
dollar sign and a control character are ``$`` and two hexadecimal digits; ``$`` alone is nothing.
Here a setting is what GetAccount answers and CreateAccount takes.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from iquila.command.output import milliseconds

LIMIT = 1024 * 1024
MAX_LINES, MAX_DEPTH = 10_000, 16
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
_BLANKS = re.compile(r"[ \t]+")
_ESCAPE = re.compile(r"\$([0-9A-Fa-f]{2})")
Tree = dict[str, Any]


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
    tree = _parse(content)
    auth, option = tree.get("ClientAuth"), tree.get("ClientOption")
    if not isinstance(auth, dict) or not isinstance(option, dict):
        raise BadFile("it has no ClientAuth and ClientOption")
    setting = {f"{name}_{kind}": option[name] for name, kind in _OPTIONS.items() if name in option}
    setting |= {
        "AccountName_utf": option.get("AccountName", ""),
        "ProxyType_u32": option.get("ProxyType", 0),
        "CheckServerCert_bool": tree.get("CheckServerCert", False),
        "RetryOnServerCert_bool": tree.get("RetryOnServerCert", False),
        "ServerCert_bin": _text(tree.get("ServerCert", b"")),
        "StartupAccount_bool": tree.get("StartupAccount", False),
    }
    return setting | _read_auth(auth)


def _read_auth(auth: Tree) -> dict[str, Any]:
    try:
        password = hidden(auth.get("EncryptedPassword", b"")).decode()
    except UnicodeDecodeError as error:
        raise BadFile("its password cannot be read") from error
    return {
        "AuthType_u32": auth.get("AuthType", 0),
        "Username_str": auth.get("Username", ""),
        "HashedPassword_bin": _text(auth.get("HashedPassword", b"")),
        "PlainPassword_str": password,
        "ClientX_bin": _text(auth.get("ClientCert", b"")),
        "ClientK_bin": _text(auth.get("ClientKey", b"")),
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _parse(content: bytes) -> Tree:
    if len(content) > LIMIT:
        raise BadFile("it is too large")
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise BadFile("it is not UTF-8") from error
    if len(lines) > MAX_LINES:
        raise BadFile("it has too many lines")
    top: Tree = {}
    stack = [top]
    for number, raw in enumerate(lines, 1):
        # Other white space and line ends are part of a value.
        words = _BLANKS.split(raw.strip(" \t\r"), maxsplit=2)
        if not words[0] or words[0].startswith("#") or words == ["{"]:
            continue
        if words == ["}"] and len(stack) > 1:
            stack.pop()
        elif words[0] == "declare" and len(words) == 2 and len(stack) <= MAX_DEPTH:
            inner: Tree = {}
            stack[-1][words[1]] = inner
            stack.append(inner)
        elif len(words) == 3:
            stack[-1][words[1]] = _value(number, words[0], words[2])
        else:
            raise BadFile(f"line {number} cannot be understood")
    root = top.get("root")
    if not isinstance(root, dict) or len(stack) > 1:
        raise BadFile("it is not complete")
    return root


def _value(number: int, kind: str, text: str) -> Any:
    try:
        if kind in ("uint", "int", "uint64", "int64"):
            return int(text)
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if kind == "byte":
            return b"" if text == "$" else base64.b64decode(text, validate=True)
        if kind == "string":
            return "" if text == "$" else _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)
    except (ValueError, KeyError, binascii.Error) as error:
        raise BadFile(f"line {number} has no valid value") from error
    raise BadFile(f"line {number} has a value of an unknown type")


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
