"""Operations, documents and files of SoftEther are held against the same rules."""

from __future__ import annotations

import base64
import json
from typing import Any

from iquila.admin.document.problems import DocumentRefused
from iquila.admin.document.reading import read
from iquila.admin.document.writing import write
from iquila.admin.rules import MAX_TEXT
from iquila.admin.softether.file import parse
from iquila.admin.softether.move import move
from iquila.database.belongings import AccessRule, RadiusServer, TrustedCA
from iquila.database.records import ServerMode, User
from tests.certificates import elliptic_key, make, rsa_key

from .rig import OFFICE, AdministrationTestCase

ALICE = make("alice", rsa_key())
CURVE = make("curve", elliptic_key())
LEAF = make("leaf", rsa_key(), authority=False)
ROOT_CA = make("root", elliptic_key(), authority=True)
USER = {"Name_str": "bob", "AuthType_u32": 0}
RULE = {"Priority_u32": 1, "SrcIpAddress_ip": "10.0.0.0", "SrcSubnetMask_ip": "255.0.0.0"}
RULE |= {"DestIpAddress_ip": "0.0.0.0", "DestSubnetMask_ip": "0.0.0.0"}
RADIUS = {"RadiusServerName_str": "r1", "RadiusSecret_str": "s"}
LONG = "x" * (MAX_TEXT + 1)


def binary(value: bytes) -> str:
    """Return bytes as requests have them."""
    return base64.b64encode(value).decode()


def user(login: str = "anonymous", name: str = "bob", **keys: str) -> str:
    """Return a document with a user."""
    lines = [f"{word} = {json.dumps(value)}" for word, value in keys.items()]
    return "\n".join([f'[switch.Office.user."{name}"]', f'login = "{login}"', *lines])


