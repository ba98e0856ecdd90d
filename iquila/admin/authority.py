"""Who is calling? Passwords of the server and of its Virtual Switches, compared safely."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller
from iquila.database.accounts import Auditor
from iquila.database.records import ServerMode, Switch
from iquila.errors import AccessDenied, EmptyPasswordRemote, NotEnoughRights, SwitchNotFound
from iquila.wire.passwords import administration_hash, check, switch_hashes

AUDITOR = "auditor"
"""The name that an auditor gives in place of a switch."""
DIGEST = 20
_NOTHING = b"\0" * DIGEST
Proves = Callable[[bytes], bool]
"""Whether what the caller presented proves a stored hash."""


def authenticate(server: ManagedServer, name: str, password: str) -> Caller:
    """
    Return the caller that a password proves.

    :param name: empty or ``administrator`` for the server's administrator, ``auditor``, else
        a switch.
    :raises AccessDenied: the password is wrong; an unknown switch looks the same.
    :raises NotEnoughRights: a switch administrator at a member.
    """
    hashed = administration_hash(password)
    # An empty password keeps everybody out: it proves nothing.
    return _caller(server, name, lambda stored: hmac.compare_digest(hashed, stored), bool(password))


def prove(
    server: ManagedServer,
    name: str,
    proof: bytes,
    challenge: bytes,
    address: IPv4Address | IPv6Address,
) -> Caller:
    """
    Return the caller that the answer to a challenge proves (reference §7.9).

    :raises AccessDenied: it proves nothing.
    :raises SwitchNotFound: there is no such switch; logins tell as much.
    :raises NotEnoughRights: a switch administrator at a member.
    :raises EmptyPasswordRemote: the switch has no password and the caller is elsewhere.
    """
    if len(proof) != DIGEST:
        raise AccessDenied("The administration password is missing.")
    known = name.lower() in ("", "administrator", AUDITOR)
    if not known and server.system.get(Switch, name) is None:
        raise SwitchNotFound
    caller = _caller(server, name, lambda stored: check(proof, stored, challenge), True)
    if caller.switch and not address.is_loopback:
        record = server.system.get(Switch, caller.switch)
        if record is not None and record.hashed_password == switch_hashes("")[0]:
            raise EmptyPasswordRemote
    return caller


class Standing:
    """
    A caller on a connection that lasts: whether what proved them still would.

    :ivar caller: who it is.
    """

    def __init__(self, server: ManagedServer, caller: Caller) -> None:
        self.caller = caller
        self._server = server
        self._proved = self._stored()

    def check(self) -> None:
        """
        Look whether the password is still the same, and the switch is still there.

        :raises AccessDenied: it is not.
        """
        if self._stored() != self._proved:
            raise AccessDenied("The password was changed meanwhile: connect again.")

    def renew(self) -> None:
        """Let the caller stay, who has just changed the own password."""
        self._proved = self._stored()

    def _stored(self) -> object:
        if self.caller.is_server_administrator:
            return self._server.settings.password_hash
        if self.caller.auditor:
            return self._server.system.get(Auditor, AUDITOR)
        if self._server.settings.mode is ServerMode.MEMBER:
            return None
        switch = self._server.system.get(Switch, self.caller.switch)
        return None if switch is None else (switch.created, switch.hashed_password)


def _caller(server: ManagedServer, name: str, proves: Proves, given: bool) -> Caller:
    stored = server.settings.password_hash
    if given and proves(stored or _NOTHING) and stored:
        # The system's tools give the server's password also with the name of a switch, to
        # begin there.
        return Caller()
    if name.lower() in ("", "administrator"):
        raise AccessDenied("The administration password is wrong.")
    record = server.system.get(Switch, name)
    if record is None and name.lower() == AUDITOR:
        return _auditor(server, proves, given)
    right = proves((record.hashed_password if record is not None else b"") or _NOTHING)
    if record is None or not given or not right or not record.hashed_password:
        raise AccessDenied("The name of the Virtual Switch or its password is wrong.")
    if server.settings.mode is ServerMode.MEMBER:
        raise NotEnoughRights("Switch administrators connect to the controller.")
    return Caller(record.name, name=f"administrator@{record.name}")


def _auditor(server: ManagedServer, proves: Proves, given: bool) -> Caller:
    record = server.system.get(Auditor, AUDITOR)
    right = proves(record.password_hash if record is not None else _NOTHING)
    if record is None or not given or not right:
        raise AccessDenied("The auditor's password is wrong.")
    return Caller(auditor=True, name=AUDITOR)
