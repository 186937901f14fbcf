"""Runs whose tasks are in a process of their own, as Airflow's are: one that can be killed.

The processes are forked from a server that has imported Airflow and the DAG already. A process tells after each task
how far the run came, so that a run which was killed goes on where Airflow would let it go on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any

from tests.support.runs import Run, load_dag
from tests.support.wire import Cut, Message

SECONDS = 120.0
STATE = ("states", "results", "errors", "tries", "questions")


@cache
def known_dag() -> Any:
    """Return the DAG; the server parses it once for all processes."""
    return load_dag()


@dataclass
class _ReportingRun(Run):
    """Tells after each task how far it came; `running` is the task at work."""

    teller: Connection | None = None

    def _run(self, task: Any) -> None:
        self._tell(task.task_id)
        super()._run(task)
        self._tell(None)

    def _tell(self, running: str | None) -> None:
        assert self.teller is not None
        self.teller.send((running, {name: getattr(self, name) for name in STATE}))


def _go(teller: Connection, environment: dict[str, str], kept: dict[str, Any], until: str | None) -> None:
    os.environ |= environment
    # nothing of the tasks needs the installation: it stays with the test
    run = _ReportingRun(installation=None, dag=known_dag(), teller=teller, **kept)  # type: ignore[arg-type]
    run.go(until=until)


@dataclass
class TaskProcess:
    """The process of a run's tasks; `run` is brought up to date when it has ended.

    `on_task` is called with each task that begins, and with None when it has ended.
    """

    run: Run
    environment: dict[str, str]
    until: str | None = None
    on_task: Callable[[str | None], None] = lambda _: None
    killed_in: str | None = field(default=None, init=False)

    def start(self) -> TaskProcess:
        """Start the process; it begins with the first task that has not run."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.support.task_processes_preloaded"])
        self._listener, teller = context.Pipe(duplex=False)
        kept = {
            each.name: getattr(self.run, each.name) for each in fields(Run) if each.name not in {"installation", "dag"}
        }
        self._process = context.Process(target=_go, args=(teller, self.environment, kept, self.until), daemon=True)
        self._process.start()
        teller.close()
        return self

    def kill(self) -> None:
        """End the process as the kernel does when memory is short."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        # not join: the exit code can be read once, and `wait` reads it
        wait_for([self._process.sentinel], SECONDS)

    def kill_and_cut(self, message: Message) -> None:
        """Kill it at a message, which nobody gets."""
        self.kill()
        raise Cut

    def wait(self) -> TaskProcess:
        """Wait until the process has ended; a task it was killed in has failed, as Airflow finds."""
        running: str | None = None
        try:
            while True:
                if not self._listener.poll(SECONDS):
                    raise AssertionError(f"the process stands still in {running}")
                running, state = self._listener.recv()
                self.on_task(running)
                for name, value in state.items():
                    setattr(self.run, name, value)
        except EOFError:
            pass
        self._process.join(SECONDS)
        if self._process.exitcode == -signal.SIGKILL:
            self.killed_in = running
            if running is not None:
                self.run.states[running] = "failed"
        elif self._process.exitcode:
            raise AssertionError(f"the process ended with code {self._process.exitcode} in {running}")
        return self


def go(run: Run, environment: dict[str, str], until: str | None = None) -> Run:
    """Let the run go on in a process of its own until it ends; return the run."""
    return TaskProcess(run, environment, until).start().wait().run
