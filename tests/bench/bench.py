"""
What a bench is made of: figures, contenders and the settings of a run.

Not for running one (:mod:`.runner`) or for arithmetic (:mod:`.report`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from enum import Enum
from pathlib import Path

from attrs import field, frozen


class Better(Enum):
    """Which values of a figure are good ones."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"
    """Told for information; no ratio is made of it."""


@frozen
class Figure:
    """One column of a bench; `name` is its key in what :meth:`Contender.measure` returns."""

    name: str
    unit: str
    better: Better
    about: str


@frozen
class Settings:
    """What the command line asks of a bench, and where it puts what it makes."""

    scratch: Path
    """An empty folder, removed at the end."""
    cleanup: ExitStack
    """Closed at the end, after all contenders; for what they share, as a network."""
    seconds: float | None = None
    """Length of one measurement; None is the bench's own default."""

    def length(self, default: float) -> float:
        """Return how many seconds one measurement takes."""
        return default if self.seconds is None else self.seconds


class Contender(ABC):
    """
    One of the things that are compared.

    The runner calls :meth:`missing`; unless something is, :meth:`prepare` once, :meth:`measure`
    once a round, and :meth:`close` whatever happened. A contender whose methods raise is told as
    failed, and the others go on.
    """

    name: str
    """For ``--only``, the table and the JSON object: letters, digits and hyphens."""
    about: str = ""
    """One sentence: what runs."""
    default: bool = True
    """Whether it takes part without being named with ``--only``."""

    def missing(self) -> str | None:
        """Return what has to be installed or be different here, in words, or None."""
        return None

    @abstractmethod
    def prepare(self) -> None:
        """Start everything that stays up between the rounds."""

    @abstractmethod
    def measure(self) -> Mapping[str, float]:
        """
        Measure once, and return values by the names of the figures.

        A figure may be absent. Values that no figure has the name of are raw data: they go into
        the JSON object only.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop what :meth:`prepare` started, also when it came half way only."""


@frozen
class Bench:
    """A comparison. The values of each round are set against the best of `reference` in it."""

    name: str
    about: str
    figures: tuple[Figure, ...]
    contenders: tuple[Contender, ...]
    reference: tuple[str, ...] = ()
    """Names of contenders; empty for no ratios."""
    notes: tuple[str, ...] = field(default=())
    """Sentences about the method that a reader of the figures must know."""
