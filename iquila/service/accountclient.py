"""One connection setting of a VEN client at work: its session, its counters, when it gives up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_der_private_key

from iquila.admin.client.managed import AccountStatus, SessionStatus
from iquila.database.client import FOR_EVER, AccountRecord, ClientAuth
from iquila.device.tap import TAPDevice
from iquila.errors import IquilaError, ServerCertificateUntrusted
from iquila.service.client import DeviceClient
from iquila.session.account import Account, RetryPolicy
from iquila.session.certificate import fingerprint
from iquila.session.client import ClientSession
from iquila.session.usercertificate import ClientCertificate
from iquila.session.verification import Authorities, Pinned, Unverified, Verification
from iquila.switch.port import Traffic
from iquila.wire.blocks import Run
from iquila.wire.scan import HEADER, MACS, scan
from iquila.wire.welcome import Welcome

SIZE_WORD = 4


def verification(record: AccountRecord) -> Verification:
    """Return how the server is checked."""
    if not record.check_server:
        return Unverified()
    if record.server_certificate:
        return Pinned(fingerprint(record.server_certificate))
    return Authorities()


def session_account(record: AccountRecord) -> Account:
    """Return a connection setting as sessions know it."""
    return Account(
        record.host,
        record.switch,
        record.user,
        verification(record),
        port=record.port,
        max_connections=record.max_connections,
        half_duplex=record.half_duplex,
        bridge=record.bridge,
        monitor=record.monitor,
        password=record.password or None,
        password_hash=record.password_hash,
        plain_password=record.auth is ClientAuth.PLAIN_PASSWORD,
        certificate=_certificate(record),
    )


def _certificate(record: AccountRecord) -> ClientCertificate | None:
    if record.auth is not ClientAuth.CERTIFICATE:
        return None
    key = load_der_private_key(record.key_data, None)
    assert isinstance(key, rsa.RSAPrivateKey)  # as was checked when it came
    return ClientCertificate(record.certificate, key)


def count_runs(traffic: Traffic, runs: list[Run]) -> None:
    """Add runs to a counter: frames, and their bytes without what stands before them."""
    for start, end, count, key in runs:
        heads = SIZE_WORD + HEADER if len(key) > MACS else SIZE_WORD
        size = end - start - heads * count
        if key[0] & 1:
            traffic.broadcast_frames += count
            traffic.broadcast_bytes += size
        else:
            traffic.unicast_frames += count
            traffic.unicast_bytes += size


class AccountClient(DeviceClient):
    """
    Connects as a connection setting says, until it is stopped or gives up.

    :param device: the network device of its adapter.
    :param ended: called, once and not at once, with the error after which it has given up.
    """

    def __init__(
        self,
        reactor: Any,
        record: AccountRecord,
        device: TAPDevice,
        ended: Callable[[AccountClient, IquilaError], object],
    ) -> None:
        policy = RetryPolicy(cap=float(record.retry_interval))
        super().__init__(reactor, session_account(record), device, policy, self._refused)
        self.record = record
        self.received, self.sent = Traffic(), Traffic()
        self._reactor = reactor
        self._ended = ended
        self._failures = 0
        self._giving_up: Any = None
        self._refusal = ""
        self._started = _now()
        self._first = self._current = self._sessions = 0

    def stopService(self) -> Any:
        """End the session, and try no more."""
        if self._giving_up is not None and self._giving_up.active():
            self._giving_up.cancel()
        return super().stopService()

    # -- what becomes of it

    def established(self, welcome: Welcome) -> None:
        """A session is open."""
        super().established(welcome)
        self._failures = 0
        self._refusal = ""
        self._sessions += 1
        self._current = _now()
        self._first = self._first or self._current

    def lost(self, reason: BaseException) -> None:
        """The session is over."""
        super().lost(reason)
        self._current = 0
        self._failed(reason if isinstance(reason, IquilaError) else IquilaError(str(reason)))

    def _refused(self, error: IquilaError) -> None:
        self._refusal = str(error)
        self._failed(error)

    def _failed(self, error: IquilaError) -> None:
        self._failures += 1
        untrusted = (
            isinstance(error, ServerCertificateUntrusted) and not self.record.retry_untrusted
        )
        tired = self.record.retries != FOR_EVER and self._failures > self.record.retries
        if self.running and self._giving_up is None and (untrusted or tired):
            # Not at once: we are inside the very service that is to stop.
            self._giving_up = self._reactor.callLater(0, self._ended, self, error)

    # -- frames, counted

    def send_blocks(self, buffer: bytearray, start: int, end: int, count: int) -> None:
        """Send the machine's frames."""
        if self.client.session is None:
            return
        runs: list[Run] = []
        scan(buffer, start, end, count, True, runs)
        count_runs(self.sent, runs)
        self.client.send_blocks(buffer, start, end, count)

    def blocks_received(self, buffer: bytearray, runs: list[Run]) -> None:
        """Give frames to this machine."""
        count_runs(self.received, runs)
        super().blocks_received(buffer, runs)

    # -- how it fares

    def status(self) -> AccountStatus:
        """Tell."""
        session = self.client.session
        return AccountStatus(
            self.record,
            self._started,
            self._first,
            self._current,
            self._sessions,
            None if session is None else session_status(session),
            self.received,
            self.sent,
            self._refusal,
        )


def session_status(session: ClientSession) -> SessionStatus:
    """Tell of a session at its client."""
    hello, welcome, connections = session.hello, session.welcome, session.connections
    return SessionStatus(
        host=session.server.host,
        port=session.server.port,
        product="" if hello is None else hello.product,
        version=0 if hello is None else hello.version,
        build=0 if hello is None else hello.build,
        name=welcome.session_name,
        connection=welcome.connection_name,
        key=welcome.session_key,
        vlan=welcome.vlan_id,
        half_duplex=welcome.half_connection,
        qos=welcome.qos,
        connections=len(connections),
        uploading=sum(c.sends for c in connections),
        downloading=sum(c.receives for c in connections),
        max_connections=session.max_connections,
        cipher=next((c.cipher for c in connections), ""),
    )


def _now() -> int:
    return int(time.time() * 1000)
