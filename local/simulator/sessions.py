"""Sessions of the Data API: log in, tokens, idle expiry, one request at a time per token."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from local.simulator.errors import DataApiError

DEFAULT_IDLE_TIMEOUT_SECONDS: Final = 900.0
DEFAULT_SESSION_CAP: Final = 500
TOKEN_BYTES: Final = 25  # 50 hexadecimal characters, as in captures of real servers


@dataclass
class Session:
    """An open session; `turn` is held while a request runs, so parallel requests queue up."""

    token: str
    database: str
    last_used_seconds: float
    is_open: bool = True
    turn: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Account:
    """The one account of the hosted database."""

    database: str
    user: str
    password: str


class SessionStore:
    """All open sessions.

    `idle_timeout_seconds`, `session_cap` and `bad_logins_before_lock` may be changed while it runs.
    """

    def __init__(self, account: Account, *, idle_timeout_seconds: float, session_cap: int) -> None:
        self.account = account
        self.idle_timeout_seconds = idle_timeout_seconds
        self.session_cap = session_cap
        self._advanced_seconds = 0.0
        self.logins_made = 0
        self.logins_refused = 0
        self.bad_logins_before_lock: int | None = None
        self.bad_logins_in_a_row = 0
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def log_in(self, database: str, headers: Mapping[str, str]) -> Session:
        """Open a session.

        Raises DataApiError: 10 without credentials, 212 wrong ones, 214 after too many of those, 802 for a
        database that is not hosted, 812 beyond the cap.
        """
        with self._lock:
            try:
                self._check_credentials(database, headers)
                self._check_capacity()
            except DataApiError:
                self.logins_refused += 1
                raise
            session = Session(secrets.token_hex(TOKEN_BYTES), database, self._now_seconds())
            self._sessions[session.token] = session
            self.logins_made += 1
            return session

    def log_out(self, database: str, token: str) -> None:
        """Close a session at once, also while a request of it is running; raises DataApiError 952."""
        with self._lock:
            session = self._find(token)
            if session.database != database:
                raise DataApiError(952)
            self._close(session)

    def session_of(self, headers: Mapping[str, str], database: str | None) -> Session:
        """Return the session that a request names.

        Raises DataApiError: 10 without a bearer token, 952 when it is unknown, expired or for another file.
        """
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise DataApiError(10, "Request validation failed: Parameter (Authorization) is required")
        with self._lock:
            session = self._find(token.strip())
            if database is not None and session.database != database:
                raise DataApiError(952)
            return session

    def touch(self, session: Session) -> None:
        """Start the idle time anew: at the end of a request, since a long one does not count as idle."""
        with self._lock:
            session.last_used_seconds = self._now_seconds()

    def kill_all(self) -> int:
        """Close every session as a restart of the server does; return how many there were."""
        with self._lock:
            killed = list(self._sessions.values())
            for session in killed:
                self._close(session)
            return len(killed)

    def open_count(self) -> int:
        """Return how many sessions are open now, expired ones not counted."""
        with self._lock:
            self._drop_expired()
            return len(self._sessions)

    def advance_clock(self, seconds: float) -> None:
        """Let every session grow older by some seconds."""
        with self._lock:
            self._advanced_seconds += seconds

    def _now_seconds(self) -> float:
        return time.monotonic() + self._advanced_seconds

    def _check_credentials(self, database: str, headers: Mapping[str, str]) -> None:
        scheme, _, encoded = headers.get("authorization", "").partition(" ")
        if not scheme:
            raise DataApiError(10)
        if database.casefold() != self.account.database.casefold():
            raise DataApiError(802)
        allowed = self.bad_logins_before_lock
        if allowed is not None and self.bad_logins_in_a_row >= allowed:
            raise DataApiError(214)
        if scheme.lower() != "basic" or _decode(encoded) != (self.account.user, self.account.password):
            self.bad_logins_in_a_row += 1
            raise DataApiError(212)
        self.bad_logins_in_a_row = 0

    def _check_capacity(self) -> None:
        self._drop_expired()
        if len(self._sessions) >= self.session_cap:
            raise DataApiError(812)

    def _find(self, token: str) -> Session:
        self._drop_expired()
        session = self._sessions.get(token)
        if session is None:
            raise DataApiError(952)
        return session

    def _drop_expired(self) -> None:
        oldest = self._now_seconds() - self.idle_timeout_seconds
        for session in list(self._sessions.values()):
            # A session whose request is running is not idle, however long the request takes.
            if session.last_used_seconds < oldest and not session.turn.locked():
                self._close(session)

    def _close(self, session: Session) -> None:
        session.is_open = False
        self._sessions.pop(session.token, None)


def check_login_body(body: bytes) -> None:
    """Accept every body that clients send: none, `{}`, `{"fmDataSource": [...]}`; else raise DataApiError."""
    if not body.strip():
        return
    try:
        content = json.loads(body)
    except ValueError as error:
        raise DataApiError(1710) from error
    if not isinstance(content, dict):
        raise DataApiError(1708)
    unknown = sorted(set(content) - {"fmDataSource"})
    if unknown:
        raise DataApiError(960, f"Unknown parameter(s): {', '.join(unknown)}")
    if not isinstance(content.get("fmDataSource", []), list):
        raise DataApiError(1708)


def _decode(encoded: str) -> tuple[str, str] | None:
    try:
        user, separator, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if separator else None
