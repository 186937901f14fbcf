"""What a mapping can say beyond one field a column: keys of several fields, missing ends and times, details."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nexus_import.core.mapping import EntityMapping, RowMapper, ValueFinding
from nexus_import.core.mapping.files import contradictions

LINK = {
    "entity": "patient_referrer",
    "label": "referrals",
    "layout": "Links",
    "key": ["patient", "referrer"],
    "columns": {"patient_id": {"field": "patient", "reference": "patient"}},
}
EVENT: dict[str, Any] = {
    "entity": "appointment",
    "label": "appointments",
    "layout": "Events",
    "columns": {
        "start_time": {"field": "day", "time_field": "time", "type": "wall_time"},
        "end_time": {"field": "end", "time_field": "end_time", "type": "wall_time", "length_minutes": 20},
    },
}
NINE = datetime(2026, 7, 1, 23, tzinfo=UTC)
"""2 July 2026, 9:00 in Sydney."""


def read(content: dict[str, Any], fields: dict[str, object]) -> tuple[dict[str, Any], list[ValueFinding]]:
    mapper = RowMapper(EntityMapping.model_validate(content), {}, ZoneInfo("Australia/Sydney"), {})
    row, findings = mapper.row("17", "3", fields)
    return dict(zip(mapper.column_names(), row, strict=True)), findings


def event(option: dict[str, Any], column: str = "end_time", **fields: str) -> tuple[dict[str, Any], list[ValueFinding]]:
    columns = EVENT["columns"] | {column: EVENT["columns"][column] | option}
    standard: dict[str, object] = {"id": "E", "day": "07/02/2026", "time": "09:00:00"}
    return read(EVENT | {"columns": columns}, {**standard, **fields})


def test_several_fields_make_one_id_whatever_their_case() -> None:
    row, findings = read(LINK, {"patient": "AB", "referrer": "Cd"})
    again, _ = read(LINK, {"patient": "ab", "referrer": "CD"})
    assert (row["filemaker_id"], row["filemaker_id_text"], findings) == ("ab|cd", "AB|Cd", [])
    assert row["nexus_id"] == again["nexus_id"] != read(LINK, {"patient": "CD", "referrer": "AB"})[0]["nexus_id"]


@pytest.mark.parametrize("fields", [{"patient": "A", "referrer": ""}, {"patient": "", "referrer": "A"}, {}])
def test_an_id_that_lacks_a_part_is_none(fields: dict[str, object]) -> None:
    assert read(LINK, fields)[0]["filemaker_id"] is None


def test_an_end_that_is_missing_is_the_length_after_the_start() -> None:
    row, findings = event({}, end="", end_time="")
    assert (row["start_time"], row["end_time"], findings) == (NINE, NINE.replace(minute=20), [])


def test_an_end_before_its_start_is_kept_unless_the_mapping_says_otherwise() -> None:
    row, findings = event({}, end="07/02/2026", end_time="08:00:00")
    assert (row["end_time"], findings) == (NINE.replace(hour=22), [])


def test_an_end_before_its_start_can_be_the_usual_length_and_is_listed() -> None:
    row, [finding] = event({"when_before_start": "length"}, end="07/02/2026", end_time="08:00:00")
    assert row["end_time"] == NINE.replace(minute=20)
    assert (finding.check_id, finding.field) == ("phase_0/values_are_usual", "end")
    assert row["kept_columns"] == []


def test_an_end_that_cannot_be_read_is_found_and_the_appointment_has_one_all_the_same() -> None:
    row, [finding] = event({}, end="31/02/2026", end_time="10:00:00")
    assert (row["end_time"], row["kept_columns"]) == (NINE.replace(minute=20), [])
    assert (finding.check_id, finding.field) == ("phase_0/values_are_readable", "end")


def test_a_day_without_its_time_cannot_be_read_unless_the_mapping_gives_one() -> None:
    _, [finding] = event({}, "start_time", time="")
    assert (finding.check_id, finding.rule) == ("phase_0/values_are_readable", "has a date but no time")
    row, [finding] = event({"time_when_missing": "09:00"}, "start_time", time="")
    assert row["start_time"] == NINE
    assert (finding.check_id, finding.rule) == ("phase_0/values_are_usual", "has no time; 09:00 was taken")


def test_a_choice_is_spelled_as_the_application_spells_it() -> None:
    choices = {"field": "kind", "type": "code", "choices": ["NDIS_PROVIDER", "OTHER"], "otherwise": "OTHER"}
    company = LINK | {"entity": "company", "key": "id", "columns": {"company_type": choices}}
    assert read(company, {"id": "1", "kind": "ndis provider"})[0]["company_type"] == "NDIS_PROVIDER"
    assert read(company, {"id": "1", "kind": "shop"})[0]["company_type"] == "OTHER"


def test_a_column_of_details_is_staged_empty_and_reads_no_field() -> None:
    content = LINK | {
        "columns": {"contact_json": {"details": "contact_detail", "shape": "contacts", "keep_when_empty": True}}
    }
    row, findings = read(content, {"patient": "A", "referrer": "B"})
    assert (row["contact_json"], row["kept_columns"], findings) == (None, [], [])
    mapping = EntityMapping.model_validate(content)
    assert (mapping.fields(), mapping.staged_columns()) == (["patient", "referrer"], {"contact_json": "jsonb"})


@pytest.mark.parametrize(
    ("changes", "key", "says"),
    [
        ({"columns": {"a": {"details": "contact_detail"}}}, "columns.a.shape", "details and shape go together"),
        ({"columns": {"a": {"shape": "contacts"}}}, "columns.a.details", "details and shape go together"),
        (
            {"columns": {"a": {"details": "contact_detail", "shape": "contacts", "field": "x"}}},
            "columns.a.field",
            "a column with details has no field",
        ),
        (
            {"columns": {"a": {"details": "note", "shape": "contacts"}}},
            "columns.a.details",
            "the records of note cannot be gathered: say contact_detail",
        ),
        ({"event_key": "filemaker_id"}, "key", "several fields make no UUID"),
        ({"adopt_by": ["patient_di"]}, "adopt_by", r"patient_di is none of columns (nearest: patient_id)"),
        ({"entity": "pateint_referrer"}, "entity", "the import knows no entity pateint_referrer"),
        ({"columns": {"a": {"field": "x", "length_minutes": 5}}}, "columns.a.length_minutes", "only type wall_time"),
    ],
)
def test_what_does_not_go_together_is_named(changes: dict[str, Any], key: str, says: str) -> None:
    found = dict(contradictions(EntityMapping.model_validate(LINK | changes)))
    assert says in found[key]
