"""Documents: what is written, what is read, what is refused, and what differs."""

from __future__ import annotations

import tomllib
from typing import Any

import tomli_w
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.document.content import Content, anonymous, content
from iquila.admin.document.difference import step
from iquila.admin.document.forms import Form
from iquila.admin.document.network import MAC, Network, Ports, Source
from iquila.admin.document.problems import SHOWN, DocumentRefused
from iquila.admin.document.reading import read
from iquila.admin.document.writing import write
from iquila.database.belongings import (
    AccessRule,
    AddressList,
    AddressRule,
    Group,
    LogSettings,
    RadiusServer,
    RevokedCertificate,
    SwitchOptions,
)
from iquila.database.record import Record
from iquila.database.records import AuthKind, ListenerRecord, ServerMode, Switch, SwitchKind, User
from iquila.wire.policy import Policy

STANDALONE, CONTROLLER = ServerMode.STANDALONE, ServerMode.CONTROLLER
HASH = bytes(range(20))
TIMES: dict[str, Any] = {"created": 1, "updated": 2}
WORDS = (
    "user group access address authority revoked radius log policy login port enabled kind online "
    "keep expires certificate priority action source administrator_options x"
).split()
RECORDS: tuple[Record, ...] = (
    Switch(
        "Office",
        SwitchKind.STANDALONE,
        online=False,
        max_sessions=7,
        hashed_password=HASH,
        secure_password=HASH,
        no_enum=True,
        created=1_700_000_000_123,
        message='Hello,\n\tÜ "you"',
    ),
    Switch("Lab", SwitchKind.STANDALONE, created=1),
    Group("Office", "Sales", "The sales", "a\r\nb", Policy(max_upload=5)),
    Group("Office", "Empty", policy=Policy()),
    User(
        "Office", "alice", AuthKind.PASSWORD, HASH, HASH[:16], "Sales", "A", "n", 1000, 2000, 3000
    ),
    User("Office", "bob", AuthKind.SIGNED, common_name="cn", serial=b"\x12", **TIMES),
    User("Office", "carol", AuthKind.RADIUS, alias="c@x", policy=Policy(access=False), **TIMES),
    User("Office", "dave", **TIMES),
    RadiusServer("Office", "r1;r2", 1645, "shared", 700, 90, 1646),
    LogSettings("Office", False, 3, True, 0, (0, 0, 2) + (0,) * 13),
    SwitchOptions("Office", {"max_users": 9}, {"FilterBPDU": 1, "VlanTypeId": 0x88A8}),
    AccessRule("Office", 4, "note", False, 10, True, source="10.0.0.0", source_mask="255.0.0.0"),
    AccessRule(
        "Office", 2, priority=10, protocol=6, destination_port_start=1, destination_port_end=9
    ),
    AccessRule(
        "Office",
        9,
        priority=5,
        ipv6=True,
        source="2001:db8::",
        source_mask="ffff:ffff::",
        destination="::",
        destination_mask="::",
        source_mac=b"\0\xae\1\2\3\4",
        source_mac_mask=b"\xff\xff\0\0\0\0",
        check_tcp_state=True,
        delay=3,
        redirect_url="http://x/",
    ),
    AddressList(
        "Office",
        (AddressRule(1, 5, True, "10.0.0.9"), AddressRule(2, 6, False, "10.0.0.0", "255.0.255.0")),
    ),
    RevokedCertificate("Office", 3, "eve", serial=b"\xab", md5=bytes(16), sha1=b"\x77" * 20),
)
LISTENERS = (ListenerRecord(5555), ListenerRecord(443, False))


def site() -> Content:
    """Return everything that there can be."""
    return content(RECORDS, LISTENERS)


def refusal(test: SynchronousTestCase, text: str, mode: ServerMode = STANDALONE) -> str:
    """Return how a document is refused."""
    return str(test.assertRaises(DocumentRefused, read, text, mode))


