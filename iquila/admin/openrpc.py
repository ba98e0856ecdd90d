"""The operations table as an OpenRPC document (version 1.3.2 of that specification)."""

from __future__ import annotations

from functools import cache
from typing import Any

from attrs import fields

import iquila
from iquila.admin.fields import WIRE, Wire
from iquila.admin.jsonform import limit_of
from iquila.admin.operation import Operation
from iquila.admin.table import OPERATIONS

_SCHEMAS: dict[str, dict[str, Any]] = {
    "u32": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    "u64": {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
    "bool": {"type": "boolean"},
    "dt": {"type": "string", "format": "date-time"},
    "str": {"type": "string"},
    "utf": {"type": "string"},
    "bin": {"type": "string", "contentEncoding": "base64"},
    "ip": {"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]},
}


@cache
def document() -> dict[str, Any]:
    """Return the whole document."""
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "iquila administration",
            "version": iquila.__version__,
            "description": "POST JSON-RPC 2.0 to /api. Errors carry the numbers of the protocol.",
        },
        "servers": [{"name": "this server", "url": "/api"}],
        "methods": [_method(operation) for operation in OPERATIONS],
    }


def _method(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name,
        "summary": operation.purpose.split("\n")[0],
        "paramStructure": "by-name",
        "params": [
            {"name": name, "schema": schema, "required": False}
            for name, schema in _properties(operation.request, "").items()
        ],
        "result": {"name": "result", "schema": _object(operation.reply)},
        "x-who": operation.who.value,
        "x-effect": operation.effect.value,
        "errors": [
            {"code": error.code, "message": f"on a {mode.name.lower()} server: {error.default}"}
            for mode, error in operation.refused.items()
        ],
    }


def _object(cls: type[Any]) -> dict[str, Any]:
    return {"type": "object", "properties": _properties(cls, "")}


def _properties(cls: type[Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute in fields(cls):
        wire: Wire | None = attribute.metadata.get(WIRE)
        if wire is None:
            continue
        if wire.kind == "embed":
            assert wire.item is not None
            found |= _properties(wire.item, prefix + wire.name)
        elif wire.kind == "list":
            assert wire.item is not None
            found[wire.name] = {"type": "array", "items": _object(wire.item)}
        else:
            schema = dict(_SCHEMAS[wire.kind])
            if wire.kind in ("str", "utf"):
                schema["maxLength"] = limit_of(wire)
            if wire.array:
                schema = {"type": "array", "items": schema}
            found[f"{prefix}{wire.name}_{wire.kind}"] = schema
    return found
