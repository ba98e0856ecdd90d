"""
RADIUS accounting of the sessions on this server (RFC 2866), and the end that RADIUS sets them.

Nothing here holds up a session: reports are sent beside, for a time, and then given up.
"""

from __future__ import annotations

import secrets
import time
from typing import Any, ClassVar

from attrs import define
from twisted.internet.defer import CancelledError, Deferred, DeferredList, TimeoutError
from twisted.logger import Logger

from iquila.cluster.tickets import RadiusSession
from iquila.database.belongings import RadiusServer
from iquila.database.store import Database
from iquila.errors import ConnectFailed, ServerCannotAccept
from iquila.service.radius import nas_name, servers_of
from iquila.session.radius import RadiusClient, Servers
from iquila.session.radiusquestion import Event, Report, Traffic
from iquila.session.server import EndCause, ServerSession

MAX_REPORTS = 4096
"""Reports that wait for their replies; more are lost."""
REPORT_SECONDS = 60.0
"""How long a report is tried."""
REPORT_RETRY = 2.0
CLOSE_SECONDS = 1.0
"""How long the last reports of a stopping server are waited for."""


@define(eq=False)
class _Account:
    """The account of one session."""

    id: str
    """Unique for ever: names of sessions begin anew when a server is made anew."""
    radius: RadiusSession
    began: float
    """Monotonic seconds, as are the others."""
    reported: float
    timer: Any = None


class Accounting:
    """
    The accounts of one role's sessions.

    :param system: the database of the role.
    :param host_name: the name of this machine.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, reactor: Any, system: Database, host_name: str) -> None:
        self._reactor = reactor
        self._system = system
        self._host_name = host_name
        self._client = RadiusClient(reactor, MAX_REPORTS)
        self._accounts: dict[ServerSession, _Account] = {}
        self._reports: set[Deferred[None]] = set()
        self._lost = 0

    def begin(self, session: ServerSession) -> None:
        """Begin the account of a session that a RADIUS server let in; others have none."""
        radius = session.facts.radius
        if radius is None:
            return
        now = float(self._reactor.seconds())
        id = f"{session.facts.name}-{secrets.token_hex(8)}"
        account = self._accounts[session] = _Account(id, radius, now, now)
        self._tell(session, account, Event.START)
        self._wait(session, account)

    def end(self, session: ServerSession) -> None:
        """Close the account of a session that is over."""
        account = self._accounts.pop(session, None)
        if account is not None:
            if account.timer.active():
                account.timer.cancel()
            self._tell(session, account, Event.STOP)

    # -- time

    def _wait(self, session: ServerSession, account: _Account) -> None:
        due = account.reported + account.radius.interim
        if account.radius.seconds:
            due = min(due, account.began + account.radius.seconds)
        seconds = max(0.0, due - self._reactor.seconds())
        account.timer = self._reactor.callLater(seconds, self._due, session, account)

    def _due(self, session: ServerSession, account: _Account) -> None:
        now = float(self._reactor.seconds())
        limit = account.radius.seconds
        if limit and now - account.began >= limit:
            self._log.info("The time of session {name} is over", name=session.facts.name)
            session.cause = EndCause.SESSION_TIMEOUT
            session.end()
            return
        account.reported = now
        self._tell(session, account, Event.INTERIM)
        self._wait(session, account)

    # -- reports

    def _tell(self, session: ServerSession, account: _Account, event: Event) -> None:
        """Send a report where the switch has a server for them."""
        facts = session.facts
        record = self._system.get(RadiusServer, facts.switch)
        if record is None or not record.accounting_port:
            return
        report = Report(
            event,
            account.id,
            account.radius.user,
            nas_name(self._system, facts.switch, self._host_name),
            str(facts.address),
            int(time.time()),
            int(self._reactor.seconds() - account.began),
            _traffic(session),
            account.radius.classes,
            int(session.cause),
        )
        servers = servers_of(record, record.accounting_port, REPORT_SECONDS)
        done = Deferred.fromCoroutine(self._send(report, servers))
        if not done.called:
            self._reports.add(done)
            done.addCallback(lambda _none: self._reports.discard(done))

    async def _send(self, report: Report, servers: Servers) -> None:
        retry = max(servers.retry, REPORT_RETRY)
        servers = Servers(servers.hosts, servers.port, servers.secret, retry, servers.timeout)
        try:
            await self._client.ask(report, servers)
        except (ServerCannotAccept, ConnectFailed, CancelledError) as error:
            self._lost += 1
            self._log.warn(
                "A RADIUS accounting report ({event}) of {session} is lost, {count} in all: {why}",
                event=report.event.name.lower(),
                session=report.session,
                count=self._lost,
                why=str(error) or "the server stops",
            )
        except Exception:
            self._log.failure("A RADIUS accounting report could not be sent")

    async def close(self) -> None:
        """Wait a little for the reports under way, and give up those that are not answered."""
        for account in self._accounts.values():
            account.timer.cancel()
        self._accounts.clear()
        under_way = list(self._reports)
        if under_way:
            waiting = DeferredList(under_way)
            waiting.addTimeout(CLOSE_SECONDS, self._reactor)
            try:
                await waiting
            except TimeoutError:
                self._log.debug("The last accounting reports are given up")
        await self._client.close()


def _traffic(session: ServerSession) -> Traffic:
    received, sent = session.port.received, session.port.sent
    return Traffic(
        received.unicast_bytes + received.broadcast_bytes,
        received.unicast_frames + received.broadcast_frames,
        sent.unicast_bytes + sent.broadcast_bytes,
        sent.unicast_frames + sent.broadcast_frames,
    )
