"""The control API over HTTP, the data set's files, and the simulator as a process of its own."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from local.simulator import Simulator
from local.simulator.data.dataset import DataSet, DataSetError
from tests.simulator.tiny_clinic import CLINIC, TIMEOUT_SECONDS, DataApiClient, numbers, outcome, text_id

REPOSITORY = Path(__file__).parents[2]


def control(simulator: Simulator, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{simulator.control_url}/{path}", json=body, timeout=TIMEOUT_SECONDS)


def write_data_set(directory: Path) -> Path:
    described = copy.deepcopy(CLINIC)
    for layout in described.pop("layouts"):
        name = quote(layout["layout"], safe="")
        (directory / f"{name}.json").write_text(json.dumps(layout), encoding="utf-8")
    (directory / "database.json").write_text(json.dumps(described), encoding="utf-8")
    return directory


def test_state_counts_sessions_requests_and_records(simulator: Simulator, client: DataApiClient) -> None:
    client.records()
    client.find({"id": "nothing"})
    client.records("API_Empty")
    client.call("GET", "layouts/API_Contacts")
    state = control(simulator, "GET", "state").json()
    assert state == simulator.control.state()
    assert (state["sessions_open"], state["logins_made"], state["requests_total"]) == (1, 1, 5)
    assert state["requests"] == {"API_Contacts": 2, "API_Empty": 1}
    assert state["records"] == {"API_Contacts": 6, "Names/Ärzte": 6, "API_Visits": 4, "API_Empty": 0}


def test_faults_over_http(simulator: Simulator, client: DataApiClient) -> None:
    body = {"data_cap": True, "session_cap": 1, "between_pages": []}
    assert control(simulator, "POST", "faults", body).status_code == 200
    assert outcome(client.records()) == (500, "953")
    assert outcome(DataApiClient(simulator).log_in()) == (500, "812")
    assert control(simulator, "DELETE", "faults").status_code == 200
    assert outcome(client.records()) == (200, "0")
    assert control(simulator, "POST", "kill_tokens").json() == {"killed": 1}
    assert outcome(client.records()) == (401, "952")


def test_the_clock_and_a_release_over_http(simulator: Simulator, client: DataApiClient) -> None:
    control(simulator, "POST", "faults", {"hold": ["API_Contacts"]})
    answers: list[requests.Response] = []
    thread = threading.Thread(target=lambda: answers.append(client.records()))
    thread.start()
    assert simulator.control.wait_until_held("API_Contacts")
    assert control(simulator, "POST", "release", {"layout": "API_Contacts"}).status_code == 200
    thread.join(TIMEOUT_SECONDS)
    assert outcome(answers[0]) == (200, "0")
    control(simulator, "POST", "advance_clock", {"seconds": 901})
    assert outcome(client.records()) == (401, "952")


def test_container_addresses_over_http(simulator: Simulator) -> None:
    assert control(simulator, "POST", "expire_container_urls").json() == {"expired": 0}


def test_records_over_http_and_reset(simulator: Simulator, client: DataApiClient) -> None:
    path = "layouts/API_Contacts/records"
    fields = {"fieldData": {"id": text_id(7), "name": "Gil"}}
    assert control(simulator, "POST", path, fields).json() == {"recordId": "17"}
    control(simulator, "PATCH", f"{path}/17", {"fieldData": {"name": "Gus"}})
    control(simulator, "DELETE", f"{path}/11")
    assert numbers(client.find({"name": "gus"})) == [7]
    assert numbers(client.records()) == [2, 3, 4, 5, 6, 7]

    assert control(simulator, "POST", "reset").status_code == 200
    state = simulator.control.state()
    assert (state["sessions_open"], state["logins_made"], state["requests"]) == (0, 0, {})
    client.log_in()
    assert numbers(client.records()) == [1, 2, 3, 4, 5, 6]
    assert len(numbers(client.records("Names/Ärzte"))) == 6


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "faults", {"no_such_fault": 1}, 400, "unknown fault 'no_such_fault'; known: "),
        ("POST", "faults", [1], 400, "the body takes a JSON object"),
        ("POST", "between_pages", [{"layout": "API_Nothing", "operation": "insert"}], 400, "layout 'API_Nothing': "),
        ("POST", "between_pages", {"layout": "API_Contacts"}, 400, "'between_pages' takes a list of changes"),
        ("DELETE", "layouts/API_Contacts/records/99", None, 400, "records/99: Record is missing (101)"),
        ("POST", "layouts/API_Contacts/records", {"fieldData": {"shoe size": 9}}, 400, "Field is missing (102)"),
        ("POST", "layouts/API_Contacts/records", {"fieldData": []}, 400, "'fieldData' takes an object"),
        ("POST", "advance_clock", {"seconds": "many"}, 400, "'seconds' takes a number that is not negative"),
        ("POST", "layouts/API_Contacts/records?database=None", {}, 400, "no database 'None' is hosted; hosted: Clinic"),
        ("POST", "layouts/API_Contacts/records", [], 400, "the body takes a JSON object"),
        ("POST", "faults", {"closed_databases": ["None"]}, 400, "no database 'None' is hosted; hosted: Clinic"),
        ("POST", "release", {"layout": "API_Contact"}, 400, "no hosted database has a layout 'API_Contact'"),
        ("PUT", "layouts/API_Contacts/records/11", {}, 404, "no such call; there are: GET /state, "),
        ("GET", "faults", None, 404, "no such call; there are: GET /state, "),
        ("POST", "nothing", None, 404, "no such call; there are: GET /state, "),
    ],
)
def test_control_calls_that_are_refused(
    simulator: Simulator, method: str, path: str, body: Any, status: int, message: str
) -> None:
    answer = control(simulator, method, path, body)
    assert answer.status_code == status
    assert message in answer.json()["error"]


def test_a_directory_and_a_mapping_are_the_same_data_set(tmp_path: Path) -> None:
    directory = DataSet.read(write_data_set(tmp_path))
    mapping = DataSet.read({**CLINIC, "layouts": {item["layout"]: item for item in CLINIC["layouts"]}})
    assert set(directory.layouts) == set(mapping.layouts)
    for name, layout in directory.layouts.items():
        assert layout.fields == mapping.layouts[name].fields
        assert [record.fields for record in layout.table.rows()] == [
            record.fields for record in mapping.layouts[name].table.rows()
        ]
    assert directory.layouts["Names/Ärzte"].table is directory.layouts["API_Contacts"].table


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("database.json", "{}", "has no 'database'"),
        ("database.json", "{broken", "database.json"),
        ("API_Empty.json", "[]", "API_Empty.json: expected a JSON object"),
        ("API_Empty.json", '{"fields": [{"name": "x", "result": "blob"}]}', "unknown result type 'blob'"),
        (
            "Other.json",
            '{"table": "Contacts", "fields": [{"name": "shoe"}]}',
            "table Contacts has no field shoe",
        ),
        ("Other.json", '{"fields": [], "records": [{"fieldData": {}}]}', "record 1 has no 'recordId'"),
    ],
)
def test_a_broken_data_set_is_named(tmp_path: Path, file: str, content: str, message: str) -> None:
    (write_data_set(tmp_path) / file).write_text(content, encoding="utf-8")
    with pytest.raises(DataSetError, match=message):
        DataSet.read(tmp_path)


def start_process(directory: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "local.simulator", "--data", str(directory), *options],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_process_says_its_address_takes_faults_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    port_file = tmp_path / "ports.json"
    options = ["--port-file", str(port_file), "--session-cap", "3", "--unavailable-requests", "1"]
    more_faults = ["--faults", '{"data_cap": true}', "--slow-layout", "API_Empty", "0.01"]
    with start_process(write_data_set(tmp_path), *options, *more_faults) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first_line = process.stdout.readline()
        ports = json.loads(port_file.read_text())
        assert first_line == f"FileMaker Data API on {ports['url']}\n"
        assert requests.get(ports["url"], timeout=TIMEOUT_SECONDS).status_code == 502
        state = requests.get(f"{ports['control_url']}/state", timeout=TIMEOUT_SECONDS).json()
        assert (state["session_cap"], state["faults"]["data_cap"]) == (3, True)
        assert state["faults"]["slow_layout"] == {"API_Empty": 0.01}
        process.send_signal(number)
        assert process.wait(TIMEOUT_SECONDS) == 0
        assert process.stderr.read() == ""


def test_the_process_says_what_is_wrong_with_its_data(tmp_path: Path) -> None:
    with start_process(tmp_path) as process:
        _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 1
    assert errors.startswith("python -m local.simulator: database.json: FileNotFoundError")


def test_stopping_closes_idle_connections_and_frees_the_port() -> None:
    others = set(threading.enumerate())
    running = Simulator.from_dataset(copy.deepcopy(CLINIC))
    client = DataApiClient(running)
    client.log_in()
    running.stop()
    with pytest.raises(requests.ConnectionError):
        client.records()
    with Simulator.from_dataset(copy.deepcopy(CLINIC), port=running.port) as again:
        assert again.port == running.port
    left = set(threading.enumerate()) - others
    for thread in left:
        thread.join(TIMEOUT_SECONDS)
    assert not [thread.name for thread in left if thread.is_alive()]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("latency", "latency_ms"),
        ("kill_token", "kill_tokens"),
        ("session_caps", "session_cap"),
        ("empty_layout", "empty_layout_is_error"),
        ("between_page", "between_pages"),
    ],
)
def test_an_unknown_fault_is_answered_with_all_there_are_and_the_nearest_first(
    simulator: Simulator, name: str, nearest: str
) -> None:
    error = control(simulator, "POST", "faults", {name: 1}).json()["error"]
    start, _, listed = error.partition("; known: ")
    known = listed.split(", ")
    assert start == f"unknown fault {name!r}"
    assert known[0] == nearest
    state = simulator.control.state()
    limits = {"session_cap", "idle_timeout_seconds", "bad_logins_before_lock"}
    actions = {"kill_tokens", "expire_container_urls", "between_pages"}
    assert set(known) == {*state["faults"], *state["variants"], *limits, *actions}
