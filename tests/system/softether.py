"""
Debian's SoftEther client and server as peers in network namespaces.

Each daemon runs in the foreground from a copy of its program under a name of its own, with
private folders mounted over the three that Debian's build always uses. A daemon is two processes:
one that watches, and the one that works. Both are ended by their ids, never with the program's own
``stop``, which ends every process of that name on the machine.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from attrs import define, field

from .network import Host
from .processes import CommandFailed, Process, eventually
from .requirements import SOFTETHER_PROGRAMS, SOFTETHER_TEXTS

STATE_FOLDERS = (
    Path("/var/lib/softether"),
    Path("/var/log/softether"),
    Path("/run/softether"),
)
CONNECTED = "Connection Completed (Session Established)"
_ROW = re.compile(r"^(?P<key>[^|\n]+?)\s*\|(?P<value>.*?)\s*$", re.MULTILINE)


def table(text: str) -> dict[str, str]:
    """Return the rows ``Item |Value`` of an answer of vpncmd."""
    return {match["key"]: match["value"] for match in _ROW.finditer(text)}


def install(host: Host, programs: Path, kinds: tuple[str, ...]) -> None:
    """Give a host programs of its own, ``iquila-test-KIND``, and folders for their state."""
    if programs.exists():
        return
    programs.mkdir()
    shutil.copy(SOFTETHER_TEXTS, programs / SOFTETHER_TEXTS.name)
    for kind in kinds:
        source = SOFTETHER_PROGRAMS / f"vpn{kind}" / f"vpn{kind}"
        shutil.copy(source, programs / f"iquila-test-{kind}")
    for folder in STATE_FOLDERS:
        own = host.scratch / folder.parent.name
        own.mkdir()
        folder.mkdir(parents=True, exist_ok=True)  # a mount needs a place
        host.mounts[own.resolve()] = folder


@define
class Administrator:
    """Debian's vpncmd on a host, administering a server somewhere in the network."""

    host: Host
    server: str
    """``ADDRESS:PORT``."""
    password: str

    def __attrs_post_init__(self) -> None:
        install(self.host, self._programs, ("cmd",))

    @property
    def _programs(self) -> Path:
        return self.host.scratch / "programs"

    def command(self, *words: str, switch: str = "", options: tuple[str, ...] = ()) -> str:
        """
        Run one command and return what is printed.

        :param switch: begin at this Virtual Switch.
        :raises CommandFailed: it was refused; the text holds its number and reason.
        """
        return self.host.run(self.arguments(*words, switch=switch, options=options), timeout=40.0)

    def arguments(self, *words: str, switch: str = "", options: tuple[str, ...] = ()) -> list[str]:
        """Return the command line for :meth:`command`."""
        chosen = (f"/ADMINHUB:{switch}",) if switch else ()
        program = (str(self._programs / "iquila-test-cmd"), self.server, "/SERVER")
        return [*program, f"/PASSWORD:{self.password}", *chosen, *options, "/CMD", *words]


@define
class Daemon:
    """One SoftEther daemon on a host of its own; `kind` is ``client`` or ``server``."""

    kind: str
    host: Host
    process: Process | None = field(init=False, default=None)

    @property
    def _programs(self) -> Path:
        return self.host.scratch / "programs"

    def start(self, *, timeout: float = 30.0) -> None:
        """Start it and return when it takes commands."""
        self._install()
        self.process = self.host.start(
            f"vpn{self.kind}", [str(self._programs / f"iquila-test-{self.kind}"), "execsvc"]
        )
        eventually(lambda: self.command("About"), f"{self.host.name}: answer", timeout=timeout)

    def _install(self) -> None:
        install(self.host, self._programs, (self.kind, "cmd"))

    def command(self, *arguments: str, options: tuple[str, ...] = ()) -> str:
        """
        Give the daemon a command through vpncmd and return the answer.

        :raises CommandFailed: the daemon refused it; the text holds its number and reason.
        """
        target = "localhost" if self.kind == "client" else "localhost:443"
        program = str(self._programs / "iquila-test-cmd")
        return self.host.run(
            [program, target, f"/{self.kind.upper()}", *options, "/CMD", *arguments], timeout=40.0
        )

    def script(self, file: Path) -> str:
        """
        Give the daemon the commands of a file through one vpncmd, and return the answers.

        :raises CommandFailed: the daemon refused one; it did none of those after it.
        """
        target = "localhost" if self.kind == "client" else "localhost:443"
        program = str(self._programs / "iquila-test-cmd")
        return self.host.run(
            [program, target, f"/{self.kind.upper()}", f"/IN:{file}"], timeout=120.0
        )

    def stop(self) -> None:
        """End it in order: sessions are closed."""
        if self.process is not None:
            self.process.terminate(timeout=20.0)

    def kill(self) -> None:
        """End it at once, the watching process first."""
        if self.process is not None:
            self.process.kill()


