"""One account of a database: it opens sessions and ends them, and knows which are open."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from urllib.parse import quote

from nexus_import.errors import FileMakerError, FileMakerLoginError, FileMakerUnavailable
from nexus_import.filemaker.address import join_path
from nexus_import.filemaker.answers import CODE_INVALID_TOKEN, Call, login_refused, unusable
from nexus_import.filemaker.failures import (
    FileMakerLoginTimedOutError,
    FileMakerNoAnswerError,
    FileMakerTimedOutError,
    Problem,
)
from nexus_import.filemaker.logins import LogIns
from nexus_import.filemaker.redaction import Secret
from nexus_import.filemaker.transport import Transport, basic

LOGOUT_TIMEOUT_SECONDS = (2.0, 3.0)  # connect, read: a log-out may run while a task is being killed
LOGOUT_ATTEMPTS = 2
LATE_LOGIN_SECONDS = 15 * 60.0
"""After that the server has ended, as idle, a session whose token never arrived."""
_SILENCE = frozenset({Problem.TIMED_OUT, Problem.NOT_REACHED})

_log = logging.getLogger(__name__)


class Account:
    """Logs in and out. A refusal is remembered and repeated without asking: bad log-ins lock the account."""

    def __init__(self, transport: Transport, database: str, username: str, password: str) -> None:
        self._transport = transport
        self._path = join_path(("databases", database, "sessions"))
        self._call = Call(f"POST {self._path}", database, username)
        self._refusal: FileMakerLoginError | None = None
        self.credentials = basic(username, password)
        self.open_tokens: dict[Secret, None] = {}
        self.login_count = 0
        self.log_ins = LogIns(self._log_in, self.end_session)

    @property
    def patience_seconds(self) -> float:
        """How long a caller waits for a log-in: as long as for connection and answer together."""
        return sum(self._transport.timeout_seconds)

    def open_session(self, is_wanted: Callable[[], bool], limit: int) -> Secret:
        """Return the token of a new session; one that is no longer wanted when it is opened is ended.

        The server never has more than `limit` sessions of this account, those included that it may still open for a
        log-in it did not answer in time: when these use up the limit, another try waits for them. One thread at a
        time may call this. Raises FileMakerLoginError when the account is refused, FileMakerLoginTimedOutError when
        there was no answer in time, FileMakerUnavailable when a retry may help otherwise.
        """
        try:
            room = limit - len(self.open_tokens)
            return self.log_ins.next_token(is_wanted, room=room, patience_seconds=self.patience_seconds)
        except TimeoutError:
            raise self._timed_out() from None

    def end_session(self, token: Secret) -> bool:
        """Log out; return False when the server did not answer in time. Never raises an error of FileMaker."""
        for _ in range(LOGOUT_ATTEMPTS):
            try:
                # A connection of its own: the session's may be in the middle of a request when a signal arrives.
                with self._transport.new_http() as http:
                    answer = self._transport.send(
                        http,
                        "DELETE",
                        f"{self._path}/{quote(token.reveal(), safe='')}",
                        where=f"DELETE {self._path}/***",
                        timeout_seconds=LOGOUT_TIMEOUT_SECONDS,
                    )
            except FileMakerError as error:
                _log.debug("log-out failed: %s", type(error).__name__)
                if isinstance(error, FileMakerNoAnswerError) and error.problem in _SILENCE:
                    return False
                continue
            if answer.is_ok or answer.code == CODE_INVALID_TOKEN:
                self.open_tokens.pop(token, None)
                break
        return True

    def _log_in(self) -> Secret:
        if self._refusal is not None:
            raise copy.copy(self._refusal)
        call = self._call
        connect_seconds, read_seconds = self._transport.timeout_seconds
        late = (connect_seconds, max(read_seconds, LATE_LOGIN_SECONDS))
        self.login_count += 1
        with self._transport.new_http() as http:
            try:
                answer = self._transport.send(
                    http, "POST", self._path, where=call.where, auth=self.credentials, body={}, timeout_seconds=late
                )
            except FileMakerTimedOutError:
                raise self._timed_out() from None
        if answer.is_passing:
            raise unusable(answer, call)
        if not answer.is_ok:
            error = login_refused(answer, call)
            if isinstance(error, FileMakerLoginError):
                self._refusal = error
            raise error
        text = answer.header_token or str(answer.response.get("token", ""))
        if not text:
            raise FileMakerUnavailable(
                f"FileMaker accepted the log-in but gave no token, at {call.where}.",
                http_status=answer.http_status,
                where=call.where,
            )
        token = Secret(text)
        self.open_tokens[token] = None
        return token

    def _timed_out(self) -> FileMakerLoginTimedOutError:
        where = self._call.where
        return FileMakerLoginTimedOutError(
            f"{self._transport.address} did not answer a log-in within {self.patience_seconds:g} s, at {where}. The"
            " server is overloaded, or something else listens there.",
            problem=Problem.TIMED_OUT,
            where=where,
        )
