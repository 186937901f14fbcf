"""Staging: FileMaker's records as typed rows in schema `nexus_staging`, ready for set-based checks and inserts.

Records that a rule of the mapping skips are not among them, so that no check or insert can forget the rule: they stand
in `nexus_staging.skipped` by their ids. The column `scope` names the rule of those that are imported out of scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection, sql

from nexus_import.core import entities
from nexus_import.core.mapping import EntityMapping, RowMapper, ValueFinding
from nexus_import.core.mapping.row_mapper import READABLE
from nexus_import.core.scope import find_scope
from nexus_import.core.yaml_files import require_none
from nexus_import.errors import WorkingCopyError
from nexus_import.nexus.lookups import read_lookups
from nexus_import.nexus.mapping_guard import find_mapping_mistakes
from nexus_import.nexus.sql import names

__all__ = [
    "create_staging_table",
    "create_unmapped_tables",
    "drop_repeated_findings",
    "drop_staging_tables",
    "finish_staging_table",
    "lock_staging",
    "read_lookups",
    "require_staging",
    "stage_records",
]

SCHEMA = "nexus_staging"
_CREATE_LOCK = 0x6E657875_73746167
REPEATED = "named_before"
"""The reason why a record is skipped whose name another one has."""
FINDINGS = "value_finding"
FIXED_COLUMNS = {
    "record_id": "text NOT NULL",
    "mod_id": "text",
    "filemaker_id": "text",
    "filemaker_id_text": "text",
    "nexus_id": "uuid",
    "kept_columns": "text[] NOT NULL",
}
"""Columns of every staged record; in `kept_columns` stand those for which it has no value that could be used."""
_CREATE_FINDINGS = sql.SQL(
    "CREATE TABLE IF NOT EXISTS {} (check_id text NOT NULL, entity text NOT NULL, record_id text NOT NULL,"
    " filemaker_id text, field text NOT NULL, detail text NOT NULL)"
).format(sql.Identifier(SCHEMA, FINDINGS))


def lock_staging(connection: Connection[Any], run_id: str) -> None:
    """Take the staging area for this run for the length of the transaction."""
    # two first runs at the same time: IF NOT EXISTS alone does not keep them apart
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATE_LOCK,))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS nexus_staging.stamp (run_id text NOT NULL, staged_at timestamptz NOT NULL)"
    )
    # a stamp that an older version left does not have the column
    connection.execute("ALTER TABLE nexus_staging.stamp ADD COLUMN IF NOT EXISTS absent text[] NOT NULL DEFAULT '{}'")
    connection.execute("LOCK TABLE nexus_staging.stamp IN EXCLUSIVE MODE")
    connection.execute("DELETE FROM nexus_staging.stamp")
    connection.execute("INSERT INTO nexus_staging.stamp (run_id, staged_at) VALUES (%s, clock_timestamp())", (run_id,))
    connection.execute(_CREATE_FINDINGS)
    connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(SCHEMA, FINDINGS)))


def mark_absent(connection: Connection[Any], absent: list[str]) -> None:
    """Note the entities whose layout FileMaker does not have: their staging tables are empty and mean nothing."""
    connection.execute("UPDATE nexus_staging.stamp SET absent = %s", (absent,))


def absent_entities(connection: Connection[Any]) -> set[str]:
    """Return the entities whose layout FileMaker does not have."""
    row = connection.execute("SELECT absent FROM nexus_staging.stamp").fetchone()
    return set(row[0]) if row else set()


def drop_staging_tables(connection: Connection[Any]) -> None:
    """Drop every staged entity; the stamp stays."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'nexus_staging'::regnamespace AND relkind = 'r'"
        " AND relname <> 'stamp'"
    ).fetchall()
    for (name,) in rows:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(SCHEMA, name)))


def require_staging(connection: Connection[Any], run_id: str) -> None:
    """Raise `WorkingCopyError` unless the staged records are this run's."""
    row = connection.execute("SELECT to_regclass('nexus_staging.stamp') IS NOT NULL").fetchone()
    stamp = connection.execute("SELECT run_id FROM nexus_staging.stamp").fetchone() if row and row[0] else None
    if stamp is None or stamp[0] != run_id:
        owner = f"run {stamp[0]}" if stamp else "no run"
        raise WorkingCopyError(
            f"The staged FileMaker records belong to {owner}, not to run {run_id}. "
            "Clear phase_0_validate.verify_filemaker of this run, with downstream, to read FileMaker again."
        )


def create_staging_table(connection: Connection[Any], mapping: EntityMapping) -> None:
    """Make the entity's empty staging table from its mapping.

    Raises `ConfigurationError` when the mapping does not fit the tables of Nexus.
    """
    require_none(find_mapping_mistakes(connection, [mapping]))
    _create(connection, mapping.entity, mapping.staged_columns())


def create_unmapped_tables(connection: Connection[Any], mapped: Iterable[str]) -> None:
    """Make the staging tables, without a record, of entities that statements read and this clinic does not map."""
    for entity in entities.READ_COLUMNS.keys() - set(mapped):
        _create(connection, entity, {})


def _create(connection: Connection[Any], entity: str, staged: dict[str, str]) -> None:
    table = sql.Identifier(SCHEMA, entity)
    columns = FIXED_COLUMNS | staged | entities.READ_COLUMNS.get(entity, {}) | staged | {"scope": "text"}
    definition = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()
    )
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(table, definition))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS nexus_staging.skipped (entity text NOT NULL, record_id text NOT NULL,"
        " filemaker_id text, scope text NOT NULL, PRIMARY KEY (entity, record_id))"
    )
    connection.execute("DELETE FROM nexus_staging.skipped WHERE entity = %s", (entity,))


