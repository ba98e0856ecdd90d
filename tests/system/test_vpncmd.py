"""Debian's vpncmd, unmodified, administers a cluster; its script answers as SoftEther's did."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .requirements import need_softether, need_tap
from .vpncmd import answers_of, ours, recorded, script

PAGE = Path(__file__).parents[2] / "doc" / "softether-tools.md"
_ROW = re.compile(r"^\| `(?P<line>[^`]+)` \| (?P<reason>.+) \|$", re.MULTILINE)
FEWEST = 80


def documented() -> dict[str, str]:
    """Return the reasons of the differences by command, as the manual gives them."""
    return {m["line"]: m["reason"] for m in _ROW.finditer(PAGE.read_text(encoding="utf-8"))}


class RecordingTests(SynchronousTestCase):
    """The script and what was recorded."""

    def test_it_is_of_this_script(self) -> None:
        """Each command has an answer of SoftEther's cluster, and there are enough."""
        answers = recorded()
        lines = [line for line in script() if not line.startswith("cli ")]
        self.assertEqual([re.sub(r" #\d+$", "", line) for line in answers], lines)
        self.assertGreaterEqual(len(lines), FEWEST)
        successes = sum(not answer.code for answer in answers.values())
        self.assertGreater(successes, len(lines) // 2)
        self.assertGreater(len(lines) - successes, 20)


class VpncmdTests(SynchronousTestCase):
    """The script against a controller and a member of ours."""

    def test_script(self) -> None:
        """Numbers, labels and values are SoftEther's, but for what the manual explains."""
        need_tap()
        need_softether()
        folder = Path(self.mktemp())
        own = answers_of(ours, folder, lambda line: None)
        found = {
            line: difference
            for line, wanted in recorded().items()
            if (difference := own[line].differs_from(wanted))
        }
        reasons = documented()
        unexplained = {line: why for line, why in found.items() if line not in reasons}
        self.assertEqual(unexplained, {}, "what the manual does not explain")
        gone = [line for line in reasons if line not in found]
        self.assertEqual(gone, [], "what the manual explains and is no difference any more")
