"""Configuration files of SoftEther servers: the format, and what is made of them."""

from __future__ import annotations

import base64

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from iquila.admin.document.reading import read
from iquila.admin.document.writing import write
from iquila.admin.softether.file import MAX_DEPTH, FileRefused, parse
from iquila.admin.softether.move import move
from iquila.database.belongings import (
    AccessRule,
    AddressList,
    Group,
    LogSettings,
    RadiusServer,
    RevokedCertificate,
    SwitchOptions,
)
from iquila.database.records import AuthKind, ServerMode, Switch, SwitchKind, User
from iquila.wire.passwords import user_hash

SMALL = """\
declare root
{
	uint ConfigRevision 1
	declare LocalBridgeList
	{
		declare LocalBridge0
		{
			string DeviceName eth0
			string HubName office
		}
	}
	declare ListenerList
	{
		declare Listener0
		{
			bool Enabled true
			uint Port 443
		}
	}
	declare VirtualHUB
	{
		declare office
		{
			uint64 CreatedTime 1906513200000
			byte HashedPassword +WzqGYrR3VYXrAhKPZLGEHcIwO8=
			bool Online false
			string RadiusServerName r1;r2
			uint RadiusServerPort 1645
			byte RadiusSecret czMgJGNyI2V0CuKCrA==
			uint RadiusRetryInterval 0
			uint Type 0
			declare AccessList
			{
				declare 10
				{
					bool Discard true
					bool IsIPv6 true
					string SrcIpAddress6 2001:db8::
					string SrcSubnetMask6 ffff:ffff::
					string DestIpAddress6 ::
					string DestSubnetMask6 ::
					uint Priority 7
				}
				declare 2
				{
					bool CheckSrcMac true
					string SrcMacAddress 00-AE-00-00-00-00
					string SrcMacMask FF-FF-00-00-00-00
					string Note slow$20$24x
					uint Priority 7
				}
				declare 3
				{
					string SrcIpAddress nonsense
					string SrcSubnetMask 255.0.0.0
					bool Discard true
				}
			}
			declare AdminOption
			{
				uint max_users 9
				uint unheard_of 1
			}
			declare CascadeList
			{
				declare Cascade0
				{
					declare ClientOption
					{
						string AccountName far
						string Hostname far.example
					}
				}
			}
			declare LogSetting
			{
				uint PACKET_LOG_ICMP 2
				uint PACKET_LOG_TCP_CONN 1
				bool SavePacketLog true
			}
			declare Message
			{
				string MessageText Hello$20w$C3$B6rld$0A
			}
			declare Option
			{
				uint MaxSession 5
				bool NoEnum true
				bool NoArpPolling true
				string VlanTypeId 0x88a8
			}
			declare SecurityAccountDatabase
			{
				declare CrlList
				{
					declare Crl0
					{
						string CommonName eve
						string Serial AB
					}
				}
				declare GroupList
				{
					declare sales
					{
						string RealName Sales
						declare Policy
						{
							bool Access true
							uint MaxConnection 0
							uint MaxUpload 1000
							uint MultiLogins 70000
						}
					}
				}
				declare IPAccessControlList
				{
					declare Acl1
					{
						bool Deny true
						string IpAddress 10.66.0.9
						uint Priority 20
					}
				}
				declare UserList
				{
					declare *
					{
						uint AuthType 4
					}
					declare alice
					{
						byte AuthPassword HASH
						uint AuthType 1
						uint64 ExpireTime 1906513200000
						string GroupName SALES
						string Note $
					}
					declare mallory
					{
						uint AuthType 9
					}
				}
			}
			declare SecureNAT
			{
				bool Disabled false
			}
		}
	}
}
""".replace("HASH", base64.b64encode(user_hash("old password", "alice")).decode())
VALUES = "4294967295 18446744073709551615 0 1 true $00$0D x ::1/0 AA== 1.2.3.4".split()
NOON = 1_906_545_600_000
"""2030-06-01T12:00:00Z, which the real server writes as 1906513200000."""


