"""Reading and writing records: envelopes, windows, portals, date formats, modification ids."""

from __future__ import annotations

from typing import Any

import pytest

from local.simulator import Simulator
from tests.simulator.tiny_clinic import CONTACTS, DataApiClient, numbers, outcome, text_id


def test_a_page_has_exactly_the_shape_of_the_data_api(client: DataApiClient) -> None:
    answer = client.records(_limit="1", _offset="2")
    assert answer.json() == {
        "response": {
            "dataInfo": {
                "database": "Clinic",
                "layout": "API_Contacts",
                "table": "Contacts",
                "totalRecordCount": 6,
                "foundCount": 6,
                "returnedCount": 1,
            },
            "data": [
                {
                    "fieldData": CONTACTS[1],
                    "portalData": {},
                    "recordId": "12",
                    "modId": "0",
                    "portalDataInfo": [],
                }
            ],
        },
        "messages": [{"code": "0", "message": "OK"}],
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"_offset": "5"}, [5, 6]),
        ({"_offset": "6", "_limit": "10"}, [6]),
        ({"_offset": "2", "_limit": "3"}, [2, 3, 4]),
    ],
)
def test_windows_count_from_one(client: DataApiClient, query: dict[str, str], expected: list[int]) -> None:
    assert numbers(client.records(**query)) == expected
    texts: dict[str, Any] = {name.removeprefix("_"): value for name, value in query.items()}
    integers: dict[str, Any] = {name: int(value) for name, value in texts.items()}
    assert numbers(client.find({"id": "*"}, **texts)) == expected
    assert numbers(client.find({"id": "*"}, **integers)) == expected


def test_a_page_holds_100_records_unless_asked_otherwise(simulator: Simulator, client: DataApiClient) -> None:
    for number in range(100, 200):
        simulator.control.insert_record("API_Contacts", {"id": text_id(number)})
    info = client.records().json()["response"]["dataInfo"]
    assert (info["foundCount"], info["returnedCount"]) == (106, 100)
    assert len(client.records(_limit="1000").json()["response"]["data"]) == 106


def test_past_the_end(simulator: Simulator, client: DataApiClient) -> None:
    assert outcome(client.records(_offset="7")) == (500, "101")
    assert outcome(client.find({"id": "*"}, offset=7)) == (500, "401")
    simulator.control.set_faults(find_past_end_is_empty=True)
    answer = client.find({"id": "*"}, offset=7)
    assert outcome(answer) == (200, "0")
    assert answer.json()["response"]["data"] == []


def test_an_empty_layout_with_and_without_an_offset(client: DataApiClient) -> None:
    answer = client.records("API_Empty")
    assert outcome(answer) == (200, "0")
    assert answer.json()["response"]["data"] == []
    assert answer.json()["response"]["dataInfo"]["foundCount"] == 0
    assert outcome(client.records("API_Empty", _offset="1")) == (500, "101")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": "1"}, (400, "960")),
        ({"_offset": "0"}, (400, "1708")),
        ({"_offset": "-1"}, (400, "1708")),
        ({"_limit": "0"}, (400, "1708")),
        ({"_limit": "many"}, (400, "1708")),
        ({"_sort": "[{broken"}, (400, "1708")),
        ({"_sort": "{}"}, (400, "1708")),
        ({"portal": "Lines,visit_NOTE"}, (400, "1708")),
        ({"portal": '["Nothing"]'}, (400, "1708")),
        ({"dateformats": "3"}, (400, "1708")),
        ({"layout.response": "API_Nothing"}, (500, "105")),
        ({"script": "Nothing"}, (500, "104")),
    ],
)
def test_parameters_that_are_refused(client: DataApiClient, query: dict[str, str], expected: tuple[int, str]) -> None:
    assert outcome(client.records(**query)) == expected


def test_unknown_parameters_are_named(client: DataApiClient) -> None:
    unknown: dict[str, Any] = {"_limit.Lines": 1, "_offset": 2}
    answer = client.find({"id": "*"}, **unknown)
    assert outcome(answer) == (400, "960")
    assert answer.json()["messages"][0]["message"] == "Unknown parameter(s): _limit.Lines, _offset"


