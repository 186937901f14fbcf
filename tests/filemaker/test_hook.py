from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from nexus_import.errors import ConfigurationError
from nexus_import.filemaker.hook import FileMakerHook

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, PASSWORD, USER


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
    _set(monkeypatch, connection, host="filemaker.invalid", port=8443)
    assert "https://filemaker.invalid:8443" in repr(FileMakerHook().get_conn())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": ""}, "has no host"),
        ({"schema": ""}, "database"),
        ({"login": ""}, "user name"),
        ({"extra": {"page_size": "many"}}, "'page_size'.*whole number"),
        ({"extra": {"sessions": 0}}, "sessions"),
    ],
    ids=str,
)
def test_a_wrong_connection_says_what_is_missing(
    changes: dict[str, Any], message: str, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, connection, **changes)
    with pytest.raises(ConfigurationError, match=message):
        FileMakerHook().get_conn()
    assert FileMakerHook().test_connection()[0] is False


@pytest.mark.usefixtures("connection")
def test_the_connection_form_is_told_that_it_works(simulator: Simulator) -> None:
    is_working, sentence = FileMakerHook().test_connection()
    assert is_working
    assert "FileMaker Data API Engine" in sentence
    assert "4 layouts" in sentence
    state = simulator.control.state()
    assert (state["logins_made"], state["sessions_open"]) == (1, 0)


def test_the_connection_form_is_told_why_it_does_not_work(
    simulator: Simulator, connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, connection, password="wrong")
    is_working, sentence = FileMakerHook().test_connection()
    assert not is_working
    assert "(code 212)" in sentence
    assert simulator.control.state()["logins_refused"] == 1


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
