"""Moving over: the configuration of a real SoftEther server, and its users' old passwords."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from . import softether_site as site
from .case import NetworkTestCase
from .cluster import PORT, Server
from .requirements import need_softether
from .softether import SoftEtherClient, SoftEtherServer

IQUILA = str(Path(sys.executable).with_name("iquila"))
LOGINS = (("office", 1), ("office", 12), ("office", 30), ("lab", 2), ("lab", 15))
RULES = 20


class ImportTests(NetworkTestCase):
    """vpn_server.config of Debian's server."""

    timeout = 300

    def setUp(self) -> None:
        """A SoftEther server as its administrator left it, and a new server of ours."""
        need_softether(server=True)
        self.network = network = self.make_network()
        old = SoftEtherServer(network.add("old", 1))
        old.start()
        self.file = site.build(old)
        old.stop()
        self.server = Server(network.add("new", 2), "server")
        self.server.start()
        self.client = SoftEtherClient(network.add("client", 3))

    def iquila(self, *words: str, server: Server | None = None) -> tuple[int, str, str]:
        """Run the command beside a server; return status, output and error output."""
        chosen = server or self.server
        password = chosen.host.scratch / "password"
        words = (f"localhost:{PORT}", f"--password-file={password}", "--insecure", *words)
        command = ["ip", "netns", "exec", chosen.host.namespace, IQUILA, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_moving_over(self) -> None:
        """Everything is there, and the users log in with the passwords that they had."""
        document = str(self.server.host.scratch / "moved.toml")
        status, _out, left = self.iquila("import-softether", str(self.file), "--out", document)
        self.assertEqual(status, 0, left)
        for word in ("'far' to 'far.example'", "SecureNAT", "administration password"):
            self.assertIn(word, left)
        self._listen_as_before(document)
        self.assertEqual(self.iquila("plan", document, "--keep")[0], 4)
        status, _out, error = self.iquila("apply", document, "--keep", "--yes")
        self.assertEqual(status, 0, error)
        self.assertEqual(self.iquila("plan", document, "--keep")[:1], (0,))
        self._counted()
        self._logins()
        self._copied()

    def _listen_as_before(self, document: str) -> None:
        """Have the listeners of the old server: 5555, which ours has already, is among them."""
        text = Path(document).read_text(encoding="utf-8")
        for port in (443, 992, 1194, 5555):
            self.assertIn(f"{{ port = {port} }}", text)
        self.assertIn("{ port = 8443, enabled = false }", text)

    def _counted(self) -> None:
        hubs = self.server.call("EnumHub")["HubList"]
        counted = {hub["HubName_str"]: hub["NumUsers_u32"] for hub in hubs}
        self.assertEqual({name: counted[name] for name in site.USERS}, site.USERS)
        rules = 0
        for name in site.USERS:
            listed = self.server.call("EnumAccess", HubName_str=name)
            rules += len(listed["AccessList"])
        self.assertEqual(rules, RULES)
        self.assertEqual(sum(map(len, site.GROUPS.values())), 5)
        text = Path(self.server.host.scratch / "moved.toml").read_text(encoding="utf-8")
        self.assertEqual(text.count(".group."), 5 + 3)  # with a policy of its own each first one
        self.assertEqual(text.count("BEGIN CERTIFICATE"), 2)
        self.assertIn('secret = "s3 $cret"', text)
        self.assertIn("expires = 2099-01-02T03:04:05Z", text)

    def _logins(self) -> None:
        self.client.start()
        address = f"{self.server.host.address}:{PORT}"
        for switch, number in LOGINS:
            account = f"{switch}{number}"
            user = f"{switch[0]}{number}"
            password = site.password(switch, number)
            self.client.add_account(account, address, switch, user, password)
            self.client.connect(account)
            self.client.disconnect(account)
        users = self.server.call("EnumUser", HubName_str="office")["UserList"]
        logins = {user["Name_str"]: user["NumLogin_u32"] for user in users}
        self.assertEqual([logins[name] for name in ("o1", "o12", "o30", "o2")], [1, 1, 1, 0])

    def _copied(self) -> None:
        """A third, empty server becomes the same, byte for byte."""
        first, second = (str(self.server.host.scratch / f"{n}.toml") for n in ("one", "two"))
        self.assertEqual(self.iquila("export", first)[0], 0)
        self.assertEqual(os.stat(first).st_mode & 0o777, 0o600)
        other = Server(self.network.add("third", 4), "server")
        other.start()
        status, _out, error = self.iquila("apply", first, "--yes", server=other)
        self.assertEqual(status, 0, error)
        self.assertEqual(self.iquila("export", second, server=other)[0], 0)
        self.assertEqual(Path(second).read_bytes(), Path(first).read_bytes())
        self.assertEqual(self.iquila("plan", first, server=other)[0], 0)
        self.assertIn("administration_hash", Path(first).read_text(encoding="utf-8"))
