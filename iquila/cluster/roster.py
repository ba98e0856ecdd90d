"""
The servers of a cluster as the controller knows them, and the load of each.

A ticket counts as a session from the moment it is made until the member reports that it was
redeemed, or it expires; so a burst of logins spreads at once.
"""

from __future__ import annotations

from attrs import define, field, frozen

from iquila.cluster.ledger import SessionNote
from iquila.cluster.points import MAXIMUM, points
from iquila.cluster.tickets import LIFE


@frozen
class MemberDescription:
    """
    A server as it joined.

    :ivar id: its own lasting id, hexadecimal.
    :ivar key: the number shown to administrators, u32.
    :ivar address: the public address, or the one its connection came from.
    :ivar certificate: what its ports show, X.509 DER.
    :ivar connected_at: milliseconds since 1970, UTC.
    :ivar hosts: host names and IPv6 addresses for our own clients.
    """

    id: str
    key: int
    host_name: str
    address: str
    ports: tuple[int, ...]
    weight: int
    certificate: bytes = field(repr=False)
    connected_at: int
    version: str = ""
    hosts: tuple[str, ...] = ()
    max_sessions: int = MAXIMUM


@frozen
class InstanceLoad:
    """One instance on a server: its sessions, of which bridges, and learned addresses."""

    switch: str
    epoch: int
    sessions: int
    static: bool
    macs: int = 0
    bridges: int = 0
    ips: int = 0


@frozen
class LoadReport:
    """
    What a server says of its load.

    :ivar redeemed: the hashes of tickets redeemed since the last report.
    :ivar came: the sessions that have come since (:mod:`.ledger`), and `went` the ids of those
        that have gone.
    :ivar traffic: since its role began: bytes and frames of broadcasts, then of unicasts, that
        came in; the same that went out. Empty where the server does not tell.
    """

    sessions: int = 0
    tcp_connections: int = 0
    instances: tuple[InstanceLoad, ...] = ()
    redeemed: tuple[bytes, ...] = ()
    came: tuple[SessionNote, ...] = ()
    went: tuple[str, ...] = ()
    traffic: tuple[int, ...] = ()


@frozen
class Candidate:
    """A server that may take a session, as a selector sees it."""

    id: str
    name: str
    weight: int
    load: int
    """Sessions, and tickets not redeemed."""
    points: int


@define(eq=False)
class Member:
    """A server that is connected now."""

    description: MemberDescription
    report: LoadReport = field(factory=LoadReport)
    tickets: dict[bytes, tuple[str, float]] = field(factory=dict)
    """Hash -> (switch, expiry) of the tickets that are not redeemed."""

    def load(self, now: float) -> int:
        """Return sessions and outstanding tickets."""
        self._expire(now)
        return self.report.sessions + len(self.tickets)

    def outstanding(self, switch: str, now: float) -> int:
        """Return the tickets outstanding for one switch."""
        self._expire(now)
        return sum(1 for name, _ in self.tickets.values() if name == switch.lower())

    def _expire(self, now: float) -> None:
        # In the order of expiry, so there is nothing to do behind the first that is still good.
        while self.tickets:
            name, (_switch, expires) = next(iter(self.tickets.items()))
            if now < expires:
                break
            del self.tickets[name]


class Roster:
    """
    The connected members.

    :param maximum: the M of the points formula.
    """

    def __init__(self, maximum: int = MAXIMUM) -> None:
        self.maximum = maximum
        self._members: dict[str, Member] = {}

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, member_id: str) -> bool:
        return member_id in self._members

    def members(self) -> list[Member]:
        """Return the members in the order in which they joined."""
        return list(self._members.values())

    def get(self, member_id: str) -> Member | None:
        """Return a member by its id, None where it is not connected."""
        return self._members.get(member_id)

    def by_key(self, key: int) -> Member | None:
        """Return a member by the number that administrators see."""
        return next((m for m in self._members.values() if m.description.key == key), None)

    def add(self, description: MemberDescription) -> Member:
        """Take a member in; one of the same id is replaced."""
        self._members.pop(description.id, None)
        member = self._members[description.id] = Member(description)
        return member

    def describe(self, description: MemberDescription) -> None:
        """Note what has changed of a member; its load and its tickets stay."""
        member = self._members.get(description.id)
        if member is not None:
            member.description = description

    def remove(self, member_id: str) -> None:
        """Forget a member and its tickets."""
        self._members.pop(member_id, None)

    def report(self, member_id: str, report: LoadReport) -> None:
        """Note a member's load; unknown members are ignored."""
        member = self._members.get(member_id)
        if member is None:
            return
        member.report = report
        for name in report.redeemed:
            member.tickets.pop(name, None)

    def issued(self, member_id: str, name: bytes, switch: str, now: float) -> None:
        """Count a ticket, by its hash, against a member."""
        member = self._members.get(member_id)
        if member is not None:
            member.tickets[name] = (switch.lower(), now + LIFE)

    def withdrawn(self, member_id: str, name: bytes) -> None:
        """A ticket could not be delivered after all."""
        member = self._members.get(member_id)
        if member is not None:
            member.tickets.pop(name, None)

    def candidate(self, member: Member, now: float) -> Candidate:
        """Return a member as a selector sees it."""
        description, load = member.description, member.load(now)
        return Candidate(
            description.id,
            description.host_name,
            description.weight,
            load,
            points(load, description.weight, self.maximum),
        )

    def candidates(self, now: float) -> list[Candidate]:
        """Return the members that have room for one more session."""
        found = []
        for member in self._members.values():
            candidate = self.candidate(member, now)
            if candidate.load < member.description.max_sessions:
                found.append(candidate)
        return found
