"""
The `path` bench: TAP - client - TLS - server - TLS - client - TAP, everything on this machine.

Every contender has a server and two clients of its own, each on a host of its own in one network;
all stay up during the whole bench and cost next to nothing while they idle. Everything runs at the
priority that it runs at anywhere: SoftEther's daemons raise themselves to niceness -20; iquila, and
what makes the traffic, stay at 0. (iquila is worse off at -20: it takes the cores from the programs
that it carries frames for.)
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping

from attrs import define, field, frozen

from tests.system import requirements
from tests.system.cluster import PORT, Client, Server
from tests.system.iperf import lacks_iperf
from tests.system.network import Host, Network
from tests.system.ping import ping
from tests.system.processes import Process, eventually, niceness
from tests.system.softether import SoftEtherClient, SoftEtherServer

from .bench import Bench, Contender, Settings
from .traffic import FIGURES, Route, measure

SOFTETHER_NICENESS = -20
IQUILA_NICENESS = 0
MTU = 1500
SECONDS = 4.0
SWITCH, USER = "bench", "bench"
SOFTETHER_PORT = 443
VARIANTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "": ("", {}),
    "-pure": (", without the C extension", {"PURE_PYTHON": "1"}),
    "-public": (", TLS by public calls only", {"IQUILA_TLS": "public"}),
}
"""Suffix of the name -> words about it, environment of iquila's processes."""


@define
class Lab:
    """The network that the contenders share; made when the first of them needs it."""

    settings: Settings
    network: Network | None = None
    _hosts: itertools.count[int] = field(init=False, factory=lambda: itertools.count(1))
    _overlays: itertools.count[int] = field(init=False, factory=lambda: itertools.count(1))

    def add(self, name: str) -> Host:
        """Return a new host."""
        if self.network is None:
            self.network = Network(self.settings.scratch / "network")
            self.settings.cleanup.callback(self.network.close)
        return self.network.add(name, next(self._hosts))

    def overlay(self) -> str:
        """Return the first three bytes of a /24 that nobody else uses."""
        return f"10.88.{next(self._overlays)}"

    def seconds(self) -> float:
        """Return the length of one measurement."""
        return self.settings.length(SECONDS)


@define
class Veth(Contender):
    """Two hosts on the bridge and nothing between them: what the kernel and iperf3 can do."""

    lab: Lab
    name: str = "veth"
    about: str = "no tunnel: two virtual network cards on a bridge"
    _route: Route | None = field(init=False, default=None)

    def missing(self) -> str | None:
        """Root, iproute2, ping and iperf3."""
        return requirements.lacks_namespaces() or lacks_iperf()

    def prepare(self) -> None:
        """Make the two hosts."""
        one, two = self.lab.add("veth-sender"), self.lab.add("veth-receiver")
        self._route = Route(one, two, two.address, "eth0")

    def measure(self) -> Mapping[str, float]:
        """Measure, without CPU times: there are no processes."""
        assert self._route is not None
        return measure(self._route, {}, self.lab.seconds())

    def close(self) -> None:
        """Nothing: the hosts go with the network."""


@frozen
class Service:
    """A running server with a switch and a user."""

    process: Process
    port: int


@frozen
class Joined:
    """A running client, and the name of its network device."""

    process: Process
    device: str


Serve = Callable[[Host], Service]
Join = Callable[[Host, str, str], Joined]
"""Takes the client's host, the server as ``ADDRESS:PORT`` and the overlay address."""


@define
class Tunnel(Contender):
    """A server and two clients."""

    lab: Lab
    name: str
    about: str
    serve: Serve
    join: Join
    connections: int
    lacks: Callable[[], str | None]
    default: bool = True
    _route: Route | None = field(init=False, default=None)
    _processes: dict[str, Process] = field(init=False, factory=dict)
    _families: dict[str, list[int]] = field(init=False, factory=dict)

    def missing(self) -> str | None:
        """What the network and the programs need."""
        return requirements.lacks_tap() or lacks_iperf() or self.lacks()

    def prepare(self) -> None:
        """Start all three, and return when frames pass over all connections."""
        server = self.lab.add(f"{self.name}-server")
        service = self.serve(server)
        self._processes["server"] = service.process
        overlay = self.lab.overlay()
        ends = []
        for number, part in enumerate(("sender", "receiver"), 1):
            host = self.lab.add(f"{self.name}-{part}")
            joined = self.join(host, f"{server.address}:{service.port}", f"{overlay}.{number}/24")
            self._processes[part] = joined.process
            host.ip("link", "set", joined.device, "mtu", str(MTU))
            ends.append((host, joined.device))
        (one, _), (two, device) = ends
        self._route = Route(one, two, f"{overlay}.2", device)
        for host, _ in ends:
            self._wait_connected(host, service.port)
        eventually(lambda: len(ping(one, f"{overlay}.2", count=1)), f"{self.name}: an answer")
        self._families = {name: process.family() for name, process in self._processes.items()}
        for pid in itertools.chain(*self._families.values()):
            if niceness(pid) not in (SOFTETHER_NICENESS, IQUILA_NICENESS):
                raise ValueError(f"process {pid} has niceness {niceness(pid)}: start this at 0")

    def _wait_connected(self, host: Host, port: int) -> None:
        def complete() -> bool:
            return len(host.tcp_connections(port)) == self.connections

        # SoftEther's client opens one more connection a second.
        limit = 30.0 + 2 * self.connections
        eventually(complete, f"{host.name}: {self.connections} connections", timeout=limit)

    def measure(self) -> Mapping[str, float]:
        """
        Measure.

        :raises ValueError: a process has ended, or was restarted, since :meth:`prepare`.
        """
        assert self._route is not None
        values = measure(self._route, self._families, self.lab.seconds())
        for name, process in self._processes.items():
            if process.family() != self._families[name]:
                raise ValueError(f"{process.name} did not live through it:\n{process.tail()}")
        return values

    def close(self) -> None:
        """End all three, the clients first."""
        for process in reversed(self._processes.values()):
            process.kill()


