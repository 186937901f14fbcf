"""The end: the report is written and the verdict spoken, whatever happened before."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any

from airflow.sdk import get_current_context, task, task_group
from airflow.sdk.exceptions import AirflowException
from psycopg import Connection

from nexus_import import clock
from nexus_import.core import run_mails
from nexus_import.core.finding_files import make_files
from nexus_import.core.finding_lines import FindingCounts, FindingLine, by_check, count_lines
from nexus_import.core.mails import Attachment, Mail
from nexus_import.core.plan_summary import PlanSummary
from nexus_import.core.progress import elapsed
from nexus_import.core.report import Report, render, sample_of
from nexus_import.core.report_phases import TaskNow
from nexus_import.core.run_mails import RunPlaces
from nexus_import.core.verdict import Verdict, judge
from nexus_import.errors import DatabaseRefusedError, RunStopped, StorageError
from nexus_import.nexus.findings import read_finding_lines
from nexus_import.nexus.journal import close_run, create_journal, read_run
from nexus_import.nexus.plan import latest_plan
from nexus_import.nexus.plan_summary import read_summary
from nexus_import.nexus.report import read_facts, read_report
from nexus_import.nexus.retention import RetentionDays, remove_expired
from nexus_import.nexus.session import allow_waiting
from nexus_import.phases.common import connect, load_settings, open_store
from nexus_import.phases.mail import find_places, send_mail
from nexus_import.settings import Settings

log = logging.getLogger("nexus_import")
Written = dict[str, int | str]
"""Counts of findings, and the key of the report."""
ATTACHED_MAX_BYTES = 5 * 1024 * 1024
"""A larger report is only linked: mail servers refuse large mails."""


@task_group(group_id="end", group_display_name="End: report and outcome")
def end() -> None:
    """Remove what is too old, write the report, then say the verdict; all run whatever happened before.

    They are teardowns: nothing that stops the run skips them. The verdict alone decides the colour of the run.
    """
    removed, written = remove_old().as_teardown(), write_report()
    # Airflow hands on what the task returned, None when it returned nothing
    spoken = outcome(written).as_teardown(on_failure_fail_dagrun=True)  # type: ignore[arg-type]
    removed >> written.as_teardown() >> spoken


def find_verdict(connection: Connection[Any]) -> Verdict:
    """Return the verdict from the journal, and from Airflow the task that failed."""
    _require_journal(connection)
    mode = load_settings().parameters.mode
    return judge(read_facts(connection, get_current_context()["run_id"], mode, find_failed_tasks()))


def _require_journal(connection: Connection[Any]) -> None:
    """Make the journal if there is none: the first run of all may have ended before it could."""
    with connection.transaction():
        create_journal(connection)


def find_failed_tasks() -> list[str]:
    """Return the tasks of this run that failed, in the order of the graph; Airflow knows them."""
    context = get_current_context()
    dag, ti, run_id = context["dag"], context["ti"], context["run_id"]
    states = ti.get_task_states(dag_id=dag.dag_id, run_ids=[run_id]).get(run_id, {})
    return [
        task.task_id for task in dag.topological_sort() if states.get(task.task_id) == "failed" and not task.is_teardown
    ]


@task(multiple_outputs=False)
def remove_old() -> dict[str, int]:
    """Remove backups, snapshots, copies and images that the policy's retention no longer keeps. Clearing is safe."""
    settings, run_id = load_settings(), get_current_context()["run_id"]
    kept = settings.policy.retention
    days = RetentionDays(kept.backup_days, kept.snapshot_days, kept.working_copy_days, kept.undo_days)
    with connect(settings.policy.connections.nexus) as connection:
        _require_journal(connection)
        with connection.transaction():
            allow_waiting(connection)
            removed = remove_expired(connection, open_store(settings), run_id, days, clock.now())
    log.info("Removed by the policy's retention: %s", ", ".join(f"{n:,} {kind}" for kind, n in removed.items()))
    return {f"removed_{kind}_count": count for kind, count in removed.items()}


