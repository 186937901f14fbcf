"""Phase 5: import notes, letters and reminders, if FileMaker has any."""

from __future__ import annotations

from airflow.sdk import chain, task, task_group

from nexus_import.nexus.settle import settle_rows
from nexus_import.nexus.sql import run_file
from nexus_import.phases.common import Counts, open_step
from nexus_import.phases.gates import make_gate, pass_skipped_gate, run_checks
from nexus_import.phases.importing import differences, insert_entity, require_ready

PHASE = "Phase 5"
FOLDER = "phase_5_notes"
ENTITIES = ("note", "letter", "reminder")


@task_group(group_id=FOLDER, group_display_name="Phase 5: Import Notes, Letters, Reminders")
def notes() -> None:
    """Import notes, letters and reminders; the whole phase is skipped when FileMaker has none of them."""
    found, imported, checked = find_records(), import_notes(), check_notes()
    gate = make_gate("gate_5", PHASE, "phase_5")(checked)
    # Only the import is skipped directly: phase 6 still runs, because its first task accepts skipped ones.
    chain(found, imported, checked, gate)


@task.short_circuit(ignore_downstream_trigger_rules=False)
def find_records() -> bool:
    """Tell whether FileMaker has any of them; if not, the rest of the phase is skipped. Clearing is safe."""
    with open_step("find_records", PHASE, "Looking for notes, letters and reminders") as step:
        require_ready(step)
        row = step.connection.execute(
            "SELECT (SELECT count(*) FROM nexus_staging.note) + (SELECT count(*) FROM nexus_staging.letter)"
            " + (SELECT count(*) FROM nexus_staging.reminder)"
        ).fetchone()
        found = int(row[0]) if row else 0
        if not found:
            # The import will be skipped; what stays although FileMaker has none of it stays all the same.
            for entity in ENTITIES:
                settle_rows(step.connection, step.settings.data_policy, step.settings.mappings[entity])
        step.finish(
            f"FileMaker has {found:,} of them" if found else "Skipped: FileMaker has none",
            records=found,
            found_count=found,
        )
    if not found:
        # The gate will be skipped with the rest of the phase; the journal says why that is in order.
        pass_skipped_gate("gate_5", PHASE)
    return found > 0


@task(multiple_outputs=False)
def import_notes() -> Counts:
    """Match and insert the three. Clearing, with downstream, is safe: an earlier try is undone first."""
    with open_step("import_notes", PHASE, "Importing notes, letters and reminders from FileMaker") as step:
        require_ready(step)
        run_file(step.connection, f"{FOLDER}/010_forget_earlier_try.sql")
        run_file(step.connection, f"{FOLDER}/020_match_notes.sql")
        counts = {
            f"{entity}_count": insert_entity(
                step, step.settings.mappings[entity], f"{FOLDER}/0{number}0_insert_{entity}s.sql"
            )[0]
            for number, entity in enumerate(ENTITIES, 3)
        }
        step.finish(
            f"Imported {counts['note_count']:,} notes, {counts['letter_count']:,} letters, "
            f"{counts['reminder_count']:,} reminders",
            records=sum(counts.values()),
            **counts,
        )
    return step.counts


@task(multiple_outputs=False)
def check_notes() -> Counts:
    """Check counts and patients; surplus copies of earlier imports are reported. Clearing is safe."""
    with open_step("check_5", PHASE, "Validating notes, letters and reminders") as step:
        require_ready(step)
        more = [
            result for entity in ENTITIES for result in differences(step, step.settings.mappings[entity], "phase_5")
        ]
        run_checks(step, "phase_5", more)
    return step.counts
