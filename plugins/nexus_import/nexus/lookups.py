"""The preserved tables as look-ups: by FileMaker id, name and code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql

from nexus_import.core.mapping import Lookup, LookupRow
from nexus_import.nexus.catalog import read_columns

ID_COLUMN = "filemaker_id"


@dataclass(frozen=True)
class LookupTable:
    """The columns of a preserved table that say which row is meant; `minutes` holds a duration."""

    name: str
    minutes: str | None = None
    code: str | None = None


LOOKUP_TABLES = {
    "clinics": LookupTable("name"),
    "clinicians": LookupTable("full_name"),
    "appointment_types": LookupTable("name", minutes="default_duration_minutes"),
    "funding_sources": LookupTable("name", code="code"),
    "specialties": LookupTable("name"),
}
"""Preserved tables that rows are looked up in."""


def read_lookups(connection: Connection[Any], aliases: Mapping[str, Mapping[str, str]]) -> dict[str, Lookup]:
    """Return every preserved table that there is by id, folded name and code.

    `aliases` is {table: {FileMaker's spelling: Nexus name}}.
    """
    lookups = {}
    for table, columns in LOOKUP_TABLES.items():
        present = {column.name for column in read_columns(connection, table)}
        if not present:  # only who maps referrers needs specialties
            continue
        parts = [
            sql.Identifier(name) if name in present else sql.SQL("NULL")
            for name in (columns.minutes, ID_COLUMN, columns.code)
        ]
        query = sql.SQL("SELECT id, {}, ({})::integer, ({})::text, ({})::text FROM public.{} ORDER BY id").format(
            sql.Identifier(columns.name), *parts, sql.Identifier(table)
        )
        rows = [LookupRow(*row) for row in connection.execute(query)]
        lookups[table] = Lookup.from_rows(rows, aliases.get(table))
    return lookups


def has_ids(connection: Connection[Any], table: str) -> bool:
    """Tell whether the table knows its rows' FileMaker ids."""
    return any(column.name == ID_COLUMN for column in read_columns(connection, table))
