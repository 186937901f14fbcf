"""Log-ins that are under way: each in a thread of its own, because a log-in cannot be called back.

The server may open its session long after the caller stopped waiting, and would keep it until it is idle for too
long. So the thread waits on, and a token that comes late goes to whoever waits for one by then, or is ended.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from nexus_import.filemaker.redaction import Secret


class LogIns:
    """The log-ins of one account that the server has not answered; one thread at a time may wait for a token."""

    def __init__(self, log_in: Callable[[], Secret], log_out: Callable[[Secret], object]) -> None:
        self._log_in = log_in
        self._log_out = log_out
        self._changed = threading.Condition()
        self._under_way: list[threading.Thread] = []
        self._answers: deque[Secret | BaseException] = deque()
        self._is_awaited = False

    @property
    def under_way_count(self) -> int:
        """How many sessions the server may still open."""
        return len(self._under_way)

    def next_token(self, is_wanted: Callable[[], bool], *, room: int, patience_seconds: float) -> Secret:
        """Return the token of the log-in that is answered first, whoever began it.

        One more is begun when there is `room` for its session beside those under way, or none is under way.
        Raises what a log-in raised, and TimeoutError when none was answered in time, or no token is wanted any more.
        An interrupt loses nothing: a token that arrived meanwhile is the next caller's.
        """
        deadline = time.monotonic() + patience_seconds
        with self._changed:
            if not self._answers and room > len(self._under_way):
                self._begin(is_wanted)
            self._is_awaited = True
            try:
                self._wait(is_wanted, deadline)
            finally:
                self._is_awaited = False
            if not self._answers:
                raise TimeoutError
            answer = self._answers.popleft()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def wait(self, seconds: float) -> None:
        """Give the log-ins under way this long to end, with the sessions that they opened."""
        deadline = time.monotonic() + seconds
        for thread in list(self._under_way):
            thread.join(max(deadline - time.monotonic(), 0))

    def _wait(self, is_wanted: Callable[[], bool], deadline: float) -> None:
        while not self._answers and is_wanted():
            if not self._under_way:  # the last one was about to end when this wait began
                self._begin(is_wanted)
            if not self._changed.wait(max(deadline - time.monotonic(), 0)):
                return

    def _begin(self, is_wanted: Callable[[], bool]) -> None:
        # A daemon: Python's end must not wait for a server that never answers. `wait` is what is waited at the end.
        thread = threading.Thread(target=self._work, args=[is_wanted], name="filemaker-login", daemon=True)
        self._under_way.append(thread)
        thread.start()

    def _work(self, is_wanted: Callable[[], bool]) -> None:
        answer: Secret | BaseException
        try:
            answer = self._log_in()
        except BaseException as error:
            answer = error
        with self._changed:
            is_taken = self._is_awaited and is_wanted() and not self._answers
            if is_taken:
                self._answers.append(answer)
        try:
            if isinstance(answer, Secret) and not is_taken:
                self._log_out(answer)
        finally:
            with self._changed:
                self._under_way.remove(threading.current_thread())
                self._changed.notify_all()
