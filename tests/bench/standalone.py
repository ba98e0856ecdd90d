"""
One server on a host of its own, with a switch and a user: what `sessions`, `switch` and `flood`
log in to. The drivers run on the same host and come over its loopback interface.

Every measurement has a server of its own: memory that was given back to the allocator still counts
as resident, and sessions that were cut stay for a while.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from iquila.database.directory import DataDirectory
from iquila.database.engine import Commit
from iquila.database.records import ServerSettings, encode
from iquila.database.sqlite import SQLiteEngine
from iquila.wire.passwords import administration_hash
from tests.system.cluster import PASSWORD, PORT, Server
from tests.system.network import Host, Network
from tests.system.processes import Process, run, with_niceness
from tests.system.requirements import lacks_namespaces, lacks_softether
from tests.system.softether import SoftEtherServer

from .bench import Contender, Settings
from .clusters import SWITCH, USER
from .path import IQUILA_NICENESS, SOFTETHER_NICENESS, VARIANTS
from .tls import Address

TOP = Path(__file__).resolve().parents[2]
MAX_SESSIONS = 20_000
PRIORITIES = (
    f"SoftEther's servers run at niceness {SOFTETHER_NICENESS}, as they choose, iquila's and the "
    f"drivers at {IQUILA_NICENESS}"
)
"""What all benches with a driver tell."""


def raise_file_limit() -> int:
    """Let this process and those that it starts open as many files as they may; return that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def run_driver(host: Host, module: str, *arguments: str, limit: float) -> Any:
    """Run a driver program of this package on a host and return the JSON that it prints."""
    command = ["env", f"PYTHONPATH={TOP}", sys.executable, "-m", f"tests.bench.{module}"]
    return json.loads(run(with_niceness(host.inside([*command, *arguments]), 0), timeout=limit))


def prepare_settings(data: Path, **changes: Any) -> None:
    """Write the settings of a new server that no option sets, as its first start would."""
    directory = DataDirectory(data)
    directory.prepare()
    settings = ServerSettings(
        server_id=uuid.uuid4().hex, password_hash=administration_hash(PASSWORD), **changes
    )
    engine = SQLiteEngine(directory.server_database)
    engine.commit([Commit(1, ((settings.kind_name, settings.key, encode(settings)),))])
    engine.close()


@define
class Standalone(ABC):
    """A server; `network` is its own."""

    network: Network
    host: Host = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make the host."""
        self.host = self.network.add("server", 1)
        self.host.run(["sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535"])

    @abstractmethod
    def start(self) -> None:
        """Start it, with :data:`SWITCH`, and on it :data:`USER` whose password is its name."""

    @property
    @abstractmethod
    def process(self) -> Process:
        """The running server."""

    @property
    @abstractmethod
    def address(self) -> Address:
        """Where it listens."""

    @property
    def pid(self) -> int:
        """The process that works: the youngest of the family, the others watch over it."""
        return self.process.family()[-1]

    def pin(self, core: int) -> None:
        """Keep all its threads on one core."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})

    def drive(self, module: str, *arguments: str, limit: float) -> Any:
        """Run a driver on this server: ``MODULE ADDRESS PORT PID ARGUMENTS``; return its JSON."""
        address, port = self.address
        return run_driver(
            self.host, module, address, str(port), str(self.pid), *arguments, limit=limit
        )


@define
class IquilaStandalone(Standalone):
    """iquila's server. Nothing of what its user may do is limited."""

    environment: Mapping[str, str] = field(factory=dict)
    _server: Server = field(init=False)

    def start(self) -> None:
        """Start it with twistd."""
        prepare_settings(self.host.scratch / "data", max_sessions=MAX_SESSIONS)
        self._server = Server(
            self.host, "server", environment=self.environment, nice=IQUILA_NICENESS
        )
        self._server.start()
        self._server.add_switch(SWITCH, 0)
        policy = {"policy:Access_bool": True, "policy:NoBroadcastLimiter_bool": True}
        self._server.call(
            "CreateUser",
            HubName_str=SWITCH,
            Name_str=USER,
            AuthType_u32=1,
            Auth_Password_str=USER,
            UsePolicy_bool=True,
            **policy,
        )

    @property
    def process(self) -> Process:
        """What twistd runs in."""
        assert self._server.process is not None
        return self._server.process

    @property
    def address(self) -> Address:
        """Its first listener."""
        return "127.0.0.1", PORT


@define
class SoftEtherStandalone(Standalone):
    """SoftEther's server, without its limit of broadcasts."""

    _server: SoftEtherServer = field(init=False)

    def start(self) -> None:
        """Start it."""
        self._server = SoftEtherServer(self.host)
        self._server.start()
        self._server.add_switch(SWITCH, USER, USER)
        policy = ("/NAME:NoBroadcastLimiter", "/VALUE:yes")
        self._server.command("UserPolicySet", USER, *policy, options=(f"/ADMINHUB:{SWITCH}",))

    @property
    def process(self) -> Process:
        """It, and what watches over it."""
        assert self._server.process is not None
        return self._server.process

    @property
    def address(self) -> Address:
        """Its first listener."""
        return "127.0.0.1", 443


@define
class OnServer(Contender):
    """A contender that is one server, fresh for each measurement."""

    settings: Settings
    name: str
    about: str
    make: Callable[[Network], Standalone]
    lacks: Callable[[], str | None]
    default: bool
    _network: Network | None = field(init=False, default=None)
    _measured: int = field(init=False, default=0)

    @abstractmethod
    def drive(self, server: Standalone) -> Mapping[str, float]:
        """Measure a server that has just been started."""

    def missing(self) -> str | None:
        """The network and the server."""
        return lacks_namespaces() or self.lacks()

    def prepare(self) -> None:
        """Nothing stays up between the rounds."""

    def measure(self) -> Mapping[str, float]:
        """Start a server, measure it, and end it."""
        self._measured += 1
        self._network = Network(self.settings.scratch / f"{self.name}-{self._measured}")
        server = self.make(self._network)
        server.start()
        values = self.drive(server)
        self.close()
        return values

    def close(self) -> None:
        """End everything in the network."""
        if self._network is not None:
            self._network.close()
            self._network = None

    @classmethod
    def softether(cls, settings: Settings) -> OnServer:
        """Return the contender with SoftEther's server."""
        about, lacks = "SoftEther's server", lambda: lacks_softether(server=True)
        return cls(settings, "softether", about, SoftEtherStandalone, lacks, True)

    @classmethod
    def iquila(cls, settings: Settings, suffix: str, *, default: bool) -> OnServer:
        """Return the contender with a variant of iquila's server."""
        words, environment = VARIANTS[suffix]

        def make(network: Network) -> Standalone:
            return IquilaStandalone(network, environment)

        name, about = f"iquila{suffix}", f"iquila's server{words}"
        return cls(settings, name, about, make, lambda: None, default)
