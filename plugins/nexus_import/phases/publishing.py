"""Publish: the plan, the approval where one is needed, the one transaction, and the look at live Nexus after it."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Asset, TriggerRule, chain, get_current_context, task, task_group
from psycopg import Connection

from nexus_import import clock
from nexus_import.core.approval import Losses, unusual_reasons
from nexus_import.core.plan_summary import plan_lines
from nexus_import.core.sequence import first_gap
from nexus_import.errors import DataError, PublishRefused, RunStopped
from nexus_import.nexus.backup import find_damage
from nexus_import.nexus.checks import CheckResult, publish_checks
from nexus_import.nexus.findings import forget_results, read_relaxations
from nexus_import.nexus.journal import StepRecord, latest_steps, record_step
from nexus_import.nexus.losses import (
    count_cleared,
    count_contradicted_files,
    count_moved_files,
    count_nexus_only_removed,
)
from nexus_import.nexus.plan import Plan, latest_plan, make_plan, set_unusual
from nexus_import.nexus.plan_summary import read_summary
from nexus_import.nexus.publish import PublishRequest, find_publication, publish
from nexus_import.nexus.verify import find_drift, find_left_behind, look_at_live, mark_verified
from nexus_import.nexus.working_copy import require_complete, require_copy
from nexus_import.phases.approving import approval_reasons, is_outside_window, make_approval
from nexus_import.phases.common import (
    Counts,
    Step,
    begin_step,
    connect,
    journalled_failure,
    load_settings,
    open_step,
    open_store,
)
from nexus_import.phases.gates import store_results
from nexus_import.phases.probing import log_warnings, probe_application, probe_live
from nexus_import.settings import Settings

log = logging.getLogger("nexus_import")
PHASE = "Publish"
GROUP = "publish"
IMPORTED = Asset("nexus_imported")
"""What other DAGs may follow: live Nexus was published and verified."""


@task_group(group_id=GROUP, group_display_name="Publish: plan, approve, switch, verify")
def publishing() -> None:
    """Compare, ask a person when the policy says so, switch live Nexus in one transaction, and look at it."""
    planned, decided = plan_changes(), decide()
    approved = make_approval()
    published, verified = publish_plan(), verify_live()
    chain(planned, decided, [approved, published])
    # A plan that needs nobody skips the approval; a rejected one skips all that follows.
    chain(approved, published, verified)


@task(task_id="make_plan", multiple_outputs=False)
def plan_changes() -> Counts:
    """Compare the working copy with what was copied. Clearing, with downstream, is safe: a new plan is made."""
    with open_step("plan", PHASE, "Planning the changes to live Nexus") as step:
        gap = first_gap(latest_steps(step.connection, step.run_id), before="plan")
        if gap:
            raise RunStopped(f"Step {gap.step.name} {gap.reason}. Clear {gap.step.clear} with downstream.")
        stamp = require_copy(step.connection, step.run_id)
        require_complete(step.connection, stamp)
        tables = [table for table in step.settings.policy.copied_tables if table in stamp.row_counts]
        plan = make_plan(step.connection, step.run_id, tables)
        plan = set_unusual(step.connection, plan, find_unusual(step, plan, stamp.row_counts))
        summary = read_summary(step.connection, plan.plan_id)
        for line in plan_lines(summary):
            log.info("Plan: %s", line)
        for reason in plan.unusual:
            log.warning("Plan is unusual: %s", reason)
        totals = {
            f"{word}_count": sum(counts[action] for counts in plan.counts.values())
            for word, action in (("added", "add"), ("changed", "change"), ("removed", "remove"))
        }
        step.finish(
            f"Planned {plan.change_count:,} changes ({totals['added_count']:,} added, "
            f"{totals['changed_count']:,} changed, {totals['removed_count']:,} removed)",
            records=plan.change_count,
            unusual_count=len(plan.unusual),
            overwritten_count=summary.overwritten_count,
            **totals,
        )
    return step.counts


def find_unusual(step: Step, plan: Plan, live_counts: dict[str, int]) -> list[str]:
    """Return why a person should look at the plan first."""
    return unusual_reasons(
        plan.counts,
        live_counts,
        step.settings.policy.thresholds.model_dump(),
        Losses(
            count_nexus_only_removed(step.connection, plan.plan_id),
            count_cleared(step.connection, plan),
            count_moved_files(step.connection, plan.plan_id),
            count_contradicted_files(step.connection, plan.plan_id),
        ),
        # what no field is mapped to was decided when the mapping was written, not by what this run found
        [used.sentence() for used in read_relaxations(step.connection, step.run_id) if used.what != "mapping"],
    )


@task.branch
def decide() -> str | None:
    """Go to the approval, straight to the publish, or nowhere (rehearse). Clearing is safe."""
    context = get_current_context()
    settings = load_settings()
    if settings.parameters.mode == "rehearse":
        log.info("Rehearsal: nothing is published")
        return None
    with connect(settings.policy.connections.nexus) as connection:
        plan = latest_plan(connection, context["run_id"])
    if plan is None:
        raise RunStopped("There is no plan. Clear publish.make_plan with downstream.")
    reasons = approval_reasons(settings, plan, context["dag_run"].run_type, clock.now())
    for reason in reasons:
        log.info("A person is asked: %s", reason)
    return f"{GROUP}.approve_plan" if reasons else f"{GROUP}.publish_plan"


@task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, multiple_outputs=False)
def publish_plan() -> Counts:
    """Switch live Nexus in one transaction, after every precondition held again.

    Clearing is safe: a publish that had committed is recognised and not done twice.
    """
    context = get_current_context()
    settings = load_settings()
    run_type = context["dag_run"].run_type or "manual"
    started_at = clock.now()
    if settings.parameters.mode != "publish":
        raise PublishRefused("This run is a rehearsal; live Nexus is unchanged. Trigger a run with mode publish.")
    request = PublishRequest(
        context["run_id"],
        settings.policy.operators,
        settings.imported(),
        lambda plan: bool(approval_reasons(settings, plan, run_type, clock.now())),
        is_outside_window(settings, run_type, clock.now()),
    )
    log.info("%s: Publishing...", PHASE)
    with journalled_failure(settings), connect(settings.policy.connections.nexus) as connection:
        with connection.transaction():
            # what is done is done, also when the copy is another run's by now, or S3 is away
            is_done = find_publication(connection, request.run_id) is not None
            manifest = None if is_done else find_manifest(connection, request.run_id)
        if not is_done:
            require_backup(settings, manifest)
        publication = publish(connection, request)
        seconds = (clock.now() - started_at).total_seconds()
        with connection.transaction():
            ti = context["ti"]
            counts = {"change_count": publication.plan.change_count}
            record_step(
                connection,
                StepRecord(
                    request.run_id,
                    "publish",
                    ti.task_id,
                    ti.try_number,
                    started_at,
                    record_count=publication.plan.change_count,
                    counts=counts,
                ),
            )
    what = "was published already" if publication.is_repeat else "published in one transaction"
    log.info("%s: ✅ %s changes, %s (%.1f s)", PHASE, f"{publication.plan.change_count:,}", what, seconds)
    return counts


def find_manifest(connection: Connection[Any], run_id: str) -> tuple[str, str] | None:
    """Return key and SHA-256 of the manifest of the backup that the run's working copy stands on."""
    stamp = require_copy(connection, run_id)
    row = connection.execute(
        "SELECT manifest_key, manifest_sha256 FROM nexus_import.backup WHERE run_id = %s AND attempt = %s",
        (run_id, stamp.backup_attempt),
    ).fetchone()
    return (row[0], row[1]) if row else None


