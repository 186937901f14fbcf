from __future__ import annotations

import gc
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from nexus_import.errors import ConfigurationError, FileMakerError
from nexus_import.filemaker.failures import FileMakerTimedOutError
from nexus_import.filemaker.hook import FileMakerHook

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, EMPTY, PASSWORD, USER


@pytest.fixture
def connection(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put the simulator into the environment as Airflow's connection; return it for changes."""
    description = {
        "conn_type": "filemaker",
        "host": simulator.url,
        "schema": "Clinic",
        "login": USER,
        "password": PASSWORD,
        "extra": {"page_size": 10, "sessions": None, "ca_file": ""},
    }
    monkeypatch.setenv("AIRFLOW_CONN_FILEMAKER_DEFAULT", json.dumps(description))
    return description


def _set(monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], **changes: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_FILEMAKER_DEFAULT", json.dumps(connection | changes))


@pytest.mark.usefixtures("connection")
def test_a_connection_of_the_environment_opens_a_client(simulator: Simulator) -> None:
    with FileMakerHook().get_conn() as client:
        assert client.page_size == 10
        assert client.found_count(CONTACTS) == CONTACT_COUNT
        assert len(client.get_records(CONTACTS).records) == 10
    assert simulator.control.state()["sessions_open"] == 0


@pytest.mark.usefixtures("connection")
def test_options_of_the_hook_win_over_the_connection() -> None:
    assert FileMakerHook(page_size=3).get_conn().page_size == 3


def test_host_and_port_may_be_apart(
    simulator: Simulator, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, connection, host="http://127.0.0.1", port=simulator.port)
    with FileMakerHook().get_conn() as client:
        assert client.found_count(CONTACTS) == CONTACT_COUNT
    for host, port in [("filemaker.invalid", 8443), ("filemaker.invalid:8443", 8443), ("filemaker.invalid:8443", None)]:
        _set(monkeypatch, connection, host=host, port=port)
        assert "https://filemaker.invalid:8443 " in repr(FileMakerHook().get_conn())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": ""}, "has no host"),
        ({"host": "http://127.0.0.1:8443", "port": 443}, "names port 8443, its port is 443: take the port out"),
        ({"host": "http://127.0.0.1:x", "port": 443}, "port .* must be a number"),
        ({"schema": ""}, "database"),
        ({"login": ""}, "user name"),
        ({"extra": {"page_size": "many"}}, "'page_size'.*whole number"),
        ({"extra": {"sessions": 0}}, "sessions"),
        ({"extra": {"read_timeout": "long"}}, "'read_timeout'.*number of seconds"),
        ({"extra": {"connect_timeout": 0}}, "more than 0 seconds"),
        ({"extra": {"ca_file": "/nowhere/ca.pem"}}, "'/nowhere/ca.pem' .* does not exist"),
    ],
    ids=str,
)
def test_a_wrong_connection_says_what_is_missing(
    changes: dict[str, Any], message: str, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, connection, **changes)
    with pytest.raises(ConfigurationError, match=message) as raised:
        FileMakerHook().get_conn()
    assert FileMakerHook().test_connection() == (False, str(raised.value))


