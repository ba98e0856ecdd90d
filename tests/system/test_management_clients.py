"""Management clients that others wrote for SoftEther, and curl, administer a cluster."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from .case import NetworkTestCase
from .cluster import PASSWORD, PORT, Client, Cluster
from .processes import eventually
from .requirements import need_tap, refuse

PEERS = Path(sys.prefix) / "peers"
CLIENTS = ("pysoftether==1.0.1", "SoftEtherPy==1.2")


class ManagementClientTests(NetworkTestCase):
    """Each lists switches, creates a user and reads sessions."""

    def setUp(self) -> None:
        """Two servers, one client with a session."""
        need_tap()
        self.network = self.make_network()
        self.cluster = Cluster(self.network)
        self.cluster.start(1)
        self.cluster.add_switch("office", dynamic=False, users=("alice",))
        client = Client(self.network.add("station", 20))
        client.start(f"10.77.0.1:{PORT}", "office", "alice")
        eventually(lambda: self.cluster.where("office"), "a session on the switch")
        self.desk = self.network.add("desk", 21)

    def run_peer(self, name: str) -> dict[str, Any]:
        """Return what one of the Python clients saw."""
        folder = PEERS / name
        if not folder.exists():
            refuse(f"needs the management client {name}: remove .venv and run bin/test again")
        script = Path(__file__).with_name("management.py")
        command = [sys.executable, str(script), str(folder), "10.77.0.1", str(PORT)]
        seen: dict[str, Any] = json.loads(self.desk.run([*command, PASSWORD, "office"]))
        return seen

    def test_python_clients(self) -> None:
        """Two from the package index, their code as it was published."""
        for name in CLIENTS:
            seen = self.run_peer(name)
            self.assertEqual(seen["switches"]["HubName"], ["office"], name)
            self.assertEqual(seen["switches"]["NumSessions"], [1], name)
            self.assertNotIn("error", seen["created"], name)
            self.assertEqual(seen["users"]["Name"], ["alice", "bob"], name)
            self.assertEqual(seen["sessions"]["Username"], ["alice"], name)
            self.assertEqual(seen["sessions"]["RemoteHostname"], ["member1"], name)
            self.assertIn("error", seen["refused"], name)
            self.cluster.controller.call("DeleteUser", HubName_str="office", Name_str="bob")

    def curl(self, body: object, *options: str) -> Any:
        """Return what curl got."""
        command = ["curl", "--silent", "--insecure", "--max-time", "20", *options]
        answer = self.desk.run(
            [*command, "--data", json.dumps(body), f"https://10.77.0.1:{PORT}/api/"]
        )
        return json.loads(answer)

    def test_curl(self) -> None:
        """A plain call with a password, a batch with a token."""
        if shutil.which("curl") is None:
            refuse("needs curl: apt-get install curl")

        def question(method: str, **parameters: object) -> dict[str, object]:
            return {"jsonrpc": "2.0", "id": method, "method": method, "params": parameters}

        login = ("--user", f"administrator:{PASSWORD}")
        hubs = self.curl(question("EnumHub"), *login)["result"]["HubList"]
        self.assertEqual([h["HubName_str"] for h in hubs], ["office"])
        made = self.curl(question("CreateToken", Name_str="robot", Scope_str="server"), *login)
        bearer = ("--header", f"Authorization: Bearer {made['result']['Token_str']}")
        created, sessions = self.curl(
            [
                question("CreateUser", HubName_str="office", Name_str="bob"),
                question("EnumSession", HubName_str="office"),
            ],
            *bearer,
        )
        self.assertEqual(created["result"]["Name_str"], "bob")
        listed = sessions["result"]["SessionList"]
        self.assertEqual([s["Username_str"] for s in listed], ["alice"])
