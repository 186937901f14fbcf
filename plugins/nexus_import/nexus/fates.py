"""Decides, in phase 2, what becomes of the rows that FileMaker does not hold.

`nexus_work.fate` gets one row for each: removed, archived or kept, why FileMaker does not hold it, and what keeps it.
First come those that would go by the policy's word, then those that hang on them, then everything that stays is asked
what it refers to: whatever a row that stays refers to stays too, however long the chain.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.core.data_policy import ROOT_TABLES, DataPolicy, Fate
from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.archive import is_open
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.links import Action, Link, action_of, read_links, store_links
from nexus_import.nexus.references import keep_what_is_referred_to
from nexus_import.nexus.rows import edited_text, filled_columns, is_usable, known_rows
from nexus_import.nexus.sql import run_file
from nexus_import.nexus.working_copy import before

FATES: dict[Fate, str] = {"keep": "kept", "stop": "kept", "archive": "archived", "delete": "removed"}
_NOTHING_TO_ARCHIVE = "there is nothing left to archive"


def decide_fates(connection: Connection[Any], policy: DataPolicy, mappings: list[EntityMapping]) -> None:
    """Fill `nexus_work.fate`, and keep the links of Nexus that the decision was made with, for the publish.

    Needs `former_patient` and `adoption_candidate` of this working copy, and the run's staging.
    """
    links = read_links(connection, policy)
    store_links(connection, links, policy)
    connection.execute("ANALYZE nexus_work.adoption_candidate")
    for table in ("fate", "reference"):
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("nexus_work", table)))
    for mapping in mappings:
        _find_lost(connection, policy, mapping)
        if policy.is_kept(mapping.table or ""):
            _keep_what_has_something_of_its_own(connection, mapping)
        if mapping.table in ROOT_TABLES or not policy.is_kept(mapping.table or ""):
            _find_nexus_only(connection, policy, mapping)
    for table, treatment in policy.tables.items():
        if treatment == "cascades" and not policy.is_kept(table):
            _find_what_hangs_on_patients(connection, policy, table, links)
    _find_what_hangs_on_these(connection, policy, links)
    connection.execute("ANALYZE nexus_work.fate")
    run_file(
        connection,
        "phase_2_delete/decide/010_find_placed_files.sql",
        metadata_patient=patient_in_metadata_of_batch(connection),
    )
    keep_what_is_referred_to(connection, policy, links, mappings)


def patient_in_metadata_of_batch(connection: Connection[Any]) -> sql.SQL:
    """Return the expression for the FileMaker id of a batch's patient, NULL where Nexus has no such column."""
    has_metadata = any(column.name == "metadata" for column in read_columns(connection, "images_batch"))
    return sql.SQL("batch.metadata ->> 'filemaker_patient_id'" if has_metadata else "NULL::text")


def _find_lost(connection: Connection[Any], policy: DataPolicy, mapping: EntityMapping) -> None:
    """Find the rows that came from FileMaker and that no record of it will become again."""
    table = mapping.table or ""
    fate = policy.fate_of_vanished(table)
    connection.execute(
        sql.SQL(
            "INSERT INTO nexus_work.fate (table_name, row_id, filemaker_id, fate, reason, detail)"
            " SELECT {table}, known.nexus_id, known.filemaker_id,"
            "  CASE WHEN record.filemaker_id IS NOT NULL THEN 'kept' ELSE {fate} END,"
            "  CASE WHEN record.filemaker_id IS NULL THEN 'vanished' WHEN record.is_usable THEN 'duplicate'"
            "   ELSE 'unusable' END,"
            "  CASE WHEN record.filemaker_id IS NULL THEN {detail} WHEN record.is_usable"
            "   THEN 'another row has the same FileMaker id' WHEN record.is_skipped"
            "   THEN 'a rule of the mapping skips its FileMaker record'"
            "   ELSE 'its FileMaker record cannot be imported' END"
            " FROM (SELECT nexus_id, filemaker_id,"
            "  row_number() OVER (PARTITION BY filemaker_id ORDER BY nexus_id) AS nth FROM ({known}) AS born) AS known"
            " JOIN {before} AS former ON former.id = known.nexus_id"
            " LEFT JOIN (SELECT filemaker_id, bool_or(is_usable) AS is_usable, bool_and(is_skipped) AS is_skipped"
            "  FROM (SELECT staged.filemaker_id, {usable} AS is_usable, false AS is_skipped FROM {staging} AS staged"
            "   UNION ALL SELECT filemaker_id, false, true FROM nexus_staging.skipped WHERE entity = {entity}) AS held"
            "  WHERE filemaker_id IS NOT NULL GROUP BY 1) AS record"
            "  ON record.filemaker_id = known.filemaker_id"
            " WHERE record.filemaker_id IS NULL OR NOT record.is_usable OR known.nth > 1"
        ).format(
            table=sql.Literal(table),
            known=known_rows(mapping),
            before=before(table),
            usable=is_usable(connection, mapping),
            staging=sql.Identifier("nexus_staging", mapping.entity),
            entity=sql.Literal(mapping.entity),
            **_fate_parts(table, fate, "vanished"),
        )
    )


