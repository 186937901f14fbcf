"""Phase 1: the system configuration is preserved; the affected tables are copied to the working copy."""

from __future__ import annotations

import logging

from airflow.sdk import task, task_group
from psycopg import IsolationLevel

from nexus_import.errors import BackupError
from nexus_import.nexus.backup import change_marks, latest_backup, record_backup
from nexus_import.nexus.session import allow_waiting
from nexus_import.nexus.staging import require_staging
from nexus_import.nexus.working_copy import check_size, copy_tables
from nexus_import.phases.common import Counts, Step, open_step
from nexus_import.phases.validate import take_run_backup

log = logging.getLogger("nexus_import")
PHASE = "Phase 1"


@task_group(group_id="phase_1_preserve", group_display_name="Phase 1: System Configuration (preserved)")
def preserve() -> None:
    """Copy what the import will touch; clinics, clinicians, types, funding and integrations stay as they are."""
    copy_live_tables()


@task(task_id="copy_tables", multiple_outputs=False)
def copy_live_tables() -> Counts:
    """Copy the affected tables as of one moment and fingerprint the preserved ones.

    Clearing, with downstream, is safe: a new copy is made and a new plan, without reading FileMaker again.
    """
    what = "Preserving the system config, copying the tables to be worked on"
    with open_step("preserve", PHASE, what, isolation=IsolationLevel.REPEATABLE_READ) as step:
        require_staging(step.connection, step.run_id)
        policy = step.settings.policy
        tables = policy.copied_tables
        check_size(step.connection, tables, policy.working_copy_limit_gib)
        backup_attempt = _backup_of_this_moment(step, tables)
        stamp = copy_tables(step.connection, step.run_id, tables, policy.preserved, backup_attempt)
        rows = sum(stamp.row_counts.values())
        step.finish(
            f"Preserved {len(policy.preserved)} tables, copied {rows:,} rows of {len(tables)} tables",
            records=rows,
            preserved_table_count=len(policy.preserved),
            table_count=len(tables),
            row_count=rows,
            copy_number=stamp.copy_number,
            backup_attempt=backup_attempt,
        )
    return step.counts


def _backup_of_this_moment(step: Step, tables: list[str]) -> int:
    """Return the backup that holds what is about to be copied; take another when a table changed since."""
    backup = latest_backup(step.connection, step.run_id)
    if backup is None:
        raise BackupError("This run has no backup. Clear phase_0_validate.back_up_database with downstream.")
    marks = change_marks(step.connection, tables)
    if marks == backup.change_marks:
        return backup.attempt
    changed = [table for table in tables if marks[table] != backup.change_marks.get(table)]
    log.info("Changed in Nexus since the backup: %s; taking another backup first", ", ".join(changed))
    # this transaction waits for the backup: it is what the backup is a copy of
    allow_waiting(step.connection)
    snapshot = step.connection.execute("SELECT pg_export_snapshot()").fetchone()
    backup = take_run_backup(step.settings, step.run_id, snapshot[0] if snapshot else None)
    record_backup(step.connection, backup)
    return backup.attempt
