"""Keeps the long-running programs of the embedded stack running, and ends them all at the end.

Airflow's scheduler, DAG processor and triggerer exit when the metadata database goes away; a launcher that
does not start them again would show a healthy page and run nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from local.processes import Program, RunningProgram, StackError

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.2
RESTART_PAUSE_SECONDS = 1.0
RESTARTS_MAX = 5
RESTARTS_WINDOW_SECONDS = 60.0


class _Supervised:
    """A program, its present start, and when it was started again."""

    def __init__(self, program: Program, starter: Callable[[Program], RunningProgram]) -> None:
        self.program = program
        self.starter = starter
        self.running = starter(program)
        self.restarts: deque[float] = deque()
        self.restart_count = 0
        self.restart_at: float | None = None

    def may_restart(self, now: float) -> bool:
        """Tell whether it ended less often than RESTARTS_MAX times in the window."""
        while self.restarts and now - self.restarts[0] > RESTARTS_WINDOW_SECONDS:
            self.restarts.popleft()
        return len(self.restarts) < RESTARTS_MAX

    def restart(self, now: float) -> None:
        """Start the program again after the rest of its old session was killed."""
        self.running.kill()
        self.restarts.append(now)
        self.restart_count += 1
        self.restart_at = None
        self.running = self.starter(self.program)


class Supervisor:
    """Starts programs, starts them again when they exit, stops them in reverse order.

    A program that exits more than RESTARTS_MAX times in RESTARTS_WINDOW_SECONDS is left alone and listed in
    `given_up`. `starter` makes a running program of a program. With `background=False` no thread is used and
    the caller runs `watch` until `stopping` is set, which is what a caller that forks needs.
    """

    def __init__(
        self, starter: Callable[[Program], RunningProgram] = RunningProgram, *, background: bool = True
    ) -> None:
        self._starter = starter
        self._background = background
        self._supervised: dict[str, _Supervised] = {}
        self._lock = threading.RLock()
        self.stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.given_up: dict[str, str] = {}

    def __enter__(self) -> Supervisor:
        """Return the supervisor itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, whatever happened."""
        self.stop_all()

    def start(self, program: Program) -> RunningProgram:
        """Start a program and keep it running; its name must be new."""
        with self._lock:
            if self.stopping.is_set():
                raise StackError(f"{program.name} is not started: the stack is stopping")
            if program.name in self._supervised:
                raise ValueError(f"a program named {program.name} is supervised already")
            self._supervised[program.name] = _Supervised(program, self._starter)
            if self._background and self._thread is None:
                self._thread = threading.Thread(target=self.watch, name="supervisor", daemon=True)
                self._thread.start()
            return self._supervised[program.name].running

    def running(self, name: str) -> RunningProgram:
        """Return the present start of a program."""
        with self._lock:
            return self._supervised[name].running

    def restart_count(self, name: str) -> int:
        """Return how often a program was started again."""
        with self._lock:
            return self._supervised[name].restart_count

    def stop(self, name: str) -> None:
        """Stop one program for good."""
        with self._lock:
            supervised = self._supervised.pop(name)
        supervised.running.stop()

    def stop_all(self) -> None:
        """Stop all programs at once and wait for them; may be called twice."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with self._lock:
            last = [each.running for each in reversed(self._supervised.values())]
            self._supervised.clear()
        if last:
            with ThreadPoolExecutor(len(last)) as pool:
                list(pool.map(RunningProgram.stop, last))

    def watch(self) -> None:
        """Start programs again that have ended, until `stopping` is set."""
        while not self.stopping.wait(CHECK_SECONDS):
            with self._lock:
                for name, supervised in self._supervised.items():
                    self._check(name, supervised, time.monotonic())

    def _check(self, name: str, supervised: _Supervised, now: float) -> None:
        exit_code = supervised.running.exit_code
        if exit_code is None or name in self.given_up or not supervised.program.has_to_run:
            return
        if supervised.restart_at is None:
            if not supervised.may_restart(now):
                self.given_up[name] = supervised.running.log_tail()
                log.error("%s keeps ending (code %s) and is not started again", name, exit_code)
                return
            log.warning("%s ended with code %s; starting it again", name, exit_code)
            supervised.restart_at = now + RESTART_PAUSE_SECONDS
        elif now >= supervised.restart_at:
            supervised.restart(now)
