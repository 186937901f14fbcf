"""Phase 2: delete the patient data, in the working copy; live Nexus is not touched."""

from __future__ import annotations

from airflow.sdk import chain, task, task_group

from nexus_import.core.data_policy import ROOT_TABLES, Fate
from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.checks import CheckResult
from nexus_import.nexus.fates import decide_fates
from nexus_import.nexus.matching import delete_filemaker_born, find_adoptions
from nexus_import.nexus.settle import count_fates, find_fates, remove_rows
from nexus_import.nexus.sql import run_folder
from nexus_import.nexus.working_copy import require_tables, reset_tables
from nexus_import.phases.common import Counts, Step, open_step
from nexus_import.phases.gates import make_gate, run_checks
from nexus_import.phases.importing import present_mappings, require_ready

PHASE = "Phase 2"
TITLES = {
    "nexus_only": "All {} of Nexus came from FileMaker",
    "vanished": "FileMaker still has all {} that it once gave to Nexus",
}


@task_group(group_id="phase_2_delete", group_display_name="Phase 2: Delete Existing Patient Data")
def delete() -> None:
    """Delete patients and what the policy says goes with them; documents, images and batches stay."""
    deleted, checked = delete_patients(), check_deletion()
    gate = make_gate("gate_2", PHASE, "phase_2")(checked)
    chain(deleted, checked, gate)


@task(multiple_outputs=False)
def delete_patients() -> Counts:
    """Delete what came from FileMaker, and decide what becomes of the rows that FileMaker does not hold.

    Clearing, with downstream, is safe: the tables are put back to what was copied before they are deleted from.
    """
    with open_step("delete", PHASE, "Deleting existing patients in the working copy") as step:
        require_ready(step)
        policy = step.settings.data_policy
        require_tables(step.connection, policy.copied_tables)
        reset_tables(step.connection, policy.copied_tables)
        counts = dict(run_folder(step.connection, "phase_2_delete"))
        mappings = present_mappings(step)
        for mapping in mappings:
            find_adoptions(step.connection, mapping, step.settings.mappings)
        # what refers to others goes first, patients last
        born = [delete_filemaker_born(step.connection, mapping) for mapping in reversed(mappings)]
        decide_fates(step.connection, policy, mappings)
        deleted = born[-1] + remove_rows(step.connection, policy)
        fates = count_fates(step.connection)
        step.finish(
            f"Deleted {deleted:,} patients",
            records=deleted,
            deleted_count=deleted,
            remembered_count=counts["010_remember_patients"],
            **{f"{fate}_count": fates.get(fate, 0) for fate in ("removed", "archived", "kept")},
        )
    return step.counts


@task(multiple_outputs=False)
def check_deletion() -> Counts:
    """Check what is left, and name every row that FileMaker does not hold. Clearing is safe."""
    with open_step("check_2", PHASE, "Validating the deletion") as step:
        require_ready(step)
        run_checks(step, "phase_2", rows_that_filemaker_lacks(step))
    return step.counts


def rows_that_filemaker_lacks(step: Step) -> list[CheckResult]:
    """Return the rows that vanished from FileMaker and those it never had, with what becomes of each."""
    policy, results = step.settings.data_policy, []
    for mapping in present_mappings(step):
        table = mapping.table or ""
        if table in ROOT_TABLES:
            results.append(_result(step, mapping, "nexus_only", policy.nexus_only_rows[table]))
        results.append(_result(step, mapping, "vanished", policy.vanished[table]))
    return results


def _result(step: Step, mapping: EntityMapping, reason: str, chosen: Fate) -> CheckResult:
    check_id, table = f"phase_2/{reason}_{mapping.label}", mapping.table or ""
    own_severity = "stop" if chosen == "stop" else "warn"
    section = "vanished" if reason == "vanished" else "nexus_only_rows"
    says = f"The policy decides ({section}: {table}: {chosen}; nexus_only: {step.settings.parameters.nexus_only})"
    return CheckResult(
        check_id,
        TITLES[reason].format(mapping.label),
        step.settings.severity(check_id, own_severity),
        f"{says}. Look at what becomes of each row in the list of findings",
        find_fates(step.connection, mapping.entity, table, nexus_only=reason == "nexus_only"),
        own_severity=own_severity,
    )
