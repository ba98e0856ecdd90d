"""Events into lines: which log, whose settings, syslog, the program's own messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from iquila.database.belongings import LogSettings, SwitchOptions
from iquila.database.records import Switch, SwitchKind, SyslogSettings
from iquila.database.store import Change, Database, delete, put
from iquila.journal.files import LogFiles
from iquila.journal.journal import MOST_ADMINISTRATORS, QUIET, WARNING, Journal, encode
from iquila.journal.observer import ServerLogObserver
from iquila.journal.syslog import LONGEST, RESOLVE_AGAIN, SyslogSender, message
from iquila.journal.throttle import MOST, PERIOD, SOURCES, Throttle, source_of
from iquila.journal.writer import Writer
from tests.journal.test_files import HUGE, NOON


@define
class Datagrams:
    """A reactor's UDP side."""

    clock: Clock
    names: dict[str, str] = field(factory=dict)
    sent: list[tuple[bytes, tuple[str, int]]] = field(factory=list)
    open: int = 0
    interface: str = ""

    def seconds(self) -> float:
        return self.clock.seconds()

    def resolve(self, name: str) -> Deferred[str]:
        return succeed(self.names[name]) if name in self.names else fail(DNSLookupError(name))

    def listenUDP(self, port: int, protocol: Any, interface: str = "") -> Datagrams:
        self.open += 1
        self.interface = interface
        protocol.transport = self
        return self

    def stopListening(self) -> None:
        self.open -= 1

    def write(self, data: bytes, address: tuple[str, int]) -> None:
        self.sent.append((data, address))


class JournalTestCase(SynchronousTestCase):
    """A journal that writes on a clock."""

    def setUp(self) -> None:
        """With two switches."""
        self.clock = Clock()
        self.base = Path(self.mktemp())
        self.files = LogFiles(self.base, HUGE, 30, HUGE)
        self.reactor = Datagrams(self.clock, {"logs.example": "192.0.2.9"})
        wall = self.wall
        self.writer = Writer(self.clock, self.files, wall, threads=False)
        self.journal = Journal(self.writer, self.reactor, "host one", wall)
        self.writer.start()
        self.system = Database.in_memory()
        self.change(put(Switch("Lab", SwitchKind.STATIC)), put(Switch("b", SwitchKind.STATIC)))
        self.journal.follow(self.system)

    def wall(self) -> float:
        """Return the time of day."""
        return NOON + self.clock.seconds()

    def change(self, *changes: Change) -> None:
        """Change settings."""
        self.successResultOf(self.system.transact(list(changes)))

    def lines(self, path: str) -> list[dict[str, Any]]:
        """Return the events in a file."""
        self.clock.advance(1.0)
        file = self.base / path
        if not file.exists():
            return []
        return [json.loads(text) for text in file.read_text().splitlines()]


