"""The mapping: which row each kind of record becomes, and what is found on the way."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_import.core.mapping import (
    EntityMapping,
    Lookup,
    LookupRow,
    RowMapper,
    ValueFinding,
    load_mappings,
    row_mapper,
)
from nexus_import.core.values import new_nexus_id

FOLDER = Path(__file__).resolve().parents[2] / "include" / "mapping"
MAPPINGS = load_mappings(FOLDER)
KEY = "0A1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D"
PATIENT_KEY = "11111111-2222-4333-8444-555555555555"
NEWCASTLE_KEY = "aaaaaaaa-2222-4333-8444-555555555555"
NEWCASTLE, MAITLAND, NDIS, ASSESSMENT, SMITH = (UUID(int=number) for number in range(1, 6))
LOOKUPS = {
    "clinics": Lookup.from_rows(
        [LookupRow(NEWCASTLE, "Newcastle", None, NEWCASTLE_KEY), LookupRow(MAITLAND, "Maitland")]
    ),
    "clinicians": Lookup.from_rows([LookupRow(SMITH, "Dr. Smith")]),
    "funding_sources": Lookup.from_rows([LookupRow(NDIS, "NDIS")]),
    "appointment_types": Lookup.from_rows([LookupRow(ASSESSMENT, "Initial Assessment", 45)]),
}


def read(
    entity: str, fields: dict[str, object], types: dict[str, str] | None = None
) -> tuple[dict[str, Any], list[ValueFinding]]:
    mapper = RowMapper(MAPPINGS[entity], LOOKUPS, ZoneInfo("Australia/Sydney"), types or {})
    row, findings = mapper.row("17", "3", {"id": KEY, **fields})
    return dict(zip(mapper.column_names(), row, strict=True)), findings


def test_every_shipped_mapping_is_loaded() -> None:
    assert set(MAPPINGS) == {"patient", "appointment", "note", "letter", "reminder", "document", "image"}


@pytest.mark.parametrize("entity", sorted(MAPPINGS))
def test_fields_are_the_key_first_and_none_twice(entity: str) -> None:
    fields = MAPPINGS[entity].fields()
    assert fields[0] == "id"
    assert len(fields) == len(set(fields))


def test_both_fields_of_a_wall_time_are_read() -> None:
    assert {"startDate", "startTime", "endDate", "endTime"} <= set(MAPPINGS["appointment"].fields())


def test_patient_becomes_a_row() -> None:
    row, findings = read(
        "patient",
        {
            "title": "Ms",
            "nameFirst": "Ada",
            "nameMiddle": "",
            "nameLast": "Byron",
            "DOB": "12/10/1980",
            "gender": "Female",
            "Health Number": 1234567890,
            "clinic_name": " newcastle ",
            "funding_type": "NDIS",
            "NDIS Plan Start Date": "",
            "NDIS Plan End Date": "06/30/2027",
            "NDIS Coordinator Name": "",
        },
    )
    assert findings == []
    assert row == {
        "record_id": "17",
        "mod_id": "3",
        "kept_columns": [],
        "filemaker_id": KEY.lower(),
        "filemaker_id_text": KEY,
        "nexus_id": new_nexus_id("patient", KEY.lower()),
        "title": "Ms",
        "first_name": "Ada",
        "middle_names": None,
        "last_name": "Byron",
        "dob": date(1980, 12, 10),
        "sex": "F",
        "health_number": "1234567890",
        "clinic_id_name": "newcastle",
        "clinic_id": NEWCASTLE,
        "funding_type_id_name": "NDIS",
        "funding_type_id": NDIS,
        "ndis_plan_start_date": None,
        "ndis_plan_end_date": date(2027, 6, 30),
        "coordinator_name": None,
    }


def appointment(**fields: object) -> tuple[dict[str, Any], list[ValueFinding]]:
    usual: dict[str, object] = {
        "patient_id": PATIENT_KEY,
        "clinic_name": "Maitland",
        "clinician_name": "Dr. Smith",
        "appointment_type": "Initial Assessment",
        "startDate": "07/01/2026",
        "startTime": "09:00:00",
        "endDate": "07/01/2026",
        "endTime": "09:30:00",
        "note": "left\rright",
    }
    return read("appointment", usual | fields)


def test_appointment_becomes_a_row() -> None:
    row, findings = appointment()
    assert findings == []
    assert row["patient_id_filemaker_id"] == PATIENT_KEY.lower()
    assert (row["clinic_id"], row["clinician_id"], row["appointment_type_id"]) == (MAITLAND, SMITH, ASSESSMENT)
    assert row["start_time"] == datetime(2026, 6, 30, 23, tzinfo=UTC)
    assert row["end_time"] == datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert row["notes"] == "left\nright"


@pytest.mark.parametrize(("kind", "end"), [("Initial Assessment", "23:45"), ("Unknown to Nexus", "23:30")])
def test_appointment_without_end_lasts_as_long_as_its_type(kind: str, end: str) -> None:
    row, findings = appointment(endDate="", endTime="", appointment_type=kind)
    assert findings == []
    assert f"{row['end_time']:%H:%M}" == end


def test_appointment_without_start_has_no_end_either() -> None:
    row, findings = appointment(startDate="", startTime="", endDate="", endTime="")
    assert row["start_time"] is row["end_time"] is None
    assert [(finding.field, finding.rule) for finding in findings] == [("startDate", row_mapper.IS_EMPTY)]


def test_appointment_with_a_day_but_no_time_has_no_known_start() -> None:
    row, findings = appointment(startTime="", endTime="")
    assert row["start_time"] is row["end_time"] is None
    assert [(finding.field, finding.rule) for finding in findings] == [("startDate", "has a date but no time")]


def test_appointment_whose_end_has_a_day_but_no_time_lasts_as_long_as_its_type() -> None:
    row, findings = appointment(endTime="")
    assert findings == []
    assert f"{row['end_time']:%H:%M}" == "23:45"


def test_appointment_id_must_fit_its_column() -> None:
    row, findings = appointment(id="EVENT-4711")
    assert row["filemaker_id"] is row["nexus_id"] is None
    assert findings == [ValueFinding("17", "EVENT-4711", "id", "is not a UUID")]


def test_patient_id_may_be_any_text() -> None:
    row, findings = read("patient", {"id": "Contact-4711"})
    assert (row["filemaker_id"], row["filemaker_id_text"], findings) == ("contact-4711", "Contact-4711", [])


def test_note_becomes_a_row() -> None:
    fields: dict[str, object] = {
        "patient_id": PATIENT_KEY,
        "Date": "03/04/2026",
        "Note": "one\rtwo\x00",
        "Note Type": "Clinical Notes",
        "creationAccountName": "kim",
    }
    row, findings = read("note", fields)
    assert findings == []
    assert (row["note_type"], row["content"], row["created_by"]) == ("clinical_notes", "one\ntwo", "kim")
    assert row["created_at"] == datetime(2026, 3, 3, 13, tzinfo=UTC)


@pytest.mark.parametrize(("kind", "code"), [("Spoken Word", "other"), ("", "other"), ("3D Scan Data", "3d_scan_data")])
def test_note_type_outside_the_list_becomes_other(kind: str, code: str) -> None:
    assert read("note", {"Note Type": kind})[0]["note_type"] == code


def test_empty_values_of_required_columns_get_their_empty_value() -> None:
    row, _ = read("note", {})
    assert (row["content"], row["created_at"]) == ("", "now")


@pytest.mark.parametrize(("body", "pages"), [("one\rtwo", ["one\ntwo"]), ("", [])])
def test_letter_body_becomes_its_pages(body: str, pages: list[str]) -> None:
    row, findings = read("letter", {"patient_id": PATIENT_KEY, "To": "GP", "Title": "Re", "Type": "x", "Body": body})
    assert findings == []
    assert json.loads(row["pages"]) == pages
    assert (row["recipient_name"], row["subject"], row["letter_type"]) == ("GP", "Re", "x")


def test_reminder_becomes_a_row() -> None:
    fields: dict[str, object] = {
        "patient_id": PATIENT_KEY,
        "appointment_id": KEY,
        "clinic_name": "Newcastle",
        "note": "call",
        "reminder_date": "08/09/2026",
        "status": "Completed",
    }
    row, findings = read("reminder", fields)
    assert findings == []
    assert row["appointment_id_filemaker_id"] == KEY.lower()
    assert (row["clinic_id"], row["note"], row["status"]) == (NEWCASTLE, "call", "completed")
    assert row["reminder_date"] == date(2026, 8, 9)


def test_document_and_image_are_evidence_only() -> None:
    row, _ = read("document", {"patient_id": PATIENT_KEY, "NexusExportDate": "01/02/2026 10:00:00"})
    assert (row["patient_id_filemaker_id"], row["export_date"]) == (PATIENT_KEY.lower(), "01/02/2026 10:00:00")
    row, _ = read("image", {"patient_id": PATIENT_KEY, "recid": 4711})
    assert row["record_number"] == 4711
    assert MAPPINGS["document"].table is MAPPINGS["image"].table is None


@pytest.mark.parametrize("length", [10, 11])
def test_text_longer_than_its_column_is_a_finding(length: int) -> None:
    row, findings = read("patient", {"nameMiddle": "x" * length}, {"middle_names": "character varying(10)"})
    is_too_long = length > 10
    assert row["middle_names"] == (None if is_too_long else "x" * length)
    assert row["kept_columns"] == ["middle_names"] * is_too_long
    assert findings == [ValueFinding("17", KEY, "nameMiddle", "is longer than 10 characters")] * is_too_long


def test_every_unreadable_value_is_a_finding_of_its_own_without_the_value() -> None:
    row, findings = read("patient", {"DOB": "31/12/1980", "NDIS Plan End Date": "soon", "nameFirst": "a\ud83d"})
    assert [finding.field for finding in findings] == ["nameFirst", "DOB", "NDIS Plan End Date"]
    assert row["dob"] is row["ndis_plan_end_date"] is None
    assert row["first_name"] == ""
    assert row["kept_columns"] == ["first_name", "dob", "ndis_plan_end_date"]
    assert "1980" not in str(findings)


def test_id_with_half_a_character_is_a_finding() -> None:
    row, findings = read("patient", {"id": "\ud83d"})
    assert row["filemaker_id"] is row["nexus_id"] is None
    assert [finding.field for finding in findings] == ["id"]


@pytest.mark.parametrize(
    ("name", "near"), [("Newcastel", "Newcastle"), ("MAITLANT", "Maitland"), ("Vladivostok", None), ("", None)]
)
def test_nearest_name_is_suggested_in_nexus_spelling(name: str, near: str | None) -> None:
    assert LOOKUPS["clinics"].nearest(name) == near


def test_name_that_nexus_does_not_have_is_staged_without_a_row() -> None:
    row, findings = read("patient", {"clinic_name": "Newcastel"})
    assert (row["clinic_id_name"], row["clinic_id"], findings) == ("Newcastel", None, [])
    assert row["kept_columns"] == ["clinic_id"]  # nobody knows which clinic was meant, so Nexus's stays


@pytest.mark.parametrize(
    ("name", "shown"),
    [("x" * 200, "x" * 200), ("x" * 201, "(longer than 200 characters)"), ("New\r\ncastel", "New castel")],
)
def test_text_that_can_be_no_name_reaches_no_log(name: str, shown: str) -> None:
    row, findings = read("patient", {"clinic_name": name})
    assert (row["clinic_id_name"], row["clinic_id"], findings) == (shown, None, [])


def small(**columns: dict[str, Any]) -> RowMapper:
    mapping = EntityMapping.model_validate({"entity": "patient", "label": "p", "layout": "L", "columns": columns})
    return RowMapper(mapping, LOOKUPS, ZoneInfo("Australia/Sydney"), {})


def read_small(fields: dict[str, object], **columns: dict[str, Any]) -> tuple[dict[str, Any], list[ValueFinding]]:
    mapper = small(**columns)
    row, findings = mapper.row("17", "3", {"id": KEY, **fields})
    return dict(zip(mapper.column_names(), row, strict=True)), findings


@pytest.mark.parametrize("column", [{"type": "date"}, {"lookup": "clinics"}, {"reference": "appointment"}, {}])
def test_empty_value_of_a_required_column_is_a_finding(column: dict[str, Any]) -> None:
    _, findings = read_small({"f": " "}, c={"field": "f", "required": True} | column)
    assert findings == [ValueFinding("17", KEY, "f", row_mapper.IS_EMPTY, row_mapper.REQUIRED)]


def test_unreadable_value_of_a_required_column_is_named_once() -> None:
    _, findings = read_small({"f": "1/13/24"}, c={"field": "f", "required": True, "type": "date"})
    assert [(finding.check_id, finding.rule) for finding in findings] == [
        (row_mapper.REQUIRED, "has a year of two digits: write four")
    ]


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("column", [{}, {"type": "sex"}, {"type": "text_list"}, {"lookup": "clinics"}, {"empty": ""}])
def test_empty_value_leaves_nexus_its_own_where_the_mapping_says_so(column: dict[str, Any], keep: bool) -> None:
    row, findings = read_small({"f": ""}, c={"field": "f", "keep_when_empty": keep} | column)
    assert row["kept_columns"] == ["c"] * keep
    assert findings == []


def test_end_that_is_made_of_the_length_counts_as_no_empty_value() -> None:
    columns: dict[str, Any] = {
        "appointment_type_id": {"field": "kind", "lookup": "appointment_types"},
        "start_time": {"field": "on", "time_field": "at", "type": "wall_time"},
        "end_time": {"field": "to", "type": "wall_time", "length_from": "appointment_type_id", "required": True},
    }
    row, findings = read_small({"on": "07/01/2026", "at": "9:00 AM", "to": ""}, **columns)
    assert findings == []
    assert row["end_time"] == datetime(2026, 6, 30, 23, 30, tzinfo=UTC)


def test_title_outside_the_list_is_a_warning_and_nexus_keeps_its_own() -> None:
    row, findings = read("patient", {"title": "Master"})
    assert row["title"] is None
    assert row["kept_columns"] == ["title"]
    assert [(finding.field, finding.check_id) for finding in findings] == [("title", row_mapper.USUAL)]


def test_impossible_phone_number_is_a_warning_and_stored_as_it_is() -> None:
    row, findings = read_small({"f": "0412 345"}, c={"field": "f", "type": "phone"})
    assert (row["c"], row["kept_columns"]) == ("0412 345", [])
    assert [finding.check_id for finding in findings] == [row_mapper.USUAL]


def test_code_outside_choices_is_a_warning_unless_the_mapping_replaces_it() -> None:
    choices: dict[str, Any] = {"field": "f", "type": "code", "choices": ["open", "done"]}
    row, findings = read_small({"f": "Pending"}, c=choices)
    assert (row["c"], row["kept_columns"]) == (None, ["c"])
    assert [finding.check_id for finding in findings] == [row_mapper.USUAL]
    assert read_small({"f": "Pending"}, c=choices | {"otherwise": "open"})[0]["c"] == "open"


@pytest.mark.parametrize(
    ("column", "raw", "value"),
    [
        ({"type": "date", "format": "iso"}, "2026-07-01", date(2026, 7, 1)),
        ({"type": "day_start", "format": "iso"}, "2026-07-01", datetime(2026, 6, 30, 14, tzinfo=UTC)),
        ({"type": "timestamp"}, "07/01/2026 09:00:00", datetime(2026, 6, 30, 23, tzinfo=UTC)),
        ({"type": "number"}, "12.50", Decimal("12.50")),
        ({"type": "boolean"}, "1", True),
        ({"type": "boolean", "empty": False}, "", False),
        ({"type": "phone"}, "0412 345 678", "0412345678"),
        ({"type": "email"}, "a@b.example", "a@b.example"),
        ({"type": "post_code"}, "0800", "0800"),
    ],
)
def test_each_type_is_read(column: dict[str, Any], raw: str, value: object) -> None:
    row, findings = read_small({"f": raw}, c={"field": "f"} | column)
    assert (row["c"], findings) == (value, [])


def test_declared_format_is_the_only_one_that_is_read() -> None:
    for kind in ("date", "day_start"):
        _, findings = read_small({"f": "07/01/2026"}, c={"field": "f", "type": kind, "format": "iso"})
        assert [finding.rule for finding in findings] == ["is not a date in the form YYYY-MM-DD"]


def test_huge_id_is_a_finding_that_does_not_repeat_it() -> None:
    row, findings = read("patient", {"id": "x" * 5_000})
    assert row["filemaker_id"] is None
    assert findings == [ValueFinding("17", None, "id", "is longer than 200 characters, and no id")]


@pytest.mark.parametrize("entity", sorted(MAPPINGS))
@given(data=st.data())
def test_no_record_whatever_it_holds_raises_or_becomes_what_no_column_holds(entity: str, data: st.DataObject) -> None:
    value = st.one_of(st.none(), st.integers(), st.decimals(), st.text(st.characters(exclude_categories=[])))
    fields: dict[str, object] = {name: data.draw(value, name) for name in MAPPINGS[entity].fields()}
    row, findings = read(entity, fields)
    for held in row.values():
        assert not (isinstance(held, str) and re.search("[\x00\ud800-\udfff]", held))
    named = [finding.field for finding in findings]
    assert all(named.count(name) <= 2 for name in named)  # a day may stand for a start and for an end
