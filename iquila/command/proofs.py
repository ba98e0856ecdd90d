"""Commands on how users of a Virtual Switch prove who they are."""

from __future__ import annotations

from typing import Any

from iquila.command.arguments import UsageError
from iquila.command.calls import NAMED, Changes, change, setting
from iquila.command.definition import Answer, Argument, Caller, Command, about
from iquila.command.files import load_certificate, save_certificate
from iquila.command.users import USER
from iquila.command.values import hexadecimal


def _command(name: str, help: str, changes: Changes, *arguments: Argument, example: str) -> Command:
    run = change("GetUser", "SetUser", NAMED, changes)
    return Command(name, help, run, (USER, *arguments), on_switch=True, examples=(example,))


def _password(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {"AuthType_u32": 1, "Auth_Password_str": given["password"]}


def _certificate(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {"AuthType_u32": 2, "UserX_bin": load_certificate(given["loadcert"])}


def _signed(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {
        "AuthType_u32": 3,
        "CommonName_utf": given["cn"],
        "Serial_bin": given["serial"],
    }


def _radius(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {"AuthType_u32": 4, "RadiusUsername_utf": given["alias"]}


def _domain(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {"AuthType_u32": 5, "NtUsername_utf": given["alias"]}


def _save(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = {"HubName_str": given["switch"], "Name_str": given["name"]}
    user = caller.call("GetUser", parameters)
    if user["AuthType_u32"] != 2 or not user.get("UserX_bin"):
        raise UsageError(f"'{given['name']}' has no certificate of their own: see UserCertSet.")
    save_certificate(user["UserX_bin"], given["savecert"])
    return user, None


_ALIAS = Argument("ALIAS", "Name there, where it is another one", required=False)

COMMANDS = about(
    "Users and groups",
    _command(
        "UserAnonymousSet",
        "Let a user log in without proof",
        setting(AuthType_u32=0),
        example="guest",
    ),
    _command(
        "UserPasswordSet",
        "Let a user log in with a password",
        _password,
        Argument("PASSWORD", "Password of the user", secret=True, new=True),
        example="alice",
    ),
    _command(
        "UserCertSet",
        "Let a user log in with one certificate",
        _certificate,
        Argument("LOADCERT", "File of the certificate, PEM or DER"),
        example="alice /LOADCERT:alice.pem",
    ),
    Command(
        "UserCertGet",
        "Save the certificate of a user",
        _save,
        (USER, Argument("SAVECERT", "File to write; DER if it ends with .der")),
        on_switch=True,
        examples=("alice /SAVECERT:alice.pem",),
    ),
    _command(
        "UserSignedSet",
        "Let a user log in with a certificate that a trusted CA signed",
        _signed,
        Argument("CN", "Common name that it must have", required=False),
        Argument(
            "SERIAL",
            "Serial number that it must have, hexadecimal",
            required=False,
            convert=hexadecimal,
        ),
        example="alice /CN:alice.example /SERIAL:0A0B",
    ),
    _command(
        "UserRadiusSet",
        "Let the RADIUS server say whether a user may log in",
        _radius,
        _ALIAS,
        example="alice /ALIAS:aadams",
    ),
    _command(
        "UserNTLMSet",
        "Let the NT domain say whether a user may log in",
        _domain,
        _ALIAS,
        example="alice /ALIAS:aadams",
    ),
)
