"""The publish: the plan's difference applied to live Nexus in one transaction, after every precondition held again.

Locks first, in one order; then the advisory lock shared with the restore; then the rows that go are held; then the
preconditions; then removals, unique columns freed, changes, additions; then counts, and the look for references once
more; the marker that it is done is part of the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from nexus_import.core.mapping import EntityMapping
from nexus_import.core.sequence import first_gap
from nexus_import.errors import PublishRefused
from nexus_import.nexus import staleness
from nexus_import.nexus.difference import apply_difference
from nexus_import.nexus.images import column_types, keep_images, unlike_published
from nexus_import.nexus.journal import latest_steps
from nexus_import.nexus.locking import Refusal, change_live, lock_live
from nexus_import.nexus.memory import remember
from nexus_import.nexus.plan import Counts, Plan, digest_of_plan, latest_plan
from nexus_import.nexus.removals import hold_removed_rows
from nexus_import.nexus.staging import absent_entities, require_staging
from nexus_import.nexus.working_copy import require_complete, require_copy

_REFUSAL = Refusal(
    PublishRefused,
    when_busy="Clear publish.publish_plan when the practice is less busy.",
    when_broken="Clear phase_1_preserve.copy_tables with downstream.",
)


@dataclass(frozen=True)
class PublishRequest:
    """What to publish, for whom: the run, who may have approved, and the mappings for the digests.

    `is_outside_window`: a scheduled run outside its publish window needs an approval that says "now".
    """

    run_id: str
    operators: list[str]
    mappings: list[EntityMapping]
    needs_approval: Callable[[Plan], bool]
    is_outside_window: bool = False


@dataclass(frozen=True)
class Publication:
    """What was published; `is_repeat` when an earlier try had committed it already."""

    plan: Plan
    counts: Counts
    is_repeat: bool


def publish(connection: Connection[Any], request: PublishRequest) -> Publication:
    """Apply the run's latest plan to live Nexus, or find that it was applied already.

    Raises `PublishRefused` with the reason; live Nexus is then unchanged. `connection` must not be in a
    transaction; one transaction is opened for each try to get the locks.
    """
    return change_live(connection, lambda: _publish_once(connection, request), _REFUSAL)


def find_publication(connection: Connection[Any], run_id: str) -> Publication | None:
    """Return the publication of the run's latest plan, None when that plan was not published."""
    plan = latest_plan(connection, run_id)
    return _published(connection, run_id, plan) if plan else None


def _publish_once(connection: Connection[Any], request: PublishRequest) -> Publication:
    plan = latest_plan(connection, request.run_id)
    if plan is None:
        raise PublishRefused("There is no plan to publish. Clear publish.make_plan with downstream.")
    if done := _published(connection, request.run_id, plan):
        return done
    tables = [table for table, counts in plan.counts.items() if any(counts.values())]
    linked = staleness.linked_tables(connection, plan)
    # Rows of other tables point at patients without a foreign key: nobody may delete one meanwhile.
    written = {*tables, *(linked & plan.counts.keys()), *(["patients"] if tables else [])}
    lock_live(connection, written, still=linked - written)
    hold_removed_rows(connection, plan)
    preserved = require_preconditions(connection, request, plan)
    for table in tables:
        keep_images(connection, plan.plan_id, table)
    applied = apply_difference(connection, plan, tables)
    if applied != {table: plan.counts[table] for table in tables}:
        raise PublishRefused(
            "The rows changed do not add up to the plan; everything was rolled back and live Nexus is unchanged. "
            "Clear phase_1_preserve.copy_tables with downstream."
        )
    _require_as_planned(connection, plan, tables)
    staleness.require_nobody_left_behind(connection, plan)
    absent = absent_entities(connection)
    present = [mapping for mapping in request.mappings if mapping.entity not in absent]
    remember(connection, request.run_id, plan.plan_id, present)
    connection.execute(
        "INSERT INTO nexus_import.publication"
        " (run_id, plan_digest, plan_id, counts, transaction_id, table_columns, preserved)"
        " VALUES (%s, %s, %s, %s, pg_current_xact_id()::text::bigint, %s, %s)",
        (
            request.run_id,
            plan.digest,
            plan.plan_id,
            Jsonb(plan.counts),
            Jsonb(column_types(connection, tables)),
            Jsonb(preserved),
        ),
    )
    return Publication(plan, plan.counts, is_repeat=False)