@define
class SoftEtherServer(Daemon):
    """Debian's server, standalone; only to prove these tools against a known peer."""

    kind: str = field(init=False, default="server")

    def add_switch(self, switch: str, user: str, password: str) -> None:
        """Create a hub with one user."""
        self.command("HubCreate", switch, "/PASSWORD:")
        inside = (f"/ADMINHUB:{switch}",)
        self.command("UserCreate", user, "/GROUP:", "/REALNAME:", "/NOTE:", options=inside)
        self.command("UserPasswordSet", user, f"/PASSWORD:{password}", options=inside)


@define
class SoftEtherClient(Daemon):
    """Debian's client. An account has a network adapter of its name: ``vpn_ACCOUNT``."""

    kind: str = field(init=False, default="client")

    def add_account(
        self,
        account: str,
        server: str,
        switch: str,
        user: str,
        password: str,
        *,
        connections: int = 1,
        retry: int = 5,
        kind: str = "standard",
    ) -> None:
        """
        Make an account and its network adapter.

        :param account: letters and digits, at most 11: it names a network device.
        :param server: ``ADDRESS:PORT``.
        :param connections: TCP connections of the session, 1..32.
        :param retry: seconds between attempts, 5..300; the client tries for ever.
        :param kind: ``radius`` to send the password itself.
        """
        self.command("NicCreate", account)
        self.command(
            "AccountCreate",
            account,
            f"/SERVER:{server}",
            f"/HUB:{switch}",
            f"/USERNAME:{user}",
            f"/NICNAME:{account}",
        )
        self.command("AccountPasswordSet", account, f"/PASSWORD:{password}", f"/TYPE:{kind}")
        self.command(
            "AccountDetailSet",
            account,
            f"/MAXTCP:{connections}",
            *("/INTERVAL:1", "/TTL:0", "/HALF:no", "/BRIDGE:no", "/MONITOR:no"),
            *("/NOTRACK:yes", "/NOQOS:yes", "/DISABLEUDP:yes"),
        )
        self.command("AccountRetrySet", account, "/NUM:999", f"/INTERVAL:{retry}")

    def set_certificate(self, account: str, certificate: bytes, key: bytes) -> None:
        """Have an account log in with a certificate and its key, both PEM."""
        files = {"CERT": certificate, "KEY": key}
        for name, content in files.items():
            (self.host.scratch / f"{account}-{name}").write_bytes(content)
        paths = [f"/LOAD{name}:{self.host.scratch / f'{account}-{name}'}" for name in files]
        self.command("AccountCertSet", account, *paths)

    def set_plain_password(self, account: str, password: str) -> None:
        """Have an account send its password itself, as RADIUS needs it."""
        self.command("AccountPasswordSet", account, f"/PASSWORD:{password}", "/TYPE:radius")

    def refusals(self) -> list[int]:
        """Return the numbers of the errors in the client's own log, in order."""
        logs = sorted((self.host.scratch / "log").rglob("*.log"))
        texts = [log.read_text(encoding="utf-8", errors="replace") for log in logs]
        return [int(number) for number in re.findall(r"\(code (\d+)\)", "".join(texts))]

    def connect(self, account: str, address: str | None = None, *, timeout: float = 30.0) -> None:
        """
        Connect, give the adapter an overlay address (``ADDRESS/BITS``), wait for the session.

        :raises NeverHappened: there is no session within `timeout` seconds.
        """
        self.command("AccountConnect", account)
        if address is not None:
            self.host.ip("addr", "replace", address, "dev", f"vpn_{account}")
            self.host.ip("link", "set", f"vpn_{account}", "up")
        self.wait_connected(account, timeout=timeout)

    def disconnect(self, account: str) -> None:
        """Close the session of an account."""
        self.command("AccountDisconnect", account)

    def status(self, account: str) -> dict[str, str]:
        """Return the status rows of an account's session; empty while it is not connected."""
        try:
            return table(self.command("AccountStatusGet", account))
        except CommandFailed as error:
            if "Error code: 37" in str(error):  # "not connected"
                return {}
            raise

    def wait_connected(self, account: str, *, timeout: float = 30.0) -> None:
        """Return when the session of an account is up."""
        eventually(
            lambda: self.status(account).get("Session Status") == CONNECTED,
            f"{self.host.name}: the session of {account}",
            timeout=timeout,
        )

    def wait_disconnected(self, account: str, *, timeout: float = 30.0) -> None:
        """Return when the account has no session and does not try for one."""
        eventually(
            lambda: not self.status(account),
            f"{self.host.name}: the end of the session of {account}",
            timeout=timeout,
        )
