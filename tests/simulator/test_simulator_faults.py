"""Every fault, switched on through the control object, seen over HTTP by a client that retries nothing."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from local.simulator import Simulator
from local.simulator.api.changes import ChangeError
from local.simulator.behaviour.faults import FaultError
from tests.simulator.tiny_clinic import TIMEOUT_SECONDS, DataApiClient, numbers, outcome, text_id


def test_killed_tokens_answer_952_until_a_new_log_in(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(kill_tokens=True)
    assert outcome(client.records()) == (401, "952")
    client.log_in()
    assert outcome(client.records()) == (200, "0")
    assert simulator.control.state()["logins_made"] == 2


def test_an_engine_that_is_down_answers_html_a_number_of_times(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(unavailable_requests=2)
    answers = [client.records(), client.log_in()]
    assert [answer.status_code for answer in answers] == [502, 502]
    assert all(answer.headers["Content-Type"] == "text/html" for answer in answers)
    assert "<html>" in answers[0].text
    assert outcome(client.log_in()) == (200, "0")


@pytest.mark.parametrize("status", [404, 502, 503, 504])
def test_what_stands_in_front_of_an_engine_that_is_down(
    simulator: Simulator, client: DataApiClient, status: int
) -> None:
    simulator.control.set_faults(unavailable_requests=1, unavailable_status=status)
    answer = client.records()
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")
    assert outcome(client.records()) == (200, "0")


def test_every_session_dies_after_a_number_of_requests_for_data(simulator: Simulator, client: DataApiClient) -> None:
    other = DataApiClient(simulator)
    other.log_in()
    simulator.control.set_faults(kill_tokens_after=2)
    assert [outcome(client.records()), outcome(other.find({"id": "*"}))] == [(200, "0"), (200, "0")]
    assert outcome(client.call("GET", "layouts")) == (200, "0"), "metadata is not counted"
    assert outcome(client.records()) == (401, "952")
    assert outcome(other.records()) == (401, "952")
    client.log_in()
    assert [outcome(client.records()) for _ in range(3)] == [(200, "0")] * 3


def test_401_as_html_spares_the_log_in(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(html_401_requests=1)
    assert outcome(client.log_in()) == (200, "0")
    answer = client.records()
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html")
    assert outcome(client.records()) == (200, "0")


def test_dropped_and_truncated_answers(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(dropped_requests=1)
    with pytest.raises(requests.ConnectionError):
        client.records()
    simulator.control.set_faults(truncated_responses=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.records()
    assert outcome(client.records()) == (200, "0")


def test_the_data_cap_spares_metadata(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(data_cap=True)
    assert outcome(client.records()) == (500, "953")
    assert outcome(client.find({"id": "*"})) == (500, "953")
    assert outcome(client.call("GET", "layouts")) == (200, "0")


@pytest.mark.parametrize(
    ("scripted", "expected"),
    [
        ({"code": 301}, (500, "301")),
        ({"code": 112}, (500, "112")),
        ({"code": 956}, (500, "956")),
        ({"code": 200}, (500, "200")),
        ({"code": 812, "status": 503}, (503, "812")),
        ({"code": 4711}, (500, "4711")),
    ],
)
def test_scripted_errors_come_once_at_their_turn(
    simulator: Simulator, client: DataApiClient, scripted: dict[str, Any], expected: tuple[int, str]
) -> None:
    simulator.control.set_faults(scripted_errors=[{**scripted, "target": "API_Contacts", "after": 1}])
    assert outcome(client.records("API_Visits")) == (200, "0")
    codes = [outcome(client.records()) for _ in range(3)]
    assert codes == [(200, "0"), expected, (200, "0")]


STATUSES = {
    401: (9, 10, 212, 214, 952),
    500: (100, 101, 102, 104, 105, 106, 112, 200, 201, 202, 301, 306, 400, 401, *range(500, 512), 802, 812, 953, 956),
    400: (958, 960, 1708, 1710),
    404: (1630,),
    405: (1704,),
    415: (1705,),
}


@pytest.mark.parametrize(("status", "code"), [(status, code) for status, codes in STATUSES.items() for code in codes])
def test_every_code_has_its_status_and_its_words(
    simulator: Simulator, client: DataApiClient, status: int, code: int
) -> None:
    simulator.control.set_faults(scripted_errors=[{"code": code}])
    answer = client.records()
    assert outcome(answer) == (status, str(code))
    assert answer.json()["messages"][0]["message"] not in ("", "Unknown error")


def test_a_scripted_error_of_the_log_in(simulator: Simulator) -> None:
    error = {"code": 9, "target": "login", "message": "Insufficient privileges"}
    simulator.control.set_faults(scripted_errors=[error])
    client = DataApiClient(simulator)
    assert outcome(client.log_in()) == (401, "9")
    assert outcome(client.log_in()) == (200, "0")


@pytest.mark.parametrize(
    ("faults", "expected_seconds"),
    [
        ({"latency_ms": 200}, 0.2),
        ({"slow_layout": {"API_Contacts": 3, "API_Visits": 9}}, 3.0),
        ({"latency_ms": 500, "slow_layout": {"API_Contacts": 1}}, 1.5),
        ({"cost_per_record_us": 1000}, 0.006),
        ({"cost_per_record_us": 1000, "serial_engine": True}, 0.006),
    ],
)
def test_slowness_takes_its_time(
    simulator: Simulator,
    client: DataApiClient,
    monkeypatch: pytest.MonkeyPatch,
    faults: dict[str, Any],
    expected_seconds: float,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("local.simulator.behaviour.faults.sleep", slept.append)
    simulator.control.set_faults(**faults)
    assert len(numbers(client.records())) == 6
    assert slept == [pytest.approx(expected_seconds)]


def test_a_held_layout_lets_some_requests_pass_first(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.hold("API_Contacts", after_requests=1)
    assert len(numbers(client.records())) == 6
    answers: list[requests.Response] = []
    thread = threading.Thread(target=lambda: answers.append(client.records()))
    thread.start()
    assert simulator.control.wait_until_held("API_Contacts")
    assert simulator.control.state()["held"] == {"API_Contacts": 1}
    assert answers == []
    simulator.control.release("API_Contacts")
    thread.join(TIMEOUT_SECONDS)
    assert outcome(answers[0]) == (200, "0")
    assert simulator.control.state()["held"] == {}


def test_log_out_works_while_a_request_of_the_session_is_held(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.hold("API_Contacts")
    answers: list[requests.Response] = []
    thread = threading.Thread(target=lambda: answers.append(client.records()))
    thread.start()
    assert simulator.control.wait_until_held("API_Contacts")
    url = f"{client.base}/sessions/{client.token}"
    assert outcome(requests.delete(url, timeout=TIMEOUT_SECONDS)) == (200, "0")
    assert simulator.control.state()["sessions_open"] == 0
    simulator.control.release()
    thread.join(TIMEOUT_SECONDS)
    assert outcome(answers[0]) == (500, "112")


def test_a_deleted_row_shifts_the_next_page(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.between_pages(
        [{"after_requests": 2, "layout": "API_Contacts", "operation": "delete", "record_id": 11}]
    )
    pages = [numbers(client.records(_offset=start, _limit="2")) for start in ("1", "3", "5")]
    assert pages == [[1, 2], [3, 4], [6]]


def test_inserted_and_edited_rows_between_pages(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(
        between_pages=[
            {"layout": "API_Contacts", "operation": "insert", "fields": {"id": text_id(0)}},
            {
                "after_requests": 2,
                "layout": "API_Contacts",
                "operation": "edit",
                "where": {"name": "Anna Müller"},
                "fields": {"name": "Anna Moved"},
            },
            {"after_requests": 2, "layout": "API_Contacts", "operation": "delete", "record_id": "99"},
        ]
    )
    by_id = [{"fieldName": "id"}]
    assert numbers(client.records(_sort=by_id, _limit="3")) == [1, 2, 3]
    assert numbers(client.records(_sort=by_id, _limit="3", _offset="4")) == [3, 4, 5]
    assert numbers(client.find({"name": "moved"})) == [1]
    state = simulator.control.state()
    assert (state["changes_pending"], state["changes_applied"], state["changes_skipped"]) == (0, 2, 1)


@pytest.mark.parametrize(
    "planned",
    [
        {"layout": "API_Nothing", "operation": "insert"},
        {"layout": "API_Contacts", "operation": "rename", "record_id": "11"},
        {"layout": "API_Contacts", "operation": "delete"},
        {"layout": "API_Contacts", "operation": "insert", "fields": {"shoe size": 9}},
        {"layout": "API_Contacts", "operation": "edit", "where": {"shoe size": 9}},
        {"layout": "API_Contacts"},
        {"layout": "API_Contacts", "operation": "insert", "recordId": "11"},
        {"layout": "API_Contacts", "operation": "insert", "after_requests": "2"},
        {"layout": "API_Contacts", "operation": "insert", "after_requests": 0},
        {"layout": "API_Contacts", "operation": "insert", "fields": ["id"]},
        {"layout": "API_Contacts", "operation": "insert", "database": "Clinik"},
        ["API_Contacts", "insert"],
    ],
)
def test_planned_changes_that_cannot_work_are_refused(simulator: Simulator, planned: Any) -> None:
    quiet = simulator.control.state()
    good = {"layout": "API_Contacts", "operation": "insert"}
    with pytest.raises((ChangeError, FaultError)):
        simulator.control.set_faults(latency_ms=1, between_pages=[good, planned])
    assert simulator.control.state() == quiet


@pytest.mark.parametrize(
    "faults",
    [
        {"latency": 5},
        {"latency_ms": "5"},
        {"unavailable_requests": -1},
        {"data_cap": 1},
        {"slow_layout": 3},
        {"scripted_errors": [{"status": 500}]},
        {"scripted_errors": "301"},
        {"session_cap": True},
        {"session_cap": float("nan")},
        {"latency_ms": float("inf")},
        {"hold": {"API_Contacts": "x"}},
        {"hold": 3},
        {"unavailable_status": 200},
        {"kill_tokens_after": -1},
        {"kill_tokens": 1},
        {"expire_container_urls": "now"},
        {"locked_records": ["1"]},
        {"closed_databases": {"Clinic": True}},
        {"scripted_errors": [{"code": "301"}]},
        {"scripted_errors": [{"code": 301, "status": 99}]},
        {"scripted_errors": [{"code": 301, "layout": "API_Contacts"}]},
        {"scripted_errors": [{"code": 301, "count": 0}]},
        {"scripted_errors": [{"code": 301, "target": "API_Contact"}]},
        {"hold": ["API_Contact"]},
        {"slow_layout": {"API_Contact": 1}},
        {"locked_records": {"API_Contact": ["1"]}},
        {"closed_databases": ["Clinik"]},
        {"unavailable_requests": 1.5},
        {"kill_tokens_after": 1.5},
        {"session_cap": 1.5},
        {"latency_ms": 1e18},
    ],
)
def test_faults_that_cannot_work_are_refused(simulator: Simulator, faults: dict[str, Any]) -> None:
    quiet = simulator.control.state()
    with pytest.raises(FaultError):
        simulator.control.set_faults(**{"data_cap": True, **faults})
    assert simulator.control.state() == quiet


def test_clearing_puts_everything_back(simulator: Simulator, client: DataApiClient) -> None:
    quiet = simulator.control.state()
    simulator.control.set_faults(
        latency_ms=1, unavailable_requests=9, session_cap=1, idle_timeout_seconds=5, hold=["API_Contacts"]
    )
    assert simulator.control.state()["faults"] != quiet["faults"]
    simulator.control.clear_faults()
    assert simulator.control.state() == quiet
    assert outcome(client.records()) == (200, "0")
