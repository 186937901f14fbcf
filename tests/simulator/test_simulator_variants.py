"""What servers do differently: every variant, and its default."""

from __future__ import annotations

import threading
from dataclasses import fields
from typing import Any

import pytest
import requests

from local.simulator import Simulator
from local.simulator.behaviour.faults import FaultError
from local.simulator.behaviour.variants import Variants
from tests.simulator.tiny_clinic import TIMEOUT_SECONDS, DataApiClient, numbers, outcome
from tests.simulator.worlds import field_data, layout, serving, world


def product_info(simulator: Simulator) -> dict[str, Any]:
    answer = requests.get(f"{simulator.url}/fmi/data/v1/productInfo", timeout=TIMEOUT_SECONDS)
    assert outcome(answer) == (200, "0")
    described: dict[str, Any] = answer.json()["response"]["productInfo"]
    return described


def test_product_info_of_older_and_newer_servers(simulator: Simulator) -> None:
    formats = {"dateFormat": "MM/dd/yyyy", "timeFormat": "HH:mm:ss", "timeStampFormat": "MM/dd/yyyy HH:mm:ss"}
    simulator.control.set_faults(product_version="18.0.2.217")
    old = product_info(simulator)
    assert old["version"] == "18.0.2.217"
    assert old.keys() - formats.keys() == {"name", "buildDate", "version"}
    simulator.control.set_faults(product_info_is_short=True)
    assert product_info(simulator) == {"name": "FileMaker Data API Engine", **formats}


