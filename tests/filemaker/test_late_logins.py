"""A log-in that is not answered in time may still open a session: none is lost, and never too many are asked for."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from nexus_import.errors import FileMakerUnavailable
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.failures import FileMakerLoginTimedOutError, FileMakerTimedOutError
from nexus_import.filemaker.walk import walk_layout

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, PASSWORD, USER, Connect
from .late_logins import LogIn

WAIT_SECONDS = 30
IMPATIENT = {"connect_timeout_seconds": 0.05, "read_timeout_seconds": 0.1}


def patient_after_a_time_out(client: FileMakerClient, log_in: LogIn) -> Callable[[], None]:
    """Let everything have time when the first log-in has timed out, and log-ins be answered once the next waits."""

    def turn() -> None:
        client._transport.timeout_seconds = (WAIT_SECONDS, WAIT_SECONDS)
        threading.Timer(0.3, log_in.may_end.set).start()

    return turn


class OnRetry(logging.Handler):
    """Calls a function when the client says that it tries again."""

    def __init__(self, happen: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._happen = happen

    def emit(self, record: logging.LogRecord) -> None:
        self._happen()

    def __enter__(self) -> OnRetry:
        logging.getLogger("nexus_import.filemaker.exchange").addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("nexus_import.filemaker.exchange").removeHandler(self)


def test_a_token_that_comes_late_is_taken_by_the_next_attempt(simulator: Simulator, connect: Connect) -> None:
    client = connect(sessions=1, **IMPATIENT)
    log_in = LogIn(client)
    with OnRetry(patient_after_a_time_out(client, log_in)):
        assert client.found_count(CONTACTS) == CONTACT_COUNT
    state = simulator.control.state()
    assert client.login_count == state["logins_made"] == state["sessions_open"] == 1


@pytest.mark.parametrize("session_count", [1, 3])
def test_retries_ask_for_no_more_sessions_than_there_may_be_and_late_ones_are_ended(
    session_count: int, simulator: Simulator, connect: Connect
) -> None:
    client = connect(sessions=session_count, retry_attempts=5, **IMPATIENT)
    log_in = LogIn(client)
    with pytest.raises(FileMakerLoginTimedOutError, match=r"did not answer a log-in within 0\.15 s"):
        client.found_count(CONTACTS)
    assert client.login_count == session_count
    log_in.may_end.set()
    client._pool.account.log_ins.wait(WAIT_SECONDS)
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (session_count, 0)
    assert client.open_sessions == 0


@pytest.mark.parametrize("session_count", [1, 2])
def test_a_server_that_is_slow_never_has_more_sessions_than_the_client_may_open(
    session_count: int, simulator: Simulator, connect: Connect
) -> None:
    simulator.control.set_faults(latency_ms=400, session_cap=session_count)
    client = connect(sessions=session_count, retry_attempts=5, **IMPATIENT)
    with pytest.raises(FileMakerUnavailable):
        client.found_count(CONTACTS)
    client.close()
    state = simulator.control.state()
    assert (state["sessions_open"], state["logins_refused"]) == (0, 0)
    assert client.login_count == state["logins_made"] > 0


def test_close_waits_for_a_log_in_that_is_under_way(simulator: Simulator, connect: Connect) -> None:
    client = connect(sessions=1, retry_attempts=1, **IMPATIENT)
    log_in = LogIn(client)
    with pytest.raises(FileMakerLoginTimedOutError):
        client.found_count(CONTACTS)
    assert simulator.control.state()["sessions_open"] == 1
    late = threading.Timer(0.2, log_in.may_end.set)
    late.start()
    client.close()
    assert simulator.control.state()["sessions_open"] == 0
    late.join()


def test_the_end_of_python_waits_for_a_log_in_that_is_under_way(simulator: Simulator) -> None:
    script = (
        "import contextlib, sys; from nexus_import.errors import FileMakerUnavailable\n"
        "from nexus_import.filemaker.client import FileMakerClient\n"
        "client = FileMakerClient(sys.argv[1], 'Clinic', sys.argv[2], sys.stdin.read(), retry_attempts=1,\n"
        "    connect_timeout_seconds=0.05, read_timeout_seconds=0.1)\n"
        "with contextlib.suppress(FileMakerUnavailable):\n"
        "    client.layouts()\n"
        "    raise SystemExit('the log-in was in time')\n"
    )
    simulator.control.set_faults(latency_ms=600)
    subprocess.run([sys.executable, "-c", script, simulator.url, USER], input=PASSWORD.encode(), check=True, timeout=60)
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)


def test_a_slow_log_in_is_not_taken_for_a_page_that_is_too_large(
    simulator: Simulator, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(sessions=1)
    client.layouts()
    simulator.control.kill_tokens()
    log_in = LogIn(client)
    client._transport.timeout_seconds = (0.05, 0.1)
    with OnRetry(patient_after_a_time_out(client, log_in)):
        walk = walk_layout(client, CONTACTS, "id", page_size=100)
        assert sum(len(page.records) for page in walk) == CONTACT_COUNT
    assert log_in.may_end.is_set(), "a log-in timed out"
    assert "records a page" not in caplog.text


def test_the_time_out_of_a_log_in_is_another_error_than_that_of_a_page(connect: Connect) -> None:
    client = connect(sessions=1, retry_attempts=1, **IMPATIENT)
    log_in = LogIn(client)
    with pytest.raises(FileMakerLoginTimedOutError) as raised:
        client.get_records(CONTACTS, is_timeout_retried=False)
    assert not isinstance(raised.value, FileMakerTimedOutError)
    log_in.may_end.set()


def test_a_place_that_found_no_room_is_tried_again_after_a_while(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(session_cap=1)
    client = connect(sessions=2)
    now = [0.0]
    client._pool._clock = lambda: now[0]

    def refused_count() -> int:
        return int(simulator.control.state()["logins_refused"])

    with ThreadPoolExecutor(1) as threads:
        with client._exchange.hold():
            waiting = threads.submit(client.found_count, CONTACTS)
            deadline = time.monotonic() + WAIT_SECONDS
            while not refused_count() and time.monotonic() < deadline:
                time.sleep(0.005)
        assert waiting.result(WAIT_SECONDS) == CONTACT_COUNT
        simulator.control.set_faults(session_cap=2)
        now[0] += 60
        with client._exchange.hold():
            assert threads.submit(client.found_count, CONTACTS).result(WAIT_SECONDS) == CONTACT_COUNT
    state = simulator.control.state()
    assert (state["logins_made"], state["logins_refused"]) == (2, 1)


def test_a_session_that_is_held_and_used_is_not_idle(simulator: Simulator, connect: Connect) -> None:
    client = connect(session_idle_seconds=60)
    now = [0.0]
    client._pool._clock = lambda: now[0]
    with client._exchange.hold() as session:
        for _ in range(3):
            now[0] += 59
            client.record(CONTACTS, "1", session=session)
    assert client.login_count == 1


def test_a_session_that_is_held_and_not_used_is_idle(simulator: Simulator, connect: Connect) -> None:
    client = connect(session_idle_seconds=60)
    now = [0.0]
    client._pool._clock = lambda: now[0]
    with client._exchange.hold():
        now[0] += 60
    client.found_count(CONTACTS)
    assert client.login_count == 2
    assert simulator.control.state()["sessions_open"] == 1
