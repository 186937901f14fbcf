"""When a person is asked, and when a run may start or publish: exactly at the limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nexus_import.core.approval import (
    WATCHED_TABLES,
    Losses,
    is_within_launch_window,
    is_within_publish_window,
    unusual_reasons,
)
from nexus_import.core.relaxation import Relaxation

LIMITS = {"removed_percent": 1.0, "added_percent": 20.0, "changed_percent": 20.0}
NIGHT = ("22:00", "06:00")
DAY = ("09:00", "17:00")
SLOT = datetime(2026, 3, 7, 14, tzinfo=UTC)


def reasons(counts: dict[str, dict[str, int]], live: dict[str, int], **named: Any) -> list[str]:
    relaxed = named.pop("relaxations", [])
    return unusual_reasons(counts, live, LIMITS, Losses(**named), relaxed)


@pytest.mark.parametrize(
    ("action", "limit", "word"), [("remove", 10, "removed"), ("add", 200, "added"), ("change", 200, "changed")]
)
@pytest.mark.parametrize("table", ["patients", "appointments"])
def test_limit_itself_is_usual_and_one_more_is_not(table: str, action: str, limit: int, word: str) -> None:
    assert reasons({table: {action: limit}}, {table: 1000}) == []
    found = reasons({table: {action: limit + 1}}, {table: 1000})
    assert len(found) == 1
    assert found[0].startswith(f"{limit + 1} of 1,000 {table} would be {word} (")


@pytest.mark.parametrize("table", ["notes", "letters_patientletter", "reminders"])
def test_layout_that_was_read_as_empty_removes_nothing_unasked(table: str) -> None:
    assert reasons({table: {"change": 900}}, {table: 1000}) == []
    assert reasons({table: {"remove": 11}}, {table: 1000}) == [
        f"11 of 1,000 {table} would be removed (1.1 %, limit 1 %)"
    ]


def test_notes_that_would_be_doubled_are_asked_about() -> None:
    assert reasons({"notes": {"add": 200}}, {"notes": 1000}) == []
    assert reasons({"notes": {"add": 201}}, {"notes": 1000}) == [
        "201 of 1,000 notes would be added (20.1 %, limit 20 %)"
    ]


def test_every_watched_table_counts_removals() -> None:
    assert all("removed" in words for words in WATCHED_TABLES.values())


def test_tables_without_a_plan_or_rows_are_usual() -> None:
    assert reasons({}, {}) == []
    assert reasons({"patients": {"remove": 0, "add": 0, "change": 0}}, {"patients": 0}) == []


def test_first_rows_of_a_table_are_asked_about() -> None:
    counts = {"patients": {"add": 1}, "letters_patientletter": {"add": 9}}
    assert reasons(counts, {"patients": 0, "appointments": 9}) == ["1 patients would be added where Nexus has none"]


def test_rows_that_exist_only_in_nexus_are_named_by_table() -> None:
    found = reasons({}, {"patients": 10}, removed={"sms_messages": 1200, "encounters": 3, "notes": 0})
    assert found == [
        "3 rows of encounters that exist only in Nexus would be removed",
        "1,200 rows of sms_messages that exist only in Nexus would be removed",
    ]


def test_every_relaxation_that_was_used_is_a_reason_to_ask() -> None:
    relaxed = Relaxation("phase_0/patients_have_funding_type", "severity", 1200).sentence()
    allowed = Relaxation("phase_4/appointments_have_clinic", "allowance", 38, 40).sentence()
    assert reasons({}, {}, relaxations=[relaxed, allowed]) == [
        "phase_0/patients_have_funding_type found 1,200; the policy makes it a warning (severity)",
        "phase_4/appointments_have_clinic found 38; the policy allows 40 (allowances)",
    ]


def test_links_that_are_lost_are_named_however_few() -> None:
    found = reasons({}, {"patients": 10}, cleared={"sms_inbound.patient_id": 8, "encounters.appointment_id": 0})
    assert found == ["8 rows would lose what only Nexus knows: sms_inbound.patient_id would be set to NULL"]


def test_files_that_filemakers_record_gives_to_another_patient_are_asked_about_however_few() -> None:
    found = reasons({}, {"patients": 10}, contradicted={"images_batch": 1, "documents_document": 0})
    assert found == ["1 images_batch would get another patient than FileMaker's own record of them names"]


@pytest.mark.parametrize("table", ["documents_document", "images_batch"])
def test_files_that_move_to_another_patient_are_asked_about_when_they_are_many(table: str) -> None:
    assert reasons({table: {"change": 900}}, {table: 1000}, moved={table: 200}) == []
    assert reasons({table: {"change": 900}}, {table: 1000}, moved={table: 201}) == [
        f"201 of 1,000 {table} would move to another patient (20.1 %, limit 20 %)"
    ]


@pytest.mark.parametrize(
    ("clock", "window", "inside"),
    [
        ("21:59", NIGHT, False),
        ("22:00", NIGHT, True),
        ("23:59", NIGHT, True),
        ("00:00", NIGHT, True),
        ("05:59", NIGHT, True),
        ("06:00", NIGHT, False),
        ("12:00", NIGHT, False),
        ("08:59", DAY, False),
        ("09:00", DAY, True),
        ("16:59", DAY, True),
        ("17:00", DAY, False),
    ],
)
def test_publish_window_may_cross_midnight(clock: str, window: tuple[str, str], inside: bool) -> None:
    hour, minute = (int(part) for part in clock.split(":"))
    assert is_within_publish_window(datetime(2026, 3, 7, hour, minute), window) is inside


@pytest.mark.parametrize(
    ("minutes", "inside"), [(0, True), (30, True), (-30, True), (30.1, False), (-30.1, False), (7 * 24 * 60, False)]
)
def test_scheduled_run_starts_within_its_launch_window(minutes: float, inside: bool) -> None:
    now = SLOT + timedelta(minutes=minutes)
    assert is_within_launch_window(SLOT, now, timedelta(minutes=30)) is inside
