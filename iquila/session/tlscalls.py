"""
SSL_read and SSL_write as the data path needs them: straight from and to our own buffers.

There are two ways to make these calls, with the same results. ``binding`` calls OpenSSL
through the binding that pyOpenSSL itself is built on, without allocating or copying; it is
chosen once, at start, where that binding is as we know it. ``public`` uses pyOpenSSL's public
API only; it is the fallback, and ``IQUILA_TLS=public`` in the environment asks for it.

Not for handshakes, closing or anything else that happens once: that is pyOpenSSL's.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from typing import Any

from attrs import frozen
from OpenSSL import SSL

RECORD = 16 * 1024
"""Plain bytes in one TLS record at most (RFC 8446 §5.1)."""


class Outcome(Enum):
    """Why a call ended."""

    DONE = "done"
    """Everything was written; or enough was read, and there may be more."""
    WANT_READ = "want read"
    WANT_WRITE = "want write"
    CLOSED = "closed"
    """The peer sent close_notify."""
    LOST = "lost"
    """The connection was cut, or its TLS was violated."""


class SharedBuffer:
    """
    Memory that many connections are read into, one at a time.

    :param size: bytes.
    """

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.view = memoryview(self.data)
        self.pointer: Any = None
        """The same memory as the binding sees it; set by the binding's calls."""


Reader = Callable[[SSL.Connection, SharedBuffer, int, int, bool], tuple[int, Outcome]]
"""read(connection, buffer, at, limit, greedy) -> (end, outcome): read into the buffer from
offset `at` until nothing is left or `end` >= `limit`; unless `greedy`, a record that is not full
is taken for the last one. Needs room for RECORD bytes behind `limit`."""
Writer = Callable[[SSL.Connection, memoryview], tuple[int, Outcome]]
"""write(connection, view) -> (bytes taken, outcome): write until all is taken or refused.
What was not taken has to be offered again first, the same bytes and at least as many."""


@frozen
class TLSCalls:
    """One way to make the two calls."""

    name: str
    read: Reader
    write: Writer


def _explain(error: SSL.Error) -> Outcome:
    if isinstance(error, SSL.WantReadError):
        return Outcome.WANT_READ
    if isinstance(error, SSL.WantWriteError):
        return Outcome.WANT_WRITE
    return Outcome.CLOSED if isinstance(error, SSL.ZeroReturnError) else Outcome.LOST


def public_calls() -> TLSCalls:
    """Return the calls of pyOpenSSL's public API."""

    def read(
        connection: SSL.Connection, buffer: SharedBuffer, at: int, limit: int, greedy: bool
    ) -> tuple[int, Outcome]:
        try:
            while at < limit:
                count = connection.recv_into(buffer.view[at : at + RECORD], RECORD)
                at += count
                if count < RECORD and not greedy:
                    break
        except SSL.Error as error:
            return at, _explain(error)
        return at, Outcome.DONE

    def write(connection: SSL.Connection, view: memoryview) -> tuple[int, Outcome]:
        done, size = 0, len(view)
        try:
            # One call makes one record: pyOpenSSL enables partial writes.
            while done < size:
                done += connection.send(view[done:])
        except SSL.Error as error:
            return done, _explain(error)
        return done, Outcome.DONE

    return TLSCalls("public", read, write)


def binding_calls() -> TLSCalls | None:
    """Return the calls of cryptography's binding, None where it is not as we know it."""
    try:
        from cryptography.hazmat.bindings.openssl.binding import Binding

        binding: Any = Binding
        ffi, lib = binding.ffi, binding().lib
        ssl_read, ssl_write, get_error = lib.SSL_read, lib.SSL_write, lib.SSL_get_error
        clear_errors = lib.ERR_clear_error
        from_buffer = ffi.from_buffer
        outcomes = {
            lib.SSL_ERROR_WANT_READ: Outcome.WANT_READ,
            lib.SSL_ERROR_WANT_WRITE: Outcome.WANT_WRITE,
            lib.SSL_ERROR_ZERO_RETURN: Outcome.CLOSED,
        }
        probe: Any = SSL.Connection(SSL.Context(SSL.TLS_METHOD))
        if ffi.typeof(probe._ssl) is not ffi.typeof("SSL *"):
            return None
    except Exception:
        # Private names may be gone or changed: whatever the reason, there is another way.
        return None

    def explain(ssl: Any, result: int) -> Outcome:
        outcome = outcomes.get(get_error(ssl, result))
        if outcome is not None:
            return outcome
        # An entry that somebody else left in this thread's error queue hides the reason:
        # empty the queue and ask again. A real failure stays one.
        clear_errors()
        return outcomes.get(get_error(ssl, result), Outcome.LOST)

    def read(
        connection: Any, buffer: SharedBuffer, at: int, limit: int, greedy: bool
    ) -> tuple[int, Outcome]:
        pointer = buffer.pointer
        if pointer is None:
            pointer = buffer.pointer = from_buffer(buffer.data)
        ssl = connection._ssl
        while at < limit:
            count = ssl_read(ssl, pointer + at, RECORD)
            if count <= 0:
                return at, explain(ssl, count)
            at += count
            if count < RECORD and not greedy:
                break
        return at, Outcome.DONE

    def write(connection: Any, view: memoryview) -> tuple[int, Outcome]:
        ssl = connection._ssl
        done, size = 0, len(view)
        with from_buffer(view) as data:
            while done < size:
                count = ssl_write(ssl, data + done, size - done)
                if count <= 0:
                    return done, explain(ssl, count)
                done += count
        return done, Outcome.DONE

    return TLSCalls("binding", read, write)


def choose(wish: str) -> TLSCalls:
    """Return the public calls where `wish` is ``public``, else the fastest there are."""
    return (None if wish == "public" else binding_calls()) or public_calls()


CALLS = choose(os.environ.get("IQUILA_TLS", ""))
"""The calls of this process."""
