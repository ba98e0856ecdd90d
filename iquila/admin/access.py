"""
Operations on the access list of a Virtual Switch: what its frames are held against.

Rules are stored, listed and replicated here. No frame is held against them yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from iquila.admin.accessform import UNIQUE, AccessItem, described, to_rule
from iquila.admin.fields import items, text, u32
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Table, Who, withheld
from iquila.admin.rules import MAX_RULES
from iquila.admin.switches import Hub, known
from iquila.database.belongings import AccessRule
from iquila.database.options import administrator_option
from iquila.database.record import user_key
from iquila.database.records import ServerMode, Switch
from iquila.database.store import delete, put
from iquila.errors import (
    InvalidParameter,
    NotController,
    NotEnoughRights,
    NotSupported,
    ObjectNotFound,
    TooManyAccessRules,
)

TABLE = Table()
NOT_ON_MEMBER = {ServerMode.MEMBER: NotSupported}
FILES = ("include:", "exclude:")
"""How the name of a user begins where it is a file of users."""


@frozen
class AccessAddition:
    """One more rule."""

    hub_name: str = text("HubName")
    rules: tuple[AccessItem, ...] = items("AccessListSingle", AccessItem)


@frozen
class AccessRules:
    """The whole list, in the order in which rules are looked at."""

    hub_name: str = text("HubName")
    rules: tuple[AccessItem, ...] = items("AccessList", AccessItem)


@frozen
class AccessId:
    """A rule by its place in the list, from 1, or by its unique id."""

    hub_name: str = text("HubName")
    id: int = u32("Id")


def rules_of(server: ManagedServer, switch: str) -> list[AccessRule]:
    """Return the rules of a switch in the order in which they are looked at."""
    found = server.system.all(AccessRule, user_key(switch, ""))
    return sorted(found, key=lambda rule: (rule.priority, rule.number))


@TABLE.operation("EnumAccess", Hub, AccessRules, Who.SWITCH, NOT_ON_MEMBER)
async def enum_access(server: ManagedServer, caller: Caller, request: Hub) -> AccessRules:
    """List the access rules of a Virtual Switch, the first that is looked at first."""
    switch = known(server, request.hub_name)
    return AccessRules(switch.name, _listed(rules_of(server, switch.name)))


def _listed(rules: Sequence[AccessRule]) -> tuple[AccessItem, ...]:
    return tuple(described(rule, id) for id, rule in enumerate(rules, 1))


@TABLE.operation(
    "AddAccess",
    AccessAddition,
    AccessAddition,
    Who.SWITCH,
    NOT_ON_MEMBER,
    denied_by="no_change_access_list",
)
async def add_access(
    server: ManagedServer, caller: Caller, request: AccessAddition
) -> AccessAddition:
    """Add a rule to the access list, after those of the same priority."""
    switch = known(server, request.hub_name)
    if len(request.rules) != 1:
        raise InvalidParameter("AccessListSingle has exactly one rule: use SetAccessList for more.")
    rules = rules_of(server, switch.name)
    _check_count(server, caller, switch, len(rules) + 1)
    number = max((rule.number for rule in rules), default=0) + 1
    rule = to_rule(request.rules[0], switch.name, number)
    _check_rights(server, caller, rule)
    await server.system.transact(
        [put(rule)],
        [
            server.system.unchanged(AccessRule, rule.key),
            server.system.unchanged(Switch, switch.key),
        ],
    )
    place = sum(1 for other in rules if other.priority <= rule.priority) + 1
    return AccessAddition(switch.name, (described(rule, place),))


def _check_count(server: ManagedServer, caller: Caller, switch: Switch, count: int) -> None:
    most = administrator_option(server.system, switch.name, "max_accesslists")
    if count > MAX_RULES or (caller.switch and most and count > most):
        raise TooManyAccessRules


def _check_rights(server: ManagedServer, caller: Caller, rule: AccessRule) -> None:
    """Refuse what an option takes from the switch's administrator."""
    slows = rule.delay or rule.jitter or rule.loss
    if slows and withheld(server, caller, rule.switch, "no_delay_jitter_packet_loss"):
        raise NotEnoughRights("The switch's administrator may not delay or lose frames.")
    names = rule.source_user.lower(), rule.destination_user.lower()
    if any(name.startswith(FILES) for name in names) and withheld(
        server, caller, rule.switch, "no_access_list_include_file"
    ):
        raise NotEnoughRights("The switch's administrator may not name a file of users.")


@TABLE.operation(
    "DeleteAccess",
    AccessId,
    AccessId,
    Who.SWITCH,
    {ServerMode.MEMBER: NotController},
    denied_by="no_change_access_list",
)
async def delete_access(server: ManagedServer, caller: Caller, request: AccessId) -> AccessId:
    """Delete a rule by its place in the list, or by its unique id; those behind it move up."""
    switch = known(server, request.hub_name)
    rules = rules_of(server, switch.name)
    found = [r for id, r in enumerate(rules, 1) if request.id in (id, UNIQUE + r.number)]
    if not found:
        raise ObjectNotFound(f"There is no access rule {request.id}: list them again.")
    key = found[0].key
    await server.system.transact(
        [delete(AccessRule, key)], [server.system.unchanged(AccessRule, key)]
    )
    return request


@TABLE.operation(
    "SetAccessList",
    AccessRules,
    AccessRules,
    Who.SWITCH,
    NOT_ON_MEMBER,
    denied_by="no_change_access_list",
)
async def set_access_list(
    server: ManagedServer, caller: Caller, request: AccessRules
) -> AccessRules:
    """Replace the whole access list; rules of one priority stay in the order given."""
    switch = known(server, request.hub_name)
    _check_count(server, caller, switch, len(request.rules))
    ordered = sorted(request.rules, key=lambda item: item.priority)
    rules = [to_rule(item, switch.name, n) for n, item in enumerate(ordered, 1)]
    for rule in rules:
        _check_rights(server, caller, rule)
    # What is as it was is not written again: the tools send the whole list for one change.
    old = {rule.key: rule for rule in rules_of(server, switch.name)}
    new = {rule.key: rule for rule in rules}
    changes = [put(rule) for key, rule in new.items() if old.get(key) != rule]
    changes += [delete(AccessRule, key) for key in old if key not in new]
    if changes:
        keys = {change.key for change in changes}
        compare = [server.system.unchanged(AccessRule, key) for key in sorted(keys)]
        compare.append(server.system.unchanged(Switch, switch.key))
        await server.system.transact(changes, compare)
    return evolve(request, hub_name=switch.name, rules=_listed(rules))
