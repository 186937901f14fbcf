"""Staging: FileMaker's records as typed rows in schema `nexus_staging`, ready for set-based checks and inserts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.mapping import EntityMapping, Lookup, LookupRow, RowMapper, ValueFinding
from nexus_import.errors import ConfigurationError, WorkingCopyError
from nexus_import.nexus.catalog import read_columns
from nexus_import.nexus.sql import names

SCHEMA = "nexus_staging"
_CREATE_LOCK = 0x6E657875_73746167
LOOKUP_NAMES = {
    "clinics": ("name", "NULL::integer"),
    "clinicians": ("full_name", "NULL::integer"),
    "appointment_types": ("name", "default_duration_minutes"),
    "funding_sources": ("name", "NULL::integer"),
}
"""Preserved tables that names are looked up in: the column with the name, and the duration in minutes."""
FIXED_COLUMNS = {
    "record_id": "text NOT NULL",
    "mod_id": "text",
    "filemaker_id": "text",
    "filemaker_id_text": "text",
    "nexus_id": "uuid",
}


def read_lookups(connection: Connection[Any], aliases: Mapping[str, Mapping[str, str]]) -> dict[str, Lookup]:
    """Return every preserved table by folded name; `aliases` is {table: {FileMaker's spelling: Nexus name}}."""
    lookups = {}
    for table, (name_column, minutes) in LOOKUP_NAMES.items():
        query = sql.SQL("SELECT id, {name}, {minutes} FROM public.{table} ORDER BY id").format(
            name=sql.Identifier(name_column),
            minutes=sql.SQL(minutes),
            table=sql.Identifier(table),
        )
        rows = [LookupRow(*row) for row in connection.execute(query)]
        lookups[table] = Lookup.from_rows(rows, aliases.get(table))
    return lookups


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


def mark_absent(connection: Connection[Any], entities: list[str]) -> None:
    """Note the entities whose layout FileMaker does not have: their staging tables are empty and mean nothing."""
    connection.execute("UPDATE nexus_staging.stamp SET absent = %s", (entities,))


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

    Raises `ConfigurationError` when the mapping names a column or a look-up that Nexus does not have.
    """
    _require_known_names(connection, mapping)
    table = sql.Identifier(SCHEMA, mapping.entity)
    columns = FIXED_COLUMNS | mapping.staged_columns()
    definition = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()
    )
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    connection.execute(sql.SQL("CREATE TABLE {} ({})").format(table, definition))


def _require_known_names(connection: Connection[Any], mapping: EntityMapping) -> None:
    if mapping.table is not None:
        known = [column.name for column in read_columns(connection, mapping.table)]
        if not known:
            raise ConfigurationError(f"{mapping.entity}.yaml: table: Nexus has no table {mapping.table}")
        for section, named in (("columns", mapping.columns), ("defaults", mapping.defaults)):
            for name in named:
                _require_known(
                    f"{mapping.entity}.yaml: {section}.{name}: {mapping.table} has no such column", name, known
                )
    for name, column in mapping.columns.items():
        if column.lookup:
            where = f"{mapping.entity}.yaml: columns.{name}.lookup: nothing is looked up in {column.lookup}"
            _require_known(where, column.lookup, list(LOOKUP_NAMES))


def _require_known(what: str, name: str, known: list[str]) -> None:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        raise ConfigurationError(f"{what} (nearest: {near[0]})" if near else what)


def stage_records(
    connection: Connection[Any],
    mapper: RowMapper,
    records: Iterable[tuple[str, str, Mapping[str, object]]],
) -> tuple[int, list[ValueFinding]]:
    """COPY the records into the staging table; return how many, and the values that could not be read.

    `records` gives (record id, modification id, fields). Memory does not grow with their number.
    """
    findings: list[ValueFinding] = []
    count = 0
    table = sql.Identifier(SCHEMA, mapper.mapping.entity)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(table, names(mapper.column_names()))
    with connection.cursor().copy(statement) as copy:
        for record_id, mod_id, fields in records:
            row, unreadable = mapper.row(record_id, mod_id, fields)
            copy.write_row(row)
            findings += unreadable
            count += 1
    return count, findings


def finish_staging_table(connection: Connection[Any], entity: str) -> None:
    """Index and analyse a filled staging table."""
    table = sql.Identifier(SCHEMA, entity)
    connection.execute(sql.SQL("CREATE INDEX ON {} (filemaker_id)").format(table))
    connection.execute(sql.SQL("ANALYZE {}").format(table))