def row(word: str, **keys: Any) -> str:
    """Return a document with a line of a list."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join([f"[[switch.Office.{word}]]", *lines])


def access(**keys: Any) -> str:
    """Return a document with an access rule."""
    return row("access", priority=1, action="pass", **keys)


def radius(**keys: Any) -> str:
    """Return a document with a RADIUS server."""
    given = {"host": "r1", "secret": "s"} | keys
    lines = [f"{key} = {json.dumps(value)}" for key, value in given.items()]
    return "\n".join(["[switch.Office.radius]", *lines])


def line(**fields: Any) -> dict[str, Any]:
    """Return a source address list with one line."""
    usual = {"Priority_u32": 1, "IpAddress_ip": "0.0.0.0", "SubnetMask_ip": "0.0.0.0"}
    return {"ACList": [usual | fields]}


def certified(der: bytes) -> dict[str, Any]:
    """Return a user who logs in with a certificate."""
    return USER | {"AuthType_u32": 2, "UserX_bin": binary(der)}


def ruled(**fields: Any) -> dict[str, Any]:
    """Return an access list with one rule."""
    return {"AccessListSingle": [RULE | fields]}


REFUSED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (user(name="administrator"), "CreateUser", USER | {"Name_str": "administrator"}),
    (user(name="*"), "CreateUser", USER | {"Name_str": "*"}),
    (user(note=LONG), "CreateUser", USER | {"Note_utf": LONG}),
    (user("certificate", certificate=CURVE.pem.decode()), "CreateUser", certified(CURVE.der)),
    (
        user("signed", serial="77" * 65),
        "CreateUser",
        USER | {"AuthType_u32": 3, "Serial_bin": binary(b"\x77" * 65)},
    ),
    (row("authority", certificate=LEAF.pem.decode()), "AddCa", {"Cert_bin": binary(LEAF.der)}),
    (row("revoked", common_name=""), "AddCrl", {"CommonName_utf": ""}),
    (row("revoked", serial="0000"), "AddCrl", {"Serial_bin": binary(bytes(2))}),
    (row("revoked", md5="77"), "AddCrl", {"DigestMD5_bin": binary(b"\x77")}),
    (access(source_user="a\tb"), "AddAccess", ruled(SrcUsername_str="a\tb")),
    (access(delay=10_001), "AddAccess", ruled(Delay_u32=10_001)),
    (access(redirect_url=LONG), "AddAccess", ruled(RedirectUrl_str=LONG)),
    (row("address", priority=1, action="deny", address="0.0.0.0"), "SetAcList", line()),
    (radius(host="a b"), "SetHubRadius", RADIUS | {"RadiusServerName_str": "a b"}),
    (
        radius(host=";".join("abcdefghi")),
        "SetHubRadius",
        RADIUS | {"RadiusServerName_str": ";".join("abcdefghi")},
    ),
    (radius(secret="€" * 86), "SetHubRadius", RADIUS | {"RadiusSecret_str": "€" * 86}),
    (radius(retry_interval=99), "SetHubRadius", RADIUS | {"RadiusRetryInterval_u32": 99}),
)
TAKEN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (user("radius", "*"), "CreateUser", USER | {"Name_str": "*", "AuthType_u32": 4}),
    (user("certificate", certificate=ALICE.pem.decode()), "CreateUser", certified(ALICE.der)),
    (
        row("authority", certificate=ROOT_CA.pem.decode()),
        "AddCa",
        {"Cert_bin": binary(ROOT_CA.der)},
    ),
    (access(note="a\tb"), "AddAccess", ruled(Note_utf="a\tb")),
    (radius(retry_interval=100), "SetHubRadius", RADIUS | {"RadiusRetryInterval_u32": 100}),
    (
        row("address", priority=1, action="deny", address="0.0.0.0/0"),
        "SetAcList",
        line(Masked_bool=True),
    ),
)
FILE = """declare root
{
	declare VirtualHUB
	{
		declare Office
		{
			string RadiusServerName r1
			byte RadiusSecret $
			declare AccessList
			{
				declare 1
				{
					uint Protocol 300
					bool Discard true
				}
				declare 2
				{
					string SrcUsername LONG
				}
				declare 3
				{
					uint Delay 20000
					uint Protocol 6
				}
			}
			declare SecurityAccountDatabase
			{
				declare CertList
				{
					declare Cert0
					{
						byte X509 LEAF
					}
					declare Cert1
					{
						byte X509 ROOT
					}
				}
				declare UserList
				{
					declare alice
					{
						uint AuthType 2
						byte AuthUserCert ALICE
					}
					declare curve
					{
						uint AuthType 2
						byte AuthUserCert CURVE
					}
					declare *
					{
						uint AuthType 1
					}
				}
			}
		}
	}
}
"""
for _word, _value in (
    ("LEAF", binary(LEAF.der)),
    ("ROOT", binary(ROOT_CA.der)),
    ("ALICE", binary(ALICE.der)),
    ("CURVE", binary(CURVE.der)),
    ("LONG", LONG),
):
    FILE = FILE.replace(_word, _value)


class RulesTests(AdministrationTestCase):
    """One set of rules."""

    def test_refused_everywhere(self) -> None:
        """What an operation refuses no document brings in."""
        for document, operation, fields in REFUSED:
            self.assertRaises(DocumentRefused, read, document, ServerMode.STANDALONE)
            self.assertIn(self.refusal(operation, **fields).code, (38, 77))

    def test_taken_everywhere(self) -> None:
        """And what an operation takes."""
        for document, operation, fields in TAKEN:
            read(document, ServerMode.STANDALONE)
            self.run_it(operation, **fields)

    def test_moving(self) -> None:
        """What may not be is a line of the report; the rest is carried over, and can be applied."""
        moved = move(parse(FILE.encode()))
        left = "\n".join(moved.left)
        self.assertEqual([found.name for found in moved.content.all(User)], ["alice"])
        (authority,) = moved.content.all(TrustedCA)
        self.assertEqual(authority.certificate, ROOT_CA.der)
        (rule,) = moved.content.all(AccessRule)
        self.assertEqual((rule.protocol, rule.delay), (6, 0))
        self.assertIsNone(moved.content.one(RadiusServer, OFFICE))
        for words in (
            'user."curve".certificate: cannot be used: its key is not RSA',
            'user."*".login: of the user',
            "authority[1].certificate: says of itself that it is no CA",
            "access[1].protocol: is a number from 0 to 255, not 300: left out",
            "access[2].source_user: has 256 characters",
            "access[3].delay: is a number",
            "radius: has no server or no secret",
        ):
            self.assertIn(words, left)
        text = write(moved.content)
        self.assertEqual(write(read(text, ServerMode.STANDALONE).content), text)