@task(multiple_outputs=False)
def write_report() -> Written:
    """Write report and findings to S3. Clearing is safe: every report is an object of its own."""
    settings, run_id = load_settings(), get_current_context()["run_id"]
    with connect(settings.policy.connections.nexus) as connection:
        verdict = find_verdict(connection)
        findings = read_finding_lines(connection, run_id)
        compared = {check_id: count_lines(lines) for check_id, lines in by_check(findings)}
        failed = [TaskNow(task_id, "failed") for task_id in find_failed_tasks()]
        report = read_report(connection, run_id, verdict, compared, failed, settings.policy.support_contact)
    if report is None:
        log.info("The run never started; there is nothing to report")
        return {"finding_count": 0}
    store = open_store(settings)
    folder = store.key("reports", run_id, f"{clock.now():%Y%m%dT%H%M%S%f}")
    page = store.put_bytes(
        f"{folder}/report.html", render(report, sample_of(findings)).encode(), "text/html; charset=utf-8"
    )
    store.put_bytes(f"{folder}/report.json", json.dumps(asdict(report), default=str).encode(), "application/json")
    for file in make_files(findings):
        store.put_bytes(f"{folder}/{file.name}", file.body, file.content_type)
    _log_findings(report, findings)
    log.info("Report: s3://%s/%s", store.bucket, page.key)
    log.info("Findings to work through: s3://%s/%s/findings.xlsx", store.bucket, folder)
    return {
        "report_key": page.key,
        "finding_count": report.findings.total,
        "new_count": report.findings.new,
        "still_open_count": report.findings.still_open,
        "fixed_count": report.findings.fixed,
    }


def _log_findings(report: Report, findings: list[FindingLine]) -> None:
    """Say what became of every record, what the policy let pass, and what became of the last run's findings."""
    for balance in report.balances:
        log.info("Balance: %s", balance.sentence())
    for used in report.relaxations:
        log.warning("Relaxed: %s", used.sentence())
    for check_id, lines in by_check(findings):
        log.info("Findings: %s: %s", check_id, count_lines(lines).sentence())
    log.info("Findings: %s", report.findings.sentence())


@task
def outcome(written: Written | None) -> str:
    """Say the verdict, from the journal; red when anything that was asked for was not done.

    `written` is what the report counted, and its key on S3; None when it could not be written.

    Clearing it alone changes nothing: it says the same again.
    """
    settings, run_id = load_settings(), get_current_context()["run_id"]
    try:
        with connect(settings.policy.connections.nexus) as connection:
            verdict = find_verdict(connection)
            run = read_run(connection, run_id)
            if run is not None and run.state != "skipped":
                close_run(connection, run_id, verdict.state, verdict.sentence)
            plan = latest_plan(connection, run_id)
            summary = read_summary(connection, plan.plan_id) if plan else PlanSummary()
    except DatabaseRefusedError as error:
        mail = run_mails.without_verdict(str(error), find_own_places(), settings.policy.support_contact)
        send_mail(settings, mail)
        raise RunStopped(f"{mail.lead} {mail.next_step}") from None
    total = elapsed((clock.now() - run.started_at).total_seconds()) if run else "0 s"
    mail = run_mails.ended(
        verdict, total, summary, count_findings(written), find_own_places(), settings.policy.support_contact
    )
    if verdict.is_green:
        log.info("✅ %s. Total time: %s", verdict.sentence, total)
        if verdict.state != "skipped":
            mail_verdict(settings, mail, verdict, written)
        return verdict.state
    for sentence in verdict.details:
        log.error("❌ %s", sentence)
    log.error("Do not retry without reading this. Total time: %s. Support: %s", total, settings.policy.support_contact)
    mail_verdict(settings, mail, verdict, written)
    raise RunStopped(f"{mail.lead} {mail.next_step}")


def find_own_places() -> RunPlaces:
    """Return the addresses of the running DAG run."""
    context = get_current_context()
    return find_places(context["dag_run"].dag_id, context["run_id"])


def count_findings(written: Written | None) -> FindingCounts:
    """Return what the report counted, nothing when it could not be written."""
    counts = {name: count for name, count in (written or {}).items() if isinstance(count, int)}
    return FindingCounts(counts.get("new_count", 0), counts.get("still_open_count", 0), counts.get("fixed_count", 0))


def mail_verdict(settings: Settings, mail: Mail, verdict: Verdict, written: Written | None) -> None:
    """Mail how the run ended, with its report: once for each report, so that clearing the outcome mails nobody."""
    key = str((written or {}).get("report_key") or "")
    # without a report nobody can tell whether this end was mailed: better twice than never
    send_mail(settings, mail, f"end {verdict.state} {key}" if key else None, _attach_report(settings, key))


def _attach_report(settings: Settings, key: str) -> tuple[Attachment, ...]:
    try:
        body = open_store(settings).find_bytes(key) if key else None
    except (StorageError, AirflowException) as error:
        log.warning("The report could not be attached to the mail: %s", type(error).__name__)
        return ()
    if body is None or len(body) > ATTACHED_MAX_BYTES:
        return ()
    return (Attachment("import-report.html", body, "text/html"),)
