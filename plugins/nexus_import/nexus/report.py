"""Reads a run's report out of the journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection

from nexus_import.core.finding_lines import FindingCounts, FindingLine, by_check, count_lines
from nexus_import.core.plan_summary import PlanSummary
from nexus_import.core.report import CheckLine, Report, StepLine
from nexus_import.core.verdict import RunFacts, Verdict
from nexus_import.nexus.balance import read_balances
from nexus_import.nexus.findings import read_relaxations
from nexus_import.nexus.journal import latest_steps, read_run
from nexus_import.nexus.plan import latest_plan
from nexus_import.nexus.plan_summary import read_summary


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
    connection: Connection[Any], run_id: str, verdict: Verdict, findings: list[FindingLine]
) -> Report | None:
    """Return the report of the run with its findings, None when the run never got past its start."""
    run = read_run(connection, run_id)
    if run is None:
        return None
    steps = connection.execute(
        "SELECT name, task_id, finished_at, extract(epoch FROM finished_at - started_at), passed, record_count,"
        " error_count FROM nexus_import.step WHERE run_id = %s ORDER BY step_id",
        (run_id,),
    )
    checks = connection.execute(
        "SELECT check_id, title, severity, finding_count, is_passed, sentence FROM nexus_import.check_result"
        " WHERE run_id = %s ORDER BY check_id",
        (run_id,),
    )
    backups = connection.execute(
        "SELECT manifest_key, table_count, row_count, byte_count FROM nexus_import.backup WHERE run_id = %s"
        " ORDER BY attempt",
        (run_id,),
    ).fetchall()
    plan = latest_plan(connection, run_id)
    compared = {check_id: count_lines(lines) for check_id, lines in by_check(findings)}
    return Report(
        run_id,
        verdict.sentence,
        verdict.is_green,
        run.started_at,
        datetime.now(UTC),
        run.triggered_by or "the schedule",
        run.parameters,
        [StepLine(name, task, at, float(s), ok, n, e) for name, task, at, s, ok, n, e in steps],
        [replace(CheckLine(*row), compared=compared.get(row[0], FindingCounts())) for row in checks],
        read_summary(connection, plan.plan_id) if plan else PlanSummary(),
        [dict(zip(("manifest_key", "table_count", "row_count", "byte_count"), row, strict=True)) for row in backups],
        count_lines(findings),
        read_relaxations(connection, run_id),
        read_balances(connection, run_id),
    )
