"""What the policy says becomes of rows that FileMaker does not hold: archive, keep, stop; and records that are odd."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.nexus.live_rows import add_appointment, add_patient
from tests.nexus.lost_rows import fates, lose_appointment, lose_note, lose_patient, planned, removed
from tests.nexus.quick_run import LAST_TASK, FileMaker, QuickRuns
from tests.support.copies import own_include
from tests.support.installation import Installation
from tests.support.runs import Run

ARCHIVED = "SELECT archived, archived_by, archived_at IS NOT NULL FROM patients WHERE id = %s"
STATUS = "SELECT status FROM appointments WHERE id = %s"
NOTES = ("note", "letter", "reminder")
ALL_ARCHIVED: dict[str, Any] = {
    "vanished": {"patients": "archive", "appointments": "archive", "reminders": "archive"},
    "nexus_only_rows": {"patients": "archive", "appointments": "archive"},
    "thresholds": {"removed_percent": 100, "added_percent": 100, "changed_percent": 100},
}


def published(run: Run) -> Run:
    run.go(until=LAST_TASK)
    assert run.errors == {}
    assert run.states[LAST_TASK] == "success"
    return run


def detail(run: Run, check: str, row: str) -> str:
    query = (
        "SELECT detail FROM nexus_import.finding WHERE run_id = %s AND check_id = %s AND nexus_id = %s",
        *(run.run_id, check, row),
    )
    return str(run.installation.value(*query))


def test_archived_rows_are_put_aside_whole_and_once(
    imported: Installation, next_run: QuickRuns, tmp_path: Path
) -> None:
    lost, typed = lose_patient(imported), add_patient(imported)
    archived_before = lose_patient(imported, archived=True, archived_by="somebody")
    to_come, booked = lose_appointment(imported, lost), add_appointment(imported, typed)
    over = lose_appointment(imported, None, status="completed")
    with own_include(tmp_path, **ALL_ARCHIVED):
        run = published(next_run())
        assert imported.rows(ARCHIVED, lost) == imported.rows(ARCHIVED, typed) == [(True, "FileMaker import", True)]
        assert imported.rows(ARCHIVED, archived_before) == [(True, "somebody", False)]
        assert [imported.value(STATUS, row) for row in (to_come, booked, over)] == [
            *("cancelled", "cancelled", "completed")
        ]
        assert planned(run, "remove") == {}
        assert planned(run, "change") == {"patients": {lost, typed}, "appointments": {to_come, booked}}
        assert detail(run, "phase_2/vanished_patients", lost) == "archived"
        assert detail(run, "phase_2/nexus_only_appointments", booked) == "archived"
        left = "kept: there is nothing left to archive"
        assert detail(run, "phase_2/vanished_patients", archived_before) == left
        assert detail(run, "phase_2/vanished_appointments", over) == left
        assert run.results["phase_2_delete.delete_patients"]["archived_count"] == 4
        again = published(next_run())
        assert planned(again, "change") == planned(again, "remove") == {}


def test_patient_who_comes_back_is_active_again(imported: Installation, next_run: QuickRuns) -> None:
    back, archived_by_hand = [row for row in imported.truth["patients"].values() if row][:2]
    archive = "UPDATE patients SET archived = true, archived_by = %s WHERE id = %s"
    imported.execute(archive, "FileMaker import", back)
    imported.execute(archive, "somebody", archived_by_hand)
    published(next_run())
    assert imported.rows(ARCHIVED, back) == [(False, None, False)]
    assert imported.rows(ARCHIVED, archived_by_hand)[0][:2] == (True, "somebody")


def test_vanished_rows_can_be_kept_as_they_are(imported: Installation, next_run: QuickRuns, tmp_path: Path) -> None:
    patient = lose_patient(imported)
    appointment, note = lose_appointment(imported, patient), lose_note(imported, patient)
    with own_include(tmp_path, vanished={"patients": "keep", "appointments": "keep", "notes": "keep"}):
        run = next_run().go(until="publish.make_plan")
    assert planned(run, "remove") == planned(run, "change") == {}
    says = "kept: the policy says vanished: {}: keep"
    assert detail(run, "phase_2/vanished_patients", patient) == says.format("patients")
    assert detail(run, "phase_2/vanished_appointments", appointment) == says.format("appointments")
    assert detail(run, "phase_2/vanished_notes", note) == says.format("notes")


def test_nexus_only_rows_can_go_unless_something_refers_to_them(
    imported: Installation, next_run: QuickRuns, tmp_path: Path
) -> None:
    bare, noted = add_patient(imported), add_patient(imported)
    lose_note(imported, noted, "written in Nexus")
    with own_include(tmp_path, nexus_only_rows={"patients": "delete", "appointments": "delete"}):
        run = next_run().go(until="publish.decide")
    assert planned(run, "remove") == removed(run) == {"patients": {bare}}
    assert fates(run, "patients")[noted] == ("kept", "nexus_only", "referred to by notes.patient_id")
    assert fates(run, "patients")[bare] == ("removed", "nexus_only", None)
    assert run.results["publish.decide"] == "publish.approve_plan"


def test_appointment_that_filemaker_takes_over_is_not_nexus_only(
    installation: Installation, quick_run: QuickRuns, tmp_path: Path
) -> None:
    adopted = [installation.truth["appointments"][key] for key in installation.truth["adoptable_appointments"]]
    typed = add_appointment(installation, None)
    with own_include(tmp_path, nexus_only_rows={"appointments": "delete"}):
        run = quick_run().go(until="publish.make_plan")
    assert adopted
    assert planned(run, "remove") == {"appointments": {typed}}
    assert set(adopted) <= planned(run, "change")["appointments"]


@pytest.mark.parametrize("nexus_only", ["keep", "delete"])
def test_stop_stops_at_gate_2_with_every_row(
    imported: Installation, next_run: QuickRuns, tmp_path: Path, nexus_only: str
) -> None:
    lost = sorted(lose_patient(imported) for _ in range(3))
    typed = add_appointment(imported, None)
    before = imported.live()
    with own_include(tmp_path, vanished={"patients": "stop"}, nexus_only_rows={"appointments": "stop"}):
        run = next_run(nexus_only=nexus_only).go()
    assert run.results["phase_2_delete.gate"] is False
    assert run.states["phase_3_patients.import_patients"] == "skipped"
    assert [str(found[2]) for found in run.findings("phase_2/vanished_patients")] == lost
    assert [str(found[2]) for found in run.findings("phase_2/nexus_only_appointments")] == [typed]
    failed = "SELECT check_id FROM nexus_import.check_result WHERE run_id = %s AND NOT is_passed ORDER BY 1"
    assert imported.rows(failed, run.run_id) == [
        ("phase_2/nexus_only_appointments",),
        ("phase_2/vanished_patients",),
    ]
    assert "Stopped by phase_2/nexus_only_appointments, phase_2/vanished_patients" in run.last_words
    assert imported.live() == before


def test_stop_without_such_rows_stops_nothing(imported: Installation, next_run: QuickRuns, tmp_path: Path) -> None:
    with own_include(tmp_path, vanished={"patients": "stop"}, nexus_only_rows={"patients": "stop"}):
        run = next_run(mode="rehearse").go(until="phase_2_delete.gate")
    assert run.results["phase_2_delete.gate"] is True


def test_edited_note_stays_when_filemaker_has_no_notes_at_all(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns
) -> None:
    known = "SELECT nexus_id::text FROM nexus_import.identity WHERE entity = 'note' ORDER BY 1"
    edited, plain = (row for (row,) in imported.rows(known)[:2])
    imported.execute("UPDATE notes SET content = 'edited in Nexus' WHERE id = %s", edited)
    for entity in NOTES:
        for key in filemaker.ids(entity):
            filemaker.remove(entity, key)
    run = next_run(mode="rehearse").go(until="publish.make_plan")
    assert run.results["phase_5_notes.find_records"] is False
    assert fates(run, "notes")[edited] == ("kept", "vanished", "content was edited in Nexus")
    assert edited not in planned(run, "remove")["notes"]
    assert plain in planned(run, "remove")["notes"]
    assert planned(run, "remove") == removed(run)
    identity = "SELECT matched_by FROM nexus_work.identity WHERE nexus_id = %s"
    assert imported.value(identity, edited) == "vanished"


def test_row_whose_record_cannot_be_imported_stays_as_it_is(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    key = filemaker.ids("note")[0]
    row = imported.value("SELECT nexus_id::text FROM nexus_import.identity WHERE filemaker_id = %s", key.lower())
    filemaker.fields("note", key)["patient_id"] = "NOBODY"
    relaxed = dict.fromkeys(("phase_5/notes_have_patient", "phase_5/note_count_matches"), "warn")
    with own_include(tmp_path, severity=relaxed):
        run = next_run(mode="rehearse").go(until="publish.make_plan")
    assert fates(run, "notes")[row] == ("kept", "unusable", "its FileMaker record cannot be imported")
    assert planned(run, "remove") == planned(run, "change") == {}
    assert {found[1] for found in run.findings("phase_5/note_count_matches")} == {key}


def test_second_patient_with_one_filemaker_id_stays_until_somebody_decides(
    imported: Installation, next_run: QuickRuns, tmp_path: Path
) -> None:
    key, row = next((key, row) for key, row in imported.truth["patients"].items() if row)
    twin = add_patient(
        imported, id="ffffffff-0000-4000-8000-000000000001", filemaker_metadata=f'{{"filemaker_id": "{key}"}}'
    )
    with own_include(tmp_path, severity={"phase_3/former_ids_are_unique": "warn"}):
        run = next_run(mode="rehearse").go(until="publish.make_plan")
        assert fates(run, "patients")[twin] == ("kept", "duplicate", "another row has the same FileMaker id")
        assert planned(run, "remove") == planned(run, "change") == {}
        assert {str(found[2]) for found in run.findings("phase_3/former_ids_are_unique")} == {row, twin}
        # Clearing phase 3 finds the row that it put back, and does not stumble over it.
        run.clear("phase_3_patients.import_patients").go(until="publish.make_plan")
        assert run.errors == {}
        assert planned(run, "remove") == planned(run, "change") == {}


def test_reminder_of_an_appointment_that_filemaker_lacks_is_named(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns
) -> None:
    with_appointment = [key for key in filemaker.ids("reminder") if filemaker.fields("reminder", key)["appointment_id"]]
    key, right = with_appointment[:2]
    filemaker.fields("reminder", key)["appointment_id"] = "NO-SUCH-EVENT"
    run = next_run(mode="rehearse").go(until="phase_5_notes.gate")
    found = run.findings("phase_5/reminders_have_their_appointment")
    assert [(finding[1], finding[3]) for finding in found] == [(key, "appointment_id")]
    assert run.results["phase_5_notes.gate"] is True
    linked = "SELECT appointment_id IS NOT NULL FROM nexus_work.reminders JOIN nexus_work.identity ON nexus_id = id"
    assert imported.value(f"{linked} WHERE entity = 'reminder' AND filemaker_id = %s", key.lower()) is False
    assert imported.value(f"{linked} WHERE entity = 'reminder' AND filemaker_id = %s", right.lower()) is True


@pytest.mark.parametrize("phase", ["phase_3_patients.import_patients", "phase_4_appointments.import_appointments"])
def test_clearing_a_phase_decides_and_puts_back_the_same(
    imported: Installation, next_run: QuickRuns, tmp_path: Path, phase: str
) -> None:
    patient = lose_patient(imported, mrn="M-9")
    lose_appointment(imported, patient, status="completed")
    lose_appointment(imported, patient)
    with own_include(tmp_path, vanished={"reminders": "archive"}):
        run = next_run(mode="rehearse").go(until="publish.make_plan")
        first = planned(run, "remove"), planned(run, "change"), fates(run, "appointments")
        run.clear(phase).go(until="publish.make_plan")
        assert run.errors == {}
        assert (planned(run, "remove"), planned(run, "change"), fates(run, "appointments")) == first


def test_policy_that_changed_since_the_copy_is_said(
    imported: Installation, next_run: QuickRuns, tmp_path: Path
) -> None:
    run = next_run(mode="rehearse").go(until="phase_1_preserve.copy_tables")
    with own_include(tmp_path, tables={"encounters": "untouched"}, set_null=["sms_messages.appointment_id"]):
        run.go()
        said = "The policy declares other tables than were copied. Clear phase_1_preserve.copy_tables"
        assert said in str(run.errors["phase_2_delete.delete_patients"])
        run.clear("phase_1_preserve.copy_tables").go(until="phase_2_delete.gate")
    assert run.results["phase_2_delete.gate"] is True
