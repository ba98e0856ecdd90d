"""
A script of vpncmd commands, and what is printed: by a cluster of ours, and by SoftEther's.

``python -m tests.system.vpncmd record`` runs the script against SoftEther's own cluster and writes
``vpncmd_recorded.json``; ``compare`` runs both and prints where they differ.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import frozen

from .cluster import PASSWORD, PORT, Cluster
from .network import Host, Network
from .ping import ping
from .processes import eventually
from .softether import Administrator, SoftEtherClient, SoftEtherServer

SCRIPT = Path(__file__).with_name("vpncmd_script.txt")
RECORDED = Path(__file__).with_name("vpncmd_recorded.json")
SECONDS = 40.0
"""The most that one command may take."""
LONG = 64
"""Characters from which on a cell is a sentence: each system words its own."""
ENVIRONMENT = frozenset(
    (
        *("Product Name", "Version", "Build", "Product Name of Operating System"),
        *("Operating System Vendor", "Operating System Version", "Version of OS Kernel"),
        *("Type of OS Kernel", "Number of TCP Connections", "Connection Source"),
        *("Number of Active Sockets", "Number of Active Sockets (This Server)"),
        *("Number of Connection Attempts", "Number of Failed Connections"),
        *("Transfer Bytes", "Transfer Packets", "Session Key (160 bit)", "Connection Name"),
        *("Server Product Name", "Encryption", "Outgoing Data Size", "Incoming Data Size"),
        *("Client Port (Reported)", "Server Host Name (Reported)", "MAC Address", "MAC Tables"),
        *(
            f"{way} {kind} {what}"
            for way in ("Outgoing", "Incoming")
            for kind in ("Unicast", "Broadcast")
            for what in ("Packets", "Total Size")
        ),
    )
)
"""Labels whose values tell of the program and the machine, not of what was asked."""
_CONNECTION = re.compile(r"\bCID-\d+\b")
_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\d( \(\w+\))?( \d\d:\d\d:\d\d(\.\d+)?)?"), "<time>"),
    (re.compile(r"\b\d{1,3}(,\d{3})+ bytes"), "<size>"),
    (re.compile(r"\b[0-9A-F]{40}\b"), "<key>"),
    (re.compile(r"\b\d{6,}\b"), "<number>"),
    (re.compile(r"\b(443|5555)\b"), "<port>"),
    (re.compile(r"\b(10\.77\.0\.\d+|127\.0\.0\.1)\b"), "<address>"),
)


@frozen
class Answer:
    """
    What one command gave.

    :ivar code: the exit status, which is the number of the error modulo 256; 0 for success.
    :ivar rows: the cells of each line of its tables, with what differs each time masked.
    """

    code: int
    rows: tuple[tuple[str, ...], ...]

    def differs_from(self, other: Answer) -> str:
        """Return in what this differs from another answer: its number, labels, or values."""
        if self.code != other.code:
            return f"error {self.code}, not {other.code}"
        missing = [label for label in other.labels if label not in self.labels]
        extra = [label for label in self.labels if label not in other.labels]
        if missing or extra:
            return f"missing: {missing}; more: {extra}"
        if self.labels != other.labels:
            return "another order or number of rows"
        rows = zip(self._compared(), other._compared(), strict=False)
        return "; ".join(f"{' | '.join(a)}, not {' | '.join(b)}" for a, b in rows if a != b)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the rows, or of the columns where the table is a grid."""
        if self.rows and self.rows[0] != ("Item", "Value"):
            return self.rows[0]
        return tuple(row[0] for row in self.rows)

    def _compared(self) -> list[tuple[str, ...]]:
        if not self.rows:
            return []
        columns = [i for i, label in enumerate(self.rows[0]) if label not in ENVIRONMENT]
        kept = [row for row in self.rows if row[0] not in ENVIRONMENT]
        # How many connections came before is not the answer's matter.
        return [
            tuple(_CONNECTION.sub("<connection>", row[i]) for i in columns if i < len(row))
            for row in kept
        ]


def script() -> Iterator[str]:
    """Return the lines of the script: commands with where they run."""
    for line in SCRIPT.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def parsed(code: int, output: str) -> Answer:
    """Return the answer in what vpncmd printed."""
    rows = []
    for line in output.splitlines():
        if "|" not in line or set(line) <= set("-+ "):
            continue
        for mask, name in _MASKS:
            line = mask.sub(name, line)
        cells = (cell.strip() for cell in line.split("|"))
        rows.append(tuple("<sentence>" if len(cell) > LONG else cell for cell in cells))
    return Answer(code, tuple(rows))


