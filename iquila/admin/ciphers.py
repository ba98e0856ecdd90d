"""Operations on the cipher suites that a server takes."""

from __future__ import annotations

from attrs import frozen

from iquila.admin.fields import text
from iquila.admin.managed import ManagedServer
from iquila.admin.operation import Caller, Nothing, Table, Who
from iquila.session.ciphers import DEFAULT, normal, supported

TABLE = Table()


@frozen
class Cipher:
    """Names of cipher suites, as OpenSSL has them."""

    names: str = text("String")


@TABLE.operation("GetServerCipher", Nothing, Cipher, Who.ANY)
async def get_server_cipher(server: ManagedServer, caller: Caller, request: Nothing) -> Cipher:
    """Tell the cipher suites of TLS 1.2 that were chosen, ``~DEFAULT~`` for iquila's policy."""
    return Cipher(server.settings.ciphers or DEFAULT)


@TABLE.operation("SetServerCipher", Cipher, Cipher)
async def set_server_cipher(server: ManagedServer, caller: Caller, request: Cipher) -> Cipher:
    """Take these cipher suites of TLS 1.2 only, from whoever connects from now on."""
    await server.change_ciphers(normal(request.names, server.identity))
    return Cipher(server.settings.ciphers or DEFAULT)


@TABLE.operation("GetServerCipherList", Nothing, Cipher, Who.ANY)
async def get_server_cipher_list(server: ManagedServer, caller: Caller, request: Nothing) -> Cipher:
    """List the cipher suites that can be chosen with the server's key, ``;`` between them."""
    return Cipher(";".join((DEFAULT, *supported(server.identity))))
