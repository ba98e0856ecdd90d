"""How much a server keeps of what grows by itself: the audit and the logs."""

from __future__ import annotations

from attrs import frozen

from iquila.database.audit import KEPT

MEBIBYTE = 1024 * 1024


@frozen
class Limits:
    """
    What is kept.

    :ivar audit_entries: entries of each database's audit.
    :ivar log_file: bytes of one log file; the log goes on in another one.
    :ivar log_days: days after which a log file is deleted.
    :ivar log_total: bytes of all files of one log; the oldest go.
    """

    audit_entries: int = KEPT
    log_file: int = 64 * MEBIBYTE
    log_days: int = 30
    log_total: int = 1024 * MEBIBYTE


DEFAULTS = Limits()
