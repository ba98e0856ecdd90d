"""Commands on who a connection setting logs in as, and on how it checks the server."""

from __future__ import annotations

from typing import Any

from iquila.command.arguments import UsageError
from iquila.command.calls import Changes, change, setting
from iquila.command.client.accounts import NAME, NAMED, SUBJECT
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Run,
    Text,
    about,
    one_of,
)
from iquila.command.files import save_certificate
from iquila.command.loginsettings import certificate, password, pin

_LOADCERT = Argument("LOADCERT", "File of the certificate, PEM or DER")
_SAVECERT = Argument("SAVECERT", "File to write; DER if it ends with .der")
_AGAIN = (
    "The stored password belongs to the user's old name: set it again with AccountPasswordSet.\n"
)


def _username(caller: Caller, given: dict[str, Any]) -> Answer:
    record = caller.call("GetAccount", {"AccountName_utf": given["name"]})
    answer = caller.call("SetAccount", {**record, "Username_str": given["username"]})
    return answer, Text(_AGAIN) if record["AuthType_u32"] == 1 else None


def _password(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    return {"PlainPassword_str": "", **password(given, record)}


def _save(field: str, what: str) -> Run:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        answer = caller.call("GetAccount", {"AccountName_utf": given["name"]})
        if not answer.get(field):
            raise UsageError(f"'{given['name']}' has no {what}.")
        save_certificate(answer[field], given["savecert"])
        return answer, None

    return run


def _change(
    name: str, help: str, changes: Changes, *arguments: Argument, example: str = "office"
) -> Command:
    run = change("GetAccount", "SetAccount", NAMED, changes)
    return Command(name, help, run, (NAME, *arguments), examples=(example,))


COMMANDS = about(
    SUBJECT,
    Command(
        "AccountUsernameSet",
        "Change the user that a connection setting logs in as",
        _username,
        (NAME, Argument("USERNAME", "User to log in as")),
        examples=("office /USERNAME:bob",),
    ),
    _change(
        "AccountAnonymousSet",
        "Let a connection setting log in without proof",
        setting(AuthType_u32=0),
    ),
    _change(
        "AccountPasswordSet",
        "Let a connection setting log in with a password",
        _password,
        Argument("PASSWORD", "Password of the user", secret=True),
        Argument(
            "TYPE",
            "standard, or radius for users whom RADIUS or an NT domain knows",
            required=False,
            default="standard",
            convert=one_of("standard", "radius"),
        ),
        example="office /TYPE:standard",
    ),
    _change(
        "AccountCertSet",
        "Let a connection setting log in with a certificate",
        certificate,
        _LOADCERT,
        Argument("LOADKEY", "File of its key, PEM or DER"),
        example="office /LOADCERT:alice.pem /LOADKEY:alice.key",
    ),
    Command(
        "AccountCertGet",
        "Save the certificate that a connection setting logs in with",
        _save("ClientX_bin", "certificate of its own"),
        (NAME, _SAVECERT),
        examples=("office /SAVECERT:alice.pem",),
    ),
    _change(
        "AccountServerCertEnable",
        "Let a connection setting check the server's certificate",
        setting(CheckServerCert_bool=True),
    ),
    _change(
        "AccountServerCertDisable",
        "Let a connection setting take any certificate of the server",
        setting(CheckServerCert_bool=False),
    ),
    _change(
        "AccountServerCertSet",
        "Pin the server's certificate",
        pin,
        _LOADCERT,
        example="office /LOADCERT:server.pem",
    ),
    Command(
        "AccountServerCertGet",
        "Save the pinned certificate of the server",
        _save("ServerCert_bin", "pinned certificate"),
        (NAME, _SAVECERT),
        examples=("office /SAVECERT:server.pem",),
    ),
    _change(
        "AccountServerCertDelete",
        "Pin the server's certificate no more: the CA certificates of the system decide",
        setting(ServerCert_bin=""),
    ),
    _change(
        "AccountRetryOnServerCertEnable",
        "Go on trying although the server's certificate is not trusted",
        setting(RetryOnServerCert_bool=True),
    ),
    _change(
        "AccountRetryOnServerCertDisable",
        "Give up when the server's certificate is not trusted",
        setting(RetryOnServerCert_bool=False),
    ),
)
