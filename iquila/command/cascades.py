"""Commands on cascades: connections from a Virtual Switch to one of another server."""

from __future__ import annotations

import base64
from typing import Any

from iquila.command.arguments import UsageError
from iquila.command.calls import Changes, Fields, change, from_arguments, operation, setting
from iquila.command.cascaderows import shown_cascade, shown_list, shown_status
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Grid,
    Run,
    about,
    number,
    one_of,
    yes,
)
from iquila.command.files import load_certificate, load_key, save_certificate
from iquila.command.policies import NAME_OF_POLICY, NOT_FOR_CASCADES, VALUE, kind_of
from iquila.command.values import destination_or
from iquila.wire.passwords import user_hash

DIRECT, HTTP, SOCKS4, SOCKS5 = range(4)
# GetLink and its like name the switch otherwise than EnumLink and its like.
_LINK: Fields = {"HubName_Ex_str": "switch", "AccountName_utf": "name"}
_CASCADE: Fields = {"HubName_Ex_str": "switch", "AccountName_utf": "cascade"}
_OF_SWITCH: Fields = {"HubName_str": "switch", "AccountName_utf": "name"}


def _create(caller: Caller, given: dict[str, Any]) -> Answer:
    host, port = given["server"]
    parameters = {
        "HubName_Ex_str": given["switch"],
        "AccountName_utf": given["name"],
        "Hostname_str": host,
        "Port_u32": port,
        "HubName_str": given["hub"],
        "Username_str": given["username"],
        "AuthType_u32": 0,
        "MaxConnection_u32": 8,
        "UseEncrypt_bool": True,
        "AdditionalConnectionInterval_u32": 1,
    }
    return caller.call("CreateLink", parameters), None