def stage_records(
    connection: Connection[Any],
    mapper: RowMapper,
    records: Iterable[tuple[str, str, Mapping[str, object]]],
) -> tuple[int, list[ValueFinding]]:
    """COPY the records into the staging table; return how many, and the values that could not be read.

    `records` gives (record id, modification id, fields). Memory does not grow with their number. Those that a rule
    skips are counted too; nobody needs to correct their values. What other checks report about values is kept beside
    the records, in `value_finding`.
    """
    unreadable: list[ValueFinding] = []
    others: list[ValueFinding] = []
    count = 0
    rules = mapper.mapping.out_of_scope
    table = sql.Identifier(SCHEMA, mapper.mapping.entity)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(table, names([*mapper.column_names(), "scope"]))
    with connection.cursor().copy(statement) as copy:
        for record_id, mod_id, fields in records:
            scope = find_scope(rules, fields)
            row, found = mapper.row(record_id, mod_id, fields)
            copy.write_row((*row, scope))
            if scope is None or rules[scope].then == "import":
                for finding in found:
                    (unreadable if finding.check_id == READABLE else others).append(finding)
            count += 1
    _store_findings(connection, mapper.mapping.entity, others)
    _set_skipped_aside(connection, mapper.mapping)
    if mapper.mapping.key_is == "name":
        _set_repeated_aside(connection, mapper.mapping.entity)
    return count, unreadable


def _store_findings(connection: Connection[Any], entity: str, findings: list[ValueFinding]) -> None:
    table = sql.Identifier(SCHEMA, FINDINGS)
    connection.execute(_CREATE_FINDINGS)
    connection.execute(sql.SQL("DELETE FROM {} WHERE entity = %s").format(table), (entity,))
    statement = sql.SQL("COPY {} (check_id, entity, record_id, filemaker_id, field, detail) FROM STDIN").format(table)
    with connection.cursor().copy(statement) as copy:
        for item in findings:
            copy.write_row((item.check_id, entity, item.record_id, item.filemaker_id, item.field, item.rule))


def drop_repeated_findings(connection: Connection[Any], mapping: EntityMapping) -> None:
    """Leave out what is found in the records of another entity by that entity, too: a person mends a field once."""
    connection.execute(
        sql.SQL(
            "DELETE FROM {findings} AS again USING {findings} AS known WHERE again.entity = {entity}"
            " AND known.entity = {source} AND (again.check_id, again.record_id, again.field, again.detail)"
            " = (known.check_id, known.record_id, known.field, known.detail)"
        ).format(
            findings=sql.Identifier(SCHEMA, FINDINGS),
            entity=sql.Literal(mapping.entity),
            source=sql.Literal(mapping.records_of),
        )
    )


def _set_skipped_aside(connection: Connection[Any], mapping: EntityMapping) -> None:
    skipping = [name for name, rule in mapping.out_of_scope.items() if rule.then == "skip"]
    connection.execute(
        sql.SQL(
            "WITH aside AS (DELETE FROM {} WHERE scope = ANY(%s) RETURNING record_id, filemaker_id, scope)"
            " INSERT INTO nexus_staging.skipped (entity, record_id, filemaker_id, scope)"
            " SELECT %s, record_id, filemaker_id, scope FROM aside"
        ).format(sql.Identifier(SCHEMA, mapping.entity)),
        (skipping, mapping.entity),
    )


def _set_repeated_aside(connection: Connection[Any], entity: str) -> None:
    """Leave one record of each name: what is known by its name alone is written wherever it is meant."""
    table = sql.Identifier(SCHEMA, entity)
    connection.execute(
        sql.SQL(
            "WITH first AS (SELECT filemaker_id, min(record_id) AS record_id FROM {table} GROUP BY filemaker_id),"
            " aside AS (DELETE FROM {table} AS staged USING first WHERE staged.filemaker_id = first.filemaker_id"
            "  AND staged.record_id <> first.record_id RETURNING staged.record_id, staged.filemaker_id)"
            " INSERT INTO nexus_staging.skipped (entity, record_id, filemaker_id, scope)"
            " SELECT {entity}, record_id, filemaker_id, {scope} FROM aside"
        ).format(table=table, entity=sql.Literal(entity), scope=sql.Literal(REPEATED))
    )


def count_out_of_scope(connection: Connection[Any], mapping: EntityMapping) -> dict[str, int]:
    """Return how many of the entity's records each of its rules found, also those that found none."""
    rows = connection.execute(
        sql.SQL(
            "SELECT scope, count(*) FROM (SELECT scope FROM {} WHERE scope IS NOT NULL UNION ALL"
            " SELECT scope FROM nexus_staging.skipped WHERE entity = %s) AS outside GROUP BY 1"
        ).format(sql.Identifier(SCHEMA, mapping.entity)),
        (mapping.entity,),
    )
    return dict.fromkeys(mapping.out_of_scope, 0) | dict(rows.fetchall())


def finish_staging_table(connection: Connection[Any], entity: str) -> None:
    """Index and analyse a filled staging table."""
    table = sql.Identifier(SCHEMA, entity)
    connection.execute(sql.SQL("CREATE INDEX ON {} (filemaker_id)").format(table))
    connection.execute(sql.SQL("ANALYZE {}").format(table))
