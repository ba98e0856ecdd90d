"""Commands of vpncmd that have little meaning for this client; each says so in a sentence."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import Changes, change, operation, setting
from iquila.command.client.accounts import NAME, NAMED
from iquila.command.definition import Answer, Argument, Caller, Command, Run, about
from iquila.errors import NotSupported


def _refuse(sentence: str) -> Run:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        raise NotSupported(sentence)

    return run


def _optional(key: str) -> Argument:
    return Argument(key, "Taken from vpncmd", required=False, secret=key == "PASSWORD")


def _change(name: str, help: str, changes: Changes) -> Command:
    run = change("GetAccount", "SetAccount", NAMED, changes)
    return Command(name, help, run, (NAME,), examples=("office",))


def _refused(name: str, help: str, sentence: str, *keys: str, example: str = "office") -> Command:
    arguments = (NAME, *map(_optional, keys)) if example else tuple(map(_optional, keys))
    return Command(name, help, _refuse(sentence), arguments, examples=(example,))


_NO_PROXY = "This client connects without a proxy."
_NO_WINDOW = "This client has no windows to show: see AccountStatusGet and the log."
_NO_CARD = "This client does not use smart cards: see AccountCertSet."
_NO_UPGRADE = "The adapters are TAP devices of the kernel: there is no driver to upgrade."
_PROXY = ("SERVER", "USERNAME", "PASSWORD")

COMMANDS = about(
    "Of vpncmd only",
    _change("AccountEncryptEnable", "Encryption is always on", setting(UseEncrypt_bool=True)),
    _change("AccountEncryptDisable", "Refused: it stays on", setting(UseEncrypt_bool=False)),
    _change("AccountCompressDisable", "Nothing is compressed", setting(UseCompress_bool=False)),
    _change("AccountCompressEnable", "Refused: it is not served", setting(UseCompress_bool=True)),
    _change("AccountProxyNone", "Connections are direct", setting(ProxyType_u32=0)),
    _refused("AccountProxyHttp", "Refused: it is not served", _NO_PROXY, *_PROXY),
    _refused("AccountProxySocks", "Refused: it is not served", _NO_PROXY, *_PROXY),
    _refused("AccountProxySocks5", "Refused: it is not served", _NO_PROXY, *_PROXY),
    _refused("AccountSecureCertSet", "Refused: it is not served", _NO_CARD, "CERTNAME", "KEYNAME"),
    _refused("AccountStatusShow", "Refused: there are no windows", _NO_WINDOW),
    _refused("AccountStatusHide", "Refused: there are no windows", _NO_WINDOW),
    _refused("NicUpgrade", "Refused: there is no driver", _NO_UPGRADE, example="vpn"),
    Command(
        "RemoteEnable",
        "Refused: the client is administered on its own machine only",
        operation("SetClientConfig", AllowRemoteConfig_bool=True),
        examples=("",),
    ),
    Command(
        "RemoteDisable",
        "The client is administered on its own machine only",
        operation("SetClientConfig", AllowRemoteConfig_bool=False),
        examples=("",),
    ),
    Command(
        "KeepEnable",
        "Refused: nothing is sent to keep an Internet connection alive",
        operation("SetClientConfig", UseKeepConnect_bool=True),
        examples=("",),
    ),
    Command(
        "KeepDisable",
        "Nothing is sent to keep an Internet connection alive",
        operation("SetClientConfig", UseKeepConnect_bool=False),
        examples=("",),
    ),
)
