"""Commands on the server's certificate, key and ciphers."""

from __future__ import annotations

from typing import Any

from iquila.command.arguments import UsageError
from iquila.command.calls import operation
from iquila.command.definition import Answer, Argument, Caller, Command, Text, about
from iquila.command.files import load_certificate, load_key, save_certificate, save_key


def _save_certificate(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetServerCert", {})
    save_certificate(answer["Cert_bin"], given["cert"])
    return answer, None


def _save_key(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetServerCert", {})
    if not answer.get("Key_bin"):
        raise UsageError("The server does not hand out its key: take it from its data directory.")
    save_key(answer["Key_bin"], given["key"])
    return answer, None


def _set(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {
        "Cert_bin": load_certificate(given["loadcert"]),
        "Key_bin": load_key(given["loadkey"]),
    }
    return caller.call("SetServerCert", parameters), None


def _ciphers(caller: Caller, given: dict[str, Any]) -> Answer:
    """Show the suites in use, and those that can be chosen."""
    answer = caller.call("GetServerCipher", {})
    known = caller.call("GetServerCipherList", {})["String_str"]
    lines = (
        "Encrypted Algorithm Currently Used by VPN Server:",
        f" {answer['String_str']}",
        "List of Usable Encrypted Algorithm Names:",
        *(f" {name}" for name in known.split(";") if name),
    )
    return answer, Text("".join(f"{line}\n" for line in lines))


COMMANDS = about(
    "The server's certificate and ciphers",
    Command(
        "ServerCertGet",
        "Save the server's certificate",
        _save_certificate,
        (Argument("CERT", "File to write; DER if it ends with .der", positional=True),),
        examples=("server.pem",),
    ),
    Command(
        "ServerKeyGet",
        "Save the key of the server's certificate",
        _save_key,
        (Argument("KEY", "File to write; DER if it ends with .der", positional=True),),
        examples=("server.key",),
    ),
    Command(
        "ServerCertSet",
        "Give the server a certificate and its key",
        _set,
        (
            Argument("LOADCERT", "File of the certificate, PEM or DER"),
            Argument("LOADKEY", "File of the key, PEM or DER"),
        ),
        examples=("/LOADCERT:server.pem /LOADKEY:server.key",),
    ),
    Command(
        "ServerCertRegenerate",
        "Make a new certificate that the server signs itself",
        operation("RegenerateServerCert", {"StrValue_str": "cn"}),
        (Argument("CN", "Common name, the host name of the server", positional=True),),
        examples=("vpn.example",),
    ),
    Command(
        "ServerCipherGet",
        "Show the ciphers, and those that can be chosen",
        _ciphers,
        examples=("",),
    ),
    Command(
        "ServerCipherSet",
        "Choose the ciphers",
        operation("SetServerCipher", {"String_str": "name"}),
        (Argument("NAME", "Names as OpenSSL knows them", positional=True),),
        examples=("ECDHE-ECDSA-AES256-GCM-SHA384",),
    ),
)