def _target(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    host, port = given["server"]
    return {"Hostname_str": host, "Port_u32": port, "HubName_str": given["hub"]}


def _password(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    if given["type"] == "radius":
        return {"AuthType_u32": 2, "PlainPassword_str": given["password"]}
    hashed = user_hash(given["password"], record["Username_str"])
    return {"AuthType_u32": 1, "HashedPassword_bin": base64.b64encode(hashed).decode()}


def _username(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    # The hash of a password holds the name: it is of no use under another one.
    if record["AuthType_u32"] == 1:
        return {"Username_str": given["username"], "AuthType_u32": 0}
    return {"Username_str": given["username"]}


def _certificate(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {
        "AuthType_u32": 3,
        "ClientX_bin": load_certificate(given["loadcert"]),
        "ClientK_bin": load_key(given["loadkey"]),
    }


def _save(field: str, what: str) -> Run:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        parameters = {"HubName_Ex_str": given["switch"], "AccountName_utf": given["name"]}
        answer = caller.call("GetLink", parameters)
        if not answer.get(field):
            raise UsageError(f"'{given['name']}' has no {what}.")
        save_certificate(answer[field], given["savecert"])
        return answer, None

    return run


def _pin(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    return {"ServerCert_bin": load_certificate(given["loadcert"])}


def _proxy(kind: int) -> Changes:
    def changes(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
        host, port = given["server"]
        return {
            "ProxyType_u32": kind,
            "ProxyName_str": host,
            "ProxyPort_u32": port,
            "ProxyUsername_str": given["username"],
            "ProxyPassword_str": given["password"],
        }

    return changes


def _headers(record: dict[str, Any]) -> list[str]:
    return [line for line in record.get("CustomHttpHeader_str", "").splitlines() if line.strip()]


def _without(record: dict[str, Any], name: str) -> list[str]:
    wanted = name.strip().lower()
    return [h for h in _headers(record) if h.partition(":")[0].strip().lower() != wanted]


def _add_header(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    lines = [*_without(record, given["name"]), f"{given['name']}: {given['data']}"]
    return {"CustomHttpHeader_str": "".join(f"{line}\r\n" for line in lines)}


def _delete_header(given: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    lines = _without(record, given["name"])
    if len(lines) == len(_headers(record)):
        raise UsageError(f"There is no header '{given['name']}': see CascadeHttpHeaderGet.")
    return {"CustomHttpHeader_str": "".join(f"{line}\r\n" for line in lines)}


def _shown_headers(answer: dict[str, Any]) -> Grid:
    return Grid(("Item",), tuple((line,) for line in _headers(answer)))


def _policy(given: dict[str, Any], _record: dict[str, Any]) -> dict[str, Any]:
    kind = kind_of(given["name"])
    if kind.name in NOT_FOR_CASCADES:
        raise UsageError(f"The policy {kind.name} cannot be set for a cascade.")
    return {kind.field: kind.read(given["value"])}


def _header(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise ValueError("a header is one line")
    return text


def _connections(text: str) -> int:
    value = number(text)
    if not 1 <= value <= 32:
        raise ValueError("a session has 1 to 32 TCP connections")
    return value


_NEW_NAME = Argument("NAME", "Name of the cascade", positional=True)
_NAME = Argument("NAME", "Name of the cascade", positional=True, names="cascade")
_OF_NAME = Argument("CASCADE", "Name of the cascade", positional=True, names="cascade")
_SERVER = Argument("SERVER", "Other server, HOST[:PORT]", convert=destination_or(5555))
_HUB = Argument("HUB", "Virtual Switch there")
_USERNAME = Argument("USERNAME", "User it logs in as")
_LOADCERT = Argument("LOADCERT", "File of the certificate, PEM or DER")
_SAVECERT = Argument("SAVECERT", "File to write; DER if it ends with .der")
_PROXY = (
    Argument("SERVER", "Proxy, HOST[:PORT]", convert=destination_or(8080)),
    Argument("USERNAME", "User of the proxy", required=False),
    Argument("PASSWORD", "Password of that user", required=False, secret=True),
)
_DETAIL: Fields = {
    "MaxConnection_u32": "maxtcp",
    "AdditionalConnectionInterval_u32": "interval",
    "ConnectionDisconnectSpan_u32": "ttl",
    "HalfConnection_bool": "half",
    "DisableQoS_bool": "noqos",
}


def _option(key: str, help: str, convert: Any) -> Argument:
    return Argument(key, help, required=False, default=None, convert=convert)


def _command(name: str, help: str, run: Run, *arguments: Argument, example: str) -> Command:
    return Command(name, help, run, arguments, on_switch=True, examples=(example,))


def _change(
    name: str,
    help: str,
    changes: Changes,
    *arguments: Argument,
    example: str = "branch",
    which: Argument = _NAME,
) -> Command:
    fields = _LINK if which is _NAME else _CASCADE
    run = change("GetLink", "SetLink", fields, changes)
    return _command(name, help, run, which, *arguments, example=example)


def _simple(name: str, help: str, method: str) -> Command:
    return _command(name, help, operation(method, _OF_SWITCH), _NAME, example="branch")


COMMANDS = about(
    "Cascades",
    _command(
        "CascadeList",
        "List the cascades",
        operation("EnumLink", {"HubName_str": "switch"}, shown_list),
        example="",
    ),
    _command(
        "CascadeCreate",
        "Make a cascade",
        _create,
        _NEW_NAME,
        _SERVER,
        _HUB,
        _USERNAME,
        example="branch /SERVER:vpn.example:443 /HUB:office /USERNAME:branch",
    ),
    _change(
        "CascadeSet",
        "Change where a cascade goes",
        _target,
        _SERVER,
        _HUB,
        example="branch /SERVER:vpn.example:443 /HUB:office",
    ),
    _command(
        "CascadeGet",
        "Show a cascade",
        operation("GetLink", _LINK, shown_cascade),
        _NAME,
        example="branch",
    ),
    _simple("CascadeDelete", "Delete a cascade", "DeleteLink"),
    _command(
        "CascadeRename",
        "Give a cascade another name",
        operation(
            "RenameLink",
            {"HubName_str": "switch", "OldAccountName_utf": "name", "NewAccountName_utf": "new"},
        ),
        _NAME,
        Argument("NEW", "New name"),
        example="branch /NEW:berlin",
    ),
    _simple("CascadeOnline", "Let a cascade connect", "SetLinkOnline"),
    _simple("CascadeOffline", "End a cascade's connection", "SetLinkOffline"),
    _command(
        "CascadeStatusGet",
        "Show how a cascade's connection is",
        operation("GetLinkStatus", _LINK, shown_status),
        _NAME,
        example="branch",
    ),
    _change(
        "CascadeUsernameSet",
        "Change the user that a cascade logs in as",
        _username,
        _USERNAME,
        example="branch /USERNAME:branch2",
    ),
    _change("CascadeAnonymousSet", "Let a cascade log in without proof", setting(AuthType_u32=0)),
    _change(
        "CascadePasswordSet",
        "Let a cascade log in with a password",
        _password,
        Argument("PASSWORD", "Password of the user", secret=True),
        Argument(
            "TYPE",
            "standard or radius",
            required=False,
            default="standard",
            convert=one_of("standard", "radius"),
        ),
    ),
    _change(
        "CascadeCertSet",
        "Let a cascade log in with a certificate",
        _certificate,
        _LOADCERT,
        Argument("LOADKEY", "File of its key, PEM or DER"),
        example="branch /LOADCERT:branch.pem /LOADKEY:branch.key",
    ),
    _command(
        "CascadeCertGet",
        "Save the certificate of a cascade",
        _save("ClientX_bin", "certificate of its own"),
        _NAME,
        _SAVECERT,
        example="branch /SAVECERT:branch.pem",
    ),
    _change("CascadeEncryptEnable", "Encrypt a cascade's frames", setting(UseEncrypt_bool=True)),
    _change(
        "CascadeEncryptDisable",
        "Encrypt a cascade's frames no more",
        setting(UseEncrypt_bool=False),
    ),
    _change("CascadeCompressEnable", "Compress a cascade's frames", setting(UseCompress_bool=True)),
    _change(
        "CascadeCompressDisable",
        "Compress a cascade's frames no more",
        setting(UseCompress_bool=False),
    ),
    _change("CascadeProxyNone", "Let a cascade connect directly", setting(ProxyType_u32=DIRECT)),
    _change(
        "CascadeProxyHttp",
        "Let a cascade connect through an HTTP proxy",
        _proxy(HTTP),
        *_PROXY,
        example="branch /SERVER:proxy.example:8080",
    ),
    _change(
        "CascadeProxySocks",
        "Let a cascade connect through a SOCKS4 proxy",
        _proxy(SOCKS4),
        *_PROXY,
        example="branch /SERVER:proxy.example:1080",
    ),
    _change(
        "CascadeProxySocks5",
        "Let a cascade connect through a SOCKS5 proxy",
        _proxy(SOCKS5),
        *_PROXY,
        example="branch /SERVER:proxy.example:1080",
    ),
    _command(
        "CascadeHttpHeaderGet",
        "List what is added to the head of proxy requests",
        operation("GetLink", _LINK, _shown_headers),
        _NAME,
        example="branch",
    ),
    _change(
        "CascadeHttpHeaderAdd",
        "Add a line to the head of proxy requests",
        _add_header,
        Argument("NAME", "Name of the header", convert=_header),
        Argument("DATA", "What it says", convert=_header),
        example="branch /NAME:X-Office /DATA:berlin",
        which=_OF_NAME,
    ),
    _change(
        "CascadeHttpHeaderDelete",
        "Take a line from the head of proxy requests",
        _delete_header,
        Argument("NAME", "Name of the header"),
        example="branch /NAME:X-Office",
        which=_OF_NAME,
    ),
    _change(
        "CascadeServerCertEnable",
        "Let a cascade verify the server's certificate",
        setting(CheckServerCert_bool=True),
    ),
    _change(
        "CascadeServerCertDisable",
        "Let a cascade take any certificate of the server",
        setting(CheckServerCert_bool=False),
    ),
    _change(
        "CascadeServerCertSet",
        "Pin the server's certificate",
        _pin,
        _LOADCERT,
        example="branch /LOADCERT:server.pem",
    ),
    _change(
        "CascadeServerCertDelete",
        "Pin the server's certificate no more",
        setting(ServerCert_bin=""),
    ),
    _command(
        "CascadeServerCertGet",
        "Save the pinned certificate of the server",
        _save("ServerCert_bin", "pinned certificate"),
        _NAME,
        _SAVECERT,
        example="branch /SAVECERT:server.pem",
    ),
    _change(
        "CascadeDetailSet",
        "Change the connections of a cascade",
        from_arguments(_DETAIL),
        _option("MAXTCP", "TCP connections, 1 to 32", _connections),
        _option("INTERVAL", "Seconds between opening two of them", number),
        _option("TTL", "Seconds that each one lives; 0 for ever", number),
        _option("HALF", "Half duplex, yes or no", yes),
        _option("NOQOS", "No priority for voice, yes or no", yes),
        example="branch /MAXTCP:8 /INTERVAL:1 /TTL:0",
    ),
    _change(
        "CascadePolicySet",
        "Set one security policy of a cascade",
        _policy,
        NAME_OF_POLICY,
        VALUE,
        example="branch /NAME:MaxUpload /VALUE:10000000",
        which=_OF_NAME,
    ),
)
