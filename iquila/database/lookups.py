"""What several records say together: the policy that holds for a user, a switch's options."""

from __future__ import annotations

from iquila.database.belongings import Group, SwitchOptions
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


def administrator_option(system: Database, switch: str, name: str) -> int:
    """Return an administrator option of a switch (reference §9.5), 0 where it is not set."""
    options = system.get(SwitchOptions, switch)
    return 0 if options is None else options.administrator.get(name, 0)


def login_limit(system: Database, switch: str, policy: Policy) -> int:
    """Return how often a user may be logged in at a time, 0 for no limit (reference §3.6)."""
    option = administrator_option(system, switch, "max_multilogins_per_user")
    return min((limit for limit in (policy.multi_logins, option) if limit), default=0)
