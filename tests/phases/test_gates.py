"""Gates: what lets a run go on is the journal, not what a task returned; what did not run has not passed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sql.clinic import Clinic
from tests.sql.observed import LogLine, listening, personal_values_in
from tests.support.copies import CopyRun, own_include
from tests.support.runs import Run

IMPORT, CHECK, GATE = (f"phase_3_patients.{task}" for task in ("import_patients", "check_patients", "gate"))
NEXT_PHASE = "phase_4_appointments.import_appointments"


def lose_a_clinic(run: Run) -> str:
    """Take the clinic from one patient in the working copy; return the patient's Nexus id."""
    patient = run.installation.value("SELECT min(id::text) FROM nexus_work.patients")
    with run.installation.importer() as connection:
        connection.execute("UPDATE nexus_work.patients SET clinic_id = NULL WHERE id = %s", (patient,))
    return str(patient)


def go_and_listen(run: Run) -> list[LogLine]:
    """Go as far as the run goes, and return what was logged."""
    with listening() as log:
        run.go()
    return log


def assert_refused(run: Run, log: list[LogLine], reason: str) -> None:
    """Assert that gate 3 refused for this reason, and that nothing after it ran."""
    assert run.results[GATE] is False
    assert any(reason in line.text and line.text.startswith("Phase 3: ❌") for line in log)
    assert run.states[NEXT_PHASE] == "skipped"
    assert run.states["publish.publish_plan"] == "skipped"
    assert not run.is_green
    assert run.installation.rows("SELECT 1 FROM nexus_import.publication") == []


def test_counts_in_xcom_cannot_talk_a_failed_check_away(copy_run: CopyRun) -> None:
    with copy_run() as run:
        run.go(until=IMPORT)
        lose_a_clinic(run)
        run.go(until=CHECK)
        run.results[CHECK] = dict.fromkeys(run.results[CHECK], 0)
        log = go_and_listen(run)
        assert_refused(run, log, "phase_3/patients_have_clinic: 1 break the rule")


def test_counts_in_xcom_that_say_failed_stop_the_run(copy_run: CopyRun) -> None:
    with copy_run() as run:
        run.go(until=CHECK)
        run.results[CHECK] |= {"failed_count": 1}
        run.go()
        assert run.results[GATE] is False
        assert run.states[NEXT_PHASE] == "skipped"
        assert not run.is_green


@pytest.mark.parametrize("counts", [None, {}], ids=["no counts", "empty counts"])
def test_check_task_that_was_marked_as_success_stops_the_run(copy_run: CopyRun, counts: Any) -> None:
    with copy_run() as run:
        run.go(until=IMPORT)
        run.states[CHECK], run.results[CHECK] = "success", counts
        run.go()
        assert run.results.get(GATE) is not True
        assert run.states[NEXT_PHASE] in {"skipped", "upstream_failed"}
        assert not run.is_green


def test_check_that_ran_before_the_import_ran_again_does_not_count(copy_run: CopyRun) -> None:
    with copy_run() as run:
        run.go(until=CHECK)
        run.clear(IMPORT, downstream=False)
        log = go_and_listen(run)
        assert run.tries[IMPORT] == 2
        assert_refused(run, log, f"Step check_3 ran before a step that ran again later. Clear {CHECK} with downstream.")
        run.clear(CHECK).go(until=GATE)
        assert run.results[GATE] is True


def test_check_file_that_has_not_run_stops_the_run(copy_run: CopyRun, tmp_path: Path) -> None:
    with copy_run() as run, own_include(tmp_path) as include:
        run.go(until=CHECK)
        folder = include / "sql" / "checks" / "phase_3"
        (folder / "patients_are_new.sql").write_text((folder / "patients_have_clinic.sql").read_text())
        log = go_and_listen(run)
        assert_refused(run, log, "Checks that have not run: phase_3/patients_are_new")


def test_gate_of_a_skipped_phase_counts_as_passed(copy_run: CopyRun) -> None:
    with copy_run() as run:
        clinic = Clinic(run.installation)
        for layout in ("API_Notes", "API_Letters", "API_Reminders"):
            for record in clinic.records(layout):
                run.installation.simulator.control.delete_record(layout, record)
        run.clear("phase_0_validate.verify_filemaker").go()
        assert run.results["phase_5_notes.find_records"] is False
        assert {run.states[f"phase_5_notes.{task}"] for task in ("import_notes", "check_notes", "gate")} == {"skipped"}
        gate = "SELECT passed, counts FROM nexus_import.step WHERE run_id = %s AND name = 'gate_5'"
        assert run.installation.rows(gate, run.run_id) == [(True, {"skipped": 1})]
        assert run.results["phase_6_documents.gate"] is True
        assert run.errors == {}
        assert run.is_green
        assert run.installation.rows("SELECT 1 FROM nexus_import.publication") == [(1,)]


def test_refusal_names_no_person(copy_run: CopyRun) -> None:
    with copy_run() as run:
        run.go(until=IMPORT)
        lose_a_clinic(run)
        log = go_and_listen(run)
        assert run.results[GATE] is False
        assert personal_values_in(run.installation, run.run_id, log) == []
