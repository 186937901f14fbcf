"""Finds and sorts by index give what looking at every record gives, also after writes in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator.api import parameters
from local.simulator.behaviour.variants import Variants
from local.simulator.data.dataset import DataSet
from local.simulator.data.layouts import Layout
from local.simulator.data.tables import SortOrder
from local.simulator.errors import DataApiError
from local.simulator.finding.find import find
from tests.simulator import naive_find
from tests.simulator.worlds import layout, world

KINDS = {"name": "text", "age": "number", "born": "date"}
LETTERS = "abcABé1 -"
ODD_TEXTS = ["a@b", "B*", "1#", "=a"]
TEXTS = st.text(alphabet=LETTERS, max_size=8) | st.sampled_from(ODD_TEXTS)
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, -1.25, 2.0])
DAYS = st.builds("{:02}/{:02}/{}".format, st.integers(1, 3), st.integers(1, 3), st.integers(2023, 2024))
VALUES = {
    "name": TEXTS,
    "age": NUMBERS | st.sampled_from(["", "about 2", "old", "-"]),
    "born": DAYS | st.sampled_from(["", "02/31/2024", "soon"]),
}
ROW = st.fixed_dictionaries(VALUES)
OPERANDS = {
    "name": st.text(alphabet="abcABé1", min_size=1, max_size=3) | st.just("a b"),
    "age": NUMBERS.map(str),
    "born": DAYS,
}
WHOLE = st.sampled_from(["=", "==", "*", "!", "?"])
GLOB = st.text(alphabet="aAb1*@#", min_size=1, max_size=5).filter(lambda text: text.strip("*"))
LITERAL = st.sampled_from(ODD_TEXTS)


def criteria(name: str) -> st.SearchStrategy[str]:
    """Draw a criterion for a field: comparisons and ranges for all, words and wildcards for text."""
    operand = OPERANDS[name]
    for_all = st.one_of(
        WHOLE,
        st.builds("{}{}".format, st.sampled_from(["<", "<=", ">", ">=", "="]), operand),
        st.builds("{}...{}".format, operand, operand),
        operand.map("{}...".format),
        operand.map("...{}".format),
        operand,
    )
    if name != "name":
        return for_all
    words = st.lists(GLOB, min_size=1, max_size=2).map(" ".join)
    return (
        for_all
        | words
        | GLOB.map("={}".format)
        | GLOB.map("=={}".format)
        | operand.map('"{}"'.format)
        | LITERAL.map('=="{}"'.format)
    )


REQUEST = st.fixed_dictionaries(
    {}, optional={**{name: criteria(name) for name in KINDS}, "omit": st.sampled_from(["true", "false"])}
).filter(lambda request: set(request) - {"omit"})
QUERY = st.lists(REQUEST, min_size=1, max_size=3)
SORT = st.lists(st.tuples(st.sampled_from(list(KINDS)), st.booleans()), max_size=2)
WALK = st.sampled_from(list(KINDS)).flatmap(
    lambda name: st.tuples(
        criteria(name).map(lambda text: [{name: text}]), st.booleans().map(lambda down: [(name, down)])
    )
)
"""One criterion sorted by its own field: what is answered straight from the index."""


def load(rows: Sequence[Mapping[str, Any]]) -> Layout:
    numbered = [{**row, "n": number} for number, row in enumerate(rows)]
    return DataSet.read(world(layout("People", {**KINDS, "n": "number"}, numbered))).layouts["People"]


def order_of(sort: Sequence[tuple[str, bool]], people: Layout) -> SortOrder:
    described = [{"fieldName": name, "sortOrder": "descend" if down else "ascend"} for name, down in sort]
    return parameters.read_sort(described, people, Variants())


def numbers_found(people: Layout, query: Sequence[Mapping[str, str]], sort: Sequence[tuple[str, bool]]) -> list[Any]:
    answer = find(list(query), people, order_of(sort, people))
    return [record.fields["n"] for record in answer.page(1, len(answer))]


def numbers_expected(people: Layout, query: Sequence[Mapping[str, str]], sort: Sequence[tuple[str, bool]]) -> list[Any]:
    rows = [record.fields for record in people.table.rows()]
    return [row["n"] for row in naive_find.ordered(naive_find.found(rows, query, KINDS), sort, KINDS)]


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(ROW, max_size=12), query=QUERY, sort=SORT)
def test_a_find_is_what_looking_at_every_record_gives(rows: Any, query: Any, sort: Any) -> None:
    people = load(rows)
    assert numbers_found(people, query, sort) == numbers_expected(people, query, sort)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(ROW, max_size=12), walk=WALK, first=st.integers(1, 13), count=st.integers(1, 13))
def test_a_page_from_the_index_is_a_part_of_the_whole(rows: Any, walk: Any, first: int, count: int) -> None:
    query, sort = walk
    people = load(rows)
    expected = numbers_expected(people, query, sort)
    answer = find(query, people, order_of(sort, people))
    assert len(answer) == len(expected)
    page = answer.page(first, count)
    assert [record.fields["n"] for record in page] == expected[first - 1 : first - 1 + count]


@settings(max_examples=120, deadline=None)
@given(
    rows=st.lists(ROW, max_size=12),
    sort=st.lists(st.tuples(st.sampled_from(list(KINDS)), st.booleans()), min_size=1, max_size=3),
)
def test_a_sort_is_what_inserting_one_by_one_gives(rows: Any, sort: Any) -> None:
    people = load(rows)
    expected = naive_find.ordered([record.fields for record in people.table.rows()], sort, KINDS)
    assert [record.fields["n"] for record in people.table.ordered(order_of(sort, people))] == [
        row["n"] for row in expected
    ]


CHANGE = st.tuples(st.sampled_from(["insert", "edit", "delete"]), st.integers(0, 11), ROW)


@settings(max_examples=120, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=8), query=QUERY, sort=SORT, changes=st.lists(CHANGE, max_size=4))
def test_nothing_that_was_remembered_outlives_a_write(rows: Any, query: Any, sort: Any, changes: Any) -> None:
    people = load(rows)
    table = people.table
    numbers_found(people, query, sort)
    for number, (operation, place, fields) in enumerate(changes):
        records = table.rows()
        if operation == "insert":
            table.insert({**fields, "n": 100 + number})
        elif records and operation == "edit":
            table.edit(records[place % len(records)], fields)
        elif records:
            table.delete(records[place % len(records)])
        assert numbers_found(people, query, sort) == numbers_expected(people, query, sort)


@settings(max_examples=40, deadline=None)
@given(stars=st.integers(1, 60), letter=st.sampled_from("ab"))
def test_many_stars_do_not_take_forever(stars: int, letter: str) -> None:
    """Tried in every way, this many stars over this text would outlive the machine."""
    people = load([{"name": "a" * 2_000, "age": 1, "born": ""}])
    query = [{"name": "==" + "*".join("a" * stars) + f"*{letter}"}]
    assert numbers_found(people, query, []) == ([0] if letter == "a" else [])
    query = [{"name": "=" + "*".join("a" * stars) + f"*{letter}"}]
    assert numbers_found(people, query, []) == ([0] if letter == "a" else [])


@given(name=st.sampled_from(list(KINDS)), text=st.text(max_size=10))
def test_a_criterion_is_read_or_refused(name: str, text: str) -> None:
    people = load([{"name": "a", "age": 1, "born": "01/01/2024"}])
    code = 0
    try:
        find([{name: text}], people, ())
    except DataApiError as error:
        code = error.code
    assert code in (0, 400, 500, 502)
