"""
Commands on other protocols and services of SoftEther's servers.

An iquila server answers them with error 33 and says so in its capabilities; they are here for
SoftEther's servers, which this command administers as well.
"""

from __future__ import annotations

import base64
from typing import Any

from iquila.command.calls import operation
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Grid,
    Items,
    Shown,
    about,
    yes,
)
from iquila.command.files import write_file


def _yes(value: bool) -> str:
    return "Yes" if value else "No"


def _ipsec(a: dict[str, Any]) -> Shown:
    rows = (
        ("L2TP over IPsec Server Function Enabled", _yes(a["L2TP_IPsec_bool"])),
        ("Raw L2TP Server Function Enabled", _yes(a["L2TP_Raw_bool"])),
        ("EtherIP / L2TPv3 over IPsec Server Function Enabled", _yes(a["EtherIP_IPsec_bool"])),
        ("IPsec Pre-Shared Key String", a["IPsec_Secret_str"]),
        ("Name of Default Virtual Hub", a["L2TP_DefaultHub_str"]),
    )
    return Items((rows,))


def _clients(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (item["Id_str"], item["HubName_str"], item["UserName_str"]) for item in answer["Settings"]
    )
    return Grid(("ISAKMP Phase 1 ID", "Virtual Hub Name", "User Name"), rows)


def _dynamic_dns(a: dict[str, Any]) -> Shown:
    rows = (
        ("Assigned Dynamic DNS Hostname (Full)", a["CurrentFqdn_str"] or "(None)"),
        ("Assigned Dynamic DNS Hostname (Hostname)", a["CurrentHostName_str"] or "(None)"),
        ("DNS Suffix", a["DnsSuffix_str"] or "(None)"),
        ("Global IPv4 Address", a["CurrentIPv4_str"] or a["ErrStr_IPv4_utf"]),
        ("Global IPv6 Address", a["CurrentIPv6_str"] or a["ErrStr_IPv6_utf"]),
    )
    return Items((rows,))


def _azure(a: dict[str, Any]) -> Shown:
    rows = [("VPN Azure Function is Enabled", _yes(a["IsEnabled_bool"]))]
    if a["IsEnabled_bool"]:
        rows.append(("Connected to VPN Azure Cloud Server", _yes(a["IsConnected_bool"])))
    return Items((tuple(rows),))


def _openvpn(caller: Caller, given: dict[str, Any]) -> Answer:
    answer = caller.call("MakeOpenVpnConfigFile", {})
    write_file(given["file"], base64.b64decode(answer["Buffer_bin"]))
    return answer, None


def _flag(key: str, help: str) -> Argument:
    return Argument(key, f"{help}, yes or no", convert=yes)


_ID = Argument("ID", "ISAKMP phase 1 ID of the device", positional=True)
_IPSEC = {
    "L2TP_IPsec_bool": "l2tp",
    "L2TP_Raw_bool": "l2tpraw",
    "EtherIP_IPsec_bool": "etherip",
    "IPsec_Secret_str": "psk",
    "L2TP_DefaultHub_str": "defaulthub",
}
_CLIENT = {
    "Id_str": "id",
    "HubName_str": "hub",
    "UserName_str": "username",
    "Password_str": "password",
}

COMMANDS = about(
    "Other protocols (SoftEther's servers only)",
    Command(
        "IPsecGet",
        "Show the IPsec services",
        operation("GetIPsecServices", show=_ipsec),
        examples=("",),
    ),
    Command(
        "IPsecEnable",
        "Change the IPsec services",
        operation("SetIPsecServices", _IPSEC),
        (
            _flag("L2TP", "L2TP over IPsec"),
            _flag("L2TPRAW", "L2TP without IPsec"),
            _flag("ETHERIP", "EtherIP and L2TPv3 over IPsec"),
            Argument("PSK", "Pre-shared key", secret=True, new=True),
            Argument("DEFAULTHUB", "Virtual Switch of users who name none", names="switch"),
        ),
        examples=("/L2TP:yes /L2TPRAW:no /ETHERIP:no /DEFAULTHUB:office",),
    ),
    Command(
        "EtherIpClientList",
        "List the EtherIP devices",
        operation("EnumEtherIpId", show=_clients),
        examples=("",),
    ),
    Command(
        "EtherIpClientAdd",
        "Let an EtherIP device in",
        operation("AddEtherIpId", _CLIENT),
        (
            _ID,
            Argument("HUB", "Virtual Switch", names="switch"),
            Argument("USERNAME", "User it comes in as"),
            Argument("PASSWORD", "Password of that user", secret=True),
        ),
        examples=("router7 /HUB:office /USERNAME:branch",),
    ),
    Command(
        "EtherIpClientDelete",
        "Let an EtherIP device in no more",
        operation("DeleteEtherIpId", {"Id_str": "id"}),
        (_ID,),
        examples=("router7",),
    ),
    Command(
        "OpenVpnMakeConfig",
        "Save a sample configuration for OpenVPN clients",
        _openvpn,
        (Argument("FILE", "ZIP file to write", positional=True),),
        examples=("sample.zip",),
    ),
    Command(
        "DynamicDnsGetStatus",
        "Show the dynamic DNS name",
        operation("GetDDnsClientStatus", show=_dynamic_dns),
        examples=("",),
    ),
    Command(
        "DynamicDnsSetHostname",
        "Change the dynamic DNS name",
        operation("ChangeDDnsClientHostname", {"StrValue_str": "hostname"}),
        (Argument("HOSTNAME", "Name, 3 to 31 characters", positional=True),),
        examples=("office7",),
    ),
    Command(
        "VpnAzureGetStatus",
        "Show the cloud relay",
        operation("GetAzureStatus", show=_azure),
        examples=("",),
    ),
    Command(
        "VpnAzureSetEnable",
        "Use the cloud relay, or not",
        operation("SetAzureStatus", {"IsEnabled_bool": "enable"}),
        (Argument("ENABLE", "yes or no", positional=True, convert=yes),),
        examples=("no",),
    ),
)
