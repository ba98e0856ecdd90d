"""Debian's vpncmd administers an iquila server itself, command by command."""

from __future__ import annotations

import os
import re

from .case import NetworkTestCase
from .cluster import PASSWORD, PORT, Server
from .processes import CommandFailed
from .requirements import need_softether
from .softether import Administrator

OFF = (33, "Error code: 33")
COMMANDS: tuple[tuple[str, int, str], ...] = (
    ("ServerInfoGet", 0, r"Server Type +\|Standalone Server"),
    ("ServerStatusGet", 0, r"Number of Groups +\|0"),
    ("ListenerCreate 6000", 0, ""),
    ("ListenerCreate 6000", 54, ""),
    ("ListenerList", 0, r"TCP 6000 +\|Listening"),
    ("ListenerDisable 6000", 0, ""),
    ("ListenerList", 0, r"TCP 6000 +\|Stopped"),
    ("ListenerEnable 6000", 0, ""),
    ("ListenerDelete 6000", 0, ""),
    ("ListenerDelete 6000", 53, ""),
    (f"ListenerDelete {PORT}", 38, ""),
    ("ServerCipherGet", 0, "~DEFAULT~"),
    ("ServerCipherSet ECDHE-ECDSA-AES256-SHA384", 0, ""),
    ("ServerCipherGet", 0, r"VPN Server: \n ECDHE-ECDSA-AES256-SHA384"),
    ("ServerCipherSet RC4-MD5", 56, ""),
    ("ServerCipherSet ~DEFAULT~", 0, ""),
    ("KeepGet", 0, r"Current Status +\|Disable"),
    ("KeepSet /HOST:10.77.0.2:9 /PROTOCOL:udp /INTERVAL:50", 0, ""),
    ("KeepEnable", 0, ""),
    ("KeepGet", 0, r"Host Name +\|10.77.0.2"),
    ("KeepDisable", 0, ""),
    ("ConnectionList", 0, r"CID-\d+ +\|10\.77\.0\.2: \d+ +\|.*\|Management RPC"),
    ("ConnectionGet CID-0", 29, ""),
    ("ConnectionDisconnect CID-0", 29, ""),
    ("Caps", 0, r"OpenVPN Server Function is Supported +\|No"),
    ("Caps", 0, r"Maximum Total Sessions +\|4096"),
    ("Flush", 0, ""),
    ("IPsecGet", 0, r"Raw L2TP Server Function Enabled +\|No"),
    ("IPsecEnable /L2TP:yes /L2TPRAW:no /ETHERIP:no /PSK:vpn /DEFAULTHUB:x", *OFF),
    ("IPsecEnable /L2TP:no /L2TPRAW:no /ETHERIP:no /PSK:vpn /DEFAULTHUB:x", 0, ""),
    ("EtherIpClientList", 0, ""),
    ("EtherIpClientAdd x /HUB:x /USERNAME:x /PASSWORD:x", *OFF),
    ("ProtoOptionsGet OpenVPN", *OFF),
    ("DynamicDnsGetStatus", *OFF),
    ("VpnAzureSetEnable no", 0, ""),
    ("VpnAzureSetEnable yes", *OFF),
    ("VpnOverIcmpDnsGet", 0, r"VPN over DNS Server Enabled +\|No"),
    ("VpnOverIcmpDnsEnable /ICMP:no /DNS:no", 0, ""),
    ("VpnOverIcmpDnsEnable /ICMP:yes /DNS:no", *OFF),
    ("PortsUDPGet", 0, ""),
    ("PortsUDPSet 1194", *OFF),
    ("OpenVpnMakeConfig ~/x.zip", *OFF),
    ("LicenseList", *OFF),
    ("LicenseStatus", *OFF),
    ("LicenseAdd x", *OFF),
    ("Crash yes", *OFF),
    ("Debug 1", *OFF),
    (f"ServerPasswordSet {PASSWORD}", 0, ""),
    ("ClusterSettingGet", 0, r"Current Configuration *\|Standalone Server"),
    ("ClusterConnectionStatusGet", 55, ""),
    ("ClusterMemberList", 46, ""),
    ("ClusterSettingController", 0, ""),
    ("ClusterSettingGet", 0, r"Controller Function Only +\|No"),
    ("IPsecGet", *OFF),
    ("EtherIpClientList", *OFF),
    ("VpnAzureGetStatus", *OFF),
    ("VpnOverIcmpDnsGet", 0, ""),
    ("ClusterMemberInfoGet 12345", 29, ""),
    ("Reboot", 0, ""),
)
"""Command, its exit status, and what has to stand in the answer."""


class ServerCommandTests(NetworkTestCase):
    """One server, and one machine that administers it."""

    timeout = 240

    def setUp(self) -> None:
        """Skip where SoftEther is not installed."""
        need_softether()
        network = self.make_network()
        self.server = Server(network.add("server", 1), "server")
        self.server.start()
        self.desk = Administrator(network.add("desk", 2), f"10.77.0.1:{PORT}", PASSWORD)

    def status(self, *words: str) -> tuple[int, str]:
        """Return the exit status of a command and what it printed."""
        try:
            return 0, self.desk.command(*words)
        except CommandFailed as error:
            found = re.search(r": status (\d+)$", str(error), re.MULTILINE)
            assert found is not None, error
            return int(found[1]), str(error)

    def test_commands(self) -> None:
        """Each has the status and the words that a SoftEther server gives, or our refusal."""
        for command, expected, words in COMMANDS:
            code, answer = self.status(*command.split())
            self.assertEqual(code, expected, f"{command}: {answer}")
            self.assertRegex(answer, words or "command", command)

    def test_certificates(self) -> None:
        """What is saved to files can be set again; so can what OpenSSL made."""
        # An argument that begins with a slash would be the name of an option.
        folder = os.path.relpath(self.desk.host.scratch)
        first, key = f"{folder}/first.cer", f"{folder}/first.key"
        self.desk.command("ServerCertGet", first)
        self.desk.command("ServerKeyGet", key)
        self.desk.command("ServerCertRegenerate", "vpn.example")
        self.desk.command("ServerCertGet", f"{folder}/second.cer")
        before, after = self.subject(first), self.subject(f"{folder}/second.cer")
        self.assertNotEqual(before, after)
        self.assertIn("vpn.example", after)
        self.desk.command("ServerCertSet", f"/LOADCERT:{first}", f"/LOADKEY:{key}")
        self.desk.command("ServerCertGet", f"{folder}/third.cer")
        self.assertEqual(self.subject(f"{folder}/third.cer"), before)
        for kind in (("rsa:2048",), ("ec", "-pkeyopt", "ec_paramgen_curve:secp384r1")):
            made = (f"{folder}/made.cer", f"{folder}/made.key")
            self.desk.host.run(
                [
                    *("openssl", "req", "-x509", "-nodes", "-days", "9", "-subj", "/CN=made"),
                    *("-newkey", *kind, "-out", made[0], "-keyout", made[1]),
                ]
            )
            self.desk.command("ServerCertSet", f"/LOADCERT:{made[0]}", f"/LOADKEY:{made[1]}")
            self.assertIn("ServerInfoGet", self.desk.command("ServerInfoGet"))
        code, answer = self.status("ServerCertSet", f"/LOADCERT:{first}", f"/LOADKEY:{made[1]}")
        self.assertNotEqual(code, 0, answer)

    def subject(self, path: str) -> str:
        """Return subject and fingerprint of a certificate file."""
        return self.desk.host.run(
            ["openssl", "x509", "-in", path, "-noout", "-subject", "-fingerprint", "-sha256"]
        )
