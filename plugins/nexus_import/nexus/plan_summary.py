"""Counts a plan and keeps the counts with it: its rows are removed when nobody can undo the publish any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from psycopg import Connection
from psycopg.types.json import Json

from nexus_import.core.plan_summary import FateCount, PlanSummary, TableSummary

EVIDENCE_CHECKS = ("phase_6/document_evidence_agrees", "phase_7/batch_evidence_agrees")
Counts = dict[str, dict[str, int]]
"""Rows to be added, changed and removed: {table: {add, change, remove}}."""


def store_summary(connection: Connection[Any], plan_id: int, counts: Counts, rows_before: Mapping[str, int]) -> None:
    """Keep the fates of the working copy with the plan, and the plan's counts; `rows_before` are rows per table."""
    connection.execute(
        "INSERT INTO nexus_import.plan_fate (plan_id, table_name, row_id, filemaker_id, fate, reason, detail)"
        " SELECT %s, table_name, row_id, filemaker_id, fate, reason, detail FROM nexus_work.fate",
        (plan_id,),
    )
    columns = _count_columns(connection, plan_id, "changed_columns")
    overwritten = _count_columns(connection, plan_id, "overwritten_columns")
    summary = PlanSummary(
        [
            TableSummary(
                table,
                actions["add"],
                actions["change"],
                actions["remove"],
                rows_before[table] - actions["change"] - actions["remove"],
                columns.get(table, {}),
                overwritten.get(table, {}),
            )
            for table, actions in counts.items()
        ],
        _count_fates(connection, plan_id),
        _count_conflicts(connection, plan_id),
    )
    connection.execute("UPDATE nexus_import.plan SET summary = %s WHERE plan_id = %s", (Json(asdict(summary)), plan_id))


def read_summary(connection: Connection[Any], plan_id: int) -> PlanSummary:
    """Return the plan's counts."""
    row = connection.execute("SELECT summary FROM nexus_import.plan WHERE plan_id = %s", (plan_id,)).fetchone()
    summary = row[0] if row else {"tables": [], "fates": []}
    return PlanSummary(
        [TableSummary(**table) for table in summary["tables"]],
        [FateCount(**fate) for fate in summary["fates"]],
        # plans that were made before conflicts were counted have none
        summary.get("conflicts", {}),
    )


def _count_columns(connection: Connection[Any], plan_id: int, kind: str) -> Counts:
    """Return per table how many planned rows have each column among their `kind`: the most frequent first."""
    found: Counts = {}
    rows = connection.execute(
        "SELECT table_name, named.name, count(*) FROM nexus_import.plan_row"
        " CROSS JOIN LATERAL unnest(CASE %s WHEN 'changed_columns' THEN changed_columns"
        "  ELSE overwritten_columns END) AS named (name)"
        " WHERE plan_id = %s GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2",
        (kind, plan_id),
    )
    for table, column, count in rows:
        found.setdefault(table, {})[column] = count
    return found


def _count_fates(connection: Connection[Any], plan_id: int) -> list[FateCount]:
    rows = connection.execute(
        "SELECT table_name, fate, reason, count(*) FROM nexus_import.plan_fate WHERE plan_id = %s"
        " GROUP BY 1, 2, 3 ORDER BY 1, 3, 2",
        (plan_id,),
    )
    return [FateCount(*row) for row in rows]


def _count_conflicts(connection: Connection[Any], plan_id: int) -> dict[str, int]:
    rows = connection.execute(
        "SELECT check_id, finding_count FROM nexus_import.check_result JOIN nexus_import.plan USING (run_id)"
        " WHERE plan_id = %s AND check_id = ANY(%s) AND finding_count > 0 ORDER BY check_id",
        (plan_id, list(EVIDENCE_CHECKS)),
    )
    return dict(rows.fetchall())
