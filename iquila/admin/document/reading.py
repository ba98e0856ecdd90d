"""Reading a document: everything is checked, and all that is wrong is told together."""

from __future__ import annotations

import tomllib
from typing import Any

from attrs import define, field, frozen

from iquila.admin import rules
from iquila.admin.document.content import Content, content
from iquila.admin.document.keys import KINDS, PACKET_LEVELS, PACKETS
from iquila.admin.document.problems import Problems
from iquila.admin.document.rules import check_kind, check_listeners, check_rule, check_user
from iquila.admin.document.sections import Section
from iquila.database.administratoroptions import ADMINISTRATOR
from iquila.database.belongings import (
    AccessRule,
    AddressList,
    AddressRule,
    Group,
    LogSettings,
    RadiusServer,
    RevokedCertificate,
    SwitchOptions,
    TrustedCA,
)
from iquila.database.extendedoptions import EXTENDED
from iquila.database.options import Option
from iquila.database.record import Record
from iquila.database.records import AuthKind, ListenerRecord, ServerMode, Switch, SwitchKind, User
from iquila.wire.policy import Policy

MAX_CHARACTERS = 64 * 1024 * 1024
SWITCH_PARTS = (
    "radius log administrator_options extended_options access address authority revoked group user"
).split()


@frozen
class Document:
    """
    What was read.

    :ivar left_out: by type and key, the attributes that stay as they are where the record exists.
    """

    content: Content
    left_out: dict[tuple[type[Record], str], frozenset[str]]


def read(text: str, mode: ServerMode) -> Document:
    """
    Return the content of a document for a server of some mode.

    :raises DocumentRefused: it is not valid; all problems are told.
    """
    problems = Problems()
    values: dict[str, Any] = {}
    if len(text) > MAX_CHARACTERS:
        problems.add((), f"The document has more than {MAX_CHARACTERS} characters")
    else:
        try:
            values = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            problems.add((), f"The document is no TOML: {told}")
    problems.check()
    reader = _Reader(problems, mode)
    reader.document(Section((), values, problems))
    problems.check()
    return Document(content(reader.records, reader.listeners), reader.left_out)


