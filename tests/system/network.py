"""
Network namespaces joined by one bridge, for tests with peers that need a machine of their own.

A network is named after the process that made it. It is removed with everything that still runs in
it; what a killed test run left behind, the next run removes. Only addresses inside the namespaces
are used: nothing reaches the network of this machine.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field

from .processes import CommandFailed, Process, eventually, run, send, with_niceness

NETWORK = "10.77.0"
_NAME = re.compile(r"iq(?P<pid>\d+)-\S+")
_numbers = itertools.count(1)

# Bind mounts as pairs SOURCE TARGET until "--", then the command. The mount namespace is private:
# "ip netns exec" has just made it.
_ENTER = (
    # A peer that crashes must not leave its memory in the folder that the tests run in.
    "ulimit -c 0; "
    'hostname "$1" && shift && while [ "$1" != -- ]; do '
    'mount --bind "$1" "$2" || exit 125; shift 2; done; shift; exec "$@"'
)


@define
class Host:
    """One namespace: a machine with a network card, an address and a host name."""

    name: str
    namespace: str
    address: str
    scratch: Path
    mounts: dict[Path, Path] = field(factory=dict)

    def inside(self, arguments: Sequence[str]) -> list[str]:
        """Return the command that runs `arguments` on this host, with its mounts and its name."""
        binds = [str(path) for pair in self.mounts.items() for path in pair]
        enter = ["unshare", "--uts", "sh", "-c", _ENTER, "sh", self.name, *binds, "--"]
        return ["ip", "netns", "exec", self.namespace, *enter, *arguments]

    def run(self, arguments: Sequence[str], *, timeout: float = 30.0) -> str:
        """Run a command on this host; as :func:`.processes.run`."""
        return run(self.inside(arguments), timeout=timeout)

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        nice: int | None = None,
    ) -> Process:
        """
        Start a command on this host; its output goes to ``NAME.log`` in the scratch folder.

        :param nice: its priority, -20 (first) to 19; None is that of this process.
        """
        settings = [f"{key}={value}" for key, value in (environment or {}).items()]
        prefix = ["env", *settings] if settings else []
        command = with_niceness(self.inside([*prefix, *arguments]), nice)
        return Process.start(f"{self.name}/{name}", command, self.scratch / f"{name}.log")

    def ip(self, *arguments: str) -> str:
        """Run ``ip`` on this host's network."""
        return run(["ip", "-n", self.namespace, *arguments])

    def wait_listening(self, port: int, *, timeout: float = 30.0) -> None:
        """Return when something on this host listens on a TCP port."""

        def listens() -> bool:
            rows = run(["ip", "netns", "exec", self.namespace, "ss", "-Hltn"]).splitlines()
            return any(row.split()[3].rpartition(":")[2] == str(port) for row in rows)

        eventually(listens, f"{self.name}: a listener on port {port}", timeout=timeout)

    def tcp_peers(self, port: int) -> set[str]:
        """Return the addresses that this host has TCP connections to, at their `port`."""
        return set(self.tcp_connections(port))

    def tcp_connections(self, port: int) -> list[str]:
        """Return the address at the other end of each TCP connection to somebody's `port`."""
        command = ["ip", "netns", "exec", self.namespace, "ss", "-Htn", "state", "established"]
        peers = (row.split()[3].rpartition(":") for row in run(command).splitlines())
        return [address for address, _, number in peers if number == str(port)]

    def received_packets(self, device: str) -> int:
        """Return how many packets a network device of this host has received."""
        told: list[dict[str, Any]] = json.loads(self.ip("-s", "-j", "link", "show", device))
        return int(told[0]["stats64"]["rx"]["packets"])


@define
class Network:
    """A bridge and the hosts on it. Call :meth:`close` whatever happens."""

    scratch: Path
    prefix: str = field(init=False)
    hosts: dict[str, Host] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Clear what dead test runs left, and make the bridge."""
        remove_leftovers()
        self.prefix = f"iq{os.getpid()}-{next(_numbers)}"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._add_namespace(self._bridge)
        try:
            run(["ip", "-n", self._bridge, "link", "add", "br0", "type", "bridge"])
            run(["ip", "-n", self._bridge, "link", "set", "br0", "up"])
        except BaseException:
            self.close()
            raise

    @property
    def _bridge(self) -> str:
        return f"{self.prefix}-bridge"

    @staticmethod
    def _add_namespace(name: str) -> None:
        run(["ip", "netns", "add", name])
        run(["ip", "-n", name, "link", "set", "lo", "up"])

    def add(self, name: str, number: int) -> Host:
        """Add a host with the address `NETWORK`.`number` (1..254)."""
        namespace = f"{self.prefix}-{name}"
        host = Host(name, namespace, f"{NETWORK}.{number}", self.scratch / name)
        host.scratch.mkdir()
        self._add_namespace(namespace)
        self.hosts[name] = host
        card = ["type", "veth", "peer", "name", "eth0", "netns", namespace]
        run(["ip", "link", "add", f"p{number}", "netns", self._bridge, *card])
        run(["ip", "-n", self._bridge, "link", "set", f"p{number}", "master", "br0", "up"])
        host.ip("addr", "add", f"{host.address}/24", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
        return host

    def close(self) -> None:
        """End every process in the namespaces and remove them."""
        for namespace in _namespaces():
            if namespace.startswith(f"{self.prefix}-"):
                remove_namespace(namespace)


def _namespaces() -> list[str]:
    return [line.split()[0] for line in run(["ip", "netns", "list"]).splitlines() if line.strip()]


def remove_namespace(name: str) -> None:
    """Remove a namespace of ours, and kill what still runs in it: only we put something there."""

    def empty() -> bool:
        pids = [int(pid) for pid in run(["ip", "netns", "pids", name]).split()]
        for pid in sorted(pids):  # a watcher is older than what it restarts
            send(pid, signal.SIGKILL)
        return not pids

    eventually(empty, f"the end of the processes in {name}", timeout=10.0, interval=0.02)
    run(["ip", "netns", "del", name])


def remove_leftovers() -> None:
    """Remove the namespaces of test runs that were killed before they could."""
    for name in _namespaces():
        match = _NAME.fullmatch(name)
        if match and not Path("/proc", match["pid"]).exists():
            try:
                remove_namespace(name)
            except CommandFailed:
                continue  # another run is removing it
