"""Carries out, in the working copy, what `fates` decided: rows go, lose a link, come back, or are put aside."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import ROOT_TABLES, DataPolicy
from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.archive import archive_rows, bring_back_patients
from nexus_import.nexus.checks import Finding
from nexus_import.nexus.links import Action, Link, stored_links
from nexus_import.nexus.working_copy import before, work


def remove_rows(connection: Connection[Any], policy: DataPolicy) -> int:
    """Delete the rows that go, set the links to NULL that the policy clears; return the patients deleted."""
    deleted = {
        table: connection.execute(
            sql.SQL(
                "DELETE FROM {work} AS present USING nexus_work.fate AS fate"
                " WHERE fate.table_name = {table} AND fate.row_id = present.id AND fate.fate = 'removed'"
            ).format(work=work(table), table=sql.Literal(table))
        ).rowcount
        for table in policy.copied_tables
    }
    for link, action in stored_links(connection):
        if action is Action.CLEARS:
            _clear(connection, policy, link)
    return deleted["patients"]


def settle_rows(connection: Connection[Any], policy: DataPolicy, mapping: EntityMapping) -> int:
    """Put back the entity's rows that stay although FileMaker does not hold them; return how many. May run again.

    Called after the entity's records were inserted. Rows are put aside that are to be archived, and links of the
    imported rows to rows that go are cleared.
    """
    table = mapping.table or ""
    parts = {"entity": sql.Literal(mapping.entity), "table": sql.Literal(table)}
    connection.execute(
        sql.SQL(
            "INSERT INTO nexus_work.identity (entity, filemaker_id, nexus_id, matched_by)"
            " SELECT {entity}, filemaker_id, row_id, 'vanished' FROM nexus_work.fate"
            " WHERE table_name = {table} AND reason <> 'nexus_only' AND fate <> 'removed'"
            " ORDER BY row_id ON CONFLICT DO NOTHING"
        ).format(**parts)
    )
    connection.execute(
        sql.SQL(
            "UPDATE nexus_work.identity AS identity SET matched_by = 'vanished' FROM nexus_work.fate AS fate"
            " WHERE fate.table_name = {table} AND fate.reason = 'unusable'"
            " AND identity.entity = {entity} AND identity.nexus_id = fate.row_id"
        ).format(**parts)
    )
    settled = connection.execute(
        sql.SQL(
            "INSERT INTO {work} SELECT former.* FROM {before} AS former"
            " JOIN nexus_work.fate AS fate ON fate.table_name = {table} AND fate.row_id = former.id"
            " WHERE fate.reason <> 'nexus_only' AND fate.fate <> 'removed'"
            " AND NOT EXISTS (SELECT FROM {work} AS present WHERE present.id = former.id)"
        ).format(work=work(table), before=before(table), **parts)
    ).rowcount
    _forget_removals_undone(connection, table)
    archive_rows(connection, table)
    if table == "patients":
        bring_back_patients(connection)
    for link, action in stored_links(connection):
        if link.table == table and action is Action.CLEARS:
            _clear(connection, policy, link)
    return settled


def _forget_removals_undone(connection: Connection[Any], table: str) -> None:
    """Forget that a row was to go which a record of FileMaker has become after all, by its computed id."""
    connection.execute(
        sql.SQL(
            "DELETE FROM nexus_work.fate AS fate USING {work} AS present WHERE fate.table_name = {table}"
            " AND fate.fate = 'removed' AND present.id = fate.row_id"
        ).format(work=work(table), table=sql.Literal(table))
    )


def _clear(connection: Connection[Any], policy: DataPolicy, link: Link) -> None:
    """Set a link to NULL: of every row where all patients and appointments count as deleted, else where its row goes.

    Rows that FileMaker holds keep what they refer to while that stays.
    """
    if link.parent_table in ROOT_TABLES and policy.treatment(link.table) != "imported":
        condition = link.is_set("present")
    else:
        condition = sql.SQL(
            "EXISTS (SELECT FROM {parent} AS parent JOIN nexus_work.fate AS fate"
            " ON fate.table_name = {parent_name} AND fate.row_id = parent.id AND fate.fate = 'removed' WHERE {refers})"
        ).format(
            parent=before(link.parent_table),
            parent_name=sql.Literal(link.parent_table),
            refers=link.refers("present", "parent"),
        )
    connection.execute(
        sql.SQL(
            "WITH cleared AS (UPDATE {work} AS present SET {assignments} WHERE {condition} RETURNING present.id)"
            " INSERT INTO nexus_work.fate (table_name, row_id, fate, reason, detail)"
            " SELECT {table}, id, 'cleared', 'nexus_only', {detail} FROM cleared ON CONFLICT DO NOTHING"
        ).format(
            work=work(link.table),
            assignments=sql.SQL(", ").join(
                sql.SQL("{} = NULL").format(sql.Identifier(column)) for column in link.columns
            ),
            condition=condition,
            table=sql.Literal(link.table),
            detail=sql.Literal(f"{link.name} is set to NULL"),
        )
    )


def find_fates(connection: Connection[Any], entity: str, table: str, *, nexus_only: bool) -> list[Finding]:
    """Return what becomes of the table's rows that FileMaker does not hold, each as a finding."""
    rows = connection.execute(
        "SELECT filemaker_id, row_id, concat_ws(': ', fate, detail) FROM nexus_work.fate"
        " WHERE table_name = %s AND fate <> 'cleared' AND (reason = 'nexus_only') = %s ORDER BY filemaker_id, row_id",
        (table, nexus_only),
    )
    return [Finding(entity, None, filemaker_id, row_id, None, detail) for filemaker_id, row_id, detail in rows]


def count_fates(connection: Connection[Any]) -> dict[str, int]:
    """Return how many patients and appointments were decided upon, by fate."""
    rows = connection.execute(
        "SELECT fate, count(*) FROM nexus_work.fate WHERE table_name = ANY(%s) GROUP BY 1", (list(ROOT_TABLES),)
    )
    return dict(rows.fetchall())
