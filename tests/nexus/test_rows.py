"""Who wins, row by row and column by column, when a clinic is imported again: FileMaker, Nexus, or the policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from nexus_import.core.values import new_nexus_id

from tests.nexus.live_rows import add_appointment
from tests.nexus.quick_run import LAST_TASK, FileMaker, QuickRun, QuickRuns
from tests.support.copies import own_include

KEPT_NOTES = "phase_5/clinical_text_kept_of_notes"
KEPT_IN_CALENDAR = "phase_4/clinical_text_kept_of_appointments"
CONFLICTS = "phase_3/both_sides_changed_patients"


def published(run: QuickRun) -> QuickRun:
    run.go(until=LAST_TASK)
    assert run.errors == {}
    assert run.states[LAST_TASK] == "success"
    return run


def planned_counts(run: QuickRun) -> tuple[int, int, int]:
    counts = run.results["publish.make_plan"]
    return counts["added_count"], counts["changed_count"], counts["removed_count"]


def note_text(installation: Any, nexus_id: str) -> str:
    return str(installation.value("SELECT content FROM notes WHERE id = %s", nexus_id))


def kept(run: QuickRun, check: str) -> set[str]:
    return {finding[1] for finding in run.findings(check)}


def test_first_run_keeps_clinical_text_that_nexus_has(first_run: QuickRun) -> None:
    edited = first_run.installation.truth["appointments_with_edited_notes"]
    assert edited
    assert kept(first_run, KEPT_IN_CALENDAR) == set(edited)
    assert kept(first_run, KEPT_NOTES) == set()


def test_first_run_adopts_appointments_without_event_id_by_patient_and_start(first_run: QuickRun) -> None:
    truth = first_run.installation.truth
    adopted = truth["adoptable_appointments"]
    assert first_run.results["phase_4_appointments.import_appointments"]["adopted_count"] == len(adopted) > 0
    rows = dict(first_run.installation.rows("SELECT filemaker_event_id::text, id::text FROM appointments"))
    assert {key: rows[key.lower()] for key in adopted} == {key: truth["appointments"][key] for key in adopted}


def test_usual_plan_needs_nobody(first_run: QuickRun) -> None:
    assert first_run.results["publish.decide"] == "publish.publish_plan"


def test_clinical_text_that_was_edited_in_nexus_is_kept_until_both_sides_agree(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns
) -> None:
    truth = imported.truth
    imported_once = [
        key for key, note in truth["notes"].items() if note["nexus_id"] and key not in truth["surplus_notes"]
    ]
    edited, plain = imported_once[:2]
    edited_id, plain_id = truth["notes"][edited]["nexus_id"], truth["notes"][plain]["nexus_id"]

    imported.execute("UPDATE notes SET content = 'edited in Nexus' WHERE id = %s", edited_id)
    filemaker.fields("note", plain)["Note"] = "changed in FileMaker"
    second = published(next_run())
    assert kept(second, KEPT_NOTES) == {edited}
    assert kept(second, KEPT_IN_CALENDAR) == set(truth["appointments_with_edited_notes"])
    assert note_text(imported, edited_id) == "edited in Nexus"
    assert note_text(imported, plain_id) == "changed in FileMaker"
    assert planned_counts(second) == (0, 1, 0)

    filemaker.fields("note", edited)["Note"] = "changed in FileMaker too"
    third = published(next_run())
    assert kept(third, KEPT_NOTES) == {edited}
    assert note_text(imported, edited_id) == "edited in Nexus"
    assert planned_counts(third) == (0, 0, 0)

    filemaker.fields("note", edited)["Note"] = "edited in Nexus"
    assert kept(published(next_run()), KEPT_NOTES) == set()

    filemaker.fields("note", edited)["Note"] = "FileMaker's again"
    last = published(next_run())
    assert kept(last, KEPT_NOTES) == set()
    assert note_text(imported, edited_id) == "FileMaker's again"


def test_value_that_both_sides_changed_goes_where_the_policy_says(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path
) -> None:
    patients = [key for key, nexus_id in imported.truth["patients"].items() if nexus_id]
    both, nexus, filemakers = patients[:3]
    ids = {patient: imported.truth["patients"][patient] for patient in patients}
    imported.execute("UPDATE patients SET first_name = 'Nexus', last_name = 'Same' WHERE id = %s", ids[both])
    filemaker.fields("patient", both).update(nameFirst="FileMaker", nameLast="Same")
    imported.execute("UPDATE patients SET title = 'Nexus' WHERE id = %s", ids[nexus])
    filemaker.fields("patient", filemakers)["title"] = "Prof"
    former_title = filemaker.fields("patient", nexus)["title"] or None

    def run_under(conflicts: str) -> QuickRun:
        with own_include(tmp_path / conflicts, conflicts=conflicts):
            run = next_run(mode="rehearse")
            run.go(until="phase_3_patients.gate")
        assert [(finding[1], finding[3]) for finding in run.findings(CONFLICTS)] == [(both, "nameFirst")]
        return run

    def names_and_titles() -> tuple[Any, ...]:
        names = imported.rows("SELECT first_name, last_name FROM nexus_work.patients WHERE id = %s", ids[both])[0]
        titles = "SELECT title FROM nexus_work.patients WHERE id = %s"
        return (*names, imported.value(titles, ids[nexus]), imported.value(titles, ids[filemakers]))

    assert run_under("filemaker").results["phase_3_patients.gate"] is True
    assert names_and_titles() == ("FileMaker", "Same", former_title, "Prof")
    assert run_under("nexus").results["phase_3_patients.gate"] is True
    assert names_and_titles() == ("Nexus", "Same", "Nexus", "Prof")
    assert run_under("stop").results["phase_3_patients.gate"] is False


def test_record_that_left_filemaker_leaves_nexus_unless_its_text_was_edited_there(
    imported: Any, filemaker: FileMaker, next_run: QuickRuns
) -> None:
    gone = {entity: filemaker.ids(entity)[0] for entity in ("note", "letter", "reminder")}
    known = "SELECT nexus_id FROM nexus_import.identity WHERE entity = %s AND filemaker_id = %s"
    ids = {imported.value(known, entity, key.lower()) for entity, key in gone.items()}
    edited = filemaker.ids("note")[1]
    imported.execute("UPDATE notes SET content = 'mine' WHERE id = %s", imported.value(known, "note", edited.lower()))
    for entity, key in (*gone.items(), ("note", edited)):
        filemaker.remove(entity, key)
    run = next_run(mode="rehearse")
    run.go(until="publish.make_plan")
    assert planned_counts(run) == (0, 0, 3)
    removed = imported.rows(
        "SELECT row_id FROM nexus_import.plan_row JOIN nexus_import.plan USING (plan_id) WHERE run_id = %s", run.run_id
    )
    assert {row_id for (row_id,) in removed} == ids


def test_new_rows_get_the_same_ids_in_every_run(installation: Any, quick_run: QuickRuns) -> None:
    query = "SELECT entity, filemaker_id, nexus_id FROM nexus_work.identity WHERE matched_by = 'new'"

    def made() -> dict[tuple[str, str], UUID]:
        quick_run(mode="rehearse").go(until="phase_5_notes.gate")
        return {(entity, filemaker_id): nexus_id for entity, filemaker_id, nexus_id in installation.rows(query)}

    first = made()
    assert {entity for entity, _ in first} == {"patient", "appointment", "note", "letter", "reminder"}
    assert first == {key: new_nexus_id(*key) for key in first}
    assert {key for key, nexus_id in installation.truth["patients"].items() if nexus_id is None} == {
        filemaker_id.upper() for entity, filemaker_id in first if entity == "patient"
    }
    assert made() == first


def test_appointment_that_two_rows_could_be_stops_the_run(installation: Any, quick_run: QuickRuns) -> None:
    key = installation.truth["adoptable_appointments"][0]
    row = installation.truth["appointments"][key]
    patient, start = installation.rows("SELECT patient_id, start_time FROM appointments WHERE id = %s", row)[0]
    twin = add_appointment(installation, patient, start_time=start)
    run = quick_run(mode="rehearse").go(until="phase_4_appointments.gate")
    assert run.results["phase_4_appointments.gate"] is False
    found = {(finding[1], str(finding[2])) for finding in run.findings("phase_4/adoption_is_unambiguous")}
    assert found == {(key, row), (key, twin)}


def test_cascade_removes_what_only_nexus_has_and_asks_first(installation: Any, quick_run: QuickRuns) -> None:
    run = quick_run(nexus_only="delete").go(until="publish.decide")
    assert run.errors == {}
    assert run.results["publish.decide"] == "publish.approve_plan"
    query = "SELECT counts, unusual FROM nexus_import.plan WHERE run_id = %s"
    counts, reasons = installation.rows(query, run.run_id)[0]
    only_nexus = {table: len(rows) for table, rows in installation.truth["nexus_rows"].items()}
    for table in ("encounters", "patient_referrers", "patient_coordinators", "reminders"):
        assert counts[table]["remove"] == only_nexus[table] > 0
        assert f"{only_nexus[table]:,} rows of {table} that exist only in Nexus would be removed" in reasons
    for table in ("patients", "documents_document", "images_batch", "images_image", "sms_inbound"):
        assert counts[table]["remove"] == 0
