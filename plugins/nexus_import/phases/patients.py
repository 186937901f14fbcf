"""Phase 3: import the patients into the working copy."""

from __future__ import annotations

from airflow.sdk import chain, task, task_group

from nexus_import.nexus.sql import run_file
from nexus_import.phases.common import Counts, open_step
from nexus_import.phases.gates import make_gate, run_checks
from nexus_import.phases.importing import differences, insert_entity, require_ready

PHASE = "Phase 3"
FOLDER = "phase_3_patients"


@task_group(group_id=FOLDER, group_display_name="Phase 3: Import Patients")
def patients() -> None:
    """Import the patients, with their former ids where the FileMaker id was known."""
    imported, checked = import_patients(), check_patients()
    gate = make_gate("gate_3", PHASE, "phase_3")(checked)
    chain(imported, checked, gate)


@task(multiple_outputs=False)
def import_patients() -> Counts:
    """Match and insert the patients. Clearing, with downstream, is safe: an earlier try is undone first."""
    with open_step("import_patients", PHASE, "Importing patients from FileMaker") as step:
        require_ready(step)
        mapping = step.settings.mappings["patient"]
        run_file(step.connection, f"{FOLDER}/010_forget_earlier_try.sql")
        run_file(step.connection, f"{FOLDER}/020_match_patients.sql")
        inserted, vanished = insert_entity(step, mapping, f"{FOLDER}/030_insert_patients.sql")
        row = step.connection.execute(
            "SELECT count(*) FROM nexus_work.identity WHERE entity = 'patient' AND matched_by = 'new'"
        ).fetchone()
        step.finish(
            f"Imported {inserted:,} patients",
            records=inserted,
            imported_count=inserted,
            new_count=row[0] if row else 0,
            kept_vanished_count=vanished,
        )
    return step.counts


@task(multiple_outputs=False)
def check_patients() -> Counts:
    """Check count, clinic, FileMaker id and duplicates. Clearing is safe."""
    with open_step("check_3", PHASE, "Validating the patients") as step:
        require_ready(step)
        run_checks(step, "phase_3", differences(step, step.settings.mappings["patient"], "phase_3"))
    return step.counts
