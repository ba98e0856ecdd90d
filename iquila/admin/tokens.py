"""
Bearer tokens for the API, and the auditor's password.

A token is shown once, when it is made; the database has its digest only. Its scope is what one
of the passwords would allow: ``server``, ``auditor`` or ``switch:NAME``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time as clock

from attrs import evolve, frozen

from iquila.admin.fields import items, secret, text, time
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Nothing, Table
from iquila.admin.switches import NOT_ON_MEMBER, known
from iquila.database.accounts import Auditor, Token
from iquila.database.records import ServerMode, Switch
from iquila.database.store import delete, put
from iquila.errors import (
    AccessDenied,
    InvalidName,
    InvalidParameter,
    NotEnoughRights,
    ObjectExists,
    ObjectNotFound,
    TooManyItems,
)
from iquila.wire.names import valid_user_name
from iquila.wire.passwords import administration_hash

TABLE = Table()
PREFIX = "iquila_"
MAX_TOKENS = 1000
SWITCH = "switch:"


def bearer(server: ManagedServer, presented: str) -> Caller:
    """
    Return the caller that a token stands for.

    :raises AccessDenied: it is not known, or has expired.
    :raises NotEnoughRights: a token for a switch at a member.
    """
    digest = _digest(presented)
    found = None
    for token in server.system.all(Token):
        if hmac.compare_digest(token.digest, digest):
            found = token
    if found is None or (found.expires and found.expires <= clock.time() * 1000):
        raise AccessDenied("The token is not known, or has expired.")
    name = f"token:{found.name}"
    if found.scope.startswith(SWITCH):
        if server.settings.mode is ServerMode.MEMBER:
            raise NotEnoughRights("Switch administrators connect to the controller.")
        switch = server.system.get(Switch, found.scope.removeprefix(SWITCH))
        if switch is None or switch.created > found.created:
            # Another one may have the name of the switch that the token was made for.
            raise AccessDenied("The token is for a Virtual Switch that was deleted.")
        return Caller(switch.name, name=name)
    return Caller(auditor=found.scope != "server", name=name)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


@frozen
class TokenRecord:
    """A token; the token itself in the reply to its making only."""

    name: str = text("Name")
    scope: str = text("Scope")
    created: int = time("CreatedTime")
    expires: int = time("ExpireTime")
    token: str = secret("Token")


@frozen
class TokenItem:
    """A token in the list."""

    name: str = text("Name")
    scope: str = text("Scope")
    created: int = time("CreatedTime")
    expires: int = time("ExpireTime")


@frozen
class TokenList:
    """All tokens."""

    tokens: tuple[TokenItem, ...] = items("TokenList", TokenItem)


@frozen
class TokenName:
    """A token by name."""

    name: str = text("Name")


@TABLE.operation("CreateToken", TokenRecord, TokenRecord, refused=NOT_ON_MEMBER)
async def create_token(server: ManagedServer, caller: Caller, request: TokenRecord) -> TokenRecord:
    """Make a bearer token for the API, with a scope and an expiry; it is shown this once."""
    if not valid_user_name(request.name):
        raise InvalidName
    scope = _scope(server, request.scope)
    now = int(clock.time() * 1000)
    if request.expires and request.expires <= now:
        raise InvalidParameter("ExpireTime has passed already: give a later time, or none.")
    if server.system.get(Token, request.name) is not None:
        raise ObjectExists(f"There is a token '{request.name}' already: delete it first.")
    if len(server.system.all(Token)) >= MAX_TOKENS:
        raise TooManyItems(f"There are {MAX_TOKENS} tokens already: delete some.")
    made = PREFIX + secrets.token_urlsafe(32)
    token = Token(request.name, _digest(made), scope, now, request.expires)
    await server.system.transact([put(token)], [server.system.unchanged(Token, token.key)])
    return evolve(request, scope=scope, created=now, token=made)


def _scope(server: ManagedServer, scope: str) -> str:
    if scope.startswith(SWITCH):
        return SWITCH + known(server, scope.removeprefix(SWITCH)).name
    if scope not in ("server", "auditor"):
        raise InvalidParameter("Scope is 'server', 'auditor' or 'switch:NAME'.")
    return scope


@TABLE.operation("EnumToken", Nothing, TokenList)
async def enum_token(server: ManagedServer, caller: Caller, request: Nothing) -> TokenList:
    """List the bearer tokens, without what proves them."""
    return TokenList(
        tuple(TokenItem(t.name, t.scope, t.created, t.expires) for t in server.system.all(Token))
    )


@TABLE.operation("DeleteToken", TokenName, TokenName, refused=NOT_ON_MEMBER)
async def delete_token(server: ManagedServer, caller: Caller, request: TokenName) -> TokenName:
    """Take a bearer token back: it proves nothing from now on."""
    if server.system.get(Token, request.name) is None:
        raise ObjectNotFound(f"There is no token '{request.name[:64]}'.")
    await server.system.transact([delete(Token, request.name)])
    return request


@frozen
class AuditorPassword:
    """A new password of the auditor; an empty one takes the auditor away."""

    password: str = secret("PlainTextPassword")


@TABLE.operation("SetAuditorPassword", AuditorPassword, Nothing, refused=NOT_ON_MEMBER)
async def set_auditor_password(
    server: ManagedServer, caller: Caller, request: AuditorPassword
) -> Nothing:
    """Let an auditor in, who reads everything and changes nothing; no password: nobody."""
    if request.password:
        change = put(Auditor(administration_hash(request.password)))
    else:
        change = delete(Auditor, "auditor")
    await server.system.transact([change])
    return Nothing()
