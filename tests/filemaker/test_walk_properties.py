"""Whatever the page size, the keys and the changes of others: a walk reads each record there is, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nexus_import.errors import FileMakerMovedError
from nexus_import.filemaker.client import FileMakerClient
from nexus_import.filemaker.records import Sort
from nexus_import.filemaker.walk import walk_layout

from local.simulator import Simulator

from .conftest import KEYED, Connect
from .reading_out import fill, read_out

AGAINST_SERVER = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def client(connect: Connect) -> FileMakerClient:
    return connect()


@contextmanager
def filled(simulator: Simulator, keys: list[str]) -> Iterator[list[str]]:
    record_ids = fill(simulator, keys)
    try:
        yield record_ids
    finally:
        for record_id in record_ids:
            simulator.control.delete_record(KEYED, record_id)


@AGAINST_SERVER
@given(pages=st.integers(0, 6), page_size=st.integers(1, 9), beyond=st.sampled_from([-1, 0, 1]))
@example(pages=1, page_size=1, beyond=-1)
@example(pages=1, page_size=1, beyond=0)
@example(pages=2, page_size=5, beyond=0)
def test_pages_end_where_records_do(
    pages: int, page_size: int, beyond: int, simulator: Simulator, client: FileMakerClient
) -> None:
    count = max(pages * page_size + beyond, 0)
    keys = [f"{number * 7 % 101:03d}" for number in range(count)]
    with filled(simulator, keys) as record_ids:
        for key_field, sort in (("id", ()), (None, ()), (None, (Sort("id", "descend"),))):
            walk = walk_layout(client, KEYED, key_field, page_size=page_size, sort=sort)
            read = Counter(record.record_id for page in walk for record in page.records)
            assert read == Counter(record_ids)
            assert (walk.summary.distinct_read, walk.summary.rewalked) == (count, 0)


@AGAINST_SERVER
@given(count=st.integers(0, 30), limit=st.integers(1, 10))
def test_pages_by_offset_follow_each_other_without_a_gap(
    count: int, limit: int, simulator: Simulator, client: FileMakerClient
) -> None:
    with filled(simulator, [f"{number:03d}" for number in range(count)]) as record_ids:
        for read in (client.get_records, lambda layout, **window: client.find(layout, [{"id": "*"}], **window)):
            pages = [read(KEYED, offset=offset, limit=limit).records for offset in range(1, count + 2, limit)]
            assert [record.record_id for page in pages for record in page] == record_ids
            assert read(KEYED, offset=count + 1, limit=limit).records == ()


KEYS = st.lists(
    st.sampled_from(["A", "a", "B", "b c", "", "Ä", "1...2", "x@y", "==", "D*", "//", "0", "a\\b", '"q"']), max_size=30
)


@AGAINST_SERVER
@given(keys=KEYS, page_size=st.integers(1, 8))
def test_keys_shared_by_records_lose_none_at_page_borders(
    keys: list[str], page_size: int, simulator: Simulator, client: FileMakerClient
) -> None:
    with filled(simulator, keys):
        walk = walk_layout(client, KEYED, "id", page_size=page_size)
        pages = list(walk)
    read = Counter(str(record.fields["id"]) for page in pages for record in page.records)
    assert read == Counter(keys)
    assert walk.summary.rewalked == 0


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "edit", "rekey"]),
        st.integers(1, 14),
        st.integers(1, 12),
        st.text("ABCDEFGHIJ", min_size=1, max_size=3),
    ),
    max_size=6,
)


@AGAINST_SERVER
@given(changes=CHANGES, is_by_key=st.booleans(), page_size=st.integers(1, 5))
def test_whatever_others_do_meanwhile_the_reading_has_every_record_there_is(
    changes: list[tuple[str, int, int, str]],
    is_by_key: bool,
    page_size: int,
    simulator: Simulator,
    connect: Connect,
) -> None:
    simulator.control.reset()
    fill(simulator, list("CADBEFHG"))
    simulator.control.between_pages([_planned(*change) for change in changes])
    with connect() as client:
        walk = walk_layout(client, KEYED, "id" if is_by_key else None, page_size=page_size)
        try:
            held = read_out(walk)
        except FileMakerMovedError:
            return
    # The last two requests look whether the layout stood still: it is read as it was before them.
    seen_changes = [change for change in changes if change[1] <= walk.summary.requests - 2]
    assert held.keys() == _record_ids_after(seen_changes)


def _record_ids_after(changes: list[tuple[str, int, int, str]]) -> set[str]:
    record_ids = {str(number) for number in range(1, 9)}
    inserted = 8
    for kind, _, record, _ in sorted(changes, key=lambda change: change[1]):
        if kind == "insert":
            inserted += 1
            record_ids.add(str(inserted))
        elif kind == "delete":
            record_ids.discard(str(record))
    return record_ids


def _planned(kind: str, after_requests: int, record: int, text: str) -> dict[str, Any]:
    change: dict[str, Any] = {"layout": KEYED, "after_requests": after_requests, "operation": kind}
    if kind == "insert":
        return change | {"fields": {"id": text}}
    if kind == "delete":
        return change | {"record_id": str(record)}
    return change | {
        "operation": "edit",
        "record_id": str(record),
        "fields": {"id": text} if kind == "rekey" else {"note": text},
    }
