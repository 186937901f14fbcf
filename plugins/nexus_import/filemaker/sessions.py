"""The bounded pool of Data API sessions: who holds a token, when it is renewed, that it is given back."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import requests
from requests.auth import HTTPBasicAuth

from nexus_import.errors import FileMakerError, FileMakerLoginError, FileMakerUnavailable
from nexus_import.filemaker.answers import CODE_INVALID_TOKEN, Call, login_refused, unusable
from nexus_import.filemaker.transport import Transport

LOGOUT_TIMEOUT_SECONDS = (3.0, 5.0)  # connect, read: a log-out may run while a task is being killed

_log = logging.getLogger(__name__)


class Session:
    """One place of the pool: a connection and, once logged in, its token; used by one thread at a time."""

    def __init__(self, http: requests.Session) -> None:
        self.http = http
        self.token: str | None = None
        self.last_used_seconds = 0.0

    def __repr__(self) -> str:
        """Say whether it is logged in, never the token."""
        return f"<Session logged_in={self.token is not None}>"


class SessionPool:
    """At most `size` sessions of one account, logged in when first needed.

    A token is serial on the server, so it is lent to one thread at a time. Log-ins happen one after the
    other, and a refused one is remembered: other threads get the same error without asking again, because
    repeated bad log-ins lock the account. `close` takes no lock: a signal handler may call it at any moment.
    """

    def __init__(
        self,
        transport: Transport,
        database: str,
        username: str,
        password: str,
        *,
        size: int,
        idle_refresh_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._path = f"/databases/{quote(database, safe='')}/sessions"
        self._call = Call(f"POST {self._path}", database, username)
        self._credentials = HTTPBasicAuth(username.encode(), password.encode())
        self._idle_refresh_seconds = idle_refresh_seconds
        self._clock = clock
        self._free: queue.LifoQueue[Session] = queue.LifoQueue()  # last in, first out: prefer a logged-in one
        self._places = [Session(transport.new_http()) for _ in range(size)]
        for session in self._places:
            self._free.put(session)
        self._login_lock = threading.Lock()
        self._refusal: FileMakerLoginError | None = None
        self._open_tokens: dict[str, None] = {}
        self._is_closed = False
        self.login_count = 0
        self._owner_pid = os.getpid()
        self._at_exit = _closer(weakref.ref(self))
        atexit.register(self._at_exit)

    def __repr__(self) -> str:
        """Say how many sessions are open, never a token or the password."""
        return f"<SessionPool open={self.open_count}>"

    @property
    def credentials(self) -> HTTPBasicAuth:
        """The account, for the few calls that know no session."""
        return self._credentials

    @property
    def open_count(self) -> int:
        """How many sessions the server holds open for this pool."""
        return len(self._open_tokens)

    @contextmanager
    def lend(self) -> Iterator[Session]:
        """Lend a session to the calling thread; waits while all are in use."""
        session = self._free.get()
        try:
            self._check_open()
            yield session
        except BaseException:
            # Whatever was being sent may still be on the connection; the next request starts on a clean one.
            session.http.close()
            session.http = self._transport.new_http()
            raise
        finally:
            session.last_used_seconds = self._clock()
            self._free.put(session)

    def log_in(self, session: Session) -> str:
        """Return the session's token, after a log-in when it has none or was idle for too long.

        Raises FileMakerLoginError when the account is refused, FileMakerUnavailable when a retry may help.
        """
        if session.token and self._clock() - session.last_used_seconds >= self._idle_refresh_seconds:
            self.discard(session)
        if session.token is None:
            with self._login_lock:
                self._check_open()
                session.token = self._request_token(session.http)
        return session.token

    def discard(self, session: Session, *, is_dead: bool = False) -> None:
        """Take the token away from a session; `is_dead` when the server has already ended it."""
        token, session.token = session.token, None
        if token is None:
            return
        if is_dead:
            self._open_tokens.pop(token, None)
        else:
            self._log_out(token)

    def close(self) -> None:
        """Log out every session; never raises, may be called again and from a signal handler."""
        self._is_closed = True
        atexit.unregister(self._at_exit)
        for token in list(self._open_tokens):
            self._log_out(token)
        if self._open_tokens:
            _log.warning(
                "%d FileMaker session(s) could not be logged out; the server ends them after 15 idle minutes",
                len(self._open_tokens),
            )

    def hang_up(self) -> None:
        """Close the connections of a pool that is closed and no longer in use."""
        for session in self._places:
            session.http.close()

    def close_at_exit(self) -> None:
        """Log out what was left open, unless this is a forked child of the owner."""
        if os.getpid() == self._owner_pid:
            self.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise FileMakerError("The FileMaker client is closed; its sessions were logged out.")

    def _request_token(self, http: requests.Session) -> str:
        if self._refusal is not None:
            earlier = self._refusal
            raise FileMakerLoginError(
                str(earlier), code=earlier.code, http_status=earlier.http_status, where=earlier.where
            )
        answer = self._transport.send(http, "POST", self._path, where=self._call.where, auth=self._credentials, body={})
        self.login_count += 1
        if answer.is_passing:
            raise unusable(answer, self._call)
        if not answer.is_ok:
            error = login_refused(answer, self._call)
            if isinstance(error, FileMakerLoginError):
                self._refusal = error
            raise error
        token = answer.header_token or str(answer.response.get("token", ""))
        if not token:
            raise FileMakerUnavailable(
                f"FileMaker accepted the log-in but gave no token, at {self._call.where}.",
                http_status=answer.http_status,
                where=self._call.where,
            )
        self._open_tokens[token] = None
        if self._is_closed:
            self._log_out(token)
            self._check_open()
        return token

    def _log_out(self, token: str) -> None:
        # A connection of its own: the pool's may be in the middle of a request when a signal arrives.
        where = f"DELETE {self._path}/***"
        try:
            with self._transport.new_http() as http:
                answer = self._transport.send(
                    http,
                    "DELETE",
                    f"{self._path}/{quote(token, safe='')}",
                    where=where,
                    timeout_seconds=LOGOUT_TIMEOUT_SECONDS,
                )
        except FileMakerError as error:
            _log.debug("log-out failed: %s", type(error).__name__)
            return
        if answer.is_ok or answer.code == CODE_INVALID_TOKEN:
            self._open_tokens.pop(token, None)


def _closer(reference: weakref.ref[SessionPool]) -> Callable[[], None]:
    def close_if_alive() -> None:
        pool = reference()
        if pool is not None:
            pool.close_at_exit()

    return close_if_alive
