"""Administration of the VEN client, with real processes, devices and servers."""

from __future__ import annotations

import base64
import shutil
import sqlite3
import tempfile
from pathlib import Path

from tests.certificates import make, rsa_key

from .case import NetworkTestCase
from .cluster import PORT, TWISTD, Client, Server
from .managed import ManagedClient
from .network import Host, Network
from .processes import CommandFailed, eventually
from .requirements import need_softether, need_tap
from .softether import SoftEtherClient, SoftEtherServer, table

SERVER, PEER, CLIENT = 1, 2, 3


class ClientAdminTests(NetworkTestCase):
    """A client that is administered by ``iquila --client``."""

    timeout = 180

    def make_client(self, network: Network) -> ManagedClient:
        """Return a managed client on a host of its own, in a directory that goes after the test."""
        directory = Path(tempfile.mkdtemp(prefix="iquila-"))
        self.addCleanup(shutil.rmtree, directory)
        return ManagedClient(network.add("client", CLIENT), directory)

    def pings(self, host: Host, address: str) -> bool:
        """Return whether an address answers."""
        try:
            host.run(["ping", "-c", "1", "-W", "1", address])
        except CommandFailed:
            return False
        return True

    def refused(self, client: ManagedClient, *command: str) -> str:
        """Give a command that must be refused; return what it said."""
        error = self.assertRaises(CommandFailed, client.command, *command)
        self.assertIn("status 1", str(error))
        return str(error)

    def test_iquila_server(self) -> None:
        """Adapter, account, session, ping, status, restart, start-up, disconnect."""
        need_tap()
        network = self.make_network()
        server = Server(network.add("server", SERVER), "server")
        server.start()
        server.add_switch("office", 0, ("alice", "bob"))
        peer = Client(network.add("peer", PEER))
        peer.start(f"10.77.0.1:{PORT}", "office", "bob")
        peer.host.ip("addr", "add", "10.88.0.2/24", "dev", "tap0")
        peer.host.ip("link", "set", "tap0", "up")
        client = self.make_client(network)
        client.start()
        client.command("NicCreate", "vpn")
        client.host.ip("addr", "add", "10.88.0.3/24", "dev", "vpn_vpn")
        client.add_account("office", f"10.77.0.1:{PORT}", "office", "alice", "alice", "vpn")
        client.command("AccountConnect", "office")
        rows = client.wait_connected("office")
        self.assertEqual(rows["Server Name"], "10.77.0.1")
        self.assertEqual(rows["Number of Established Sessions"], "1 Times")
        self.assertTrue(rows["Server Product Name"].startswith("iquila VEN Server"))
        eventually(lambda: self.pings(client.host, "10.88.0.2"), "a ping through the session")
        rows = client.status("office")
        self.assertGreater(int(rows["Outgoing Unicast Packets"].split()[0]), 0)
        self.assertGreater(int(rows["Incoming Unicast Packets"].split()[0]), 0)
        self.assertEqual(table(client.command("AccountList"))["Status"], "Connected")
        self.assertIn("Error 35", self.refused(client, "AccountConnect", "office"))
        self.assertIn("Error 41", self.refused(client, "NicDelete", "vpn"))
        client.command("AccountStartupSet", "office")
        mac = table(client.command("NicList"))["MAC Address"]
        self.restarted(client, mac)
        session = client.status("office")["Session Name"]
        client.command("AccountDisconnect", "office")
        self.assertEqual(client.status("office"), {})
        self.assertFalse(self.pings(client.host, "10.88.0.2"))
        # That of the process that was killed may still wait for it to come back.
        sessions = server.call("EnumSession", HubName_str="office")["SessionList"]
        self.assertNotIn(session, [s["Name_str"] for s in sessions])
        self.assertNotIn("Traceback", self.log(client))

    def log(self, client: ManagedClient) -> str:
        """Return the log of a client."""
        assert client.process is not None
        return client.process.log.read_text()

    def restarted(self, client: ManagedClient, mac: str) -> None:
        """Restart a client in order, then as a power failure does: all is there again."""
        for end in (client.stop, client.kill):
            end()
            client.start()
            client.wait_connected("office")
            self.assertEqual(table(client.command("NicList"))["MAC Address"], mac)
            client.host.ip("addr", "add", "10.88.0.3/24", "dev", "vpn_vpn")
            eventually(lambda: self.pings(client.host, "10.88.0.2"), "a ping after a restart")

    def test_files_and_second_process(self) -> None:
        """Files for the owner only; no password is kept; a second process is refused."""
        need_tap()
        client = self.make_client(self.make_network())
        client.start()
        client.add_account("office", "10.77.0.1", "office", "alice", "geheim", "vpn")
        for name in ("client.db", "client.db-wal", "control", "lock"):
            self.assertEqual((client.directory / name).stat().st_mode & 0o077, 0, name)
        every = b"".join(p.read_bytes() for p in client.directory.glob("client.db*"))
        self.assertIn(b"alice", every)
        self.assertNotIn(b"geheim", every)
        second = [*TWISTD, "iquila-client", f"--directory={client.directory}"]
        error = self.assertRaises(CommandFailed, client.host.run, second)
        self.assertIn("in use", str(error))
        self.assertIn("Error 42", self.refused(client, "AccountConnect", "office"))
        client.command("VersionGet")
        client.stop()
        error = self.assertRaises(CommandFailed, client.command, "VersionGet")
        self.assertIn("There is no client to ask", str(error))
        with sqlite3.connect(client.directory / "client.db") as database:
            self.assertEqual(database.execute("PRAGMA quick_check").fetchone(), ("ok",))
        database.close()

    def test_server_certificate(self) -> None:
        """By CA an unknown server is refused; pinned it is taken, another one is not."""
        need_tap()
        network = self.make_network()
        server = Server(network.add("server", SERVER), "server")
        server.start()
        server.add_switch("office", 0, ("alice",))
        client = self.make_client(network)
        client.start()
        client.command("NicCreate", "vpn")
        client.add_account("office", f"10.77.0.1:{PORT}", "office", "alice", "alice", "vpn")
        client.command("AccountServerCertEnable", "office")
        client.command("AccountConnect", "office")
        eventually(lambda: not client.status("office"), "the account to be given up")
        self.assertIn("Error 37", self.refused(client, "AccountStatusGet", "office"))
        certificate = server.host.scratch / "data" / "certificate.pem"
        client.command("AccountServerCertSet", "office", f"/LOADCERT:{certificate}")
        client.command("AccountConnect", "office")
        client.wait_connected("office")
        saved = client.host.scratch / "saved.pem"
        client.command("AccountServerCertGet", "office", f"/SAVECERT:{saved}")
        self.assertEqual(saved.read_text(), certificate.read_text())

        self.by_certificate(server, client)

    def by_certificate(self, server: Server, client: ManagedClient) -> None:
        """Log in with a certificate of one's own."""
        made = make("bob", rsa_key())
        server.call(
            "CreateUser",
            HubName_str="office",
            Name_str="bob",
            AuthType_u32=2,
            UserX_bin=base64.b64encode(made.der).decode(),
        )
        files = [client.host.scratch / name for name in ("bob.pem", "bob.key")]
        for file, content in zip(files, (made.pem, made.key_pem), strict=True):
            file.write_bytes(content)
        client.command("AccountDisconnect", "office")
        client.command("AccountUsernameSet", "office", "/USERNAME:bob")
        client.command("AccountCertSet", "office", f"/LOADCERT:{files[0]}", f"/LOADKEY:{files[1]}")
        client.command("AccountConnect", "office")
        rows = client.wait_connected("office")
        self.assertIn("SID-BOB-", rows["Session Name"])

    def test_softether_server(self) -> None:
        """The same account against the real server; and its file, read by the real client."""
        need_softether(server=True)
        network = self.make_network()
        server = SoftEtherServer(network.add("server", SERVER))
        server.start()
        server.add_switch("office", "alice", "secret")
        real = SoftEtherClient(network.add("peer", PEER))
        real.start()
        client = self.make_client(network)
        client.start()
        client.command("NicCreate", "vpn")
        client.host.ip("addr", "add", "10.88.0.3/24", "dev", "vpn_vpn")
        client.add_account("my office", "10.77.0.1:443", "office", "alice", "secret", "vpn")
        file = client.host.scratch / "office.vpn"
        client.command("AccountExport", "my office", f"/SAVEPATH:{file}")
        client.command("AccountConnect", "my office")
        rows = client.wait_connected("my office")
        self.assertIn("SoftEther VPN Server", rows["Server Product Name"])
        self.assertEqual(rows["Server Version"], "5.01")
        self.real_client(real, file)
        eventually(lambda: self.pings(client.host, "10.88.0.2"), "a ping through the session")
        self.labels(client, real, "my office")
        self.imported(client, real)

    def real_client(self, real: SoftEtherClient, file: Path) -> None:
        """Import our file in the real client, and connect there."""
        real.command("NicCreate", "vpn")
        copy = real.host.scratch / "office.vpn"
        copy.write_bytes(file.read_bytes())
        self.import_there(real, copy)
        self.assertIn("my office", real.command("AccountList"))
        real.command("AccountConnect", "my office")
        real.host.ip("addr", "replace", "10.88.0.2/24", "dev", "vpn_vpn")
        real.host.ip("link", "set", "vpn_vpn", "up")
        real.wait_connected("my office")

    def import_there(self, real: SoftEtherClient, file: Path) -> None:
        """Have vpncmd read a file: a name that begins with a slash would be an option to it."""
        program = str(real.host.scratch / "programs" / "iquila-test-cmd")
        line = f'cd "$1" && exec "$2" localhost /CLIENT /CMD AccountImport "{file.name}"'
        real.host.run(["sh", "-c", line, "sh", str(file.parent), program], timeout=40.0)

    def labels(self, client: ManagedClient, real: SoftEtherClient, account: str) -> None:
        """Compare the rows of the two commands: the same labels in the same order."""
        for command in (("AccountStatusGet", account), ("AccountGet", account), ("AccountList",)):
            ours, theirs = table(client.command(*command)), table(real.command(*command))
            self.assertEqual(list(ours), list(theirs), command)
        for command in (("NicList",), ("VersionGet",)):
            ours, theirs = table(client.command(*command)), table(real.command(*command))
            self.assertEqual(list(ours), list(theirs), command)

    def imported(self, client: ManagedClient, real: SoftEtherClient) -> None:
        """Read what the real client writes: it connects as well."""
        file = real.host.scratch / "exported.vpn"
        real.command("AccountExport", "my office", f"/SAVEPATH:{file}")
        client.command("AccountDisconnect", "my office")
        client.command("AccountImport", str(file), "/NAME:copy")
        client.command("AccountConnect", "copy")
        client.wait_connected("copy")
