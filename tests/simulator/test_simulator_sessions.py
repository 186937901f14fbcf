"""Sessions over HTTP: every form of log in, tokens, their life and their limits."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from local.simulator import Simulator
from tests.simulator.tiny_clinic import PASSWORD, TIMEOUT_SECONDS, USER, DataApiClient, outcome

JSON_TYPE = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "options",
    [
        {"json": {}},
        {"json": {"fmDataSource": []}},
        {"json": {"fmDataSource": [{"database": "Other", "username": "u", "password": "p"}]}},
        {"json": None, "headers": JSON_TYPE},
        {"json": None},
        {"json": None, "data": b"{}", "headers": {"Content-Type": "application/json; charset=utf-8"}},
    ],
)
def test_log_in_takes_every_body_that_clients_send(simulator: Simulator, options: dict[str, Any]) -> None:
    client = DataApiClient(simulator)
    answer = client.log_in(**options)
    assert outcome(answer) == (200, "0")
    assert answer.json()["response"] == {"token": client.token}
    assert 49 <= len(client.token) <= 52


@pytest.mark.parametrize("version", ["v1", "v2", "vLatest"])
def test_log_in_takes_a_trailing_slash_on_every_version(simulator: Simulator, version: str) -> None:
    client = DataApiClient(simulator, version=version)
    answer = requests.post(f"{client.base}/sessions/", auth=(USER, PASSWORD), timeout=TIMEOUT_SECONDS)
    assert outcome(answer) == (200, "0")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"auth": None}, (401, "10")),
        ({"auth": (USER, "wrong")}, (401, "212")),
        ({"auth": ("somebody", PASSWORD)}, (401, "212")),
        ({"auth": None, "headers": {"Authorization": "Basic not-base64!"}}, (401, "212")),
        ({"auth": None, "headers": {"Authorization": "Bearer 0123"}}, (401, "212")),
        ({"json": None, "data": b"{broken", "headers": JSON_TYPE}, (400, "1710")),
        ({"json": None, "data": b"{}", "headers": {"Content-Type": "text/plain"}}, (415, "1705")),
        ({"json": {"wrong": 1}}, (400, "960")),
        ({"json": []}, (400, "1708")),
    ],
)
def test_log_in_is_refused(simulator: Simulator, options: dict[str, Any], expected: tuple[int, str]) -> None:
    client = DataApiClient(simulator)
    assert outcome(client.log_in(**options)) == expected
    assert client.token == ""
    assert simulator.control.state()["sessions_open"] == 0


def test_log_in_to_a_database_that_is_not_hosted(simulator: Simulator) -> None:
    url = f"{simulator.url}/fmi/data/v2/databases/Nowhere/sessions"
    assert outcome(requests.post(url, auth=(USER, PASSWORD), timeout=TIMEOUT_SECONDS)) == (500, "802")


def test_log_out_needs_no_authorization_and_works_once(simulator: Simulator, client: DataApiClient) -> None:
    url = f"{client.base}/sessions/{client.token}"
    assert outcome(requests.delete(url, timeout=TIMEOUT_SECONDS)) == (200, "0")
    assert outcome(requests.delete(url, timeout=TIMEOUT_SECONDS)) == (401, "952")
    assert outcome(client.records()) == (401, "952")
    assert simulator.control.state()["sessions_open"] == 0


def test_log_out_at_another_address_ends_nothing(simulator: Simulator, client: DataApiClient) -> None:
    assert outcome(client.call("DELETE", f"sessions/{client.token}/more")) == (404, "1630")
    assert simulator.control.state()["sessions_open"] == 1


def test_validate_session(client: DataApiClient) -> None:
    url = f"{client.root}/validateSession"
    good = client.http.get(url, headers={"Authorization": f"Bearer {client.token}"}, timeout=TIMEOUT_SECONDS)
    assert good.json()["response"] == {"isSessionInUse": False}
    bad = client.http.get(url, headers={"Authorization": "Bearer 00"}, timeout=TIMEOUT_SECONDS)
    assert outcome(bad) == (401, "952")


def test_a_call_without_a_bearer_token(client: DataApiClient) -> None:
    answer = client.call("GET", "layouts", headers={"Authorization": ""})
    assert outcome(answer) == (401, "10")


@pytest.mark.parametrize("database", ["Other", "CLINIC"])
def test_a_token_belongs_to_one_database_under_one_name(client: DataApiClient, database: str) -> None:
    answer = client.http.get(
        f"{client.root}/databases/{database}/layouts",
        headers={"Authorization": f"Bearer {client.token}"},
        timeout=TIMEOUT_SECONDS,
    )
    assert outcome(answer) == (401, "952")


def test_a_session_expires_when_idle_and_every_call_starts_the_time_anew(
    simulator: Simulator, client: DataApiClient
) -> None:
    simulator.control.set_faults(idle_timeout_seconds=900)
    simulator.control.advance_clock(800)
    assert outcome(client.records()) == (200, "0")
    simulator.control.advance_clock(800)
    assert outcome(client.records()) == (200, "0")
    simulator.control.advance_clock(901)
    assert simulator.control.state()["sessions_open"] == 0
    assert outcome(client.records()) == (401, "952")


def test_a_session_is_not_idle_while_a_request_of_it_runs(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.hold("API_Contacts")
    answers: list[requests.Response] = []
    held = threading.Thread(target=lambda: answers.append(client.records()))
    held.start()
    assert simulator.control.wait_until_held("API_Contacts")
    simulator.control.advance_clock(5000)
    assert simulator.control.state()["sessions_open"] == 1
    simulator.control.release()
    held.join(TIMEOUT_SECONDS)
    assert outcome(answers[0]) == (200, "0")
    assert outcome(client.records()) == (200, "0")


def test_log_ins_beyond_the_cap_until_one_logs_out(simulator: Simulator) -> None:
    simulator.control.set_faults(session_cap=2)
    clients = [DataApiClient(simulator) for _ in range(3)]
    codes = [outcome(client.log_in()) for client in clients]
    assert codes == [(200, "0"), (200, "0"), (500, "812")]
    clients[0].call("DELETE", f"sessions/{clients[0].token}")
    assert outcome(clients[2].log_in()) == (200, "0")


def test_an_account_is_locked_after_bad_log_ins(simulator: Simulator) -> None:
    simulator.control.set_faults(bad_logins_before_lock=2)
    client = DataApiClient(simulator)
    codes = [outcome(client.log_in(auth=(USER, "wrong")))[1] for _ in range(3)]
    assert codes == ["212", "212", "214"]
    assert outcome(client.log_in()) == (401, "214")
    simulator.control.clear_faults()
    assert outcome(client.log_in()) == (200, "0")


def test_requests_on_one_token_queue_up_and_other_tokens_do_not(simulator: Simulator, client: DataApiClient) -> None:
    other = DataApiClient(simulator)
    other.log_in()
    simulator.control.hold("API_Contacts")
    done: list[str] = []

    def read(reader: DataApiClient, layout: str) -> None:
        reader.records(layout)
        done.append(layout)

    held = threading.Thread(target=read, args=(client, "API_Contacts"))
    held.start()
    assert simulator.control.wait_until_held("API_Contacts")

    same_token = DataApiClient(simulator)
    same_token.token = client.token
    queued = threading.Thread(target=read, args=(same_token, "API_Empty"))
    queued.start()
    assert outcome(other.records("API_Empty")) == (200, "0")
    queued.join(timeout=0.2)
    assert queued.is_alive()
    assert done == []

    simulator.control.release("API_Contacts")
    held.join(TIMEOUT_SECONDS)
    queued.join(TIMEOUT_SECONDS)
    assert sorted(done) == ["API_Contacts", "API_Empty"]


def test_a_session_that_dies_while_its_answer_is_made(
    simulator: Simulator, client: DataApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.control.set_faults(cost_per_record_us=1)
    monkeypatch.setattr("local.simulator.behaviour.faults.sleep", lambda _seconds: simulator.control.kill_tokens())
    assert outcome(client.records()) == (500, "112")


def test_a_session_that_dies_while_its_write_waits_writes_nothing(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.hold("API_Empty")
    answers: list[requests.Response] = []
    body = {"fieldData": {"id": "1"}}
    held = threading.Thread(target=lambda: answers.append(client.call("POST", "layouts/API_Empty/records", json=body)))
    held.start()
    assert simulator.control.wait_until_held("API_Empty")
    simulator.control.kill_tokens()
    simulator.control.release()
    held.join(TIMEOUT_SECONDS)
    assert outcome(answers[0]) == (500, "112")
    assert simulator.control.state()["records"]["API_Empty"] == 0


def test_a_session_that_dies_during_its_request_answers_112(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.hold("API_Contacts")
    answers: list[requests.Response] = []
    held = threading.Thread(target=lambda: answers.append(client.records()))
    held.start()
    assert simulator.control.wait_until_held("API_Contacts")
    assert simulator.control.kill_tokens() == 1
    simulator.control.release()
    held.join(TIMEOUT_SECONDS)
    assert outcome(answers[0]) == (500, "112")
    assert outcome(client.records()) == (401, "952")
