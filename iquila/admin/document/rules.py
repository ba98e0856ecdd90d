"""What must hold between the values of a document, beyond the form of each."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from iquila.admin.document.sections import Section
from iquila.admin.rules import authentication
from iquila.database.records import AuthKind, ListenerRecord, ServerMode, SwitchKind


def check_listeners(listeners: Sequence[ListenerRecord], section: Section) -> None:
    """Note ports that are there twice, and a list that would lock everybody out."""
    ports = [listener.port for listener in listeners]
    for port in sorted({port for port in ports if ports.count(port) > 1}):
        section.problems.add(("listener",), f"port {port} is there twice: leave one out")
    if not any(listener.enabled for listener in listeners):
        section.problems.add(
            ("listener",), "no listener is enabled, and nobody could reach the server: enable one"
        )


def check_kind(kind: SwitchKind | None, mode: ServerMode, section: Section) -> None:
    """Note a kind of switch that a server of this mode cannot have."""
    path = (*section.path, "kind")
    if mode is ServerMode.STANDALONE:
        if kind not in (None, SwitchKind.STANDALONE):
            section.problems.add(
                path, 'this server is standalone: leave kind out, or write kind = "standalone"'
            )
    elif "kind" not in section.values or kind is SwitchKind.STANDALONE:
        section.problems.add(
            path, 'this server is in a cluster: write kind = "static" or kind = "dynamic"'
        )


def check_user(name: str, given: dict[str, Any], groups: dict[str, str], section: Section) -> None:
    """Note a group that is not there, and values that the way to log in has no use for."""
    group = given.get("group", "")
    if group and group.lower() not in groups:
        section.problems.add((*section.path, "group"), f"there is no group '{group}' on the switch")
    elif group:
        given["group"] = groups[group.lower()]
    auth = given.get("auth")
    if auth is not None:
        section.check("login", authentication, name, auth)
    if auth is AuthKind.CERTIFICATE and not given.get("certificate"):
        section.problems.add(
            (*section.path, "certificate"), "is missing: write the user's certificate as PEM"
        )
    uses = {
        "password_hash": (AuthKind.PASSWORD,),
        "nt_hash": (AuthKind.PASSWORD,),
        "certificate": (AuthKind.CERTIFICATE,),
        "common_name": (AuthKind.SIGNED,),
        "serial": (AuthKind.SIGNED,),
        "alias": (AuthKind.RADIUS, AuthKind.NT),
    }
    for word, kinds in uses.items():
        if auth is not None and given.get(word) and auth not in kinds:
            wanted = " or ".join(f'"{kind.name.lower()}"' for kind in kinds)
            section.problems.add(
                (*section.path, word), f"is for users with login = {wanted}: leave it out here"
            )


def check_rule(given: dict[str, Any], section: Section) -> None:
    """Note addresses of the wrong kind; IPv4 is meant unless ipv6 says otherwise."""
    version = 6 if given.get("ipv6") else 4
    for word in ("source", "destination"):
        address = given.get(word)
        if address is not None and ipaddress.ip_address(address).version != version:
            section.problems.add(
                (*section.path, word),
                f"is no IPv{version} address: "
                + (
                    "give one, or leave ipv6 out" if version == 6 else "write ipv6 = true beside it"
                ),
            )
