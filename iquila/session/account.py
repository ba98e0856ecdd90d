"""Whom a client connects as, to what, and how often it tries again. No I/O."""

from __future__ import annotations

import random
from collections.abc import Callable

from attrs import field, frozen

from iquila.session.usercertificate import ClientCertificate
from iquila.session.verification import Verification
from iquila.wire.login import Anonymous, Auth, PasswordProof, PlainPassword
from iquila.wire.passwords import secure_password, user_hash

DEFAULT_PORT = 5555


@frozen
class Account:
    """
    A client's connection settings.

    :param host: the controller (or standalone server), name or IP literal.
    :param password: None for an anonymous user.
    :param plain_password: send the password itself, as another system (RADIUS) that checks it
        needs it; only to a server that `verification` has proved.
    :param certificate: what the user logs in with instead of a password.
    :param max_connections: TCP connections asked for, 1..32.
    :param verification: how the first server is checked; a member it redirects to must show
        exactly the certificate named in the redirect.
    """

    host: str
    switch: str
    user: str
    verification: Verification
    port: int = DEFAULT_PORT
    password: str | None = field(default=None, repr=False)
    max_connections: int = 1
    half_duplex: bool = False
    bridge: bool = False
    alternatives: tuple[tuple[str, int], ...] = ()
    """More controllers to try in turn, as (host, port)."""
    plain_password: bool = False
    certificate: ClientCertificate | None = None

    def proof(self, challenge: bytes) -> Auth:
        """Return what proves this user for a server's challenge of 20 bytes."""
        if self.certificate is not None:
            return self.certificate.proof(challenge)
        if self.password is None:
            return Anonymous()
        if self.plain_password:
            return PlainPassword(self.password)
        return PasswordProof(secure_password(user_hash(self.password, self.user), challenge))


class RetryPolicy:
    """
    Delays between login attempts: the first at once, then full jitter.

    Full jitter (a uniform draw from nothing up to a doubling bound) spreads the clients of a
    dead member best. A session that lived only briefly counts as a failure, so that a server
    that accepts and drops is not asked in a tight loop.

    :param base: seconds, the bound of the first jittered delay.
    :param cap: seconds, the bound of all.
    :param uniform: draws a number between two.
    """

    BRIEF = 2.0

    def __init__(
        self,
        base: float = 0.2,
        cap: float = 15.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._base = base
        self._cap = cap
        self._uniform = uniform
        self._brief = 0

    def session_ended(self, seconds: float) -> None:
        """Tell how long a session lived."""
        self._brief = self._brief + 1 if seconds < self.BRIEF else 0

    def __call__(self, failed_attempts: int) -> float:
        """Return the seconds to wait after this many failures in a row (1 or more)."""
        attempt = failed_attempts + self._brief
        if attempt <= 1:
            return 0.0
        return self._uniform(0.0, min(self._cap, self._base * 2.0 ** min(attempt - 1, 32)))
