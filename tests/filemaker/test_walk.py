from __future__ import annotations

import json
import logging

import pytest
from nexus_import.errors import (
    ConfigurationError,
    FileMakerMovedError,
    FileMakerRequestError,
    FileMakerUnavailable,
)
from nexus_import.filemaker.cursor import Cursor, WalkedPage
from nexus_import.filemaker.records import Sort
from nexus_import.filemaker.walk import walk_layout

from local.simulator import Simulator

from .conftest import CONTACT_COUNT, CONTACTS, EMPTY, KEYED, Connect
from .reading_out import fill, live, read_out

BOTH_KINDS = pytest.mark.parametrize("key_field", ["id", None], ids=["by_key", "by_offset"])


@BOTH_KINDS
@pytest.mark.parametrize("page_size", [1, 4, CONTACT_COUNT - 1, CONTACT_COUNT, CONTACT_COUNT + 1, 1000])
def test_every_record_is_read_once_at_any_page_size(page_size: int, key_field: str | None, connect: Connect) -> None:
    client = connect()
    walk = walk_layout(client, CONTACTS, key_field, page_size=page_size)
    pages = list(walk)
    ids = [record.record_id for page in pages for record in page.records]
    assert sorted(ids, key=int) == [str(number) for number in range(1, CONTACT_COUNT + 1)]
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    assert pages[-1].read_count == pages[-1].cursor.read_count == CONTACT_COUNT
    summary = walk.summary
    assert (summary.found_at_start, summary.found_at_end, summary.distinct_read) == (CONTACT_COUNT,) * 3
    assert (summary.pages, summary.rewalked, summary.vanished_record_ids) == (len(pages), 0, ())


def test_a_walk_by_key_is_in_the_order_of_the_key(connect: Connect) -> None:
    keys = [
        record.fields["id"] for page in walk_layout(connect(), CONTACTS, "id", page_size=4) for record in page.records
    ]
    assert keys == sorted(str(key) for key in keys)


def test_a_walk_by_offset_may_be_sorted(connect: Connect) -> None:
    walk = walk_layout(connect(), CONTACTS, None, page_size=4, sort=(Sort("id", "descend"),))
    keys = [str(record.fields["id"]) for page in walk for record in page.records]
    assert keys == sorted(keys, reverse=True)


def test_it_asks_for_no_more_than_it_needs(simulator: Simulator, connect: Connect) -> None:
    walk = walk_layout(connect(), CONTACTS, "id", page_size=1000)
    list(walk)
    # Two for the state at the start, the page, the empty keys, two for the state at the end.
    assert walk.summary.requests == simulator.control.state()["requests"][CONTACTS] == 6
    by_offset = walk_layout(connect(), CONTACTS, None, page_size=10)
    assert (len(list(by_offset)), by_offset.summary.requests) == (3, 7)


@BOTH_KINDS
def test_an_empty_layout_has_no_pages(key_field: str | None, connect: Connect) -> None:
    walk = walk_layout(connect(), EMPTY, key_field)
    assert list(walk) == []
    assert (walk.summary.found_at_end, walk.summary.distinct_read, walk.summary.pages) == (0, 0, 0)


def test_the_summary_is_there_only_when_the_walk_has_ended(connect: Connect) -> None:
    walk = walk_layout(connect(), CONTACTS, "id")
    next(walk)
    with pytest.raises(RuntimeError, match="has not ended"):
        _ = walk.summary


def test_progress_is_told_before_each_page(connect: Connect) -> None:
    told: list[WalkedPage] = []
    pages = list(walk_layout(connect(), CONTACTS, "id", page_size=10, on_page=told.append))
    assert told == pages


def test_records_without_a_key_are_read_too(simulator: Simulator, connect: Connect) -> None:
    fill(simulator, ["B", "", "A", "", "", "C"])
    client = connect()
    walk = walk_layout(client, KEYED, "id", page_size=2)
    assert read_out(walk) == live(client, KEYED)
    assert walk.summary.rewalked == 0