class WritingTests(SynchronousTestCase):
    """Text and content."""

    def test_everything_comes_back(self) -> None:
        """All records are as they were, but for the numbers in lists."""
        again = read(write(site()), STANDALONE).content
        self.assertEqual(write(again), write(site()))
        for record in RECORDS:
            if not hasattr(record, "number"):
                self.assertEqual(again.one(type(record), record.key), record)
        rules = [anonymous(rule) for rule in again.all(AccessRule)]
        self.assertEqual(rules, [anonymous(rule) for rule in (RECORDS[13], *RECORDS[12:10:-1])])

    def test_the_order_of_records_does_not_matter(self) -> None:
        """Equal content, equal bytes."""
        self.assertEqual(write(content(RECORDS[::-1], LISTENERS[::-1])), write(site()))

    def test_defaults_are_not_written(self) -> None:
        """A bare switch is a bare table."""
        bare = content([Switch("Lab", SwitchKind.STANDALONE), LogSettings("Lab")])
        self.assertEqual(tomllib.loads(write(bare)), {"switch": {"Lab": {}}})

    def test_without_secrets(self) -> None:
        """No hash, and no secret, is in it."""
        text = write(site(), secrets=False)
        for secret in (HASH.hex(), HASH[:16].hex() + '"', "shared"):
            self.assertIn(secret, write(site()))
        self.assertNotIn("shared", text)
        self.assertNotIn("_hash", text)

    def test_times_are_plain(self) -> None:
        """As people write them."""
        self.assertIn("created = 2023-11-14T22:13:20.123Z\n", write(site()))

    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=99))
    def test_any_text(self, text: str) -> None:
        """Line ends, quotes and all."""
        switch = Switch("Lab", SwitchKind.STANDALONE, message=text)
        again = read(write(content([switch])), STANDALONE).content
        self.assertEqual(again.one(Switch, "lab"), switch)

    @given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**48 - 1))
    def test_networks(self, address: int, mask: int, mac: int) -> None:
        """Any address and any mask, contiguous or not."""
        forms: tuple[tuple[Form, Any], ...] = (
            (Network(), (_ip(address), _ip(mask))),
            (Source(), (_ip(address), _ip(mask))),
            (Source(), (_ip(address or 1), "")),
            (Ports(), (address % 100, 100 + mask % 65000)),
            (MAC(), (mac.to_bytes(6, "big"), address.to_bytes(6, "big"))),
        )
        for form, pair in forms:
            written = form.write(pair)
            if written is not None:
                self.assertEqual(form.read(written), pair)


def _ip(number: int) -> str:
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


class RefusalTests(SynchronousTestCase):
    """Bad documents."""

    def test_each_problem_is_told_with_its_place(self) -> None:
        """All together, a line each."""
        told = refusal(
            self,
            """
            colour = 1
            [[listener]]
            port = 70000
            [switch.office]
            online = "yes"
            max_sessions = -1
            login_hash = "00"
            [switch.office.radius]
            port = 1
            [switch.office.log]
            packet_cycle = "week"
            keep.tcp = 2
            [switch.office.extended_options]
            FilterBPDU = 2
            Unknown = 1
            [[switch.office.access]]
            priority = 1
            action = "pass"
            source = "2001:db8::/32"
            source_ports = "9-1"
            delay = 20000
            [[switch.office.address]]
            priority = 1
            action = "allow"
            address = "10.0.0.0/33"
            [[switch.office.authority]]
            certificate = "x"
            [[switch.office.revoked]]
            [switch.office.group.administrator]
            [switch.office.user.alice]
            login = "password"
            group = "nobody"
            expires = "tomorrow"
            alias = "x"
            [switch.office.user.alice.policy]
            max_connection = 33
            acess = true
            [switch.office.user."a/b"]
            [switch.office.user.bob]
            [switch.office.user.BOB]
            login = "anonymous"
            [switch.".bad"]
            """,
        ).splitlines()
        for place, word in (
            ("colour", "not known"),
            ("listener[1].port", "65535"),
            ("listener", "nobody could reach"),
            ('switch."office".online', "true or false"),
            ('switch."office".max_sessions', "not -1"),
            ('switch."office".login_hash', "20 are needed, two digits each"),
            ('switch."office".radius', "host is missing"),
            ('switch."office".log.packet_cycle', '"month"'),
            ('switch."office".log.keep.tcp', '"headers"'),
            ('switch."office".extended_options.FilterBPDU', "not 2"),
            ('switch."office".extended_options.Unknown', "no such option"),
            ('switch."office".access[1].source', "ipv6 = true"),
            ('switch."office".access[1].source_ports', "smaller first"),
            ('switch."office".access[1].delay', "not 20000"),
            ('switch."office".address[1].address', "10.1.0.0/16"),
            ('switch."office".authority[1].certificate', "PEM"),
            ('switch."office".revoked[1].common_name', "at least one"),
            ('switch."office".group."administrator"', "no valid name"),
            ('switch."office".user."alice".group', "no group 'nobody'"),
            ('switch."office".user."alice".expires', "2030-12-31T23:59:59Z"),
            ('switch."office".user."alice".alias', "leave it out"),
            ('switch."office".user."alice".policy.max_connection', "not 33"),
            ('switch."office".user."alice".policy.acess', "not known"),
            ('switch."office".user."a/b"', "no valid name"),
            ('switch."office".user."bob"', "login is missing"),
            ('switch."office".user."BOB"', "twice"),
            ('switch.".bad"', "no valid name"),
        ):
            found = [line for line in told if line.startswith(f"{place}: ")]
            self.assertEqual(len(found), 1, (place, told))
            self.assertIn(word, found[0])
        self.assertEqual(len(told), 27, told)

    def test_kinds_of_switches(self) -> None:
        """The mode of the server decides; the sentence says what to write."""
        self.assertIn('"static"', refusal(self, "[switch.a]", CONTROLLER))
        self.assertIn("standalone", refusal(self, '[switch.a]\nkind = "static"'))
        read('[switch.a]\nkind = "dynamic"', CONTROLLER)
        read('[switch.a]\nkind = "standalone"', STANDALONE)

    def test_no_toml(self) -> None:
        """With the line where it ends to be."""
        self.assertIn("line 2", refusal(self, "a = 1\nb = = 2"))
        refusal(self, "a = " + "[" * 100_000)

    def test_many_problems(self) -> None:
        """Not all are told."""
        told = refusal(self, "\n".join(f"k{n} = 1" for n in range(SHOWN + 5)))
        self.assertEqual(len(told.splitlines()), SHOWN + 1)
        self.assertIn("5 more", told)

    @settings(max_examples=200)
    @given(
        st.recursive(
            st.one_of(st.booleans(), st.integers(), st.text(max_size=5), st.datetimes()),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
            ),
            max_leaves=12,
        )
    )
    def test_any_shape(self, value: object) -> None:
        """Words of ours in wrong places are refused, never a mishap."""
        text = tomli_w.dumps({"switch": {"a": value}, "listener": value})
        try:
            read(text, STANDALONE)
        except DocumentRefused as error:
            self.assertIn(".", str(error))


