"""The balance of a run: every record that was read has an outcome and a reason, and the journal has it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.nexus.quick_run import FileMaker, QuickRuns
from tests.sql.clinic import Clinic
from tests.support.copies import own_include
from tests.support.installation import Installation
from tests.support.runs import Run

CHECK_TASK, PLAN = "phase_8_validate.check_database", "publish.make_plan"
TABLES = {
    "patient": "patients",
    "appointment": "appointments",
    "note": "notes",
    "letter": "letters_patientletter",
    "reminder": "reminders",
}
RELAXED = dict.fromkeys(
    (
        "phase_5/note_count_matches",
        "phase_5/notes_have_patient",
        "phase_4/appointment_count_matches",
        "phase_4/no_duplicate_appointments",
        "phase_0/required_fields",
    ),
    "warn",
)


def balance(run: Run, entity: str) -> dict[str, Any]:
    """Return the journal's balance: a count by outcome, by outcome and reason where there is one."""
    return {
        what if not reason else f"{what}: {reason}": count
        for what, reason, count in run.installation.rows(
            "SELECT what, reason, record_count FROM nexus_import.balance WHERE run_id = %s AND entity = %s",
            *(run.run_id, entity),
        )
    }


@pytest.mark.parametrize(("entity", "table"), list(TABLES.items()))
def test_first_run_accounts_for_every_record_as_its_plan_does(first_run: Any, entity: str, table: str) -> None:
    found = balance(first_run, entity)
    read = found.pop("read")
    assert read == len(FileMaker(first_run.installation.parts).ids(entity)) == sum(found.values())
    assert set(found) <= {"created", "updated", "unchanged"}
    planned = dict(
        first_run.installation.rows(
            "SELECT action, count(*) FROM nexus_import.plan_row JOIN nexus_import.plan USING (plan_id)"
            " WHERE run_id = %s AND table_name = %s AND row_id IN (SELECT nexus_id FROM nexus_import.identity)"
            " GROUP BY 1",
            *(first_run.run_id, table),
        )
    )
    assert (found.get("created", 0), found.get("updated", 0)) == (planned.get("add", 0), planned.get("change", 0))


def test_second_run_finds_everything_unchanged(next_run: QuickRuns) -> None:
    run = next_run(mode="rehearse").go(until=PLAN)
    for entity in TABLES:
        found = balance(run, entity)
        assert found == {"read": found["read"], "unchanged": found["read"]}


def test_every_rejected_record_has_its_reason(filemaker: FileMaker, next_run: QuickRuns, tmp_path: Path) -> None:
    note, appointment = filemaker.ids("note")[0], filemaker.ids("appointment")[0]
    filemaker.add_like("note", note, id="")
    filemaker.add_like("note", note, id=note.lower())
    filemaker.add_like("note", note, patient_id="")
    filemaker.add_like("note", note, patient_id="NOBODY")
    filemaker.add_like("appointment", appointment, startDate="", startTime="", endDate="", endTime="")
    filemaker.add_like("appointment", appointment, id=appointment.lower())
    with own_include(tmp_path, severity=RELAXED):
        run = next_run(mode="rehearse").go(until=PLAN)
        assert run.errors == {}
        notes, appointments = balance(run, "note"), balance(run, "appointment")
        again = run.clear(CHECK_TASK).go(until=PLAN)
    assert {reason: count for reason, count in notes.items() if reason not in {"read", "unchanged"}} == {
        "rejected: no FileMaker id": 1,
        "rejected: duplicate FileMaker id": 1,
        "rejected: names no patient": 1,
        "rejected: its patient is not in FileMaker": 1,
    }
    assert {reason: count for reason, count in appointments.items() if reason not in {"read", "unchanged"}} == {
        "rejected: no startDate": 1,
        "rejected: duplicate FileMaker id": 1,
    }
    assert run.results[CHECK_TASK]["every_record_is_accounted_for"] == 0
    assert (balance(again, "note"), balance(again, "appointment")) == (notes, appointments)


def test_unreadable_values_are_a_reason_of_their_own(copy_run: Any, tmp_path: Path) -> None:
    relaxed = RELAXED | {"phase_0/values_are_readable": "warn"}
    with copy_run(mode="rehearse") as run, own_include(tmp_path, severity=relaxed):
        edited = {"startDate": ""}
        Clinic(run.installation).edit("API_Appointments", edited, lambda fields: fields["startTime"] != "")
        run.clear("phase_0_validate.verify_filemaker").go(until=PLAN)
        assert run.errors == {}
        found = balance(run, "appointment")
    assert {reason: count for reason, count in found.items() if reason.startswith("rejected")} == {
        "rejected: unreadable startDate": 1
    }


def test_what_was_lost_on_the_way_is_told_from_what_is_rejected(
    imported: Installation, filemaker: FileMaker, next_run: QuickRuns
) -> None:
    run = next_run(mode="rehearse").go(until="phase_7_images.gate")
    key = filemaker.ids("letter")[0]
    row = imported.value("SELECT nexus_id FROM nexus_work.identity WHERE filemaker_id = %s", key.lower())
    with imported.importer() as connection:
        connection.execute("DELETE FROM nexus_work.letters_patientletter WHERE id = %s", (row,))
    run.go(until="phase_8_validate.gate")
    assert run.results["phase_8_validate.gate"] is False
    assert [found[1] for found in run.findings("phase_8/every_record_is_accounted_for")] == [key]
    assert balance(run, "letter")["unexplained"] == 1
