"""
Commands on the configuration as a document, and for those who move over from SoftEther.

The document is a file of the user's; the server reads and writes it.
"""

from __future__ import annotations

import base64
import sys
import zlib
from typing import Any

from iquila.admin.document.writing import write
from iquila.admin.softether.file import parse
from iquila.admin.softether.move import move
from iquila.command.arguments import UsageError
from iquila.command.definition import Answer, Argument, Caller, Command, Grid, Text, about, yes
from iquila.command.files import LIMIT, read_file, write_file
from iquila.database.records import SwitchKind

DIFFERENT = 4
"""The exit status of a plan that would change something; smaller ones are failures."""
MAX_DOCUMENT = 780_000
"""Bytes: as base64 it fits in a request."""
PLAIN = 64_000
"""Bytes up to which a document is not compressed."""
COLUMNS = ("Action", "What", "Field", "Before", "After")
ACTIONS = {"create": "+ create", "change": "~ change", "delete": "- delete", "note": "! note"}


def _export(caller: Caller, given: dict[str, Any]) -> Answer:
    secrets = given["secrets"] == "hashes"
    method = "ExportConfigurationWithSecrets" if secrets else "ExportConfiguration"
    answer = caller.call(method, {})
    document = base64.b64decode(answer["Document_bin"]).decode()
    if not given["file"] or given["file"] == "-":
        return answer, Text(document)
    write_file(given["file"], document.encode(), private=True)
    return answer, None


def _plan(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("PlanConfiguration", _parameters(given))
    return answer, _shown(answer)


def _apply(caller: Caller, given: dict[str, Any]) -> Answer:
    parameters = _parameters(given)
    if not given["yes"]:
        planned = caller.call("PlanConfiguration", parameters)
        if not planned["NumChanges_u32"]:
            return planned, _shown(planned)
        _confirm(planned)
        parameters["Seen_str"] = planned["Seen_str"]
    answer = caller.call("ApplyConfiguration", parameters)
    return answer, _shown(answer)


def _import(caller: Caller, given: dict[str, Any]) -> Answer:
    moved = move(parse(_bytes(given["file"])), given["as"])
    document = write(moved.content)
    for sentence in moved.left:
        print(sentence, file=sys.stderr)
    answer: dict[str, Any] = {
        "Document_bin": base64.b64encode(document.encode()).decode(),
        "LeftBehind_utf": list(moved.left),
    }
    if given["out"]:
        write_file(given["out"], document.encode(), private=True)
    if given["apply"]:
        parameters = {
            **_sent(document.encode()),
            "Keep_bool": True,
            "AllowDelete_bool": False,
            "Seen_str": "",
        }
        applied = caller.call("ApplyConfiguration", parameters)
        return answer | applied, _shown(applied)
    return answer, None if given["out"] else Text(document)


def _parameters(given: dict[str, Any]) -> dict[str, Any]:
    return {
        **_sent(_bytes(given["file"])),
        "Keep_bool": given["keep"],
        "AllowDelete_bool": given.get("allow_delete", False),
        "Seen_str": "",
    }


def _sent(document: bytes) -> dict[str, Any]:
    """
    Return the parameters that carry a document.

    :raises UsageError: a request has no room for it.
    """
    packed = document if len(document) <= PLAIN else zlib.compress(document, 9)
    if len(packed) > MAX_DOCUMENT:
        raise UsageError(
            f"the document has {len(packed)} bytes when compressed, and a request has room for "
            f"{MAX_DOCUMENT}: divide it by Virtual Switches, and give --keep with each part."
        )
    sent = base64.b64encode(packed).decode()
    return {"Document_bin": sent, "Compressed_bool": packed is not document}


def _bytes(path: str) -> bytes:
    if path != "-":
        return read_file(path)
    content = sys.stdin.buffer.read(LIMIT + 1)
    if len(content) > LIMIT:
        raise UsageError(f"Standard input is too long: {LIMIT} bytes are allowed.")
    return content


def _confirm(planned: dict[str, Any]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("nothing is applied without a question here: give --yes.")
    for row in _shown(planned).rows:
        print("  ".join(cell for cell in row if cell), file=sys.stderr)
    if input("Apply this? [yes/no] ").strip().lower() not in ("yes", "y"):
        raise UsageError("nothing was changed.")


def _shown(answer: dict[str, Any]) -> Grid:
    rows = tuple(
        (
            ACTIONS.get(row["Action_str"], row["Action_str"]),
            row["Key_utf"],
            row["Field_str"],
            _line(row["Before_utf"]),
            _line(row["After_utf"]),
        )
        for row in answer["DifferenceList"]
    )
    return Grid(COLUMNS, rows)


def _line(text: str) -> str:
    return " ".join(text.split("\n"))


def _different(answer: dict[str, Any]) -> int:
    return DIFFERENT if answer["NumChanges_u32"] else 0


def _secrets(text: str) -> str:
    if text.lower() not in ("hashes", "none"):
        raise ValueError(f"'{text}' is neither hashes nor none")
    return text.lower()


def _kind(text: str) -> SwitchKind | None:
    if not text:
        return None
    try:
        return SwitchKind[text.upper()]
    except KeyError:
        raise ValueError(f"'{text}' is neither static, dynamic nor standalone") from None


_FILE = Argument("FILE", "TOML document; - for standard input", positional=True)
_KEEP = Argument(
    "KEEP", "Keep what the document does not name", required=False, convert=yes, flag=True
)

COMMANDS = about(
    "Configuration as a document",
    Command(
        "Export",
        "Write the configuration as a TOML document",
        _export,
        (
            Argument("FILE", "File to write; else it is printed", positional=True, required=False),
            Argument(
                "SECRETS",
                "Password hashes and RADIUS secrets in it: hashes or none",
                required=False,
                default="hashes",
                convert=_secrets,
            ),
        ),
        examples=("", "network.toml", "network.toml --secrets none"),
    ),
    Command(
        "Plan",
        "Show what a document would change (exit status 4 if anything)",
        _plan,
        (_FILE, _KEEP),
        status=_different,
        examples=("network.toml", "network.toml --keep"),
    ),
    Command(
        "Apply",
        "Make the configuration what a document says",
        _apply,
        (
            _FILE,
            _KEEP,
            Argument(
                "ALLOW_DELETE",
                "Delete Virtual Switches that the document does not name",
                required=False,
                convert=yes,
                flag=True,
            ),
            Argument("YES", "Apply without a question", required=False, convert=yes, flag=True),
        ),
        examples=("network.toml", "network.toml --yes --allow-delete"),
    ),
    Command(
        "Import-SoftEther",
        "Make a document of a SoftEther server's vpn_server.config",
        _import,
        (
            Argument("FILE", "vpn_server.config; - for standard input", positional=True),
            Argument(
                "AS",
                "Kind of the switches: static, dynamic or standalone; else as they are",
                required=False,
                convert=_kind,
            ),
            Argument("OUT", "File to write; else it is printed", required=False),
            Argument("APPLY", "Apply it at once", required=False, convert=yes, flag=True),
        ),
        examples=("vpn_server.config --out moved.toml", "vpn_server.config --as static --apply"),
    ),
)
