"""Who may administer besides the passwords of server and switches: bearer tokens, the auditor."""

from __future__ import annotations

from typing import ClassVar

from attrs import field, frozen

from iquila.database.record import Record


@frozen
class Token(Record):
    """
    A bearer token for the API.

    :ivar digest: SHA-256 of the token; the token itself is kept nowhere.
    :ivar scope: ``server``, ``auditor``, or ``switch:NAME``.
    :ivar expires: milliseconds since 1970, UTC; 0 for never.
    """

    kind_name: ClassVar[str] = "token"
    name: str
    digest: bytes = field(repr=False)
    scope: str
    created: int = 0
    expires: int = 0

    @property
    def key(self) -> str:
        """The name."""
        return self.name.lower()


@frozen
class Auditor(Record):
    """The password hash (SHA-0, reference §3.5) of who may read everything, change nothing."""

    kind_name: ClassVar[str] = "auditor"
    password_hash: bytes = field(repr=False)

    @property
    def key(self) -> str:
        """There is one only."""
        return "auditor"
