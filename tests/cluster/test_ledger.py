"""The count of logins over a whole cluster."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.cluster.ledger import Ledger, News, SessionNote, machine_of
from iquila.cluster.tickets import LIFE

M1, M2, M3 = (bytes([n]) * 16 for n in (1, 2, 3))


def note(id: str, user: str = "alice", machine: bytes = M1) -> SessionNote:
    """Return a session on the switch lab."""
    return SessionNote(id, "lab", user, machine)


class LedgerTests(SynchronousTestCase):
    """Sessions and tickets."""

    def setUp(self) -> None:
        """An empty ledger."""
        self.ledger = Ledger()

    def count(self, machine: bytes = M3, now: float = 0.0) -> int:
        """Return what counts against one more login of alice."""
        return self.ledger.count("LAB", "Alice", machine, now)

    def test_over_all_servers(self) -> None:
        """The same id on two servers is two sessions; names ignore case."""
        self.ledger.entered("a", note("CID-1", machine=M1))
        self.ledger.entered("b", note("CID-1", machine=M2))
        self.ledger.entered("b", note("CID-2", "bob"))
        self.assertEqual(self.count(), 2)
        self.assertEqual(self.ledger.count("lab", "bob", M3, 0.0), 1)
        self.assertEqual(self.ledger.count("office", "alice", M3, 0.0), 0)
        self.ledger.left("a", "CID-1")
        self.ledger.left("a", "CID-9")
        self.assertEqual(self.count(), 1)

    def test_the_same_machine(self) -> None:
        """Does not count, unless nobody knows which one it is."""
        self.ledger.entered("a", note("CID-1", machine=M1))
        self.assertEqual((self.count(M1), self.count(M2)), (0, 1))
        unknown = machine_of(bytes(16))
        self.ledger.entered("a", note("CID-2", machine=unknown))
        self.assertEqual(self.count(unknown), 2)
        self.assertEqual(machine_of(M1), M1)

    def test_a_lost_server(self) -> None:
        """Counts no more, and when it is back it tells again."""
        self.ledger.entered("a", note("CID-1"))
        self.ledger.expect(b"t", "lab", "alice", M2, 0.0, "a")
        self.ledger.expect(b"u", "lab", "alice", M2, 0.0, "b")
        self.assertEqual(self.count(), 3)
        self.ledger.lost("a")
        self.assertEqual(self.count(), 1)
        self.ledger.told("a", [note("CID-1"), note("CID-2")], [])
        self.assertEqual(self.count(), 3)

    def test_tickets(self) -> None:
        """Count until they are redeemed, withdrawn, or expire."""
        self.ledger.expect(b"t", "lab", "alice", M1, 0.0)
        self.assertEqual(self.count(), 1)
        self.ledger.expect(b"t", "lab", "alice", M1, 0.0, "a")
        self.assertEqual(self.count(), 1)
        self.ledger.settled(b"t")
        self.ledger.settled(b"t")
        self.assertEqual(self.count(), 0)
        self.ledger.expect(b"u", "lab", "alice", M1, 5.0)
        self.assertEqual(self.count(now=4.9 + LIFE), 1)
        self.assertEqual(self.count(now=5.0 + LIFE), 0)

    def test_told_twice(self) -> None:
        """Is the same; under another user it has moved."""
        for _ in range(2):
            self.ledger.told("a", [note("CID-1")], [])
        self.assertEqual(self.count(), 1)
        self.ledger.told("a", [note("CID-1", "bob")], [])
        self.assertEqual((self.count(), self.ledger.count("lab", "bob", M3, 0.0)), (0, 1))

    @given(st.data())
    def test_against_a_model(self, data: st.DataObject) -> None:
        """Whatever happens in whatever order, the count is that of what is there."""
        ledger, there = Ledger(), dict[tuple[str, str], SessionNote]()
        servers, ids = st.sampled_from("abc"), st.sampled_from(["1", "2", "3", "4"])
        for _ in range(data.draw(st.integers(0, 30))):
            server, id = data.draw(servers), data.draw(ids)
            step = data.draw(st.sampled_from(["came", "went", "lost"]))
            if step == "came":
                user = data.draw(st.sampled_from(["alice", "bob"]))
                there[server, id] = note(id, user, data.draw(st.sampled_from([M1, M2, b""])))
                ledger.entered(server, there[server, id])
            elif step == "went":
                there.pop((server, id), None)
                ledger.left(server, id)
            else:
                there = {key: value for key, value in there.items() if key[0] != server}
                ledger.lost(server)
        for user in ("alice", "bob"):
            expected = sum(1 for s in there.values() if s.user == user and s.machine != M1)
            self.assertEqual(ledger.count("lab", user, M1, 0.0), expected)


class NewsTests(SynchronousTestCase):
    """What a server tells."""

    def test_once_and_the_latest(self) -> None:
        """Each session's last state, once."""
        news = News()
        news.came(note("1"))
        news.came(note("2"))
        news.went("1")
        self.assertTrue(news)
        self.assertEqual(news.take(10), ((note("2"),), ("1",)))
        self.assertFalse(news)
        self.assertEqual(news.take(10), ((), ()))

    def test_in_parts(self) -> None:
        """Many take several reports; a new start forgets what was not told."""
        news = News()
        news.start(note(str(n)) for n in range(10))
        came, _ = news.take(4)
        self.assertEqual([n.id for n in came], ["0", "1", "2", "3"])
        came, _ = news.take(4)
        self.assertEqual([n.id for n in came], ["4", "5", "6", "7"])
        news.start()
        self.assertFalse(news)
