"""
Two clusters of the same shape: a controller that carries no sessions, and two members.

One of iquila, one of SoftEther, each in network namespaces of its own; what the benches compare.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from attrs import define

from tests.system.cluster import PORT, Cluster
from tests.system.network import Host, Network
from tests.system.processes import eventually
from tests.system.softether import SoftEtherServer

from .path import IQUILA_NICENESS
from .tls import Address

SWITCH, USER, PASSWORD = "bench", "user", "secret"
TIME_OUT = 5
"""Seconds that a server keeps a session without connections: the least that the protocol has."""
_ADMINISTRATION = "administration"
_SOFTETHER_PORT = 443
_COLUMNS = re.compile(r"^ *\d+\|(?:Controller|Member) *\|.*$", re.MULTILINE)


class BenchCluster(ABC):
    """A running cluster with a static switch and one user on it."""

    members = ("member1", "member2")

    def __init__(self, network: Network) -> None:
        self.network = network

    @property
    @abstractmethod
    def server(self) -> Address:
        """Where clients log in."""

    @abstractmethod
    def start(self) -> None:
        """Start everything, and return when all members have joined."""

    @abstractmethod
    def processes(self) -> Mapping[str, Sequence[int]]:
        """Return the process ids of `controller`, `member1` and `member2`."""

    @abstractmethod
    def sessions(self) -> int:
        """Return how many sessions there are."""

    def wait_empty(self) -> None:
        """Return when the sessions of a burst are over."""
        eventually(lambda: self.sessions() == 0, "the end of all sessions", interval=1.0)

    def client(self) -> Host:
        """Return a host for the driver, which can open tens of thousands of connections."""
        host = self.network.add("driver", 100)
        for setting in ("ip_local_port_range=1024 65535", "tcp_tw_reuse=1"):
            command = ["sysctl", "-qw", f"net.ipv4.{setting}"]
            host.run(command)
        return host


class IquilaCluster(BenchCluster):
    """iquila's."""

    def __init__(self, network: Network, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(network)
        self._cluster = Cluster(network, environment or {}, IQUILA_NICENESS)

    @property
    def server(self) -> Address:
        """The controller."""
        return self._cluster.controller.host.address, PORT

    def start(self) -> None:
        """Start it with twistd."""
        self._cluster.start(members=2)
        self._cluster.add_switch(SWITCH, dynamic=False)
        self._cluster.controller.call(
            "CreateUser",
            HubName_str=SWITCH,
            Name_str=USER,
            AuthType_u32=1,
            Auth_Password_str=PASSWORD,
            UsePolicy_bool=True,
            **{"policy:Access_bool": True, "policy:TimeOut_u32": TIME_OUT},
        )

    def processes(self) -> Mapping[str, Sequence[int]]:
        """One process each."""
        servers = {"controller": self._cluster.controller, **self._cluster.members}
        return {
            name: server.process.family() if server.process else []
            for name, server in servers.items()
        }

    def sessions(self) -> int:
        """Ask the controller."""
        return len(self._cluster.controller.call("EnumSession", HubName_str=SWITCH)["SessionList"])


@define
class _SoftEtherAdmin:
    """A SoftEther server that is administered with a password."""

    daemon: SoftEtherServer

    def command(self, *arguments: str, switch: str = "") -> str:
        options = (f"/PASSWORD:{_ADMINISTRATION}", *([f"/ADMINHUB:{switch}"] if switch else ()))
        return self.daemon.command(*arguments, options=options)

    def wait(self) -> None:
        """Return when it answers: changing its mode restarts it inside its process."""
        eventually(lambda: self.command("About"), f"{self.daemon.host.name}: answer", timeout=40.0)


class SoftEtherCluster(BenchCluster):
    """SoftEther's, from Debian's package."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self._servers: dict[str, _SoftEtherAdmin] = {}

    @property
    def server(self) -> Address:
        """The controller."""
        return self._servers["controller"].daemon.host.address, _SOFTETHER_PORT

    def start(self) -> None:
        """Start three servers, and make a cluster of them."""
        for number, name in enumerate(("controller", *self.members), 1):
            daemon = SoftEtherServer(self.network.add(name, number))
            daemon.start()
            daemon.command("ServerPasswordSet", _ADMINISTRATION)
            self._servers[name] = _SoftEtherAdmin(daemon)
        controller, *members = self._servers.values()
        controller.command("ClusterSettingController", "/WEIGHT:100", "/ONLY:yes")
        controller.wait()
        address, port = self.server
        for member in members:
            member.command(
                "ClusterSettingMember",
                f"{address}:{port}",
                f"/IP:{member.daemon.host.address}",
                f"/PORTS:{port}",
                f"/PASSWORD:{_ADMINISTRATION}",
                "/WEIGHT:100",
            )
        eventually(lambda: len(self._rows()) == 3, "two members in the cluster", timeout=60.0)
        controller.command("HubCreateStatic", SWITCH, "/PASSWORD:")
        self._add_user(controller)

    @staticmethod
    def _add_user(controller: _SoftEtherAdmin) -> None:
        for command in (
            ("UserCreate", USER, "/GROUP:", "/REALNAME:", "/NOTE:"),
            ("UserPasswordSet", USER, f"/PASSWORD:{PASSWORD}"),
            ("UserPolicySet", USER, "/NAME:TimeOut", f"/VALUE:{TIME_OUT}"),
        ):
            controller.command(*command, switch=SWITCH)

    def _rows(self) -> list[list[str]]:
        listed = self._servers["controller"].command("ClusterMemberList")
        return [[cell.strip() for cell in line.split("|")] for line in _COLUMNS.findall(listed)]

    def processes(self) -> Mapping[str, Sequence[int]]:
        """Two processes each: one only watches over the other."""
        found = {}
        for name, server in self._servers.items():
            process = server.daemon.process
            found[name] = process.family() if process else []
        return found

    def sessions(self) -> int:
        """Ask the controller."""
        return sum(int(row[5]) for row in self._rows())
