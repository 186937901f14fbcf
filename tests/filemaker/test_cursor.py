from __future__ import annotations

import json

import pytest
from nexus_import.filemaker.cursor import MIN_PAGE_SIZE_RECORDS, PAGES_BEFORE_GROWTH, Cursor, PageSize


def test_a_cursor_survives_json() -> None:
    cursor = Cursor("keys", "00A", 1, 3, 2400, 2842, "9001")
    assert Cursor.from_dict(json.loads(json.dumps(cursor.to_dict()))) == cursor


def test_a_cursor_of_another_shape_is_refused() -> None:
    with pytest.raises(TypeError):
        Cursor.from_dict({"stage": "keys"})


def test_a_page_halves_down_to_the_floor_and_grows_back_slowly() -> None:
    size = PageSize(1000)
    sizes = []
    while not size.is_smallest:
        size.shrink()
        sizes.append(size.records)
    assert sizes == [500, 250, 125, 62, MIN_PAGE_SIZE_RECORDS]
    for _ in range(PAGES_BEFORE_GROWTH - 1):
        size.note_success()
    assert size.records == MIN_PAGE_SIZE_RECORDS
    for _ in range(PAGES_BEFORE_GROWTH * 10):
        size.note_success()
        assert size.records <= 1000
    assert size.records == 1000


def test_a_success_after_a_time_out_does_not_count_those_before() -> None:
    size = PageSize(200)
    size.note_success()
    size.note_success()
    size.shrink()
    size.note_success()
    assert size.records == 100


def test_a_page_that_is_small_from_the_start_is_never_made_larger() -> None:
    size = PageSize(10)
    assert size.is_smallest
    for _ in range(10):
        size.note_success()
    assert size.records == 10


@pytest.mark.parametrize("fast_enough", [60, 300, 600, 999])
def test_a_size_that_is_too_large_after_all_is_tried_less_and_less_often(fast_enough: int) -> None:
    size = PageSize(1000)
    asked: list[int] = []
    time_out_count = 0
    for _ in range(1000):
        asked.append(size.records)
        if size.records > fast_enough:
            time_out_count += 1
            size.shrink()
        else:
            size.note_success()
    assert time_out_count <= 16
    good = [records for records in asked if records <= fast_enough]
    assert sum(good) / len(good) >= fast_enough / 3, "it does not stay small"


def test_halving_again_and_again_is_one_fault() -> None:
    size = PageSize(1000)
    for _ in range(3):
        size.shrink()
    for _ in range(PAGES_BEFORE_GROWTH):
        size.note_success()
    assert size.records > 125