class EventTests(JournalTestCase):
    """Which log, and what it says."""

    def test_security(self) -> None:
        """In the log of its switch, under its name in lower case."""
        self.journal.security("LAB", "login-refused", WARNING, user="eve", code=9)
        (entry,) = self.lines("security/lab/20261124.jsonl")
        self.assertEqual(
            entry,
            {
                "time": "2026-11-24T12:00:00.000Z",
                "event": "login-refused",
                "switch": "lab",
                "user": "eve",
                "code": 9,
            },
        )

    def test_unknown_switches(self) -> None:
        """Whoever asks for switches that do not exist makes no files."""
        self.journal.security("../nowhere", "login-refused", user="eve")
        (entry,) = self.lines("server/20261124.jsonl")
        self.assertEqual((entry["switch"], entry["user"]), ("../nowhere", "eve"))
        self.assertEqual([p.name for p in self.base.iterdir()], ["server"])

    def test_settings(self) -> None:
        """Off, or in another cycle, from one event to the next; also one that is nonsense."""
        self.change(put(LogSettings("Lab", save_security=False)))
        self.journal.security("lab", "one")
        self.change(put(LogSettings("Lab", security_cycle=5)))
        self.journal.security("lab", "two")
        self.change(put(LogSettings("Lab", security_cycle=77)))
        self.journal.security("lab", "three")
        self.assertEqual([e["event"] for e in self.lines("security/lab/202611.jsonl")], ["two"])
        self.assertEqual([e["event"] for e in self.lines("security/lab/20261124.jsonl")], ["three"])

    def test_one_line_each(self) -> None:
        """Whatever is in the texts."""
        hostile = 'a\n{"event": "forged"}\r\n\u2028"\ud800'
        self.journal.server("x", text=hostile)
        self.journal.server("y")
        self.assertEqual(len(self.lines("server/20261124.jsonl")), 2)
        self.assertLess(len(encode(NOON, {"text": "x" * 10**6})), 1100)

    def test_administrators(self) -> None:
        """A program that calls all the time is told now and then; others each."""
        for _ in range(3):
            self.journal.administrator("administrator", "", "10.0.0.1", "json-rpc")
        self.journal.administrator("administrator@lab", "lab", "10.0.0.1", "json-rpc")
        self.journal.administrator("administrator", "", "10.0.0.2", "json-rpc")
        self.clock.advance(QUIET)
        self.journal.administrator("administrator", "", "10.0.0.1", "json-rpc")
        self.assertEqual(
            [e["address"] for e in self.lines("server/20261124.jsonl")],
            ["10.0.0.1", "10.0.0.2", "10.0.0.1"],
        )
        self.assertEqual(len(self.lines("security/lab/20261124.jsonl")), 1)
        for number in range(3 * MOST_ADMINISTRATORS):
            self.journal.administrator("a", "", str(number), "json-rpc")
        self.assertLessEqual(len(self.journal._seen), MOST_ADMINISTRATORS)

    def test_a_flood_of_refusals(self) -> None:
        """Of one source a number is told in a minute, then how many were not; others as before."""

        def guess(address: str) -> None:
            self.journal.refused("Lab", "login-refused", {"address": address, "code": 9})

        for number in range(MOST + 40):
            guess(f"2001:db8::{number:x}")
        guess("192.0.2.1")
        self.journal.security("Lab", "login-accepted", user="alice")
        told = self.lines("security/lab/20261124.jsonl")
        self.assertEqual(len(told), MOST + 2)
        self.clock.advance(PERIOD)
        guess("2001:db8::1")
        guess("192.0.2.1")
        *_before, first, second = self.lines("security/lab/20261124.jsonl")
        self.assertEqual((first["refused_untold"], first["code"]), (40, 9))
        self.assertNotIn("refused_untold", second)

    def test_a_flood_of_sources(self) -> None:
        """It cannot fill the memory."""
        throttle = Throttle()
        for number in range(SOURCES + 10):
            throttle.untold(str(number), 0.0)
        self.assertEqual(len(throttle), SOURCES)

    def test_sources(self) -> None:
        """IPv4 by address, also where it is mapped; IPv6 by network; anything else as it is."""
        for one, other, same in (
            ("10.0.0.1", "::ffff:10.0.0.1", True),
            ("10.0.0.1", "10.0.0.2", False),
            ("fe80::1%eth0", "fe80::2", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("", "unknown", False),
        ):
            self.assertIs(source_of(one) == source_of(other), same)

    def test_without_a_writer(self) -> None:
        """Nothing happens."""
        journal = Journal()
        journal.security("lab", "x")
        journal.administrator_refused("", "10.0.0.1", "json-rpc", "wrong")

    def test_the_programs_messages(self) -> None:
        """From information on, and only ours."""
        observer = ServerLogObserver(self.journal)
        observer.start()
        self.addCleanup(observer.stop)
        Logger(namespace="iquila.x").info("{what} happened", what="something")
        Logger(namespace="iquila.x").debug("nobody needs this")
        Logger(namespace="iquilax").info("other")
        Logger(namespace="twisted.x").error("other")
        (entry,) = self.lines("server/20261124.jsonl")
        self.assertEqual(
            (entry["level"], entry["from"], entry["text"]),
            ("info", "iquila.x", "something happened"),
        )

    def test_packet_log(self) -> None:
        """No eye on a switch unless its settings want one."""
        self.assertIsNone(self.journal.tap("lab"))
        self.change(put(LogSettings("Lab", save_packets=True, packets=(0,) * 16)))
        self.assertIsNone(self.journal.tap("lab"))
        self.change(
            put(LogSettings("Lab", save_packets=True)),
            put(SwitchOptions("Lab", extended={"MaxLoggedPacketsPerMinute": 90})),
        )
        tap = self.journal.tap("lab")
        assert tap is not None
        self.assertEqual(tap._per_second, 2)


class SyslogTests(JournalTestCase):
    """RFC 5424 over UDP."""

    def messages(self) -> list[str]:
        """Return the events that were sent."""
        return [json.loads(data.split(b" - ", 1)[1])["event"] for data, _ in self.reactor.sent]

    def test_format(self) -> None:
        """The header's fields, in order, and the event."""
        data = message(NOON + 0.25, "host one", "security", 4, b'{"a": 1}').decode()
        self.assertRegex(
            data,
            r'^<132>1 2026-11-24T12:00:00\.250Z hostone iquila \d+ security - \{"a": 1\}$',
        )

    def test_levels(self) -> None:
        """Nothing, the server log, security logs too, packet logs too."""
        for level, expected in enumerate(([], ["s"], ["s", "x"], ["s", "x", "p"])):
            self.change(put(SyslogSettings(level, "192.0.2.7", 5514)))
            self.reactor.sent.clear()
            self.journal.server("s")
            self.journal.security("lab", "x")
            self.journal.packet("lab", {"event": "p"})
            self.assertEqual(self.messages(), expected)
        self.assertEqual({address for _, address in self.reactor.sent}, {("192.0.2.7", 5514)})
        self.assertEqual(self.reactor.open, 1)
        self.change(delete(SyslogSettings, "syslog"))
        self.assertEqual(self.reactor.open, 0)
        self.journal.follow(None)

    def test_names(self) -> None:
        """Are looked up, and again after a while; one that is unknown loses messages."""
        sender = SyslogSender(self.reactor, "logs.example", 514)
        sender.start()
        sender.send(b"one")
        self.reactor.names["logs.example"] = "192.0.2.10"
        sender.send(b"two")
        self.clock.advance(RESOLVE_AGAIN)
        sender.send(b"three")
        del self.reactor.names["logs.example"]
        self.clock.advance(RESOLVE_AGAIN)
        sender.send(b"four")
        self.assertEqual([to[0][-2:] for _, to in self.reactor.sent], [".9", ".9", "10", "10"])
        unknown = SyslogSender(self.reactor, "nowhere.example", 514)
        unknown.start()
        unknown.send(b"lost")
        sender.send(b"x" * (LONGEST + 1))
        self.assertEqual((unknown.lost, sender.lost), (1, 1))

    def test_ipv6(self) -> None:
        """An address of version 6 has a socket of its kind."""
        SyslogSender(self.reactor, "2001:db8::1", 514).start()
        self.assertEqual(self.reactor.interface, "::")
