"""The bounded pool of Data API sessions: who holds a token, when it is renewed, that it is given back."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import requests

from nexus_import.errors import FileMakerError, FileMakerUnavailable
from nexus_import.filemaker.account import Account
from nexus_import.filemaker.answers import FULL_CODES
from nexus_import.filemaker.redaction import Secret
from nexus_import.filemaker.transport import HeaderAuth, Transport

CLOSE_WAIT_SECONDS = 5.0
"""For a log-in that is under way when the pool is closed: a task that is being killed has seconds."""
FULL_PAUSE_SECONDS = 60.0
"""A place for which the server had no room is tried again after that long."""

_log = logging.getLogger(__name__)


class Session:
    """One place of the pool: a connection and, once logged in, its token; used by one thread at a time.

    `last_used_seconds` is when the server last answered a request with the token, by the pool's clock.
    """

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.token: Secret | None = None
        self.last_used_seconds = 0.0

    def __repr__(self) -> str:
        """Say whether it is logged in, never the token."""
        return f"<Session logged_in={self.token is not None}>"


class SessionPool:
    """At most `size` sessions of one account, logged in when first needed.

    A token is serial on the server, so it is lent to one thread at a time. Log-ins happen one after the other.
    When the server has no room for one more session, the pool makes do with those it has for a while. `close`
    takes no lock of its own: a signal handler may call it at any moment.
    """

    def __init__(
        self,
        transport: Transport,
        account: Account,
        *,
        size: int,
        idle_refresh_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self.account = account
        self._idle_refresh_seconds = idle_refresh_seconds
        self._clock = clock
        self._free: queue.LifoQueue[Session] = queue.LifoQueue()  # last in, first out: prefer a logged-in one
        self._places = [Session(transport.new_http()) for _ in range(size)]
        for session in self._places:
            self._free.put(session)
        self._refused: deque[tuple[float, Session]] = deque()  # when the server had no room, and for which place
        self._login_lock = threading.Lock()
        self._is_closed = False
        self._owner_pid = os.getpid()
        atexit.register(self._close_at_exit)  # a strong reference: sessions of a client that nobody holds end here too

    def __repr__(self) -> str:
        """Say how many sessions are open, never a token or the password."""
        return f"<SessionPool open={self.open_count}>"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: sessions belong to one process."""
        raise TypeError("A FileMaker client cannot be pickled: open it in the task and process that uses it.")

    @property
    def credentials(self) -> HeaderAuth:
        """The account, for the few calls that know no session."""
        return self.account.credentials

    @property
    def open_count(self) -> int:
        """How many sessions the server holds open for this pool."""
        return len(self.account.open_tokens)

    @contextmanager
    def lend(self) -> Iterator[Session]:
        """Lend a logged-in session to the calling thread; waits while all are in use. Raises as `log_in` does."""
        session = self._take()
        try:
            yield session
        except BaseException:
            # Whatever was being sent may still be on the connection; the next request starts on a clean one.
            session.http.close()
            session.http = self._transport.new_http()
            raise
        finally:
            self._free.put(session)

    def log_in(self, session: Session) -> Secret:
        """Return the session's token, after a log-in when it has none or was idle for too long.

        Raises FileMakerLoginError when the account is refused, FileMakerUnavailable when a retry may help.
        """
        self._check_usable()
        if session.token and self._clock() - session.last_used_seconds >= self._idle_refresh_seconds:
            self.discard(session)
        if session.token is None:
            with self._login_lock:
                self._check_usable()
                session.token = self._open_session()
            self.note_use(session)
        return session.token

    def note_use(self, session: Session) -> None:
        """Note that the server has just answered with the session's token: its idle time starts anew."""
        session.last_used_seconds = self._clock()

    def discard(self, session: Session, *, is_dead: bool = False) -> None:
        """Take the token away from a session; `is_dead` when the server has already ended it."""
        token, session.token = session.token, None
        if token is None:
            return
        if is_dead:
            self.account.open_tokens.pop(token, None)
        else:
            self.account.end_session(token)

    def close(self) -> None:
        """Log out every session; never raises, may be called again and from a signal handler.

        A log-in that is under way has some seconds to end; after those its thread goes on alone and ends the session
        when it comes.
        """
        self._close(CLOSE_WAIT_SECONDS)

    def _close_at_exit(self) -> None:
        self._close(max(self.account.patience_seconds, CLOSE_WAIT_SECONDS))

    def _close(self, wait_seconds: float) -> None:
        if self._is_foreign:
            return
        self._is_closed = True
        for token in list(self.account.open_tokens):
            if not self.account.end_session(token):
                break  # it does not answer at all, and a task that is being killed has seconds
        self.account.log_ins.wait(wait_seconds)
        late_count = self.account.log_ins.under_way_count
        if self.open_count + late_count:
            _log.warning(
                "%d FileMaker session(s) could not be logged out; the server ends them after 15 idle minutes",
                self.open_count + late_count,
            )
        if not late_count:
            atexit.unregister(self._close_at_exit)  # at the end: an interrupt before this leaves the rest to it

    def hang_up(self) -> None:
        """Close the connections of a pool that is closed and no longer in use."""
        for session in self._places:
            session.http.close()

    def _take(self) -> Session:
        while True:
            session = self._next_place()
            try:
                self.log_in(session)
            except FileMakerUnavailable as error:
                if error.code in FULL_CODES and self._has_other(session):
                    # Set aside for a while: it would be tried, and refused, with every request.
                    _log.info("FileMaker has no room for another session: going on with %d", self.open_count)
                    self._refused.append((self._clock(), session))
                    continue
                self._free.put(session)
                raise
            except BaseException:
                self._free.put(session)
                raise
            return session

    def _next_place(self) -> Session:
        """Return a free place; while all are in use, one that was set aside long enough ago, else the next free one."""
        with suppress(queue.Empty):
            return self._free.get_nowait()
        with suppress(IndexError):  # none is set aside, or another thread was faster
            since, session = self._refused.popleft()
            if self._clock() - since >= FULL_PAUSE_SECONDS:
                return session
            self._refused.appendleft((since, session))
        return self._free.get()

    def _open_session(self) -> Secret:
        try:
            token = self.account.open_session(is_wanted=lambda: not self._is_closed, limit=len(self._places))
        except FileMakerUnavailable:
            self._check_usable()
            raise
        self._check_usable()
        return token

    def _has_other(self, session: Session) -> bool:
        return any(other.token is not None for other in self._places if other is not session)

    @property
    def _is_foreign(self) -> bool:
        """Whether this is a forked child's copy: the sessions are the parent's, which goes on using them."""
        return os.getpid() != self._owner_pid

    def _check_usable(self) -> None:
        if self._is_foreign:
            raise FileMakerError("The FileMaker client was opened by another process: open one in this process.")
        if self._is_closed:
            raise FileMakerError("The FileMaker client is closed; its sessions were logged out.")
