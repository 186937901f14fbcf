"""The database's own foreign keys, held against the working copy.

Each key is added to the working copy and taken off again, against the copied tables or the copied keys of
preserved tables, so that no live table is locked. What breaks a key is found first, by query, with its ids.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.catalog import ForeignKey, read_foreign_keys
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.working_copy import SCHEMA, work

CHECK_ID = "phase_8/foreign_keys_hold"


def check_foreign_keys(connection: Connection[Any], tables: list[str], severity: str = "stop") -> CheckResult:
    """Return the rows of the working copy whose foreign key points at nothing."""
    keys = [key for key in read_foreign_keys(connection) if key.table in tables]
    findings = [finding for key in keys for finding in _broken(connection, key, tables)]
    if not findings:
        with connection.transaction(force_rollback=True):
            for key in keys:
                _add(connection, key, tables)
    return CheckResult(
        CHECK_ID,
        "Every foreign key of the database holds in the working copy",
        severity,
        "The row refers to one that the import would remove or that is gone from Nexus",
        findings,
    )


def _parent(key: ForeignKey, tables: list[str]) -> sql.Identifier:
    return work(key.parent_table) if key.parent_table in tables else sql.Identifier(SCHEMA, f"keys_{key.parent_table}")


def _broken(connection: Connection[Any], key: ForeignKey, tables: list[str]) -> list[Finding]:
    query = sql.SQL(
        "SELECT child.id FROM {child} AS child WHERE child.{column} IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE parent.{parent_column} = child.{column}) LIMIT 1000"
    ).format(
        child=work(key.table),
        column=sql.Identifier(key.column),
        parent=_parent(key, tables),
        parent_column=sql.Identifier(key.parent_column),
    )
    return [
        Finding(key.table, nexus_id=row_id, field=key.column, detail=f"no such row in {key.parent_table}")
        for (row_id,) in connection.execute(query)
    ]


def _add(connection: Connection[Any], key: ForeignKey, tables: list[str]) -> None:
    connection.execute(
        sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({})").format(
            work(key.table),
            sql.Identifier(key.column),
            _parent(key, tables),
            sql.Identifier(key.parent_column),
        )
    )
