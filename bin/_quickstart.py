"""
The quick start: one controller and two members as processes of their own on loopback.

Run by ``bin/quickstart``. Everything it makes is in one new folder, on ports that were free.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater, react
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from iquila.command.connection import Connection, ConnectionProblem, KnownServers
from iquila.interfaces import IFrameReceiver
from iquila.session.account import Account
from iquila.session.client import VENClient
from iquila.session.verification import Pinned
from iquila.testing.host import Host
from iquila.wire.welcome import Welcome

PASSWORD = "quickstart"
ADDRESS = "127.0.0.1"
PING_SECONDS = 0.02
WAIT_SECONDS = 30.0
USERS = ("alice", "bob", "carol")


class Failure(Exception):
    """Something did not happen; the sentence is for the person at the terminal."""


def say(text: str) -> None:
    """Print a line of progress at once."""
    print(text, flush=True)


@implementer(IFrameReceiver)
class Station:
    """A user-space host on a switch, with the VEN client that connects it."""

    def __init__(self, reactor: Any, account: Account, number: int) -> None:
        self.reactor = reactor
        self.host = Host(bytes((2, 0, 0, 0, 0, number)), IPv4Address(f"10.88.0.{number}"))
        self.client = VENClient(reactor, account, self)
        self.last_reply = 0.0

    def established(self, welcome: Welcome) -> None:
        """Tell the switch where this host is."""
        self.client.send([self.host.announce()])

    def frames_received(self, frames: list[bytes]) -> None:
        """Answer ARP and echo requests, check echo replies byte for byte."""
        before = len(self.host.replies)
        self.client.send(self.host.receive(frames, self.reactor.seconds()))
        if len(self.host.replies) > before:
            self.last_reply = self.reactor.seconds()

    def lost(self, reason: BaseException) -> None:
        """The client looks for another server by itself."""

    def ping(self, other: Station, size: int = 1400) -> None:
        """Send an echo request."""
        now = self.reactor.seconds()
        self.client.send([self.host.ping(other.host.address, now, size)])

    @property
    def place(self) -> int:
        """The port of the server that carries the session, 0 for none."""
        session = self.client.session
        return 0 if session is None else session.server.port


class Quickstart:
    """The whole demonstration; :meth:`close` ends whatever was started."""

    def __init__(self, reactor: Any, folder: Path) -> None:
        self.reactor = reactor
        self.folder = folder
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.stations: list[Station] = []
        self.namespaces: list[str] = []
        self.controller, *self.members = free_ports(3)
        self.known = KnownServers(folder / "known-servers")
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        self.password_file.chmod(0o600)

    # -- processes

    def start(self, port: int, role: str, *options: str) -> None:
        """Start a server with twistd, its log in the folder."""
        data = self.folder / f"{role}-{port}"
        self.launch(
            port,
            role,
            f"--data={data}",
            f"--listen={port}",
            f"--address={ADDRESS}",
            f"--admin-password-file={self.password_file}",
            *options,
        )

    def launch(self, number: int, role: str, *options: str) -> None:
        """Start one of the plugins."""
        twistd = [str(Path(sys.executable).with_name("twistd"))]
        with (self.folder / f"{role}-{number}.log").open("ab") as log:
            self.processes[number] = subprocess.Popen(
                [*twistd, "-n", "--pidfile=", f"iquila-{role}", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )

    def check_processes(self) -> None:
        """Fail with the log of a server that ended by itself."""
        for number, process in self.processes.items():
            if process.poll() is not None and process.returncode != -signal.SIGKILL:
                logs = list(self.folder.glob(f"*-{number}.log"))
                text = logs[0].read_text(errors="replace")[-2000:] if logs else ""
                raise Failure(f"A process ended with status {process.returncode}:\n{text}")

    # -- administration

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Run an operation at the controller."""

        def run() -> dict[str, Any]:
            connection = Connection(ADDRESS, self.controller, PASSWORD, self.known)
            return connection.call(method, parameters)

        answer: dict[str, Any] = await deferToThread(run)
        return answer

    async def until(self, what: str, check: Callable[[], Coroutine[Any, Any, bool]]) -> None:
        """Wait, for a bounded time."""
        end = self.reactor.seconds() + WAIT_SECONDS
        while True:
            self.check_processes()
            try:
                if await check():
                    return
            except ConnectionProblem:
                pass
            if self.reactor.seconds() > end:
                raise Failure(f"{what}: not within {WAIT_SECONDS:g} seconds.")
            await deferLater(self.reactor, 0.05)

    # -- the steps

    async def start_cluster(self) -> None:
        """Start the servers and wait until both members have joined."""
        say(f"Starting a controller on port {self.controller} and members on {self.members}.")
        self.start(self.controller, "controller", "--only")
        for port in self.members:
            self.start(
                port,
                "member",
                f"--controller={ADDRESS}:{self.controller}",
                f"--password-file={self.password_file}",
            )

        async def joined() -> bool:
            return len((await self.call("EnumFarmMember"))["FarmMemberList"]) == 3

        await self.until("Both members in the cluster", joined)
        say("Both members have joined the controller.")

    async def create_switches(self) -> None:
        """Create a static and a dynamic switch, with users."""
        for name, kind in (("office", 1), ("lab", 2)):
            await self.call("CreateHub", HubName_str=name, HubType_u32=kind, Online_bool=True)
            for user in USERS:
                await self.call(
                    "CreateUser",
                    HubName_str=name,
                    Name_str=user,
                    AuthType_u32=1,
                    Auth_Password_str=user,
                )
        say("Created the static Virtual Switch 'office', the dynamic 'lab', and users.")

    def connect(self, switch: str, user: str) -> Station:
        """Start a VEN client with a user-space host behind it."""
        fingerprint = self.known.get(f"{ADDRESS}:{self.controller}")
        assert fingerprint is not None
        account = Account(
            ADDRESS, switch, user, Pinned(fingerprint), port=self.controller, password=user
        )
        station = Station(self.reactor, account, len(self.stations) + 1)
        self.stations.append(station)
        station.client.startService()
        return station

    async def exchange(self, one: Station, other: Station, name: str) -> None:
        """Exchange echo requests and replies of several sizes, checked byte for byte."""
        sizes = (18, 64, 512, 1000, 1400, 1472)
        for _ in range(5):
            for size in sizes:
                one.ping(other, size)
                await deferLater(self.reactor, 0.005)

        async def answered() -> bool:
            one.ping(other)
            return len(one.host.replies) >= 20

        await self.until(f"Echo replies on '{name}'", answered)
        if one.host.corrupted or other.host.corrupted:
            raise Failure(f"Frames were changed on their way over '{name}'.")
        replies = one.host.replies
        best = min(reply.seconds for reply in replies) * 1000
        say(
            f"  {name}: {len(replies)} echo replies over port {one.place}, every byte as it was "
            f"sent, best round trip {best:.2f} ms."
        )

    async def exchange_frames(self) -> tuple[Station, Station]:
        """Connect clients to both switches and exchange frames."""
        say("Connecting VEN clients at the controller; it redirects each to a member.")
        lab = (self.connect("lab", "alice"), self.connect("lab", "bob"))
        # Three on the static switch: its instances are separate, and two of them share one.
        office = [self.connect("office", user) for user in USERS]

        async def connected() -> bool:
            return all(station.place for station in self.stations)

        await self.until("Sessions of all clients", connected)
        await self.exchange(*lab, name="lab")
        places = [station.place for station in office]
        shared = max(places, key=places.count)
        pair = [station for station in office if station.place == shared][:2]
        await self.exchange(pair[0], pair[1], name="office")
        return lab

    async def show_members(self) -> None:
        """Print the member list."""
        # Members tell their load once a second.
        await deferLater(self.reactor, 1.2)
        listed = (await self.call("EnumFarmMember"))["FarmMemberList"]
        say("")
        say("  server      address          points  sessions  switches")
        for member in listed:
            role = "controller" if member["Controller_bool"] else "member"
            info = await self.call("GetFarmInfo", Id_u32=member["Id_u32"])
            address = f"{member['Ip_ip']}:{info['Ports_u32'][0]}"
            names = ", ".join(
                f"{hub['HubName_str']} ({'dynamic' if hub['DynamicHub_bool'] else 'static'})"
                for hub in info["HubsList"]
            )
            say(
                f"  {role:<10}  {address:<15}  {member['Point_u32']:>6}  "
                f"{member['NumSessions_u32']:>8}  {names}"
            )
        say("")

    async def take_over(self, one: Station, other: Station) -> None:
        """Kill the member that carries the dynamic switch; measure until frames flow again."""
        victim = one.place
        pinging = LoopingCall(one.ping, other)
        pinging.clock = self.reactor
        pinging.start(PING_SECONDS)
        await deferLater(self.reactor, 0.5)
        say(f"Killing the member on port {victim}, which carries 'lab', with SIGKILL.")
        killed = self.reactor.seconds()
        self.processes[victim].kill()

        async def back() -> bool:
            return bool(one.place != victim and one.last_reply > killed + PING_SECONDS)

        await self.until("Frames on the other member", back)
        pinging.stop()
        gap = one.last_reply - killed
        say(f"Frames flow again over port {one.place}: the gap was {gap:.2f} seconds.")

    # -- TAP devices, for root

    async def use_taps(self) -> None:
        """Ping between two network namespaces through TAP devices, where we are root."""
        tools = shutil.which("ip") and shutil.which("ping") and os.path.exists("/dev/net/tun")
        if os.geteuid() != 0 or not tools:
            say("No TAP devices: they need root, ip, ping and /dev/net/tun.")
            return
        fingerprint = self.known.get(f"{ADDRESS}:{self.controller}")
        for number, user in enumerate(USERS[:2], 1):
            device, name = f"iqs{os.getpid() % 100000}.{number}", f"iqs{os.getpid()}-{number}"
            password = self.folder / f"password-{user}"
            password.write_text(user + "\n")
            self.launch(
                number,
                "client",
                f"--to={ADDRESS}:{self.controller}",
                "--switch=lab",
                f"--user={user}",
                f"--password-file={password}",
                f"--device={device}",
                f"--fingerprint={fingerprint}",
            )

            async def there(device: str = device) -> bool:
                return os.path.exists(f"/sys/class/net/{device}")

            await self.until(f"The TAP device {device}", there)
            run("ip", "netns", "add", name)
            self.namespaces.append(name)
            run("ip", "link", "set", device, "netns", name)
            run("ip", "-n", name, "addr", "add", f"10.89.0.{number}/24", "dev", device)
            run("ip", "-n", name, "link", "set", device, "up")

        async def answers() -> bool:
            ping = ["ip", "netns", "exec", self.namespaces[0], "ping", "-c1", "-W1", "10.89.0.2"]
            done = await deferToThread(subprocess.run, ping, capture_output=True, timeout=10)
            return bool(done.returncode == 0)

        await self.until("An answer through the TAP devices", answers)
        say("  lab: two network namespaces ping each other through TAP devices.")

    # -- the end

    async def disconnect(self) -> None:
        """Stop the clients of this process."""
        for station in self.stations:
            await maybe(station.client.stopService())

    def stop(self) -> None:
        """Stop every process that was started, and remove what was made outside the folder."""
        running = [p for p in self.processes.values() if p.poll() is None]
        for process in running:
            process.terminate()
        end = time.monotonic() + 6.0
        for process in running:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for name in self.namespaces:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def explain(self) -> None:
        """Say how to administer the cluster that keeps running, and how to stop it."""
        command = Path(__file__).resolve().with_name("iquila")
        pids = " ".join(str(p.pid) for p in self.processes.values() if p.poll() is None)
        say("The cluster keeps running. Administer it with:")
        say(f"  {command} {ADDRESS}:{self.controller} --password-file {self.password_file} \\")
        say("      ClusterMemberList")
        say(f"Logs and data: {self.folder}")
        say("Stop it with:")
        say(f"  kill {pids} && rm -r {self.folder}")


