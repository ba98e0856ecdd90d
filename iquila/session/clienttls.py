"""
What a client's TLS connections share: one context for all of a kind, and sessions to resume.

A resumed handshake saves both ends the work with keys and certificates, and most of the bytes.
The server is judged each time all the same, by the certificate that it showed when the session
began. Cluster connections are never resumed: their proofs are bound to fresh keys.
"""

from __future__ import annotations

import socket
from collections.abc import Hashable

from OpenSSL import SSL

from iquila.session.contexts import ALPN_VEN, client_context
from iquila.session.verification import Verification

SESSIONS = 256
"""Servers whose sessions are kept, for one kind of connection."""
KINDS = 32
"""Kinds of connections whose contexts are kept."""


class ClientTLS:
    """
    A client's TLS, of one kind.

    :param context: prepared for everything that its connections have in common.
    :param resumes: whether sessions are kept.
    :param limit: of how many servers.
    """

    def __init__(self, context: SSL.Context, *, resumes: bool, limit: int = SESSIONS) -> None:
        self._context = context
        self._limit = limit if resumes else 0
        self._sessions: dict[Hashable, SSL.Session] = {}

    def connect(self, skt: socket.socket, server: Hashable, name: str) -> SSL.Connection:
        """
        Return a TLS connection on a connected socket, which resumes a session if there is one.

        :param server: stands for the server among all.
        :param name: what the server is asked for (SNI), the empty string for nothing.
        """
        connection = SSL.Connection(self._context, skt)
        if name:
            connection.set_tlsext_host_name(name.encode("idna"))
        # Offered once: who sees it twice could tell that both connections are of one client
        # (RFC 8446 appendix C.4).
        session = self._sessions.pop(server, None)
        if session is not None:
            connection.set_session(session)
        return connection

    def keep(self, connection: SSL.Connection, server: Hashable) -> None:
        """Keep the session of a connection, which has read what the server sent so far."""
        session = connection.get_session() if self._limit else None
        if session is None:
            return
        self._sessions.pop(server, None)
        while len(self._sessions) >= self._limit:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[server] = session


_kinds: dict[Hashable, ClientTLS] = {}


def client_tls(alpn: bytes, verification: Verification) -> ClientTLS:
    """
    Return the TLS of all clients of this process that offer `alpn` and trust alike.

    :raises ConfigurationError: what `verification` needs cannot be read.
    """
    kind = (alpn, verification.trust())
    found = _kinds.pop(kind, None)
    if found is None:
        context = client_context(alpn)
        verification.prepare(context)
        found = ClientTLS(context, resumes=alpn == ALPN_VEN)
        while len(_kinds) >= KINDS:
            del _kinds[next(iter(_kinds))]
    _kinds[kind] = found
    return found
