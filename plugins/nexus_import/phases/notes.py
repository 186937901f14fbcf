"""Phase 5: import notes, letters and reminders, and what else the clinic maps, if FileMaker has any of it."""

from __future__ import annotations

from airflow.sdk import chain, task, task_group
from psycopg import sql

from nexus_import.core import entities
from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.matching import import_records
from nexus_import.nexus.settle import settle_rows
from nexus_import.phases.common import Counts, Step, open_step
from nexus_import.phases.gates import make_gate, pass_skipped_gate, run_checks
from nexus_import.phases.importing import differences, present_mappings, require_ready

PHASE = "Phase 5"
FOLDER = "phase_5_notes"


@task_group(group_id=FOLDER, group_display_name="Phase 5: Import Notes, Letters, Reminders")
def notes() -> None:
    """Import notes, letters, reminders and the like; the whole phase is skipped when FileMaker has none of them."""
    found, imported, checked = find_records(), import_notes(), check_notes()
    gate = make_gate("gate_5", PHASE, "phase_5")(checked)
    # Only the import is skipped directly: phase 6 still runs, because its first task accepts skipped ones.
    chain(found, imported, checked, gate)


def phase_mappings(step: Step) -> list[EntityMapping]:
    """Return the mappings of this phase whose layouts FileMaker has, in the order they are imported."""
    return [mapping for mapping in present_mappings(step) if mapping.entity in entities.PHASE_5]


@task.short_circuit(ignore_downstream_trigger_rules=False)
def find_records() -> bool:
    """Tell whether FileMaker has any of them; if not, the rest of the phase is skipped. Clearing is safe."""
    with open_step("find_records", PHASE, "Looking for notes, letters and reminders") as step:
        require_ready(step)
        found = {mapping.label: _count_staged(step, mapping) for mapping in phase_mappings(step)}
        total = sum(found.values())
        if not total:
            # The import will be skipped; what stays although FileMaker has none of it stays all the same.
            for mapping in phase_mappings(step):
                settle_rows(step.connection, step.settings.data_policy, mapping)
        listed = ", ".join(f"{count:,} {label}" for label, count in found.items())
        step.finish(
            f"FileMaker has {listed}" if total else "Skipped: FileMaker has none",
            records=total,
            found_count=total,
        )
    if not total:
        # The gate will be skipped with the rest of the phase; the journal says why that is in order.
        pass_skipped_gate("gate_5", PHASE)
    return total > 0


def _count_staged(step: Step, mapping: EntityMapping) -> int:
    row = step.connection.execute(
        sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("nexus_staging", mapping.entity))
    ).fetchone()
    return int(row[0]) if row else 0


@task(multiple_outputs=False)
def import_notes() -> Counts:
    """Match and insert them, entity by entity. Clearing, with downstream, is safe: an earlier try is undone first."""
    with open_step("import_notes", PHASE, "Importing notes, letters and reminders from FileMaker") as step:
        require_ready(step)
        settings, counts = step.settings, {}
        for mapping in phase_mappings(step):
            counts[f"{mapping.entity}_count"] = import_records(
                step.connection, mapping, settings.mappings, settings.policy.conflicts
            )
            settle_rows(step.connection, settings.data_policy, mapping)
        listed = ", ".join(f"{counts[f'{mapping.entity}_count']:,} {mapping.label}" for mapping in phase_mappings(step))
        step.finish(f"Imported {listed}", records=sum(counts.values()), **counts)
    return step.counts


@task(multiple_outputs=False)
def check_notes() -> Counts:
    """Check counts and patients; surplus copies of earlier imports are reported. Clearing is safe."""
    with open_step("check_5", PHASE, "Validating notes, letters and reminders") as step:
        require_ready(step)
        more = [result for mapping in phase_mappings(step) for result in differences(step, mapping, "phase_5")]
        run_checks(step, "phase_5", more)
    return step.counts
