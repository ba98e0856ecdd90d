"""
TLS contexts of both ends, and the names that peers negotiate by ALPN (RFC 7301).

A server has two contexts for one certificate: peers that offer ALPN (our own clients and
members, browsers) get TLS 1.3; peers that do not are SoftEther's, which need a handshake
message in mid-stream (:meth:`.transport.TLSTransport.send_handshake_message`), and that is
possible with public calls in TLS 1.2 only. Both can be replaced while connections are open.
"""

from __future__ import annotations

from attrs import define
from OpenSSL import SSL

from iquila.errors import InvalidParameter
from iquila.session.certificate import Identity
from iquila.session.ciphers import POLICY

ALPN_VEN = b"iquila-ven/1"
"""A VEN session from one of our own clients."""
ALPN_CLUSTER = b"iquila-cluster/1"
"""A cluster connection: AMP."""
ALPN_HTTP = b"http/1.1"
"""A browser or another HTTP client."""

RENEGOTIATION_SECONDS = 60
"""How long the server knows a TLS session of a peer that takes no tickets."""
TRIAL_ROUNDS = 10
RECORD_BYTES = 64 * 1024

# The same order as everywhere: 128 bits are enough, and cheaper by a tenth (data-path §2).
_CIPHERS_1_3 = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
# A session keeps no TLS buffers while it is idle: 10 000 of them fit in 300 MB.
_MODE_RELEASE_BUFFERS = 0x10


def _base_context(method: int) -> SSL.Context:
    context = SSL.Context(method)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_mode(_MODE_RELEASE_BUFFERS)
    context.set_tls13_ciphersuites(_CIPHERS_1_3)
    return context


@define(eq=False)
class ServerContexts:
    """The two contexts of all listeners; choose by whether the peer offered ALPN."""

    modern: SSL.Context
    """TLS 1.2 and 1.3, with ALPN."""
    renegotiable: SSL.Context
    """TLS 1.2 only, in which the server can send a handshake message at any time."""

    def choose(self, alpn: tuple[bytes, ...]) -> SSL.Context:
        """Return the context for a peer that offered these protocols."""
        return self.modern if alpn else self.renegotiable

    def replace(self, others: ServerContexts) -> None:
        """Have new connections use others; each open one keeps what it began with."""
        self.modern, self.renegotiable = others.modern, others.renegotiable


def _server_context(identity: Identity, ciphers: str) -> SSL.Context:
    context = _base_context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(identity.certificate)
    for authority in identity.chain:
        context.add_extra_chain_cert(authority)
    context.use_privatekey(identity.key)
    context.check_privatekey()
    context.set_cipher_list((ciphers or POLICY).encode())
    context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    # Sessions are resumed by tickets, which cost the server nothing to keep: they are sealed
    # with keys that live as long as the context, and a restart makes clients begin anew.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(b"iquila")
    return context


def server_contexts(identity: Identity, ciphers: str = "") -> ServerContexts:
    """
    Return the contexts of a server that presents `identity`.

    :param ciphers: a list of OpenSSL for TLS 1.2; empty for :data:`.ciphers.POLICY`.
    """
    modern = _server_context(identity, ciphers)

    def choose(_connection: SSL.Connection, offered: list[bytes]) -> object:
        for known in (ALPN_CLUSTER, ALPN_VEN, ALPN_HTTP):
            if known in offered:
                return known
        # A peer that offers only what we do not speak (h2) still gets HTTP/1.1 without ALPN.
        return SSL.NO_OVERLAPPING_PROTOCOLS

    modern.set_alpn_select_callback(choose)  # type: ignore[arg-type]
    renegotiable = _server_context(identity, ciphers)
    renegotiable.set_max_proto_version(SSL.TLS1_2_VERSION)
    # These peers take no tickets. When they answer the handshake message by a handshake it
    # resumes their own session, if that is still known: then it costs next to nothing.
    renegotiable.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    renegotiable.set_timeout(RENEGOTIATION_SECONDS)
    return ServerContexts(modern, renegotiable)


def usable_contexts(identity: Identity, ciphers: str = "") -> ServerContexts:
    """
    Return the contexts of a server, once a handshake of each kind with itself has come off.

    :raises InvalidParameter: certificate, key and cipher suites do not go together.
    """
    try:
        contexts = server_contexts(identity, ciphers)
        for context in (contexts.modern, contexts.renegotiable):
            _try(context)
    except SSL.Error as error:
        raise InvalidParameter(
            f"No client could connect with this certificate and these cipher suites ({_why(error)}"
            "): choose a key of at least 2048 bits (RSA) or another list of suites."
        ) from None
    return contexts


def _try(context: SSL.Context) -> None:
    server, client = SSL.Connection(context), SSL.Connection(SSL.Context(SSL.TLS_METHOD))
    server.set_accept_state()
    client.set_connect_state()
    waiting = [client, server]
    for _ in range(TRIAL_ROUNDS):
        for connection, other in ((client, server), (server, client)):
            if connection in waiting:
                try:
                    connection.do_handshake()
                    waiting.remove(connection)
                except SSL.WantReadError:
                    pass
            try:
                other.bio_write(connection.bio_read(RECORD_BYTES))
            except SSL.WantReadError:
                continue
    if waiting:
        raise SSL.Error([("", "", "the handshake does not end")])


def _why(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args else ()
    return str(reasons[0][2]) if reasons and isinstance(reasons, list) else "TLS refuses"


def client_context(alpn: bytes) -> SSL.Context:
    """Return a client context that offers one protocol and verifies nothing yet."""
    context = _base_context(SSL.TLS_CLIENT_METHOD)
    if alpn == ALPN_CLUSTER:
        # Proofs are bound to the channel, which older versions do not always tell apart from
        # another one with the same keys (RFC 7627 §1).
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_alpn_protos([alpn])
    return context
