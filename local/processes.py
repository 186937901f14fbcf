"""Programs of the embedded stack: started in a session of their own, logged to a file, ended as a whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from local import watchdog

POLL_SECONDS = 0.05
# The program itself starts at the first line of its standard input, which it gets when the watchdog knows it.
# A launcher that dies before that leaves a shell that reads the end of its input, and ends.
_START_ON_LINE = ("sh", "-c", 'read -r _ && exec "$@" </dev/null', "sh")


class StackError(RuntimeError):
    """A part of the embedded stack did not come up or stay up; the message ends with its last log lines."""


@dataclass(frozen=True)
class Program:
    """What to run and how to stop it: `stop_signal` goes to the program, SIGKILL to all that is left.

    A supervisor starts it again when it ends, unless `has_to_run` is False.
    """

    name: str
    command: tuple[str, ...]
    log_file: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    has_to_run: bool = True


class _Guard:
    """The launcher's end of the pipe to its watchdog, which is started with the first program."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pipe: BinaryIO | None = None
        self._owner = 0

    def tell(self, message: str) -> None:
        """Send one line; a fork of the launcher has no say over the launcher's programs."""
        with self._lock:
            if self._pipe is None:
                self._start()
            if self._pipe is not None and self._owner == os.getpid():
                with contextlib.suppress(BrokenPipeError):
                    self._pipe.write(message.encode() + b"\n")
                    self._pipe.flush()

    def _start(self) -> None:
        # -S -E: nothing of the environment is needed, and the start is quick
        process = subprocess.Popen(
            [sys.executable, "-S", "-E", watchdog.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._pipe, self._owner = process.stdin, os.getpid()  # type: ignore[assignment]
        os.register_at_fork(after_in_child=self._leave)

    def _leave(self) -> None:
        """In a fork: close the copy of the pipe, or the watchdog would wait for the fork as well."""
        if self._pipe is not None:
            with contextlib.suppress(OSError):
                os.close(self._pipe.fileno())
            self._pipe = None


_guard = _Guard()


class RunningProgram:
    """One start of a program; `stop` and `kill` end it with its session and all its descendants."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._is_ended = False
        program.log_file.parent.mkdir(parents=True, exist_ok=True)
        self.pid = self._start()
        self._started_at = watchdog.started_at(self.pid)
        self._roots = {self.pid}

    def _start(self) -> int:
        with self.program.log_file.open("ab") as log:
            self._popen = subprocess.Popen(
                (*_START_ON_LINE, *self.program.command),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if self.program.env is None else dict(self.program.env),
                cwd=self.program.cwd,
                start_new_session=True,
            )
        _guard.tell(f"guard {id(self)} {self._popen.pid} {int(self.program.stop_signal)}")
        assert self._popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._popen.stdin.write(b"\n")
            self._popen.stdin.close()
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code of the program, None while it runs, negative when a signal ended it."""
        return self._popen.poll()

    def stop(self) -> None:
        """Send the stop signal, wait up to `stop_seconds`, then kill whatever is left."""
        deadline = time.monotonic() + self.program.stop_seconds
        # taken down first: a process whose parent has stopped can no longer be followed to it
        self._roots |= set(watchdog.members(self._roots))
        if self.exit_code is None:
            watchdog.signal_all([self.pid], self.program.stop_signal)
        while self.exit_code is None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End everything with SIGKILL and wait until none of it is left."""
        if self._is_ended:
            return
        if watchdog.is_another(self.pid, self._started_at):
            # it ended long ago with its whole session, and its number has been given away
            self._roots.discard(self.pid)
        while (left := watchdog.members(self._roots)) or self.exit_code is None:
            watchdog.signal_all(left, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
        self._is_ended = True
        self._release()

    def _release(self) -> None:
        _guard.tell(f"release {id(self)}")

    def wait_until(self, is_ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `is_ready` answers True.

        Raises StackError with the last log lines when the program ends first or `seconds` pass.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self.exit_code is not None:
                raise StackError(f"{self.program.name} ended with code {self.exit_code}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise StackError(f"{self.program.name} was not ready in {seconds:.0f} s:\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def log_tail(self, lines: int = 15) -> str:
        """Return the last lines of the program's log file."""
        return log_tail(self.program.log_file, lines)


def log_tail(log_file: Path, lines: int = 15) -> str:
    """Return the last lines of a log file, or a sentence when it is empty."""
    text = log_file.read_text(errors="replace") if log_file.exists() else ""
    return "\n".join(text.splitlines()[-lines:]) or f"({log_file.name} is empty)"
