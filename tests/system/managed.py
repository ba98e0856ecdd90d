"""iquila's managed VEN client on a host of its own, and the command that administers it."""

from __future__ import annotations

import sys
from pathlib import Path

from attrs import define, field

from .cluster import TWISTD
from .network import Host
from .processes import CommandFailed, Process, eventually
from .softether import CONNECTED, table

PROGRAM = (sys.executable, "-m", "iquila.command", "--client")


@define
class ManagedClient:
    """``twistd iquila-client --directory``."""

    host: Host
    directory: Path
    """Where it keeps everything; short, for the path of its socket."""
    process: Process | None = field(init=False, default=None)

    def start(self) -> None:
        """Start it, and return when it takes commands."""
        self.process = self.host.start(
            "iquila-client", [*TWISTD, "iquila-client", f"--directory={self.directory}"]
        )
        eventually(lambda: self.command("VersionGet"), f"{self.host.name}: an answer")

    def stop(self) -> int:
        """End it in order, and return its exit status."""
        assert self.process is not None
        return self.process.terminate(timeout=10.0)

    def kill(self) -> None:
        """End it at once."""
        assert self.process is not None
        self.process.kill()

    def command(self, *arguments: str) -> str:
        """
        Give it a command, and return the answer.

        :raises CommandFailed: it was refused.
        """
        socket = f"--socket={self.directory / 'control'}"
        return self.host.run([*PROGRAM, socket, *arguments])

    def add_account(
        self, account: str, server: str, switch: str, user: str, password: str, adapter: str
    ) -> None:
        """Make an account that takes any certificate of its server."""
        self.command(
            "AccountCreate",
            account,
            *(f"/SERVER:{server}", f"/HUB:{switch}", f"/USERNAME:{user}", f"/NICNAME:{adapter}"),
        )
        self.command("AccountPasswordSet", account, f"/PASSWORD:{password}", "/TYPE:standard")
        self.command("AccountServerCertDisable", account)

    def status(self, account: str) -> dict[str, str]:
        """Return the rows of AccountStatusGet; empty while the account is not connected."""
        try:
            return table(self.command("AccountStatusGet", account))
        except CommandFailed as error:
            if "Error 37" in str(error):
                return {}
            raise

    def wait_connected(self, account: str, *, timeout: float = 30.0) -> dict[str, str]:
        """Return the status rows when there is a session."""
        found: dict[str, str] = {}

        def connected() -> bool:
            found.update(self.status(account))
            return found.get("Session Status") == CONNECTED

        eventually(connected, f"{self.host.name}: the session of {account}", timeout=timeout)
        return found