@pytest.mark.usefixtures("connection")
def test_the_connection_is_tested_with_one_session_and_its_layouts(
    simulator: Simulator, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for layouts in ([CONTACTS, EMPTY], f"{CONTACTS}\n {EMPTY} \n\n"):
        simulator.control.reset()
        _set(monkeypatch, connection, extra={"layouts": layouts})
        is_working, sentence = FileMakerHook().test_connection()
        assert is_working
        assert sentence.endswith("2 layouts named here can be read.")
        state = simulator.control.state()
        assert (state["logins_made"], state["sessions_open"]) == (1, 0)
        assert state["requests"].keys() == {CONTACTS, EMPTY}


def test_a_connection_that_fails_is_told_at_once(
    simulator: Simulator, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, connection, password="wrong")
    is_working, sentence = FileMakerHook().test_connection()
    assert not is_working
    assert "(code 212)" in sentence
    assert simulator.control.state()["logins_refused"] == 1
    _set(monkeypatch, connection)
    simulator.control.set_faults(unavailable_requests=100)
    assert "HTTP 502" in FileMakerHook().test_connection()[1]
    assert simulator.control.state()["faults"]["unavailable_requests"] == 99, "asked once"


def test_time_outs_come_from_the_connection(
    simulator: Simulator, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, connection, extra={"read_timeout": 0.1, "connect_timeout": "2.5"})
    simulator.control.hold(CONTACTS)
    client = FileMakerHook(retry_attempts=1).get_conn()
    with client, pytest.raises(FileMakerTimedOutError, match=r"did not answer within 0\.1 s"):
        client.found_count(CONTACTS)
    assert client._transport.timeout_seconds == (2.5, 0.1)
    simulator.control.release()


@pytest.mark.usefixtures("connection")
def test_on_kill_releases_every_client_of_the_hook(simulator: Simulator) -> None:
    hook = FileMakerHook()
    clients = [hook.get_conn() for _ in range(2)]
    for client in clients:
        client.found_count(CONTACTS)
    assert simulator.control.state()["sessions_open"] == 2
    hook.on_kill()
    assert simulator.control.state()["sessions_open"] == 0
    with pytest.raises(FileMakerError, match="closed"):
        clients[0].found_count(CONTACTS)


@pytest.mark.usefixtures("connection")
def test_a_client_nobody_holds_does_not_stay_because_of_its_hook() -> None:
    hook = FileMakerHook()
    with hook.get_conn():
        pass
    gc.collect()
    assert len(hook._clients) == 0


@pytest.mark.usefixtures("connection")
def test_sigterm_logs_out_and_then_does_what_airflow_does(simulator: Simulator) -> None:
    open_when_airflow_was_told: list[int] = []

    def of_airflow(_number: int, _frame: object) -> None:
        open_when_airflow_was_told.append(simulator.control.state()["sessions_open"])

    earlier = signal.signal(signal.SIGTERM, of_airflow)
    try:
        with FileMakerHook().open_client() as client:
            client.found_count(CONTACTS)
            assert simulator.control.state()["sessions_open"] == 1
            signal.raise_signal(signal.SIGTERM)
        assert open_when_airflow_was_told == [0]
        assert signal.getsignal(signal.SIGTERM) is of_airflow
    finally:
        signal.signal(signal.SIGTERM, earlier)


@pytest.mark.usefixtures("connection")
def test_sigterm_ends_a_program_that_has_no_handler(simulator: Simulator) -> None:
    earlier = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with FileMakerHook().open_client() as client:
            client.found_count(CONTACTS)
            with pytest.raises(SystemExit) as ended:
                signal.raise_signal(signal.SIGTERM)
        assert ended.value.code == 143
        assert simulator.control.state()["sessions_open"] == 0
    finally:
        signal.signal(signal.SIGTERM, earlier)


@pytest.mark.usefixtures("connection")
def test_a_client_opens_in_any_thread(simulator: Simulator) -> None:
    def count() -> int:
        with FileMakerHook().open_client() as client:
            return client.found_count(CONTACTS)

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(count).result(timeout=30) == CONTACT_COUNT
    assert simulator.control.state()["sessions_open"] == 0


@pytest.mark.parametrize(
    "host", ["foo..bar.example", "https://foo..bar.example", f"{'a' * 64}.example.com", "exa mple.com", "*.foo"]
)
def test_a_malformed_host_is_a_sentence_in_the_form(
    host: str, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, connection, host=host)
    is_working, sentence = FileMakerHook().test_connection()
    assert not is_working
    assert sentence.startswith(
        f"The host '{host.removeprefix('https://')}' of the FileMaker connection is no host name: "
    )
