"""Checks that only warn: the right rows are reported, and the run stays green."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nexus_import.core.source_names import SourceNames
from nexus_import.nexus.checks import known_checks, load_check
from nexus_import.nexus.sql import include_folder
from nexus_import.settings import Settings

from tests.sql.clinic import Clinic
from tests.sql.observed import Observed, go_and_observe
from tests.support.copies import CopyRun, own_include
from tests.support.installation import Installation
from tests.support.runs import Run

LAYOUTS = {
    "patient": "API_Contacts",
    "appointment": "API_Appointments",
    "note": "API_Notes",
    "letter": "API_Letters",
    "reminder": "API_Reminders",
}
TABLES = {
    "patient": "patients",
    "appointment": "appointments",
    "note": "notes",
    "letter": "letters_patientletter",
    "reminder": "reminders",
}
PHASES = {"patient": "phase_3", "appointment": "phase_4", "note": "phase_5", "letter": "phase_5", "reminder": "phase_5"}
BOTH_CHANGED = {
    "patient": ("title", "title", "Capt", "Prof"),
    "appointment": ("end_time", "endDate", "2031-01-02 03:04:05+00", "01/03/2031"),
    "note": ("created_by", "creationAccountName", "account in nexus", "account in filemaker"),
    "letter": ("subject", "Title", "Subject in Nexus", "Title in FileMaker"),
    "reminder": ("reminder_date", "reminder_date", "2031-01-02", "01/03/2031"),
}
"""By entity: column, FileMaker field, and what each side changes it to."""
EDITED_TEXT = {
    "appointment": ("notes", "Edited in Nexus"),
    "note": ("content", "Edited in Nexus"),
    "letter": ("pages", '["Edited in Nexus"]'),
    "reminder": ("note", "Edited in Nexus"),
}
"""By entity: the column with clinical text, and the edit made in Nexus."""
Named = list[tuple[str, str]]


def rows_of(installation: Installation, entity: str) -> dict[str, str]:
    """Return the Nexus id of each published record, by FileMaker id in lower case."""
    return dict(
        installation.rows(
            "SELECT lower(filemaker_id), nexus_id::text FROM nexus_import.identity WHERE entity = %s", entity
        )
    )


def change_both_sides(clinic: Clinic, entity: str) -> str:
    """Change one value in Nexus and in FileMaker, to different ones; return the record id."""
    column, field, in_nexus, in_filemaker = BOTH_CHANGED[entity]
    record, fields = clinic.pick_record(LAYOUTS[entity])
    row = rows_of(clinic.installation, entity)[fields["id"].lower()]
    clinic.change_live(f"UPDATE {TABLES[entity]} SET {column} = %s WHERE id = %s", in_nexus, row)
    clinic.installation.simulator.control.edit_record(LAYOUTS[entity], record, {field: in_filemaker})
    return record


def edit_text(clinic: Clinic, entity: str) -> str:
    """Edit the clinical text of one row in Nexus; return the record id."""
    column, text = EDITED_TEXT[entity]
    edited = clinic.installation.truth["appointments_with_edited_notes"]
    record, fields = clinic.pick_record(LAYOUTS[entity], lambda fields: fields["id"] not in edited)
    row = rows_of(clinic.installation, entity)[fields["id"].lower()]
    clinic.change_live(f"UPDATE {TABLES[entity]} SET {column} = %s WHERE id = %s", text, row)
    return record


def edited_long_ago(clinic: Clinic) -> Named:
    """Return the appointments whose notes staff had edited before any of this."""
    truth = clinic.installation.truth["appointments_with_edited_notes"]
    records = clinic.records("API_Appointments")
    return [("appointment", record) for record, fields in records.items() if fields["id"] in truth]


class Story:
    """A first run that publishes, changes on both sides, a second run that looks, and one that may not go on."""

    def __init__(self, run: Run, directory: Path) -> None:
        clinic = Clinic(run.installation)
        self.truth = run.installation.truth
        self.edited_long_ago = edited_long_ago(clinic)
        self.first = go_and_observe(run)
        self.both = {entity: change_both_sides(clinic, entity) for entity in BOTH_CHANGED}
        self.texts = {entity: edit_text(clinic, entity) for entity in EDITED_TEXT}
        self.titled = clinic.edit("API_Contacts", {"title": "Master"})
        self.astray = clinic.edit("API_Reminders", {"appointment_id": "no such appointment"})
        second = Run(run.installation, run.dag, run.params | {"mode": "rehearse"})
        self.second = go_and_observe(second)
        with own_include(directory, conflicts="stop"):
            self.third = go_and_observe(second.clear("phase_3_patients.import_patients"))


@pytest.fixture(scope="module")
def story(copy_run: CopyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story, told once."""
    with copy_run() as run:
        yield Story(run, tmp_path_factory.mktemp("conflicts"))


