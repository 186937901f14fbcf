"""The language of find criteria, field type by field type, over HTTP."""

from __future__ import annotations

from datetime import datetime

import pytest

from local.simulator import Simulator
from tests.simulator.tiny_clinic import DataApiClient, numbers, outcome, text_id

TEXT = [
    ("clinic", "newcastle", [1, 3, 5]),
    ("clinic", "NEW", [1, 2, 3, 5]),
    ("clinic", "castle", []),
    ("clinic", "west new", [3]),
    ("clinic", "=new", [2]),
    ("clinic", "=newcastle", [1, 3, 5]),
    ("clinic", "==newcastle", [1, 5]),
    ("clinic", '=="Newcastle West"', [3]),
    ("clinic", "=", [6]),
    ("clinic", "==", [6]),
    ("clinic", "*", [1, 2, 3, 4, 5]),
    ("clinic", "!", [1, 5]),
    ("clinic", '"new lambton"', [2]),
    ("clinic", '"lambton new"', []),
    ("clinic", "<New", [4]),
    ("clinic", ">newcastle", [3]),
    ("clinic", ">=newcastle", [1, 3, 5]),
    ("clinic", "≥newcastle", [1, 3, 5]),
    ("clinic", "<=new lambton", [2, 4]),
    ("clinic", "≤new lambton", [2, 4]),
    ("clinic", "maitland...newcastle", [1, 2, 4, 5]),
    ("clinic", "maitland..new lambton", [2, 4]),
    ("clinic", "newcastle…", [1, 3, 5]),
    ("clinic", "...maitland", [4]),
    ("clinic", "~newcastle", [1, 3, 5]),
    ("name", "muller", [1]),
    ("name", "Müller", [1]),
    ("name", "smith", [3, 4, 5]),
    ("name", "=smith", [3, 5]),
    ("name", "dan smith", [4, 5]),
    ("name", "sm@th", [3, 4, 5]),
    ("name", "s*s", [3, 4]),
    ("name", "==*smith*", [3, 4, 5]),
    ("name", "==dan@smith", []),
    ("name", "==???", []),
    ("name", "smith-jones", [3]),
    ("name", "o'brien", [2]),
    ("name", "...", []),
    ("email", "==anna@example.com", []),
    ("email", r"==anna\@example.com", [1]),
    ("email", r"anna\@example.com", [1]),
    ("email", "carla@example", []),
    ("email", r"==a\\b", [4]),
    ("email", r"==50\*", [5]),
    ("email", '=="50*"', [5]),
    ("email", '=="50#"', []),
    ("email", '=="anna@example.com"', [1]),
    ("email", '=="anna"', []),
    ("email", r'=="a\\b"', [4]),
    ("name", '=="Anna Müller"', [1]),
    ("email", "##", [5]),
    ("email", "two", [6]),
    ("name", "\U000f0041nna", []),
    ("name", "==\U000f0041nna Müller", []),
    ("email", "==50\udc0a", []),
    ("name", r"\anna", [1]),
    ("name", r"==Anna\ Müller", [1]),
    ("name", r"Anna\.", [1]),
    ("id", f"=={text_id(3).lower()}", [3]),
    ("id", f">{text_id(4)}", [5, 6]),
]


@pytest.mark.parametrize(("field", "criterion", "expected"), TEXT)
def test_text(client: DataApiClient, field: str, criterion: str, expected: list[int]) -> None:
    assert numbers(client.find({field: criterion})) == expected


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("45", [1]),
        ("=45.0", [1]),
        ("==45", [1]),
        (">9", [1, 3, 5]),
        (">=65.5", [3]),
        ("<9", [6]),
        ("<=9", [2, 6]),
        ("9...45", [1, 2, 5]),
        ("12", [5]),
        ("=", [4]),
        ("*", [1, 2, 3, 5, 6]),
        ("-3", [6]),
    ],
)
def test_numbers_compare_by_value(client: DataApiClient, criterion: str, expected: list[int]) -> None:
    assert numbers(client.find({"age": criterion})) == expected


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("12/31/2024", [2]),
        ("2024-12-31", [2]),
        ("=2/29/1980", [1]),
        ("2024", [2, 3, 6]),
        ("3/2024", [6]),
        ("*/*/2024", [2, 3, 6]),
        ("1/*/2024", [3]),
        (">2024", []),
        (">=2024", [2, 3, 6]),
        ("<2024", [1]),
        (">1/1/2024", [2, 6]),
        ("1/1/2024...3/2024", [3, 6]),
        ("<//", [1, 2, 3, 6]),
        ("//", []),
        ("?", [5]),
        ("=", [4]),
        ("*", [1, 2, 3, 5, 6]),
    ],
)
def test_dates(client: DataApiClient, criterion: str, expected: list[int]) -> None:
    assert numbers(client.find({"DOB": criterion})) == expected


def test_today(simulator: Simulator, client: DataApiClient) -> None:
    today = datetime.now().astimezone()
    simulator.control.edit_record("API_Contacts", "14", {"DOB": f"{today:%m/%d/%Y}"})
    assert numbers(client.find({"DOB": "//"})) == [4]