def _published(connection: Connection[Any], run_id: str, plan: Plan) -> Publication | None:
    """Return the publication of this plan, also when the same plan was made once more since."""
    row = connection.execute(
        "SELECT plan_id, counts, undone_at IS NOT NULL, undone_by FROM nexus_import.publication"
        " WHERE run_id = %s AND plan_digest = %s",
        (run_id, plan.digest),
    ).fetchone()
    if row is None:
        return None
    plan_id, counts, is_undone, undone_by = row
    if is_undone:
        raise PublishRefused(
            f"This plan was published and then undone by {undone_by}; it is not published again. "
            "Clear phase_1_preserve.copy_tables with downstream to make a new plan."
        )
    return Publication(replace(plan, plan_id=plan_id), counts, is_repeat=True)


def _require_as_planned(connection: Connection[Any], plan: Plan, tables: list[str]) -> None:
    """Raise `PublishRefused` when a row of live Nexus is not what was to be written, by a trigger for example."""
    for table in tables:
        row = connection.execute(
            sql.SQL("SELECT count(*) FROM ({}) AS unlike").format(unlike_published(connection, plan.plan_id, table))
        ).fetchone()
        if row and row[0]:
            raise PublishRefused(
                f"{row[0]:,} rows of {table} were not written as planned: does a trigger or rule in Nexus change them? "
                "Everything was rolled back and live Nexus is unchanged. Ask the developers of Nexus, then clear "
                "phase_1_preserve.copy_tables with downstream."
            )


def require_preconditions(connection: Connection[Any], request: PublishRequest, plan: Plan) -> dict[str, str]:
    """Raise `PublishRefused` unless all that a publish stands on holds now.

    Returns the fingerprints that the preserved tables had when the copy was made.
    """
    gap = first_gap(latest_steps(connection, request.run_id))
    if gap:
        raise PublishRefused(
            f"Step {gap.step.name} {gap.reason}; live Nexus is unchanged. Clear {gap.step.clear} with downstream."
        )
    stamp = require_copy(connection, request.run_id)
    require_complete(connection, stamp)
    require_staging(connection, request.run_id)
    if digest_of_plan(connection, plan.plan_id, list(plan.counts)) != plan.digest:
        raise PublishRefused(
            "The working copy is not what the plan was made from; live Nexus is unchanged. "
            "Clear publish.make_plan with downstream."
        )
    backup = connection.execute(
        "SELECT 1 FROM nexus_import.backup WHERE run_id = %s AND attempt = %s",
        (request.run_id, stamp.backup_attempt),
    ).fetchone()
    if backup is None:
        raise PublishRefused(
            "The backup that the working copy stands on is not in the journal; live Nexus is unchanged. "
            "Clear phase_0_validate.back_up_database with downstream."
        )
    if request.needs_approval(plan):
        _require_approval(connection, request, plan)
    staleness.require_fresh(connection, plan)
    return stamp.preserved


def _require_approval(connection: Connection[Any], request: PublishRequest, plan: Plan) -> None:
    approval = connection.execute(
        "SELECT answer, answered_by, says_now FROM nexus_import.approval"
        " WHERE run_id = %s AND plan_digest = %s AND answered_at > (SELECT made_at FROM nexus_import.plan"
        "  WHERE plan_id = %s) ORDER BY approval_id DESC LIMIT 1",
        (request.run_id, plan.digest, plan.plan_id),
    ).fetchone()
    if approval is None or approval[0] != "Approve":
        raise PublishRefused(
            "This plan needs the approval of an operator and has none; live Nexus is unchanged. "
            "Clear publish.approve_plan with downstream and answer its question."
        )
    if approval[1] not in request.operators:
        raise PublishRefused(
            f"The plan was approved by '{approval[1]}', who is not an operator (operators in include/policy.yaml); "
            "live Nexus is unchanged. Clear publish.approve_plan with downstream."
        )
    if request.is_outside_window and not approval[2]:
        raise PublishRefused(
            "This scheduled run is outside its publish window and the approval did not say 'now'; live Nexus is "
            "unchanged. Clear publish.publish_plan inside the window, or publish.approve_plan with downstream."
        )
