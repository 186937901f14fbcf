"""Writing: what validation refuses, rows of portals, locked records, dates as the request writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulator import Simulator
from tests.simulator.tiny_clinic import DataApiClient, outcome
from tests.simulator.worlds import field_data, world

VISITS = {
    "layout": "Visits",
    "table": "visit_TO",
    "fields": [
        {"name": "id", "notEmpty": True, "validation": {"unique": True}},
        {"name": "kind", "validation": {"valueList": "Kinds"}},
        {"name": "note", "maxCharacters": 5},
        {"name": "fee", "result": "number", "validation": {"range": [10, 99]}},
        {"name": "on", "result": "date", "validation": {"range": ["01/01/2020", "12/31/2029"]}},
        {"name": "phone", "maxRepeat": 2},
    ],
    "valueLists": [{"name": "Kinds", "values": [{"value": "New"}, {"value": "Review"}]}],
    "portals": [
        {
            "name": "Lines",
            "table": "line_TO",
            "fields": [{"name": "line_TO::fee", "result": "number"}, {"name": "line_TO::on", "result": "date"}],
        }
    ],
    "records": [
        {
            "recordId": "1",
            "fieldData": {"id": "A", "kind": "New", "fee": 50},
            "portalData": {
                "Lines": [
                    {"recordId": "4", "modId": "2", "line_TO::fee": 1},
                    {"recordId": "5", "line_TO::fee": 2},
                ]
            },
        },
        {"recordId": "2", "fieldData": {"id": "B"}},
    ],
}
PATH = "layouts/Visits/records"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator.from_dataset(world(VISITS, dateFormat="dd.MM.yyyy", scripts={"Nightly": {}})) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.control.reset()


def create(client: DataApiClient, fields: Any, **more: Any) -> Any:
    return client.call("POST", PATH, json={"fieldData": fields, **more})


def edit(client: DataApiClient, fields: Any, record_id: str = "1", **more: Any) -> Any:
    return client.call("PATCH", f"{PATH}/{record_id}", json={"fieldData": fields, **more})


def record(client: DataApiClient, record_id: str = "1") -> dict[str, Any]:
    answer = client.call("GET", f"{PATH}/{record_id}")
    assert outcome(answer) == (200, "0")
    shown: dict[str, Any] = answer.json()["response"]["data"][0]
    return shown


def fees(client: DataApiClient, record_id: str = "1") -> list[tuple[str, Any, str]]:
    rows = record(client, record_id)["portalData"]["Lines"]
    return [(row["recordId"], row["line_TO::fee"], row["modId"]) for row in rows]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"id": ""}, 509),
        ({"id": "a"}, 504),
        ({"id": "C", "kind": "old"}, 506),
        ({"id": "C", "note": "123456"}, 511),
        ({"id": "C", "fee": 9}, 503),
        ({"id": "C", "fee": 99.5}, 503),
        ({"id": "C", "on": "12/31/2019"}, 503),
        ({"id": "C", "on": "tomorrow"}, 500),
        ({"id": "C", "kind": "review", "note": "12345", "fee": 10, "on": "1/1/2020"}, 0),
        ({"id": "C", "kind": "", "note": "", "fee": "", "on": ""}, 0),
    ],
)
def test_validation(client: DataApiClient, fields: dict[str, Any], code: int) -> None:
    expected = (500 if code else 200, str(code))
    assert outcome(create(client, fields)) == expected
    assert len(field_data(client.records("Visits"))) == (2 if code else 3)
    assert outcome(edit(client, fields, "2")) == (expected if code else (500, "504"))


def test_an_edit_is_validated_for_what_it_writes_and_may_keep_its_own_unique_value(client: DataApiClient) -> None:
    assert outcome(edit(client, {"id": "A", "note": "x"})) == (200, "0")
    assert outcome(edit(client, {"note": "y"}, "2")) == (200, "0")
    assert outcome(edit(client, {"id": ""}, "2")) == (500, "509")
    assert outcome(create(client, {"note": "no id"})) == (500, "509")


def test_the_control_writes_what_validation_forbids(simulator: Simulator, client: DataApiClient) -> None:
    record_id = simulator.control.insert_record("Visits", {"id": "A", "fee": 1000, "kind": "old"})
    assert record(client, record_id)["fieldData"]["fee"] == 1000


def test_repetitions_are_written_by_number(client: DataApiClient) -> None:
    assert outcome(edit(client, {"phone": "1", "phone(2)": "2"})) == (200, "0")
    assert [record(client)["fieldData"][f"phone({number})"] for number in (1, 2)] == ["1", "2"]
    assert outcome(edit(client, {"phone(3)": "3"})) == (500, "102")


@pytest.mark.parametrize(
    ("dateformats", "given", "code"),
    [
        (None, "3/4/2025", 0),
        (0, "03/04/2025", 0),
        (0, "2025-03-04", 500),
        (0, "04.03.2025", 500),
        (1, "04.03.2025", 0),
        (1, "03/04/2025", 500),
        ("2", "2025-03-04", 0),
        (2, "03/04/2025", 500),
    ],
)
def test_dates_are_read_as_the_request_says(client: DataApiClient, dateformats: Any, given: str, code: int) -> None:
    more = {} if dateformats is None else {"dateformats": dateformats}
    assert outcome(edit(client, {"on": given}, **more)) == (500 if code else 200, str(code))
    assert record(client)["fieldData"]["on"] == ("" if code else "03/04/2025")


def test_rows_are_made_with_their_record(client: DataApiClient) -> None:
    lines = {"Lines": [{"line_TO::fee": 7}, {"line_TO::on": "1/2/2025"}]}
    answer = create(client, {"id": "C"}, portalData=lines).json()["response"]
    made = [{"tableName": "line_TO", "recordId": number, "modId": "0"} for number in ("6", "7")]
    assert answer == {"recordId": "3", "modId": "0", "newPortalRecordInfo": made}
    assert fees(client, "3") == [("6", 7, "0"), ("7", "", "0")]
    assert record(client, "3")["portalData"]["Lines"][1]["line_TO::on"] == "01/02/2025"
    assert fees(client) == [("4", 1, "2"), ("5", 2, "0")]


def test_rows_are_changed_added_and_deleted_through_their_record(simulator: Simulator, client: DataApiClient) -> None:
    lines = {"Lines": [{"recordId": "4", "modId": "2", "line_TO::fee": 11}, {"line_TO::fee": 3}]}
    answer = edit(client, {"note": "x"}, portalData=lines).json()["response"]
    assert answer["modId"] == "1"
    assert [info["recordId"] for info in answer["newPortalRecordInfo"]] == ["6"]
    assert fees(client) == [("4", 11, "3"), ("5", 2, "0"), ("6", 3, "0")]
    assert outcome(edit(client, {"deleteRelated": "Lines.5"})) == (200, "0")
    assert fees(client) == [("4", 11, "3"), ("6", 3, "0")]
    assert outcome(edit(client, {"deleteRelated": ["Lines.4", "Lines.6"]})) == (200, "0")
    assert fees(client) == []
    simulator.control.reset()
    client.log_in()
    assert fees(client) == [("4", 1, "2"), ("5", 2, "0")]


@pytest.mark.parametrize(
    ("fields", "lines", "expected"),
    [
        ({}, {"Other": []}, (400, "1708")),
        ({}, {"Lines": {}}, (400, "1708")),
        ({}, {"Lines": [1]}, (400, "1708")),
        ({}, [], (400, "1708")),
        ({}, {"Lines": [{"fee": 1}]}, (500, "102")),
        ({}, {"Lines": [{"line_TO::on": "x"}]}, (500, "500")),
        ({}, {"Lines": [{"recordId": "99", "line_TO::fee": 1}]}, (500, "101")),
        ({}, {"Lines": [{"recordId": "4", "modId": "1", "line_TO::fee": 1}]}, (500, "306")),
        ({"deleteRelated": "Lines.99"}, {}, (500, "101")),
        ({"deleteRelated": "Lines"}, {}, (400, "1708")),
        ({"deleteRelated": 4}, {}, (400, "1708")),
        ({"line_TO::fee": 4}, {}, (500, "102")),
    ],
)
def test_writes_of_rows_that_are_refused_change_nothing(
    client: DataApiClient, fields: Any, lines: Any, expected: tuple[int, str]
) -> None:
    answer = edit(client, {"note": "x", **fields}, portalData=lines)
    assert outcome(answer) == expected
    assert (record(client)["modId"], record(client)["fieldData"]["note"]) == ("0", "")
    assert fees(client) == [("4", 1, "2"), ("5", 2, "0")]


def test_a_script_that_does_not_exist_is_noticed_before_anything_is_written(client: DataApiClient) -> None:
    assert outcome(create(client, {"id": "C"}, script="None")) == (500, "104")
    assert outcome(edit(client, {"note": "x"}, script="None")) == (500, "104")
    assert len(field_data(client.records("Visits"))) == 2
    assert record(client)["modId"] == "0"
    answer = edit(client, {"note": "x"}, **{"script": "Nightly", "script.param": "p"}).json()["response"]
    assert answer == {"modId": "1", "scriptResult": "p", "scriptError": "0"}


def test_a_record_that_another_user_has_open(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(locked_records={"Visits": [1]})
    assert outcome(edit(client, {"note": "x"})) == (500, "301")
    assert outcome(client.call("DELETE", f"{PATH}/1")) == (500, "301")
    assert outcome(client.call("GET", f"{PATH}/1")) == (200, "0")
    assert outcome(edit(client, {"note": "x"}, "2")) == (200, "0")
    simulator.control.set_faults(locked_records={})
    assert outcome(edit(client, {"note": "x"})) == (200, "0")


def test_a_duplicate_has_no_related_rows(client: DataApiClient) -> None:
    assert client.call("POST", f"{PATH}/1").json()["response"] == {"recordId": "3", "modId": "0"}
    assert record(client, "3")["fieldData"] == record(client, "1")["fieldData"]
    assert fees(client, "3") == []


def test_a_delete_and_a_duplicate_run_their_scripts(client: DataApiClient) -> None:
    copied = client.call("POST", f"{PATH}/1", json={"script": "Nightly", "script.param": "p"})
    assert copied.json()["response"] == {"recordId": "3", "modId": "0", "scriptResult": "p", "scriptError": "0"}
    deleted = client.call("DELETE", f"{PATH}/3", params={"script.prerequest": "Nightly"})
    assert deleted.json()["response"] == {"scriptResult.prerequest": "", "scriptError.prerequest": "0"}
    assert outcome(client.call("DELETE", f"{PATH}/1", params={"script": "Nothing"})) == (500, "104")
    assert outcome(client.call("POST", f"{PATH}/1", json={"script": "Nothing"})) == (500, "104")
    assert len(field_data(client.records("Visits"))) == 2, "nothing was done without its script"


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("DELETE", f"{PATH}/1", {"params": {"modId": "0"}}),
        ("DELETE", f"{PATH}/1", {"params": {"scripts": "Nightly"}}),
        ("POST", f"{PATH}/1", {"json": {"fieldData": {}}}),
        ("POST", f"{PATH}/1", {"params": {"script": "Nightly"}}),
        ("POST", PATH, {"params": {"script": "Nightly"}, "json": {"fieldData": {"id": "C"}}}),
        ("PATCH", f"{PATH}/1", {"params": {"modId": "9"}, "json": {"fieldData": {"note": "x"}}}),
        ("POST", "layouts/Visits/_find", {"params": {"_limit": "1"}, "json": {"query": [{"id": "*"}]}}),
        ("GET", "layouts/Visits", {"params": {"recordid": "1"}}),
        ("GET", "layouts/Visits/metadata", {"params": {"_limit": "1"}}),
    ],
)
def test_parameters_that_a_call_does_not_take_are_refused_and_nothing_is_done(
    method: str, path: str, options: dict[str, Any], client: DataApiClient
) -> None:
    before = client.records("Visits").json()
    answer = client.call(method, path, **options)
    assert outcome(answer) == (400, "960")
    unknown = next(iter(options.get("params") or options["json"]))
    assert answer.json()["messages"][0]["message"] == f"Unknown parameter(s): {unknown}"
    assert client.records("Visits").json() == before
