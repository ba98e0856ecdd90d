"""Log files: names, rotation, limits, and a disk that is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from iquila.errors import ObjectNotFound
from iquila.journal import writer as writers
from iquila.journal.files import DAY, Line, LogFiles
from iquila.journal.names import Cycle, file_name, log_path, part_of, stamp
from iquila.journal.writer import MOST_LINES, Writer

NOON = 1_795_521_600.0
"""2026-11-24T12:00:00Z"""
HUGE = 10**12


def line(text: str, moment: float = NOON, cycle: Cycle = Cycle.DAY, folder: str = "server") -> Line:
    """Return a line."""
    return Line(folder, cycle, moment, text.encode() + b"\n")


class NameTests(SynchronousTestCase):
    """Names of files."""

    def test_stamps(self) -> None:
        """By cycle."""
        self.assertEqual(
            [stamp(cycle, NOON + 61) for cycle in Cycle],
            ["all", "20261124_120101", "20261124_1201", "20261124_12", "20261124", "202611"],
        )

    @given(st.sampled_from(Cycle), st.floats(0, 4e9), st.integers(1, 99))
    def test_names_are_known_again(self, cycle: Cycle, moment: float, part: int) -> None:
        """Every name that is made is a path that may be read."""
        name = file_name(stamp(cycle, moment), part)
        self.assertEqual(part_of(name, stamp(cycle, moment)), part)
        for text in (f"server/{name}", f"security/my office/{name}", f"packet/a.b/{name}"):
            self.assertEqual(log_path(text).text, text)

    def test_traversal(self) -> None:
        """No other path is."""
        for text in (
            "",
            "server",
            "server/",
            "/server/all.jsonl",
            "server/../key.pem",
            "server/../server/all.jsonl",
            "security/../server/all.jsonl",
            "security/./all.jsonl",
            "security//all.jsonl",
            "security/office/../../key.pem",
            "security/office/all.jsonl/x",
            "security/of\0fice/all.jsonl",
            "security/office/all.jsonl\n",
            "../system.sqlite",
            "backups/x/all.jsonl",
            "server/all.jsonl\0",
            "server/20261124.json",
            "server/٢٠٢٦١١٢٤.jsonl",
        ):
            self.assertRaises(ObjectNotFound, log_path, text)

    @given(st.text(max_size=40))
    def test_any_text(self, text: str) -> None:
        """Either refused, or without anything that leads elsewhere."""
        try:
            path = log_path(text)
        except ObjectNotFound:
            return
        self.assertNotIn("..", path.text.split("/"))
        self.assertFalse(path.text.startswith("/"))


class FileTests(SynchronousTestCase):
    """Files on the disk."""

    def setUp(self) -> None:
        """An empty directory."""
        self.base = Path(self.mktemp())
        self.files = LogFiles(self.base, 100, 30, HUGE)

    def names(self, folder: str = "server") -> list[str]:
        """Return the files of a log."""
        return sorted(os.listdir(self.base / folder))

    def test_cycles(self) -> None:
        """Each line goes to the file of its time, whatever is written together."""
        lines = [line(f"{n}", NOON + n * 3600, Cycle.HOUR) for n in range(3)]
        self.assertEqual(self.files.write(lines), (0, None))
        self.assertEqual(self.names(), [f"20261124_{h}.jsonl" for h in (12, 13, 14)])
        self.assertEqual((self.base / "server/20261124_13.jsonl").read_bytes(), b"1\n")

    def test_full_files(self) -> None:
        """Another one, also after a restart; no line is cut."""
        for number in range(5):
            self.files.write([line(f"{number}" * 60)])
            self.files = LogFiles(self.base, 100, 30, HUGE)
        self.files.write([line("x" * 500)])
        # Two lines pass 100 bytes, so each file has as many as it takes to be full.
        sizes = [(self.base / "server" / n).stat().st_size for n in self.names()]
        self.assertEqual(sizes, [122, 122, 562])

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(1, 90),
                st.integers(0, 40),
                st.sampled_from(["server", "security/a", "packet/b"]),
            ),
            max_size=60,
        ),
        st.sampled_from(Cycle),
        st.lists(st.integers(1, 10), min_size=1),
    )
    def test_nothing_is_lost(
        self, made: list[tuple[int, int, str]], cycle: Cycle, batches: list[int]
    ) -> None:
        """Whatever the cycle and the batches: all lines are there once, in order, whole."""
        moment, lines = NOON, []
        for number, (size, later, folder) in enumerate(made):
            moment += later
            lines.append(line(f"{number:04d}" + "x" * size, moment, cycle, folder))
        with TemporaryDirectory() as scratch:
            files = LogFiles(Path(scratch), 200, 30, HUGE)
            rest, turn = list(lines), 0
            while rest:
                count = batches[turn % len(batches)]
                turn += 1
                self.assertEqual(files.write(rest[:count]), (0, None))
                rest = rest[count:]
            for folder in ("server", "security/a", "packet/b"):
                expected = [entry.data for entry in lines if entry.folder == folder]
                found: list[bytes] = []
                listed = [f for f in files.listed() if f.path.text.startswith(folder + "/")]
                for file in listed:
                    self.assertLess(file.size, 200 + 200)
                    found += files.read(file.path, 0, 10**6).splitlines(keepends=True)
                self.assertEqual(sorted(found), sorted(expected))

    def test_half_lines(self) -> None:
        """What a crash left half is ended, so that the next line is one."""
        self.files.write([line("whole")])
        path = self.base / "server/20261124.jsonl"
        with path.open("ab") as file:
            file.write(b"ha")
        self.files.write([line("next")])
        self.assertEqual(path.read_bytes(), b"whole\nha\nnext\n")

    def aged(self, name: str, days: float, size: int, folder: str = "server") -> None:
        """Leave a file of some age."""
        path = self.base / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (NOON - days * DAY,) * 2)

    def test_old_files(self) -> None:
        """Go with the first line of a new file, or with the hourly search everywhere."""
        self.aged("20261001.jsonl", 54, 10)
        self.aged("20261110.jsonl", 14, 10)
        self.aged("20261001.jsonl", 54, 10, "packet/office")
        self.aged("notes.txt", 99, 10)
        self.files.write([line("new")])
        self.assertEqual(self.names(), ["20261110.jsonl", "20261124.jsonl", "notes.txt"])
        self.files.sweep(NOON)
        self.assertEqual(self.names("packet/office"), [])
        self.aged("20261001.jsonl", 54, 10, "packet/office")
        self.files.sweep(NOON + 60)
        self.assertEqual(self.names("packet/office"), ["20261001.jsonl"])
        self.files.sweep(NOON + 3601)
        self.assertEqual(self.names("packet/office"), [])

    def test_total_size(self) -> None:
        """The oldest go; each log for itself."""
        files = LogFiles(self.base, 100, 30, 250)
        for day in range(1, 6):
            self.aged(f"2026110{day}.jsonl", 24 - day, 90)
        self.aged("20261101.jsonl", 23, 90, "security/office")
        files.write([line("new")])
        self.assertEqual(self.names(), ["20261104.jsonl", "20261105.jsonl", "20261124.jsonl"])
        self.assertEqual(self.names("security/office"), ["20261101.jsonl"])

    def test_listing_and_reading(self) -> None:
        """Of all, or of one switch; links are neither listed nor followed."""
        self.files.write(
            [line("a"), line("b", folder="security/lab"), line("c", folder="packet/x")]
        )
        (self.base / "server/20250101.jsonl").symlink_to("/etc/passwd")
        self.assertEqual(
            [file.path.text for file in self.files.listed()],
            ["packet/x/20261124.jsonl", "security/lab/20261124.jsonl", "server/20261124.jsonl"],
        )
        (file,) = self.files.listed("LAB")
        self.assertEqual((file.size, self.files.read(file.path, 1, 10)), (2, b"\n"))
        self.assertEqual(self.files.read(file.path, 2, 10), b"")
        for missing in ("server/20250101.jsonl", "server/20200101.jsonl"):
            self.assertRaises(ObjectNotFound, self.files.read, log_path(missing), 0, 10)

    def test_a_log_that_cannot_be_written(self) -> None:
        """Its lines are counted as lost, those of other logs are not."""
        (self.base / "security").mkdir(parents=True)
        (self.base / "security/lab").write_text("in the way")
        lost, problem = self.files.write(
            [line("a", folder="security/lab"), line("b", folder="security/lab"), line("c")]
        )
        self.assertEqual(lost, 2)
        self.assertIsInstance(problem, OSError)
        self.assertEqual(self.names(), ["20261124.jsonl"])


class FullDisk(LogFiles):
    """A disk with no room for a while."""

    full = False

    def _append(self, folder: str, stamp: str, lines: list[Line]) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super()._append(folder, stamp, lines)


class WriterTests(SynchronousTestCase):
    """The queue."""

    def setUp(self) -> None:
        """A writer without a thread, on a clock."""
        self.base = Path(self.mktemp())
        self.clock = Clock()
        self.files = FullDisk(self.base, HUGE, 30, HUGE)
        self.writer = Writer(self.clock, self.files, lambda: NOON, threads=False)
        self.writer.start()
        self.path = self.base / "server/20261124.jsonl"

    def test_in_batches(self) -> None:
        """Nothing is written in the call; soon after it is."""
        self.writer.add(line("a"))
        self.writer.add(line("b"))
        self.assertFalse(self.path.exists())
        self.clock.advance(1.0)
        self.assertEqual(self.path.read_bytes(), b"a\nb\n")

    def test_the_end(self) -> None:
        """What is queued is written, then nothing more."""
        self.writer.add(line("a"))
        self.successResultOf(Deferred.fromCoroutine(self.writer.stop()))
        self.writer.add(line("b"))
        self.assertEqual(self.path.read_bytes(), b"a\n")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bounded(self) -> None:
        """Beyond the queue's bounds lines are lost, by number or size."""
        for _ in range(MOST_LINES + 7):
            self.writer.add(line("x"))
        self.assertEqual(self.writer.lost, 7)
        self.clock.advance(1.0)
        self.patch(writers, "MOST_BYTES", 100)
        for _ in range(3):
            self.writer.add(line("x" * 49))
        self.assertEqual(self.writer.lost, 8)

    def test_full_disk(self) -> None:
        """Told once, and once when there is room again."""
        self.files.full = True
        for _ in range(3):
            self.writer.add(line("lost"))
            self.clock.advance(1.0)
        self.assertEqual(self.writer.lost, 3)
        self.files.full = False
        self.writer.add(line("kept"))
        self.clock.advance(1.0)
        self.assertEqual(self.path.read_bytes(), b"kept\n")
        self.assertEqual(self.writer.lost, 3)

    def test_reading_sees_what_was_told(self) -> None:
        """What is queued is written first."""
        self.writer.add(line("now"))
        read = self.writer.run(self.files.read, log_path("server/20261124.jsonl"), 0, 100)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(read)), b"now\n")
