"""After the publish: live Nexus holds what the plan said, and the preserved tables are what they were."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.plan import Plan, compared_columns
from nexus_import.nexus.working_copy import fingerprints, live, require_copy, work


def find_differences(connection: Connection[Any], run_id: str, plan: Plan) -> list[str]:
    """Return a sentence per table that is not as planned; empty when all is well."""
    require_copy(connection, run_id)
    sentences = []
    for table, counts in plan.counts.items():
        if any(counts.values()) and (wrong := _count_wrong(connection, plan, table)):
            sentences.append(f"{wrong:,} rows of {table} are not as planned")
    return sentences


def find_drift(connection: Connection[Any], run_id: str, preserved: dict[str, list[str]]) -> list[str]:
    """Return the preserved tables that somebody changed since phase 1; the import itself has no right to."""
    stamp = require_copy(connection, run_id)
    present = fingerprints(connection, preserved)
    return [table for table in preserved if present[table] != stamp.preserved.get(table)]


def mark_verified(connection: Connection[Any], run_id: str, plan: Plan) -> None:
    """Note in the journal that the publication was verified."""
    connection.execute(
        "UPDATE nexus_import.publication SET verified_at = clock_timestamp() WHERE run_id = %s AND plan_digest = %s",
        (run_id, plan.digest),
    )


def _count_wrong(connection: Connection[Any], plan: Plan, table: str) -> int:
    columns = compared_columns(connection, table)
    query = sql.SQL(
        "SELECT count(*) FROM nexus_import.plan_row AS planned"
        " LEFT JOIN {live} AS present ON present.id = planned.row_id"
        " LEFT JOIN {work} AS wanted ON wanted.id = planned.row_id"
        " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table} AND CASE planned.action"
        "  WHEN 'remove' THEN present.id IS NOT NULL"
        "  ELSE present.id IS NULL OR ROW({present}) IS DISTINCT FROM ROW({wanted}) END"
    ).format(
        live=live(table),
        work=work(table),
        plan_id=sql.Literal(plan.plan_id),
        table=sql.Literal(table),
        present=sql.SQL(", ").join(sql.Identifier("present", column) for column in columns),
        wanted=sql.SQL(", ").join(sql.Identifier("wanted", column) for column in columns),
    )
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