def test_a_single_record(client: DataApiClient) -> None:
    answer = client.call("GET", "layouts/API_Contacts/records/13")
    assert numbers(answer) == [3]
    assert answer.json()["response"]["dataInfo"]["foundCount"] == 1
    assert outcome(client.call("GET", "layouts/API_Contacts/records/99")) == (500, "101")
    assert outcome(client.call("GET", "layouts/API_Contacts/records/13?_limit=1")) == (400, "960")


def test_line_ends_empty_numbers_and_text_in_number_fields_come_as_they_are(client: DataApiClient) -> None:
    fields = [record["fieldData"] for record in client.records().json()["response"]["data"]]
    assert fields[5]["email"] == "line one\rline two"
    assert [record["age"] for record in fields] == [45, 9, 65.5, "", "about 12", -3]


def test_date_formats(client: DataApiClient) -> None:
    for name, expected in (("0", "02/29/1980"), ("1", "02/29/1980"), ("2", "1980-02-29")):
        record = client.records(dateformats=name).json()["response"]["data"][0]
        assert record["fieldData"]["DOB"] == expected
    visits = client.records("API_Visits", dateformats="2").json()["response"]["data"]
    assert visits[0]["fieldData"] == {"id": 1, "at": "09:05:00", "seen": "2025-03-11T19:57:12"}
    assert visits[2]["fieldData"]["seen"] == ""
    assert visits[0]["portalData"]["visit_NOTE"][0]["visit_NOTE::on"] == "2025-03-12"
    assert client.records(dateformats="2").json()["response"]["data"][4]["fieldData"]["DOB"] == "31/31/2024"


def test_portals_show_fifty_rows_under_their_object_name(client: DataApiClient) -> None:
    record = client.records("API_Visits", _limit="1").json()["response"]["data"][0]
    assert len(record["portalData"]["Lines"]) == 50
    assert record["portalData"]["visit_NOTE"] == [{"recordId": "9", "visit_NOTE::on": "03/12/2025", "modId": "2"}]
    assert record["portalDataInfo"] == [
        {
            "portalObjectName": "Lines",
            "database": "Clinic",
            "table": "visit_LINE",
            "foundCount": 60,
            "returnedCount": 50,
        },
        {"database": "Clinic", "table": "visit_NOTE", "foundCount": 1, "returnedCount": 1},
    ]


def test_portal_windows(client: DataApiClient) -> None:
    page = client.records("API_Visits", portal=["Lines"], **{"_offset.Lines": "58", "_limit.Lines": "10"})
    window: dict[str, Any] = {"offset.Lines": 58, "limit.Lines": 10}
    found = client.find({"id": "1"}, layout="API_Visits", portal=["Lines"], **window)
    for answer in (page, found):
        record = answer.json()["response"]["data"][0]
        assert [row["visit_LINE::amount"] for row in record["portalData"]["Lines"]] == [58, 59, 60]
        assert list(record["portalData"]) == ["Lines"]
    assert client.records("API_Visits", portal=[]).json()["response"]["data"][0]["portalData"] == {}


def test_v1_shows_one_portal_row_of_a_layout_in_table_view(simulator: Simulator) -> None:
    client = DataApiClient(simulator, version="v1")
    client.log_in()
    record = client.records("API_Visits").json()["response"]["data"][0]
    assert len(record["portalData"]["Lines"]) == 1


def test_the_answer_in_another_layout(client: DataApiClient) -> None:
    answer = client.records(_limit="1", **{"layout.response": "Names/Ärzte"})
    assert answer.json()["response"]["data"][0]["fieldData"] == {"name": "Anna Müller"}


def test_names_with_a_slash_and_an_umlaut(client: DataApiClient) -> None:
    assert len(numbers(client.records("Names/Ärzte"))) == 6
    assert outcome(client.records("names/ärzte")) == (500, "105")


