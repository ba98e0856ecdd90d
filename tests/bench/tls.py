"""
TLS for the load benches' drivers: OpenSSL's own calls on non-blocking sockets.

What the drivers use of the machine the servers do not get, so nothing lies between them and the
library that iquila's own transport uses too. No verification, no ALPN, no session tickets.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

_lib: Any = Binding().lib
_ffi: Any = Binding().ffi
_MODE_RELEASE_BUFFERS = 0x10
_MODE_ENABLE_PARTIAL_WRITE = 0x01
_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x02
_READ = 16 * 1024
_scratch = _ffi.new("char[]", _READ)
SCRATCH = memoryview(_ffi.buffer(_scratch, _READ))
"""What :meth:`Channel.fetch` reads into: one for the process."""

Address = tuple[str, int]


class ChannelClosed(Exception):
    """The other end closed, or TLS failed."""


def client_context() -> Any:
    """Return a TLS context that takes any server."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_mode(
        _MODE_RELEASE_BUFFERS | _MODE_ENABLE_PARTIAL_WRITE | _MODE_ACCEPT_MOVING_WRITE_BUFFER
    )
    # The first of these is what clients with OpenSSL 3 begin with. Newer libraries make a
    # post-quantum key as well, which would cost the driver a fifth of its handshakes.
    _lib.SSL_CTX_set1_curves_list(context._context, b"X25519:P-256")
    return context


class Channel:
    """
    A TLS connection to a server. No call blocks.

    :param context: from :func:`client_context`.
    :raises OSError: the connection is refused at once.
    """

    __slots__ = ("_context", "_ssl", "address", "fd", "socket")

    def __init__(self, address: Address, context: Any) -> None:
        self.address = address
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.fd = self.socket.fileno()
        self._context = context  # the library counts references, but its owner must not go
        self._ssl = _lib.SSL_new(context._context)
        _lib.SSL_set_fd(self._ssl, self.fd)
        _lib.SSL_set_connect_state(self._ssl)
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.connect_ex(address)
        except BaseException:
            self.abort()
            raise

    @property
    def open(self) -> bool:
        """Whether it was not closed by us."""
        return self._ssl is not None

    @property
    def version(self) -> str:
        """The version of TLS, such as ``TLSv1.3``."""
        name: bytes = _ffi.string(_lib.SSL_get_version(self._ssl))
        return name.decode()

    def handshake(self) -> bool:
        """
        Go on with connecting and the handshake; return whether it is done.

        :raises ChannelClosed: one of them failed.
        """
        result: int = _lib.SSL_do_handshake(self._ssl)
        if result == 1:
            return True
        self._judge(result)
        return False

    def read(self) -> bytes:
        """
        Return what one record holds, empty bytes while there is none.

        :raises ChannelClosed: there will be none.
        """
        count: int = _lib.SSL_read(self._ssl, _scratch, _READ)
        if count > 0:
            return bytes(SCRATCH[:count])
        self._judge(count)
        return b""

    def fetch(self) -> int:
        """
        Read a record into :data:`SCRATCH`; return how many bytes it held, 0 while there is none.

        :raises ChannelClosed: there will be none.
        """
        count: int = _lib.SSL_read(self._ssl, _scratch, _READ)
        if count > 0:
            return count
        self._judge(count)
        return 0

    def write(self, data: bytes) -> int:
        """
        Send a part of `data`, at most one record; return how many bytes went, 0 to try later.

        :raises ChannelClosed: none will go.
        """
        return self.write_at(_ffi.from_buffer(data), len(data))

    def write_at(self, pointer: Any, size: int) -> int:
        """As :meth:`write`, from a pointer that the library gave for a buffer."""
        count: int = _lib.SSL_write(self._ssl, pointer, size)
        if count > 0:
            return count
        self._judge(count)
        return 0

    def _judge(self, result: int) -> None:
        number = _ffi.errno
        kind = _lib.SSL_get_error(self._ssl, result)
        if kind in (_lib.SSL_ERROR_WANT_READ, _lib.SSL_ERROR_WANT_WRITE):
            return
        # Left in its queue, errors of this connection would be taken for those of the next.
        _lib.ERR_clear_error()
        why = os.strerror(number) if kind == _lib.SSL_ERROR_SYSCALL and number else f"TLS: {kind}"
        raise ChannelClosed(f"{self.address[0]}:{self.address[1]}: {why}")

    def close(self) -> None:
        """Close with a close_notify, without waiting for the server's. May be called again."""
        if self._ssl is not None:
            if _lib.SSL_shutdown(self._ssl) < 0:
                _lib.ERR_clear_error()
            self.abort()

    def abort(self) -> None:
        """Close the socket only."""
        if self._ssl is not None:
            _lib.SSL_free(self._ssl)
            self._ssl = None
            self.socket.close()


def pointer_to(buffer: bytes) -> Any:
    """Return a pointer for :meth:`Channel.write_at`; add offsets to it, and keep it."""
    return _ffi.from_buffer(buffer)