@define
class _Reader:
    problems: Problems
    mode: ServerMode
    records: list[Record] = field(factory=list)
    listeners: list[ListenerRecord] | None = None
    left_out: dict[tuple[type[Record], str], frozenset[str]] = field(factory=dict)

    def document(self, section: Section) -> None:
        section.only({"listener", "switch"})
        if "listener" in section.values:
            self.listeners = []
            for row in section.rows("listener", rules.MAX_LISTENERS):
                given, _ = row.fields(ListenerRecord)
                if "port" in given:
                    self.listeners.append(ListenerRecord(**given))
            check_listeners(self.listeners, section)
        for name, inner in section.named("switch", rules.MAX_SWITCHES, rules.switch_name):
            self._switch(name, inner)

    def _keep(self, record: Record, left_out: set[str]) -> None:
        self.records.append(record)
        if left_out:
            self.left_out[type(record), record.key] = frozenset(left_out)

    def _switch(self, name: str, section: Section) -> None:
        given, left_out = section.fields(Switch, SWITCH_PARTS)
        check_kind(given.get("kind"), self.mode, section)
        given.setdefault("kind", SwitchKind.STANDALONE)
        self._keep(Switch(name, **given), left_out)
        self._radius(name, section)
        self._log(name, section)
        self._options(name, section)
        self._lists(name, section)
        groups = self._groups(name, section)
        for user, inner in section.named("user", rules.MAX_USERS, rules.user_name):
            self._user(name, user, inner, groups)

    def _radius(self, switch: str, section: Section) -> None:
        inner = section.table("radius")
        if inner is not None:
            given, left_out = inner.fields(RadiusServer)
            self._keep(RadiusServer(switch, **{"host": "", **given}), left_out)

    def _log(self, switch: str, section: Section) -> None:
        inner = section.table("log")
        if inner is None:
            return
        given, _ = inner.fields(LogSettings, ("keep",))
        usual = LogSettings(switch)
        kept = list(usual.packets)
        levels = inner.table("keep")
        if levels is not None:
            levels.only(set(PACKETS))
            for number, word in enumerate(PACKETS):
                if word in levels.values:
                    try:
                        kept[number] = PACKET_LEVELS.read(levels.values[word])
                    except ValueError as error:
                        self.problems.add((*levels.path, word), str(error))
        self._keep(LogSettings(switch, packets=tuple(kept), **given), set())

    def _options(self, switch: str, section: Section) -> None:
        found = {}
        tables = (("administrator", ADMINISTRATOR), ("extended", EXTENDED))
        for word, known in tables:
            inner = section.table(f"{word}_options")
            found[word] = {} if inner is None else self._values(inner, known)
        self._keep(SwitchOptions(switch, **found), set())

    def _values(self, section: Section, known: dict[str, Option]) -> dict[str, int]:
        found: dict[str, int] = {}
        for name, value in section.values.items():
            option = known.get(name.lower())
            path = (*section.path, name[:64])
            if option is None:
                self.problems.add(
                    path, "is no such option: the command that lists options tells all"
                )
            elif isinstance(value, bool) or not isinstance(value, int):
                self.problems.add(path, f"is a number from 0 to {option.highest}, without quotes")
            elif option.name in found:
                self.problems.add(path, "is there twice, but for its case")
            else:
                section.check(name, rules.within, value, option.values)
                found[option.name] = value
        return found

    def _lists(self, switch: str, section: Section) -> None:
        for number, row in enumerate(section.rows("access", rules.MAX_RULES), 1):
            given, _ = row.fields(AccessRule)
            check_rule(given, row)
            self._keep(AccessRule(switch, number, **given), set())
        lines = []
        for number, row in enumerate(section.rows("address", rules.MAX_LINES), 1):
            given, _ = row.fields(AddressRule)
            usual = {"priority": 0, "deny": True, "address": "0.0.0.0"}
            lines.append(AddressRule(number, **{**usual, **given}))
        self._keep(AddressList(switch, tuple(lines)), set())
        seen = set()
        for number, row in enumerate(section.rows("authority", rules.MAX_AUTHORITIES), 1):
            given, _ = row.fields(TrustedCA)
            if given.get("certificate") in seen:
                self.problems.add(row.path, "is there already: leave one of both out")
            elif given:
                seen.add(given["certificate"])
                self._keep(TrustedCA(switch, number, **given), set())
        for number, row in enumerate(section.rows("revoked", rules.MAX_REVOKED), 1):
            given, _ = row.fields(RevokedCertificate)
            record = RevokedCertificate(switch, number, **given)
            row.check("common_name", rules.revocation, record)
            self._keep(record, set())

    def _groups(self, switch: str, section: Section) -> dict[str, str]:
        """Read the groups; return their names by themselves in lower case."""
        names = {}
        for name, inner in section.named("group", rules.MAX_GROUPS, rules.group_name):
            given, _ = inner.fields(Group, ("policy",))
            self._keep(Group(switch, name, policy=self._policy(inner), **given), set())
            names[name.lower()] = name
        return names

    def _user(self, switch: str, name: str, section: Section, groups: dict[str, str]) -> None:
        given, left_out = section.fields(User, ("policy",))
        check_user(name, given, groups, section)
        # A hash that is written stands for all of them: no other one may go on working.
        if "password_hash" in given or "nt_hash" in given:
            left_out -= {"password_hash", "nt_hash"}
        if given.get("auth") is not AuthKind.PASSWORD:
            left_out -= {"password_hash", "nt_hash"}
        self._keep(User(switch, name, policy=self._policy(section), **given), left_out)

    def _policy(self, section: Section) -> Policy | None:
        inner = section.table("policy")
        if inner is None:
            return None
        given, _ = inner.fields(Policy)
        return Policy(**given)


__all__ = ["KINDS", "Document", "read"]
