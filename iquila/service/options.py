"""
The command line options of the roles, read by twistd and twist alike.

Only reading and checking: what they do is in :mod:`.server` and :mod:`.client`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from twisted.python import usage

from iquila.admin.rules import MAX_LISTENERS
from iquila.database.records import MAX_SESSIONS
from iquila.service.limits import MEBIBYTE, Limits

DEFAULT_PORTS = (5555,)


def port(text: str) -> int:
    """Return a TCP port number as typed."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return number


def ports(text: str) -> tuple[int, ...]:
    """Return a comma-separated list of ports."""
    found = tuple(port(part.strip()) for part in text.split(",") if part.strip())
    if not 1 <= len(found) <= MAX_LISTENERS:
        raise ValueError(f"give 1 to {MAX_LISTENERS} ports, separated by commas")
    return found


def weight(text: str) -> int:
    """Return a performance standard ratio; 100 is an ordinary server."""
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise ValueError("a weight is a number from 1 to 1000000; 100 is an ordinary server")
    return number


def sessions(text: str) -> int:
    """Return how many sessions a server may carry."""
    number = int(text)
    if not 1 <= number <= MAX_SESSIONS:
        raise ValueError(f"a server carries 1 to {MAX_SESSIONS} sessions")
    return number


def amount(text: str) -> int:
    """Return a number of what is kept."""
    number = int(text)
    if not 1 <= number <= 1_000_000_000:
        raise ValueError("give a number from 1 to 1000000000")
    return number


def host_and_port(text: str, default: int = 5555) -> tuple[str, int]:
    """Return host and port of ``HOST[:PORT]``; IPv6 literals stand in brackets."""
    if text.startswith("["):
        host, separator, rest = text[1:].partition("]")
        if not separator:
            raise ValueError("write an IPv6 address as [ADDRESS]:PORT")
        number = rest.lstrip(":")
    elif text.count(":") > 1:
        raise ValueError("write an IPv6 address as [ADDRESS]:PORT")
    else:
        host, _, number = text.partition(":")
    if not host:
        raise ValueError("the host is missing: write HOST:PORT")
    return host, port(number) if number else default