@pytest.mark.parametrize(
    ("field", "criterion", "expected"),
    [
        ("at", "09:05:00", ["1"]),
        ("at", "13:30", ["2"]),
        ("at", "13", ["2"]),
        ("at", ">10:00", ["2", "3"]),
        ("at", "24:00...30:00", ["3"]),
        ("at", "?", ["4"]),
        ("seen", "03/11/2025", ["1", "4"]),
        ("seen", "3/11/2025 19:57:12", ["1"]),
        ("seen", "2024", ["2"]),
        ("seen", ">03/11/2025 08:00:00", ["1"]),
        ("seen", "*/*/2025", ["1", "4"]),
        ("seen", "=", ["3"]),
    ],
)
def test_times_and_timestamps(client: DataApiClient, field: str, criterion: str, expected: list[str]) -> None:
    answer = client.find({field: criterion}, layout="API_Visits")
    assert [record["recordId"] for record in answer.json()["response"]["data"]] == expected


@pytest.mark.parametrize(
    ("layout", "query", "expected"),
    [
        ("API_Contacts", [{"DOB": "31/31/2024"}], (500, "500")),
        ("API_Contacts", [{"DOB": "13/2024"}], (500, "500")),
        ("API_Contacts", [{"DOB": "yesterday"}], (500, "500")),
        ("API_Visits", [{"at": "noon"}], (500, "501")),
        ("API_Visits", [{"seen": "03/11/2025 noon:1"}], (500, "500")),
        ("API_Contacts", [{"age": "old"}], (500, "502")),
        ("API_Contacts", [{"age": ">٣"}], (500, "502")),
        ("API_Contacts", [{"shoe size": "9"}], (500, "102")),
        ("API_Contacts", [{"name": ""}], (500, "400")),
        ("API_Contacts", [{}], (500, "400")),
        ("API_Contacts", [], (500, "400")),
        ("API_Contacts", {"name": "x"}, (400, "1708")),
        ("API_Contacts", [{"name": None}], (400, "1708")),
        ("API_Contacts", [{"name": "x", "omit": "maybe"}], (400, "1708")),
        ("API_Contacts", [{"name": "nobody"}], (500, "401")),
        ("API_Nothing", [{"name": "x"}], (500, "105")),
        ("API_Empty", [{"id": "*"}], (500, "401")),
    ],
)
def test_finds_that_are_refused_or_match_nothing(
    client: DataApiClient, layout: str, query: object, expected: tuple[int, str]
) -> None:
    answer = client.call("POST", f"layouts/{layout}/_find", json={"query": query})
    assert outcome(answer) == expected


def test_a_find_without_a_query(client: DataApiClient) -> None:
    assert outcome(client.call("POST", "layouts/API_Contacts/_find", json={})) == (400, "958")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ([{"clinic": "newcastle", "name": "dan"}], [5]),
        ([{"clinic": "==maitland"}, {"name": "anna"}], [1, 4]),
        ([{"clinic": "new"}, {"name": "dan", "omit": "true"}], [1, 2, 3]),
        ([{"clinic": "new"}, {"clinic": "new", "omit": "true"}, {"name": "anna"}], [1]),
        ([{"clinic": "new", "omit": "true"}], [4, 6]),
        ([{"clinic": "new"}, {"clinic": "=="}], [1, 2, 3, 5, 6]),
        ([{"clinic": "new", "omit": "false"}, {"clinic": ""}], [1, 2, 3, 5]),
    ],
)
def test_requests_are_joined_in_order(client: DataApiClient, query: list[dict[str, str]], expected: list[int]) -> None:
    assert numbers(client.find(*query)) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([], [1, 2, 3, 4, 5, 6]),
        ([("name", None)], [1, 2, 3, 5, 4, 6]),
        ([("name", "descend")], [6, 4, 5, 3, 2, 1]),
        ([("clinic", "ascend")], [6, 4, 2, 1, 5, 3]),
        ([("clinic", "descend")], [3, 1, 5, 2, 4, 6]),
        ([("clinic", "ascend"), ("name", "descend")], [6, 4, 2, 5, 1, 3]),
        ([("clinic", "descend"), ("id", "descend")], [3, 5, 1, 2, 4, 6]),
        ([("age", "ascend")], [4, 6, 2, 5, 1, 3]),
        ([("DOB", "ascend")], [4, 5, 1, 3, 6, 2]),
    ],
)
def test_sorting_is_the_same_for_pages_and_finds(
    client: DataApiClient, sort: list[tuple[str, str | None]], expected: list[int]
) -> None:
    described = [{"fieldName": name, **({"sortOrder": order} if order else {})} for name, order in sort]
    assert numbers(client.records(_sort=described)) == expected
    assert numbers(client.find({"id": "*"}, sort=described)) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ([{"fieldName": "shoe size"}], (500, "102")),
        ([{"fieldName": "name", "sortOrder": "sideways"}], (400, "1708")),
        ([{"sortOrder": "ascend"}], (400, "1708")),
        (["name"], (400, "1708")),
    ],
)
def test_sorts_that_are_refused(client: DataApiClient, sort: object, expected: tuple[int, str]) -> None:
    assert outcome(client.records(_sort=sort)) == expected
    assert outcome(client.find({"id": "*"}, sort=sort)) == expected


def test_a_walk_by_key_sees_every_record_once(simulator: Simulator, client: DataApiClient) -> None:
    for number in (40, 30, 20, 50):
        simulator.control.insert_record("API_Contacts", {"id": text_id(number).lower()})
    seen: list[str] = []
    criterion = "*"
    while True:
        answer = client.find({"id": criterion}, sort=[{"fieldName": "id"}], limit=3)
        if outcome(answer) == (500, "401"):
            break
        response = answer.json()["response"]
        assert response["dataInfo"]["foundCount"] == 10 - len(seen)
        seen += [record["fieldData"]["id"].upper() for record in response["data"]]
        criterion = f">{seen[-1]}"
    assert seen == [text_id(number) for number in (1, 2, 3, 4, 5, 6, 20, 30, 40, 50)]
