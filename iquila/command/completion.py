"""What TAB offers: commands, their arguments, and names that the server knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from iquila.command.arguments import UsageError, find, find_command, slash_word
from iquila.command.definition import Argument, Caller, Command
from iquila.errors import IquilaError

FRESH = 10.0
"""Seconds that names of the server are taken for fresh."""
SHOWN = 200
"""Names at most."""
_LEAVE = ("exit", "help", "quit")
# What names of a kind come from: operation, list in its answer, field in an item.
_SOURCES = {
    "switch": ("EnumHub", "HubList", "HubName_str"),
    "user": ("EnumUser", "UserList", "Name_str"),
    "group": ("EnumGroup", "GroupList", "Name_str"),
    "session": ("EnumSession", "SessionList", "Name_str"),
    "cascade": ("EnumLink", "LinkList", "AccountName_utf"),
}


class Names:
    """
    Names that the server knows, over a connection of their own that waits for a short time only.

    :param clock: seconds, for what is fresh.
    """

    def __init__(
        self, connect: Callable[[], Caller], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._caller: Caller | None = None
        self._known: dict[tuple[str, str], tuple[float, list[str]]] = {}

    def of(self, kind: str, switch: str) -> list[str]:
        """Return the names of a kind on a switch; none where the server does not tell."""
        key = (kind, "" if kind == "switch" else switch)
        then, names = self._known.get(key, (float("-inf"), []))
        if self._clock() - then >= FRESH:
            names = self._ask(*key)
            self._known = {k: v for k, v in self._known.items() if k[1] in ("", switch)}
            self._known[key] = (self._clock(), names)
        return names

    def _ask(self, kind: str, switch: str) -> list[str]:
        method, members, name = _SOURCES[kind]
        parameters = {"HubName_str": switch} if switch else {}
        try:
            if self._caller is None:
                self._caller = self._connect()
            answer = self._caller.call(method, parameters)
            return [str(item[name]) for item in answer[members]][:SHOWN]
        except (IquilaError, KeyError, TypeError):
            return []


class CommandCompleter(Completer):
    """
    Completes a command line.

    :param switch: tells the switch that is selected now.
    """

    def __init__(
        self, commands: Sequence[Command], names: Names, switch: Callable[[], str]
    ) -> None:
        self._commands = commands
        self._names = names
        self._switch = switch

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Return what may stand at the cursor."""
        words = document.text_before_cursor.split()
        if not words or document.text_before_cursor[-1:].isspace():
            words.append("")
        *before, word = words
        for text, about in self._offers(before, word):
            yield Completion(text, start_position=-len(word), display_meta=about)

    def _offers(self, before: list[str], word: str) -> list[tuple[str, str]]:
        if not before or (len(before) == 1 and before[0].lower() == "help"):
            known = [(c.name, c.help) for c in self._commands]
            others = [(name, "") for name in _LEAVE if not before]
            return _beginning([*known, *others], word)
        try:
            command = find_command(self._commands, before[0])
        except UsageError:
            return []
        slash = slash_word(word)
        if slash is not None and slash[1] is not None:
            argument = find(command, slash[0])
            return [(f"/{slash[0]}:{name}", "") for name in self._values(argument, slash[1])]
        if word.startswith("/"):
            return _beginning(_keys(command, before[1:]), word)
        plain = [w for w in before[1:] if not w.startswith("/")]
        positional = [a for a in command.arguments if a.positional]
        argument = positional[len(plain)] if len(plain) < len(positional) else None
        names = [(name, "") for name in self._values(argument, word)]
        return names if word else [*names, *_keys(command, before[1:])]

    def _values(self, argument: Argument | None, begun: str) -> list[str]:
        """Return names for an argument; those with spaces in quotes."""
        if argument is None or argument.names not in _SOURCES:
            return []
        switch = self._switch()
        if argument.names != "switch" and not switch:
            return []
        found = self._names.of(argument.names, switch)
        wanted = begun.lstrip('"').lower()
        return [_quoted(name) for name in found if name.lower().startswith(wanted)]


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name


def _keys(command: Command, words: list[str]) -> list[tuple[str, str]]:
    """Return the arguments that are not there yet."""
    there = {slash[0].upper() for word in words if (slash := slash_word(word)) is not None}
    return [
        (f"/{a.key}:", a.help) for a in command.arguments if not a.positional and a.key not in there
    ]


def _beginning(offers: list[tuple[str, str]], word: str) -> list[tuple[str, str]]:
    lower = word.lower()
    return [offer for offer in offers if offer[0].lower().startswith(lower)]
