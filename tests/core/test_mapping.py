"""The mapping files: what a mistake in one says, and which row each kind of record becomes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import yaml
from nexus_import.core.mapping import Lookup, LookupRow, RowMapper, ValueFinding, load_mappings
from nexus_import.core.values import new_nexus_id
from nexus_import.errors import ConfigurationError

FOLDER = Path(__file__).resolve().parents[2] / "include" / "mapping"
MAPPINGS = load_mappings(FOLDER)
KEY = "0A1B2C3D-4E5F-4A6B-8C7D-9E0F1A2B3C4D"
PATIENT_KEY = "11111111-2222-4333-8444-555555555555"
NEWCASTLE, MAITLAND, NDIS, ASSESSMENT, SMITH = (UUID(int=number) for number in range(1, 6))
LOOKUPS = {
    "clinics": Lookup.from_rows([LookupRow(NEWCASTLE, "Newcastle"), LookupRow(MAITLAND, "Maitland")]),
    "clinicians": Lookup.from_rows([LookupRow(SMITH, "Dr. Smith")]),
    "funding_sources": Lookup.from_rows([LookupRow(NDIS, "NDIS")]),
    "appointment_types": Lookup.from_rows([LookupRow(ASSESSMENT, "Initial Assessment", 45)]),
}
SMALL: dict[str, Any] = {
    "entity": "patient",
    "label": "patients",
    "layout": "API_Contacts",
    "table": "patients",
    "columns": {"first_name": {"field": "nameFirst"}, "dob": {"field": "DOB", "type": "date"}},
}


def read(
    entity: str, fields: dict[str, object], lengths: dict[str, int | None] | None = None
) -> tuple[dict[str, Any], list[ValueFinding]]:
    mapper = RowMapper(MAPPINGS[entity], LOOKUPS, ZoneInfo("Australia/Sydney"), lengths or {})
    row, findings = mapper.row("17", "3", {"id": KEY, **fields})
    return dict(zip(mapper.column_names(), row, strict=True)), findings


def load(folder: Path, **changes: Any) -> None:
    (folder / "patient.yaml").write_text(yaml.safe_dump(SMALL | changes))
    load_mappings(folder)


def test_every_shipped_mapping_is_loaded() -> None:
    assert set(MAPPINGS) == {"patient", "appointment", "note", "letter", "reminder", "document", "image"}


@pytest.mark.parametrize("entity", sorted(MAPPINGS))
def test_fields_are_the_key_first_and_none_twice(entity: str) -> None:
    fields = MAPPINGS[entity].fields()
    assert fields[0] == "id"
    assert len(fields) == len(set(fields))


def test_both_fields_of_a_wall_time_are_read() -> None:
    assert {"startDate", "startTime", "endDate", "endTime"} <= set(MAPPINGS["appointment"].fields())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"dob": {"field": "DOB", "type": "day"}}}, r"patient\.yaml: columns\.dob\.type: .*'date'"),
        ({"columns": {"dob": {"feild": "DOB"}}}, r"patient\.yaml: columns\.dob\.field: Field required"),
        ({"columns": {"dob": {"field": "DOB", "x": 1}}}, r"patient\.yaml: columns\.dob\.x: Extra inputs"),
        ({"layout": None}, r"patient\.yaml: layout: "),
        ({"tabel": "patients"}, r"patient\.yaml: tabel: Extra inputs"),
        ({"defaults": {"dob": "now"}}, r"patient\.yaml: .*dob is both in columns and in defaults: remove it"),
        (
            {"columns": {"clinic_id": {"field": "c", "lookup": "clinics", "reference": "patient"}}},
            r"patient\.yaml: .*columns\.clinic_id has both lookup and reference: remove one",
        ),
    ],
)
def test_mistake_is_named_with_file_and_key(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    load(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, **changes)


def test_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "note.yaml").write_text("entity: [unclosed")
    with pytest.raises(ConfigurationError, match=r"note\.yaml is not YAML"):
        load_mappings(tmp_path)


def test_folder_without_mappings_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no mapping file"):
        load_mappings(tmp_path)


def test_two_files_for_one_entity_are_refused(tmp_path: Path) -> None:
    (tmp_path / "contact.yaml").write_text(yaml.safe_dump(SMALL))
    with pytest.raises(ConfigurationError, match=r"patient\.yaml: entity: patient is mapped in contact\.yaml already"):
        load(tmp_path)


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
    assert (row["start_time"], row["end_time"], findings) == (None, None, [])


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
    row, findings = read("patient", {"title": "x" * length}, {"title": 10})
    is_too_long = length > 10
    assert row["title"] == (None if is_too_long else "x" * length)
    assert findings == ([ValueFinding("17", KEY.lower(), "title", "is longer than 10 characters")] * is_too_long)


def test_every_unreadable_value_is_a_finding_of_its_own_without_the_value() -> None:
    row, findings = read("patient", {"DOB": "31/12/1980", "NDIS Plan End Date": "soon", "nameFirst": "a\ud83d"})
    assert [finding.field for finding in findings] == ["nameFirst", "DOB", "NDIS Plan End Date"]
    assert row["dob"] is row["ndis_plan_end_date"] is row["first_name"] is None
    assert "1980" not in str(findings)


def test_id_with_half_a_character_is_a_finding() -> None:
    row, findings = read("patient", {"id": "\ud83d"})
    assert row["filemaker_id"] is row["nexus_id"] is None
    assert [finding.field for finding in findings] == ["id"]


def test_name_that_two_rows_share_finds_nothing() -> None:
    lookup = Lookup.from_rows([LookupRow(NEWCASTLE, "Newcastle"), LookupRow(MAITLAND, "NEWCASTLE ")])
    assert lookup.find("Newcastle") is None
    assert lookup.is_ambiguous("newcastle ")
    assert not lookup.is_ambiguous("Maitland")
    assert lookup.ambiguous == {"newcastle"}


def test_alias_leads_to_the_nexus_name() -> None:
    lookup = Lookup.from_rows([LookupRow(NEWCASTLE, "Newcastle")], {"NCL ": "newcastle", "Perth": "no such clinic"})
    found = lookup.find("ncl")
    assert found is not None
    assert found.nexus_id == NEWCASTLE
    assert lookup.find("Perth") is None


@pytest.mark.parametrize(
    ("name", "near"), [("Newcastel", "Newcastle"), ("MAITLANT", "Maitland"), ("Vladivostok", None), ("", None)]
)
def test_nearest_name_is_suggested_in_nexus_spelling(name: str, near: str | None) -> None:
    assert LOOKUPS["clinics"].nearest(name) == near


def test_name_that_nexus_does_not_have_is_staged_without_a_row() -> None:
    row, findings = read("patient", {"clinic_name": "Newcastel"})
    assert (row["clinic_id_name"], row["clinic_id"], findings) == ("Newcastel", None, [])
