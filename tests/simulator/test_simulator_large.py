"""A page of a thousand out of a hundred thousand records: the right ones, in memory that does not grow.

How fast is for `python -m bench.simulator`; a test that measures time fails when the machine is busy.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from tests.simulator.tiny_clinic import DataApiClient
from tests.simulator.worlds import field_data, layout, serving, world

RECORDS = 100_000
PAGE_RECORDS = 1_000
STEP = 7_919  # a prime that does not divide the number of records: every key once, in no order

BY_ID = [{"fieldName": "id", "sortOrder": "ascend"}]

pytestmark = pytest.mark.deep


def key(number: int) -> str:
    return f"{number * STEP % RECORDS:06}"


@pytest.fixture(scope="module")
def client() -> Iterator[DataApiClient]:
    rows = [{"id": key(number), "n": number, "note": "a note of some length"} for number in range(RECORDS)]
    people = layout("People", {"id": "text", "n": "number", "note": "text"}, rows)
    with serving(world(people)) as (_, client):
        yield client


def by_position(client: DataApiClient) -> Iterator[list[str]]:
    for offset in range(1, RECORDS, PAGE_RECORDS):
        page = client.records("People", _offset=str(offset), _limit=str(PAGE_RECORDS))
        yield [fields["id"] for fields in field_data(page)]


def by_key(client: DataApiClient) -> Iterator[list[str]]:
    criterion = "*"
    while True:
        page = client.find({"id": criterion}, layout="People", sort=BY_ID, limit=PAGE_RECORDS)
        ids = [fields["id"] for fields in field_data(page)]
        yield ids
        if ids[-1] == f"{RECORDS - 1:06}":
            return
        criterion = f">{ids[-1]}"


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (by_position, [key(number) for number in range(RECORDS)]),
        (by_key, [f"{number:06}" for number in range(RECORDS)]),
    ],
    ids=["by position", "by key"],
)
def test_every_page_of_a_large_layout_is_right_and_costs_no_more_memory_than_the_first(
    pages: object, expected: list[str], client: DataApiClient
) -> None:
    assert callable(pages)
    next(pages(client))  # what makes an index or an order is kept from here on
    read = 0
    tracemalloc.start()
    try:
        of_one_page = 0
        for ids in pages(client):
            assert ids == expected[read : read + PAGE_RECORDS]
            read += len(ids)
            of_one_page = of_one_page or tracemalloc.get_traced_memory()[1]
        of_all = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == RECORDS
    assert of_all < 3 * of_one_page
