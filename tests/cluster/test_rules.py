"""Points, selection, the roster, tickets, placement, health and the proof at joining."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.cluster.challenge import (
    Transcript,
    controller_proof,
    holds,
    identity_statement,
    member_proof,
    nonce,
)
from iquila.cluster.health import Health, Heartbeat
from iquila.cluster.placement import Place, may_stop, next_place, runs_here
from iquila.cluster.points import points
from iquila.cluster.roster import Candidate, LoadReport, MemberDescription, Roster
from iquila.cluster.selector import PointsSelector, select_member
from iquila.cluster.tickets import Grant, TicketBook, new_ticket, ticket_hash
from iquila.errors import AuthenticationFailed, TooManyItems
from iquila.wire.policy import DEFAULT_POLICY

GRANT = Grant("office", "alice", "SID-ALICE-1", DEFAULT_POLICY)


def description(id: str, weight: int = 100, max_sessions: int = 4096) -> MemberDescription:
    """Return a member."""
    return MemberDescription(
        id, 1, id, "10.0.0.1", (5555,), weight, b"", 0, max_sessions=max_sessions
    )


class PointsTests(SynchronousTestCase):
    """The formula."""

    @given(st.integers(0, 200_000), st.integers(0, 10_000), st.integers(1, 100_000))
    def test_formula(self, sessions: int, weight: int, maximum: int) -> None:
        """Exactly the manual's, truncated, clamped, weight 0 being 100."""
        used = min(Fraction(sessions * 100, weight or 100), Fraction(maximum))
        expected = (maximum - used) * 100_000 / maximum
        self.assertEqual(points(sessions, weight, maximum), int(expected))
        self.assertTrue(0 <= points(sessions, weight, maximum) <= 100_000)

    def test_known_values(self) -> None:
        """Figures worked out by hand."""
        self.assertEqual(points(0, 100), 100_000)
        self.assertEqual(points(1, 100), 99_975)
        self.assertEqual(points(2, 200), points(1, 100))
        self.assertEqual(points(4096, 100), 0)
        self.assertEqual(points(10_000, 100), 0)

    def test_live_value(self) -> None:
        """The one seen on a real server: 3 sessions, M = 100000."""
        self.assertEqual(points(3, 100, 100_000), 99_997)


class RosterTests(SynchronousTestCase):
    """Load, and choosing by it."""

    def test_a_burst_spreads_by_weight(self) -> None:
        """1000 logins on weights 100, 200, 100 before any report: 250, 500, 250 within 3 %."""
        roster = Roster()
        for id, weight in (("a", 100), ("b", 200), ("c", 100)):
            roster.add(description(id, weight))
        chosen: Counter[str] = Counter()
        for number in range(1000):
            best, problems = select_member((), roster.candidates(0.0), "office")
            assert best is not None and not problems
            chosen[best.id] += 1
            roster.issued(best.id, number.to_bytes(8, "big"), "office", 0.0)
        for id, share in (("a", 250), ("b", 500), ("c", 250)):
            self.assertTrue(abs(chosen[id] - share) <= share * 0.03, chosen)

    def test_tickets_count_until_redeemed_or_expired(self) -> None:
        """Each counts as a session for 60 seconds at most."""
        roster = Roster()
        member = roster.add(description("a"))
        roster.issued("a", b"1", "office", 0.0)
        roster.issued("a", b"2", "Office", 10.0)
        self.assertEqual(member.load(10.0), 2)
        self.assertEqual(member.outstanding("OFFICE", 10.0), 2)
        roster.report("a", LoadReport(sessions=1, redeemed=(b"1",)))
        self.assertEqual(member.load(10.0), 2)
        self.assertEqual(member.load(69.9), 2)
        self.assertEqual(member.load(70.0), 1)
        roster.issued("a", b"3", "office", 80.0)
        roster.withdrawn("a", b"3")
        self.assertEqual(member.load(80.0), 1)

    def test_full_members_are_no_candidates(self) -> None:
        """A member with as many sessions as it may take gets no more."""
        roster = Roster()
        roster.add(description("a", max_sessions=1))
        self.assertEqual(len(roster.candidates(0.0)), 1)
        roster.report("a", LoadReport(sessions=1))
        self.assertEqual(roster.candidates(0.0), [])

    def test_the_same_member_joins_again(self) -> None:
        """It is there once, without its old tickets."""
        roster = Roster()
        roster.add(description("a"))
        roster.issued("a", b"1", "office", 0.0)
        self.assertEqual(roster.add(description("a")).load(0.0), 0)
        self.assertEqual(len(roster), 1)
        roster.remove("a")
        self.assertNotIn("a", roster)
        roster.report("a", LoadReport())


