"""Whether live Nexus still is what a plan was made from, as far as the plan touches it.

Stale is a planned row that changed or went since the copy, a row to be added whose id is taken, and a row that
refers, by foreign key or generic link, to one the plan removes and that the plan does not know. All other
writes since the copy are left alone.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.errors import PublishRefused
from nexus_import.nexus.catalog import read_foreign_keys
from nexus_import.nexus.plan import Plan, compared_columns
from nexus_import.nexus.working_copy import before, live, work

NAMED_ROWS = 5
GENERIC_LINKS = (
    ("documents_document", "content_type_id", "object_id"),
    ("images_batch", "content_type_id", "object_id"),
    ("contact_relationships", "from_content_type_id", "from_object_id"),
    ("contact_relationships", "to_content_type_id", "to_object_id"),
)
"""Tables whose link to a patient is a content type and a bare id: (table, type column, id column)."""

PLAIN_LINKS = (("reminders", "appointment_id", "appointments"),)
"""Plain columns that hold another table's id without a foreign key: (table, column, table it refers to)."""

Stale = tuple[str, Any, str]


def linked_tables(plan: Plan) -> set[str]:
    """Return the tables that must stand still while the plan's removals are checked and done.

    No constraint guards a generic link: one that is written after the check would point at nothing.
    """
    return {table for table, _, _ in GENERIC_LINKS} if plan.counts.get("patients", {}).get("remove") else set()


def require_fresh(connection: Connection[Any], plan: Plan) -> None:
    """Raise `PublishRefused` that names the stale rows, if there are any."""
    stale = find_stale(connection, plan)
    if stale:
        named = ", ".join(f"{table} {row_id} ({why})" for table, row_id, why in stale[:NAMED_ROWS])
        more = ", …" if len(stale) > NAMED_ROWS else ""
        raise PublishRefused(
            f"{len(stale):,} rows that the plan touches changed in live Nexus since the copy: {named}{more}. "
            "Live Nexus is unchanged. Clear phase_1_preserve.copy_tables with downstream: FileMaker is not read again."
        )


def find_stale(connection: Connection[Any], plan: Plan) -> list[Stale]:
    """Return the stale rows as (table, id, why); called under the publish's locks."""
    stale: list[Stale] = []
    for table, counts in plan.counts.items():
        if counts["change"] or counts["remove"]:
            stale += _changed(connection, plan, table)
        if counts["add"]:
            stale += _taken(connection, plan, table)
        if counts["remove"]:
            stale += _newly_referring(connection, plan, table)
    for table, type_column, id_column in GENERIC_LINKS:
        if any(plan.counts.get(table, {}).get(action) for action in ("add", "change")):
            stale += _pointing_at_nobody(connection, plan, table, type_column, id_column)
    return stale


def _changed(connection: Connection[Any], plan: Plan, table: str) -> list[Stale]:
    columns = compared_columns(connection, table)
    present = sql.SQL(", ").join(sql.Identifier("present", column) for column in columns)
    former = sql.SQL(", ").join(sql.Identifier("former", column) for column in columns)
    query = sql.SQL(
        "SELECT {table}, planned.row_id, CASE WHEN present.id IS NULL THEN 'gone' ELSE 'changed' END"
        " FROM nexus_import.plan_row AS planned"
        " JOIN {before} AS former ON former.id = planned.row_id"
        " LEFT JOIN {live} AS present ON present.id = planned.row_id"
        " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table} AND planned.action <> 'add'"
        " AND (present.id IS NULL OR ROW({present}) IS DISTINCT FROM ROW({former}))"
    ).format(
        table=sql.Literal(table),
        before=before(table),
        live=live(table),
        plan_id=sql.Literal(plan.plan_id),
        present=present,
        former=former,
    )
    return connection.execute(query).fetchall()


def _taken(connection: Connection[Any], plan: Plan, table: str) -> list[Stale]:
    query = sql.SQL(
        "SELECT {table}, planned.row_id, 'already there' FROM nexus_import.plan_row AS planned"
        " JOIN {live} AS present ON present.id = planned.row_id"
        " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table} AND planned.action = 'add'"
    ).format(table=sql.Literal(table), live=live(table), plan_id=sql.Literal(plan.plan_id))
    return connection.execute(query).fetchall()


def _newly_referring(connection: Connection[Any], plan: Plan, table: str) -> list[Stale]:
    stale: list[Stale] = []
    for key in read_foreign_keys(connection):
        if key.parent_table == table:
            stale += _unplanned_rows(connection, plan, table, key.table, key.column, sql.SQL("TRUE"))
    if table == "patients":
        for child, type_column, id_column in GENERIC_LINKS:
            is_patient = _is_patient("child", type_column)
            stale += _unplanned_rows(connection, plan, table, child, id_column, is_patient)
    for child, column, parent in PLAIN_LINKS:
        if parent == table:
            stale += _unplanned_rows(connection, plan, table, child, column, sql.SQL("TRUE"))
    return stale


def _pointing_at_nobody(
    connection: Connection[Any], plan: Plan, table: str, type_column: str, id_column: str
) -> list[Stale]:
    """Return planned rows whose patient has gone from live Nexus: no foreign key would notice."""
    query = sql.SQL(
        "SELECT {table}, wanted.id, 'its patient has gone' FROM {work} AS wanted"
        " JOIN nexus_import.plan_row AS planned ON planned.row_id = wanted.id"
        " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table} AND planned.action <> 'remove'"
        " AND {is_patient}"
        " AND NOT EXISTS (SELECT FROM public.patients AS patient WHERE patient.id = wanted.{id_column})"
        " AND NOT EXISTS (SELECT FROM nexus_import.plan_row AS added WHERE added.plan_id = {plan_id}"
        "  AND added.table_name = 'patients' AND added.row_id = wanted.{id_column} AND added.action = 'add')"
    ).format(
        table=sql.Literal(table),
        work=work(table),
        plan_id=sql.Literal(plan.plan_id),
        is_patient=_is_patient("wanted", type_column),
        id_column=sql.Identifier(id_column),
    )
    return connection.execute(query).fetchall()


def _is_patient(alias: str, type_column: str) -> sql.Composed:
    return sql.SQL(
        "{} = (SELECT id FROM public.django_content_type WHERE app_label = 'patients' AND model = 'patient')"
    ).format(sql.Identifier(alias, type_column))


def _unplanned_rows(
    connection: Connection[Any], plan: Plan, table: str, child: str, column: str, condition: sql.Composable
) -> list[Stale]:
    query = sql.SQL(
        "SELECT {child_name}, child.id, {why} FROM {child} AS child"
        " JOIN nexus_import.plan_row AS removed ON removed.row_id = child.{column}"
        " WHERE removed.plan_id = {plan_id} AND removed.table_name = {table} AND removed.action = 'remove'"
        " AND {condition} AND NOT EXISTS (SELECT FROM nexus_import.plan_row AS planned"
        "  WHERE planned.plan_id = {plan_id} AND planned.table_name = {child_name} AND planned.row_id = child.id"
        "  AND (planned.action = 'remove' OR {column_name} = ANY (planned.changed_columns)))"
    ).format(
        child_name=sql.Literal(child),
        why=sql.Literal(f"refers to a row of {table} that the plan removes"),
        child=live(child),
        column=sql.Identifier(column),
        plan_id=sql.Literal(plan.plan_id),
        table=sql.Literal(table),
        condition=condition,
        column_name=sql.Literal(column),
    )
    return connection.execute(query).fetchall()
