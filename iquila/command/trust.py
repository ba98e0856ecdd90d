"""Commands on whom a Virtual Switch trusts: CAs, revoked certificates, source addresses."""

from __future__ import annotations

import ipaddress
from typing import Any

from iquila.command.arguments import UsageError
from iquila.command.calls import KEYED, ON_SWITCH, operation, parameters
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Grid,
    Items,
    Run,
    Shown,
    about,
    number,
    one_of,
)
from iquila.command.files import load_certificate, save_certificate
from iquila.command.output import moment
from iquila.command.values import hexadecimal, network, show_bytes, show_network
from iquila.errors import ObjectNotFound

# Rows of a revoked certificate: label, field, and whether it is bytes.
_REVOKED = (
    ("Common Name (CN)", "CommonName_utf", False),
    ("Organization (O)", "Organization_utf", False),
    ("Organization Unit (OU)", "Unit_utf", False),
    ("Country (C)", "Country_utf", False),
    ("State (ST)", "State_utf", False),
    ("Locale (L)", "Local_utf", False),
    ("Serial Number (Hexadecimal)", "Serial_bin", True),
    ("MD5 Digest Value (Hexadecimal, 128 bit)", "DigestMD5_bin", True),
    ("SHA-1 Digest Value (Hexadecimal, 160 bit)", "DigestSHA1_bin", True),
)


def _authorities(answer: dict[str, Any]) -> Shown:
    blocks = tuple(
        (
            ("ID", str(ca["Key_u32"])),
            ("Issued to", ca["SubjectName_utf"]),
            ("Issuer", ca["IssuerName_utf"]),
            ("Expiration", moment(ca["Expires_dt"], clock=False)),
        )
        for ca in answer["CAList"]
    )
    return Items(blocks, many=True)


def _add_authority(caller: Caller, given: dict[str, Any]) -> Answer:
    certificate = load_certificate(given["path"])
    return caller.call("AddCa", {"HubName_str": given["switch"], "Cert_bin": certificate}), None


