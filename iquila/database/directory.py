"""
The data directory of a server: its files, the lock on it, and the backups in it.

    system.sqlite    what the administrator of this server defined
    replica.sqlite   a member's copy of its controller's system database
    server.sqlite    this server's own settings, never replicated
    certificate.pem, key.pem, identity-*.pem, admin-password, lock, backups/, logs/
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path

from iquila.errors import DataDirectoryInUse, DataDirectoryUnusable

BACKUPS = 20
"""Backups that are kept; the oldest go."""


class DataDirectory:
    """One data directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @property
    def system_database(self) -> Path:
        """The database that this server is the source of."""
        return self.path / "system.sqlite"

    @property
    def replica_database(self) -> Path:
        """The copy of the controller's."""
        return self.path / "replica.sqlite"

    @property
    def server_database(self) -> Path:
        """What this server alone is."""
        return self.path / "server.sqlite"

    @property
    def certificate(self) -> Path:
        """The server's certificate, PEM."""
        return self.path / "certificate.pem"

    @property
    def key(self) -> Path:
        """The private key, PEM."""
        return self.path / "key.pem"

    @property
    def logs(self) -> Path:
        """Where the log files are."""
        return self.path / "logs"

    @property
    def admin_password(self) -> Path:
        """Where the password that was made at the first start is written."""
        return self.path / "admin-password"

    def prepare(self) -> None:
        """
        Make the directory if need be, for its owner only.

        :raises DataDirectoryUnusable: it cannot be made, is no directory, or is not writable.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The data directory {self.path} cannot be made ({error.strerror}): choose "
                "another with --data, or correct the rights of the directory above."
            ) from error
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise DataDirectoryUnusable(
                f"The data directory {self.path} is not writable: give it to the user who runs "
                "the server, or choose another with --data."
            )

    def lock(self) -> None:
        """
        Keep other processes away.

        :raises DataDirectoryInUse: another process has the directory.
        """
        if self._lock is not None:
            return
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The data directory {self.path} is not writable ({error.strerror}): correct "
                "its rights, or choose another with --data."
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise DataDirectoryInUse(
                f"The data directory {self.path} is in use by another process: stop that one, "
                "or choose another directory with --data."
            ) from error
        self._lock = descriptor

    def unlock(self) -> None:
        """Let others have the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def new_backup(self, label: str, now: float | None = None) -> Path:
        """Make and return a directory for a backup; the oldest ones over the limit go."""
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        base = self.path / "backups"
        number, target = 1, base / f"{moment}-{label}"
        while target.exists():
            number += 1
            target = base / f"{moment}-{label}-{number}"
        target.mkdir(mode=0o700, parents=True)
        for old in sorted(p for p in base.iterdir() if p.is_dir())[:-BACKUPS]:
            shutil.rmtree(old, ignore_errors=True)
        return target
