"""Whatever a row that stays refers to stays too: the graph of references to the rows that would go, and its end.

`nexus_work.reference` holds an edge for each reference to a row that would go, whoever makes it. A row that would go
itself keeps nothing, unless something that stays reaches it.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import DataPolicy
from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.links import Action, Link, action_of
from nexus_import.nexus.rows import known_rows
from nexus_import.nexus.working_copy import before, live


def keep_what_is_referred_to(
    connection: Connection[Any], policy: DataPolicy, links: list[Link], mappings: list[EntityMapping]
) -> None:
    """Keep every row that one which stays refers to, directly or through others that stay because of it."""
    going = {
        table
        for (table,) in connection.execute("SELECT DISTINCT table_name FROM nexus_work.fate WHERE fate = 'removed'")
    }
    by_table = {mapping.table: mapping for mapping in mappings}
    for link in links:
        if link.parent_table in going and action_of(link, policy) in (Action.HOLDS, Action.CASCADES):
            _find_references(connection, policy, link, by_table.get(link.table))
    connection.execute("CREATE INDEX IF NOT EXISTS reference_child ON nexus_work.reference (child_table, child_id)")
    connection.execute("ANALYZE nexus_work.reference")
    connection.execute(
        "WITH RECURSIVE kept AS ("
        " SELECT reference.table_name, reference.row_id FROM nexus_work.reference"
        "  WHERE NOT EXISTS (SELECT FROM nexus_work.fate AS going WHERE going.table_name = reference.child_table"
        "   AND going.row_id = reference.child_id AND going.fate = 'removed')"
        " UNION SELECT reference.table_name, reference.row_id FROM kept"
        "  JOIN nexus_work.reference ON reference.child_table = kept.table_name AND reference.child_id = kept.row_id)"
        " UPDATE nexus_work.fate AS fate SET fate = 'kept' FROM kept"
        " WHERE (fate.table_name, fate.row_id) = (kept.table_name, kept.row_id)"
    )
    connection.execute(
        "UPDATE nexus_work.fate AS fate SET detail = concat('referred to by ', held.through)"
        " FROM (SELECT reference.table_name, reference.row_id,"
        "  string_agg(DISTINCT reference.through, ', ' ORDER BY reference.through) AS through"
        "  FROM nexus_work.reference WHERE NOT EXISTS (SELECT FROM nexus_work.fate AS going"
        "   WHERE going.table_name = reference.child_table AND going.row_id = reference.child_id"
        "   AND going.fate = 'removed') GROUP BY 1, 2) AS held"
        " WHERE (fate.table_name, fate.row_id) = (held.table_name, held.row_id) AND fate.fate = 'kept'"
    )


def _find_references(
    connection: Connection[Any], policy: DataPolicy, link: Link, mapping: EntityMapping | None
) -> None:
    """Add the rows that refer by this link to one that would go.

    A row that FileMaker still holds gets its mapped links from FileMaker: what they were says nothing. The same is
    true of a file that FileMaker's own record gives to a patient.
    """
    is_copied = link.table in policy.copied_tables
    conditions: list[sql.Composable] = [sql.SQL("TRUE")]
    if mapping and link.columns[0] in mapping.columns:
        conditions.append(
            sql.SQL(
                "(NOT EXISTS (SELECT FROM ({known}) AS known WHERE known.nexus_id = child.id) OR EXISTS (SELECT FROM"
                " nexus_work.fate AS lost WHERE lost.table_name = {table} AND lost.row_id = child.id))"
            ).format(known=known_rows(mapping), table=sql.Literal(link.table))
        )
    if policy.treatment(link.table) == "relinked":
        conditions.append(
            sql.SQL(
                "NOT EXISTS (SELECT FROM nexus_work.placed_file AS placed"
                " WHERE placed.table_name = {} AND placed.row_id = child.id)"
            ).format(sql.Literal(link.table))
        )
    connection.execute(
        sql.SQL(
            "INSERT INTO nexus_work.reference (table_name, row_id, child_table, child_id, through)"
            " SELECT DISTINCT {parent_name}, parent.id, {child_name}, {child_id}, {through}"
            " FROM nexus_work.fate AS going"
            " JOIN {parent} AS parent ON parent.id = going.row_id JOIN {child} AS child ON {refers}"
            " WHERE going.table_name = {parent_name} AND going.fate = 'removed' AND {conditions}"
        ).format(
            parent_name=sql.Literal(link.parent_table),
            child_name=sql.Literal(link.table),
            child_id=sql.SQL("child.id" if is_copied else "NULL::uuid"),
            through=sql.Literal(link.name),
            parent=before(link.parent_table),
            child=before(link.table) if is_copied else live(link.table),
            refers=link.refers("child", "parent"),
            conditions=sql.SQL(" AND ").join(conditions),
        )
    )
