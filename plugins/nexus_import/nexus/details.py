"""Contact details: FileMaker keeps each phone, e-mail and address as a record, Nexus all of a person's as one JSON."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.core.mapping import EntityMapping
from nexus_import.nexus.sql import run_file

FILES = {
    "contacts": "phase_0_validate/010_gather_contacts.sql",
    "addresses": "phase_0_validate/020_gather_addresses.sql",
}
"""By the shape that the application reads."""


def gather_details(connection: Connection[Any], mapping: EntityMapping) -> None:
    """Fill the staged columns of an entity that are gathered from the staged records of another one."""
    for name, column in mapping.columns.items():
        if column.details and column.shape:
            run_file(
                connection,
                FILES[column.shape],
                owners=sql.Identifier("nexus_staging", mapping.entity),
                column=sql.Identifier(name),
                details=sql.Identifier("nexus_staging", column.details),
                default=sql.SQL("{}::jsonb").format(sql.Literal(column.empty or "{}")),
                kept=sql.SQL("array_append(owner.kept_columns, {})").format(sql.Literal(name))
                if column.keep_when_empty
                else sql.SQL("owner.kept_columns"),
            )
