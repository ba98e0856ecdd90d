"""
How a client decides that the server in front of it is the right one.

A policy is one of :class:`Authorities` (a chain to a trusted CA and a matching name, by
service-identity, RFC 6125), :class:`Pinned` (this very certificate) or :class:`Unverified`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable
from pathlib import Path
from typing import Protocol

from attrs import frozen
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from service_identity import VerificationError
from service_identity.pyopenssl import verify_hostname, verify_ip_address

from iquila.errors import ConfigurationError, ServerCertificateUntrusted
from iquila.session.certificate import fingerprint


class Verification(Protocol):
    """What a policy does: prepare the TLS context, then judge the finished handshake."""

    def trust(self) -> Hashable:
        """Return what stands for all that :meth:`prepare` does: contexts of equals are shared."""

    def prepare(self, context: SSL.Context) -> None:
        """Set `context` up before the handshake."""

    def check(self, connection: SSL.Connection, host: str) -> None:
        """
        Judge the peer after the handshake.

        :raises ServerCertificateUntrusted: it is not the server we were told to reach.
        """


def peer_certificate(connection: SSL.Connection) -> bytes:
    """Return the peer's certificate, DER, or empty bytes where it has shown none."""
    certificate = connection.get_peer_certificate(as_cryptography=True)
    return b"" if certificate is None else certificate.public_bytes(Encoding.DER)


@frozen
class Unverified:
    """Take any certificate: only for tests and where a person asked for it."""

    def trust(self) -> Hashable:
        """Return the same for all that prepare nothing."""
        return None

    def prepare(self, context: SSL.Context) -> None:
        """Ask for no check."""

    def check(self, connection: SSL.Connection, host: str) -> None:
        """Accept."""


@frozen
class Pinned:
    """Take exactly one certificate, named by its SHA-256 (64 lower-case hexadecimal digits)."""

    sha256: str

    def trust(self) -> Hashable:
        """Return the same for all that prepare nothing."""
        return None

    def prepare(self, context: SSL.Context) -> None:
        """Ask OpenSSL for no check: the comparison is ours."""

    def check(self, connection: SSL.Connection, host: str) -> None:
        """Compare the fingerprint."""
        shown = fingerprint(peer_certificate(connection))
        if shown != self.sha256:
            raise ServerCertificateUntrusted(
                f"The server {host} shows a certificate with the fingerprint {shown} where "
                f"{self.sha256} was expected: somebody may be in the middle, or the server has "
                "a new certificate; check its fingerprint on the server, then give that one."
            )


@frozen
class Authorities:
    """Take a certificate that chains to a trusted CA and carries the name we connect to."""

    file: Path | None = None
    """PEM file with the trusted certificates; None for those of the operating system."""

    def trust(self) -> Hashable:
        """Return another value when the file was changed."""
        try:
            changed = 0 if self.file is None else self.file.stat().st_mtime_ns
        except OSError:
            changed = 0
        return "authorities", self.file, changed

    def prepare(self, context: SSL.Context) -> None:
        """
        Load the trusted certificates.

        :raises ConfigurationError: the file cannot be read.
        """
        if self.file is None:
            context.set_default_verify_paths()
        else:
            try:
                context.load_verify_locations(str(self.file))
            except SSL.Error as error:
                raise ConfigurationError(
                    f"The CA file {self.file} cannot be read: give a file of PEM certificates."
                ) from error
        context.set_verify(SSL.VERIFY_PEER, lambda _c, _x, _e, _d, ok: bool(ok))

    def check(self, connection: SSL.Connection, host: str) -> None:
        """Compare the names (RFC 6125)."""
        try:
            try:
                ipaddress.ip_address(host)
            except ValueError:
                verify_hostname(connection, host)
            else:
                verify_ip_address(connection, host)
        except VerificationError as error:
            raise ServerCertificateUntrusted(
                f"The certificate of the server is not made for {host}: use the name that it "
                "carries, or pin its fingerprint."
            ) from error
