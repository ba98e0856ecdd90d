"""
Making a session on this server for a client that was let in: the limits of reference §3.6
(rules 7 and 8), names, keys.

Who may come in is decided before, by the role and :mod:`iquila.session.authentication`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from iquila.database.store import Database
from iquila.errors import ServerCannotAccept, SwitchFull, SwitchNotFound
from iquila.service.bounds import check_numbers
from iquila.service.instances import Instance
from iquila.session.gate import Peer
from iquila.session.server import ServerSession, SessionFacts
from iquila.session.table import SessionTable
from iquila.wire.blocks import MAX_CONNECTIONS
from iquila.wire.login import Login
from iquila.wire.policy import Policy

MIN_TIMEOUT, MAX_TIMEOUT = 5_000, 60_000
"""Milliseconds, reference §3.6 rule 8."""


class Admission:
    """
    Makes the sessions of one server.

    :param system: where the switches' own limits are.
    :param ended: called with each session that is over.
    """

    def __init__(
        self,
        clock: Any,
        sessions: SessionTable,
        system: Database,
        max_sessions: Callable[[], int],
        ended: Callable[[ServerSession], None],
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._system = system
        self._max_sessions = max_sessions
        self._ended = ended
        self.accepting = True
        """False while the server is shutting down."""

    def admit(
        self,
        instance: Instance | None,
        login: Login,
        peer: Peer,
        *,
        user: str,
        session_name: str,
        policy: Policy,
        group: str = "",
        real_name: str = "",
        unlimited: bool = False,
    ) -> ServerSession:
        """
        Make a session.

        :param unlimited: the switch's own limit does not count (its administrator).
        :raises SwitchNotFound: the switch does not run here.
        :raises SwitchFull: the switch or the server has as many sessions as it may.
        :raises ServerCannotAccept: the server is stopping.
        """
        if not self.accepting:
            raise ServerCannotAccept
        if instance is None:
            raise SwitchNotFound
        self._check_limits(instance, unlimited, login.is_bridge)
        half = login.options.half_connection
        wanted = min(login.options.max_connection, policy.max_connection or MAX_CONNECTIONS)
        session = ServerSession(
            self._clock,
            self._sessions.flusher,
            SessionFacts(
                name=session_name,
                connection_name=peer.connection,
                key=os.urandom(20),
                switch=instance.name,
                user=user.lower(),
                policy=policy,
                address=peer.address,
                port=peer.port,
                client=login.client,
                node=login.node,
                created=int(time.time() * 1000),
                max_connections=max(2 if half else 1, min(wanted, MAX_CONNECTIONS)),
                half_duplex=half,
                bridge=login.is_bridge,
                monitor=login.options.monitor_mode,
                timeout=min(max(policy.time_out * 1000, MIN_TIMEOUT), MAX_TIMEOUT),
                group=group,
                real_name=real_name,
                unique_id=login.options.unique_id,
                tls_version=peer.tls_version,
                cipher=peer.cipher,
                iquila=login.iquila,
                # A monitor gets copies of what others send: ordinary frames always.
                super_frames=login.super_frames and not login.options.monitor_mode,
                message=instance.record.message,
            ),
            instance.switch,
            self._over,
        )
        self._sessions.add(session)
        return session

    def _check_limits(self, instance: Instance, unlimited: bool, bridge: bool) -> None:
        limit = instance.record.max_sessions
        count = self._sessions.count(instance.name)
        if not unlimited and limit and count >= limit:
            raise SwitchFull
        check_numbers(self._system, instance.name, count, instance.switch.bridges, bridge)
        if len(self._sessions) >= self._max_sessions():
            raise SwitchFull("The server has as many sessions as it may: try again later.")

    def _over(self, session: ServerSession) -> None:
        self._sessions.discard(session)
        self._ended(session)
