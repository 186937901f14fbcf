"""Fields that are more than one value: repetitions, related fields, portals, value lists, dates of a locale."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulator.tiny_clinic import DataApiClient, outcome
from tests.simulator.worlds import field_data, layout, serving, world

PHONES = {
    "layout": "Phones",
    "table": "phone_TO",
    "fields": [
        {"name": "id"},
        {"name": "phone", "maxRepeat": 3},
        {"name": "score", "result": "number", "maxRepeat": 2},
        {"name": "owner_TO::name"},
    ],
    "records": [
        {"recordId": "1", "fieldData": {"id": "A", "phone": ["111", "222", "333"], "score": [5, 1]}},
        {"recordId": "2", "fieldData": {"id": "B", "phone(2)": "111", "score": 3, "owner_TO::name": "Zoe"}},
        {"recordId": "3", "fieldData": {"id": "C", "score": [4, 4], "owner_TO::name": "Adam Zoe"}},
    ],
}
TWO_PHONES = {
    "layout": "Two phones",
    "table": "phone_TO",
    "fields": [{"name": "phone", "maxRepeat": 3, "repetitionStart": 2, "repetitionEnd": 3}],
}
FIRST_PHONE = {
    "layout": "First phone",
    "table": "phone_TO",
    "fields": [{"name": "phone", "maxRepeat": 3, "repetitionEnd": 1}],
}
LINES = [{"name": "line_TO::fee", "result": "number"}, {"name": "line_TO::on", "result": "date"}]


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {"recordId": str(number), **{f"line_TO::{name}": value for name, value in fields.items()}}


VISITS = {
    "layout": "Visits",
    "table": "visit_TO",
    "fields": [{"name": "id"}, {"name": "kind", "valueList": "Kinds"}],
    "portals": [
        {"name": "Lines", "table": "line_TO", "fields": LINES},
        {"name": "Lines", "table": "late_TO", "rows": "late", "fields": [{"name": "late_TO::fee", "result": "number"}]},
    ],
    "valueLists": [
        {"name": "Kinds", "values": [{"value": "urgent"}, {"value": "new"}, {"value": "Review"}]},
        {"name": "Ids", "fromField": "id"},
        {"name": "Fees", "fromPortal": "line_TO::fee"},
    ],
    "records": [
        {
            "recordId": "1",
            "fieldData": {"id": "A", "kind": "review"},
            "portalData": {
                "Lines": [row(1, fee=50, on="03/01/2025"), row(2, fee=70, on="")],
                "late": [{"recordId": "9", "late_TO::fee": 1}],
            },
        },
        {"recordId": "2", "fieldData": {"id": "B", "kind": "new"}, "portalData": {"Lines": [row(3, fee=70)]}},
        {"recordId": "3", "fieldData": {"id": "C", "kind": "other"}},
        {"recordId": "4", "fieldData": {"id": "D", "kind": ""}, "portalData": {"Lines": [row(4, fee="x")]}},
        {"recordId": "5", "fieldData": {"id": "E", "kind": "urgent"}, "portalData": {"Lines": [row(5, fee="")]}},
    ],
}
DAYS = layout(
    "Days", {"on": "date", "at": "timeStamp"}, [{"on": "03/11/2025", "at": "03/11/2025 26:00:00"}, {"on": "x"}]
)
WORLD = world(PHONES, TWO_PHONES, FIRST_PHONE, VISITS, DAYS, dateFormat="d.M.yyyy")


@pytest.fixture(scope="module")
def client() -> Any:
    with serving(WORLD) as (_, logged_in):
        yield logged_in


def found(answer: Any) -> str:
    """Return the ids found, in order, as one text."""
    if outcome(answer) == (500, "401"):
        return ""
    return "".join(fields["id"] for fields in field_data(answer))


def test_repetitions_come_each_under_its_number(client: DataApiClient) -> None:
    first, second, third = field_data(client.records("Phones"))
    assert first == {
        "id": "A",
        "phone(1)": "111",
        "phone(2)": "222",
        "phone(3)": "333",
        "score(1)": 5,
        "score(2)": 1,
        "owner_TO::name": "",
    }
    assert (second["phone(1)"], second["phone(2)"], second["score(1)"], second["score(2)"]) == ("", "111", 3, "")
    assert third["owner_TO::name"] == "Adam Zoe"


def test_only_the_repetitions_of_the_layout_are_shown(client: DataApiClient) -> None:
    assert field_data(client.records("Two phones"))[0] == {"phone(2)": "222", "phone(3)": "333"}
    assert field_data(client.records("First phone"))[0] == {"phone": "111"}
    (described,) = client.call("GET", "layouts/Two%20phones").json()["response"]["fieldMetaData"]
    assert (described["name"], described["maxRepeat"]) == ("phone", 3)
    assert (described["repetitionStart"], described["repetitionEnd"]) == (2, 3)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"phone": "111"}, "AB"),
        ({"phone(1)": "111"}, "A"),
        ({"phone(2)": "111"}, "B"),
        ({"phone": "="}, "C"),
        ({"phone(1)": "="}, "BC"),
        ({"phone": "*"}, "AB"),
        ({"phone": "!"}, "AB"),
        ({"score": "<3"}, "A"),
        ({"score": "!"}, ""),
        ({"score(1)": "<=4"}, "BC"),
        ({"owner_TO::name": "zoe"}, "BC"),
        ({"owner_TO::name": "==Zoe"}, "B"),
    ],
)
def test_finds_by_repetition_and_related_field(client: DataApiClient, query: dict[str, str], expected: str) -> None:
    assert found(client.find(query, layout="Phones")) == expected


@pytest.mark.parametrize("name", ["phone(0)", "phone(4)", "phone()", "id(2)", "phone(1)(1)", "owner_TO::no"])
def test_repetitions_that_do_not_exist(client: DataApiClient, name: str) -> None:
    assert outcome(client.find({name: "1"}, layout="Phones")) == (500, "102")
    assert outcome(client.records("Phones", _sort=[{"fieldName": name}])) == (500, "102")


@pytest.mark.parametrize(
    ("name", "order", "expected"),
    [
        ("score", "ascend", "BCA"),
        ("score", "descend", "ACB"),
        ("score(2)", "descend", "CAB"),
        ("owner_TO::name", "descend", "BCA"),
        ("phone", "ascend", "BCA"),
    ],
)
def test_a_sort_takes_the_first_repetition(client: DataApiClient, name: str, order: str, expected: str) -> None:
    assert found(client.records("Phones", _sort=[{"fieldName": name, "sortOrder": order}])) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"line_TO::fee": "70"}, "AB"),
        ({"line_TO::fee": ">50"}, "AB"),
        ({"line_TO::fee": "<=50"}, "A"),
        ({"line_TO::fee": "="}, "CE"),
        ({"line_TO::fee": "*"}, "ABD"),
        ({"line_TO::fee": "?"}, "D"),
        ({"line_TO::fee": "!"}, "AB"),
        ({"line_TO::on": "3/2025"}, "A"),
        ({"line_TO::fee": "70", "id": "B"}, "B"),
        ({"late_TO::fee": "1"}, "A"),
    ],
)
def test_a_record_is_found_by_any_row_of_a_portal(client: DataApiClient, query: dict[str, str], expected: str) -> None:
    assert found(client.find(query, layout="Visits")) == expected
    by_id = [{"fieldName": "id", "sortOrder": "descend"}]
    assert found(client.find(query, layout="Visits", sort=by_id)) == expected[::-1]


def test_two_portals_of_one_name_make_one_key_twice(client: DataApiClient) -> None:
    content = client.records("Visits", _limit="1").text
    record = json.loads(content, object_pairs_hook=lambda pairs: pairs)
    data = dict(dict(record)["response"])["data"][0]
    portals = dict(data)["portalData"]
    assert [name for name, _ in portals] == ["Lines", "Lines"]
    assert dict(portals[0][1][1])["line_TO::fee"] == 70
    assert dict(portals[1][1][0])["late_TO::fee"] == 1
    metadata = client.call("GET", "layouts/Visits").text
    assert metadata.count('"Lines":[') == 2
    chosen = client.records("Visits", _limit="1", portal=["Lines"], **{"_limit.Lines": "1"}).json()
    counts = [info["returnedCount"] for info in chosen["response"]["data"][0]["portalDataInfo"]]
    assert counts == [1, 1]


@pytest.mark.parametrize(
    ("name", "order", "expected"),
    [("kind", "Kinds", "EBADC"), ("kind", "ascend", "DBCAE"), ("id", "Ids", "ABCDE")],
)
def test_a_sort_in_the_order_of_a_value_list(client: DataApiClient, name: str, order: str, expected: str) -> None:
    """What is not on the list comes after it, in its own order: empty ones first."""
    sort = [{"fieldName": name, "sortOrder": order}]
    assert found(client.records("Visits", _sort=sort)) == expected
    assert found(client.find({"id": "*"}, layout="Visits", sort=sort)) == expected


@pytest.mark.parametrize(("order", "expected"), [("ascend", "CEDAB"), ("descend", "BADCE")])
def test_a_sort_by_a_field_of_a_portal_takes_its_first_row(order: str, expected: str) -> None:
    with serving(WORLD, variants={"sort_takes_portal_fields": True}) as (_, client):
        sort = [{"fieldName": "line_TO::fee", "sortOrder": order}]
        assert found(client.records("Visits", _sort=sort)) == expected


@pytest.mark.parametrize("order", ["Nothing", "kinds", 1, None, ["Kinds"]])
def test_an_order_that_is_no_value_list(client: DataApiClient, order: Any) -> None:
    assert outcome(client.records("Visits", _sort=[{"fieldName": "kind", "sortOrder": order}])) == (400, "1708")


def value_lists(client: DataApiClient, query: str = "") -> dict[str, Any]:
    listed = client.call("GET", f"layouts/Visits{query}").json()["response"]["valueLists"]
    return {item["name"]: [entry["value"] for entry in item["values"]] for item in listed}


def test_value_lists_of_related_values_need_a_record(client: DataApiClient) -> None:
    assert value_lists(client)["Fees"] == []
    assert value_lists(client)["Ids"] == ["A", "B", "C", "D", "E"]
    assert value_lists(client, "?recordId=1")["Fees"] == ["50", "70"]
    assert value_lists(client, "?recordId=3")["Fees"] == []
    assert outcome(client.call("GET", "layouts/Visits?recordId=99")) == (500, "101")
    types = [item["type"] for item in client.call("GET", "layouts/Visits").json()["response"]["valueLists"]]
    assert types == ["customList", "byField", "byField"]


@pytest.mark.parametrize(
    ("dateformats", "expected"),
    [
        ("0", {"on": "03/11/2025", "at": "03/11/2025 26:00:00"}),
        ("1", {"on": "11.3.2025", "at": "11.3.2025 26:00:00"}),
        ("2", {"on": "2025-03-11", "at": "2025-03-11T26:00:00"}),
    ],
)
def test_dates_of_the_files_locale(client: DataApiClient, dateformats: str, expected: dict[str, str]) -> None:
    first, second = field_data(client.records("Days", dateformats=dateformats))
    assert first == expected
    assert second == {"on": "x", "at": ""}
    assert field_data(
        client.find({"on": "11/3/2025"}, {"on": "3/11/2025"}, layout="Days", dateformats=dateformats)
    ) == [expected]


@pytest.mark.parametrize(
    ("criterion", "is_found"),
    [
        ("{1..6}/*/2025", True),
        ("{4..6}/*/2025", False),
        ("{1...6}/11/{2020..2030}", True),
        ("{1...6}/11/{2026..2030}", False),
        ("*/11/*", True),
        ("*/12/*", False),
        ("=3/11/{2024..2025}", True),
        ("==3/*/2025", True),
        ("==4/*/2025", False),
    ],
)
def test_dates_by_ranges_of_their_parts(client: DataApiClient, criterion: str, is_found: bool) -> None:
    assert (outcome(client.find({"on": criterion}, layout="Days")) == (200, "0")) is is_found


@pytest.mark.parametrize("at", ["01/01/0001 -5:00:00", "12/31/9999 30:00:00"])
def test_a_moment_outside_the_calendar_is_no_date_of_parts(at: str) -> None:
    with serving(world(layout("Days", {"at": "timeStamp"}, [{"at": at}]))) as (_, client):
        assert outcome(client.find({"at": "*/*/*"}, layout="Days")) == (500, "401")
        assert len(field_data(client.find({"at": "*"}, layout="Days"))) == 1
