"""
Runs one mode: a server and two clients in one reactor, over loopback; prints one JSON object.

The environment (``IQUILA_TLS``, ``PURE_PYTHON``) decides which calls are used, and has to fit the
mode. Usually started by :func:`.modes.run_mode`.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater, react

from iquila.database.directory import DataDirectory
from iquila.database.records import AuthKind, Switch, SwitchKind, User
from iquila.database.store import put
from iquila.native import extension
from iquila.service.server import Server, Setup
from iquila.session.account import Account
from iquila.session.server import ServerSession
from iquila.session.tlscalls import CALLS
from iquila.session.tunnel import Tunnel
from iquila.session.verification import Pinned
from iquila.switch.switch import VirtualSwitch
from iquila.wire.passwords import user_hash
from iquila.wire.policy import Policy

from .frames import Pool, Sink, Source, flows
from .modes import MODES, RESETS, Mode
from .stations import BlockStation, FrameStation, Station

ADDRESS, SWITCH, USER = "127.0.0.1", "lab", "alice"
STATIONS = 4
"""MAC addresses behind each client."""
BATCH = 64 * 1024
WINDOW = 3 * 1024 * 1024
"""Bytes on their way in one direction; less than any queue drops at."""
STALL = 0.1
"""Seconds without an arrival after which what is on its way counts as lost."""
UNLEARN = 0.002
"""The probability that the switch forgets an address before a batch."""
CALM = 0.125
"""The share of the bytes that is sent first, while nothing is cut: there nothing may be lost."""
SMALL_BUFFER = 128 * 1024
SETTLE = 1.0
"""Seconds without an arrival after which nothing more is expected."""


@define(eq=False)
class Lab:
    """The running parts, and what is done to them."""

    reactor: Any
    random: Random
    resets: float = 0.0
    """The probability that a connection is cut before a batch."""
    sessions: tuple[Tunnel, ...] = ()
    switch: VirtualSwitch | None = None
    cuts: int = 0
    unlearned: int = 0
    shrink: bool = False
    """Whether sockets get small buffers, so that senders have to wait."""

    def disturb(self) -> None:
        """Cut a random connection, and let an address be forgotten, by chance."""
        if self.random.random() < self.resets:
            there = [s for s in self.sessions if s.connections]
            if there:
                self.random.choice(self.random.choice(there).connections).abort()
                self.cuts += 1
        assert self.switch is not None
        if self.random.random() < UNLEARN and self.switch.stations:
            entry = self.random.choice(self.switch.mac_table())
            self.unlearned += self.switch.delete_mac(entry.mac)

    def keep_small(self) -> None:
        """Give the sockets of new connections small buffers."""
        if not self.shrink:
            return
        for session in self.sessions:
            for connection in session.connections:
                skt: socket.socket = connection.transport.socket  # type: ignore[union-attr]
                skt.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
                skt.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)


@define(eq=False)
class Direction:
    """Frames from one client to the other."""

    lab: Lab
    sender: Station
    source: Source
    sink: Sink
    on_the_way: int = 0
    """Bytes sent that have not arrived, and are not known to be lost."""
    waits: int = 0
    """How often the sender had to wait because its connections were slow."""
    _arrived: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Watch the sink."""
        self.sink.progress = self._progress
        self._arrived = self.lab.reactor.seconds()

    def _progress(self, octets: int) -> None:
        self.on_the_way = max(0, self.on_the_way - octets)
        self._arrived = self.lab.reactor.seconds()

    @property
    def quiet(self) -> float:
        """Seconds since something arrived."""
        return float(self.lab.reactor.seconds() - self._arrived)

    async def send(self, octets: int) -> None:
        """Send frames of so many bytes, as fast as the session takes them."""
        lab, source = self.lab, self.source
        until = source.octets + octets
        while source.octets < until:
            lab.keep_small()
            if self.sender.congested or self.on_the_way > WINDOW:
                self.waits += self.sender.congested
                if lab.resets and self.quiet > STALL:
                    self.on_the_way = 0
                await deferLater(lab.reactor, 0.001)
                continue
            for _ in range(1 + int(lab.random.random() * 8)):
                lab.disturb()
                before = source.octets
                self.sender.send(source, BATCH)
                self.on_the_way += source.octets - before
            await deferLater(lab.reactor, 0)

    async def settle(self) -> None:
        """Wait for what is still on its way."""
        while self.sink.frames < self.source.frames and self.quiet < SETTLE:
            await deferLater(self.lab.reactor, 0.01)
        self.on_the_way = 0

    def counts(self) -> dict[str, Any]:
        """Return what was counted so far."""
        source, sink = self.source, self.sink
        return {
            "sent_frames": source.frames,
            "sent_bytes": source.octets,
            "frames": sink.frames,
            "bytes": sink.octets,
            "super_frames": sink.super_frames,
            "runs": sink.runs,
            "waits": self.waits,
            "wrong": sink.wrong,
            "late": sink.late,
        }


