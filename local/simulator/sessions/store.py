"""Sessions of the Data API: log in, tokens, idle expiry, one request at a time per token."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Final

from ..behaviour.variants import Variants
from ..data.accounts import CLARIS_ID, Account, Credentials
from ..errors import DataApiError, PageError
from .credentials import read_credentials
from .hosting import Host

DEFAULT_IDLE_TIMEOUT_SECONDS: Final = 900.0
DEFAULT_SESSION_CAP: Final = 500
TOKEN_BYTES: Final = 25  # 50 hexadecimal characters, as in captures of real servers


@dataclass(eq=False)
class Session:
    """An open session; `turn` is held while a request runs, so that parallel requests queue up.

    `database` is spelled as at the log-in; `dies_at_seconds` ends it however busy it is, None for never.
    """

    token: str
    database: str
    account: Account
    credentials: Credentials
    last_used_seconds: float
    data_sources: Mapping[str, Credentials] = field(default_factory=dict)
    dies_at_seconds: float | None = None
    is_open: bool = True
    turn: threading.Lock = field(default_factory=threading.Lock)
    requests_running: int = 0

    def credentials_for(self, database: str) -> Credentials:
        """Return what the log-in gave for another file, or else its own account."""
        for name, credentials in self.data_sources.items():
            if name.casefold() == database.casefold():
                return credentials
        return self.credentials


class SessionStore:
    """All open sessions.

    `idle_timeout_seconds`, `session_cap`, `bad_logins_before_lock` and the variants may change while it runs.
    """

    def __init__(self, host: Host, variants: Variants, *, idle_timeout_seconds: float, session_cap: int) -> None:
        self.variants = variants
        self.idle_timeout_seconds = idle_timeout_seconds
        self.session_cap = session_cap
        self.bad_logins_before_lock: int | None = None
        self.logins_made = 0
        self.logins_refused = 0
        self._host = host
        self._bad_logins: Counter[tuple[str, Credentials]] = Counter()
        self._advanced_seconds = 0.0
        self._sessions: dict[str, Session] = {}
        self._outlived: set[str] = set()
        self._lock = threading.Lock()

    def log_in(
        self, database: str, headers: Mapping[str, str], data_sources: Mapping[str, Credentials] | None = None
    ) -> Session:
        """Open a session.

        Raises DataApiError: 10 without credentials, 212 wrong ones or no fmrest privilege, 214 after too many
        wrong ones, 802 for a database that is closed or not hosted, 812 beyond the cap.
        """
        with self._lock:
            try:
                session = self._make(database, headers)
            except DataApiError:
                self.logins_refused += 1
                raise
            session.data_sources = data_sources or {}
            self._sessions[session.token] = session
            self.logins_made += 1
            return session

    def log_out(self, database: str, token: str) -> None:
        """Close a session at once, also while a request of it is running; raises DataApiError 952."""
        with self._lock:
            session = self._find(token)
            if not self._is_name_of(database, session):
                raise DataApiError(952)
            self._close(session)

    def session_of(self, headers: Mapping[str, str], database: str | None) -> Session:
        """Return the session that a request names.

        Raises DataApiError: 10 without a bearer token, 952 when it is unknown, expired or for another file;
        PageError for a token by Claris ID that outlived its hour, when the variant says so.
        """
        token = bearer_token(headers)
        if token is None:
            code = self.variants.missing_token_code
            raise DataApiError(code, "Request validation failed: Parameter (Authorization) is required")
        with self._lock:
            session = self._find(token)
            if database is not None and not self._is_name_of(database, session):
                raise DataApiError(952)
            return session

    def is_open(self, token: str | None) -> bool:
        """Say whether a token is one of an open session, without counting as a use of it."""
        with self._lock:
            self._drop_expired()
            return token in self._sessions

    @contextmanager
    def running(self, session: Session) -> Iterator[None]:
        """Let a request of a session run, after those before it; the idle time starts anew at its end."""
        with session.turn if self.variants.tokens_are_serial else nullcontext():
            with self._lock:
                session.requests_running += 1
            try:
                yield
            finally:
                with self._lock:
                    session.requests_running -= 1
                    session.last_used_seconds = self.now_seconds()

    def kill_all(self, database: str | None = None) -> int:
        """Close every session, or those of one file, as a restart of the server does; return how many."""
        with self._lock:
            self._drop_expired()
            wanted = None if database is None else database.casefold()
            killed = [item for item in self._sessions.values() if wanted in (None, item.database.casefold())]
            for session in killed:
                self._close(session)
            return len(killed)

    def open_count(self) -> int:
        """Return how many sessions are open now, expired ones not counted."""
        with self._lock:
            self._drop_expired()
            return len(self._sessions)

    def forget_bad_logins(self) -> None:
        """Unlock every account."""
        with self._lock:
            self._bad_logins.clear()

    def advance_clock(self, seconds: float) -> None:
        """Let every session grow older by some seconds."""
        with self._lock:
            self._advanced_seconds += seconds

    def now_seconds(self) -> float:
        """Return the time that sessions live by, in seconds."""
        return time.monotonic() + self._advanced_seconds

    def _make(self, database: str, headers: Mapping[str, str]) -> Session:
        credentials = read_credentials(headers)
        if credentials is None:
            raise DataApiError(10)
        account = self._account_of(database, credentials)
        self._drop_expired()
        if len(self._sessions) >= self.session_cap:
            raise DataApiError(self.variants.session_cap_code)
        now = self.now_seconds()
        is_claris_id = credentials.kind == CLARIS_ID
        return Session(
            secrets.token_hex(TOKEN_BYTES),
            database,
            account,
            credentials,
            now,
            dies_at_seconds=now + self.variants.fmid_session_seconds if is_claris_id else None,
        )

    def _account_of(self, database: str, credentials: Credentials) -> Account:
        data_set = self._host.open(database)
        # Passwords differ from try to try: what is locked is the account.
        who = (data_set.database, Credentials(credentials.kind, credentials.parts[:1]))
        allowed = self.bad_logins_before_lock
        if allowed is not None and self._bad_logins[who] >= allowed:
            raise DataApiError(214)
        account = data_set.accounts.account_of(credentials)
        if account is None:
            self._bad_logins[who] += 1
            raise DataApiError(212)
        del self._bad_logins[who]
        if not account.has_fmrest:
            raise DataApiError(self.variants.missing_privilege_code)
        return account

    def _is_name_of(self, database: str, session: Session) -> bool:
        if self.variants.database_name_case_matters:
            return database == session.database
        return database.casefold() == session.database.casefold()

    def _find(self, token: str) -> Session:
        self._drop_expired()
        session = self._sessions.get(token)
        if session is None:
            if token in self._outlived and self.variants.fmid_expired_is_html:
                raise PageError(401, "Unauthorized")
            raise DataApiError(952)
        return session

    def _drop_expired(self) -> None:
        now = self.now_seconds()
        for session in list(self._sessions.values()):
            if session.dies_at_seconds is not None and session.dies_at_seconds < now:
                self._outlived.add(session.token)
                self._close(session)
            # A session whose request is running is not idle, however long the request takes.
            elif session.last_used_seconds < now - self.idle_timeout_seconds and not session.requests_running:
                self._close(session)

    def _close(self, session: Session) -> None:
        session.is_open = False
        self._sessions.pop(session.token, None)


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of the Authorization header, None when there is none."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
