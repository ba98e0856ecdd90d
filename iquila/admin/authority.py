"""Who is calling? Passwords of the server and of its Virtual Switches, compared safely."""

from __future__ import annotations

import hmac

from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller
from iquila.database.records import ServerMode, Switch
from iquila.errors import AccessDenied, NotEnoughRights
from iquila.wire.passwords import administration_hash, switch_hashes


def authenticate(server: ManagedServer, switch: str, password: str) -> Caller:
    """
    Return the caller that a password proves.

    :param switch: empty or ``administrator`` for the server's administrator, else a switch.
    :raises AccessDenied: the password is wrong; an unknown switch looks the same.
    :raises NotEnoughRights: a switch administrator at a member.
    """
    if switch.lower() in ("", "administrator"):
        stored = server.settings.password_hash
        if stored and hmac.compare_digest(administration_hash(password), stored):
            return Caller()
        raise AccessDenied("The administration password is wrong.")
    record = server.system.get(Switch, switch)
    stored = record.hashed_password if record is not None else b""
    # An empty password keeps everybody out: it proves nothing.
    right = hmac.compare_digest(switch_hashes(password)[0], stored or b"\0" * 20)
    if record is None or not password or not right:
        raise AccessDenied("The name of the Virtual Switch or its password is wrong.")
    if server.settings.mode is ServerMode.MEMBER:
        raise NotEnoughRights("Switch administrators connect to the controller.")
    return Caller(record.name, name=f"administrator@{record.name}")