def test_a_log_in_without_the_token_in_its_body(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(login_body_has_token=False)
    answer = client.log_in()
    assert (outcome(answer), answer.json()["response"]) == ((200, "0"), {})
    assert outcome(client.records()) == (200, "0")


def test_an_empty_answer_of_validate_session(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(validate_session_is_empty=True)
    headers = {"Authorization": f"Bearer {client.token}"}
    answer = requests.get(f"{client.root}/validateSession", headers=headers, timeout=TIMEOUT_SECONDS)
    assert (outcome(answer), answer.json()["response"]) == ((200, "0"), {})


def test_the_list_of_layouts_of_an_old_server(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(layouts_have_table=False)
    assert client.call("GET", "layouts").json()["response"]["layouts"] == [
        {"name": "API_Contacts"},
        {"name": "Old", "isFolder": True, "folderLayoutNames": [{"name": "Names/Ärzte"}]},
    ]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("given", [{"value": "a", "displayValue": "A"}, {"value": "b"}]),
        ("null", [{"value": "a", "displayValue": None}, {"value": "b", "displayValue": None}]),
        ("missing", [{"value": "a"}, {"value": "b"}]),
    ],
)
def test_display_values(variant: str, expected: list[Any]) -> None:
    values = [{"value": "a", "displayValue": "A"}, {"value": "b"}]
    people = layout("People", {"id": "text"}, [], valueLists=[{"name": "Letters", "values": values}])
    with serving(world(people), variants={"display_values": variant}) as (_, client):
        (listed,) = client.call("GET", "layouts/People").json()["response"]["valueLists"]
        assert listed == {"name": "Letters", "type": "customList", "values": expected}


def test_numbers_as_text(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(numbers_as_text=True)
    assert [record["age"] for record in field_data(client.records())] == ["45", "9", "65.5", "", "about 12", "-3"]
    lines = client.records("API_Visits").json()["response"]["data"][0]["portalData"]["Lines"]
    assert lines[0]["visit_LINE::amount"] == "1"
    assert numbers(client.find({"age": ">9"})) == [1, 3, 5]


def test_an_answer_without_data_info(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(has_data_info=False)
    assert list(client.records().json()["response"]) == ["data"]


@pytest.mark.parametrize("separator", ["T", " "])
def test_what_stands_between_date_and_time(simulator: Simulator, client: DataApiClient, separator: str) -> None:
    simulator.control.set_faults(iso_timestamp_separator=separator)
    visit = field_data(client.records("API_Visits", dateformats="2"))[0]
    assert visit["seen"] == f"2025-03-11{separator}19:57:12"


def test_no_gzip(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(gzip=False)
    assert "Content-Encoding" not in client.records().headers


def test_an_empty_layout_without_an_offset(simulator: Simulator, client: DataApiClient) -> None:
    assert numbers(client.records("API_Empty")) == []
    assert outcome(client.records("API_Empty", _offset="1")) == (500, "101")
    simulator.control.set_faults(empty_layout_is_error=True)
    assert outcome(client.records("API_Empty")) == (500, "101")
    assert len(numbers(client.records())) == 6


def test_a_find_past_its_end(simulator: Simulator, client: DataApiClient) -> None:
    assert outcome(client.find({"id": "*"}, offset=7)) == (500, "401")
    simulator.control.set_faults(find_past_end_is_empty=True)
    answer = client.find({"id": "*"}, offset=7)
    assert numbers(answer) == []
    assert answer.json()["response"]["dataInfo"]["foundCount"] == 6
    assert outcome(client.find({"id": "nothing"})) == (500, "401")


def test_a_find_that_only_omits(simulator: Simulator, client: DataApiClient) -> None:
    assert numbers(client.find({"clinic": "new", "omit": "true"})) == [4, 6]
    simulator.control.set_faults(omit_only_finds_rest=False)
    assert outcome(client.find({"clinic": "new", "omit": "true"})) == (500, "401")
    assert numbers(client.find({"clinic": "*"}, {"clinic": "new", "omit": "true"})) == [4]


def test_a_sort_by_a_field_that_only_a_portal_shows(simulator: Simulator, client: DataApiClient) -> None:
    sort = [{"fieldName": "visit_LINE::amount", "sortOrder": "descend"}]
    assert outcome(client.records("API_Visits", _sort=sort)) == (500, "102")
    simulator.control.set_faults(sort_takes_portal_fields=True)
    ids = [record["recordId"] for record in client.records("API_Visits", _sort=sort).json()["response"]["data"]]
    assert ids == ["1", "2", "3", "4"]


def test_a_sort_in_the_order_of_a_value_list(simulator: Simulator, client: DataApiClient) -> None:
    sort = [{"fieldName": "clinic", "sortOrder": "Clinics"}]
    assert numbers(client.records(_sort=sort))[:2] == [1, 5]
    simulator.control.set_faults(sort_takes_value_lists=False)
    assert outcome(client.records(_sort=sort)) == (400, "1708")
    assert outcome(client.find({"id": "*"}, sort=sort)) == (400, "1708")


def test_the_rows_of_a_portal_that_nobody_counted(simulator: Simulator, client: DataApiClient) -> None:
    def rows(**query: str) -> int:
        (record,) = client.records("API_Visits", _limit="1", **query).json()["response"]["data"]
        assert record["portalDataInfo"][0]["returnedCount"] == len(record["portalData"]["Lines"])
        return len(record["portalData"]["Lines"])

    assert rows() == rows(**{"_offset.Lines": "2"}) == 50
    simulator.control.set_faults(portal_default_rows=7)
    assert (rows(), rows(**{"_limit.Lines": "9"})) == (7, 9)


@pytest.mark.parametrize("is_reused", [False, True])
def test_a_record_id_that_was_deleted(simulator: Simulator, client: DataApiClient, is_reused: bool) -> None:
    simulator.control.set_faults(record_ids_are_reused=is_reused)
    records = "layouts/API_Contacts/records"
    assert outcome(client.call("DELETE", f"{records}/12")) == (200, "0")
    assert outcome(client.call("DELETE", f"{records}/16")) == (200, "0")
    made = client.call("POST", records, json={"fieldData": {}}).json()["response"]["recordId"]
    assert made == ("16" if is_reused else "17")
    simulator.control.delete_record("API_Contacts", made)
    assert simulator.control.insert_record("API_Contacts", {}) == ("16" if is_reused else "18")


def test_requests_of_one_token_side_by_side(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(tokens_are_serial=False, hold=["API_Contacts"])
    held = threading.Thread(target=client.records)
    held.start()
    assert simulator.control.wait_until_held("API_Contacts")
    beside = DataApiClient(simulator)
    beside.token = client.token
    assert outcome(beside.records("API_Empty")) == (200, "0")
    simulator.control.advance_clock(5000)
    assert outcome(beside.records("API_Empty")) == (200, "0"), "it is not idle while a request of it runs"
    simulator.control.release()
    held.join(TIMEOUT_SECONDS)
    simulator.control.advance_clock(5000)
    assert outcome(beside.records("API_Empty")) == (401, "952")


def test_any_code_may_be_another(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(code_by_code={"1630": 1708, "105": 4711}, status_by_code={"4711": 404})
    assert outcome(client.call("GET", "nothing")) == (400, "1708")
    answer = client.records("API_Nothing")
    assert outcome(answer) == (404, "4711")
    assert answer.json()["messages"][0]["message"] == "Unknown error"


def test_a_call_without_a_token(simulator: Simulator, client: DataApiClient) -> None:
    client.token = ""
    assert outcome(client.records()) == (401, "10")
    simulator.control.set_faults(status_by_code={"10": 400})
    assert outcome(client.records()) == (400, "10")
    simulator.control.set_faults(missing_token_code=952)
    assert outcome(client.records()) == (401, "952")


def test_the_code_of_a_full_server(simulator: Simulator, client: DataApiClient) -> None:
    simulator.control.set_faults(session_cap=1, session_cap_code=956)
    assert outcome(client.log_in()) == (500, "956")


def test_the_code_of_a_session_killed_under_its_request(
    simulator: Simulator, client: DataApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.control.set_faults(killed_session_code=952, cost_per_record_us=1)
    monkeypatch.setattr("local.simulator.behaviour.faults.sleep", lambda _seconds: simulator.control.kill_tokens())
    assert outcome(client.records()) == (401, "952")


@pytest.mark.parametrize("code", [105, 401, 960, 1630])
def test_any_status_may_be_another(simulator: Simulator, client: DataApiClient, code: int) -> None:
    causes = {
        105: lambda: client.records("API_Nothing"),
        401: lambda: client.find({"id": "nothing"}),
        960: lambda: client.records(offset="1"),
        1630: lambda: client.call("GET", "nothing"),
    }
    simulator.control.set_faults(status_by_code={code: 418})
    assert outcome(causes[code]()) == (418, str(code))


@pytest.mark.parametrize(
    "wrong",
    [
        {"missing_privilege_code": 7},
        {"missing_privilege_code": True},
        {"gzip": 1},
        {"display_values": "none"},
        {"product_version": 18},
        {"status_by_code": {"x": 400}},
        {"status_by_code": {"10": 200}},
        {"code_by_code": {"10": 0}},
        {"code_by_code": {"10": "952"}},
        {"container_url_seconds": -1},
        {"fmid_session_seconds": "long"},
    ],
)
def test_variants_that_cannot_be_are_refused_whole(simulator: Simulator, wrong: dict[str, Any]) -> None:
    quiet = simulator.control.state()
    with pytest.raises(FaultError, match=f"variant '{next(iter(wrong))}' takes "):
        simulator.control.set_faults(has_data_info=False, latency_ms=7, **wrong)
    assert simulator.control.state() == quiet


def test_a_variant_from_the_start_survives_a_reset() -> None:
    people = layout("People", {"id": "text"}, [])
    with serving(world(people), variants={"gzip": False, "status_by_code": {101: 404}}) as (simulator, client):
        simulator.control.set_faults(gzip=True, empty_layout_is_error=True)
        simulator.control.reset()
        client.log_in()
        assert simulator.control.state()["variants"]["gzip"] is False
        assert outcome(client.records("People", _offset="1")) == (404, "101")
        assert outcome(client.records("People")) == (200, "0")


def test_an_unknown_variant_is_named() -> None:
    with pytest.raises(FaultError, match=r"unknown variant 'zip'; known: .*gzip"):
        Simulator.from_dataset(world(), variants={"zip": True})


def test_every_variant_is_in_the_state_with_its_default(simulator: Simulator) -> None:
    quiet = Variants()
    assert simulator.control.state()["variants"] == {item.name: getattr(quiet, item.name) for item in fields(Variants)}
