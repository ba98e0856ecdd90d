"""
Operations on a server's own certificate.

Each server has its own. A change takes effect for new TLS connections on all listeners; open
ones, and so all sessions, go on.
"""

from __future__ import annotations

import datetime

from attrs import frozen

from iquila.admin.facts import Test
from iquila.admin.fields import data, flag
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Effect, Nothing, Table
from iquila.errors import InvalidParameter
from iquila.session.certificate import key_der, make_identity, read_identity

TABLE = Table()
MAX_COMMON_NAME = 64
"""X.520's bound."""


@frozen
class KeyPair:
    """
    A certificate and its private key.

    Told in DER; taken in PEM, where authorities may follow the certificate, or in DER.
    """

    certificate: bytes = data("Cert")
    key: bytes = data("Key")
    complete: bool = flag("Flag1")
    """Whether nothing is missing between the certificate and a root that peers know."""


@TABLE.operation("GetServerCert", Nothing, KeyPair, effect=Effect.SECRET)
async def get_server_cert(server: ManagedServer, caller: Caller, request: Nothing) -> KeyPair:
    """Return the certificate that the server shows, with its private key."""
    identity = server.identity
    return KeyPair(identity.der, key_der(identity), _complete(server))


@TABLE.operation("SetServerCert", KeyPair, KeyPair)
async def set_server_cert(server: ManagedServer, caller: Caller, request: KeyPair) -> KeyPair:
    """Show another certificate to whoever connects from now on; sessions go on."""
    now = datetime.datetime.now(datetime.UTC)
    await server.change_identity(read_identity(request.certificate, request.key, now))
    return KeyPair(server.identity.der, complete=_complete(server))


@TABLE.operation("RegenerateServerCert", Test, Test)
async def regenerate_server_cert(server: ManagedServer, caller: Caller, request: Test) -> Test:
    """Make a new self-signed certificate for a name; without one, for the host's."""
    name = request.string.strip() or server.host_name
    if len(name) > MAX_COMMON_NAME or not name.isprintable() or not name.isascii():
        raise InvalidParameter(
            f"A common name has 1 to {MAX_COMMON_NAME} printable ASCII characters."
        )
    await server.change_identity(make_identity(name))
    return Test(string=name)


def _complete(server: ManagedServer) -> bool:
    identity = server.identity
    own = identity.certificate
    return bool(identity.chain) or own.issuer == own.subject
