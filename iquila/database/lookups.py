"""What several records say together: the group of a user, and the policy that holds."""

from __future__ import annotations

from iquila.database.belongings import Group
from iquila.database.record import user_key
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
