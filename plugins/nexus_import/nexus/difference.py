"""The plan's difference applied to live Nexus: rows moved away, removals, unique columns freed, changes, additions."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.catalog import read_columns, read_foreign_keys, read_unique_columns
from nexus_import.nexus.key_order import parents_first
from nexus_import.nexus.plan import Counts, Plan
from nexus_import.nexus.removals import move_away
from nexus_import.nexus.rows import BOOKKEEPING
from nexus_import.nexus.working_copy import live, work


def apply_difference(connection: Connection[Any], plan: Plan, tables: list[str]) -> Counts:
    """Bring the planned rows of live Nexus to what the working copy has; return the rows touched.

    Children go before their parents: a rule of the database finds nothing to take along.
    """
    applied: Counts = {table: {} for table in tables}
    move_away(connection, plan)
    for table in reversed(parents_first(read_foreign_keys(connection), tables)):
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
