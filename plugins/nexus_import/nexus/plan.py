"""The plan: the difference between live Nexus as it was copied and the working copy, row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import Json, Jsonb

from nexus_import.nexus.catalog import read_columns, read_incomparable_columns
from nexus_import.nexus.plan_summary import Counts, store_summary
from nexus_import.nexus.rows import BOOKKEEPING, digest_of
from nexus_import.nexus.working_copy import before, require_copy, work

ACTIONS = ("add", "change", "remove")


@dataclass(frozen=True)
class Plan:
    """A stored plan: what it would do per table, its digest, and why it is unusual."""

    plan_id: int
    digest: str
    counts: Counts
    unusual: list[str]

    @property
    def change_count(self) -> int:
        """Rows added, changed and removed together."""
        return sum(count for actions in self.counts.values() for count in actions.values())


def make_plan(connection: Connection[Any], run_id: str, tables: list[str]) -> Plan:
    """Compare every table of the working copy with what was copied; store and return the plan.

    The digest covers the copy the plan stands on, each row and what it would become, so that an approval of one
    plan is not an approval of another.
    """
    row = connection.execute(
        "INSERT INTO nexus_import.plan (run_id, digest, counts, unusual, summary)"
        " VALUES (%s, '', '{}', '[]', '{}') RETURNING plan_id",
        (run_id,),
    ).fetchone()
    plan_id = int(row[0]) if row else 0
    for table in tables:
        _compare(connection, plan_id, table)
    counts = _counts(connection, plan_id, tables)
    digest = digest_of_plan(connection, plan_id, tables)
    connection.execute(
        "UPDATE nexus_import.plan SET digest = %s, counts = %s WHERE plan_id = %s",
        (digest, Json(counts), plan_id),
    )
    store_summary(connection, plan_id, counts, require_copy(connection, run_id).row_counts)
    return Plan(plan_id, digest, counts, [])


def compared_columns(connection: Connection[Any], table: str) -> list[str]:
    """Return the columns whose difference makes a row changed."""
    return [
        column.name
        for column in read_columns(connection, table)
        if column.name not in BOOKKEEPING and column.name != "id"
    ]


def rows_differ(connection: Connection[Any], table: str, left: str, right: str) -> sql.Composed:
    """Return the condition that two rows of a table, by their aliases, differ in a compared column."""
    images = read_incomparable_columns(connection, table)
    plain = [column for column in compared_columns(connection, table) if column not in images]
    conditions = [
        sql.SQL("ROW({}) IS DISTINCT FROM ROW({})").format(
            *(sql.SQL(", ").join(sql.Identifier(alias, column) for column in plain) for alias in (left, right))
        )
    ]
    conditions += [_image_differs(column, left, right) for column in sorted(images)]
    return sql.SQL("({})").format(sql.SQL(" OR ").join(conditions))


def _image_differs(column: str, left: str, right: str) -> sql.Composed:
    """Return the condition for a column whose type knows no equality: its bytes are compared, as a restore does."""
    return sql.SQL("pg_catalog.record_image_ne(ROW({}), ROW({}))").format(
        sql.Identifier(left, column), sql.Identifier(right, column)
    )


def _compare(connection: Connection[Any], plan_id: int, table: str) -> None:
    columns = compared_columns(connection, table)
    images = read_incomparable_columns(connection, table)

    def differs(column: str) -> sql.Composed:
        if column in images:
            return _image_differs(column, "present", "former")
        return sql.SQL("present.{c} IS DISTINCT FROM former.{c}").format(c=sql.Identifier(column))

    def loses_an_edit(column: str) -> sql.Composed:
        """Return the condition that the value goes and is not what the last publish gave: staff changed it."""
        return sql.SQL("{differs} AND published.digests ? {name} AND {digest} <> published.digests ->> {name}").format(
            differs=differs(column), name=sql.Literal(column), digest=digest_of(sql.Identifier("former", column))
        )

    connection.execute(
        sql.SQL(
            "INSERT INTO nexus_import.plan_row"
            " (plan_id, table_name, row_id, action, changed_columns, overwritten_columns)"
            " SELECT {plan_id}, {table}, COALESCE(present.id, former.id),"
            "  CASE WHEN former.id IS NULL THEN 'add' WHEN present.id IS NULL THEN 'remove' ELSE 'change' END,"
            "  CASE WHEN former.id IS NULL OR present.id IS NULL THEN '{{}}' ELSE {changed} END,"
            "  CASE WHEN former.id IS NULL OR published.digests IS NULL THEN '{{}}' ELSE {overwritten} END"
            " FROM {work} AS present FULL JOIN {before} AS former ON former.id = present.id"
            " LEFT JOIN nexus_import.published_row AS published"
            "  ON published.table_name = {table} AND published.row_id = former.id"
            " WHERE former.id IS NULL OR present.id IS NULL OR {differ}"
        ).format(
            plan_id=sql.Literal(plan_id),
            table=sql.Literal(table),
            changed=_names_where(columns, differs),
            overwritten=_names_where(columns, loses_an_edit),
            work=work(table),
            before=before(table),
            differ=rows_differ(connection, table, "present", "former"),
        )
    )


def _names_where(columns: list[str], condition: Callable[[str], sql.Composed]) -> sql.Composed:
    """Return the expression for the names of the columns that meet the condition, as an array."""
    cases = [sql.SQL("CASE WHEN {} THEN {} END").format(condition(column), sql.Literal(column)) for column in columns]
    return sql.SQL("array_remove(ARRAY[{}]::text[], NULL)").format(sql.SQL(", ").join(cases))


def _counts(connection: Connection[Any], plan_id: int, tables: list[str]) -> Counts:
    counts: Counts = {table: dict.fromkeys(ACTIONS, 0) for table in tables}
    rows = connection.execute(
        "SELECT table_name, action, count(*) FROM nexus_import.plan_row WHERE plan_id = %s GROUP BY 1, 2",
        (plan_id,),
    )
    for table, action, count in rows:
        counts[table][action] = count
    return counts


def digest_of_plan(connection: Connection[Any], plan_id: int, tables: list[str]) -> str:
    """Return the digest of a plan's rows as the working copy holds them now, and of the copy it stands on."""
    parts = [
        sql.SQL(
            "SELECT plan_row.table_name, plan_row.action, plan_row.row_id, md5(COALESCE(present::text, '')) AS after"
            " FROM nexus_import.plan_row LEFT JOIN {work} AS present ON present.id = plan_row.row_id"
            " WHERE plan_row.plan_id = {plan_id} AND plan_row.table_name = {table}"
        ).format(work=work(table), plan_id=sql.Literal(plan_id), table=sql.Literal(table))
        for table in tables
    ]
    row = connection.execute(
        sql.SQL(
            "SELECT encode(sha256(convert_to("
            " COALESCE(string_agg(md5(planned::text), '' ORDER BY table_name, row_id), '')"
            " || (SELECT run_id || ':' || copy_number FROM nexus_work.stamp), 'UTF8')), 'hex') FROM ({}) AS planned"
        ).format(sql.SQL(" UNION ALL ").join(parts))
    ).fetchone()
    return str(row[0]) if row else ""


def set_unusual(connection: Connection[Any], plan: Plan, reasons: list[str]) -> Plan:
    """Store why the plan is unusual; return the plan with the reasons."""
    connection.execute("UPDATE nexus_import.plan SET unusual = %s WHERE plan_id = %s", (Jsonb(reasons), plan.plan_id))
    return Plan(plan.plan_id, plan.digest, plan.counts, reasons)


def latest_plan(connection: Connection[Any], run_id: str) -> Plan | None:
    """Return the newest plan of the run, None when it has none."""
    row = connection.execute(
        "SELECT plan_id, digest, counts, unusual FROM nexus_import.plan WHERE run_id = %s"
        " ORDER BY plan_id DESC LIMIT 1",
        (run_id,),
    ).fetchone()
    return Plan(*row) if row else None