async def maybe(result: Any) -> None:
    """Await what may be a Deferred."""
    if isinstance(result, Deferred):
        await result


def run(*arguments: str) -> None:
    """Run a command; fail with its words."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(arguments)}: {done.stderr.strip()}")


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((ADDRESS, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


async def main(reactor: Any, keep: bool) -> int:
    """Run the demonstration; return the exit status."""
    folder = Path(tempfile.mkdtemp(prefix="iquila-quickstart-"))
    quickstart = Quickstart(reactor, folder)
    reactor.addSystemEventTrigger("before", "shutdown", quickstart.stop) if not keep else None
    good = False
    try:
        await quickstart.start_cluster()
        await quickstart.create_switches()
        one, other = await quickstart.exchange_frames()
        await quickstart.use_taps()
        await quickstart.show_members()
        await quickstart.take_over(one, other)
        good = True
    except Failure as error:
        say(f"FAILED: {error}")
        say(f"Logs: {folder}")
    finally:
        await quickstart.disconnect()
        if not (keep and good):
            say("Stopping everything.")
            await deferToThread(quickstart.stop)
    if keep and good:
        quickstart.explain()
    elif good:
        shutil.rmtree(folder)
        say("Done.")
    return 0 if good else 1


def entry(reactor: Any) -> Deferred[None]:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="bin/quickstart",
        description="Runs a cluster of three iquila servers on this machine and shows it at work.",
    )
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    arguments = parser.parse_args()

    async def run() -> None:
        status = await main(reactor, arguments.keep)
        if status:
            raise SystemExit(status)

    return Deferred.fromCoroutine(run())


if __name__ == "__main__":
    react(entry)
