"""Phase 7: re-link the image batches in the working copy; their images follow."""

from __future__ import annotations

from airflow.sdk import chain, task, task_group

from nexus_import.nexus.fates import patient_in_metadata_of_batch
from nexus_import.nexus.sql import run_file
from nexus_import.phases.common import Counts, open_step
from nexus_import.phases.documents import finish_relinking
from nexus_import.phases.gates import make_gate, run_checks
from nexus_import.phases.importing import require_ready

PHASE = "Phase 7"
FOLDER = "phase_7_images"


@task_group(group_id=FOLDER, group_display_name="Phase 7: Re-Link Images (via ImageBatch)")
def images() -> None:
    """Link every image batch to the patient that the evidence names."""
    relinked, checked = relink_batches(), check_images()
    gate = make_gate("gate_7", PHASE, "phase_7")(checked)
    chain(relinked, checked, gate)


@task(multiple_outputs=False)
def relink_batches() -> Counts:
    """Collect the evidence and link. Clearing, with downstream, is safe: it starts from what was copied."""
    with open_step("relink_batches", PHASE, "Re-linking images") as step:
        require_ready(step)
        named = patient_in_metadata_of_batch(step.connection)
        run_file(step.connection, f"{FOLDER}/010_collect_evidence.sql", metadata_patient=named)
        changed = run_file(step.connection, f"{FOLDER}/020_relink_batches.sql")
        finish_relinking(step, "images_batch", "image batches", changed)
        row = step.connection.execute("SELECT count(*) FROM nexus_work.images_image").fetchone()
        step.counts["image_count"] = row[0] if row else 0
    return step.counts


@task(multiple_outputs=False)
def check_images() -> Counts:
    """Check that every batch has an existing, right patient and no image is missing. Clearing is safe."""
    with open_step("check_7", PHASE, "Validating the images") as step:
        require_ready(step)
        run_checks(step, "phase_7")
    return step.counts