def require_backup(settings: Settings, manifest: tuple[str, str] | None) -> None:
    """Raise `PublishRefused` unless the backup is on S3 as it was written."""
    damage = find_damage(open_store(settings), *manifest) if manifest else "the journal does not know it"
    if damage:
        raise PublishRefused(
            f"The backup that this plan stands on is not whole: {damage}. Live Nexus is unchanged. "
            "Clear phase_0_validate.back_up_database with downstream to take another."
        )


@task(multiple_outputs=False, outlets=[IMPORTED])
def verify_live() -> Counts:
    """Look at live Nexus after the commit, and ask it what users would. Clearing is safe: it only reads."""
    with begin_step("verify_live", PHASE, "Verifying live Nexus") as begun:
        asked = probe_application(begun.settings, begun.run_id, PHASE)
        with begun.transaction() as step:
            look_after_publish(step, asked)
    return step.counts


def look_after_publish(step: Step, asked: list[CheckResult]) -> None:
    """Compare live Nexus with what was published, and store what this and the probes found.

    `asked` is what the application answered. Raises `DataError` when live Nexus is not as published.
    """
    publication = find_publication(step.connection, step.run_id)
    if publication is None:
        raise RunStopped("The run's latest plan is not published. Clear publish.publish_plan with downstream.")
    plan = publication.plan
    for table in find_drift(step.connection, plan, step.settings.policy.preserved):
        log.warning("Preserved table %s was changed in Nexus since the tables were copied", table)
    look = look_at_live(step.connection, plan)
    for table, count in look.changed_since.items():
        log.warning("%s rows of %s were changed by others since the publish", f"{count:,}", table)
    policy = step.settings.policy.data_policy(step.settings.parameters.nexus_only)
    left_behind = find_left_behind(step.connection, plan, policy)
    # a question that cannot be asked this time must not be answered by an earlier look
    forget_results(step.connection, step.run_id, publish_checks())
    results = store_results(step, [left_behind, *probe_live(step), *asked])
    log_warnings(PHASE, results)
    differences = [f"{count:,} rows of {table} are not as planned" for table, count in look.wrong.items()]
    differences += [result.sentence().rstrip(".") for result in results if not result.is_passed]
    if differences:
        raise DataError(
            f"Published but unverified: {'; '.join(differences)}. Call {step.settings.policy.support_contact}: "
            "the runbook (docs/runbook.md) decides between mending, undo and restore."
        )
    mark_verified(step.connection, plan)
    step.finish(f"Verified {plan.change_count:,} changes in live Nexus", records=plan.change_count)
    step.counts["verified_count"] = plan.change_count
    step.counts["left_behind_count"] = len(left_behind.findings)
    step.counts["probe_findings_count"] = sum(len(result.findings) for result in results) - len(left_behind.findings)
    step.counts["changed_since_count"] = sum(look.changed_since.values())