class SelectorTests(SynchronousTestCase):
    """Ties and plug-ins."""

    def test_ties(self) -> None:
        """Fewest sessions, then the first name."""
        a, b, c = (
            Candidate("1", "b", 100, 5, 100),
            Candidate("2", "a", 100, 5, 100),
            Candidate("3", "z", 100, 4, 100),
        )
        self.assertEqual(PointsSelector().select([a, b, c], "s"), c)
        self.assertEqual(PointsSelector().select([a, b], "s"), b)
        self.assertIsNone(PointsSelector().select([], "s"))

    def test_plugins_fall_back_to_points(self) -> None:
        """One that fails or answers nonsense does not stop a login."""
        good, bad = Candidate("1", "a", 100, 0, 100), Candidate("2", "b", 100, 9, 10)

        class Fails:
            def select(self, candidates: object, switch: str) -> Candidate:
                raise RuntimeError("broken")

        class Stranger:
            def select(self, candidates: object, switch: str) -> Candidate:
                return Candidate("9", "x", 1, 0, 0)

        class Worst:
            def select(self, candidates: object, switch: str) -> Candidate:
                return bad

        chosen, problems = select_member((Fails(), Stranger()), [good, bad], "s")
        self.assertEqual((chosen, len(problems)), (good, 2))
        self.assertEqual(select_member((Worst(),), [good, bad], "s"), (bad, []))


class TicketTests(SynchronousTestCase):
    """Once, in time, for one user and switch."""

    def setUp(self) -> None:
        """Issue one ticket at 100 s."""
        self.book, self.ticket = TicketBook(limit=3), new_ticket()
        self.book.issue(self.ticket, GRANT, 100.0)

    def redeem(self, now: float, switch: str = "Office", user: str = "ALICE") -> Grant:
        """Redeem it."""
        return self.book.redeem(self.ticket, switch, user, now)

    def test_once(self) -> None:
        """The second time it is unknown."""
        self.assertEqual(self.redeem(159.9), GRANT)
        self.assertRaises(AuthenticationFailed, self.redeem, 159.9)

    def test_expired(self) -> None:
        """The age is checked when it is redeemed, though nothing purged it."""
        self.assertEqual(len(self.book), 1)
        self.assertRaises(AuthenticationFailed, self.redeem, 160.0)

    def test_for_another(self) -> None:
        """A wrong user or switch uses it up."""
        self.assertRaises(AuthenticationFailed, self.redeem, 100.0, "other")
        self.assertRaises(AuthenticationFailed, self.redeem, 100.0)

    def test_wrong_user(self) -> None:
        """So does another user."""
        self.assertRaises(AuthenticationFailed, self.redeem, 100.0, "office", "bob")

    def test_bounded(self) -> None:
        """The book has a limit; expired tickets make room."""
        for _ in range(2):
            self.book.issue(new_ticket(), GRANT, 100.0)
        self.assertRaises(TooManyItems, self.book.issue, new_ticket(), GRANT, 100.0)
        self.book.issue(new_ticket(), GRANT, 161.0)
        self.assertEqual(len(self.book), 1)

    def test_names_do_not_tell_the_ticket(self) -> None:
        """A hash names a ticket in reports."""
        self.assertEqual(len(ticket_hash(self.ticket)), 8)
        self.assertNotIn(ticket_hash(self.ticket), self.ticket)


class PlacementTests(SynchronousTestCase):
    """Epochs."""

    def test_epochs_grow(self) -> None:
        """Each placement is newer than the last, and than what is over."""
        first = next_place(None, "a")
        second = next_place(first, "b")
        self.assertEqual((first, second), (Place("a", 1), Place("b", 2)))
        self.assertEqual(next_place(second, "a", 40), Place("a", 41))
        self.assertTrue(runs_here(second, "b", 2))
        self.assertFalse(runs_here(second, "a", 1))
        self.assertFalse(runs_here(None, "a", 1))

    def test_stopping(self) -> None:
        """Only an empty instance stops, and not while somebody is on the way."""
        self.assertTrue(may_stop(0, 0, 60.0, 60.0))
        for sessions, tickets, age in ((1, 0, 99.0), (0, 1, 99.0), (0, 0, 59.0)):
            self.assertFalse(may_stop(sessions, tickets, age, 60.0))


class HealthTests(SynchronousTestCase):
    """Silence."""

    def test_states(self) -> None:
        """Suspect after 3 seconds, dead after 6, alive at any sign."""
        heart = Heartbeat(10.0)
        states = [heart.state(now) for now in (12.9, 13.0, 15.9, 16.0)]
        self.assertEqual(states, [Health.ALIVE, Health.SUSPECT, Health.SUSPECT, Health.DEAD])
        heart.heard(16.0)
        self.assertIs(heart.state(17.0), Health.ALIVE)


class ChallengeTests(SynchronousTestCase):
    """The mutual proof."""

    def test_proofs_are_bound(self) -> None:
        """Another password, nonce, channel or direction has another proof."""
        one = Transcript(nonce(), nonce(), b"b" * 32)
        other = Transcript(one.controller_nonce, one.member_nonce, b"c" * 32)
        proof = member_proof(b"hash", one)
        self.assertTrue(holds(proof, member_proof(b"hash", one)))
        for wrong in (
            member_proof(b"other", one),
            member_proof(b"hash", other),
            controller_proof(b"hash", one),
            member_proof(b"hash", Transcript(one.member_nonce, one.controller_nonce, one.binding)),
        ):
            self.assertFalse(holds(proof, wrong))
        self.assertNotEqual(identity_statement(one), identity_statement(other))
