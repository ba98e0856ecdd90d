"""Commands on layer-3 switches, which route between Virtual Switches."""

from __future__ import annotations

from typing import Any

from iquila.command.calls import NAME, operation
from iquila.command.definition import (
    Answer,
    Argument,
    Caller,
    Command,
    Grid,
    Run,
    Shown,
    about,
    number,
)
from iquila.command.values import address, network4


def _list(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (
            router["Name_str"],
            _state(router),
            str(router["NumInterfaces_u32"]),
            str(router["NumTables_u32"]),
        )
        for router in answer["L3SWList"]
    )
    return Grid(("Layer 3 Switch Name", "Running Status", "Interfaces", "Routing Tables"), rows)


def _state(router: dict[str, Any]) -> str:
    if not router["Active_bool"]:
        return "Stop"
    return "Start (Running)" if router["Online_bool"] else "Start (Error)"


def _interfaces(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (item["IpAddress_ip"], item["SubnetMask_ip"], item["HubName_str"])
        for item in answer["L3IFList"]
    )
    return Grid(("IP Address", "Subnet Mask", "Virtual Hub Name"), rows)


def _routes(answer: dict[str, Any]) -> Shown:
    rows = tuple(
        (
            item["NetworkAddress_ip"],
            item["SubnetMask_ip"],
            item["GatewayAddress_ip"],
            str(item["Metric_u32"]),
        )
        for item in answer["L3Table"]
    )
    return Grid(("Network Address", "Subnet Mask", "Gateway Address", "Metric"), rows)


def _add_interface(caller: Caller, given: dict[str, Any]) -> Answer:
    where, mask = given["ip"]
    parameters = {
        "Name_str": given["name"],
        "HubName_str": given["hub"],
        "IpAddress_ip": where,
        "SubnetMask_ip": mask,
    }
    return caller.call("AddL3If", parameters), None


def _route(method: str) -> Run:
    def run(caller: Caller, given: dict[str, Any]) -> Answer:
        where, mask = given["network"]
        parameters = {
            "Name_str": given["name"],
            "NetworkAddress_ip": where,
            "SubnetMask_ip": mask,
            "GatewayAddress_ip": given["gateway"],
            "Metric_u32": given["metric"],
        }
        return caller.call(method, parameters), None

    return run


_NAME = Argument("NAME", "Name of the layer-3 switch", positional=True)
_HUB = Argument("HUB", "Name of the Virtual Switch", names="switch")
_ROUTE = (
    _NAME,
    Argument("NETWORK", "ADDRESS/MASK", convert=network4),
    Argument("GATEWAY", "IP address of the gateway", convert=address),
    Argument("METRIC", "Metric; smaller ones come first", convert=number),
)
_EXAMPLE = "core /NETWORK:10.2.0.0/255.255.0.0 /GATEWAY:10.1.0.2 /METRIC:5"


def _command(name: str, help: str, run: Run, *arguments: Argument, example: str) -> Command:
    return Command(name, help, run, arguments, examples=(example,))


COMMANDS = about(
    "Layer-3 switches",
    _command(
        "RouterList", "List the layer-3 switches", operation("EnumL3Switch", show=_list), example=""
    ),
    _command(
        "RouterAdd", "Make a layer-3 switch", operation("AddL3Switch", NAME), _NAME, example="core"
    ),
    _command(
        "RouterDelete",
        "Delete a layer-3 switch",
        operation("DelL3Switch", NAME),
        _NAME,
        example="core",
    ),
    _command(
        "RouterStart",
        "Let a layer-3 switch run",
        operation("StartL3Switch", NAME),
        _NAME,
        example="core",
    ),
    _command(
        "RouterStop",
        "Stop a layer-3 switch",
        operation("StopL3Switch", NAME),
        _NAME,
        example="core",
    ),
    _command(
        "RouterIfList",
        "List the interfaces of a layer-3 switch",
        operation("EnumL3If", NAME, _interfaces),
        _NAME,
        example="core",
    ),
    _command(
        "RouterIfAdd",
        "Give a layer-3 switch an interface in a Virtual Switch",
        _add_interface,
        _NAME,
        _HUB,
        Argument("IP", "ADDRESS/MASK", convert=network4),
        example="core /HUB:office /IP:10.1.0.1/255.255.0.0",
    ),
    _command(
        "RouterIfDel",
        "Take an interface from a layer-3 switch",
        operation("DelL3If", {"Name_str": "name", "HubName_str": "hub"}),
        _NAME,
        _HUB,
        example="core /HUB:office",
    ),
    _command(
        "RouterTableList",
        "List the routes of a layer-3 switch",
        operation("EnumL3Table", NAME, _routes),
        _NAME,
        example="core",
    ),
    _command(
        "RouterTableAdd",
        "Give a layer-3 switch a route",
        _route("AddL3Table"),
        *_ROUTE,
        example=_EXAMPLE,
    ),
    _command(
        "RouterTableDel",
        "Take a route from a layer-3 switch",
        _route("DelL3Table"),
        *_ROUTE,
        example=_EXAMPLE,
    ),
)
