"""The journal in schema `nexus_import`: written inside the transactions it speaks of, read by gates and publish."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from nexus_import.core.sequence import Step
from nexus_import.errors import NexusImportError
from nexus_import.nexus.sql import run_folder

_CREATE_LOCK = 0x6E657875_73696D70


def create_journal(connection: Connection[Any]) -> None:
    """Create the journal's tables where they are missing; safe when two runs start together."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATE_LOCK,))
    for _ in run_folder(connection, "journal"):
        pass


@dataclass(frozen=True)
class StepRecord:
    """What a task did: counts only, never health data. `started_at` is the task's own start."""

    run_id: str
    name: str
    task_id: str
    try_number: int
    started_at: datetime
    passed: bool = True
    record_count: int = 0
    error_count: int = 0
    counts: dict[str, Any] = field(default_factory=dict)


def record_step(connection: Connection[Any], step: StepRecord) -> None:
    """Write one step; part of the caller's transaction, so it is there only if the step's work is."""
    connection.execute(
        "INSERT INTO nexus_import.step (run_id, name, task_id, try_number, started_at, passed, record_count,"
        " error_count, counts) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            step.run_id,
            step.name,
            step.task_id,
            step.try_number,
            step.started_at,
            step.passed,
            step.record_count,
            step.error_count,
            Jsonb(step.counts),
        ),
    )


def record_failure(connection: Connection[Any], run_id: str, task_id: str, error: NexusImportError) -> None:
    """Write why a task failed; in a transaction of its own, for the task's is rolled back."""
    connection.execute(
        "INSERT INTO nexus_import.failure (run_id, task_id, sentence, clear_task) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (run_id, task_id) DO UPDATE SET failed_at = clock_timestamp(),"
        "  sentence = excluded.sentence, clear_task = excluded.clear_task",
        (run_id, task_id, str(error), error.clear),
    )


def latest_steps(connection: Connection[Any], run_id: str) -> dict[str, Step]:
    """Return the newest entry of each step of the run, by name."""
    rows = connection.execute(
        "SELECT DISTINCT ON (name) name, step_id, passed FROM nexus_import.step WHERE run_id = %s"
        " ORDER BY name, step_id DESC",
        (run_id,),
    )
    return {name: Step(step_id, passed) for name, step_id, passed in rows}


@dataclass(frozen=True)
class RunRecord:
    """One run as the journal holds it."""

    run_id: str
    started_at: datetime
    trigger_kind: str
    triggered_by: str | None
    parameters: dict[str, Any]
    state: str
    verdict: str | None
    closed_at: datetime | None


def open_run(
    connection: Connection[Any], run_id: str, kind: str, requested_by: str | None, parameters: dict[str, Any]
) -> None:
    """Record the attempt and open the run; a cleared run is opened again under its first start time."""
    record_attempt(connection, run_id, kind, requested_by, parameters, None)
    connection.execute(
        "INSERT INTO nexus_import.run (run_id, trigger_kind, triggered_by, parameters) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (run_id) DO UPDATE SET state = 'running', verdict = NULL, closed_at = NULL",
        (run_id, kind, requested_by, Jsonb(parameters)),
    )


def record_attempt(
    connection: Connection[Any],
    run_id: str,
    kind: str,
    requested_by: str | None,
    parameters: dict[str, Any],
    refused_because: str | None,
) -> None:
    """Record who asked for a run, with which parameters, and why it was refused if it was."""
    connection.execute(
        "INSERT INTO nexus_import.attempt (run_id, trigger_kind, requested_by, parameters, refused_because)"
        " VALUES (%s, %s, %s, %s, %s)",
        (run_id, kind, requested_by, Jsonb(parameters), refused_because),
    )


def read_run(connection: Connection[Any], run_id: str) -> RunRecord | None:
    """Return the run, or None when it never got past its start."""
    with connection.cursor(row_factory=class_row(RunRecord)) as cursor:
        return cursor.execute(
            "SELECT run_id, started_at, trigger_kind, triggered_by, parameters, state, verdict, closed_at"
            " FROM nexus_import.run WHERE run_id = %s",
            (run_id,),
        ).fetchone()


def close_run(connection: Connection[Any], run_id: str, state: str, verdict: str) -> None:
    """Write the verdict of the run."""
    connection.execute(
        "UPDATE nexus_import.run SET state = %s, verdict = %s, closed_at = clock_timestamp() WHERE run_id = %s",
        (state, verdict, run_id),
    )


def expected_seconds(connection: Connection[Any], run_id: str) -> float | None:
    """Return the median duration of the last ten finished runs in seconds, None when there is none."""
    row = connection.execute(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM ("
        " SELECT extract(epoch FROM closed_at - started_at) AS seconds FROM nexus_import.run"
        " WHERE state IN ('published', 'rehearsed') AND run_id <> %s ORDER BY closed_at DESC LIMIT 10) AS finished",
        (run_id,),
    ).fetchone()
    return float(row[0]) if row and row[0] is not None else None


def record_mail(connection: Connection[Any], run_id: str, event: str) -> bool:
    """Note that a mail goes out; return False when one did for this event of the run."""
    cursor = connection.execute(
        "INSERT INTO nexus_import.mail (run_id, event) VALUES (%s, %s) ON CONFLICT DO NOTHING", (run_id, event)
    )
    return cursor.rowcount == 1
