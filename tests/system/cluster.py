"""iquila's programs in a test network: servers and calls to their JSON-RPC, a cluster, clients."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from .network import Host, Network
from .processes import Process, eventually, run

PASSWORD = "administration"
PORT = 5555
TWISTD = (str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile=")
_CALL = """
import http.client, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), timeout=20, context=context)
connection.request("POST", "/api/", sys.argv[3], {"X-VPNADMIN-PASSWORD": sys.argv[2]})
sys.stdout.write(connection.getresponse().read().decode())
"""


class Refused(Exception):
    """A server refused a call; `code` is its number."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def call(
    host: Host, port: int, password: str, method: str, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """
    Run an administrative operation of a server on a host, on that host, and return its result.

    :raises Refused: the server's refusal.
    """
    question = {"jsonrpc": "2.0", "id": "1", "method": method, "params": parameters}
    script = [sys.executable, "-c", _CALL, str(port), password, json.dumps(question)]
    answer = json.loads(run(["ip", "netns", "exec", host.namespace, *script]))
    if "error" in answer:
        raise Refused(answer["error"]["code"], answer["error"]["message"])
    result: dict[str, Any] = answer["result"]
    return result


@define
class Server:
    """One iquila server on a host of its own."""

    host: Host
    role: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(factory=dict)
    nice: int | None = None
    """Its priority; None is that of this process."""
    process: Process | None = field(init=False, default=None)

    def start(self) -> None:
        """Start it with twistd, in the foreground, and return when it listens."""
        password = self.host.scratch / "password"
        password.write_text(PASSWORD + "\n")
        data = self.host.scratch / "data"
        self.process = self.host.start(
            f"iquila-{self.role}",
            [
                *(*TWISTD, f"iquila-{self.role}", f"--data={data}"),
                *(f"--admin-password-file={password}", *self.options),
            ],
            environment=self.environment,
            nice=self.nice,
        )
        self.host.wait_listening(PORT)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """
        Run an administrative operation and return its result.

        :raises Refused: the server's refusal.
        """
        return call(self.host, PORT, PASSWORD, method, parameters)

    def add_switch(self, name: str, kind: int, users: tuple[str, ...] = ()) -> None:
        """Create a switch (0 standalone, 1 static, 2 dynamic) and users; password = name."""
        self.call(
            "CreateHub",
            HubName_str=name,
            HubType_u32=kind,
            Online_bool=True,
            AdminPasswordPlainText_str=f"switch-{name}",
        )
        for user in users:
            self.call(
                "CreateUser",
                HubName_str=name,
                Name_str=user,
                AuthType_u32=1,
                Auth_Password_str=user,
            )

    def stop(self) -> int:
        """End it in order, and return its exit status."""
        assert self.process is not None
        return self.process.terminate(timeout=10.0)

    def kill(self) -> None:
        """End it at once, as a power failure does."""
        assert self.process is not None
        self.process.kill()


@define
class Client:
    """iquila's VEN client on a host of its own, with a TAP device."""

    host: Host
    environment: Mapping[str, str] = field(factory=dict)
    nice: int | None = None
    """Its priority; None is that of this process."""
    device: str = "tap0"
    process: Process | None = field(init=False, default=None)

    def start(
        self,
        server: str,
        switch: str,
        user: str,
        *options: str,
        certificate: tuple[bytes, bytes] | None = None,
    ) -> None:
        """
        Start it, and return when its device is there; the session comes later.

        :param server: ``ADDRESS:PORT``; its certificate is not checked.
        :param user: its password is its name.
        :param certificate: what it logs in with instead, and the key, both PEM.
        """
        account = (f"--to={server}", f"--switch={switch}", f"--user={user}")
        self.process = self.host.start(
            "iquila-client",
            [
                *(*TWISTD, "iquila-client", *account, *self._proof(user, certificate)),
                *(f"--device={self.device}", "--insecure", *options),
            ],
            environment=self.environment,
            nice=self.nice,
        )
        eventually(
            lambda: self.host.ip("link", "show", self.device),
            f"{self.host.name}: the device {self.device}",
        )

    def _proof(self, user: str, certificate: tuple[bytes, bytes] | None) -> tuple[str, ...]:
        files = {"password-file": user.encode() + b"\n"}
        if certificate is not None:
            files = dict(zip(("certificate", "key"), certificate, strict=True))
        for name, content in files.items():
            (self.host.scratch / name).write_bytes(content)
        return tuple(f"--{name}={self.host.scratch / name}" for name in files)


@define
class Cluster:
    """A controller that carries no sessions, and members."""

    network: Network
    environment: Mapping[str, str] = field(factory=dict)
    nice: int | None = None
    """The priority of the servers; None is that of this process."""
    controller: Server = field(init=False)
    members: dict[str, Server] = field(init=False, factory=dict)

    def start(self, members: int = 2) -> None:
        """Start everything, and return when all members have joined."""
        self.controller = self._server("controller", 1, "controller", "--only")
        self.controller.start()
        for number in range(1, members + 1):
            name = f"member{number}"
            self.members[name] = self._server(name, 1 + number, "member")
            host = self.members[name].host
            password = host.scratch / "controller-password"
            password.write_text(PASSWORD + "\n")
            options = (f"--controller=10.77.0.1:{PORT}", f"--password-file={password}")
            self.members[name].options = options
            self.members[name].start()
        self.wait_members(members)

    def _server(self, name: str, number: int, role: str, *options: str) -> Server:
        host = self.network.add(name, number)
        return Server(host, role, options, self.environment, self.nice)

    def wait_members(self, count: int) -> None:
        """Return when the controller has so many members."""

        def joined() -> bool:
            listed = self.controller.call("EnumFarmMember")["FarmMemberList"]
            return len(listed) == count + 1

        eventually(joined, f"{count} members in the cluster", timeout=30.0)

    def add_switch(self, name: str, *, dynamic: bool, users: tuple[str, ...] = ()) -> None:
        """Create a switch and users whose passwords are their names."""
        self.controller.add_switch(name, 2 if dynamic else 1, users)

    def where(self, switch: str) -> dict[str, str]:
        """Return the server of each session on a switch: user -> host name."""
        listed = self.controller.call("EnumSession", HubName_str=switch)["SessionList"]
        return {s["Username_str"]: s["RemoteHostname_str"] for s in listed}
