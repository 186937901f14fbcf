"""Phase 4: import the appointments into the working copy."""

from __future__ import annotations

from airflow.sdk import chain, task, task_group

from nexus_import.nexus.sql import run_file
from nexus_import.phases.common import Counts, open_step
from nexus_import.phases.gates import make_gate, run_checks
from nexus_import.phases.importing import differences, insert_entity, require_ready

PHASE = "Phase 4"
FOLDER = "phase_4_appointments"


@task_group(group_id=FOLDER, group_display_name="Phase 4: Import Appointments")
def appointments() -> None:
    """Import the appointments: by event id, by adoption, or new."""
    imported, checked = import_appointments(), check_appointments()
    gate = make_gate("gate_4", PHASE, "phase_4")(checked)
    chain(imported, checked, gate)


@task(multiple_outputs=False)
def import_appointments() -> Counts:
    """Match and insert the appointments. Clearing, with downstream, is safe: an earlier try is undone first."""
    with open_step("import_appointments", PHASE, "Importing appointments from FileMaker") as step:
        require_ready(step)
        mapping = step.settings.mappings["appointment"]
        run_file(step.connection, f"{FOLDER}/010_forget_earlier_try.sql")
        run_file(step.connection, f"{FOLDER}/020_match_appointments.sql")
        inserted, vanished = insert_entity(step, mapping, f"{FOLDER}/030_insert_appointments.sql")
        matched = dict(
            step.connection.execute(
                "SELECT matched_by, count(*) FROM nexus_work.identity WHERE entity = 'appointment' GROUP BY 1"
            ).fetchall()
        )
        step.finish(
            f"Imported {inserted:,} appointments",
            records=inserted,
            imported_count=inserted,
            adopted_count=matched.get("patient_and_start", 0),
            new_count=matched.get("new", 0),
            kept_vanished_count=vanished,
        )
    return step.counts


@task(multiple_outputs=False)
def check_appointments() -> Counts:
    """Check count, patient, clinic, clinician, type and duplicates. Clearing is safe."""
    with open_step("check_4", PHASE, "Validating the appointments") as step:
        require_ready(step)
        run_checks(step, "phase_4", differences(step, step.settings.mappings["appointment"], "phase_4"))
    return step.counts
