"""What belongs to one switch of a SoftEther server, as records of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import asdict, define

from iquila.admin import rules
from iquila.admin.document.problems import Path
from iquila.admin.softether.file import Block
from iquila.admin.softether.report import Report
from iquila.database.administratoroptions import ADMINISTRATOR
from iquila.database.belongings import (
    AccessRule,
    AddressList,
    AddressRule,
    Group,
    LogSettings,
    RadiusServer,
    RevokedCertificate,
    SwitchOptions,
    TrustedCA,
)
from iquila.database.extendedoptions import EXTENDED
from iquila.database.options import Option
from iquila.database.record import Record
from iquila.database.records import AuthKind, User
from iquila.wire.names import parse_mac
from iquila.wire.policy import NUMBERS, WIRE_NAMES, Policy

OTHERWISE = {"NoArpPolling": "NoAddressPollingIPv4", "NoIPv6AddrPolling": "NoAddressPollingIPv6"}
"""Options that the file calls otherwise than the tools do."""
ELSEWHERE = frozenset({"MaxSession", "NoEnum"})
"""Options of the file that are fields of a switch here."""
PACKET_LOGS = "TCP_CONN TCP DHCP UDP ICMP IP ARP ETHERNET".split()
HARMLESS = frozenset({"note", "delay", "jitter", "loss", "redirect_url"})
"""The keys of an access rule that do not say which frames it is for."""
ONE4, ONE6 = "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"


@define
class Belongings:
    """A switch of the file, by its name."""

    switch: str
    block: Block
    report: Report

    @property
    def _accounts(self) -> Block:
        return self.block.block("SecurityAccountDatabase")

    def records(self) -> Iterator[Record]:
        """Return everything that belongs to the switch."""
        yield from self._radius()
        yield from self._log()
        yield self._options()
        yield from self._rules()
        yield self._addresses()
        yield from self._authorities()
        yield from self._revoked()
        groups = {group.name.lower(): group for group in self._groups()}
        yield from groups.values()
        yield from self._users({key: group.name for key, group in groups.items()})

    def _path(self, *parts: str | int) -> Path:
        return ("switch", self.switch, *parts)

    def _radius(self) -> Iterator[Record]:
        host = self.block.text("RadiusServerName")
        if not host.strip():
            return
        secret = self.block.data("RadiusSecret").decode("utf-8", "replace")
        usual = RadiusServer(self.switch, host)
        interval = self.block.number("RadiusRetryInterval") or usual.retry_interval
        bounds = rules.RADIUS_RETRIES
        given = {
            "host": host,
            "port": self.block.number("RadiusServerPort") or usual.port,
            "retry_interval": min(max(interval, bounds[0]), bounds[-1]),
            "secret": secret,
        }
        fitted = self.report.fit(RadiusServer, self._path("radius"), given)
        if "host" in fitted and "secret" in fitted:
            yield RadiusServer(self.switch, **fitted)
        else:
            self.report.add(self._path("radius"), "has no server or no secret: left out")

    def _log(self) -> Iterator[Record]:
        block = self.block.block("LogSetting")
        if not block.values:
            return
        usual = LogSettings(self.switch)
        levels = [block.number(f"PACKET_LOG_{name}") for name in PACKET_LOGS]
        given = {
            "save_security": block.flag("SaveSecurityLog", True),
            "security_cycle": block.number("SecurityLogSwitchType", 4),
            "save_packets": block.flag("SavePacketLog", True),
            "packet_cycle": block.number("PacketLogSwitchType", 4),
        }
        fitted = self.report.fit(LogSettings, self._path("log"), given)
        kept = (*(min(level, 2) for level in levels), *usual.packets[len(levels) :])
        yield LogSettings(self.switch, packets=kept, **fitted)

    def _options(self) -> Record:
        administrator = self._values("AdminOption", ADMINISTRATOR, "administrator_options")
        extended = self._values("Option", EXTENDED, "extended_options")
        return SwitchOptions(self.switch, administrator, extended)

    def _values(self, name: str, known: dict[str, Option], word: str) -> dict[str, int]:
        found = {}
        for theirs, value in self.block.block(name).values.items():
            number = _number(value)
            option = known.get(OTHERWISE.get(theirs, theirs).lower())
            if theirs in ELSEWHERE or (option is None and not number):
                continue
            if option is None or number is None or number not in option.values:
                self.report.add(self._path(word, theirs[:64]), "is not known here: left out")
            else:
                found[option.name] = number
        return found

    def _numbered(self, block: Block, most: int, word: str) -> Iterator[tuple[int, Block]]:
        """Return the blocks of a list in their order: their names are numbers, or end with one."""
        blocks = sorted(block.blocks.items(), key=lambda item: (_last_number(item[0]), item[0]))
        if len(blocks) > most:
            self.report.add(self._path(word), f"has more than {most}: the others are left out")
        return enumerate((found for _name, found in blocks[:most]), 1)

    def _rules(self) -> Iterator[Record]:
        found = self.block.block("AccessList")
        for number, block in self._numbered(found, rules.MAX_RULES, "access"):
            path = self._path("access", number - 1)
            fitted = self.report.whole(AccessRule, path, self._rule(block, path), HARMLESS)
            if fitted is not None:
                yield AccessRule(self.switch, number, **fitted)
            else:
                self.report.add(path, "would let through or stop something else: left out")

    def _rule(self, block: Block, path: Path) -> dict[str, Any]:
        six = "6" if block.flag("IsIPv6") else ""
        unset = "::" if six else _ANY
        checked = block.flag("CheckTcpState")
        given: dict[str, Any] = {
            "note": block.text("Note"),
            "active": block.flag("Active", True),
            "priority": block.number("Priority"),
            "discard": block.flag("Discard"),
            "ipv6": bool(six),
            "protocol": block.number("Protocol"),
            "source_port_start": block.number("SrcPortStart"),
            "source_port_end": block.number("SrcPortEnd"),
            "destination_port_start": block.number("DestPortStart"),
            "destination_port_end": block.number("DestPortEnd"),
            "source_user": block.text("SrcUsername"),
            "destination_user": block.text("DestUsername"),
            "check_tcp_state": checked,
            "established": checked and block.flag("Established"),
            "delay": block.number("Delay"),
            "jitter": block.number("Jitter"),
            "loss": block.number("Loss"),
            "redirect_url": block.text("RedirectUrl"),
        }
        for side, theirs in (("source", "Src"), ("destination", "Dest")):
            given[side] = block.text(f"{theirs}IpAddress{six}") or unset
            given[f"{side}_mask"] = block.text(f"{theirs}SubnetMask{six}") or unset
        for side, theirs in (("source", "Src"), ("destination", "Dst")):
            if block.flag(f"Check{theirs}Mac"):
                given[f"{side}_mac"] = self._mac(block, f"{theirs}MacAddress", path)
                given[f"{side}_mac_mask"] = self._mac(block, f"{theirs}MacMask", path)
        return given

    def _mac(self, block: Block, name: str, path: Path) -> bytes:
        try:
            return parse_mac(block.text(name))
        except ValueError as error:
            self.report.add(path, str(error))
            return b"?"

    def _addresses(self) -> Record:
        lines = []
        block = self._accounts.block("IPAccessControlList")
        for number, line in self._numbered(block, rules.MAX_LINES, "address"):
            address, mask = line.text("IpAddress"), line.text("NetMask")
            given = {
                "priority": line.number("Priority"),
                "deny": line.flag("Deny"),
                "address": address,
                "mask": "" if mask in (ONE4, ONE6) else mask,
            }
            fitted = self.report.fit(AddressRule, self._path("address", number - 1), given)
            if "address" in fitted:
                usual = {"priority": 0, "deny": False}
                lines.append(AddressRule(number, **{**usual, **fitted}))
        return AddressList(self.switch, tuple(lines))

    def _authorities(self) -> Iterator[Record]:
        seen = set()
        block = self._accounts.block("CertList")
        for number, found in self._numbered(block, rules.MAX_AUTHORITIES, "authority"):
            for value in found.values.values():
                if not isinstance(value, bytes) or value in seen:
                    continue
                seen.add(value)
                path = self._path("authority", number - 1)
                fitted = self.report.fit(TrustedCA, path, {"certificate": value})
                if fitted:
                    yield TrustedCA(self.switch, number, **fitted)

    def _revoked(self) -> Iterator[Record]:
        names = {
            "common_name": "CommonName",
            "organization": "Organization",
            "unit": "Unit",
            "country": "Country",
            "state": "State",
            "locality": "Local",
        }
        digits = {"serial": "Serial", "md5": "DigestMD5", "sha1": "DigestSHA1"}
        block = self._accounts.block("CrlList")
        for number, found in self._numbered(block, rules.MAX_REVOKED, "revoked"):
            given: dict[str, Any] = {ours: found.text(name) for ours, name in names.items()}
            given |= {ours: _hexadecimal(found.text(name)) for ours, name in digits.items()}
            path = self._path("revoked", number - 1)
            # With a condition less it would refuse more than it did.
            fitted = self.report.whole(RevokedCertificate, path, given)
            if fitted and any(fitted.values()):
                yield RevokedCertificate(self.switch, number, **fitted)
            else:
                self.report.add(path, "has no condition that can be carried over: left out")

    def _people(
        self, name: str, word: str, rule: Callable[[str], str], most: int
    ) -> Iterator[tuple[str, Block]]:
        seen: set[str] = set()
        for person, block in self._accounts.block(name).blocks.items():
            path = self._path(word, person[:300])
            if self.report.takes(path, person, rule, seen, most):
                yield person, block

    def _groups(self) -> Iterator[Group]:
        for name, block in self._people("GroupList", "group", rules.group_name, rules.MAX_GROUPS):
            path = self._path("group", name)
            given = {"real_name": block.text("RealName"), "note": block.text("Note")}
            fitted = self.report.fit(Group, path, given)
            yield Group(self.switch, name, policy=self._policy(block, path), **fitted)

    def _users(self, groups: dict[str, str]) -> Iterator[Record]:
        for name, block in self._people("UserList", "user", rules.user_name, rules.MAX_USERS):
            path = self._path("user", name)
            group = block.text("GroupName")
            if group and group.lower() not in groups:
                self.report.add(path, "was in a group that there is not")
            given = {
                "group": groups.get(group.lower(), ""),
                "real_name": block.text("RealName"),
                "note": block.text("Note"),
                "created": self.report.time(block.number("CreatedTime")),
                "updated": self.report.time(block.number("UpdatedTime")),
                "expires": self.report.time(block.number("ExpireTime")),
            }
            proof = _proof(block)
            fitted = self.report.fit(User, path, given | proof)
            if proof["auth"] is AuthKind.CERTIFICATE and "certificate" not in fitted:
                self.report.add(path, "has no certificate to log in with: left out")
            elif given["expires"] and "expires" not in fitted:
                self.report.add(path, "has no time of expiry that can be read: left out")
            elif proof["auth"] is None or not self._may_log_in(name, proof["auth"], path):
                self.report.add(path, "logs in in a way that is not known here: left out")
            else:
                # Whoever may come without any proof must have been told so by the file.
                fitted["auth"] = proof["auth"]
                yield User(self.switch, name, policy=self._policy(block, path), **fitted)

    def _may_log_in(self, name: str, auth: AuthKind, path: Path) -> bool:
        try:
            rules.authentication(name, auth)
        except ValueError as error:
            self.report.add((*path, "login"), str(error))
            return False
        return True

    def _policy(self, block: Block, path: Path) -> Policy | None:
        theirs = block.blocks.get("Policy")
        if theirs is None:
            return None
        given = {
            ours: _number(theirs.values[wire]) if ours in NUMBERS else theirs.flag(wire)
            for ours, wire in WIRE_NAMES.items()
            if wire in theirs.values
        }
        # Numbers out of range mean there what they mean in requests: the nearest in it.
        known: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return Policy(**self.report.fit(Policy, (*path, "policy"), asdict(Policy(**known).clamp())))


_ANY = "0.0.0.0"


def _proof(block: Block) -> dict[str, Any]:
    number = block.number("AuthType")
    auth = AuthKind(number) if number in list(AuthKind) and "AuthType" in block.values else None
    given: dict[str, Any] = {"auth": auth}
    if auth is AuthKind.PASSWORD:
        given["password_hash"] = block.data("AuthPassword")
        given["nt_hash"] = block.data("AuthNtLmSecureHash")
    elif auth is AuthKind.CERTIFICATE:
        given["certificate"] = block.data("AuthUserCert")
    elif auth is AuthKind.SIGNED:
        given["common_name"] = block.text("AuthCommonName")
        given["serial"] = block.data("AuthSerial")
    elif auth is AuthKind.RADIUS:
        given["alias"] = block.text("AuthRadiusUsername")
    elif auth is AuthKind.NT:
        given["alias"] = block.text("AuthNtUserName")
    return given


def _number(value: Any) -> int | None:
    if isinstance(value, int):
        return int(value)
    try:
        return int(value, 16 if value.lower().startswith("0x") else 10)
    except (AttributeError, ValueError, TypeError):
        return None


def _hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode()  # of no size that is allowed: refused where it is read


def _last_number(name: str) -> int:
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits) if digits and len(digits) < 12 else 0