def _find_nexus_only(connection: Connection[Any], policy: DataPolicy, mapping: EntityMapping) -> None:
    """Find the rows that never came from FileMaker and that no record of it takes over."""
    table = mapping.table or ""
    fate = policy.fate_of_nexus_only(table)
    connection.execute(
        sql.SQL(
            "INSERT INTO nexus_work.fate (table_name, row_id, fate, reason, detail)"
            " SELECT {table}, former.id, {fate}, 'nexus_only', {detail} FROM {before} AS former"
            " WHERE NOT EXISTS (SELECT FROM ({known}) AS known WHERE known.nexus_id = former.id)"
            " AND NOT EXISTS (SELECT FROM nexus_work.adoption_candidate AS adopted"
            "  WHERE adopted.entity = {entity} AND adopted.nexus_id = former.id"
            "  AND adopted.staged_count = 1 AND adopted.live_count = 1)"
        ).format(
            table=sql.Literal(table),
            before=before(table),
            known=known_rows(mapping),
            entity=sql.Literal(mapping.entity),
            **_fate_parts(table, fate, "nexus_only_rows"),
        )
    )


def _fate_parts(table: str, fate: Fate, section: str) -> dict[str, sql.Composable]:
    """Return the expressions for the fate and what is said about it; `former` is the row."""
    if fate == "archive":
        return {
            "fate": sql.SQL("CASE WHEN {} THEN 'archived' ELSE 'kept' END").format(is_open(table)),
            "detail": sql.SQL("CASE WHEN NOT ({}) THEN {} END").format(
                is_open(table), sql.Literal(_NOTHING_TO_ARCHIVE)
            ),
        }
    says = None if fate == "delete" else f"the policy says {section}: {table}: {fate}"
    return {"fate": sql.Literal(FATES[fate]), "detail": sql.Literal(says)}


def _keep_what_has_something_of_its_own(connection: Connection[Any], mapping: EntityMapping) -> None:
    """Keep vanished rows with text that was edited in Nexus, or with values in columns that no field fills."""
    table = mapping.table or ""
    filled = filled_columns(connection, mapping)
    connection.execute(
        sql.SQL(
            "UPDATE nexus_work.fate AS fate SET fate = 'kept', detail = own.detail"
            " FROM {before} AS former LEFT JOIN nexus_import.published_row AS published"
            "  ON published.table_name = {table} AND published.row_id = former.id"
            " CROSS JOIN LATERAL (SELECT concat_ws('; ',"
            "  {edited} || ' was edited in Nexus', {filled} || ' holds what only Nexus knows') AS detail) AS own"
            " WHERE fate.table_name = {table} AND fate.row_id = former.id"
            " AND fate.fate = 'removed' AND fate.reason = 'vanished' AND own.detail <> ''"
        ).format(before=before(table), table=sql.Literal(table), edited=edited_text(mapping), filled=filled)
    )


def _find_what_hangs_on_patients(
    connection: Connection[Any], policy: DataPolicy, table: str, links: list[Link]
) -> None:
    """Find the rows of a cascading table that refer to any patient or appointment: the requirement deletes them all."""
    hanging = [
        link.is_set("child")
        for link in links
        if link.table == table and link.parent_table in ROOT_TABLES and action_of(link, policy) is Action.CASCADES
    ]
    if hanging:
        connection.execute(
            sql.SQL(
                "INSERT INTO nexus_work.fate (table_name, row_id, fate, reason)"
                " SELECT {table}, child.id, 'removed', 'nexus_only' FROM {before} AS child WHERE {hanging}"
            ).format(
                table=sql.Literal(table),
                before=before(table),
                hanging=sql.SQL(" OR ").join(sql.SQL("({})").format(condition) for condition in hanging),
            )
        )


def _find_what_hangs_on_these(connection: Connection[Any], policy: DataPolicy, links: list[Link]) -> None:
    """Add the rows of cascading tables that refer to a row that goes, and so on until none is left."""
    cascading = [
        link
        for link in links
        if policy.treatment(link.table) == "cascades"
        and link.parent_table in policy.copied_tables
        and action_of(link, policy) is Action.CASCADES
    ]
    found = 1
    while found:
        found = sum(
            connection.execute(
                sql.SQL(
                    "INSERT INTO nexus_work.fate (table_name, row_id, fate, reason)"
                    " SELECT DISTINCT {child_name}, child.id, 'removed', 'nexus_only' FROM nexus_work.fate AS going"
                    " JOIN {parent} AS parent ON parent.id = going.row_id JOIN {child} AS child ON {refers}"
                    " WHERE going.table_name = {parent_name} AND going.fate = 'removed' ON CONFLICT DO NOTHING"
                ).format(
                    child_name=sql.Literal(link.table),
                    parent_name=sql.Literal(link.parent_table),
                    parent=before(link.parent_table),
                    child=before(link.table),
                    refers=link.refers("child", "parent"),
                )
            ).rowcount
            for link in cascading
        )
