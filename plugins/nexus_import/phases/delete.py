"""Phase 2: delete the patient data, in the working copy; live Nexus is not touched."""

from __future__ import annotations

from airflow.sdk import chain, task, task_group

from nexus_import.nexus.sql import run_folder
from nexus_import.nexus.working_copy import require_copy, reset_tables
from nexus_import.phases.common import Counts, open_step
from nexus_import.phases.gates import make_gate, run_checks

PHASE = "Phase 2"


@task_group(group_id="phase_2_delete", group_display_name="Phase 2: Delete Existing Patient Data")
def delete() -> None:
    """Delete patients and what the policy says goes with them; documents, images and batches stay."""
    deleted, checked = delete_patients(), check_deletion()
    gate = make_gate("gate_2", PHASE, "phase_2")(checked)
    chain(deleted, checked, gate)


@task(multiple_outputs=False)
def delete_patients() -> Counts:
    """Remember old patient id <-> FileMaker id, then delete, children first.

    Clearing, with downstream, is safe: the tables are put back to what was copied before they are deleted from.
    """
    with open_step("delete", PHASE, "Deleting existing patients in the working copy") as step:
        stamp = require_copy(step.connection, step.run_id)
        reset_tables(step.connection, list(stamp.row_counts))
        counts = dict(run_folder(step.connection, "phase_2_delete"))
        deleted = counts["020_delete_filemaker_born"]
        if step.settings.parameters.nexus_only == "delete":
            deleted += sum(count for _, count in run_folder(step.connection, "phase_2_delete/nexus_only"))
        step.finish(
            f"Deleted {deleted:,} patients",
            records=deleted,
            deleted_count=deleted,
            remembered_count=counts["010_remember_patients"],
        )
    return step.counts


@task(multiple_outputs=False)
def check_deletion() -> Counts:
    """Check that nothing from FileMaker is left and no document, image or batch is gone. Clearing is safe."""
    with open_step("check_2", PHASE, "Validating the deletion") as step:
        require_copy(step.connection, step.run_id)
        run_checks(step, "phase_2")
    return step.counts
