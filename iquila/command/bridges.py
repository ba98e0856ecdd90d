"""Commands on local bridges: Virtual Switches joined with network adapters of one server."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import operation
from iquila.command.definition import Argument, Command, Grid, Shown, Text, about, yes

_BRIDGE = {"HubNameLB_str": "hubname", "DeviceName_str": "device"}


def _devices(answer: dict[str, Any]) -> Shown:
    return Text("".join(f"{device['DeviceName_str']}\n" for device in answer["EthList"]))


def _bridges(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (str(n), bridge["HubNameLB_str"], bridge["DeviceName_str"], _state(bridge))
        for n, bridge in enumerate(answer["LocalBridgeList"], 1)
    )
    columns = ("Number", "Virtual Hub Name", "Network Adapter or Tap Device Name", "Status")
    return Grid(columns, rows)


def _state(bridge: dict[str, Any]) -> str:
    if not bridge["Online_bool"]:
        return "Offline"
    return "Operating" if bridge["Active_bool"] else "Error"


_HUB = Argument("HUBNAME", "Name of the Virtual Switch", positional=True, names="switch")
_DEVICE = Argument("DEVICE", "Network adapter, or the TAP device to make")

COMMANDS = about(
    "Local bridges",
    Command(
        "BridgeDeviceList",
        "List the network adapters that can be bridged",
        operation("EnumEthernet", show=_devices),
        examples=("",),
    ),
    Command(
        "BridgeList",
        "List the local bridges",
        operation("EnumLocalBridge", show=_bridges),
        examples=("",),
    ),
    Command(
        "BridgeCreate",
        "Join a Virtual Switch with a network adapter",
        operation("AddLocalBridge", {**_BRIDGE, "TapMode_bool": "tap"}),
        (
            _HUB,
            _DEVICE,
            Argument("TAP", "Make a TAP device, yes or no", required=False, convert=yes),
        ),
        examples=("office /DEVICE:eth1", "office /DEVICE:lab /TAP:yes"),
    ),
    Command(
        "BridgeDelete",
        "Part a Virtual Switch from a network adapter",
        operation("DeleteLocalBridge", _BRIDGE),
        (_HUB, _DEVICE),
        examples=("office /DEVICE:eth1",),
    ),
)