def test_create_read_edit_delete(simulator: Simulator, client: DataApiClient) -> None:
    path = "layouts/API_Contacts/records"
    fields: dict[str, Any] = {"id": text_id(9), "DOB": "7/4/2001", "age": "12", "email": "x"}
    created = client.call("POST", path, json={"fieldData": fields})
    assert created.json()["response"] == {"recordId": "17", "modId": "0"}
    edited = client.call("PATCH", f"{path}/17", json={"fieldData": {"email": ""}, "modId": "0"})
    assert edited.json()["response"] == {"modId": "1"}
    record = client.call("GET", f"{path}/17").json()["response"]["data"][0]
    assert record["modId"] == "1"
    assert record["fieldData"] == {
        "id": text_id(9),
        "name": "",
        "clinic": "",
        "DOB": "07/04/2001",
        "age": 12,
        "email": "",
    }
    assert client.call("DELETE", f"{path}/17").json()["response"] == {}
    assert outcome(client.call("DELETE", f"{path}/17")) == (500, "101")
    assert client.call("POST", f"{path}/11").json()["response"] == {"recordId": "18", "modId": "0"}
    assert simulator.control.state()["records"]["API_Contacts"] == 7


def test_a_stale_modification_id_changes_nothing(client: DataApiClient) -> None:
    path = "layouts/API_Contacts/records/11"
    answer = client.call("PATCH", path, json={"fieldData": {"email": "new"}, "modId": "7"})
    assert outcome(answer) == (500, "306")
    assert client.call("GET", path).json()["response"]["data"][0]["fieldData"]["email"] == "anna@example.com"


def test_a_write_is_seen_by_the_next_find_and_sort(client: DataApiClient) -> None:
    assert numbers(client.find({"clinic": "==maitland"})) == [4]
    client.call("PATCH", "layouts/API_Contacts/records/11", json={"fieldData": {"clinic": "Maitland"}})
    assert numbers(client.find({"clinic": "==maitland"})) == [1, 4]
    assert numbers(client.records(_sort=[{"fieldName": "clinic"}])) == [6, 1, 4, 2, 5, 3]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "958")),
        ({"fieldData": {"shoe size": 9}}, (500, "102")),
        ({"fieldData": {"DOB": "31/12/2024"}}, (500, "500")),
        ({"fieldData": {"name": None}}, (400, "1708")),
        ({"fieldData": []}, (400, "1708")),
        ({"fieldData": {}, "upsert": True}, (400, "960")),
        ([], (400, "1708")),
    ],
)
def test_writes_that_are_refused(client: DataApiClient, body: object, expected: tuple[int, str]) -> None:
    assert outcome(client.call("POST", "layouts/API_Contacts/records", json=body)) == expected
    assert outcome(client.call("PATCH", "layouts/API_Contacts/records/11", json=body)) == expected


def test_a_time_that_is_none_is_refused(client: DataApiClient) -> None:
    answer = client.call("POST", "layouts/API_Visits/records", json={"fieldData": {"at": "noon"}})
    assert outcome(answer) == (500, "501")


def test_iso_dates_are_taken_by_writes(client: DataApiClient) -> None:
    body = {"fieldData": {"seen": "2025-01-02T03:04:05"}, "dateformats": 2}
    assert outcome(client.call("PATCH", "layouts/API_Visits/records/1", json=body)) == (200, "0")
    record = client.call("GET", "layouts/API_Visits/records/1").json()["response"]["data"][0]
    assert record["fieldData"]["seen"] == "01/02/2025 03:04:05"


def test_scripts_answer_200_also_when_they_fail(client: DataApiClient) -> None:
    answer = client.call("GET", "layouts/API_Contacts/script/Broken?script.param=x")
    assert answer.status_code == 200
    assert answer.json()["response"] == {"scriptResult": "", "scriptError": "101"}
    page = client.records(**{"script.prerequest": "Nightly"}).json()["response"]
    assert page["scriptResult.prerequest"] == "done"
    assert outcome(client.call("GET", "layouts/API_Contacts/script/Nothing")) == (500, "104")
