"""The score by which the controller compares servers: more points, less load."""

from __future__ import annotations

FULL = 100_000
"""Points of a server without sessions."""
MAXIMUM = 4096
"""Sessions of an ordinary server (weight 100) at which it has no points left."""
ORDINARY = 100
"""The weight that a weight of 0 stands for."""


def points(sessions: int, weight: int, maximum: int = MAXIMUM) -> int:
    """
    Return the points of a server, 0..100000, truncated.

    ``(M - min(n * 100 / weight, M)) * 100000 / M``, in integers, so that the result is exact.

    :param sessions: sessions it carries, and tickets for it that are not redeemed yet.
    :param weight: its performance standard ratio, 100 for an ordinary server.
    :param maximum: the M of the formula.
    """
    weight = weight or ORDINARY
    maximum = max(maximum, 1)
    # One fraction: FULL * (M * weight - n * 100) / (M * weight), never below 0.
    capacity = maximum * weight
    return FULL * max(capacity - sessions * ORDINARY, 0) // capacity
