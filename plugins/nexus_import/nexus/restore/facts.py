"""Reads out of the journal what the verdict of a restore is made of."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from nexus_import.core.restore_verdict import RestoreFacts, UndoFacts
from nexus_import.nexus.publications import read_publications
from nexus_import.nexus.restore.records import (
    Decided,
    UndoPlan,
    find_restore,
    latest_restore_plan,
    read_answer,
    read_restore_run,
)


def read_restore_facts(connection: Connection[Any], run_id: str, mode: str, failed_tasks: list[str]) -> RestoreFacts:
    """Return the facts of a run; `failed_tasks` are Airflow's word, everything else is the journal's."""
    run = read_restore_run(connection, run_id)
    plan = latest_restore_plan(connection, run_id)
    done = find_restore(connection, plan) if plan else None
    failures = connection.execute(
        "SELECT task_id, sentence, clear_task FROM nexus_import.failure WHERE run_id = %s", (run_id,)
    ).fetchall()
    earlier = connection.execute("SELECT 1 FROM nexus_import.restore WHERE run_id = %s LIMIT 1", (run_id,)).fetchone()
    return RestoreFacts(
        run is not None,
        mode,
        run is not None and run.checked_at is not None,
        plan.change_count if plan else None,
        failed_tasks,
        read_answer(connection, plan) if plan else None,
        done is not None,
        done is not None and done.is_verified,
        earlier is not None,
        {task: (sentence, clear) for task, sentence, clear in failures},
        _read_undo(connection, run.undone_plan_id, plan) if run is not None else None,
    )


def _read_undo(connection: Connection[Any], undone_plan_id: int | None, plan: Decided | None) -> UndoFacts | None:
    """Return what is known of the chosen publish, None where none was chosen."""
    found = read_publications(connection) if undone_plan_id is not None else []
    chosen = next((entry for entry in found if entry.plan_id == undone_plan_id), None)
    if chosen is None:
        return None
    left_count = len(plan.left) if isinstance(plan, UndoPlan) else 0
    return UndoFacts(chosen.run_id, left_count, None if chosen.stands else chosen.undone_by)
