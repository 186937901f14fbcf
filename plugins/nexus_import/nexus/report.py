"""Reads a run's report out of the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from nexus_import.core.charts import RunLine
from nexus_import.core.finding_lines import FindingCounts
from nexus_import.core.headline import headline_of_running, headline_of_verdict
from nexus_import.core.plan_summary import PlanSummary
from nexus_import.core.progress import elapsed
from nexus_import.core.report import AttemptLine, BackupLine, CheckLine, Report
from nexus_import.core.report_phases import StepLine, TaskNow, phase_lines
from nexus_import.core.verdict import RunFacts, Verdict
from nexus_import.nexus.balance import read_balances
from nexus_import.nexus.findings import read_relaxations
from nexus_import.nexus.journal import expected_seconds, latest_steps, read_run
from nexus_import.nexus.plan import latest_plan
from nexus_import.nexus.plan_summary import read_summary
from nexus_import.nexus.sql import compose

TREND_RUNS = 12


def read_facts(connection: Connection[Any], run_id: str, mode: str, failed_tasks: list[str]) -> RunFacts:
    """Return what the verdict is made of."""
    run = read_run(connection, run_id)
    plan = latest_plan(connection, run_id)
    published = connection.execute(
        "SELECT verified_at IS NOT NULL FROM nexus_import.publication WHERE run_id = %s AND plan_digest = %s",
        (run_id, plan.digest if plan else ""),
    ).fetchone()
    approval = connection.execute(
        "SELECT answer, answered_by FROM nexus_import.approval WHERE run_id = %s ORDER BY approval_id DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    failures = connection.execute(
        "SELECT task_id, sentence, clear_task FROM nexus_import.failure WHERE run_id = %s", (run_id,)
    ).fetchall()
    publications = connection.execute(
        "SELECT count(*) FROM nexus_import.publication WHERE run_id = %s", (run_id,)
    ).fetchone()
    refusal = connection.execute(
        "SELECT refused_because FROM nexus_import.attempt WHERE run_id = %s ORDER BY attempt_id DESC LIMIT 1", (run_id,)
    ).fetchone()
    steps = latest_steps(connection, run_id)
    stopped = {
        name.removeprefix("gate_") for name, step in steps.items() if name.startswith("gate_") and not step.passed
    }
    failed = connection.execute(
        "SELECT sentence FROM nexus_import.check_result WHERE run_id = %s AND NOT is_passed"
        " AND split_part(split_part(check_id, '/', 1), '_', 2) = ANY(%s) ORDER BY check_id",
        (run_id, list(stopped)),
    ).fetchall()
    return RunFacts(
        run.state if run else None,
        mode,
        steps,
        failed_tasks,
        [sentence for (sentence,) in failed],
        published is not None,
        bool(published and published[0]),
        approval,
        {task: (sentence, clear) for task, sentence, clear in failures},
        bool(publications and publications[0]),
        refusal[0] if refusal else None,
    )


def read_report(
    connection: Connection[Any],
    run_id: str,
    verdict: Verdict | None,
    compared: Mapping[str, FindingCounts],
    tasks: Sequence[TaskNow] = (),
    support: str = "",
) -> Report | None:
    """Return the report of the run, None when the run never got past its start.

    `verdict` is None while the run is at work; `compared` counts the findings by check; `tasks` are those that run,
    wait or failed.
    """
    run = read_run(connection, run_id)
    if run is None:
        return None
    plan = latest_plan(connection, run_id)
    unusual = list(plan.unusual) if plan else []
    usual_seconds = expected_seconds(connection, run_id) if verdict is None else None
    headline = (
        headline_of_verdict(verdict, unusual, support)
        if verdict
        else headline_of_running(
            tasks, plan.change_count if plan else 0, unusual, elapsed(usual_seconds) if usual_seconds else None
        )
    )
    return Report(
        run_id,
        headline,
        verdict is not None and verdict.is_green,
        run.started_at,
        datetime.now(UTC),
        run.triggered_by or "the schedule",
        run.parameters,
        phase_lines(_read_steps(connection, run_id), tasks, has_ended=verdict is not None),
        _read_checks(connection, run_id, compared),
        read_summary(connection, plan.plan_id) if plan else PlanSummary(),
        unusual,
        _is_published(connection, run_id),
        _read_backups(connection, run_id),
        FindingCounts(
            sum(counts.new for counts in compared.values()),
            sum(counts.still_open for counts in compared.values()),
            sum(counts.fixed for counts in compared.values()),
        ),
        read_relaxations(connection, run_id),
        read_balances(connection, run_id),
        list(reversed(list_runs(connection, TREND_RUNS, before=run.started_at))),
        read_attempts(connection, run_id),
    )


def _read_steps(connection: Connection[Any], run_id: str) -> list[StepLine]:
    rows = connection.execute(
        "SELECT name, task_id, finished_at, extract(epoch FROM finished_at - started_at), passed, record_count,"
        " error_count FROM nexus_import.step WHERE run_id = %s ORDER BY step_id",
        (run_id,),
    )
    return [StepLine(name, task, at, float(s), ok, n, e) for name, task, at, s, ok, n, e in rows]


def _read_checks(connection: Connection[Any], run_id: str, compared: Mapping[str, FindingCounts]) -> list[CheckLine]:
    rows = connection.execute(
        "SELECT check_id, title, severity, finding_count, is_passed, sentence FROM nexus_import.check_result"
        " WHERE run_id = %s ORDER BY check_id",
        (run_id,),
    )
    return [
        CheckLine(check_id, title, severity, found, ok, sentence, compared.get(check_id, FindingCounts()))
        for check_id, title, severity, found, ok, sentence in rows
    ]


def _read_backups(connection: Connection[Any], run_id: str) -> list[BackupLine]:
    rows = connection.execute(
        "SELECT manifest_key, manifest_sha256, taken_at, table_count, row_count, byte_count FROM nexus_import.backup"
        " WHERE run_id = %s ORDER BY attempt",
        (run_id,),
    )
    return [BackupLine(*row) for row in rows]


def _is_published(connection: Connection[Any], run_id: str) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM nexus_import.publication WHERE run_id = %s AND undone_at IS NULL)", (run_id,)
    ).fetchone()
    return bool(row and row[0])


def read_attempts(connection: Connection[Any], run_id: str) -> list[AttemptLine]:
    """Return who asked for the run, also in vain, and who answered about its plan, in the order of time."""
    asked = connection.execute(
        "SELECT at, requested_by, trigger_kind, refused_because FROM nexus_import.attempt WHERE run_id = %s",
        (run_id,),
    ).fetchall()
    answered = connection.execute(
        "SELECT COALESCE(answered_at, asked_at), answered_by, COALESCE(answer, 'No answer yet') FROM"
        " nexus_import.approval WHERE run_id = %s",
        (run_id,),
    ).fetchall()
    lines = [
        AttemptLine(at, who, f"started the run ({kind})", f"refused: {why}" if why else "allowed", bool(why))
        for at, who, kind, why in asked
    ]
    lines += [AttemptLine(at, who, "was asked about the plan", answer) for at, who, answer in answered]
    return sorted(lines, key=lambda line: line.at)


def list_runs(connection: Connection[Any], size: int, skip: int = 0, before: datetime | None = None) -> list[RunLine]:
    """Return the runs of the import, newest first; with `before`, those that started no later."""
    rows = connection.execute(compose("report/list_runs.sql"), {"size": size, "skip": skip, "before": before})
    return [
        RunLine(
            run_id,
            started_at,
            state,
            mode or "",
            who or "the schedule",
            float(seconds) if seconds is not None else None,
            int(found),
            sum(sum(actions.values()) for actions in planned.values()) if planned is not None else None,
            verdict or "",
        )
        for run_id, started_at, state, mode, who, verdict, seconds, found, planned in rows
    ]
