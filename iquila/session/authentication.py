"""
Does a login prove what it claims? The rules of reference §3.5 and §3.6, without any I/O.

Where a session may go is not decided here; the roles do that.
"""

from __future__ import annotations

import hmac
from ipaddress import IPv4Address, IPv6Address

from iquila.database.records import AuthKind, Switch, User
from iquila.errors import (
    AccessDenied,
    AuthenticationFailed,
    AuthTypeUnsupported,
    BridgeModeDenied,
    EmptyPasswordRemote,
    MonitorModeDenied,
)
from iquila.session.usercertificate import Trust, authenticate_certificate
from iquila.wire.login import (
    Auth,
    CertificateProof,
    Login,
    PasswordProof,
    PlainPassword,
    UnknownAuth,
)
from iquila.wire.passwords import check, switch_hashes, user_hash
from iquila.wire.policy import DEFAULT_POLICY, Policy

ADMINISTRATOR = "administrator"
"""The user name that stands for a switch's own password, in any case."""


def is_administrator(user: str) -> bool:
    """Return whether a login names the switch administrator."""
    return user.lower() == ADMINISTRATOR


def authenticate_user(user: User, auth: Auth, challenge: bytes, trust: Trust) -> None:
    """
    Check a user's proof.

    :param trust: what certificates are checked against.

    :raises AuthenticationFailed: it does not hold.
    :raises AuthTypeUnsupported: the proof is of a kind that is not known, or the user needs one
        that this server cannot check.
    """
    if user.auth is AuthKind.ANONYMOUS:
        return
    if isinstance(auth, UnknownAuth):
        raise AuthTypeUnsupported
    if user.auth in (AuthKind.CERTIFICATE, AuthKind.SIGNED):
        if not isinstance(auth, CertificateProof):
            raise AuthenticationFailed
        return authenticate_certificate(user, auth, challenge, trust)
    if user.auth is not AuthKind.PASSWORD:
        raise AuthTypeUnsupported(
            "The server cannot check users of an NT domain: give the user another kind of "
            "authentication."
            if user.auth is AuthKind.NT
            else None
        )
    if not any(user.password_hash):
        # No password was given yet, and who knows that could make a proof of it.
        raise AuthenticationFailed
    if isinstance(auth, PasswordProof):
        if check(auth.secure_password, user.password_hash, challenge):
            return
    elif isinstance(auth, PlainPassword) and hmac.compare_digest(
        user_hash(auth.password, user.name), user.password_hash
    ):
        return
    raise AuthenticationFailed


def authenticate_administrator(
    switch: Switch, auth: Auth, challenge: bytes, address: IPv4Address | IPv6Address
) -> None:
    """
    Check the switch's own password.

    :raises EmptyPasswordRemote: it is empty and the client is on another machine.
    :raises AuthenticationFailed: it is wrong.
    """
    if not isinstance(auth, PasswordProof) or not switch.secure_password:
        raise AuthenticationFailed
    if not check(auth.secure_password, switch.secure_password, challenge):
        raise AuthenticationFailed
    empty = hmac.compare_digest(switch.secure_password, switch_hashes("")[1])
    if empty and not address.is_loopback:
        raise EmptyPasswordRemote


def administrator_policy() -> Policy:
    """Return the policy of a switch administrator's session (reference §3.6)."""
    return DEFAULT_POLICY.administrator()


def session_policy(policy: Policy, login: Login) -> Policy:
    """
    Return the policy of one session, given what the login asks for.

    :raises AccessDenied: the policy lets nobody in.
    :raises MonitorModeDenied: monitor mode was asked for and is not allowed.
    :raises BridgeModeDenied: bridging was asked for and neither bridging nor routing is allowed.
    """
    if not policy.access:
        raise AccessDenied
    if login.options.monitor_mode and not policy.monitor_port:
        raise MonitorModeDenied
    if login.is_bridge:
        if policy.no_bridge and policy.no_routing:
            raise BridgeModeDenied
        return policy
    return policy.as_client()
