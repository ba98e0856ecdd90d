"""What several records say together: a user's group and policy, what belongs to a switch."""

from __future__ import annotations

from iquila.database.belongings import Group
from iquila.database.record import R, user_key
from iquila.database.records import User
from iquila.database.store import Database
from iquila.wire.policy import DEFAULT_POLICY, Policy


def group_of(system: Database, user: User) -> Group | None:
    """Return the group that a user is in; one that is not there any more is none."""
    return system.get(Group, user_key(user.switch, user.group)) if user.group else None


def policy_of(system: Database, user: User) -> Policy:
    """Return the user's own policy, else the group's, else the default (reference §3.6)."""
    if user.policy is not None:
        return user.policy
    group = group_of(system, user)
    return DEFAULT_POLICY if group is None or group.policy is None else group.policy


def belonging(system: Database, cls: type[R], switch: str) -> list[R]:
    """Return the records of one type that belong to a switch."""
    found = system.all(cls, user_key(switch, ""))
    single = system.get(cls, switch)
    return found if single is None else [single, *found]
