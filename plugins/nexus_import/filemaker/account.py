"""One account of a database: it opens sessions and ends them, and knows which are open."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from urllib.parse import quote

from nexus_import.errors import FileMakerError, FileMakerLoginError, FileMakerUnavailable
from nexus_import.filemaker.address import join_path
from nexus_import.filemaker.answers import CODE_INVALID_TOKEN, Call, login_refused, unusable
from nexus_import.filemaker.failures import FileMakerNoAnswerError, Problem
from nexus_import.filemaker.redaction import Secret
from nexus_import.filemaker.transport import Transport, basic

LOGOUT_TIMEOUT_SECONDS = (2.0, 3.0)  # connect, read: a log-out may run while a task is being killed
LOGOUT_ATTEMPTS = 2
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

    def open_session(self, is_wanted: Callable[[], bool]) -> Secret:
        """Return the token of a new session; it is ended at once when it is no longer wanted.

        A thread of its own logs in: an interrupt of this one would lose the token of a session just opened. Python
        waits for that thread when it ends. Raises FileMakerLoginError when the account is refused,
        FileMakerUnavailable when a retry may help.
        """
        outcome: Future[Secret] = Future()

        def work() -> None:
            try:
                token = self._log_in()
                if not is_wanted():
                    self.end_session(token)
                outcome.set_result(token)
            except BaseException as error:
                outcome.set_exception(error)

        threading.Thread(target=work, name="filemaker-login").start()
        return outcome.result()

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
        with self._transport.new_http() as http:
            answer = self._transport.send(http, "POST", self._path, where=call.where, auth=self.credentials, body={})
        self.login_count += 1
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
