from __future__ import annotations

import pytest
from nexus_import.filemaker.records import Page, Record, escape_criterion, read_field


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("550E8400-E29B-41D4-A716-446655440000", "550E8400-E29B-41D4-A716-446655440000"),
        ("a@b.example", r"a\@b.example"),
        ("==x", r"\=\=x"),
        ("1...5", r"1\.\.\.5"),
        ("//", r"\/\/"),
        ("and/or", "and/or"),
        ('back\\slash "q" *?#!<>~', r"back\\slash \"q\" \*\?\#\!\<\>\~"),
    ],
)
def test_operators_are_escaped(text: str, escaped: str) -> None:
    assert escape_criterion(text) == escaped


def test_repr_shows_ids_and_no_field_values() -> None:
    record = Record("7", "2", {"nameLast": "Synthetic"})
    assert repr(Page((record,), 1, 1)) == (
        "Page(records=(Record(record_id='7', mod_id='2'),), found_count=1, total_count=1)"
    )


def test_repetitions_are_those_shown_on_the_layout() -> None:
    field = read_field({"name": "phone", "result": "text", "repetitionStart": 2, "repetitionEnd": 4})
    assert (field.name, field.result, field.repetitions) == ("phone", "text", 3)
