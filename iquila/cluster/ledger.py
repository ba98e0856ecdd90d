"""
Who is logged in where in the whole cluster: what the limit of multiple logins is counted over.

A controller keeps a :class:`Ledger`. Every server tells of its sessions as they come and go, with
its load (:class:`News`), and of all of them when it joins; so nobody has to be asked at a login.
A server that is lost is forgotten with its sessions: nobody is kept out by what cannot be seen.

Bridges are not entered at all, and a session without TCP leaves until it has it again (reference
§3.6 rule 5). Tickets count from the moment that they are made, so that two logins at the same
time cannot both be the last one.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import field, frozen

from iquila.cluster.tickets import LIFE

SERVER_LIMIT = 131_072
"""Sessions that are counted of one server."""
NEWS_LIMIT = 4096
"""Sessions told of at a time, so that a report stays far below the limit of a message."""

_Key = tuple[str, str]


@frozen
class SessionNote:
    """
    A session that counts, as its server tells of it.

    :ivar id: unique on that server while it runs.
    :ivar machine: the client's 16 bytes; empty where it has not told them.
    """

    id: str
    switch: str
    user: str
    machine: bytes = field(default=b"", repr=False)


def machine_of(unique_id: bytes) -> bytes:
    """Return what names a client's machine: a unique id of nothing but zeros names none."""
    return unique_id if any(unique_id) else b""


@frozen
class _Ticket:
    server: str
    key: _Key
    expires: float


class Ledger:
    """The sessions and tickets of every user."""

    def __init__(self) -> None:
        # Each user's sessions, by (server, id), and tickets, by their hash -> machine.
        self._users: dict[_Key, dict[tuple[str, str] | bytes, bytes]] = {}
        self._servers: dict[str, dict[str, _Key]] = {}
        # In the order of expiry.
        self._tickets: dict[bytes, _Ticket] = {}

    def count(self, switch: str, user: str, machine: bytes, now: float) -> int:
        """
        Return how many logins of a user count against one more.

        :param machine: where that one comes from: its own do not count.
        """
        self._expire(now)
        logins = self._users.get(_key(switch, user), {})
        return sum(1 for other in logins.values() if not other or other != machine)

    def entered(self, server: str, note: SessionNote) -> None:
        """Note a session; one that is known already is no error."""
        sessions = self._servers.setdefault(server, {})
        if note.id in sessions:
            self.left(server, note.id)
        if len(sessions) < SERVER_LIMIT:
            key = sessions[note.id] = _key(note.switch, note.user)
            self._users.setdefault(key, {})[server, note.id] = note.machine

    def left(self, server: str, id: str) -> None:
        """Forget a session; an unknown one is no error."""
        key = self._servers.get(server, {}).pop(id, None)
        if key is not None:
            self._remove(key, (server, id))

    def told(self, server: str, came: Iterable[SessionNote], went: Iterable[str]) -> None:
        """Note what a server tells of its sessions."""
        for id in went:
            self.left(server, id)
        for note in came:
            self.entered(server, note)

    def lost(self, server: str) -> None:
        """Forget a server, its sessions and the tickets for it."""
        for id, key in self._servers.pop(server, {}).items():
            self._remove(key, (server, id))
        for name in [n for n, ticket in self._tickets.items() if ticket.server == server]:
            self.settled(name)

    def expect(
        self, ticket: bytes, switch: str, user: str, machine: bytes, now: float, server: str = ""
    ) -> None:
        """
        Count a ticket until it is settled or expires.

        :param ticket: its hash.
        :param server: where it is to be redeemed, once that is known.
        """
        self.settled(ticket)
        key = _key(switch, user)
        self._tickets[ticket] = _Ticket(server, key, now + LIFE)
        self._users.setdefault(key, {})[ticket] = machine

    def settled(self, ticket: bytes) -> None:
        """Count a ticket no more: it became a session, or never will."""
        known = self._tickets.pop(ticket, None)
        if known is not None:
            self._remove(known.key, ticket)

    def _expire(self, now: float) -> None:
        while self._tickets:
            name, ticket = next(iter(self._tickets.items()))
            if now < ticket.expires:
                break
            self.settled(name)

    def _remove(self, key: _Key, what: tuple[str, str] | bytes) -> None:
        logins = self._users.get(key)
        if logins is not None:
            logins.pop(what, None)
            if not logins:
                del self._users[key]


class News:
    """What a server has not told yet of its sessions; a session that came and went is one entry."""

    def __init__(self) -> None:
        self._news: dict[str, SessionNote | None] = {}

    def __bool__(self) -> bool:
        return bool(self._news)

    def start(self, sessions: Iterable[SessionNote] = ()) -> None:
        """Have these told, and nothing of before."""
        self._news = {note.id: note for note in sessions}

    def came(self, note: SessionNote) -> None:
        """Have a session told."""
        self._news[note.id] = note

    def went(self, id: str) -> None:
        """Have the end of a session told."""
        self._news[id] = None

    def take(self, limit: int) -> tuple[tuple[SessionNote, ...], tuple[str, ...]]:
        """Return who came and who went, the eldest news first, and forget it."""
        came, went = [], []
        for id in list(self._news)[:limit]:
            note = self._news.pop(id)
            if note is None:
                went.append(id)
            else:
                came.append(note)
        return tuple(came), tuple(went)


def _key(switch: str, user: str) -> _Key:
    return switch.lower(), user.lower()
