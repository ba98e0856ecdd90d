"""A user in requests and replies, and what a request makes of a user."""

from __future__ import annotations

import time as clock

from attrs import evolve, frozen

from iquila.admin import rules
from iquila.admin.checks import checked
from iquila.admin.fields import TrafficCounts, data, embed, flag, secret, text, time, u32, utf
from iquila.admin.managed import ManagedServer
from iquila.admin.policyform import PolicyFields
from iquila.database.lookups import group_of
from iquila.database.records import AuthKind, User
from iquila.errors import InvalidParameter
from iquila.wire.passwords import nt_hash, user_hash


@frozen
class UserRecord:
    """What an administrator defines of a user, and what is known of their logins."""

    hub_name: str = text("HubName")
    name: str = text("Name")
    group: str = text("GroupName")
    real_name: str = utf("Realname")
    note: str = utf("Note")
    created: int = time("CreatedTime")
    updated: int = time("UpdatedTime")
    expires: int = time("ExpireTime")
    auth: int = u32("AuthType")
    password: str = secret("Auth_Password")
    password_hash: bytes = data("HashedKey")
    nt_hash: bytes = data("NtLmSecureHash")
    certificate: bytes = data("UserX")
    serial: bytes = data("Serial")
    common_name: str = utf("CommonName")
    radius_name: str = utf("RadiusUsername")
    nt_name: str = utf("NtUsername")
    logins: int = u32("NumLogin")
    traffic: TrafficCounts = embed(TrafficCounts)
    use_policy: bool = flag("UsePolicy")
    policy: PolicyFields = embed(PolicyFields, "policy:")


def described(server: ManagedServer, user: User) -> UserRecord:
    """Return a user as replies have it."""
    group = group_of(server.system, user)
    return UserRecord(
        hub_name=user.switch,
        name=user.name,
        group="" if group is None else group.name,
        real_name=user.real_name,
        note=user.note,
        created=user.created,
        updated=user.updated,
        expires=user.expires,
        auth=int(user.auth),
        password_hash=user.password_hash,
        nt_hash=user.nt_hash,
        certificate=user.certificate,
        serial=user.serial,
        common_name=user.common_name,
        radius_name=user.alias if user.auth is AuthKind.RADIUS else "",
        nt_name=user.alias if user.auth is AuthKind.NT else "",
        logins=server.logins(user.switch, user.name).logins,
        use_policy=user.policy is not None,
        policy=PolicyFields.of(user.policy),
    )


def changed_user(user: User, request: UserRecord) -> User:
    """
    Return a user as a request defines it; the group is not looked at.

    What proves a user stays where the request gives nothing new for the same kind.

    :raises InvalidParameter: a parameter is not allowed; the text names it.
    :raises NotRSA1024: a certificate has a key that the protocol has no use for.
    """
    try:
        auth = AuthKind(request.auth)
    except ValueError:
        raise InvalidParameter(
            "AuthType is none of 0 (anonymous), 1 (password), 2 (individual certificate), "
            "3 (signed certificate), 4 (RADIUS) and 5 (NT domain)."
        ) from None
    checked("AuthType", rules.authentication, user.name, auth)
    changed = evolve(
        user,
        auth=auth,
        password_hash=b"",
        nt_hash=b"",
        certificate=b"",
        common_name="",
        serial=b"",
        alias="",
        real_name=checked("Realname", rules.text, request.real_name),
        note=checked("Note", rules.text, request.note),
        expires=checked("ExpireTime", rules.moment, request.expires),
        policy=request.policy.policy().clamp() if request.use_policy else None,
        updated=int(clock.time() * 1000),
    )
    if auth is AuthKind.PASSWORD:
        return _with_password(changed, user, request)
    if auth is AuthKind.CERTIFICATE:
        return evolve(changed, certificate=_certificate(user, request))
    if auth is AuthKind.SIGNED:
        return _with_signer(changed, request)
    if auth is AuthKind.RADIUS:
        return evolve(changed, alias=checked("RadiusUsername", rules.text, request.radius_name))
    if auth is AuthKind.NT:
        return evolve(changed, alias=checked("NtUsername", rules.text, request.nt_name))
    return changed


def _with_password(changed: User, old: User, request: UserRecord) -> User:
    if request.password:
        password = checked("Auth_Password", rules.text, request.password)
        return evolve(
            changed, password_hash=user_hash(password, old.name), nt_hash=nt_hash(password)
        )
    hashed = checked("HashedKey", rules.sized, request.password_hash, rules.DIGEST)
    given = checked("NtLmSecureHash", rules.sized, request.nt_hash, rules.NT_DIGEST)
    if any(hashed) and hashed != old.password_hash:
        return evolve(changed, password_hash=hashed, nt_hash=given if any(given) else b"")
    if old.password_hash:
        kept = given if any(given) else old.nt_hash
        return evolve(changed, password_hash=old.password_hash, nt_hash=kept)
    # No password has this hash: nobody can log in before one is given.
    return evolve(changed, password_hash=bytes(rules.DIGEST), nt_hash=bytes(rules.NT_DIGEST))


def _certificate(old: User, request: UserRecord) -> bytes:
    der = request.certificate or old.certificate
    if not der:
        raise InvalidParameter(
            "UserX is missing: give the certificate that the user logs in with, X.509 in DER."
        )
    return checked("UserX", rules.user_certificate, der)


def _with_signer(changed: User, request: UserRecord) -> User:
    serial = checked("Serial", rules.serial, request.serial)
    name = checked("CommonName", rules.text, request.common_name)
    return evolve(changed, common_name=name, serial=serial)
