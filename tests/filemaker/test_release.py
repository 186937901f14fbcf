"""Sessions are given back at any end: close, interrupts in the worst moment, forks, faults, the interpreter's exit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from nexus_import.errors import FileMakerError
from nexus_import.filemaker import account, sessions

from local.simulator import Simulator

from .conftest import CONTACTS, PASSWORD, USER, Connect
from .late_logins import LogIn

WAIT_SECONDS = 30


@contextlib.contextmanager
def interrupted_when(event: threading.Event, number: signal.Signals) -> Iterator[None]:
    """Send a signal to the main thread once something has happened."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        if event.wait(WAIT_SECONDS):
            signal.pthread_kill(main, number)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGINT also where the tests were started with SIGINT ignored, as in a background."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_in_the_middle_of_a_log_in_loses_no_session(
    simulator: Simulator, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "CLOSE_WAIT_SECONDS", 0.01)
    client = connect()
    log_in = LogIn(client)
    with interrupted_when(log_in.is_made, signal.SIGINT), pytest.raises(KeyboardInterrupt), client:
        client.found_count(CONTACTS)
    log_in.may_end.set()
    client._pool.account.log_ins.wait(WAIT_SECONDS)
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)


def test_a_log_in_that_ends_after_close_is_taken_back(
    simulator: Simulator, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "CLOSE_WAIT_SECONDS", 0.01)
    client = connect()
    log_in = LogIn(client)
    with ThreadPoolExecutor(1) as threads:
        logging_in = threads.submit(client.found_count, CONTACTS)
        assert log_in.is_made.wait(WAIT_SECONDS)
        client.close()
        log_in.may_end.set()
        assert "closed" in str(logging_in.exception(WAIT_SECONDS))
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)


def test_close_works_inside_a_signal_handler(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.layouts()
    simulator.control.hold(CONTACTS)
    is_held = threading.Event()

    def close(_number: int, _frame: object) -> None:
        client.close()
        simulator.control.release()

    earlier = signal.signal(signal.SIGUSR1, close)

    def watch() -> None:
        if simulator.control.wait_until_held(CONTACTS):
            is_held.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        # The answer that was on its way may still arrive; nothing is asked after it.
        with interrupted_when(is_held, signal.SIGUSR1), contextlib.suppress(FileMakerError):
            client.found_count(CONTACTS)
        with pytest.raises(FileMakerError, match="closed"):
            client.found_count(CONTACTS)
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, earlier)
    assert simulator.control.state()["sessions_open"] == 0


@pytest.mark.parametrize("fault", ["unavailable_requests", "dropped_requests", "truncated_responses"])
def test_a_log_out_that_fails_is_tried_again(fault: str, simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.found_count(CONTACTS)
    simulator.control.set_faults(**{fault: 1})
    client.close()
    assert client.open_sessions == simulator.control.state()["sessions_open"] == 0


def test_a_server_that_is_silent_is_not_asked_for_every_session(
    simulator: Simulator, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(sessions=3)
    with ThreadPoolExecutor(3) as threads:
        simulator.control.hold(CONTACTS)
        counts = [threads.submit(client.found_count, CONTACTS) for _ in range(3)]
        assert simulator.control.wait_until_held(CONTACTS, 3)
        simulator.control.release()
        assert all(count.result(WAIT_SECONDS) for count in counts)
    assert client.open_sessions == 3
    before = simulator.control.state()["requests_total"]
    monkeypatch.setattr(account, "LOGOUT_TIMEOUT_SECONDS", (0.1, 0.1))
    simulator.control.set_faults(latency_ms=2000)
    client.close()
    assert simulator.control.state()["requests_total"] == before + 1
    assert "3 FileMaker session(s) could not be logged out" in caplog.text


def test_a_forked_child_neither_uses_nor_ends_its_parents_sessions(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.found_count(CONTACTS)
    before = simulator.control.state()["requests_total"]
    child = os.fork()
    if child == 0:
        exit_code = 1
        try:
            client.found_count(CONTACTS)
        except FileMakerError as error:
            exit_code = 0 if "another process" in str(error) else 2
        client.close()
        os._exit(exit_code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    state = simulator.control.state()
    assert (state["sessions_open"], state["requests_total"]) == (1, before)
    client.close()
    assert simulator.control.state()["sessions_open"] == 0


HELD = "client = use()"
FORGOTTEN = "use(); gc.collect()"
INTERRUPTED = """
client = use()
account = client._pool.account
log_out = account.end_session
def interrupted(token):
    account.end_session = log_out
    raise KeyboardInterrupt
account.end_session = interrupted
try:
    client.close()
except KeyboardInterrupt:
    assert client.open_sessions == 1
"""


@pytest.mark.parametrize("end", [HELD, FORGOTTEN, INTERRUPTED], ids=["held", "forgotten", "interrupted in close"])
def test_what_is_still_open_is_logged_out_when_python_ends(end: str, simulator: Simulator) -> None:
    script = (
        "import gc, sys; from nexus_import.filemaker.client import FileMakerClient\n"
        "def use():\n"
        "    client = FileMakerClient(sys.argv[1], 'Clinic', sys.argv[2], sys.stdin.read())\n"
        "    assert client.layouts()\n"
        "    return client\n" + end
    )
    subprocess.run([sys.executable, "-c", script, simulator.url, USER], input=PASSWORD.encode(), check=True, timeout=60)
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)