class FormatTests(SynchronousTestCase):
    """The file's own form."""

    def refused(self, text: str | bytes) -> str:
        """Return how a file is refused."""
        content = text.encode() if isinstance(text, str) else text
        return str(self.assertRaises(FileRefused, parse, content))

    def test_values(self) -> None:
        """All types, escapes, line ends and the mark at the beginning."""
        root = parse(
            b"\xef\xbb\xbf# x\r\ndeclare root\r\n{\r\n\tbool a true\r\n\tuint64 b 7\r\n"
            b"\tint c -1\r\n"
            b"\tstring d $\r\n\tstring e a$20b$24\r\n\tbyte f AAE=\r\n\tbyte g $\r\n"
            b"\tdeclare a$20b\r\n\t{\r\n\t}\r\n}\r\n"
        )
        self.assertEqual(
            root.values, {"a": True, "b": 7, "c": -1, "d": "", "e": "a b$", "f": b"\0\1", "g": b""}
        )
        self.assertEqual(list(root.blocks), ["a b"])

    def test_malformed(self) -> None:
        """Each with the number of its line."""
        for line, text in (
            (1, ""),
            (1, "x"),
            (1, "uint a 1"),
            (1, "declare other\n{\n}"),
            (1, "}"),
            (2, "declare root\nuint a 1"),
            (3, "declare root\n{\nuint a -1\n}"),
            (3, "declare root\n{\nuint a 4294967296\n}"),
            (3, "declare root\n{\nbool a maybe\n}"),
            (3, "declare root\n{\nbyte a ***\n}"),
            (3, "declare root\n{\nstring a $G0\n}"),
            (3, "declare root\n{\nstring a $FF\n}"),
            (3, "declare root\n{\nfloat a 1\n}"),
            (4, "declare root\n{\nuint a 1\nuint a 1\n}"),
            (5, "declare root\n{\ndeclare a\n{\n}"),
            (4, "declare root\n{\n}\ndeclare root\n{\n}"),
        ):
            self.assertIn(f"Line {line}:", self.refused(text), text)
        self.assertIn("not complete", self.refused(SMALL[:-3]))
        self.assertIn("Line 1", self.refused(bytes(range(256)) * 10))

    def test_deep(self) -> None:
        """Blocks in blocks have an end."""
        deep = "declare root\n{\n" + "declare a\n{\n" * 100
        self.assertIn(f"more than {MAX_DEPTH}", self.refused(deep))

    @settings(max_examples=300)
    @given(st.binary(max_size=200))
    @example(b"\x0b")
    @example(b"declare root\n{\n\x0c\x00")
    def test_any_bytes(self, content: bytes) -> None:
        """Refused, never a mishap."""
        self.assertRaises(FileRefused, parse, content)

    @settings(max_examples=300)
    @given(st.data())
    def test_damaged(self, data: st.DataObject) -> None:
        """A file with some lines replaced, swapped or lost is moved, or refused."""
        lines = SMALL.splitlines()
        for _ in range(data.draw(st.integers(1, 4))):
            number = data.draw(st.integers(0, len(lines) - 1))
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[number] = data.draw(
                st.one_of(
                    st.just(lines[other]),
                    st.just(""),
                    st.builds(
                        lambda words, value: f"{' '.join(words)} {value}",
                        st.just(lines[number].split()[:2]),
                        st.sampled_from(VALUES),
                    ),
                )
            )
        try:
            root = parse("\n".join(lines).encode())
        except FileRefused as error:
            self.assertIn("ine", str(error))
            return
        text = write(move(root).content)
        self.assertEqual(write(read(text, _mode(text)).content), text)


def _mode(text: str) -> ServerMode:
    return ServerMode.CONTROLLER if "\nkind = " in text else ServerMode.STANDALONE


class MoveTests(SynchronousTestCase):
    """What is made of a file."""

    def setUp(self) -> None:
        """Read it."""
        moved = move(parse(SMALL.encode()))
        self.content, self.left = moved.content, "\n".join(moved.left)

    def test_switch(self) -> None:
        """Its settings; times are not nine hours off."""
        switch = self.content.one(Switch, "office")
        assert switch is not None
        self.assertEqual(
            (switch.created, switch.online, switch.max_sessions, switch.no_enum, switch.message),
            (NOON, False, 5, True, "Hello wörld\n"),
        )
        self.assertEqual(switch.hashed_password.hex()[:8], "f96cea19")
        options = self.content.one(SwitchOptions, "office")
        assert options is not None
        self.assertEqual(options.administrator, {"max_users": 9})
        self.assertEqual(options.extended, {"NoAddressPollingIPv4": 1, "VlanTypeId": 0x88A8})
        radius = RadiusServer("office", "r1;r2", 1645, "s3 $cr#et\n€")
        self.assertEqual(self.content.one(RadiusServer, "office"), radius)
        log = self.content.one(LogSettings, "office")
        assert log is not None
        self.assertEqual((log.save_packets, log.packets[:8]), (True, (1, 0, 0, 0, 2, 0, 0, 0)))

    def test_lists(self) -> None:
        """In their order by number, not by the text of it; a rule without its condition goes."""
        first, second = self.content.all(AccessRule)
        self.assertEqual((first.note, first.source_mac_mask), ("slow $x", b"\xff\xff\0\0\0\0"))
        self.assertEqual((second.source, second.source_mask), ("2001:db8::", "ffff:ffff::"))
        self.assertIn("access[2]", self.left)
        lines = self.content.one(AddressList, "office")
        assert lines is not None
        self.assertEqual((lines.rules[0].address, lines.rules[0].mask), ("10.66.0.9", ""))
        (revoked,) = self.content.all(RevokedCertificate)
        self.assertEqual((revoked.common_name, revoked.serial), ("eve", b"\xab"))

    def test_people(self) -> None:
        """The old password goes on working; nobody comes in more easily than before."""
        anybody, alice = self.content.all(User)
        self.assertEqual((anybody.name, anybody.auth), ("*", AuthKind.RADIUS))
        self.assertEqual(
            (alice.auth, alice.password_hash, alice.group, alice.expires),
            (AuthKind.PASSWORD, user_hash("old password", "alice"), "sales", NOON),
        )
        self.assertIn('user."mallory": logs in in a way', self.left)
        (group,) = self.content.all(Group)
        assert group.policy is not None
        policy = group.policy
        self.assertEqual((policy.max_upload, policy.max_connection), (1000, 32))
        # As operations have it: the nearest number that is allowed.
        self.assertEqual(policy.multi_logins, 65535)

    def test_what_is_left_behind(self) -> None:
        """A line each."""
        for word in (
            "'far' to 'far.example'",
            "SecureNAT",
            "Local bridge 1 between 'office' and 'eth0'",
            "administrator_options.unheard_of",
        ):
            self.assertEqual(self.left.count(word), 1, self.left)

    def test_kinds(self) -> None:
        """As asked for."""
        moved = move(parse(SMALL.encode()), SwitchKind.DYNAMIC)
        text = write(moved.content)
        self.assertIn('kind = "dynamic"', text)
        self.assertEqual(write(read(text, ServerMode.CONTROLLER).content), text)
