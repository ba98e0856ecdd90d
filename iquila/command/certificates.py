"""Commands on the server's certificate, key and ciphers."""

from __future__ import annotations

from typing import Any

from iquila.command.arguments import UsageError
from iquila.command.calls import operation
from iquila.command.definition import Answer, Argument, Caller, Command, Shown, Text, about
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


def _cipher(answer: dict[str, Any]) -> Shown:
    return Text(f"Encrypted Algorithm Currently Used by VPN Server:\n {answer['String_str']}\n")


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
        "Show the ciphers",
        operation("GetServerCipher", show=_cipher),
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