def existing_file(text: str) -> Path:
    """Return the path of a file that can be read."""
    path = Path(text).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def read_password(path: Path) -> str:
    """
    Return the password in the first line of a file.

    :raises usage.UsageError: the file cannot be read or its first line is empty.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise usage.UsageError(f"The password file {path} cannot be read: {error}.") from error
    if not lines or not lines[0]:
        raise usage.UsageError(
            f"The password file {path} is empty: put the password on its first line."
        )
    return lines[0]


Coercer = Callable[[str], Any]


class RoleOptions(usage.Options):
    """What all server roles share."""

    optParameters: ClassVar[list[list[Any]]] = [
        ["data", "d", "iquila-data", "The data directory; made if it does not exist.", Path],
        ["listen", "l", None, "TCP ports to listen on, PORT[,PORT...] (default 5555).", ports],
        ["address", "a", "", "The local address to listen on (default: all)."],
        [
            "admin-password-file",
            None,
            None,
            "File with the administration password for the first start.",
            existing_file,
        ],
        ["max-sessions", None, None, "Sessions that are carried at most (default 4096).", sessions],
        ["audit-entries", None, None, "Entries of the audit to keep (default 1000000).", amount],
        ["log-file", None, None, "MiB of one log file (default 64).", amount],
        ["log-days", None, None, "Days to keep log files (default 30).", amount],
        ["log-total", None, None, "MiB to keep of one log (default 1024).", amount],
    ]

    def limits(self) -> Limits:
        """Return how much is kept of the audit and of the logs."""
        chosen = {
            "audit_entries": (self["audit-entries"], 1),
            "log_file": (self["log-file"], MEBIBYTE),
            "log_days": (self["log-days"], 1),
            "log_total": (self["log-total"], MEBIBYTE),
        }
        return Limits(**{n: value * unit for n, (value, unit) in chosen.items() if value})


class ControllerOptions(RoleOptions):
    """Options of a controller."""

    synopsis = "[options]"
    longdesc = "Runs a cluster controller: clients, members and administrators connect to it."
    optFlags: ClassVar[list[list[Any]]] = [
        ["only", None, "Controller functions only: carry no sessions here."],
    ]
    optParameters: ClassVar[list[list[Any]]] = [
        ["weight", "w", None, "Performance standard ratio in the cluster (default 100).", weight],
    ]


class MemberOptions(RoleOptions):
    """Options of a member."""

    synopsis = "--controller HOST:PORT --password-file FILE [options]"
    longdesc = "Runs a cluster member: it carries the sessions that its controller sends to it."
    optParameters: ClassVar[list[list[Any]]] = [
        ["controller", "c", None, "The controller, HOST:PORT.", host_and_port],
        [
            "password-file",
            "p",
            None,
            "File with the controller's administration password.",
            existing_file,
        ],
        ["public-address", None, None, "The address that clients are redirected to."],
        ["public-ports", None, None, "The ports that clients are redirected to, P,P...", ports],
        ["weight", "w", None, "Performance standard ratio in the cluster (default 100).", weight],
    ]


class ServerOptions(RoleOptions):
    """Options of a server in whatever mode its database says."""

    synopsis = "[options]"
    longdesc = (
        "Runs an iquila server: standalone at first, and whatever the administrator makes of it."
    )


class ClientOptions(usage.Options):
    """Options of the VEN client."""

    synopsis = (
        "--to HOST:PORT --switch NAME --user NAME --device NAME [options]\n"
        "       or --directory DIR"
    )
    longdesc = (
        "Joins a Virtual Switch: its frames come out of a TAP device of this machine. With "
        "--directory it keeps connection settings and adapters there, and 'iquila --client' "
        "administers it."
    )
    optParameters: ClassVar[list[list[Any]]] = [
        ["directory", "d", None, "The directory of a managed client; made if need be.", Path],
        ["to", "t", None, "The controller or standalone server, HOST:PORT.", host_and_port],
        ["switch", "s", None, "The Virtual Switch."],
        ["user", "u", None, "The user."],
        ["password-file", "p", None, "File with the user's password.", existing_file],
        ["certificate", None, None, "File with the user's certificate (PEM, RSA).", existing_file],
        ["key", "k", None, "File with the key of that certificate (PEM).", existing_file],
        ["device", None, None, "The TAP device; made if it does not exist."],
        ["connections", "n", 1, "TCP connections of the session, 1 to 32.", int],
        ["fingerprint", None, None, "SHA-256 fingerprint of the server's certificate."],
        ["ca", None, None, "File with the CA certificates to trust (PEM).", existing_file],
    ]
    optFlags: ClassVar[list[list[Any]]] = [
        ["insecure", None, "Take any server certificate."],
        [
            "plain-password",
            None,
            "Send the password itself: for users that a RADIUS server checks.",
        ],
        ["ordinary-frames", None, "Send and take ordinary Ethernet frames only."],
    ]

    def postOptions(self) -> None:
        """Check what belongs together."""
        if self["directory"]:
            self._check_managed()
            return
        for name in ("to", "switch", "user", "device"):
            if not self[name]:
                raise usage.UsageError(f"--{name} is missing.")
        if not 1 <= self["connections"] <= 32:
            raise usage.UsageError("--connections is a number from 1 to 32.")
        if (self["certificate"] is None) != (self["key"] is None):
            raise usage.UsageError("--certificate and --key belong together: give both.")
        if self["certificate"] is not None and self["password-file"] is not None:
            raise usage.UsageError("--certificate and --password-file exclude each other.")
        if self["plain-password"] and self["password-file"] is None:
            raise usage.UsageError("--plain-password needs --password-file.")
        chosen = [n for n in ("fingerprint", "ca", "insecure") if self[n]]
        if len(chosen) > 1:
            raise usage.UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other.")

    def _check_managed(self) -> None:
        names = "to switch user password-file device fingerprint ca certificate key insecure"
        for name in (*names.split(), "ordinary-frames", "plain-password"):
            if self[name]:
                raise usage.UsageError(
                    f"--{name} and --directory exclude each other: give it to 'iquila --client'."
                )