def run_script(
    tool: Host,
    station: SoftEtherClient,
    controller: str,
    member: str,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Answer]:
    """
    Run the whole script from a host.

    :param station: what opens a session when the script says ``cli``.
    :param controller: ``ADDRESS:PORT``, as `member`.
    :returns: the answers by command; the first where one is given twice is ``COMMAND``, the
        second ``COMMAND #2``.
    """
    folder = tool.scratch / "files"
    folder.mkdir()
    places = {
        "ctl": Administrator(tool, controller, PASSWORD),
        "mem": Administrator(tool, member, PASSWORD),
    }
    key = _member_key(places["ctl"])
    answers: dict[str, Answer] = {}
    for line in script():
        place, _, command = line.partition(" ")
        if place == "cli":
            words = command.split()
            if words[0] == "end":
                station.command("AccountDisconnect", words[1])
            else:
                _connect(station, controller, *words)
            continue
        name, _, switch = place.partition("/")
        words = shlex.split(command.format(member=key))
        name_of_line, number = line, 1
        while name_of_line in answers:
            number += 1
            name_of_line = f"{line} #{number}"
        answers[name_of_line] = _run(places[name], words, switch, folder)
        progress(name_of_line)
    return answers


def _connect(station: SoftEtherClient, server: str, switch: str, user: str, password: str) -> None:
    """Open a session that sends frames."""
    station.start()
    station.add_account(user, server, switch, user, password)
    station.connect(user, "10.99.0.1/24")
    ping(station.host, "10.99.0.2", count=15)


def _run(place: Administrator, words: list[str], switch: str, folder: Path) -> Answer:
    done = subprocess.run(
        place.host.inside(place.arguments(*words, switch=switch)),
        cwd=folder,  # vpncmd takes a path that begins with a slash for the name of a parameter
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    return parsed(done.returncode, done.stdout)


def _member_key(controller: Administrator) -> str:
    rows = parsed(0, controller.command("ClusterMemberList")).rows
    # Ids have more digits than the mask leaves: look at what was printed.
    assert any(row[1] == "Member" for row in rows)
    printed = controller.command("ClusterMemberList", options=("/CSV",))
    return next(line.split(",")[0] for line in printed.splitlines() if ",Member," in line)


# -- the two clusters


def ours(network: Network) -> tuple[str, str]:
    """Start a controller and a member; return their addresses."""
    cluster = Cluster(network)
    cluster.start(1)
    for port in (443, 992, 1194):  # where SoftEther's server listens by default
        cluster.controller.call("CreateListener", Port_u32=port, Enable_bool=True)
    return f"10.77.0.1:{PORT}", f"10.77.0.2:{PORT}"


def theirs(network: Network) -> tuple[str, str]:
    """Start SoftEther's controller and a member; return their addresses."""
    servers = [SoftEtherServer(network.add(n, k)) for n, k in (("controller", 1), ("member1", 2))]
    for server in servers:
        server.start()
        server.command("ServerPasswordSet", PASSWORD)
    secret = (f"/PASSWORD:{PASSWORD}",)
    servers[0].command("HubDelete", "DEFAULT", options=secret)
    servers[0].command("ClusterSettingController", "/WEIGHT:100", "/ONLY:yes", options=secret)
    eventually(lambda: servers[0].command("About", options=secret), "the controller")
    join = ("10.77.0.1:443", "/IP:none", "/PORTS:443", f"/PASSWORD:{PASSWORD}", "/WEIGHT:100")
    servers[1].command("ClusterSettingMember", *join, options=secret)

    def joined() -> bool:
        listed = servers[0].command("ClusterMemberList", options=(*secret, "/CSV"))
        return ",Member," in listed

    eventually(joined, "the member in the cluster", timeout=60.0)
    return "10.77.0.1:443", "10.77.0.2:443"


def answers_of(
    start: Callable[[Network], tuple[str, str]], folder: Path, progress: Callable[[str], None]
) -> dict[str, Answer]:
    """Run the script against a cluster that is made for it and removed."""
    network = Network(folder.resolve())
    try:
        controller, member = start(network)
        station = SoftEtherClient(network.add("station", 41))
        return run_script(network.add("desk", 40), station, controller, member, progress)
    finally:
        network.close()


def recorded() -> dict[str, Answer]:
    """Return what SoftEther's cluster answered."""
    content = json.loads(RECORDED.read_text(encoding="utf-8"))
    return {
        line: Answer(code, tuple(tuple(row) for row in rows))
        for line, (code, rows) in content.items()
    }


def _record(answers: dict[str, Answer]) -> None:
    lines = [
        f"  {json.dumps(line)}: {json.dumps([answer.code, answer.rows], ensure_ascii=False)}"
        for line, answer in answers.items()
    ]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _main(what: str) -> None:
    def progress(line: str) -> None:
        print(line, file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        if what == "record":
            _record(answers_of(theirs, Path(folder) / "theirs", progress))
            return
        own = answers_of(ours, Path(folder) / "ours", progress)
    for line, wanted in recorded().items():
        if difference := own[line].differs_from(wanted):
            print(f"{line}\n  {difference}")


if __name__ == "__main__":
    _main(sys.argv[1])
