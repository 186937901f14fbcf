"""Columns that hold ids of patients or appointments, told by what is in them: a name says nothing of its values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import ROOT_TABLES
from nexus_import.nexus.catalog import IdColumn, split_name

SAMPLED_PAGES = 2_000
"""Pages of a table that are looked at, 16 MB; of a longer table they are taken from all over it."""

Place = tuple[str, str]
"""Table and column."""


def find_columns_with_ids(
    connection: Connection[Any], columns: Iterable[tuple[Place, IdColumn]]
) -> list[tuple[str, str, str, int]]:
    """Return (table, column, parent table, values seen) of those columns that hold ids of rows that may go.

    One query for all of them. A row's own id in a column of its own says nothing.
    """
    by_table: dict[str, list[tuple[str, IdColumn]]] = {}
    for (table, column), kind in columns:
        by_table.setdefault(table, []).append((column, kind))
    pages = _read_pages(connection)
    branches = [_values(table, named, pages.get(table, 0)) for table, named in by_table.items()]
    if not branches:
        return []
    parents = [
        sql.SQL("SELECT id::text AS id, {} AS parent FROM {}").format(
            sql.Literal(table), sql.Identifier("public", table)
        )
        for table in ROOT_TABLES
    ]
    union = sql.SQL(" UNION ALL ")
    query = sql.SQL(
        "SELECT table_name, column_name, parent, count(*) FROM ({}) AS seen JOIN ({}) AS known"
        " ON known.id = lower(value) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    ).format(union.join(branches), union.join(parents))
    return connection.execute(query).fetchall()


def _values(table: str, columns: list[tuple[str, IdColumn]], page_count: int) -> sql.Composed:
    """Return the query for the table's values that are as long as an id, with the column's name."""
    parts = [_value(column, kind) for column, kind in columns]
    sample: sql.Composable = sql.SQL("")
    if page_count > SAMPLED_PAGES:
        percent = sql.Literal(100 * SAMPLED_PAGES / page_count)
        sample = sql.SQL(" TABLESAMPLE SYSTEM ({}) REPEATABLE (1)").format(percent)
    own = sql.SQL(" AND value <> child.id::text" if table in ROOT_TABLES else "")
    return sql.SQL(
        "SELECT {} AS table_name, column_name, value FROM {} AS child{}"
        " CROSS JOIN LATERAL ({}) AS part (column_name, value) WHERE octet_length(value) = 36{}"
    ).format(sql.Literal(table), sql.Identifier(*split_name(table)), sample, sql.SQL(" UNION ALL ").join(parts), own)


def _value(column: str, kind: IdColumn) -> sql.Composed:
    form = "SELECT {}, unnest(child.{})::text" if kind.is_array else "SELECT {}, child.{}::text"
    return sql.SQL(form).format(sql.Literal(column), sql.Identifier(column))


def _read_pages(connection: Connection[Any]) -> dict[str, int]:
    """Return how many pages each table takes, its partitions together."""
    rows = connection.execute(
        "SELECT CASE nspname WHEN 'public' THEN relname ELSE nspname || '.' || relname END,"
        " (pg_relation_size(pg_class.oid) + COALESCE((SELECT sum(pg_relation_size(relid))"
        "  FROM pg_partition_tree(pg_class.oid)), 0))::bigint / current_setting('block_size')::bigint"
        " FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname !~ '^pg_'"
    )
    return dict(rows.fetchall())
