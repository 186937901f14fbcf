from __future__ import annotations

from nexus_import.filemaker.records import Page, Record, read_field


def test_repr_shows_ids_and_no_field_values() -> None:
    record = Record("7", "2", {"nameLast": "Synthetic"})
    assert repr(Page((record,), 1, 1)) == (
        "Page(records=(Record(record_id='7', mod_id='2'),), found_count=1, total_count=1)"
    )


def test_repetitions_are_those_shown_on_the_layout() -> None:
    field = read_field({"name": "phone", "result": "text", "repetitionStart": 2, "repetitionEnd": 4})
    assert (field.name, field.result, field.repetitions) == ("phone", "text", 3)
