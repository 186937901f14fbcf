"""The schema guard: a table of Nexus that reaches patients and that nobody declared stops the run.

A new table must never be emptied or orphaned by surprise. Reaching means a foreign key, directly or through
other tables, or a generic link (a content type beside a bare id).
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from nexus_import.nexus.catalog import read_foreign_keys, read_tables, tables_reaching
from nexus_import.nexus.checks import CheckResult, Finding

DECLARED = "phase_0/tables_are_declared"
INDEXED = "phase_0/foreign_keys_are_indexed"
CONTENT_TYPES = "django_content_type"


def check_declared(connection: Connection[Any], declared: set[str], severity: str) -> CheckResult:
    """Return the tables that reach patients without a policy, and the declared ones that Nexus does not have."""
    keys = read_foreign_keys(connection)
    reaching = {
        table: f"{key.column} -> {key.parent_table}" for table, key in tables_reaching(keys, {"patients"}).items()
    }
    reaching |= {key.table: f"{key.column} (generic link)" for key in keys if key.parent_table == CONTENT_TYPES}
    undeclared = sorted(set(reaching) - declared)
    gone = sorted(declared - set(read_tables(connection)))
    findings = [
        Finding(table, field=reaching[table], detail=f"add the line '{table}: kept' under tables")
        for table in undeclared
    ]
    findings += [Finding(table, detail="Nexus has no such table: remove the line") for table in gone]
    return CheckResult(
        DECLARED,
        "Every table that reaches patients is declared",
        severity,
        "Decide what the import does with the table and declare it under tables in include/policy.yaml",
        findings,
        [f"table {finding.entity}: {finding.detail}" for finding in findings],
    )


def check_indexed(connection: Connection[Any], declared: set[str], severity: str) -> CheckResult:
    """Return the foreign-key columns of declared tables without an index: deletes through them turn quadratic."""
    rows = connection.execute(
        "SELECT child.relname, attname FROM pg_constraint AS fk"
        " JOIN pg_class AS child ON child.oid = fk.conrelid"
        " JOIN pg_attribute ON attrelid = child.oid AND attnum = fk.conkey[1]"
        " WHERE fk.contype = 'f' AND child.relnamespace = 'public'::regnamespace AND child.relname = ANY(%s)"
        " AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = child.oid AND indkey[0] = fk.conkey[1])"
        " ORDER BY 1, 2",
        (list(declared),),
    ).fetchall()
    return CheckResult(
        INDEXED,
        "Foreign-key columns have an index",
        severity,
        "Create the index in Nexus: without it, deleting rows of the table it refers to gets slow",
        [Finding(table, field=column, detail=f"CREATE INDEX ON {table} ({column})") for table, column in rows],
    )
