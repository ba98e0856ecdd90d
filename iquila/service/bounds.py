"""
The bounds that a Virtual Switch sets to logins: source addresses and options (reference §3.6).

Each asks the database of the moment. Who the client is, the role finds out.
"""

from __future__ import annotations

import hmac
from ipaddress import IPv4Address, IPv6Address

from iquila.database.belongings import AddressList, SwitchOptions
from iquila.database.options import administrator_option
from iquila.database.records import AuthKind, Switch, User
from iquila.database.store import Database
from iquila.errors import (
    AddressDenied,
    EmptyPasswordRemote,
    NotEnoughRights,
    SwitchFull,
    VersionDiffers,
)
from iquila.session.addresses import address_allowed
from iquila.session.restrictions import restricted
from iquila.wire.login import Login
from iquila.wire.passwords import user_hash
from iquila.wire.policy import Policy


def check_address(system: Database, switch: Switch, address: IPv4Address | IPv6Address) -> None:
    """
    Hold a client's address against the switch's list.

    :raises AddressDenied: the list keeps it out.
    """
    record = system.get(AddressList, switch.key)
    if record is not None and not address_allowed(record.rules, address):
        raise AddressDenied


def check_client(system: Database, switch: Switch, login: Login) -> None:
    """
    Hold a client's build against what the switch asks for.

    :raises VersionDiffers: it is too old.
    """
    record = system.get(SwitchOptions, switch.key)
    wanted = 0 if record is None else record.extended.get("ClientMinimumRequiredBuild", 0)
    if login.client.build < wanted:
        raise VersionDiffers(f"The Virtual Switch needs clients of build {wanted} or newer.")


def check_empty_password(system: Database, user: User, address: IPv4Address | IPv6Address) -> None:
    """
    Keep users with an empty password to this very machine, where the switch asks for it.

    :raises EmptyPasswordRemote: the client is on another machine.
    """
    if user.auth is not AuthKind.PASSWORD or address.is_loopback:
        return
    if administrator_option(system, user.switch, "deny_empty_password") and hmac.compare_digest(
        user.password_hash, user_hash("", user.name)
    ):
        raise EmptyPasswordRemote


def check_password_change(system: Database, switch: str) -> None:
    """
    Look whether users of a switch may change their own passwords.

    :raises NotEnoughRights: they may not.
    """
    if administrator_option(system, switch, "deny_change_user_password"):
        raise NotEnoughRights("Users of this Virtual Switch may not change their passwords.")


def bounded(system: Database, switch: Switch, policy: Policy) -> Policy:
    """Return what the options of a switch leave of a policy."""
    record = system.get(SwitchOptions, switch.key)
    return policy if record is None else restricted(policy, record.administrator)


def check_numbers(system: Database, switch: str, sessions: int, bridges: int, bridge: bool) -> None:
    """
    Hold the sessions that a switch has on this server against its options.

    :param bridges: those of `sessions` that may bridge or route.
    :param bridge: whether one more of them wants to.
    :raises SwitchFull: there is no room.
    """
    record = system.get(SwitchOptions, switch)
    if record is None:
        return
    options = record.administrator
    if 0 < options.get("max_sessions", 0) <= sessions:
        raise SwitchFull
    if options.get("max_sessions_client_bridge_apply"):
        name = "max_sessions_bridge" if bridge else "max_sessions_client"
        if (bridges if bridge else sessions - bridges) >= options.get(name, 0):
            raise SwitchFull
