"""What could not be carried over, and values made to fit our rules."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from attrs import define, field

from iquila.admin.document.forms import Text
from iquila.admin.document.keys import KEYS
from iquila.admin.document.problems import Path, shown

OFFSET = 9 * 60 * 60 * 1000
"""What SoftEther's times are behind ours, milliseconds."""
MAX_SENTENCES = 10_000


@define
class Report:
    """Sentences about what is left behind."""

    sentences: list[str] = field(factory=list)

    def add(self, path: Path, sentence: str) -> None:
        """Note something."""
        if len(self.sentences) < MAX_SENTENCES:
            self.sentences.append(f"{shown(path)}: {sentence}." if path else f"{sentence}.")

    def time(self, number: int) -> int:
        """Return a time of ours for one of theirs; 0 stays 0."""
        return number + OFFSET if number else 0

    def takes(
        self, path: Path, name: str, rule: Callable[[str], str], seen: set[str], most: int
    ) -> bool:
        """
        Return whether there may be one more of some name; what there may not is noted.

        :param seen: the names that there are, in lower case; a good one comes to them.
        """
        try:
            rule(name)
        except ValueError as error:
            self.add(path, f"{error}: left out")
            return False
        if name.lower() in seen:
            self.add(path, "is there twice, but for its case: left out")
            return False
        if len(seen) >= most:
            self.add(path, f"is more than the {most} that there may be: left out")
            return False
        seen.add(name.lower())
        return True

    def fit(self, cls: type[Any], path: Path, given: dict[str, Any]) -> dict[str, Any]:
        """
        Return the attributes of a record that our rules allow; the others are noted.

        :param given: attributes by name; those that belong to one key are all there.
        """
        return self._fit(cls, path, given)[0]

    def whole(
        self, cls: type[Any], path: Path, given: dict[str, Any], optional: Container[str] = ()
    ) -> dict[str, Any] | None:
        """
        Return what :meth:`fit` does, None where it leaves out what the record needs.

        :param optional: the keys without which the record still does what it did.
        """
        found, refused = self._fit(cls, path, given)
        return None if any(word not in optional for word in refused) else found

    def _fit(
        self, cls: type[Any], path: Path, given: dict[str, Any]
    ) -> tuple[dict[str, Any], list[str]]:
        found: dict[str, Any] = {}
        refused: list[str] = []
        for key in KEYS[cls]:
            if not all(name in given for name in key.attributes):
                continue
            value = key.get(_Given(given))
            if isinstance(key.form, Text) and key.form.limit and isinstance(value, str):
                value = self._shortened((*path, key.word), value, key.form.limit)
            try:
                written = key.form.write(value)
                if written is not None and value != key.default(cls):
                    found |= key.given(key.form.read(written))
            except ValueError as error:
                self.add((*path, key.word), f"{error}: left out")
                refused.append(key.word)
        return found, refused

    def _shortened(self, path: Path, value: str, limit: int) -> str:
        clean = value.replace("\0", "")
        if clean != value or len(clean) > limit:
            self.add(path, f"is cut to {limit} characters")
        return clean[:limit]


class _Given:
    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
