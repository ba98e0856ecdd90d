"""What a record is, and how keys are made. The records themselves: :mod:`.records`."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from attrs import frozen


@frozen
class Record:
    """The root of all records."""

    kind_name: ClassVar[str] = ""
    audited: ClassVar[bool] = True
    """False for what the system keeps for itself, whoever was the cause."""

    @property
    def key(self) -> str:
        """What names this record among those of its type."""
        raise NotImplementedError


R = TypeVar("R", bound=Record)


def user_key(switch: str, user: str) -> str:
    """Return the key of what belongs to a switch and has a name there."""
    return f"{switch.lower()}/{user.lower()}"


def numbered_key(switch: str, number: int) -> str:
    """Return the key of what belongs to a switch and has a number there; keys sort as numbers."""
    return f"{switch.lower()}/{number:010d}"
