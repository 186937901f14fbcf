"""The database's own foreign keys, held against the working copy.

Each key is added to the working copy and taken off again, against the copied tables or the copied keys of
preserved tables, so that no live table is locked. What breaks a key is found first, by query, with its ids.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

from nexus_import.nexus.catalog import ForeignKey, read_foreign_keys
from nexus_import.nexus.checks import CheckResult, Finding
from nexus_import.nexus.sql import names
from nexus_import.nexus.working_copy import before, copied_keys, live, work

CHECK_ID = "phase_8/foreign_keys_hold"


def check_foreign_keys(connection: Connection[Any], tables: list[str], severity: str = "stop") -> CheckResult:
    """Return the rows whose foreign key points at nothing, in the working copy or because of it.

    A table that is not copied counts where it refers to one that is: its rows stay as they are. What live Nexus got
    since the copy does not count.
    """
    keys = [key for key in read_foreign_keys(connection) if {key.table, key.parent_table} & set(tables)]
    findings = [finding for key in keys for finding in _broken(connection, key, tables)]
    if not findings:
        with connection.transaction(force_rollback=True):
            for key in keys:
                if key.table in tables:
                    _add(connection, key, tables)
    return CheckResult(
        CHECK_ID,
        "Every foreign key of the database holds in the working copy",
        severity,
        "The row refers to one that the import would remove or that is gone from Nexus",
        findings,
    )


def _parent(key: ForeignKey, tables: list[str]) -> sql.Identifier:
    return work(key.parent_table) if key.parent_table in tables else copied_keys(key.parent_table)


def _broken(connection: Connection[Any], key: ForeignKey, tables: list[str]) -> list[Finding]:
    is_copied = key.table in tables
    pairs = list(zip(key.columns, key.parent_columns, strict=True))
    refers = sql.SQL(" AND ").join(
        sql.SQL("parent.{} = child.{}").format(sql.Identifier(other), sql.Identifier(own)) for own, other in pairs
    )
    was_there: sql.Composable = sql.SQL("TRUE")
    if not is_copied:
        was_there = sql.SQL("EXISTS (SELECT FROM {} AS parent WHERE {})").format(before(key.parent_table), refers)
    query = sql.SQL(
        "SELECT {row_id} FROM {child} AS child WHERE {is_set} AND {was_there}"
        " AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {refers}) LIMIT 1000"
    ).format(
        row_id=sql.SQL("child.id" if is_copied else "NULL::uuid"),
        child=work(key.table) if is_copied else live(key.table),
        is_set=sql.SQL(" AND ").join(sql.SQL("child.{} IS NOT NULL").format(sql.Identifier(own)) for own, _ in pairs),
        parent=_parent(key, tables),
        was_there=was_there,
        refers=refers,
    )
    return [
        Finding(key.table, nexus_id=row_id, field=", ".join(key.columns), detail=f"no such row in {key.parent_table}")
        for (row_id,) in connection.execute(query)
    ]


def _add(connection: Connection[Any], key: ForeignKey, tables: list[str]) -> None:
    """Add the key, and first what it needs: its columns must be unique in the parent."""
    parent = _parent(key, tables)
    if key.parent_columns != ("id",):
        connection.execute(sql.SQL("CREATE UNIQUE INDEX ON {} ({})").format(parent, names(key.parent_columns)))
    connection.execute(
        sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({})").format(
            work(key.table), names(key.columns), parent, names(key.parent_columns)
        )
    )
