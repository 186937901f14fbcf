"""Phase 8: the result is proven on the working copy, before anything is published."""

from __future__ import annotations

import logging

from airflow.sdk import chain, task, task_group

from nexus_import.nexus.balance import CHECK_ID as ACCOUNTED
from nexus_import.nexus.balance import account_for_records, read_balances
from nexus_import.nexus.constraints import check_foreign_keys
from nexus_import.nexus.files import check_downloads, check_images, check_listing, sample_files
from nexus_import.nexus.session import allow_waiting
from nexus_import.phases.common import Counts, open_step, open_store, progressing
from nexus_import.phases.gates import finish_checks, make_gate, run_checks
from nexus_import.phases.importing import require_ready

log = logging.getLogger("nexus_import")
PHASE = "Phase 8"


@task_group(group_id="phase_8_validate", group_display_name="Phase 8: Post-Import Validation")
def post_validate() -> None:
    """Check counts, relationships, metadata, what the application will show, and the files on S3."""
    database, files = check_database(), check_files()
    gate = make_gate("gate_8", PHASE, "phase_8")(files)
    chain(database, files, gate)


@task(multiple_outputs=False)
def check_database() -> Counts:
    """Run the critical checks; every record is accounted for, every foreign key holds. Clearing is safe."""
    with open_step("check_8", PHASE, "Running validation") as step:
        require_ready(step)
        tables = step.settings.policy.copied_tables
        severity = step.settings.severity
        accounted = account_for_records(
            step.connection, step.run_id, step.settings.imported(), severity(ACCOUNTED, "stop")
        )
        for balance in read_balances(step.connection, step.run_id):
            log.log(logging.ERROR if balance.unexplained else logging.INFO, "%s: %s", PHASE, balance.sentence())
        keys = check_foreign_keys(step.connection, tables, severity("phase_8/foreign_keys_hold", "stop"))
        run_checks(step, "phase_8", [accounted, keys])
    return step.counts


@task(multiple_outputs=False)
def check_files() -> Counts:
    """Compare the storage listing with the rows, download and decode a sample. Clearing is safe."""
    with open_step("check_files", PHASE, "Validating the files on S3") as step:
        require_ready(step)
        allow_waiting(step.connection)
        store, severity = open_store(step.settings), step.settings.severity
        sampled = step.settings.policy.storage.sampled_downloads
        folders = step.settings.policy.storage.file_prefixes
        listed = (entry for folder in folders for entry in store.list_objects(folder))
        documents = sample_files(step.connection, "documents_document", sampled)
        images = sample_files(step.connection, "images_image", sampled)
        results = [
            *check_listing(step.connection, progressing(PHASE, "objects listed").each(listed), severity, folders),
            check_downloads(
                store, progressing(PHASE, "documents downloaded", len(documents)).each(documents), severity
            ),
            check_images(store, progressing(PHASE, "images decoded", len(images)).each(images), severity),
        ]
        finish_checks(step, results)
    return step.counts