@BOTH_KINDS
def test_a_record_deleted_after_it_was_read_is_named_as_vanished(
    key_field: str | None, simulator: Simulator, connect: Connect
) -> None:
    first, *_ = fill(simulator, list("ABCDEF"))
    simulator.control.between_pages([{"layout": KEYED, "operation": "delete", "record_id": first, "after_requests": 4}])
    client = connect()
    walk = walk_layout(client, KEYED, key_field, page_size=2)
    assert read_out(walk) == live(client, KEYED)
    assert walk.summary.vanished_record_ids == (first,)
    assert (walk.summary.found_at_start, walk.summary.found_at_end, walk.summary.rewalked) == (6, 5, 1)


@BOTH_KINDS
def test_a_record_for_a_record_is_noticed_although_the_counts_agree(
    key_field: str | None, simulator: Simulator, connect: Connect
) -> None:
    first, *_ = fill(simulator, list("BCDEFG"))
    simulator.control.between_pages(
        [
            {"layout": KEYED, "operation": "insert", "fields": {"id": "A"}, "after_requests": 4},
            {"layout": KEYED, "operation": "delete", "record_id": first, "after_requests": 4},
        ]
    )
    client = connect()
    walk = walk_layout(client, KEYED, key_field, page_size=2)
    held = read_out(walk)
    assert held == live(client, KEYED)
    assert "A" in {fields["id"] for fields in held.values()}
    assert walk.summary.found_at_start == walk.summary.found_at_end == 6
    assert walk.summary.vanished_record_ids == (first,)


def test_a_record_whose_key_moved_it_before_the_cursor_is_found_although_nothing_else_tells(
    simulator: Simulator, connect: Connect
) -> None:
    *_, fifth, _ = fill(simulator, list("BCDEFG"))
    simulator.control.between_pages(
        [{"layout": KEYED, "operation": "edit", "record_id": fifth, "fields": {"id": "A"}, "after_requests": 3}]
    )
    client = connect()
    walk = walk_layout(client, KEYED, "id", page_size=2)
    held = read_out(walk)
    assert held == live(client, KEYED)
    assert held[fifth]["id"] == "A"
    assert (walk.summary.found_at_start, walk.summary.found_at_end, walk.summary.rewalked) == (6, 6, 1)


def test_changes_before_the_cursor_do_not_shift_a_walk_by_key(simulator: Simulator, connect: Connect) -> None:
    first, *_ = fill(simulator, list("BCDEFGHI"))
    simulator.control.between_pages([{"layout": KEYED, "operation": "delete", "record_id": first, "after_requests": 3}])
    read = [
        record.fields["id"]
        for page in walk_layout(connect(), KEYED, "id", page_size=2)
        if not page.is_reread
        for record in page.records
    ]
    assert read == list("BCDEFGHI")


def test_what_the_second_reading_finds_is_handed_out_as_such(simulator: Simulator, connect: Connect) -> None:
    fill(simulator, list("BCDEFG"))
    simulator.control.between_pages(
        [{"layout": KEYED, "operation": "insert", "fields": {"id": "A"}, "after_requests": 4}]
    )
    pages = list(walk_layout(connect(), KEYED, "id", page_size=3))
    assert [[record.fields["id"] for record in page.records] for page in pages if page.is_reread] == [["A"]]


def test_a_newer_version_replaces_the_one_read_before(simulator: Simulator, connect: Connect) -> None:
    first, *_ = fill(simulator, list("ABCD"))
    simulator.control.between_pages(
        [
            {
                "layout": KEYED,
                "operation": "edit",
                "record_id": first,
                "fields": {"note": "newer"},
                "after_requests": 4,
            },
            {"layout": KEYED, "operation": "insert", "fields": {"id": "Z"}, "after_requests": 4},
        ]
    )
    client = connect()
    walk = walk_layout(client, KEYED, "id", page_size=2)
    held = read_out(walk)
    assert held[first]["note"] == "newer"
    assert walk.summary.distinct_read == len(held) == 5


