from __future__ import annotations

import base64
import contextlib
import logging
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from nexus_import.errors import FileMakerError, FileMakerLoginError, FileMakerUnavailable
from nexus_import.filemaker.client import FileMakerClient

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, DATA_SET, PASSWORD, USER, Connect


def test_the_first_request_logs_in_and_leaving_the_block_logs_out(simulator: Simulator, connect: Connect) -> None:
    with connect() as client:
        assert simulator.control.state()["logins_made"] == 0
        client.found_count(CONTACTS)
        client.layouts()
        assert (client.open_sessions, client.login_count) == (1, 1)
        assert simulator.control.state()["sessions_open"] == 1
    assert client.open_sessions == 0
    assert simulator.control.state()["sessions_open"] == 0


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_sessions_are_released_when_the_block_fails(
    kind: type[BaseException], simulator: Simulator, connect: Connect
) -> None:
    def work() -> None:
        with connect() as client:
            client.found_count(CONTACTS)
            raise kind

    with pytest.raises(kind):
        work()
    assert simulator.control.state()["sessions_open"] == 0


def test_threads_share_at_most_the_given_number_of_sessions(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(latency_ms=5)
    with connect(sessions=2) as client, ThreadPoolExecutor(8) as threads:
        counts = list(threads.map(lambda _: client.found_count(CONTACTS), range(24)))
        assert counts == [CONTACT_COUNT] * 24
        assert client.open_sessions == 2
        assert simulator.control.state()["logins_made"] == 2
    assert simulator.control.state()["sessions_open"] == 0


def test_a_killed_token_is_replaced_once(simulator: Simulator, connect: Connect) -> None:
    client = connect(retry_attempts=1)
    client.found_count(CONTACTS)
    simulator.control.kill_tokens()
    assert client.found_count(CONTACTS) == CONTACT_COUNT
    assert client.login_count == 2
    assert client.open_sessions == simulator.control.state()["sessions_open"] == 1


def test_a_session_whose_window_is_gone_is_replaced(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": 112, "target": CONTACTS}])
    client = connect()
    assert client.found_count(CONTACTS) == CONTACT_COUNT
    assert client.login_count == 2
    assert simulator.control.state()["sessions_open"] == 1


def test_a_401_of_html_is_a_lost_session(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.found_count(CONTACTS)
    simulator.control.set_faults(html_401_requests=1)
    assert client.found_count(CONTACTS) == CONTACT_COUNT
    simulator.control.set_faults(html_401_requests=6)
    assert client.found_count(CONTACTS) == CONTACT_COUNT


def test_when_all_tokens_die_each_place_logs_in_once(simulator: Simulator, connect: Connect) -> None:
    with connect(sessions=3) as client, ThreadPoolExecutor(3) as threads:
        simulator.control.set_faults(latency_ms=20)
        list(threads.map(lambda _: client.found_count(CONTACTS), range(9)))
        opened = client.open_sessions
        simulator.control.kill_tokens()
        list(threads.map(lambda _: client.found_count(CONTACTS), range(30)))
        assert client.login_count <= opened + 3
        assert client.open_sessions == simulator.control.state()["sessions_open"]


def test_an_idle_session_is_renewed_before_the_server_ends_it(simulator: Simulator, connect: Connect) -> None:
    client = connect(session_idle_seconds=0.05)
    client.found_count(CONTACTS)
    time.sleep(0.06)
    client.found_count(CONTACTS)
    assert client.login_count == 2
    assert simulator.control.state()["sessions_open"] == 1


def test_a_refused_account_is_asked_once_whatever_the_number_of_threads(simulator: Simulator, connect: Connect) -> None:
    client = connect(password="wrong")
    with ThreadPoolExecutor(3) as threads:
        errors = [threads.submit(client.layouts).exception() for _ in range(6)]
    assert {type(error) for error in errors} == {FileMakerLoginError}
    assert simulator.control.state()["logins_refused"] == 1
    assert str(errors[0]) == (
        "FileMaker refused the account 'nexus_import' for database 'Clinic' (code 212). Check user name and"
        " password of the Airflow connection, and that its privilege set has the extended privilege fmrest. It"
        " is not retried: repeated bad logins lock the account (214)."
    )


@pytest.mark.parametrize("code", [214, 802, 9, 10])
def test_other_refusals_of_the_account_are_not_retried(code: int, simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": code, "target": "login", "count": 5}])
    with pytest.raises(FileMakerLoginError) as raised:
        connect().layouts()
    assert raised.value.code == code
    assert simulator.control.state()["faults"]["scripted_errors"][0]["count"] == 4


def test_a_full_server_is_asked_again_until_there_is_room(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(session_cap=1)
    holder = connect()
    holder.found_count(CONTACTS)
    with pytest.raises(FileMakerUnavailable, match="capacity") as raised:
        connect(retry_attempts=3).found_count(CONTACTS)
    assert raised.value.code == 812

    waiting = connect(retry_attempts=50, retry_wait_seconds=0.01)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(waiting.found_count, CONTACTS)
        holder.close()
        assert answer.result(timeout=30) == CONTACT_COUNT


def test_a_session_that_timed_out_is_given_back(simulator: Simulator, connect: Connect) -> None:
    client = connect(read_timeout_seconds=0.2)
    client.layouts()
    simulator.control.hold(CONTACTS)
    with pytest.raises(FileMakerUnavailable):
        client.get_records(CONTACTS, is_timeout_retried=False)
    simulator.control.release()
    assert client.found_count(CONTACTS) == CONTACT_COUNT
    assert client.login_count == 2
    client.close()
    assert simulator.control.state()["sessions_open"] == 0


def test_close_may_be_called_again_and_ends_the_client(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.found_count(CONTACTS)
    client.close()
    client.close()
    with pytest.raises(FileMakerError, match="closed"):
        client.found_count(CONTACTS)
    assert simulator.control.state()["sessions_open"] == 0


def test_close_works_while_a_request_hangs(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.layouts()
    simulator.control.hold(CONTACTS)
    with ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(client.found_count, CONTACTS)
        assert simulator.control.wait_until_held(CONTACTS)
        client.close()
        simulator.control.release()
        hanging.exception(timeout=30)
    assert simulator.control.state()["sessions_open"] == 0


def test_a_log_in_that_ends_after_close_is_taken_back(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    simulator.control.set_faults(latency_ms=300)
    with ThreadPoolExecutor(1) as threads:
        logging_in = threads.submit(client.found_count, CONTACTS)
        while simulator.control.state()["requests_total"] == 0:
            time.sleep(0.005)
        client.close()
        assert "closed" in str(logging_in.exception(timeout=30))
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)


def test_close_works_inside_a_signal_handler(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.layouts()
    simulator.control.hold(CONTACTS)

    def close(_number: int, _frame: object) -> None:
        client.close()
        simulator.control.release()

    earlier = signal.signal(signal.SIGUSR1, close)
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        if simulator.control.wait_until_held(CONTACTS):
            signal.pthread_kill(main, signal.SIGUSR1)

    interrupter = threading.Thread(target=interrupt)
    interrupter.start()
    try:
        # The answer that was on its way may still arrive; nothing is asked after it.
        with contextlib.suppress(FileMakerError):
            client.found_count(CONTACTS)
        with pytest.raises(FileMakerError, match="closed"):
            client.found_count(CONTACTS)
    finally:
        interrupter.join()
        signal.signal(signal.SIGUSR1, earlier)
    assert simulator.control.state()["sessions_open"] == 0


def test_a_client_that_was_never_closed_logs_out_when_python_ends(simulator: Simulator) -> None:
    script = (
        "import sys; from nexus_import.filemaker.client import FileMakerClient\n"
        "client = FileMakerClient(sys.argv[1], 'Clinic', sys.argv[2], sys.stdin.read())\n"
        "assert client.layouts()"
    )
    subprocess.run([sys.executable, "-c", script, simulator.url, USER], input=PASSWORD.encode(), check=True, timeout=60)
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)


def test_neither_token_nor_password_is_ever_written(caplog: pytest.LogCaptureFixture) -> None:
    secrets = [PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()]
    written: list[str] = []
    logging.getLogger("urllib3.connectionpool").filters.clear()  # what an earlier client attached
    with caplog.at_level(logging.DEBUG), Simulator.from_dataset(DATA_SET) as server:
        client = FileMakerClient(server.url, "Clinic", USER, PASSWORD, retry_attempts=2, retry_wait_seconds=0.001)
        client.found_count(CONTACTS)
        secrets += list(client._pool._open_tokens)
        server.control.kill_tokens()
        client.found_count(CONTACTS)
        secrets += list(client._pool._open_tokens)
        written += [repr(client), repr(client._pool), *map(repr, client._pool._places), str(vars(client))]
        client._pool.discard(client._pool._places[-1])
        client.found_count(CONTACTS)
        secrets += list(client._pool._open_tokens)
        server.stop()
        with pytest.raises(FileMakerUnavailable) as raised:
            client.found_count(CONTACTS)
        client.close()
        written += traceback.format_exception(raised.value)
        # The text of requests' own errors holds the path, so none of them may hang on ours.
        assert raised.value.__cause__ is raised.value.__context__ is None
    written.append(caplog.text)
    assert len(secrets) == 5
    assert "/sessions/***" in caplog.text
    assert not [secret for secret in secrets for text in written if secret in text]
