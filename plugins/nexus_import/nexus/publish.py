"""The publish: the plan's difference applied to live Nexus in one transaction, after every precondition held again.

Locks first, in one order; then the advisory lock shared with the restore; then the preconditions; then removals,
unique columns freed, changes, additions; then counts; the marker that it is done is part of the same transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, errors, sql
from psycopg.types.json import Jsonb

from nexus_import.core.mapping import EntityMapping
from nexus_import.core.sequence import first_gap
from nexus_import.errors import PublishRefused
from nexus_import.nexus import staleness
from nexus_import.nexus.catalog import read_columns, read_unique_columns
from nexus_import.nexus.journal import latest_steps
from nexus_import.nexus.plan import Counts, Plan, digest_of_plan, latest_plan
from nexus_import.nexus.rows import BOOKKEEPING, published_digests
from nexus_import.nexus.staging import require_staging
from nexus_import.nexus.working_copy import before, live, require_complete, require_copy, work

log = logging.getLogger(__name__)

PUBLISH_LOCK = 0x6E657875_7075626C
LOCK_TIMEOUTS_MS = (200, 500, 5000)
"""The last is longer than deadlock_timeout (1 s): autovacuum gives way only after that."""


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
    for timeout in LOCK_TIMEOUTS_MS:
        try:
            with connection.transaction():
                return _publish_once(connection, request, timeout)
        except errors.LockNotAvailable:
            if timeout == LOCK_TIMEOUTS_MS[-1]:
                raise PublishRefused(
                    "Live tables were locked by others for too long; live Nexus is unchanged. "
                    "Clear publish.publish_plan when the practice is less busy."
                ) from None
            log.info("A live table is locked by somebody else; trying again")
        except errors.ForeignKeyViolation as error:
            raise PublishRefused(
                "A row that the plan refers to has gone from live Nexus (constraint "
                f"{error.diag.constraint_name} of {error.diag.table_name}); live Nexus is unchanged. "
                "Clear phase_1_preserve.copy_tables with downstream."
            ) from None
        except errors.UniqueViolation as error:
            raise PublishRefused(
                f"A value that must be unique was taken in live Nexus meanwhile (constraint "
                f"{error.diag.constraint_name} of {error.diag.table_name}); live Nexus is unchanged. "
                "Clear phase_1_preserve.copy_tables with downstream."
            ) from None
    raise AssertionError("unreachable")


def _publish_once(connection: Connection[Any], request: PublishRequest, lock_timeout_ms: int) -> Publication:
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{lock_timeout_ms}ms")))
    plan = latest_plan(connection, request.run_id)
    if plan is None:
        raise PublishRefused("There is no plan to publish. Clear publish.make_plan with downstream.")
    if done := _already_published(connection, request.run_id, plan):
        return done
    tables = [table for table, counts in plan.counts.items() if any(counts.values())]
    # Rows of other tables point at patients without a foreign key: nobody may delete one meanwhile.
    for table in sorted({*tables, *staleness.linked_tables(plan), *(["patients"] if tables else [])}):
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(live(table)))
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (PUBLISH_LOCK,))
    require_preconditions(connection, request, plan)
    _keep_before_images(connection, plan, tables)
    applied = _apply(connection, plan, tables)
    if applied != {table: plan.counts[table] for table in tables}:
        raise PublishRefused(
            "The rows changed do not add up to the plan; everything was rolled back and live Nexus is unchanged. "
            "Clear phase_1_preserve.copy_tables with downstream."
        )
    _remember(connection, request)
    connection.execute(
        "INSERT INTO nexus_import.publication (run_id, plan_digest, plan_id, counts) VALUES (%s, %s, %s, %s)",
        (request.run_id, plan.digest, plan.plan_id, Jsonb(plan.counts)),
    )
    return Publication(plan, plan.counts, is_repeat=False)


def _already_published(connection: Connection[Any], run_id: str, plan: Plan) -> Publication | None:
    row = connection.execute(
        "SELECT counts FROM nexus_import.publication WHERE run_id = %s AND plan_digest = %s",
        (run_id, plan.digest),
    ).fetchone()
    return Publication(plan, row[0], is_repeat=True) if row else None


def require_preconditions(connection: Connection[Any], request: PublishRequest, plan: Plan) -> None:
    """Raise `PublishRefused` unless all that a publish stands on holds now."""
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


def _keep_before_images(connection: Connection[Any], plan: Plan, tables: list[str]) -> None:
    for table in tables:
        connection.execute(
            sql.SQL(
                "INSERT INTO nexus_import.before_image (plan_id, table_name, row_id, action, before_row, after_digest)"
                " SELECT planned.plan_id, planned.table_name, planned.row_id, planned.action, to_jsonb(former),"
                "  md5((to_jsonb(present) - {bookkeeping}::text[])::text)"
                " FROM nexus_import.plan_row AS planned"
                " LEFT JOIN {before} AS former ON former.id = planned.row_id"
                " LEFT JOIN {work} AS present ON present.id = planned.row_id"
                " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table}"
            ).format(
                bookkeeping=sql.Literal(sorted(BOOKKEEPING)),
                before=before(table),
                work=work(table),
                plan_id=sql.Literal(plan.plan_id),
                table=sql.Literal(table),
            )
        )


def _apply(connection: Connection[Any], plan: Plan, tables: list[str]) -> Counts:
    applied: Counts = {table: {} for table in tables}
    for table in tables:
        applied[table]["remove"] = _remove(connection, plan, table)
    for table in tables:
        _free_unique_columns(connection, plan, table)
    for table in tables:
        applied[table]["change"] = _change(connection, plan, table)
    for table in tables:
        applied[table]["add"] = _add(connection, plan, table)
    return applied


def _planned(plan: Plan, table: str, action: str) -> sql.Composed:
    return sql.SQL("planned.plan_id = {} AND planned.table_name = {} AND planned.action = {}").format(
        sql.Literal(plan.plan_id), sql.Literal(table), sql.Literal(action)
    )


def _remove(connection: Connection[Any], plan: Plan, table: str) -> int:
    return connection.execute(
        sql.SQL(
            "DELETE FROM {} AS present USING nexus_import.plan_row AS planned WHERE present.id = planned.row_id AND {}"
        ).format(live(table), _planned(plan, table, "remove"))
    ).rowcount


def _free_unique_columns(connection: Connection[Any], plan: Plan, table: str) -> None:
    """Set unique columns that change to NULL first: a swap of two values would break the constraint in between."""
    for column in read_unique_columns(connection, table):
        connection.execute(
            sql.SQL(
                "UPDATE {} AS present SET {} = NULL FROM nexus_import.plan_row AS planned"
                " WHERE present.id = planned.row_id AND {} AND {} = ANY (planned.changed_columns)"
            ).format(live(table), sql.Identifier(column), _planned(plan, table, "change"), sql.Literal(column))
        )


def _change(connection: Connection[Any], plan: Plan, table: str) -> int:
    columns = [column.name for column in read_columns(connection, table) if column.name != "id"]
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(
            sql.Identifier(column),
            sql.SQL("transaction_timestamp()") if column in BOOKKEEPING else sql.Identifier("wanted", column),
        )
        for column in columns
    )
    return connection.execute(
        sql.SQL(
            "UPDATE {live} AS present SET {assignments} FROM {work} AS wanted, nexus_import.plan_row AS planned"
            " WHERE present.id = wanted.id AND wanted.id = planned.row_id AND {planned}"
        ).format(
            live=live(table),
            assignments=assignments,
            work=work(table),
            planned=_planned(plan, table, "change"),
        )
    ).rowcount


def _add(connection: Connection[Any], plan: Plan, table: str) -> int:
    columns = [column.name for column in read_columns(connection, table)]
    return connection.execute(
        sql.SQL(
            "INSERT INTO {live} ({columns}) SELECT {values} FROM {work} AS wanted, nexus_import.plan_row AS planned"
            " WHERE wanted.id = planned.row_id AND {planned}"
        ).format(
            live=live(table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join(sql.Identifier("wanted", column) for column in columns),
            work=work(table),
            planned=_planned(plan, table, "add"),
        )
    ).rowcount


def _remember(connection: Connection[Any], request: PublishRequest) -> None:
    """Keep which row each FileMaker record became, and digests of what FileMaker said, for the next run."""
    connection.execute(
        "DELETE FROM nexus_import.identity AS known WHERE NOT EXISTS"
        " (SELECT FROM nexus_work.identity AS present"
        "  WHERE (present.entity, present.filemaker_id, present.nexus_id)"
        "   = (known.entity, known.filemaker_id, known.nexus_id))"
    )
    connection.execute(
        "INSERT INTO nexus_import.identity (entity, filemaker_id, nexus_id, matched_by)"
        " SELECT entity, filemaker_id, nexus_id, matched_by FROM nexus_work.identity ON CONFLICT DO NOTHING"
    )
    for mapping in request.mappings:
        connection.execute(
            sql.SQL(
                "INSERT INTO nexus_import.published_row AS known (table_name, row_id, digests)"
                " SELECT {table}, present.id, {digests} FROM {work} AS present"
                " JOIN nexus_work.identity AS identity ON identity.entity = {entity} AND identity.nexus_id = present.id"
                " JOIN (SELECT DISTINCT ON (filemaker_id) * FROM {staging} ORDER BY filemaker_id, record_id) AS staged"
                "   ON staged.filemaker_id = identity.filemaker_id"
                " ON CONFLICT (table_name, row_id) DO UPDATE SET digests = excluded.digests"
                " WHERE known.digests IS DISTINCT FROM excluded.digests"
            ).format(
                table=sql.Literal(mapping.table),
                digests=published_digests(mapping),
                work=work(mapping.table or ""),
                entity=sql.Literal(mapping.entity),
                staging=sql.Identifier("nexus_staging", mapping.entity),
            )
        )
    connection.execute(
        "INSERT INTO nexus_import.relink_decision (run_id, table_name, row_id, patient_id, evidence, disagreeing)"
        " SELECT %s, table_name, row_id, patient_id, evidence, disagreeing FROM nexus_work.decision"
        " ON CONFLICT (run_id, table_name, row_id) DO UPDATE SET patient_id = excluded.patient_id,"
        "  evidence = excluded.evidence, disagreeing = excluded.disagreeing",
        (request.run_id,),
    )