def test_a_second_reading_that_was_moved_itself_does_not_count(simulator: Simulator, connect: Connect) -> None:
    first, *_ = fill(simulator, list("ABCDEF"))
    # Requests: two for the state, three pages, two for the state, then the second reading starts. A record is
    # deleted after its first page and another added, so that its count agrees although it skipped one.
    simulator.control.between_pages(
        [
            {"layout": KEYED, "operation": "insert", "fields": {"id": "G"}, "after_requests": 5},
            {"layout": KEYED, "operation": "delete", "record_id": first, "after_requests": 8},
            {"layout": KEYED, "operation": "insert", "fields": {"id": "H"}, "after_requests": 8},
        ]
    )
    client = connect()
    walk = walk_layout(client, KEYED, None, page_size=2)
    assert read_out(walk) == live(client, KEYED)
    assert (walk.summary.rewalked, walk.summary.vanished_record_ids) == (2, (first,))


def test_a_layout_that_never_stands_still_is_refused(
    simulator: Simulator, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    fill(simulator, list("ABCDEF"))
    simulator.control.between_pages(
        [
            {
                "layout": KEYED,
                "operation": "insert",
                "fields": {"id": f"N{number:03d}"},
                "after_requests": number,
            }
            for number in range(1, 500)
        ]
    )
    walk = walk_layout(connect(), KEYED, "id", page_size=50)
    with caplog.at_level(logging.INFO), pytest.raises(FileMakerMovedError) as raised:
        list(walk)
    assert "found 6 at start" in str(raised.value)
    assert "3 more readings" in str(raised.value)
    assert sum("reading again" in message for message in caplog.messages) == 3


@BOTH_KINDS
@pytest.mark.parametrize("stop_after", [1, 3, 6])
def test_an_interrupted_walk_goes_on_after_the_last_stored_page(
    stop_after: int, key_field: str | None, simulator: Simulator, connect: Connect
) -> None:
    client = connect()
    interrupted = walk_layout(client, CONTACTS, key_field, page_size=4)
    stored = [next(interrupted) for _ in range(stop_after)]
    cursor = Cursor.from_dict(json.loads(json.dumps(stored[-1].cursor.to_dict())))
    already_read = {record.record_id: record.mod_id for page in stored for record in page.records}
    simulator.control.delete_record(CONTACTS, stored[0].records[0].record_id)
    new_id = simulator.control.insert_record(CONTACTS, {"id": "0000-NEW"})

    walk = walk_layout(client, CONTACTS, key_field, page_size=4, after=cursor, already_read=already_read)
    pages = list(walk)

    numbers = [page.number for page in (*stored, *pages)]
    assert numbers == list(range(1, len(numbers) + 1))
    ids = [record.record_id for page in (*stored, *pages) for record in page.records]
    assert len(ids) == len(set(ids))
    assert set(ids) - set(walk.summary.vanished_record_ids) == live(client, CONTACTS).keys()
    assert new_id in ids
    assert walk.summary.found_at_start == CONTACT_COUNT


def test_a_walk_does_not_go_on_with_other_pages_than_its_own(connect: Connect) -> None:
    walk = walk_layout(connect(), CONTACTS, "id", page_size=4)
    with pytest.raises(ConfigurationError, match="cursor counts 4 records, 0 were given"):
        walk_layout(connect(), CONTACTS, "id", after=next(walk).cursor)


@BOTH_KINDS
def test_a_walk_outlives_killed_tokens_and_passing_faults(
    key_field: str | None, simulator: Simulator, connect: Connect
) -> None:
    client = connect()
    walk = walk_layout(client, CONTACTS, key_field, page_size=4)
    ids = []
    for page in walk:
        ids += [record.record_id for record in page.records]
        simulator.control.kill_tokens()
        simulator.control.set_faults(unavailable_requests=2)
    assert sorted(ids, key=int) == [str(number) for number in range(1, CONTACT_COUNT + 1)]
    assert walk.summary.rewalked == 0
    simulator.control.clear_faults()
    client.close()
    assert simulator.control.state()["sessions_open"] == 0


def test_a_server_that_never_answers_ends_the_walk(simulator: Simulator, connect: Connect) -> None:
    client = connect(read_timeout_seconds=0.2, retry_attempts=2)
    walk = walk_layout(client, CONTACTS, "id", page_size=60)
    simulator.control.hold(CONTACTS, after_requests=2)
    with pytest.raises(FileMakerUnavailable, match=r"did not answer within 0\.2 s.*Gave up after 2 attempts"):
        list(walk)
    simulator.control.release()


def test_a_key_that_is_not_on_the_layout_is_named(connect: Connect) -> None:
    with pytest.raises(FileMakerRequestError, match="'uuid'"):
        list(walk_layout(connect(), CONTACTS, "uuid"))


@pytest.mark.parametrize("after_requests", range(1, 7))
def test_a_record_that_gets_the_id_of_the_newest_one_is_read(
    after_requests: int, simulator: Simulator, connect: Connect
) -> None:
    simulator.control.set_faults(record_ids_are_reused=True)
    ids = fill(simulator, ["B", "C", "D", "E", "F", "A"])
    change = {"layout": KEYED, "after_requests": after_requests}
    simulator.control.between_pages(
        [
            change | {"operation": "delete", "record_id": ids[-1]},
            change | {"operation": "insert", "fields": {"id": "A0", "note": "in its place"}},
        ]
    )
    client = connect()
    walk = walk_layout(client, KEYED, "id", page_size=2)
    assert read_out(walk) == live(client, KEYED)
    assert simulator.control.state()["changes_applied"] == 2
    assert walk.summary.rewalked == (1 if after_requests > 2 else walk.summary.rewalked)


def test_without_keys_it_is_read_when_the_modid_tells(simulator: Simulator, connect: Connect) -> None:
    simulator.control.set_faults(record_ids_are_reused=True)
    ids = fill(simulator, ["B", "C", "D"])
    simulator.control.edit_record(KEYED, ids[-1], {"note": "edited before the walk"})
    simulator.control.between_pages(
        [
            {"layout": KEYED, "operation": "delete", "record_id": ids[-1], "after_requests": 4},
            {"layout": KEYED, "operation": "insert", "fields": {"id": "A0"}, "after_requests": 4},
        ]
    )
    client = connect()
    walk = walk_layout(client, KEYED, None, page_size=2)
    assert read_out(walk) == live(client, KEYED)
    assert walk.summary.rewalked == 1


@BOTH_KINDS
@pytest.mark.parametrize(("edited", "is_read_again"), [(0, False), (-1, True)], ids=["the first", "the newest"])
def test_an_edit_alone_is_noticed_only_of_the_newest_record(
    edited: int, is_read_again: bool, key_field: str | None, simulator: Simulator, connect: Connect
) -> None:
    ids = fill(simulator, ["A", "B", "C", "D"])
    change = {"layout": KEYED, "operation": "edit", "record_id": ids[edited], "fields": {"note": "edited"}}
    first = {"layout": KEYED, "operation": "edit", "record_id": ids[0], "fields": {"note": "edited too"}}
    simulator.control.between_pages([change | {"after_requests": 4}, first | {"after_requests": 4}])
    client = connect()
    walk = walk_layout(client, KEYED, key_field, page_size=2)
    notes = {record_id: fields["note"] for record_id, fields in read_out(walk).items()}
    assert walk.summary.rewalked == int(is_read_again)
    assert (notes[ids[0]] == "edited too") is is_read_again
