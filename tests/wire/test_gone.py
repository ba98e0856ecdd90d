"""Which connections the other end has lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.wire.blocks import MAX_CONTROL, control_message
from iquila.wire.gone import MAX_NAMES, NAME_SIZE, gone_message, read_gone_message
from iquila.wire.superframe import offload_message, read_offload_message

NAMES = st.lists(st.binary(min_size=NAME_SIZE, max_size=NAME_SIZE), max_size=MAX_NAMES)


class GoneTests(SynchronousTestCase):
    """The message."""

    @given(NAMES)
    def test_there_and_back(self, names: list[bytes]) -> None:
        """As many names as are kept fit."""
        message = gone_message(names)
        self.assertEqual(read_gone_message(message), names)
        self.assertIn(message, control_message(message))
        self.assertIsNone(read_offload_message(message))

    @given(st.binary(max_size=MAX_CONTROL))
    def test_nonsense(self, payload: bytes) -> None:
        """Whatever comes is read as names, or as none."""
        for name in read_gone_message(b"gone " + payload):
            self.assertEqual(len(name), NAME_SIZE)
            self.assertIn(name, payload)

    def test_other_messages(self) -> None:
        """Have no names."""
        self.assertEqual(read_gone_message(offload_message(True)), [])
