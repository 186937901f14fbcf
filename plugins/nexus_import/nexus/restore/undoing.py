"""The undo of a publish as a person decides about it: rehearsed and written down, approved, done, looked at."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import DataPolicy
from nexus_import.errors import UndoRefused
from nexus_import.nexus.plan import Counts
from nexus_import.nexus.publications import Published
from nexus_import.nexus.restore.records import (
    Restored,
    UndoPlan,
    find_restore,
    read_answer,
    record_undo,
    record_undo_plan,
    require_approval,
)
from nexus_import.nexus.undo import Undo, undo_publication, unlike_before

SINCE = {"added": "add", "changed": "change", "removed": "remove"}
"""What a person is shown -> the publish's own word."""
REHEARSAL = "a rehearsal"


def plan_undo(connection: Connection[Any], run_id: str, undone_plan_id: int, policy: DataPolicy) -> UndoPlan:
    """Do the undo, roll it back, and write to the journal what it did.

    Raises `UndoRefused` when it could not be done, a broken constraint included.
    """
    undo = undo_publication(connection, undone_plan_id, policy, by=REHEARSAL, is_rehearsal=True)
    plan = UndoPlan(
        run_id=run_id,
        digest=undo.digest,
        counts=_shown(undo.counts),
        notes=undo.notes,
        undone_plan_id=undone_plan_id,
        left=undo.left,
    )
    with connection.transaction():
        return record_undo_plan(connection, plan)


def undo_as_planned(
    connection: Connection[Any], plan: UndoPlan, policy: DataPolicy, operators: list[str] | None
) -> Restored:
    """Take the publish back in one transaction, after everything the plan stands on held again.

    `operators` may have approved it (anybody when None). `connection` must not be in a transaction. Raises
    `UndoRefused` or `RestoreRefused`; live Nexus is then unchanged. A plan that had been committed before is
    recognised and not done twice.
    """
    with connection.transaction():
        if done := find_restore(connection, plan):
            return done
        require_approval(connection, plan, operators)
        _, who = read_answer(connection, plan) or (None, None)

    def check(undo: Undo) -> None:
        require_approval(connection, plan, operators)
        require_as_shown(undo, plan)

    undo_publication(
        connection,
        plan.undone_plan_id,
        policy,
        by=who or "nobody",
        check=check,
        record=lambda _: record_undo(connection, plan),
    )
    done = find_restore(connection, plan)
    if done is None:
        raise UndoRefused("The undo is not in the journal although it was committed. Ask who changed the journal.")
    return done


def require_as_shown(undo: Undo, plan: UndoPlan) -> None:
    """Raise `UndoRefused` when the undo would do anything else than what was shown and approved."""
    if undo.digest == plan.digest:
        return
    tables = sorted({row.table for row in set(undo.left) ^ set(plan.left)})
    raise UndoRefused(
        f"Live Nexus changed since the undo was rehearsed, in rows of {', '.join(tables)} that the publish wrote: "
        f"{undo.row_count:,} rows would be put back now and {len(undo.left):,} left alone; shown were "
        f"{plan.change_count:,} and {len(plan.left):,}. Live Nexus is unchanged. Rehearse again and decide again.",
        is_stale=True,
    )


def look_at_undo(connection: Connection[Any], published: Published, restored: Restored) -> tuple[dict[str, int], int]:
    """Look at live Nexus after the commit: rows per table that are wrong, and rows written by others since.

    The undo compared every row before its commit; so only what it wrote last itself can be wrong.
    """
    wrong: dict[str, int] = {}
    written_since = 0
    for table in published.columns:
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) FILTER (WHERE is_ours), count(*) FILTER (WHERE NOT is_ours) FROM ("
                " SELECT unlike.written_by IS NOT DISTINCT FROM restored.transaction_id::xid AS is_ours"
                " FROM ({}) AS unlike, nexus_import.restore AS restored WHERE restored.restore_id = {}) AS looked"
            ).format(unlike_before(published, table), sql.Literal(restored.restore_id))
        ).fetchone()
        if row and row[0]:
            wrong[table] = row[0]
        written_since += row[1] if row else 0
    return wrong, written_since


def _shown(counts: Counts) -> dict[str, dict[str, int]]:
    return {table: {word: actions[name] for word, name in SINCE.items()} for table, actions in counts.items()}
