"""
A SoftEther server as an administrator left it: three switches with all that can belong to them.

Everything is made by the real ``vpncmd``, so that what is read from the server's configuration
file is what such a server writes.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from .cluster import call
from .processes import CommandFailed
from .softether import SoftEtherServer

USERS = {"office": 30, "lab": 15, "guests": 5}
GROUPS = {"office": ("sales", "admins", "trainees"), "lab": ("staff",), "guests": ("day",)}
ADMINISTRATION = "old administration"
RADIUS = {
    "HubName_str": "office",
    "RadiusServerName_str": "radius.example;other.example",
    "RadiusPort_u32": 1645,
    "RadiusSecret_str": "s3 $cret",
    "RadiusRetryInterval_u32": 700,
}
CONFIGURATION = Path("lib") / "vpn_server.config"
"""Where the server keeps it, below its host's scratch folder."""


def password(switch: str, number: int) -> str:
    """Return the password of a user."""
    return f"pw {switch}-{number} $é\\"


def certificate(name: str) -> bytes:
    """Return a new certificate, PEM."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        ]
    )
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(0x1234ABCD)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def build(server: SoftEtherServer) -> Path:
    """
    Make the site at a running server and return the path of its configuration file.

    :raises CommandFailed: the server refused something.
    """
    folder = server.host.scratch
    for name in ("alice", "authority"):
        (folder / f"{name}.pem").write_bytes(certificate(name))
    batch(server, "server", ["ListenerCreate 8443", "ListenerDisable 8443"])
    for switch in USERS:
        batch(server, "create", [f"HubCreate {switch} /PASSWORD:hub-{switch}"])
    for switch, lines in _switches(folder).items():
        batch(server, switch, [f"Hub {switch}", *lines])
    server.command("ServerPasswordSet", ADMINISTRATION)
    # The tool of this version never takes the interval that it asks for.
    call(server.host, 443, ADMINISTRATION, "SetHubRadius", RADIUS)
    server.command("Flush", options=(f"/PASSWORD:{ADMINISTRATION}",))
    return folder / CONFIGURATION


def batch(server: SoftEtherServer, name: str, lines: list[str]) -> str:
    """Have a server do some commands, one after the other, and return its answers."""
    script = server.host.scratch / f"{name}.txt"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    answer = server.script(script)
    if "Error occurred" in answer or "is not correctly" in answer:
        raise CommandFailed(answer)
    return answer


def _switches(folder: Path) -> dict[str, list[str]]:
    return {
        "office": [*_people("office"), *_office(folder)],
        "lab": [*_people("lab"), *_lab()],
        "guests": [*_people("guests"), *_guests()],
    }


def _people(switch: str) -> list[str]:
    lines = []
    groups = GROUPS[switch]
    for group in groups:
        lines.append(f'GroupCreate {group} /REALNAME:"The {group}" /NOTE:"{group} of {switch}"')
    for number in range(1, USERS[switch] + 1):
        name = f"{switch[0]}{number}"
        group = groups[number % len(groups)] if number % 2 else ""
        lines += [
            f'UserCreate {name} /GROUP:{group} /REALNAME:"Üser {number}" /NOTE:"a note {{1}}"',
            f'UserPasswordSet {name} "/PASSWORD:{password(switch, number)}"',
        ]
    lines.append(f"GroupPolicySet {groups[0]} /NAME:MaxUpload /VALUE:1000000")
    return lines


def _office(folder: Path) -> list[str]:
    rules = [
        f'AccessAdd {"pass" if n % 3 else "discard"} /MEMO:"rule {n}" /PRIORITY:{100 + n} '
        f"/SRCUSERNAME: /DESTUSERNAME: /SRCMAC: /DESTMAC: /SRCIP:10.{n}.0.0/16 /DESTIP:0.0.0.0/0 "
        f"/PROTOCOL:tcp /SRCPORT: /DESTPORT:{n}-{n + 10} /TCPSTATE:"
        for n in range(1, 14)
    ]
    return [
        *rules,
        'AccessAddEx pass /MEMO:"slow ü" /PRIORITY:300 /SRCUSERNAME:o1 /DESTUSERNAME:sales '
        "/SRCMAC:00-AE-00-00-00-00/FF-FF-00-00-00-00 /DESTMAC: /SRCIP:192.168.1.1/32 "
        "/DESTIP:0.0.0.0/0 /PROTOCOL:udp /SRCPORT:53 /DESTPORT: /TCPSTATE: "
        "/DELAY:20 /JITTER:10 /LOSS:5 /REDIRECTURL:",
        'AccessAdd6 discard /MEMO:"six" /PRIORITY:310 /SRCUSERNAME: /DESTUSERNAME: /SRCMAC: '
        "/DESTMAC: /SRCIP:2001:db8::/32 /DESTIP:::/0 /PROTOCOL:icmpv6 /SRCPORT: /DESTPORT: "
        "/TCPSTATE:",
        'AccessAdd discard /MEMO:"new only" /PRIORITY:320 /SRCUSERNAME: /DESTUSERNAME: /SRCMAC: '
        "/DESTMAC: /SRCIP:0.0.0.0/0 /DESTIP:0.0.0.0/0 /PROTOCOL:tcp /SRCPORT: /DESTPORT:22 "
        "/TCPSTATE:unestablished",
        'AccessAddEx discard /MEMO:"web" /PRIORITY:330 /SRCUSERNAME: /DESTUSERNAME: /SRCMAC: '
        "/DESTMAC: /SRCIP:0.0.0.0/0 /DESTIP:0.0.0.0/0 /PROTOCOL:tcp /SRCPORT: /DESTPORT:80 "
        "/TCPSTATE: /DELAY:0 /JITTER:0 /LOSS:0 /REDIRECTURL:http://example.com/a?b=c",
        "AccessDisable 2",
        f"UserCertSet o2 /LOADCERT:{folder / 'alice.pem'}",
        "UserSignedSet o3 /CN:bob /SERIAL:1234ABCD",
        "UserSignedSet o4 /CN: /SERIAL:",
        "UserRadiusSet o5 /ALIAS:five@example",
        "UserRadiusSet o6 /ALIAS:",
        "UserNTLMSet o7 /ALIAS:seven",
        "UserAnonymousSet o8",
        'UserExpiresSet o9 /EXPIRES:"2099/01/02 03:04:05"',
        'UserExpiresSet o10 /EXPIRES:"2001/01/02 03:04:05"',
        "UserPolicySet o11 /NAME:Access /VALUE:no",
        "UserPolicySet o12 /NAME:MaxConnection /VALUE:4",
        "UserPolicySet o12 /NAME:PrivacyFilter /VALUE:yes",
        "UserPolicySet o12 /NAME:MultiLogins /VALUE:3",
        f"CAAdd {os.path.relpath(folder / 'authority.pem')}",
        "CrlAdd /SERIAL:00AB /CN:eve",
        "CrlAdd /O:Example /OU:Unit /ST:Berlin /L:Mitte",
        "CrlAdd /MD5:00112233445566778899AABBCCDDEEFF "
        "/SHA1:00112233445566778899AABBCCDDEEFF00112233",
        "AcAdd allow /PRIORITY:10 /IP:10.0.0.0/8",
        "AcAdd deny /PRIORITY:20 /IP:10.66.0.9/32",
        "AcAdd6 deny /PRIORITY:30 /IP:2001:db8::/32",
        "AdminOptionSet max_users /VALUE:200",
        "AdminOptionSet deny_bridge /VALUE:1",
        "ExtOptionSet FilterBPDU /VALUE:1",
        "ExtOptionSet NoMacAddressLog /VALUE:0",
        "LogEnable packet",
        "LogSwitchSet packet /SWITCH:hour",
        "LogDisable security",
        "LogPacketSaveType /TYPE:icmp /SAVE:full",
        "LogPacketSaveType /TYPE:tcpconn /SAVE:none",
        "SetMaxSession 123",
        "SetEnumDeny",
        "CascadeCreate far /SERVER:far.example:443 /HUB:there /USERNAME:me",
    ]


def _lab() -> list[str]:
    return [
        *(
            f'AccessAdd discard /MEMO:"" /PRIORITY:{n} /SRCUSERNAME:l{n} /DESTUSERNAME: /SRCMAC: '
            "/DESTMAC: /SRCIP:0.0.0.0/0 /DESTIP:10.0.0.1/32 /PROTOCOL:ip /SRCPORT: /DESTPORT: "
            "/TCPSTATE:"
            for n in range(1, 4)
        ),
        "LogDisable packet",
        "SecureNatEnable",
    ]


def _guests() -> list[str]:
    return ["Offline", "UserAnonymousSet g1"]
