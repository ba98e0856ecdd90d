"""Problems of a document, gathered so that all are told at once; each names its place."""

from __future__ import annotations

from attrs import define, field

from iquila.errors import InvalidParameter

SHOWN = 100
"""Problems that are told; more are counted."""


class DocumentRefused(InvalidParameter):
    """A document is not valid: the sentence has a line for each problem."""


Path = tuple[str | int, ...]


def shown(path: Path) -> str:
    """Return a place in a document as text: words plain, names quoted, places in brackets."""
    text = ""
    for depth, part in enumerate(path):
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif depth and depth % 2 and path[depth - 1] in NAMED:
            quoted = part.replace("\\", "\\\\").replace('"', '\\"')
            text += f'."{quoted}"'
        else:
            text += f".{part}" if text else part
    return text


NAMED = frozenset({"switch", "user", "group"})
"""The words after which names stand."""


@define
class Problems:
    """What is wrong with a document."""

    sentences: list[str] = field(factory=list)

    def add(self, path: Path, sentence: str) -> None:
        """Note a problem at a place."""
        self.sentences.append(f"{shown(path)}: {sentence}." if path else f"{sentence}.")

    def check(self) -> None:
        """
        Return only where there is no problem.

        :raises DocumentRefused: there are some.
        """
        if not self.sentences:
            return
        told = self.sentences[:SHOWN]
        if len(self.sentences) > SHOWN:
            told.append(f"There are {len(self.sentences) - SHOWN} more problems.")
        raise DocumentRefused("\n".join(told))