def softether_server(host: Host) -> Service:
    """Start SoftEther's server."""
    server = SoftEtherServer(host)
    server.start()
    server.add_switch(SWITCH, USER, USER)
    assert server.process is not None
    return Service(server.process, SOFTETHER_PORT)


def softether_client(connections: int) -> Join:
    """Return what starts SoftEther's client with so many TCP connections."""

    def join(host: Host, server: str, address: str) -> Joined:
        client = SoftEtherClient(host)
        client.start()
        client.add_account(SWITCH, server, SWITCH, USER, USER, connections=connections)
        client.connect(SWITCH, address)
        assert client.process is not None
        return Joined(client.process, f"vpn_{SWITCH}")

    return join


def iquila_server(environment: Mapping[str, str]) -> Serve:
    """Return what starts iquila's server."""

    def serve(host: Host) -> Service:
        server = Server(host, "server", environment=environment, nice=IQUILA_NICENESS)
        server.start()
        server.add_switch(SWITCH, 0, (USER,))
        assert server.process is not None
        return Service(server.process, PORT)

    return serve


def iquila_client(environment: Mapping[str, str], *, ordinary: bool) -> Join:
    """Return what starts iquila's client; `ordinary` keeps it from using super-frames."""
    options = ["--ordinary-frames"] if ordinary else []

    def join(host: Host, server: str, address: str) -> Joined:
        client = Client(host, environment=environment, nice=IQUILA_NICENESS)
        client.start(server, SWITCH, USER, *options)
        host.ip("addr", "add", address, "dev", client.device)
        host.ip("link", "set", client.device, "up")
        assert client.process is not None
        return Joined(client.process, client.device)

    return join


def _softether(lab: Lab, connections: int) -> Tunnel:
    return Tunnel(
        lab,
        f"softether-{connections}",
        f"SoftEther's server and clients, TCP connections: {connections}",
        softether_server,
        softether_client(connections),
        connections,
        lambda: requirements.lacks_softether(server=True),
    )


def _iquila(lab: Lab, suffix: str) -> list[Tunnel]:
    words, environment = VARIANTS[suffix]
    serve = iquila_server(environment)
    default = not suffix
    found = [
        Tunnel(
            lab,
            f"iquila-softether-{connections}{suffix}",
            f"iquila's server, SoftEther's clients, TCP connections: {connections}{words}",
            serve,
            softether_client(connections),
            connections,
            requirements.lacks_softether,
            default,
        )
        for connections in (1, 8)
    ]
    for name, ordinary in (("ordinary", True), ("super", False)):
        about = f"iquila's server and clients, {name}{' ' if ordinary else '-'}frames{words}"
        join = iquila_client(environment, ordinary=ordinary)
        found.append(
            Tunnel(
                lab,
                f"iquila-{name}{suffix}",
                about,
                serve,
                join,
                1,
                lambda: None,
                default,
            )
        )
    return found


def _notes() -> tuple[str, ...]:
    traffic = f"iperf3 and ping run at niceness 0, this program at {os.getpriority(0, 0)}"
    return (
        f"SoftEther's daemons run at niceness {SOFTETHER_NICENESS}, as they choose, iquila's at "
        f"{IQUILA_NICENESS}; {traffic}",
        f"MTU {MTU} in and around the tunnels; s/GB counts bytes that the receiver got (1e9)",
    )


def make(settings: Settings) -> Bench:
    """Return the bench."""
    lab = Lab(settings)
    softether = [_softether(lab, connections) for connections in (1, 8)]
    iquila = [tunnel for suffix in VARIANTS for tunnel in _iquila(lab, suffix)]
    return Bench(
        "path",
        "TAP to TAP through a server, in network namespaces",
        FIGURES,
        (Veth(lab), *softether, *iquila),
        tuple(tunnel.name for tunnel in softether),
        _notes(),
    )
