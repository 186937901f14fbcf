"""One request, sent until it has an answer: session, replay after a lost session, retries with backoff."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from nexus_import.errors import FileMakerError, FileMakerUnavailable
from nexus_import.filemaker.answers import CODE_INVALID_TOKEN, Answer, unusable
from nexus_import.filemaker.failures import FileMakerTimedOutError
from nexus_import.filemaker.request import Request
from nexus_import.filemaker.sessions import Session, SessionPool
from nexus_import.filemaker.transport import NO_AUTH, HeaderAuth, Transport, bearer

RETRY_WAIT_LIMIT_SECONDS = 20.0

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


class Exchange:
    """Sends requests and returns FileMaker's answers, good or bad; usable by several threads.

    A lost session (codes 952 and 112, HTTP 401 without the Data API's JSON) is replaced once and the request
    replayed: every request is a reading one. What may pass (no connection, HTTP 502 to 504, other bodies than
    the Data API's JSON, codes 301, 812 and 956) is retried `attempts` times with doubling waits and jitter.
    Raises FileMakerUnavailable after the last, FileMakerLoginError at once.
    """

    def __init__(self, transport: Transport, pool: SessionPool, *, attempts: int, first_wait_seconds: float) -> None:
        self._transport = transport
        self._pool = pool
        self._attempts = attempts
        self._first_wait_seconds = first_wait_seconds

    def send(self, request: Request, session: Session | None = None) -> Answer:
        """Return the answer to a request that needs a session: one that `hold` gave, else any."""
        if session is not None:
            return self.retried(self._send_in, session, request, is_timeout_retried=request.is_timeout_retried)
        return self.retried(self._send_in_any, request, is_timeout_retried=request.is_timeout_retried)

    def send_without_session(self, request: Request, auth: HeaderAuth = NO_AUTH) -> Answer:
        """Return the answer to a request that needs none, such as the product information."""
        return self.retried(self._send_bare, request, auth)

    @contextmanager
    def hold(self) -> Iterator[Session]:
        """Lend one session for several requests: addresses of files live no longer than their session."""
        with ExitStack() as stack:
            yield self.retried(lambda: stack.enter_context(self._pool.lend()))

    def retried(self, send: Callable[..., _T], *arguments: object, is_timeout_retried: bool = True) -> _T:
        """Return what `send` returns, called again after every FileMakerUnavailable until attempts are used up."""

        def is_retried(error: BaseException) -> bool:
            if isinstance(error, FileMakerTimedOutError) and not is_timeout_retried:
                return False
            return isinstance(error, FileMakerUnavailable)

        retrying = Retrying(
            retry=retry_if_exception(is_retried),
            stop=stop_after_attempt(self._attempts),
            wait=wait_exponential_jitter(
                multiplier=self._first_wait_seconds,
                max=RETRY_WAIT_LIMIT_SECONDS,
                jitter=self._first_wait_seconds,
            ),
            before_sleep=self._log_retry,
            retry_error_callback=_give_up,
        )
        return retrying(send, *arguments)

    def _log_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, FileMakerError) or state.next_action is None:
            return
        _log.warning(
            "FileMaker: no usable answer at %s (HTTP %d, code %d, %s); attempt %d of %d in %.1f s",
            error.where,
            error.http_status,
            error.code,
            type(error).__name__,
            state.attempt_number + 1,
            self._attempts,
            state.next_action.sleep,
        )

    def _send_in_any(self, request: Request) -> Answer:
        with self._pool.lend() as session:
            return self._send_in(session, request)

    def _send_in(self, session: Session, request: Request) -> Answer:
        answer = self._send_with_token(session, request)
        if answer.is_session_lost:
            _log.info(
                "FileMaker ended the session (HTTP %d, code %d); logging in again, then %s",
                answer.http_status,
                max(answer.code, 0),
                request.call.where,
            )
            self._pool.discard(session, is_dead=answer.code == CODE_INVALID_TOKEN)
            answer = self._send_with_token(session, request)
        if answer.is_session_lost:
            self._pool.discard(session, is_dead=answer.code == CODE_INVALID_TOKEN)
        if answer.is_session_lost or answer.is_passing:
            raise unusable(answer, request.call)
        return answer

    def _send_with_token(self, session: Session, request: Request) -> Answer:
        token = self._pool.log_in(session)
        try:
            answer = self._transport.send(
                session.http,
                request.method,
                request.path,
                where=request.call.where,
                auth=bearer(token),
                params=request.params,
                body=request.body,
            )
        except FileMakerTimedOutError:
            # The server may still be at work for this token, and requests of one token queue up behind it.
            self._pool.discard(session)
            raise
        self._pool.note_use(session)
        return answer

    def _send_bare(self, request: Request, auth: HeaderAuth) -> Answer:
        with self._transport.new_http() as http:
            answer = self._transport.send(http, request.method, request.path, where=request.call.where, auth=auth)
        if answer.is_passing:
            raise unusable(answer, request.call)
        return answer


def _give_up(state: RetryCallState) -> object:
    """Raise the last error with the number of attempts; the form tenacity wants has a return type."""
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, FileMakerUnavailable):
        raise error or FileMakerUnavailable("FileMaker gave no answer.")
    last = copy.copy(error)
    if state.attempt_number > 1:
        last.args = (f"{error} Gave up after {state.attempt_number} attempts.",)
    raise last
