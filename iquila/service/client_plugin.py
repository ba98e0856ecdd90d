"""What ``twistd iquila-client`` runs: a VEN client whose frames go through a TAP device."""

from __future__ import annotations

from twisted.application.service import MultiService

from iquila.service.assembly import told
from iquila.service.client import TAPClient
from iquila.service.options import ClientOptions as Options
from iquila.service.options import read_password
from iquila.session.account import Account
from iquila.session.certificate import normal_fingerprint
from iquila.session.usercertificate import ClientCertificate, load_client_certificate
from iquila.session.verification import Authorities, Pinned, Unverified, Verification

__all__ = ["Options", "makeService"]


def verification(options: Options) -> Verification:
    """
    Return how the server is checked: by CA unless something else is asked for.

    :raises ConfigurationError: the fingerprint is none.
    """
    if options["insecure"]:
        return Unverified()
    if options["fingerprint"]:
        return Pinned(normal_fingerprint(options["fingerprint"]))
    return Authorities(options["ca"])


def certificate(options: Options) -> ClientCertificate | None:
    """
    Return what the user logs in with, None for a password.

    :raises ConfigurationError: certificate or key cannot be used.
    """
    if options["certificate"] is None:
        return None
    return load_client_certificate(options["certificate"], options["key"])


@told
def makeService(options: Options) -> MultiService:
    """Return the service."""
    from twisted.internet import reactor

    host, port = options["to"]
    password_file = options["password-file"]
    account = Account(
        host,
        options["switch"],
        options["user"],
        verification(options),
        port=port,
        password=None if password_file is None else read_password(password_file),
        max_connections=options["connections"],
        bridge=True,
        plain_password=bool(options["plain-password"]),
        certificate=certificate(options),
    )
    return TAPClient(
        reactor, account, options["device"], super_frames=not options["ordinary-frames"]
    )
