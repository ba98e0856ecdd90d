"""One table of a document while it is read: what is known of it, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define

from iquila.admin.document.keys import KEYS, Key
from iquila.admin.document.problems import Path, Problems


@define
class Section:
    """A table at a place."""

    path: Path
    values: dict[str, Any]
    problems: Problems

    def fields(self, cls: type[Any], also: Iterable[str] = ()) -> tuple[dict[str, Any], set[str]]:
        """
        Read the keys of a record.

        :param also: words that are read elsewhere.
        :returns: the attributes that are given, and the attributes of left out keys that are kept.
        """
        keys = KEYS[cls]
        found: dict[str, Any] = {}
        left_out: set[str] = set()
        for key in keys:
            if key.word in self.values:
                found |= self._read(key)
            elif key.required:
                self.problems.add(self.path, f"{key.word} is missing: {_example(key)}")
            elif key.kept:
                left_out |= set(key.attributes)
        self.only({key.word for key in keys} | set(also))
        return found, left_out

    def _read(self, key: Key) -> dict[str, Any]:
        try:
            return key.given(key.form.read(self.values[key.word]))
        except ValueError as error:
            self.problems.add((*self.path, key.word), str(error))
            return {}

    def check(self, word: str, rule: Callable[..., Any], *values: Any) -> bool:
        """Note what a rule refuses of the value of a key; return whether it allows it."""
        try:
            rule(*values)
        except ValueError as error:
            self.problems.add((*self.path, word[:300]), str(error))
            return False
        return True

    def only(self, known: set[str]) -> None:
        """Note every key that is not known."""
        for word in self.values:
            if word not in known:
                names = ", ".join(sorted(known)) or "none"
                self.problems.add((*self.path, word[:64]), f"is not known here; known are {names}")

    def table(self, word: str) -> Section | None:
        """Return a table inside, None where there is none."""
        if word not in self.values:
            return None
        value = self.values[word]
        if not isinstance(value, dict):
            self.problems.add((*self.path, word), "is a table, written as [table] or { }")
            return None
        return Section((*self.path, word), value, self.problems)

    def named(self, word: str, most: int, rule: Callable[[str], str]) -> list[tuple[str, Section]]:
        """Return the tables of a table, by their names, which a rule allows."""
        section = self.table(word)
        if section is None:
            return []
        if len(section.values) > most:
            self.problems.add(
                section.path, f"has {len(section.values)} of them: {most} is the most"
            )
            return []
        found, seen = [], set()
        for name in section.values:
            inner = section.table(name)
            if name.lower() in seen:
                self.problems.add((*section.path, name[:300]), "is there twice, but for its case")
            elif inner is not None and section.check(name, rule, name):
                found.append((name, inner))
            seen.add(name.lower())
        return found

    def rows(self, word: str, most: int) -> list[Section]:
        """Return the tables of a list."""
        value = self.values.get(word, [])
        path = (*self.path, word)
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.problems.add(path, f"is a list of tables, each written as [[{word}]]")
            return []
        if len(value) > most:
            self.problems.add(path, f"has {len(value)} of them: {most} is the most")
            return []
        return [Section((*path, number), row, self.problems) for number, row in enumerate(value)]


def _example(key: Key) -> str:
    try:
        key.form.read(None)
    except ValueError as error:
        return f"it {error}"
    return "write it"
