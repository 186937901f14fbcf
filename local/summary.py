"""What an import did, as tables for a terminal: rows before and after, the plan, and the time of each phase."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql
from rich.table import Column, Table

COUNTED_TABLES = {
    "patients": "Patients",
    "appointments": "Appointments",
    "notes": "Notes",
    "letters_patientletter": "Letters",
    "reminders": "Reminders",
    "documents_document": "Documents",
    "images_batch": "Image batches",
    "images_image": "Images",
}
ACTIONS = ("add", "change", "remove")
PLAN_QUERY = """
SELECT table_name, action, count(*)
FROM nexus_import.plan_row
WHERE plan_id = (SELECT max(plan_id) FROM nexus_import.plan WHERE run_id = %s)
GROUP BY table_name, action
"""
STEPS_QUERY = """
SELECT name, extract(epoch FROM finished_at - started_at), record_count, error_count
FROM nexus_import.step
WHERE run_id = %s
ORDER BY step_id
"""


def count_rows(uri: str) -> dict[str, int]:
    """Return the number of rows of each table that the summary shows, by table name."""
    counts = {}
    with psycopg.connect(uri) as connection:
        for name in COUNTED_TABLES:
            query = sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(name))
            row = connection.execute(query).fetchone()
            counts[name] = row[0] if row else 0
    return counts


def rows_table(uri: str, run_id: str, before: Mapping[str, int]) -> Table:
    """Return the table of rows before and after, with what the run's last plan added, changed and removed."""
    after = count_rows(uri)
    planned = _planned(uri, run_id)
    table = Table("Nexus", *(_number(name) for name in ("before", "after", "added", "changed", "removed")))
    for name, title in COUNTED_TABLES.items():
        changes = (f"{planned.get((name, action), 0):,}" for action in ACTIONS)
        table.add_row(title, f"{before[name]:,}", f"{after[name]:,}", *changes)
    return table


def steps_table(uri: str, run_id: str) -> Table | None:
    """Return the table of the run's steps and their times, None when the journal has none."""
    try:
        with psycopg.connect(uri) as connection:
            steps = connection.execute(STEPS_QUERY, [run_id]).fetchall()
    except psycopg.errors.UndefinedTable:
        return None
    table = Table("Step", *(_number(name) for name in ("records", "errors", "seconds")))
    for name, seconds, record_count, error_count in steps:
        table.add_row(name, f"{record_count:,}", f"{error_count:,}", f"{seconds:.1f}")
    return table if steps else None


def _planned(uri: str, run_id: str) -> dict[tuple[str, str], int]:
    try:
        with psycopg.connect(uri) as connection:
            rows = connection.execute(PLAN_QUERY, [run_id]).fetchall()
    except psycopg.errors.UndefinedTable:
        return {}
    # the plan may name a table with its schema
    return {(table.removeprefix("public."), action): count for table, action, count in rows}


def _number(header: str) -> Column:
    return Column(header, justify="right")
