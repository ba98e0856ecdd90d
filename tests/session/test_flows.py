"""Conversations on the connections of one session."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.session.flows import FLOW_LIMIT, IDLE_SECONDS, FlowTable

KEYS = [bytes([number]) * 12 for number in range(40)]


class FlowTests(SynchronousTestCase):
    """Which way a conversation takes."""

    def test_all_ways_are_used(self) -> None:
        """Forty conversations do not all take one of four ways."""
        flows: FlowTable[str] = FlowTable()
        self.assertGreater(len({flows.choose(key, "abcd", 0.0) for key in KEYS}), 1)

    def test_more_ways_change_nothing(self) -> None:
        """A conversation that goes on stays where it is."""
        flows: FlowTable[str] = FlowTable()
        before = [flows.choose(key, "ab", 0.0) for key in KEYS]
        after = [flows.choose(key, "abcdefgh", 2.0) for key in KEYS]
        self.assertEqual(before, after)

    def test_idle_conversations_may_move(self) -> None:
        """After some time in silence the choice is made anew."""
        flows: FlowTable[str] = FlowTable()
        for key in KEYS:
            flows.choose(key, "a", 0.0)
        later = {flows.choose(key, "abcd", IDLE_SECONDS) for key in KEYS}
        self.assertGreater(len(later), 1)

    def test_loss(self) -> None:
        """A conversation pauses, then takes another way; others go on."""
        flows: FlowTable[str] = FlowTable()
        before = {key: flows.choose(key, "ab", 0.0) for key in KEYS}
        self.assertTrue(flows.lost("a", 1.0, 0.5))
        self.assertEqual(flows.pausing(), ["a"])
        self.assertEqual(flows.pause(1.25), 0.25)
        during = {key: flows.choose(key, "b", 1.25) for key in KEYS}
        self.assertEqual(during, {key: None if way == "a" else "b" for key, way in before.items()})
        after = {flows.choose(key, "b", 1.5) for key in KEYS}
        self.assertEqual(after, {"b"})
        self.assertEqual((flows.pause(1.5), flows.pausing()), (0.0, []))

    def test_confirmed_loss(self) -> None:
        """What paused for that way goes on at once."""
        flows: FlowTable[str] = FlowTable()
        for key in KEYS:
            flows.choose(key, "abc", 0.0)
        flows.lost("a", 1.0, 0.5)
        flows.lost("b", 1.0, 0.5)
        flows.confirmed("a")
        self.assertEqual(flows.pausing(), ["b"])
        flows.confirmed("b")
        self.assertEqual({flows.choose(key, "c", 1.0) for key in KEYS}, {"c"})

    def test_loss_of_an_unused_way(self) -> None:
        """Nothing pauses."""
        flows: FlowTable[str] = FlowTable()
        flows.choose(KEYS[0], "a", 0.0)
        self.assertFalse(flows.lost("b", 0.0, 0.5))
        self.assertEqual(flows.pause(0.0), 0.0)

    def test_no_way(self) -> None:
        """There is none."""
        self.assertIsNone(FlowTable[str]().choose(KEYS[0], "", 0.0))

    @given(st.lists(st.integers(0, 2**16), max_size=50))
    def test_bounded(self, numbers: list[int]) -> None:
        """However many conversations there are."""
        flows: FlowTable[str] = FlowTable()
        for number in range(FLOW_LIMIT):
            flows.choose(number.to_bytes(12, "big"), "ab", 0.0)
        for number in numbers:
            self.assertIn(flows.choose(number.to_bytes(12, "big"), "ab", 0.0), ("a", "b"))
        self.assertLessEqual(len(flows), FLOW_LIMIT)