async def carry(
    lab: Lab, both: tuple[Direction, Direction], octets: int, resets: float
) -> dict[str, Any]:
    """Send so many bytes, first one way alone, then both ways at once; return what happened."""
    there, back = both
    before = [direction.counts() for direction in both]
    lab.resets, cuts, unlearned = resets, lab.cuts, lab.unlearned
    begin, cpu = time.monotonic(), time.process_time()
    await there.send(octets // 3)
    sending = [there.send(octets // 3), back.send(octets // 3)]
    await gatherResults([Deferred.fromCoroutine(each) for each in sending])
    for direction in both:
        await direction.settle()
    directions = []
    for direction, earlier in zip(both, before, strict=True):
        counts = {name: n - earlier[name] for name, n in direction.counts().items()}
        counts["delivered"] = counts["bytes"] / counts["sent_bytes"]
        directions.append({**counts, "errors": direction.sink.errors})
    return {
        "name": "cut" if resets else "calm",
        "probability": resets,
        "resets": lab.cuts - cuts,
        "unlearned": lab.unlearned - unlearned,
        "seconds": time.monotonic() - begin,
        "cpu_seconds": time.process_time() - cpu,
        "directions": directions,
    }


async def start_server(reactor: Any, folder: Path) -> Server:
    """Return a running server with a switch and a user, on a port of its own."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
    server = Server(reactor, DataDirectory(folder), Setup((port,)), ADDRESS)
    server.startService()
    await server.when_started()
    user = User(
        SWITCH,
        USER,
        AuthKind.PASSWORD,
        user_hash("secret", USER),
        # Frames to stations that are not learned are flooded, and must not be thinned out.
        policy=Policy(no_broadcast_limiter=True),
    )
    await server.core.system.transact([put(Switch(SWITCH, SwitchKind.STANDALONE)), put(user)])
    return server


def account(server: Server, connections: int) -> Account:
    """Return what a client logs in with."""
    return Account(
        ADDRESS,
        SWITCH,
        USER,
        Pinned(server.core.identity.fingerprint),
        port=server.core.ports()[0],
        password="secret",
        max_connections=connections,
        bridge=True,
    )


def make_directions(
    lab: Lab, mode: Mode, seed: int, accounts: Account
) -> tuple[Direction, Direction]:
    """Return both directions between two new clients."""
    pool = Pool(seed)
    macs = [[bytes((2, 0, 0, 0, side, number)) for number in range(STATIONS)] for side in (1, 2)]
    ways = flows(macs[0], macs[1]), flows(macs[1], macs[0])
    sources = [Source(pool, way, lab.random, mode.super_frames) for way in ways]
    sinks = [Sink(pool, way) for way in ways]
    one = BlockStation(lab.reactor, accounts, sinks[1], mode.super_frames)
    other: Station = (
        BlockStation(lab.reactor, accounts, sinks[0], True)
        if mode.super_frames
        else FrameStation(lab.reactor, accounts, sinks[0])
    )
    return Direction(lab, one, sources[0], sinks[0]), Direction(lab, other, sources[1], sinks[1])


async def until(reactor: Any, check: Any, what: str, seconds: float = 20.0) -> None:
    """
    Wait until something holds.

    :raises TimeoutError: it does not.
    """
    end = reactor.seconds() + seconds
    while not check():
        if reactor.seconds() > end:
            raise TimeoutError(what)
        await deferLater(reactor, 0.01)


async def connect(lab: Lab, server: Server, mode: Mode, both: tuple[Direction, ...]) -> None:
    """Open both sessions with all their connections, and fill in what the lab disturbs."""
    stations = [direction.sender for direction in both]
    for station in stations:
        station.client.startService()
        await station.client.when_connected(fail_after=1)
    here: list[Any] = [station.client.session for station in stations]
    there: list[ServerSession] = server.core.sessions.of_switch(SWITCH)
    lab.sessions = (*here, *there)
    lab.switch = there[0].switch
    await until(
        lab.reactor,
        lambda: all(len(s.connections) == mode.connections for s in lab.sessions),
        "all connections",
    )
    if mode.super_frames:
        await until(lab.reactor, lambda: all(s.offload for s in stations), "super-frames")


async def main(reactor: Any, options: argparse.Namespace, result: dict[str, Any]) -> None:
    """Run the mode and fill in its result."""
    (mode,) = [mode for mode in MODES if mode.name == options.mode]
    random = Random(f"{mode.name} {options.seed}")
    lab = Lab(reactor, random, shrink=random.random() < 0.5)
    reactor.callLater(options.seconds, reactor.stop)
    with tempfile.TemporaryDirectory() as folder:
        server = await start_server(reactor, Path(folder))
        both = make_directions(lab, mode, options.seed, account(server, mode.connections))
        await connect(lab, server, mode, both)
        calm = int(options.bytes * CALM)
        parts = [await carry(lab, both, calm, 0.0)]
        if options.resets:
            parts.append(await carry(lab, both, options.bytes - calm, options.resets))
        result.update(
            mode=mode.name,
            seed=options.seed,
            tls=CALLS.name,
            native=extension is not None,
            small_buffers=lab.shrink,
            sessions=[direction.sender.sessions for direction in both],
            connections_made=[s.connections_made for s in lab.sessions],
            nowhere=[s.nowhere.frames for s in lab.sessions],
            parts=parts,
        )
        for direction in both:
            await direction.sender.client.stopService()
        await server.stopService()


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.integrity.run", description=__doc__)
    parser.add_argument("mode", choices=[mode.name for mode in MODES])
    parser.add_argument("--bytes", type=int, required=True, help="to send, both ways together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resets", type=float, default=RESETS, help="probability for each batch")
    parser.add_argument("--seconds", type=float, default=600.0, help="time to give up after")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    told: dict[str, Any] = {}
    given = parse(sys.argv[1:])
    try:
        react(lambda reactor: Deferred.fromCoroutine(main(reactor, given, told)))
    except SystemExit as end:
        if end.code or not told:
            sys.exit(end.code or f"no end within {given.seconds:g} s")
        print(json.dumps(told))
