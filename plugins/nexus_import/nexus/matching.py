"""Matches an entity's records with rows of Nexus: known ones, equal ones that are adopted, and what they refer to.

Composed from the mapping for the SQL files of phases 2 and 5, which are the same for every entity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.rows import insert_parts, is_usable, known_rows
from nexus_import.nexus.sql import run_file
from nexus_import.nexus.working_copy import before, work

FORGET = "phase_5_notes/010_forget_earlier_try.sql"
MATCH = "phase_5_notes/020_match_records.sql"
INSERT = "phase_5_notes/030_insert_records.sql"
FIND_ADOPTIONS = "phase_2_delete/each_entity/010_find_adoptions.sql"
DELETE = "phase_2_delete/each_entity/020_delete_filemaker_born.sql"


def entity_parts(mapping: EntityMapping) -> dict[str, sql.Composable]:
    """Return what the SQL files need of any entity that fills a table."""
    table = mapping.table or ""
    return {
        "entity": sql.Literal(mapping.entity),
        "table": sql.Literal(table),
        "staging": sql.Identifier("nexus_staging", mapping.entity),
        "before": before(table),
        "work": work(table),
        "known": known_rows(mapping),
    }


def delete_filemaker_born(connection: Connection[Any], mapping: EntityMapping) -> int:
    """Delete the entity's rows that came from FileMaker from the working copy; return how many."""
    return run_file(connection, DELETE, **entity_parts(mapping))


def find_adoptions(connection: Connection[Any], mapping: EntityMapping, mappings: Mapping[str, EntityMapping]) -> int:
    """Find the rows that records of an entity with `adopt_by` may take over; return how many.

    Whatever the entity refers to must have been looked at before: a record may refer to a row that is adopted itself.
    """
    if not mapping.adopt_by:
        return 0
    columns = {column.name for column in read_columns(connection, mapping.table or "")}
    order = ["created_at", "id"] if "created_at" in columns else ["id"]
    joins = [
        sql.SQL("JOIN ({resolved}) AS {alias} ON {alias}.filemaker_id = staged.{column}").format(
            resolved=_known_in_phase_2(mappings[reference]),
            alias=sql.Identifier(f"{name}_reference"),
            column=sql.Identifier(f"{name}_filemaker_id"),
        )
        for name in mapping.adopt_by
        if (reference := mapping.columns[name].reference)
    ]
    return run_file(
        connection,
        FIND_ADOPTIONS,
        **entity_parts(mapping),
        references=sql.SQL("\n    ").join(joins),
        staged_key=_key([_staged_value(mapping, name) for name in mapping.adopt_by]),
        former_key=_key([sql.Identifier("former", name) for name in mapping.adopt_by]),
        former_order=sql.SQL(", ").join(sql.Identifier("former", name) for name in order),
    )


def import_records(
    connection: Connection[Any], mapping: EntityMapping, mappings: Mapping[str, EntityMapping], conflicts: str
) -> int:
    """Match and insert the records of an entity of phase 5; return the rows inserted. May run again."""
    parts = entity_parts(mapping)
    run_file(connection, FORGET, **parts)
    run_file(connection, MATCH, **parts)
    return run_file(
        connection,
        INSERT,
        **parts,
        **insert_parts(connection, mapping, conflicts),
        references=_references(connection, mapping, mappings),
        is_usable=is_usable(connection, mapping),
    )


def _references(
    connection: Connection[Any], mapping: EntityMapping, mappings: Mapping[str, EntityMapping]
) -> sql.Composable:
    """Return the joins that give `<column>_reference.nexus_id`: the row that the other record became.

    A row that may stand without it stands without it where there is none.
    """
    nullable = {column.name for column in read_columns(connection, mapping.table or "") if column.is_nullable}
    joins = [
        sql.SQL(
            "{join} (SELECT identity.filemaker_id, identity.nexus_id FROM nexus_work.identity AS identity"
            " JOIN {work} AS present ON present.id = identity.nexus_id WHERE identity.entity = {reference})"
            " AS {alias} ON {alias}.filemaker_id = staged.{column}"
        ).format(
            join=sql.SQL("LEFT JOIN" if name in nullable else "JOIN"),
            work=work(mappings[column.reference].table or ""),
            reference=sql.Literal(column.reference),
            alias=sql.Identifier(f"{name}_reference"),
            column=sql.Identifier(f"{name}_filemaker_id"),
        )
        for name, column in mapping.columns.items()
        if column.reference
    ]
    return sql.SQL("\n").join(joins)


def _known_in_phase_2(mapping: EntityMapping) -> sql.Composed:
    """Return the query for (filemaker_id, nexus_id) of the rows that records of FileMaker are known to become."""
    return sql.SQL(
        "SELECT DISTINCT ON (known.filemaker_id) known.filemaker_id, known.nexus_id FROM ("
        "SELECT filemaker_id, nexus_id FROM ({known}) AS born"
        " UNION ALL SELECT filemaker_id, nexus_id FROM nexus_work.adoption_candidate"
        "  WHERE entity = {entity} AND staged_count = 1 AND live_count = 1) AS known"
        " JOIN {staging} AS staged ON staged.filemaker_id = known.filemaker_id"
        " ORDER BY known.filemaker_id, known.nexus_id"
    ).format(**entity_parts(mapping))


def _staged_value(mapping: EntityMapping, name: str) -> sql.Composable:
    column = mapping.columns[name]
    return sql.Identifier(f"{name}_reference", "nexus_id") if column.reference else sql.Identifier("staged", name)


def _key(values: list[sql.Composable]) -> sql.Composed:
    """Return a digest by which equal rows are told: line ends and white space around a text do not matter."""
    texts = [
        sql.SQL("btrim(regexp_replace(COALESCE({}::text, ''), E'\\r\\n?', E'\\n', 'g'), E' \\t\\n')").format(value)
        for value in values
    ]
    return sql.SQL("md5(jsonb_build_array({})::text)").format(sql.SQL(", ").join(texts))