class DifferenceTests(SynchronousTestCase):
    """What a document changes."""

    def plan(self, there: Content, text: str, prune: bool = True) -> list[tuple[str, ...]]:
        """Return the lines of a plan."""
        found = step(there, read(text, STANDALONE), 5000, prune).differences
        return [(d.action, d.place, d.field, d.before, d.after) for d in found]

    def test_no_difference(self) -> None:
        """With or without secrets, a document that was just written changes nothing."""
        for secrets in (True, False):
            found = step(site(), read(write(site(), secrets), STANDALONE), 5000)
            self.assertEqual((found.differences, found.changes), ((), ()))

    def test_secrets_are_not_shown(self) -> None:
        """Neither the old nor the new."""
        text = write(site()).replace(HASH.hex(), HASH[::-1].hex()).replace("shared", "other")
        told = str(self.plan(site(), text))
        self.assertIn("another (secret)", told)
        for secret in (HASH.hex(), HASH[::-1].hex(), "shared", "other"):
            self.assertNotIn(secret, told.replace("another", ""))

    def test_a_new_hash_ends_the_old_ones(self) -> None:
        """Where one of the hashes of a user is written, one that is not goes."""
        text = f'[switch.Office.user.alice]\nlogin = "password"\npassword_hash = "{HASH.hex()}"'
        user = step(site(), read(text, STANDALONE), 5000).wanted.one(User, "office/alice")
        assert user is not None
        self.assertEqual((user.password_hash, user.nt_hash, user.updated), (HASH, b"", 5000))

    def test_new_user_without_a_password(self) -> None:
        """There is no proof that could let somebody in; the plan says so."""
        told = self.plan(site(), write(site()) + '[switch.Lab.user.zoe]\nlogin = "password"\n')
        self.assertEqual([line[0] for line in told], ["create", "note"])
        self.assertIn("no password", told[1][4])

    def test_one_field(self) -> None:
        """Place, field, before and after."""
        text = write(site()).replace("max_sessions = 7", "max_sessions = 8")
        self.assertEqual(
            self.plan(site(), text), [("change", 'switch."Office"', "max_sessions", "7", "8")]
        )

    def test_rules_keep_their_numbers(self) -> None:
        """Where the order allows it; nothing else of the list is written."""
        text = write(site()).replace('"note"', '"another note"')
        found = step(site(), read(text, STANDALONE), 5000)
        self.assertEqual([c.key for c in found.changes], ["office/0000000004", "office/0000000010"])
        self.assertEqual([d.action for d in found.differences], ["delete", "create"])

    def test_a_new_order_of_rules(self) -> None:
        """Is seen although the rules are the same."""
        one, two = RECORDS[12], RECORDS[11]
        assert isinstance(one, AccessRule) and isinstance(two, AccessRule)
        swapped = content([RECORDS[0], evolve(one, number=7), evolve(two, number=3)])
        there = content([RECORDS[0], one, two])
        found = step(there, read(write(swapped), STANDALONE), 5000)
        self.assertEqual([d.field for d in found.differences], ["order"])
        rules = sorted(found.wanted.all(AccessRule), key=lambda r: (r.priority, r.number))
        self.assertEqual([rule.note for rule in rules], ["note", ""])

    def test_without_pruning(self) -> None:
        """What a document does not name stays."""
        told = self.plan(site(), "[switch.Extra]", prune=False)
        self.assertEqual([line[:2] for line in told], [("create", 'switch."Extra"')])

    def test_deletion_of_a_switch(self) -> None:
        """All that belongs to it goes, and is told."""
        found = step(site(), read("[switch.Lab]", STANDALONE), 5000)
        self.assertEqual(found.deleted_switches, ["Office"])
        self.assertEqual({d.action for d in found.differences}, {"delete"})
        self.assertFalse(found.wanted.all(User))
