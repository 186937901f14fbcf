"""What the clients do about sessions: that end, that are leaked, that are too few, and about servers that are away."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.filemaker.comparison.bench import Bench, good, outcome
from tests.filemaker.comparison.clinic import PEOPLE

REPOSITORY = Path(__file__).resolve().parents[3]
THREADS = 3
WAIT_SECONDS = 20
POLL_SECONDS = 0.01


def expired_session(bench: Bench) -> str:
    return _read_after(bench, lambda: bench.simulator.control.advance_clock(15 * 60 + 1))


def killed_session(bench: Bench) -> str:
    return _read_after(bench, lambda: bench.simulator.control.kill_tokens())


def missing_window(bench: Bench) -> str:
    return _read_with(bench, scripted_errors=[{"code": 112, "target": PEOPLE}])


def html_401(bench: Bench) -> str:
    return _read_with(bench, html_401_requests=1)


def engine_down(bench: Bench) -> str:
    return _read_with(bench, unavailable_requests=2)


def dropped_connection(bench: Bench) -> str:
    return _read_with(bench, dropped_requests=1)


def record_in_use(bench: Bench) -> str:
    return _read_with(bench, scripted_errors=[{"code": 301, "target": PEOPLE}])


def full_server(bench: Bench) -> str:
    bench.simulator.control.set_faults(scripted_errors=[{"code": 812, "target": "login"}])
    client = bench.new_client()

    def log_in_and_read() -> str:
        bench.log_in(client)
        return _read(bench, client)

    try:
        return outcome(log_in_and_read)
    finally:
        bench.log_out(client)


def sessions_of_three_threads(bench: Bench) -> str:
    """Count the sessions that are open while three threads wait for an answer; a session answers one at a time."""
    control = bench.simulator.control
    with bench.opened() as client:
        before = control.state()
        control.hold(PEOPLE)
        threads = [threading.Thread(target=_read, args=(bench, client)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()

        def have_all_arrived() -> bool:
            state = control.state()
            logins = state["logins_made"] - before["logins_made"]
            return bool(state["requests_total"] - before["requests_total"] - logins >= THREADS)

        _wait_until(have_all_arrived)
        count = control.state()["sessions_open"]
        control.release()
        for thread in threads:
            thread.join(WAIT_SECONDS)
    return str(count)


def block_left_by_an_error(bench: Bench) -> str:
    """Fail while the client is in use: in its block, where it can have one."""

    def fail() -> None:
        bench.log_in(client)
        _read(bench, client)
        raise ZeroDivisionError

    client = bench.new_client()
    with contextlib.suppress(ZeroDivisionError), client if hasattr(client, "__exit__") else contextlib.nullcontext():
        fail()
    return _sessions_left(bench)


def program_that_forgets(bench: Bench) -> str:
    arguments = (bench.name, bench.simulator.url, str(bench.ca_file))
    module = "tests.filemaker.comparison.forgetful"
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert bench.simulator.control.state()["logins_made"] == 1
    return _sessions_left(bench)


def _read(bench: Bench, client: Any) -> str:
    """Read two people; every client of the comparison says so in the same words."""
    count = bench.ask(
        client,
        lambda c: len(c.get_records(PEOPLE, limit=2).records),
        lambda c: len(list(c.get_records(limit=2, request_layout=PEOPLE))),
        lambda c: len(good(c.get_records(PEOPLE, limit=2)).data),
    )
    assert count == 2
    return "goes on"


def _read_after(bench: Bench, happens: Callable[[], object]) -> str:
    with bench.opened() as client:
        _read(bench, client)
        happens()
        return outcome(lambda: _read(bench, client))


def _read_with(bench: Bench, **faults: Any) -> str:
    return _read_after(bench, lambda: bench.simulator.control.set_faults(**faults))


def _sessions_left(bench: Bench) -> str:
    return "left open" if bench.simulator.control.state()["sessions_open"] else "logged out"


def _wait_until(condition: Callable[[], bool]) -> None:
    never = threading.Event()
    for _ in range(int(WAIT_SECONDS / POLL_SECONDS)):
        if condition():
            return
        never.wait(POLL_SECONDS)
    raise AssertionError("the requests did not arrive")


SCENARIOS = (
    expired_session,
    killed_session,
    missing_window,
    html_401,
    engine_down,
    dropped_connection,
    record_in_use,
    full_server,
    sessions_of_three_threads,
    block_left_by_an_error,
    program_that_forgets,
)
