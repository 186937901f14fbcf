"""Real programs that log in, walk and are stopped anywhere: none leaves a session, a killed one not for long."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.simulator import Simulator

from .conftest import CONTACTS, PASSWORD, USER
from .walking_child import EXIT_CODE

CHILD = Path(__file__).with_name("walking_child.py")
WAIT_SECONDS = 60
POLL_SECONDS = 0.005
LOGIN_MS = 100
REQUESTS_OF_A_WALK = 14
PAGES_OF_A_WALK = 9
SEED = 20_251_122

KILLED_RUNS, KILLED_RUNS_ALWAYS = 200, 4
STOPPED_RUNS, STOPPED_RUNS_ALWAYS = 60, 4


def runs(count: int, always: int) -> list[object]:
    """Return numbers of runs, of which only the first few are not too long for every build."""
    return [pytest.param(number, marks=[pytest.mark.deep] if number >= always else []) for number in range(count)]


@contextmanager
def child(simulator: Simulator, ending: str, pages: int = 0) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, str(CHILD), simulator.url, USER, CONTACTS, ending, str(pages)]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(PASSWORD + "\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def stop_at_random(simulator: Simulator, dice: random.Random, number: signal.Signals) -> int:
    """Start a child, send it a signal while it logs in, in some request or after some page; return its exit code."""
    with child(simulator, "never") as process:
        match dice.choice(["logging in", "asking", "between pages"]):
            case "logging in":
                simulator.control.set_faults(latency_ms=LOGIN_MS)
                wait_until(lambda: simulator.control.state()["requests_total"] == 1)
            case "asking":
                simulator.control.hold(CONTACTS, after_requests=dice.randrange(2 * REQUESTS_OF_A_WALK))
                assert simulator.control.wait_until_held(CONTACTS, timeout_seconds=WAIT_SECONDS)
            case "between pages":
                assert process.stdout is not None
                for _ in range(dice.randint(1, 2 * PAGES_OF_A_WALK)):
                    assert process.stdout.readline().startswith("page ")
        process.send_signal(number)
        process.communicate(timeout=WAIT_SECONDS)
        simulator.control.clear_faults()
    wait_until(lambda: simulator.control.state()["logins_made"] == 1)
    return process.returncode


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)


def wait_until_idle_sessions_end(simulator: Simulator) -> None:
    """Let the idle time pass until no session is left: it starts with the end of the last request of each."""

    def is_over() -> bool:
        simulator.control.advance_clock(simulator.control.state()["idle_timeout_seconds"] + 1)
        return bool(simulator.control.state()["sessions_open"] == 0)

    wait_until(is_over)


@pytest.mark.parametrize("number", runs(KILLED_RUNS, KILLED_RUNS_ALWAYS))
def test_a_killed_program_leaves_no_session_for_longer_than_the_idle_time(number: int, simulator: Simulator) -> None:
    assert stop_at_random(simulator, random.Random(SEED + number), signal.SIGKILL) == -signal.SIGKILL
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 1), "nobody logs out after a kill"
    wait_until_idle_sessions_end(simulator)


@pytest.mark.parametrize("number", runs(STOPPED_RUNS, STOPPED_RUNS_ALWAYS))
def test_a_program_that_is_told_to_stop_leaves_none(number: int, simulator: Simulator) -> None:
    asked, exit_code = ((signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, -signal.SIGINT))[number % 2]
    assert stop_at_random(simulator, random.Random(SEED + number), asked) == exit_code
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)


@pytest.mark.parametrize(("ending", "exit_code"), [("normal", 0), ("exception", 1), ("exit", EXIT_CODE)])
def test_a_program_that_ends_by_itself_leaves_none(ending: str, exit_code: int, simulator: Simulator) -> None:
    with child(simulator, ending, pages=4) as process:
        process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == exit_code
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)
