"""Choosing the server for a session: by points, or by a plug-in that falls back to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from zope.interface import implementer

from iquila.cluster.roster import Candidate
from iquila.interfaces import IMemberSelector


@implementer(IMemberSelector)
class PointsSelector:
    """The most points; among equals the fewest sessions, then the first name, then id."""

    def select(self, candidates: Sequence[Candidate], switch: str) -> Candidate | None:
        """Choose; None where there is no candidate."""
        return min(candidates, key=lambda c: (-c.points, c.load, c.name, c.id), default=None)


def select_member(
    selectors: Iterable[Any], candidates: Sequence[Candidate], switch: str
) -> tuple[Candidate | None, list[Exception]]:
    """
    Ask the selectors in turn, then the points.

    :returns: the choice (None where there is no candidate), and what went wrong in plug-ins.
    """
    problems: list[Exception] = []
    for selector in selectors if candidates else ():
        try:
            chosen = selector.select(candidates, switch)
        except Exception as error:
            problems.append(error)
            continue
        if chosen in candidates:
            return chosen, problems
        if chosen is not None:
            problems.append(ValueError(f"{selector!r} chose {chosen!r}, which is no candidate"))
    return PointsSelector().select(candidates, switch), problems
