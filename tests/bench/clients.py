"""
Many logins at a time in one process: each goes as far as it can without waiting, then the next.

What becomes of the sessions is the caller's: :mod:`.burst` closes them, others keep them.
"""

from __future__ import annotations

import select
import time
from collections import Counter
from collections.abc import Callable

from attrs import define, field

from .handshake import FAILURES, Account, Session, Steps
from .tls import Address, Channel

LOGIN_SECONDS = 20
"""Time for one login; a longer one is an error."""
_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET


@define
class _Login:
    """One login that is under way."""

    steps: Steps[Session]
    begin: float
    channel: Channel | None = None
    """What it waits for."""


@define
class Clients:
    """
    So many clients that log in, one login after the other each.

    :param parallel: how many.
    :param more: asked before each login; False ends the client.
    :param opened: takes each open session, and how many seconds its login took.
    """

    account: Account
    server: Address
    parallel: int
    more: Callable[[], bool]
    opened: Callable[[Session, float], object]
    errors: Counter[str] = field(factory=Counter)
    """Why logins failed."""
    _poll: select.epoll = field(init=False, factory=select.epoll)
    _waiting: dict[int, _Login] = field(init=False, factory=dict)
    """By the file descriptor of the channel that each waits for."""

    def run(self) -> None:
        """Log in until there is no more to do."""
        with self._poll:
            for _ in range(self.parallel):
                self._next()
            swept = time.monotonic()
            while self._waiting:
                for fd, _event in self._poll.poll(1.0):
                    if not self._advance(self._waiting[fd]):
                        self._next()
                if time.monotonic() - swept > 1.0:
                    swept = time.monotonic()
                    self._sweep(swept - LOGIN_SECONDS)

    def _next(self) -> None:
        """Begin a login; another one if it is over at once."""
        while self.more():
            if self._advance(_Login(self.account.login(self.server), time.monotonic())):
                return

    def _advance(self, login: _Login) -> bool:
        """Take a login as far as it goes; return whether it waits for something."""
        before = login.channel
        try:
            login.channel = channel = next(login.steps)
        except StopIteration as stop:
            self._forget(before)
            self.opened(stop.value, time.monotonic() - login.begin)
            return False
        except FAILURES as error:
            self._forget(before)
            self.errors[f"{type(error).__name__}: {error}"[:100]] += 1
            return False
        if channel is not before:
            # The one before is closed: it has left the poll, and its number may be in use again.
            if before is not None:
                self._waiting.pop(before.fd, None)
            self._waiting[channel.fd] = login
            self._poll.register(channel.fd, _EVENTS)
        return True

    def _forget(self, channel: Channel | None) -> None:
        if channel is not None:
            self._waiting.pop(channel.fd)
            if channel.open:
                self._poll.unregister(channel.fd)

    def _sweep(self, oldest: float) -> None:
        """Give up logins that began too long ago."""
        for login in [login for login in self._waiting.values() if login.begin < oldest]:
            self._forget(login.channel)
            login.steps.close()
            self.errors[f"no end within {LOGIN_SECONDS} s"] += 1
            self._next()


def log_in(account: Account, server: Address, count: int, parallel: int = 16) -> list[Session]:
    """
    Return so many open sessions.

    :raises ConnectionError: not all could be opened; the others are closed.
    """
    sessions: list[Session] = []
    left = iter(range(count))
    clients = Clients(
        account,
        server,
        parallel,
        lambda: next(left, None) is not None,
        lambda session, _: sessions.append(session),
    )
    clients.run()
    if len(sessions) != count:
        for session in sessions:
            session.channel.close()
        raise ConnectionError(f"{len(sessions)} of {count} sessions: {dict(clients.errors)}")
    return sessions
