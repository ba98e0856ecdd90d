"""
Which server runs a dynamic Virtual Switch. Each change of place has a higher epoch, and an
instance whose epoch is not the placement's must stop: so two never forward at once.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Place:
    """A server and the epoch since which it has the switch."""

    member: str
    epoch: int


def next_place(current: Place | None, member: str, floor: int = 0) -> Place:
    """
    Return the placement that puts a switch on a server, after `current`.

    :param floor: an epoch that is over, for a switch whose earlier placements are forgotten.
    """
    return Place(member, max(floor, 0 if current is None else current.epoch) + 1)


def runs_here(current: Place | None, member: str, epoch: int) -> bool:
    """Return whether an instance with this epoch on this server may go on."""
    return current == Place(member, epoch)


def may_stop(sessions: int, outstanding_tickets: int, age: float, grace: float) -> bool:
    """
    Return whether an empty instance may be stopped.

    :param age: seconds since it was placed.
    :param grace: seconds that a fresh instance is kept, whoever arrives.
    """
    return sessions == 0 and outstanding_tickets == 0 and age >= grace
