"""What the publish did to each row: the row before it, and a digest of the row after it.

The images belong to the journal. They tell, without the working copy, whether live Nexus is as it was published,
and they are what an undo puts back. A row is kept as PostgreSQL writes it as text, which is exact for every type;
`columns` of the publication says what its parts were.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.plan import compared_columns
from nexus_import.nexus.working_copy import before, live, work

Columns = dict[str, list[list[str]]]
"""Table -> its columns as [name, type], in their order."""


def digest_of_row(connection: Connection[Any], table: str, alias: str) -> sql.Composed:
    """Return the expression for the digest of a row's compared columns; NULL and empty text differ."""
    columns = sql.SQL(", ").join(sql.Identifier(alias, name) for name in compared_columns(connection, table))
    return sql.SQL("md5(ROW({})::text)").format(columns)


def column_types(connection: Connection[Any], tables: list[str]) -> Columns:
    """Return names and types of the live tables' columns."""
    return {table: [[column.name, column.type] for column in read_columns(connection, table)] for table in tables}


def keep_images(connection: Connection[Any], plan_id: int, table: str) -> None:
    """Keep, for every planned row of the table, what it was and a digest of what it will be."""
    connection.execute(
        sql.SQL(
            "INSERT INTO nexus_import.before_image (plan_id, table_name, row_id, action, before_row, after_digest)"
            " SELECT planned.plan_id, planned.table_name, planned.row_id, planned.action,"
            "  CASE WHEN former.id IS NOT NULL THEN former::text END,"
            "  CASE WHEN wanted.id IS NOT NULL THEN {digest} END"
            " FROM nexus_import.plan_row AS planned"
            " LEFT JOIN {before} AS former ON former.id = planned.row_id"
            " LEFT JOIN {work} AS wanted ON wanted.id = planned.row_id"
            " WHERE planned.plan_id = {plan_id} AND planned.table_name = {table}"
        ).format(
            digest=digest_of_row(connection, table, "wanted"),
            before=before(table),
            work=work(table),
            plan_id=sql.Literal(plan_id),
            table=sql.Literal(table),
        )
    )


def unlike_published(connection: Connection[Any], plan_id: int, table: str) -> sql.Composed:
    """Return the query for the rows of a published table that are not as published.

    Its columns: `row_id`, `action`, `is_there`, and `is_ours`, which says that the row was last written by the
    publish's own transaction.
    """
    return sql.SQL(
        "SELECT image.row_id, image.action, present.id IS NOT NULL AS is_there,"
        " COALESCE(present.xmin::text::bigint = publication.transaction_id % 4294967296, false) AS is_ours"
        " FROM nexus_import.before_image AS image"
        " LEFT JOIN nexus_import.publication USING (plan_id)"
        " LEFT JOIN {live} AS present ON present.id = image.row_id"
        " WHERE image.plan_id = {plan_id} AND image.table_name = {table} AND CASE image.action"
        "  WHEN 'remove' THEN present.id IS NOT NULL"
        "  ELSE present.id IS NULL OR {digest} <> image.after_digest END"
    ).format(
        live=live(table),
        plan_id=sql.Literal(plan_id),
        table=sql.Literal(table),
        digest=digest_of_row(connection, table, "present"),
    )