def expect_warning(observed: Observed, check: str, named: Named) -> None:
    """Assert that the check reported these rows, in the log too, and let the run go on."""
    assert sorted(observed.found[check]) == sorted(named)
    assert observed.checks[check].severity == "warn"
    assert observed.checks[check].is_passed
    said = [line for line in observed.log if f"{check}: {len(named)} break the rule" in line.text]
    assert [line.level for line in said] == [logging.WARNING]
    assert observed.count_in_xcom(check) == len(named)


def test_first_run_is_green_and_published(story: Story) -> None:
    assert story.first.publication_count == 1
    assert story.first.checks
    assert all(outcome.is_passed for outcome in story.first.checks.values())


def test_surplus_note_copies(story: Story) -> None:
    surplus = [("note", row) for rows in story.truth["surplus_notes"].values() for row in rows]
    assert surplus
    expect_warning(story.first, "phase_5/surplus_note_copies", surplus)


def test_reminder_of_an_appointment_that_filemaker_lacks(story: Story) -> None:
    check = "phase_5/reminders_have_their_appointment"
    assert story.first.found[check] == []
    expect_warning(story.second, check, [("reminder", story.astray)])
    assert story.second.fields[check] == {"appointment_id"}


def test_title_outside_the_applications_list(story: Story) -> None:
    check = "phase_0/values_are_usual"
    assert story.first.found[check] == []
    expect_warning(story.second, check, [("patient", story.titled)])
    assert story.second.fields[check] == {"title"}


def test_policy_knows_every_check_that_ran_and_no_other(story: Story) -> None:
    source, files = SourceNames(Settings.load({}).mappings), include_folder() / "sql" / "checks"
    of_others = {
        check_id
        for check_id in known_checks()
        if (files / f"{check_id}.sql").exists() and not load_check(check_id, source).is_mapped
    }
    # the application is asked over HTTP only where Airflow has a connection to it
    over_http = {check_id for check_id in known_checks() if check_id.startswith("publish/application_")}
    assert over_http
    assert story.first.checks.keys() == known_checks() - of_others - over_http


def test_document_evidence_agrees(story: Story) -> None:
    wrong = [("document", row) for row, kind in story.truth["document_kinds"].items() if kind == "wrong_link"]
    assert wrong
    expect_warning(story.first, "phase_6/document_evidence_agrees", wrong)


def test_batch_evidence_agrees(story: Story) -> None:
    wrong = [("image", row) for row, kind in story.truth["batch_kinds"].items() if kind == "wrong_link"]
    assert wrong
    expect_warning(story.first, "phase_7/batch_evidence_agrees", wrong)


def test_wrong_links_are_repaired_once(story: Story) -> None:
    assert story.second.found["phase_6/document_evidence_agrees"] == []
    assert story.second.found["phase_7/batch_evidence_agrees"] == []


def test_text_edited_before_the_first_import_is_kept(story: Story) -> None:
    assert story.edited_long_ago
    expect_warning(story.first, "phase_4/clinical_text_kept_of_appointments", story.edited_long_ago)


@pytest.mark.parametrize("entity", list(EDITED_TEXT))
def test_text_edited_since_the_last_publish_is_kept(story: Story, entity: str) -> None:
    long_ago = story.edited_long_ago if entity == "appointment" else []
    named = [(entity, story.texts[entity]), *long_ago]
    expect_warning(story.second, f"{PHASES[entity]}/clinical_text_kept_of_{entity}s", named)


@pytest.mark.parametrize("entity", list(BOTH_CHANGED))
def test_value_that_both_sides_changed(story: Story, entity: str) -> None:
    check = f"{PHASES[entity]}/both_sides_changed_{entity}s"
    assert story.first.found[check] == []
    expect_warning(story.second, check, [(entity, story.both[entity])])
    assert story.second.fields[check] == {BOTH_CHANGED[entity][1]}


def test_second_run_is_green(story: Story) -> None:
    assert story.second.run.is_green
    assert story.second.is_live_unchanged


def test_a_value_that_both_sides_changed_stops_the_run_where_the_policy_says_so(story: Story) -> None:
    check = "phase_3/both_sides_changed_patients"
    assert story.third.run.results["phase_3_patients.gate"] is False
    assert not story.third.run.is_green
    assert story.third.found[check] == [("patient", story.both["patient"])]
    assert not story.third.checks[check].is_passed
    assert story.third.is_live_unchanged


@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_findings_and_log_name_no_person(story: Story, name: str) -> None:
    observed: Any = getattr(story, name)
    assert observed.personal_values == []