def _save_authority(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("GetCa", parameters(KEYED, given))
    save_certificate(answer["Cert_bin"], given["savecert"])
    return answer, None


def _revoked(answer: dict[str, Any]) -> Shown:
    blocks = tuple(
        (("ID", str(item["Key_u32"])), ("Certificate Summary", item["CrlInfo_utf"]))
        for item in answer["CRLList"]
    )
    return Items(blocks, many=True)


def _revoke(caller: Caller, given: dict[str, Any]) -> Answer:
    if not any(given[argument] for argument in _CRL_FIELDS.values() if argument != "switch"):
        raise UsageError("CrlAdd needs something that the certificates have: see CrlAdd --help.")
    return caller.call("AddCrl", parameters(_CRL_FIELDS, given)), None


def _one_revoked(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (label, show_bytes(answer[name]) if is_bytes else answer[name])
        for label, name, is_bytes in _REVOKED
        if answer.get(name)
    )
    return Items((rows,))


def _sources(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (
            str(item["Id_u32"]),
            str(item["Priority_u32"]),
            "Deny" if item["Deny_bool"] else "Pass",
            _source(item),
        )
        for item in answer["ACList"]
    )
    return Grid(("ID", "Priority", "Action", "Contents"), rows)


def _source(item: dict[str, Any]) -> str:
    where = ipaddress.ip_address(item["IpAddress_ip"])
    if not item["Masked_bool"]:
        return str(where)
    return show_network(where, ipaddress.ip_address(item["SubnetMask_ip"]))


def _add_source(version: int) -> Run:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        hub = {"HubName_str": given["switch"]}
        where, mask = given["ip"]
        known = caller.call("GetAcList", hub)["ACList"]
        item = {
            "Id_u32": 0,
            "Priority_u32": given["priority"],
            "Deny_bool": given["action"] == "deny",
            "Masked_bool": int(mask) != (1 << (32 if version == 4 else 128)) - 1,
            "IpAddress_ip": str(where),
            "SubnetMask_ip": str(mask),
        }
        return caller.call("SetAcList", {**hub, "ACList": [*known, item]}), None

    return run


def _delete_source(caller: Caller, given: dict[str, Any]) -> Answer:
    hub = {"HubName_str": given["switch"]}
    known = caller.call("GetAcList", hub)["ACList"]
    kept = [item for item in known if item["Id_u32"] != given["id"]]
    if len(kept) == len(known):
        raise ObjectNotFound(f"There is no rule {given['id']}: AcList shows them.")
    return caller.call("SetAcList", {**hub, "ACList": kept}), None


def _id(of: str) -> Argument:
    return Argument("ID", f"ID in the {of}", positional=True, convert=number)


def _part(key: str, help: str, convert: Any = str) -> Argument:
    return Argument(key, help, required=False, convert=convert)


def _command(name: str, help: str, run: Run, *arguments: Argument, example: str = "") -> Command:
    return Command(name, help, run, arguments, on_switch=True, examples=(example,))


def _source_arguments(version: int) -> tuple[Argument, ...]:
    return (
        Argument("ACTION", "allow or deny", positional=True, convert=one_of("allow", "deny")),
        Argument("PRIORITY", "Priority; smaller ones come first", convert=number),
        Argument(
            "IP", f"IPv{version} ADDRESS or ADDRESS/MASK", convert=lambda t: network(t, version)
        ),
    )


_CRL_FIELDS = {
    "HubName_str": "switch",
    "Serial_bin": "serial",
    "DigestMD5_bin": "md5",
    "DigestSHA1_bin": "sha1",
    "CommonName_utf": "cn",
    "Organization_utf": "o",
    "Unit_utf": "ou",
    "Country_utf": "c",
    "State_utf": "st",
    "Local_utf": "l",
}

COMMANDS = about(
    "Trust: CAs, revocations, source addresses",
    _command("CAList", "List the trusted CAs", operation("EnumCa", ON_SWITCH, _authorities)),
    _command(
        "CAAdd",
        "Trust a CA",
        _add_authority,
        Argument("PATH", "File of its certificate, PEM or DER", positional=True),
        example="ca.pem",
    ),
    _command(
        "CADelete", "Trust a CA no more", operation("DeleteCa", KEYED), _id("CAList"), example="3"
    ),
    _command(
        "CAGet",
        "Save the certificate of a trusted CA",
        _save_authority,
        _id("CAList"),
        Argument("SAVECERT", "File to write; DER if it ends with .der"),
        example="3 /SAVECERT:ca.pem",
    ),
    _command("CrlList", "List the revoked certificates", operation("EnumCrl", ON_SWITCH, _revoked)),
    _command(
        "CrlAdd",
        "Revoke the certificates that have all of what is given",
        _revoke,
        _part("SERIAL", "Serial number, hexadecimal", hexadecimal),
        _part("MD5", "MD5 digest, hexadecimal", hexadecimal),
        _part("SHA1", "SHA-1 digest, hexadecimal", hexadecimal),
        _part("CN", "Common name"),
        _part("O", "Organization"),
        _part("OU", "Unit of the organization"),
        _part("C", "Country"),
        _part("ST", "State"),
        _part("L", "Place"),
        example="/SERIAL:0A0B /CN:alice.example",
    ),
    _command(
        "CrlDel",
        "Revoke certificates no more",
        operation("DelCrl", KEYED),
        _id("CrlList"),
        example="5",
    ),
    _command(
        "CrlGet",
        "Show revoked certificates",
        operation("GetCrl", KEYED, _one_revoked),
        _id("CrlList"),
        example="5",
    ),
    _command(
        "AcList", "List from where one may log in", operation("GetAcList", ON_SWITCH, _sources)
    ),
    _command(
        "AcAdd",
        "Allow or deny IPv4 addresses to log in",
        _add_source(4),
        *_source_arguments(4),
        example="deny /PRIORITY:10 /IP:10.0.0.0/8",
    ),
    _command(
        "AcAdd6",
        "Allow or deny IPv6 addresses to log in",
        _add_source(6),
        *_source_arguments(6),
        example="allow /PRIORITY:5 /IP:2001:db8::/32",
    ),
    _command("AcDel", "Delete a rule on addresses", _delete_source, _id("AcList"), example="1"),
)
