from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from nexus_import.errors import FileMakerError, FileMakerLoginError, FileMakerUnavailable
from nexus_import.filemaker.failures import FileMakerTimedOutError

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, Connect


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
    client = connect(session_idle_seconds=60)
    now = [0.0]
    client._pool._clock = lambda: now[0]
    client.found_count(CONTACTS)
    now[0] += 59
    client.found_count(CONTACTS)
    now[0] += 59
    client.found_count(CONTACTS)
    assert client.login_count == 1
    now[0] += 60
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


def test_a_server_with_room_for_fewer_sessions_is_served_with_those(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(session_cap=1, latency_ms=2)
    with connect(sessions=3, retry_attempts=1) as client, ThreadPoolExecutor(6) as threads:
        counts = list(threads.map(lambda _: client.found_count(CONTACTS), range(30)))
    assert counts == [CONTACT_COUNT] * 30
    state = simulator.control.state()
    assert state["logins_made"] == 1
    assert state["logins_refused"] <= 2, "a place that was refused is given up"
    assert state["sessions_open"] == 0


def test_a_session_that_timed_out_is_given_back(simulator: Simulator, connect: Connect) -> None:
    client = connect()
    client.layouts()
    simulator.control.hold(CONTACTS)
    usual, client._transport.timeout_seconds = client._transport.timeout_seconds, (10.0, 0.2)
    with pytest.raises(FileMakerTimedOutError):
        client.get_records(CONTACTS, is_timeout_retried=False)
    client._transport.timeout_seconds = usual
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
